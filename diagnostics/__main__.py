"""`python -m diagnostics`: the diagnosis of a saved output."""

import argparse
import contextlib
import errno
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

from diagnostics._watching import growing
from diagnostics.collector import RunnerDiagnosticCollector
from diagnostics.diagnosis import Diagnosis, Ending, to_json_dict
from diagnostics.findings import Role
from diagnostics.render import render
from diagnostics.root_cause import Member, Ranking, rank

FOUND: Final = 0
UNKNOWN: Final = 1
BAD_INPUT: Final = 2

_CHUNK: Final = 64 * 1024
_LAST_SIGNAL: Final = 64  # SIGRTMAX of Linux
_KEYS: Final = ("cause", "type", "role", "message", "remedy", "evidence", "fields")


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Diagnose the files named on the command line.

    Args:
        arguments: The command line without the program; by default that of this process.

    Returns:
        0 when a cause is found, 1 when not, 2 when an argument is bad or a file
        cannot be read.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.follow:
        if len(options.files) != 1 or options.files == ["-"]:
            parser.error("--follow takes one FILE")
        return _follow(options)
    diagnoses: dict[str, Diagnosis] = {}
    for file in dict.fromkeys(options.files or ["-"]):
        try:
            diagnoses[file] = _diagnose(file, options.platform, options.reason)
        except OSError as error:
            sys.stderr.write(f"diagnostics: cannot read {file}: {error.strerror or error}\n")
            return BAD_INPUT
    ranking = _rank(diagnoses) if len(diagnoses) > 1 else None
    _print(diagnoses, ranking, options)
    return FOUND if any(diagnosis.cause for diagnosis in diagnoses.values()) else UNKNOWN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m diagnostics",
        description="Say why a process ended, from its saved standard error.",
        epilog="Exit status: 0 a cause was found, 1 none was, 2 bad arguments or unreadable file.",
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="a saved output; - is stdin")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.add_argument(
        "--full", action="store_true", help="with --json: print counts, places and the tail too"
    )
    parser.add_argument(
        "--follow", action="store_true", help="go on reading FILE as it grows, until Ctrl-C"
    )
    parser.add_argument(
        "--idle",
        type=_seconds,
        metavar="SECONDS",
        help="end --follow after so long without new output",
    )
    parser.add_argument(
        "--reason", type=_ending, metavar="signal:N|exit:N", help="how the process ended"
    )
    parser.add_argument(
        "--platform",
        choices=("linux", "darwin"),
        default=sys.platform,
        help="where it ran, for its error numbers (default: here)",
    )
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


def _ending(text: str) -> Ending:
    kind, _, value = text.partition(":")
    try:
        if kind == "signal":
            number = int(value) if value.isdecimal() else signal.Signals[value.upper()].value
            if 0 < number <= _LAST_SIGNAL:
                return Ending(signal=number)
        if kind == "exit":
            return Ending(exit_code=int(value))
    except (KeyError, ValueError):
        pass  # the same message for every misspelling
    raise argparse.ArgumentTypeError(f"{text!r} is neither signal:N nor exit:N")


@contextlib.contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        if sys.stdin is None:  # closed by whoever started this
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        yield sys.stdin.buffer
        return
    with open(file, "rb") as stream:  # noqa: PTH123  # any path, also /dev/fd/3
        yield stream


def _diagnose(file: str, platform: str, ending: Ending | None) -> Diagnosis:
    collector = RunnerDiagnosticCollector(platform=platform)
    with _opened(file) as stream:
        while chunk := stream.read(_CHUNK):
            collector.feed(chunk, at=time.time())
    return collector.diagnosis(ending)


def _follow(options: argparse.Namespace) -> int:
    (file,) = options.files
    collector = RunnerDiagnosticCollector(platform=options.platform)
    said: str | None = None
    try:
        for chunk in growing(Path(file), idle=options.idle):
            if chunk:
                collector.feed(chunk, at=time.time())
                continue
            cause = collector.diagnosis(options.reason).cause
            if cause is not None and cause.cause != said and not options.json:
                said = cause.cause
                if not _write(f"{file}:{cause.line}: {said}: {cause.message}\n"):
                    break
    except KeyboardInterrupt:
        pass  # that is how following ends
    except OSError as error:
        sys.stderr.write(f"diagnostics: cannot read {file}: {error.strerror or error}\n")
        return BAD_INPUT
    diagnosis = collector.diagnosis(options.reason)
    _print({file: diagnosis}, None, options)
    return FOUND if diagnosis.cause else UNKNOWN


def _rank(diagnoses: dict[str, Diagnosis]) -> Ranking:
    # Files do not tell when a process ended, and one without findings may be that of
    # a healthy process: whoever shows a cause comes first, then the order given.
    members = [
        Member(
            file,
            ended_at=index,
            findings=diagnosis.findings,
            own_cause=None if diagnosis.cause else False,
        )
        for index, (file, diagnosis) in enumerate(diagnoses.items())
    ]
    return rank(members)


def _document(diagnosis: Diagnosis, *, full: bool) -> dict[str, Any]:
    document = to_json_dict(diagnosis)
    if full:
        return document
    return {"findings": [{key: each[key] for key in _KEYS} for each in document["findings"]]}


def _print(
    diagnoses: dict[str, Diagnosis], ranking: Ranking | None, options: argparse.Namespace
) -> None:
    if options.json:
        documents = {
            file: _document(diagnosis, full=options.full) for file, diagnosis in diagnoses.items()
        }
        if ranking is None:
            (document,) = documents.values()
        else:
            for file, role in ranking.roles.items():
                documents[file]["role"] = role.value
            document = {
                "findings": documents[ranking.root_cause or ""]["findings"],
                "root_cause": ranking.root_cause,
                "members": documents,
            }
        _write(json.dumps(document, indent=2, ensure_ascii=True) + "\n")
        return
    text = ""
    if ranking is not None:
        followers = [file for file, role in ranking.roles.items() if role is Role.AFTER_EFFECT]
        text = (
            f"Root cause: {ranking.root_cause}; after-effects: {', '.join(followers)}\n"
            "(judged by the findings alone, equals in the order given:"
            " files do not tell when a process ended)\n\n"
        )
    text += "\n".join(render(item, name=file) for file, item in diagnoses.items())
    if not (sys.stdout.isatty() and _printed_by_rich(text)):
        _write(text)


def _write(text: str) -> bool:
    """Print a text; returns whether anybody goes on reading, which `head` does not."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


# The first words of a line, and how it is shown on a terminal.
_STYLES: Final = (
    ("Root cause: ", "bold"),
    ("  What to do: ", "green"),
    ("    | ", "cyan"),
    ("    ? ", "cyan"),
    ("    > ", "dim"),
    ("  Incomplete: ", "yellow"),
)


def _printed_by_rich(text: str) -> bool:
    try:
        import rich.console  # noqa: PLC0415  # optional
        import rich.text  # noqa: PLC0415
    except ImportError:
        return False
    console = rich.console.Console()
    for line in text.splitlines():
        style = next((style for words, style in _STYLES if line.startswith(words)), "")
        if not line.startswith(" ") and ": " in line and not style:
            style = "bold red"
        console.print(rich.text.Text(line, style=style), soft_wrap=True)
    return True


def _run() -> int:
    try:
        return main()
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(_run())
