"""The calls of native stacks that only a process makes which something has ended."""

from typing import Final

import attrs

from diagnostics.catalog._building import finds
from diagnostics.catalog._signals import made
from diagnostics.catalog.corruption import (
    AbortPureVirtualCall,
    BufferOverflowDetected,
    HeapCorruption,
    StackSmashing,
)
from diagnostics.catalog.cpp import AbortNoActiveException, AbortUncaughtCppException
from diagnostics.catalog.native import Abort
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Context, Match, Signature

# gdb and lldb number their frames; macOS' reports do so without a mark, glibc names the library.
_FRAME: Final = (
    r"(?:(?:^|[\s|])(?:frame )?#\d{1,3}:? |(?:^|\s)\d{1,3} +[\w.-]+\.dylib\s|/libc(?:-[\d.]+)?"
    r"\.so(?:\.6)?\().*?"
)
_TEXT: Final = r"=[^\"]{0,60}\""  # of an argument, which gdb shows as name=name@entry=0x7f "text"


def _fortified(match: Match, context: Context) -> Finding | None:
    smashed = "stack smashing" in match.string or "__stack_chk_fail" in match.string
    kind = StackSmashing if smashed else BufferOverflowDetected
    return made(kind, match, context, signal="SIGABRT")


def _asserted(match: Match, context: Context) -> Finding | None:
    finding = made(Abort, match, context, signal="SIGABRT")
    if finding is None or finding.role is Role.NOTE:
        return finding
    return made(Abort, match, context, signal="SIGABRT", role=Role.ROOT)


def _terminating(match: Match, context: Context) -> Finding | None:
    """Read what called `std::terminate`, which stands behind it: inner calls come first."""
    if match.group("terminate"):
        context.facts["terminate-frame"] = True
        return None
    if not context.facts.pop("terminate-frame", None):
        return None
    kind = AbortUncaughtCppException if match.group("thrown") else AbortNoActiveException
    finding = finds(kind, signal="SIGABRT")(match, context)
    if finding is None or finding.role is Role.NOTE:
        return finding
    # What was thrown may have been told before, and says more.
    return attrs.evolve(finding, role=Role.EITHER)


SIGNATURES: Final = (
    Signature(
        name="frame-of-a-guard",
        pattern=_FRAME + r"\b_*(?:GI_+)?_*(?:fortify_fail\w* \(.*\bmsg" + _TEXT + r"(?P<detail>"
        r"[a-z][\w %]{3,80})|(?:fortify_)?chk_fail\w*|stack_chk_fail)\b",
        build=_fortified,
        literals=("fortify_fail", "_chk_fail"),
        generic=True,
    ),
    Signature(
        name="frame-of-the-heap",
        pattern=_FRAME + r"\b(?:malloc_printerr(?: \(.*\bstr" + _TEXT + r"(?P<detail>[a-z][^\"]+))?"
        r"|malloc_zone_error|szone_error|\w+_botch|malloc_error_break)\b",
        build=finds(HeapCorruption, signal="SIGABRT"),
        literals=("malloc_printerr", "malloc_zone_error", "szone_error", "_botch", "error_break"),
        generic=True,
    ),
    Signature(
        name="frame-of-an-assertion",
        pattern=_FRAME
        + r"\b_*(?:GI_+)?_*assert_(?:fail|fail_base|rtn|perror_fail) \(.*\bassertion"
        + _TEXT
        + r"(?P<assertion>[^\"]+)\", file"
        + _TEXT
        + r"(?P<file>[^\"]+)\", line=(?:line@entry=)?"
        r"(?P<source_line>\d{1,9})(?:, function" + _TEXT + r"(?P<function>[^\"]+))?",
        build=_asserted,
        literals=("assert_fail", "assert_rtn", "assert_perror_fail"),
        generic=True,
    ),
    Signature(
        name="frame-of-a-virtual-call",
        pattern=_FRAME + r"\b__cxa_(?:pure|deleted)_virtual\b",
        build=finds(AbortPureVirtualCall, signal="SIGABRT"),
        literals=("__cxa_pure_virtual", "__cxa_deleted_virtual"),
        generic=True,
    ),
    Signature(
        name="frame-of-an-end-of-cpp",
        pattern=_FRAME + r"\b(?:(?P<terminate>std::terminate\(\)|__verbose_terminate_handler)"
        r"|(?P<thrown>__cxa_(?:throw|rethrow))\b|std::thread::(?:~thread|operator=|_M_)|~thread\b)",
        build=_terminating,
        literals=(
            *("std::terminate()", "__verbose_terminate_handler", "__cxa_throw", "__cxa_rethrow"),
            *("std::thread::", "~thread"),
        ),
        generic=True,
    ),
)
