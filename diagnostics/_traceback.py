"""Python tracebacks as data, read line by line."""

import re
from typing import Final, final

import re2

from diagnostics._consumed import Consumed
from diagnostics._room import Room
from diagnostics.stacks import Frame, RaisedException

HEAD: Final = "Traceback (most recent call last):"

_FRAME: Final = re2.compile(r'^\s+File "(.+?)", line (\d+)(?:, in (.+))?$')
_RAISED: Final = re2.compile(r"^([A-Za-z_][\w.<>]*(?:\([\w.]+\))?)(?:: ?(.*))?$")
_ERROR_NAME: Final = re2.compile(
    r"(?:Error|Exception|Warning|Interrupt|Exit|Group|Timeout|Iteration|Cancelled|Empty|Full)"
    r"(?:\([\w.]+\))?$"
)
_MARGIN: Final = re.compile(r"^\s*\| ?")
_BORDER: Final = re2.compile(r"^\s*\+[-+]*(?: (?:\d+|\.\.\.) )?-{10,}\s*$")
_PATH: Final = re.compile(r"""['"]([^'"\s]*[/\\.][^'"\s]+)['"]""")
_RELATIONS: Final = {
    "The above exception was the direct cause of the following exception:": "cause",
    "During handling of the above exception, another exception occurred:": "context",
}

_MAX_FOREIGN: Final = 40  # lines of other threads amid a traceback before it is given up
_MAX_EXTRA: Final = 20  # lines of a message or notes behind the exception's line
_MAX_BLANKS: Final = 2  # a chain's link stands between two blank lines
_SOURCE_TEXT: Final = 500  # how much of a line of source text is looked at
_MAX_FRAMES: Final = 60  # of which half are the outermost; the interpreter prints up to 1000
_MAX_EXCEPTIONS: Final = 20
_ROOM: Final = 64 * 1024  # bytes; some 300 calls of real code
_FEW_FRAMES: Final = 20  # as many are kept of one exception when there is no room left


class _Section:
    """One exception of the traceback while its lines come in."""

    def __init__(self, *, member: bool = False) -> None:
        self.member = member
        self.relation: str | None = "group-member" if member else None
        self.frames: list[Frame] = []
        self.name: str | None = None
        self.message: list[str] = []
        self.extra: list[str] = []

    def shrink(self) -> None:
        """Leave nothing but the exception's name and the first line of its text."""
        self.frames.clear()
        del self.message[1:], self.extra[:]

    def result(self, *, at_end: bool) -> RaisedException:
        return RaisedException(
            exception=self.name,
            exception_message="\n".join(self.message) or None,
            frames=tuple(self.frames),
            notes=tuple(self.extra) if at_end else (),
            relation=self.relation,
        )


@final
class TracebackParser:
    """
    Read one traceback with its chain, its groups and its notes.

    Lines of other threads may stand in between. Made when the head line has been seen.

    Args:
        group: Whether the head is that of an exception group.
    """

    def __init__(self, *, group: bool = False) -> None:
        self._sections = [_Section()]
        self._group = group
        self._heads = [0]  # where in the sections each link of the chain begins
        self._foreign = 0
        self._blanks = 0
        self._link: str | None = None
        self._room = Room(_ROOM)
        self._closed_border = False
        self.source_path: str | None = None
        """The last path that stands between quotes in the source text of the calls."""
        self.claimed = False
        """Whether something more specific was recognised in the exception's own lines."""

    def feed(self, line: str, *, claimed: bool) -> Consumed:
        """
        Look at the next line.

        Args:
            line: The line, without the log prefix of the head line.
            claimed: Whether a signature has recognised something in it.
        """
        if self._group and (_BORDER.search(line) or _MARGIN.match(line)):
            return self._feed_group(line, claimed=claimed)
        return self._feed_plain(line, claimed=claimed)

    def exceptions(self, *, at_end: bool = True) -> tuple[RaisedException, ...]:
        """
        Return what was read, the exception that ended it all first, then the others as printed.

        Args:
            at_end: Whether nothing but the end of the output followed. Unindented lines
                behind an exception are its notes only then.
        """
        results = [
            section.result(at_end=at_end or section is not self._sections[-1])
            for section in self._sections
        ]
        main = self._heads[-1]
        if results[main].exception is None and main:
            main = self._heads[-2]  # cut off before it says what came of the first one
        return (results[main], *results[:main], *results[main + 1 :])

    @property
    def outermost(self) -> str | None:
        """The function in which the stack begins that was read last, if that is known."""
        frames = self._sections[-1].frames
        return frames[0].function if frames else None

    def _feed_group(self, line: str, *, claimed: bool) -> Consumed:
        if _BORDER.search(line):
            opens_member = any(char.isdigit() or char == "." for char in line)
            self._closed_border = not opens_member
            if opens_member and len(self._sections) < _MAX_EXCEPTIONS:
                self._add_section(member=True)
            return Consumed.TAKEN
        inner = _MARGIN.sub("", line, count=1)
        if HEAD in inner:
            return Consumed.TAKEN
        self._feed_plain(inner, claimed=claimed)
        return Consumed.TAKEN

    def _feed_plain(self, line: str, *, claimed: bool) -> Consumed:
        section = self._sections[-1]
        if section.name is not None:
            return self._after_exception(line, section, claimed=claimed)
        # The cheap tests first: most lines of a traceback are source text.
        frame = _FRAME.search(line) if line.lstrip().startswith('File "') else None
        if frame:
            self._add_frame(section, *frame.groups())
            return Consumed.TAKEN
        if section.frames and line[:2] in ("  ", "\t\t") and line.strip():
            path = _PATH.search(line[:_SOURCE_TEXT])
            if path:
                self.source_path = path.group(1)
            return Consumed.TAKEN  # source text, markers, "[Previous line repeated ...]"
        raised = _RAISED.search(line)
        if raised and self._is_exception(raised.group(1), line):
            section.name = self._room.name(raised.group(1))
            section.message = [self._room.text(raised.group(2))] if raised.group(2) else []
            self.claimed = self.claimed or claimed
            return Consumed.TAKEN
        self._foreign += 1
        return Consumed.CLOSED if self._foreign > _MAX_FOREIGN else Consumed.PASSED

    def _add_frame(self, section: _Section, file: str, line: str, function: str | None) -> None:
        limit = _FEW_FRAMES if self._room.full else _MAX_FRAMES
        if len(section.frames) < limit:
            self._room.frame()
        function = self._room.name(function) if function else None
        section.frames.append(Frame(self._room.name(file), int(line[:9]), function))
        while len(section.frames) > limit:
            del section.frames[limit // 2]

    def _is_exception(self, name: str, line: str) -> bool:
        if self._foreign or not self._sections[-1].frames:
            return bool(_ERROR_NAME.search(name))
        return not name.isupper() and (":" in line or not line.count(" "))

    def _after_exception(self, line: str, section: _Section, *, claimed: bool) -> Consumed:
        text = line.strip()
        if text in _RELATIONS:
            self._link, self._blanks = _RELATIONS[text], 0
            return Consumed.TAKEN
        if HEAD in line:
            if self._link is None or len(self._sections) >= _MAX_EXCEPTIONS:
                return Consumed.CLOSED
            return self._next_in_chain(section, group="Exception Group" in line)
        if not text:
            self._blanks += 1
            return Consumed.CLOSED if self._blanks > _MAX_BLANKS else Consumed.PASSED
        if self._blanks or self._link or self._closed_border:
            return Consumed.CLOSED
        return self._extra(line, section, claimed=claimed)

    def _extra(self, line: str, section: _Section, *, claimed: bool) -> Consumed:
        if line[0] in " \t" and not section.extra:
            self.claimed = self.claimed or claimed
            if len(section.message) < _MAX_EXTRA:
                section.message.append(self._room.text(line))
            return Consumed.TAKEN
        if claimed or len(section.extra) >= _MAX_EXTRA:
            return Consumed.CLOSED
        section.extra.append(self._room.text(line))
        return Consumed.PASSED

    def _add_section(self, *, member: bool) -> None:
        if self._room.full:
            # The last exception says most: what came before makes room for it.
            for section in self._sections:
                section.shrink()
            self._room.clear()
        self._sections.append(_Section(member=member))

    def _next_in_chain(self, section: _Section, *, group: bool) -> Consumed:
        if not section.member:
            section.relation = self._link
            self._heads.append(len(self._sections))
        self._add_section(member=section.member and not self._closed_border)
        self._link, self._blanks, self._foreign = None, 0, 0
        self._group = self._group or group
        self._closed_border = False
        return Consumed.TAKEN
