"""Assertions and fatal errors by which native code ends itself."""

from typing import Any, Final

from diagnostics._prefixes import PREFIX
from diagnostics.catalog._signals import made
from diagnostics.catalog.native import Abort
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Context, Match, Signature


def _asserted(match: Match, context: Context) -> Finding | None:
    return _made(match, context, signal="SIGABRT")


def _windows_head(match: Match, context: Context) -> Finding | None:
    context.facts["windows-assertion"] = True
    return _asserted(match, context)


def _windows_text(match: Match, context: Context) -> Finding | None:
    return _asserted(match, context) if context.facts.pop("windows-assertion", None) else None


def _unfit(match: Match, context: Context) -> Finding | None:
    """Read what an allocator cannot work with: that it then has no memory is no lack of it."""
    context.facts["no-allocator"] = True
    return _asserted(match, context)


def _trapped(match: Match, context: Context) -> Finding | None:
    """Runtimes that end by a trap: what the shell says of it afterwards is no cause."""
    context.facts["trapped"] = True
    return _made(match, context)


def _made(match: Match, context: Context, **constants: Any) -> Finding | None:
    finding = made(Abort, match, context, **constants)
    if not isinstance(finding, Abort) or finding.role is Role.NOTE:
        return finding
    # An assertion says why; the bare signal does not.
    return made(Abort, match, context, role=Role.ROOT, **constants)


def _swift(match: Match, context: Context) -> Finding | None:
    text = match.string
    if (
        match.group("file") is None
        and ".swift" not in text
        and "Unexpectedly found nil" not in text
    ):
        return None  # many other programs begin so
    return _trapped(match, context)


_SOURCE: Final = r"[^\s:()\"']+\.(?:c|cc|cpp|cxx|cu|cuh|m|mm|h|hh|hpp|inl|ipp|tcc|metal|rs|zig)"

SIGNATURES: Final = (
    Signature(
        name="c-assertion",  # glibc, uClibc, libstdc++
        pattern=r"(?:(?:^|[\s\]])(?P<program>[\w./+-]+(?:\[\d+\])?):"
        r" )?(?P<file>[^\s:]+):\s?(?P<source_line>\d{1,9}): ?"
        r"(?P<function>.+?): Assertion [`'\x{2018}\"](?P<assertion>.*?)['\x{2019}\"] failed",
        build=_asserted,
        literals=(": Assertion ",),
        generic=True,
    ),
    Signature(
        name="other-assertion",  # macOS, Windows, musl, newlib, bionic, libc++
        pattern=r"Assertion failed: \(?(?P<assertion>.*?)\)?(?:, (?:function (?P<function>.+?), )?"
        r"file (?P<file>[^,]+), line (?P<source_line>\d{1,9})"
        r"| \((?P<file_2>[^\s:()]+): (?P<function_2>.+?): (?P<source_line_2>\d{1,9})\))"
        r"|assertion \"(?P<assertion_2>[^\"]*)\" failed(?:: file \"(?P<file_3>[^\"]+)\", line"
        r" (?P<source_line_3>\d{1,9}))?"
        r"|(?P<file_4>[^\s:]+):(?P<source_line_4>\d{1,9}): assert\((?P<assertion_4>.*)\) failed"
        r"|libc\+\+ Hardening assertion (?P<assertion_3>.*?) failed"
        rf"|Assertion (?P<assertion_5>.{{1,200}}?) failed at (?P<file_5>{_SOURCE})"
        r":(?P<source_line_5>\d{1,9})"
        rf"|Assertion failed (?:at|in) (?P<file_6>{_SOURCE})(?::|, line )"
        r"(?P<source_line_6>\d{1,9})",
        build=_asserted,
        literals=(
            *("Assertion failed: ", 'assertion "', "Hardening assertion ", ": assert("),
            *(" failed at ", "Assertion failed at", "Assertion failed in"),
        ),
        generic=True,
    ),
    Signature(
        name="windows-assertion",  # of several lines; what did not hold is told last
        pattern=PREFIX + r"(?P<detail>(?:Debug )?Assertion [Ff]ailed!|abort\(\) has been called"
        r"|abnormal program termination)",
        build=_windows_head,
        literals=("Assertion failed!", "Assertion Failed!", "abort() has been", "abnormal program"),
        generic=True,
    ),
    Signature(
        name="windows-assertion-text",
        pattern=r"^\s*Expression: (?P<assertion>.+)",
        build=_windows_text,
    ),
    Signature(
        name="cpp-guard",
        pattern=r"(?P<detail>__cxa_guard_acquire detected recursive initialization)",
        build=_asserted,
        literals=("__cxa_guard_acquire detected",),
    ),
    Signature(
        name="jemalloc-unfit",
        pattern=r"<jemalloc>: (?P<detail>Unsupported system page size|Error allocating TSD"
        r"|Error in (?:pthread_atfork\(\)|dlsym\(.*)|Error initializing [\w ]+)",
        build=_unfit,
        literals=(
            *("Unsupported system page size", "Error allocating TSD", "Error in pthread_atfork"),
            *("<jemalloc>: Error in dlsym", "<jemalloc>: Error initializing"),
        ),
    ),
    Signature(
        name="ggml-assertion",
        pattern=r"GGML_ASSERT(?:: (?P<file>\S+?):(?P<source_line>\d{1,9}): (?P<assertion>.*)"
        r"|\((?P<assertion_2>.*)\) failed)",
        build=_asserted,
        literals=("GGML_ASSERT",),
        generic=True,
    ),
    Signature(
        name="ggml-abort",
        pattern=r"(?P<file>[\w./\\:-]*ggml[\w./\\-]*\.(?:c|cpp|cu|cuh|m|mm"
        r"|h)):(?P<source_line>\d{1,9}): "
        r"(?P<detail>fatal error|(?:not implemented|unsupported|unknown|invalid)"
        r" ?[\w :'=.-]{0,80})\W*$",
        build=_asserted,
        literals=(": fatal error", ": not implemented", ": unsupported", ": unknown", ": invalid"),
        generic=True,
    ),
    Signature(
        name="check-failed",  # glog, absl, TensorFlow, PyTorch, Chromium, V8
        pattern=rf"(?:\bF ?(?:\d{{4}} \d\d:\S+ +\d+ )?|FATAL:|^|\s"
        rf"|\[)?(?:(?P<file>{_SOURCE})[:(](?P<source_line>\d{{1,9}})\)?[\]:]? )?"
        r"(?:#\s*)?(?:Debug c|C)heck fail(?:ed|ure)(?: at [^:]*:\d+)?: ?(?P<assertion>.*)",
        build=_asserted,
        literals=("heck failed", "heck failure"),
        generic=True,
    ),
    Signature(
        name="glog-fatal",
        pattern=r"(?:^|[\s\]|])F(?:(?:\d{4}|\d{8}) \d\d:\d\d:\d\d(?:\.\d+)? +\d+)? "
        r"(?P<file>[\w./-]+\.(?:cc|cpp|cxx|hpp|cu|mm)):(?P<source_line>\d{1,9})\] (?P<detail>.+)",
        build=_asserted,
        literals=(".cc:", ".cpp:", ".cxx:", ".hpp:", ".cu:", ".mm:"),
        generic=True,
    ),
    Signature(
        name="v8-fatal",
        pattern=r"(?:# )?Fatal error in (?P<file>[^\s,]*), line (?P<source_line>\d{1,9})"
        r"|FATAL ERROR: (?P<detail>(?:v8::|HandleScope::|Error::|node::|napi|Napi::|Context::"
        r"|Callback"
        r"|Zone$|unreachable).*)",
        build=_asserted,
        literals=("Fatal error in ", "FATAL ERROR: "),
        generic=True,
    ),
    Signature(
        name="jvm-internal-error",
        pattern=r"#  +Internal Error \((?P<file>[\w./-]+):(?P<source_line>\d{1,9})\),"
        r" pid=(?P<pid>\d{1,9})"
        r"|#  +(?:assert|guarantee)\((?P<assertion>.*)\) failed",
        build=_asserted,
        literals=("Internal Error (", "  assert(", "  guarantee(", " assert(", " guarantee("),
        generic=True,
    ),
    Signature(
        name="toolkit-assertion",  # Qt, GLib, PostgreSQL, Redis, MongoDB, LLVM, OpenMP
        pattern=r"ASSERT(?: failure in [^:]*)?: \"(?P<assertion>[^\"]*)\"(?:,| in) file"
        r" (?P<file>[^,]+), line"
        r" (?P<source_line>\d{1,9})"
        r"|ERROR:(?P<file_2>[^\s:]+\.\w{1,4}):(?P<source_line_2>\d{1,9}):\w+: (?:assertion failed"
        r"[^:]*: \(?(?P<assertion_2>.*?)\)?$|(?P<detail>code should not be reached))"
        r"|TRAP: (?:FailedAssertion|failed Assert)\(\"(?P<assertion_3>.*?)\",? ?\)?"
        r"|==> (?P<file_3>[\w.]+\.c):(?P<source_line_3>\d{1,9}) '(?P<assertion_4>.*?)' is not true"
        r"|Invariant failure\"?,? ?(?P<assertion_5>.*)"
        r"|InnoDB: Assertion failure(?::| in file) (?P<file_4>\S+?):?(?: line "
        r"|:)(?P<source_line_4>\d{1,9})"
        r"|OMP: Error #\d+: Assertion failure at (?P<file_5>[\w.]+)\((?P<source_line_5>\d{1,9})\)"
        r"|(?P<detail_2>UNREACHABLE executed at .*|LLVM ERROR: .*)",
        build=_asserted,
        literals=(
            *('ASSERT: "', "ASSERT failure in ", ": assertion failed", "should not be reached"),
            *("TRAP: FailedAssertion", "TRAP: failed Assert", "' is not true", "Invariant failure"),
            *("InnoDB: Assertion failure", "Assertion failure at ", "UNREACHABLE executed at "),
            "LLVM ERROR: ",
        ),
        generic=True,
    ),
    Signature(
        name="qt-no-platform",
        pattern=r"(?P<detail>This application failed to start because (?:no Qt platform plugin"
        r" could be"
        r" initialized|it could not find or load the Qt platform plugin))",
        build=_asserted,
        literals=("This application failed to start because ",),
    ),
    Signature(
        name="openmp-twice",
        pattern=r"(?P<detail>OMP: Error #15: Initializing (?P<library>[^\s,]+), but found .*)",
        build=_asserted,
        literals=("OMP: Error #15",),
    ),
    Signature(
        name="tcmalloc-assertion",
        pattern=r"(?P<file>[\w./-]+\.(?:h|cc)):(?P<source_line>\d{1,9})\] assertion failed:"
        r" (?P<assertion>.*)",
        build=_asserted,
        literals=("] assertion failed: ",),
        generic=True,
    ),
    Signature(
        name="objc-fork",
        pattern=r"objc\[(?P<pid>\d{1,9})\]: (?P<detail>\+\[.*\] may have been in progress in"
        r" another thread"
        r" when fork\(\) was called\. .*Crashing instead)"
        r"|(?P<detail_2>The process has forked and you cannot use this CoreFoundation functionality"
        r" safely)",
        build=_asserted,
        literals=("when fork() was called", "has forked and you cannot use"),
    ),
    Signature(
        name="swift-fatal",
        pattern=rf"(?:(?P<file>[^\s:]+\.swift):(?P<source_line>\d{{1,9}}): |{PREFIX})"
        r"(?P<detail>(?:Fatal error|Precondition failed|Assertion failed)(?:: .*|$))",
        build=_swift,
        literals=("Fatal error", "Precondition failed", "Assertion failed"),
        generic=True,
    ),
    Signature(
        name="rust-fatal",
        pattern=r"fatal runtime error: (?P<detail>(?:assertion failed: (?P<assertion>.*)|failed to"
        r" initiate"
        r" panic|Rust panics? .*|Rust cannot .*|thread .*|drop of .*|unexpected .*|IO Safety.*"
        r"|.*invalid.*))"
        r"|(?P<detail_2>thread caused non-unwinding panic|thread panicked while processing panic)",
        build=_asserted,
        literals=("fatal runtime error: ", "non-unwinding panic", "while processing panic"),
    ),
    Signature(
        name="zig-panic",
        pattern=PREFIX + r"(?:thread \d{1,9} panic|panic\(\w[\w ]*\)): (?P<detail>.*)",
        build=_asserted,
        literals=(" panic: ", "panic("),
        generic=True,
    ),
    Signature(
        name="clr-fatal",
        pattern=PREFIX
        + r"Fatal error\. (?P<detail>(?:Internal CLR error|Invalid Program|.*0x8013).*)",
        build=_asserted,
        literals=("Fatal error. ",),
    ),
)
