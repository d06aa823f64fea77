"""What a finding is: one recognised fact in a process's output."""

import enum
from typing import Any, ClassVar, Final

import attrs

_FRAME_FIELDS: Final = frozenset(
    {
        "role",
        "evidence",
        "count",
        "first_seen",
        "last_seen",
        "line",
        "last_line",
        "tentative",
        "rank_reason",
        "source",
    }
)

# `line` is where in the output a finding was seen; a line of source code that a
# parser reads from the output is stored under another name and shown as `line`.
_SHOWN_AS: Final = {"source_line": "line"}

_types: Final[dict[str, type["Finding"]]] = {}


class Role(enum.StrEnum):
    """What part a finding plays in the end of a process."""

    ROOT = "root"
    """A cause of its own."""

    AFTER_EFFECT = "after-effect"
    """What the death of another process looks like from here."""

    EITHER = "root-or-after-effect"
    """The output alone does not tell which of the two."""

    NOTE = "note"
    """Worth knowing, never a cause: a handled error, a retry, context."""


@attrs.frozen(kw_only=True)
class Finding:
    """
    One recognised fact in the output of a process.

    A cause is declared by subclassing: the class variables describe the cause,
    the attrs fields are what a parser can read from the output. Subclasses are
    frozen attrs classes; their field types are limited to `int`, `float`, `str`,
    `bool`, tuples of these, and attrs classes made of these, each possibly `None`,
    so that every finding has a wire form.

    Attributes:
        role: The part this finding plays. Defaults to the class's `default_role`.
        evidence: The lines that were recognised, as printed, bounded in number and length.
        count: How many times it was seen.
        first_seen: Wall time of the first sighting, in seconds since the epoch.
        last_seen: Wall time of the last sighting, in seconds since the epoch.
        line: Number of the line of the first sighting in the stream, counted from 1.
        last_line: Number of the line of the last sighting.
        tentative: Whether programs often print such a thing and go on; then what they
            printed afterwards decides.
        source: Who said so where it was not the output alone, such as `cgroup` or `kernel log`.
        rank_reason: Why it stands where it stands among the findings of a diagnosis.
    """

    cause: ClassVar[str] = ""
    """The stable slug, as in the catalogue; unique among finding classes."""

    default_role: ClassVar[Role] = Role.ROOT
    """The role of a finding of this class unless its parser knows better."""

    remedy: ClassVar[str] = ""
    """What to do, in one or two sentences."""

    versions: ClassVar[str] = ""
    """The library versions whose wordings are recognised."""

    references: ClassVar[tuple[str, ...]] = ()
    """Where wordings and remedy come from, such as `ml-explore/mlx#3862`."""

    fatal: ClassVar[bool] = False
    """Whether a process that printed this is lost even if it goes on living."""

    endings: ClassVar[tuple[str, ...]] = ()
    """The ends that this cause leads to: signal names such as `SIGABRT`, or `exit`; empty: any."""

    weight: ClassVar[int] = 0
    """Which of several findings of one role is the likelier cause; the higher."""

    role: Role = attrs.field(default=attrs.Factory(lambda self: self.default_role, takes_self=True))
    evidence: tuple[str, ...] = ()
    count: int = 1
    first_seen: float = 0.0
    last_seen: float = 0.0
    line: int = 0
    last_line: int = 0
    tentative: bool = False
    source: str = ""
    rank_reason: str = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "cause" in cls.__dict__:
            # attrs with slots makes each class twice; the second replaces the first.
            known = _types.get(cls.cause)
            if known is not None and known.__qualname__ != cls.__qualname__:
                raise TypeError(
                    f"{cls.__qualname__} and {known.__qualname__} both claim cause {cls.cause!r}"
                )
            _types[cls.cause] = cls

    @property
    def message(self) -> str:
        """One sentence for people; a subclass with fields overrides it to name them."""
        return self.cause.replace("-", " ")

    @property
    def is_symptom(self) -> bool:
        """Whether it says how the process ended and not why; what says why goes before it."""
        return False

    @property
    def is_fatal(self) -> bool:
        """Whether the process is lost; a class whose wordings differ in this overrides it."""
        return self.fatal

    @property
    def fields(self) -> dict[str, Any]:
        """The values that were parsed, by name, without those that are `None`."""
        return {
            _SHOWN_AS.get(name, name): value
            for name, value in attrs.asdict(self).items()
            if name not in _FRAME_FIELDS and value is not None
        }

    def identity(self) -> dict[str, Any]:
        """Return what tells this finding from others of its cause; empty values do not."""
        return {
            field.name: value
            for field in attrs.fields(type(self))
            if field.name not in _FRAME_FIELDS
            and field.name != "detail"  # other words for the same
            and (value := getattr(self, field.name)) is not None
            and value != ()
        }


def finding_types() -> dict[str, type[Finding]]:
    """Return every declared finding class by its cause slug."""
    return dict(_types)
