"""The reports of the sanitizers of GCC and clang, by what they found."""

from typing import Any, Final

import attrs
import re2

from diagnostics.catalog._building import Recognized
from diagnostics.catalog._signals import BY_SIGNAL, made, name_in_words
from diagnostics.catalog.corruption import (
    BufferOverflowDetected,
    HeapCorruption,
    StackSmashing,
)
from diagnostics.catalog.host import OutOfMemoryHost
from diagnostics.catalog.loader import LoaderError
from diagnostics.catalog.native import Abort, StackOverflow
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Context, Match, Signature


@attrs.frozen(kw_only=True)
class SanitizerReport(Recognized):
    """
    A sanitizer found an error in native code that has no cause of its own here.

    Attributes:
        sanitizer: Which one, such as `ThreadSanitizer`.
        kind: What it found, such as `data race`.
    """

    cause = "sanitizer-report"
    remedy = "Read the stacks of its report: it says where the memory was used."

    sanitizer: str | None = None
    kind: str | None = None

    @property
    def message(self) -> str:
        """What was found by which."""
        return f"{self.sanitizer}: {self.kind or 'an error'}"


# By the kinds of asan_errors.cpp, hwasan_report.cpp and sanitizer_allocator_report.cpp.
_OF_HEAP: Final = (
    r"heap-(?:buffer|use)|double-free|attempting (?:double-)?free|invalid-free|bad-free"
    r"|alloc-dealloc-mismatch|new-delete-type-mismatch|container-overflow|use-after-poison"
    r"|tag-mismatch|allocation-tail-overwritten|intra-object-overflow|bad-malloc_usable_size"
    r"|invalid-(?:pointer-pair|aligned)|use-after-free|wild-free"
)
_OF_ROOM: Final = (
    r"out-of-memory|out of memory|allocation-size-too-big|calloc-overflow|rss[ -]limit"
    r"|requested allocation size|failed to allocate"
)
_KINDS: Final[tuple[tuple[Any, type[Finding], str | None], ...]] = (
    (re2.compile(_OF_HEAP), HeapCorruption, None),
    (re2.compile(r"stack-(?:buffer|use)|dynamic-stack-buffer"), StackSmashing, None),
    (
        re2.compile(r"global-buffer|negative-size-param|buffer-overflow"),
        BufferOverflowDetected,
        None,
    ),
    (re2.compile(r"stack-overflow"), StackOverflow, None),
    (re2.compile(_OF_ROOM), OutOfMemoryHost, None),
    (re2.compile(r"CHECK failed"), Abort, "SIGABRT"),
)
_SIGNAL: Final = re2.compile(r"^(SEGV|BUS|FPE|ILL|ABRT|TRAP|deadly signal)\b")


def _report(match: Match, context: Context) -> Finding | None:
    found = match.group("kind").strip()
    which = match.group("sanitizer")
    signalled = _SIGNAL.search(found)
    if signalled:
        name = f"SIG{signalled.group(1)}" if signalled.group(1).isupper() else "SIGSEGV"
        kind = BY_SIGNAL[name]
        return made(kind, match, context, signal=name, detail=f"{which}: {found}")
    for pattern, kind, signal in _KINDS:
        if pattern.search(found):
            constants = {"signal": signal} if signal else {}
            return made(kind, match, context, detail=f"{which}: {found}", **constants)
    return made(SanitizerReport, match, context, kind=found, sanitizer=which)


def _deadly(match: Match, context: Context) -> Finding | None:
    """The line before the report, which may be all that is left of it."""
    name = name_in_words("segfault")
    finding = made(BY_SIGNAL[name or ""], match, context, signal=name)
    # What the report then says is more, and need not be a segfault.
    return (
        attrs.evolve(finding, role=Role.EITHER)
        if finding and finding.role is Role.ROOT
        else finding
    )


SIGNATURES: Final = (
    Signature(
        name="sanitizer",
        pattern=r"(?:==(?P<pid>\d{1,9})==)?\s*(?:ERROR|WARNING|SUMMARY): (?P<sanitizer>(?:Address"
        r"|Thread"
        r"|Memory|Leak|HWAddress|UndefinedBehavior|Type|RealTime)Sanitizer|libFuzzer):? "
        r"(?:\d+ byte\(s\) )?(?:detected )?(?P<kind>[\w-]+(?: [\w-]+){0,5})",
        build=_report,
        literals=("Sanitizer: ", "Sanitizer ", "libFuzzer: ", "libFuzzer "),
    ),
    Signature(
        name="sanitizer-check",
        pattern=r"(?P<sanitizer>(?:Address|Thread|Memory|Leak|HWAddress)Sanitizer): (?P<kind>CHECK"
        r" failed):"
        r" (?P<file>[^\s:]+):(?P<source_line>\d{1,6}) \"(?P<assertion>[^\"]*)\"",
        build=_report,
        literals=("Sanitizer: CHECK failed",),
    ),
    Signature(
        name="sanitizer-deadly-signal",
        pattern=r"(?:Address|Thread|Memory|HWAddress|UndefinedBehavior)Sanitizer:\s?DEADLYSIGNAL",
        build=_deadly,
        literals=("DEADLYSIGNAL",),
    ),
    Signature(
        name="sanitizer-load-order",
        pattern=r"(?P<detail>ASan runtime does not come first in initial library list"
        r"|Your application is linked against incompatible ASan runtimes)",
        build=lambda match, context: made(LoaderError, match, context),
        literals=("ASan runtime does not come first", "incompatible ASan runtimes"),
    ),
    Signature(
        name="sanitizer-undefined",
        pattern=r"(?P<file>[^\s:]+):(?P<source_line>\d{1,9}):\d{1,9}: runtime error: (?P<kind>.*)",
        build=lambda match, context: made(
            SanitizerReport, match, context, sanitizer="UndefinedBehaviorSanitizer"
        ),
        literals=(": runtime error: ",),
    ),
)
