"""What glibc, the compiler's guards and the sanitizers say before they abort."""

from typing import Any, Final

import attrs

from diagnostics._prefixes import PREFIX
from diagnostics.catalog._building import Recognized, finds
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Context, Match, Signature


@attrs.frozen(kw_only=True)
class HeapCorruption(Recognized):
    """
    The heap was found damaged, or memory was freed twice.

    Attributes:
        program: The program, as glibc up to 2.25 names it.
        address: The address, where it is printed.
    """

    cause = "heap-corruption"
    weight = 1
    endings = ("SIGABRT",)
    versions = "glibc up to 2.25 puts `*** Error in ...` around it; macOS: `malloc: *** error`"
    remedy = (
        "A bug of native code, or native libraries that do not fit together: align their versions"
        " (one OpenMP, one libstdc++), and report it with a native stack."
    )
    references = ("pytorch/pytorch#2542", "pytorch/pytorch#50137")

    program: str | None = None
    address: str | None = None


@attrs.frozen(kw_only=True)
class StackSmashing(Recognized):
    """A function wrote beyond its own stack."""

    cause = "stack-smashing"
    weight = 1
    endings = ("SIGABRT",)
    remedy = "A bug of native code: report it with a native stack."


@attrs.frozen(kw_only=True)
class BufferOverflowDetected(Recognized):
    """A buffer was written beyond its end."""

    cause = "buffer-overflow-detected"
    weight = 1
    endings = ("SIGABRT",)
    remedy = "A bug of native code: report it with a native stack."


@attrs.frozen(kw_only=True)
class AbortPureVirtualCall(Recognized):
    """An object was used while it was being destroyed."""

    cause = "abort-pure-virtual-call"
    weight = 2
    endings = ("SIGABRT",)
    remedy = "A bug of native code, often at shutdown while threads still run: report it."


@attrs.frozen(kw_only=True)
class GlibcFatal(Recognized):
    """The C library found that it cannot go on."""

    cause = "glibc-fatal"
    weight = 1
    endings = ("SIGABRT",)
    remedy = "The kernel, a sandbox or mixed C libraries: compare with a clean system."


@attrs.frozen(kw_only=True)
class AssertionFailure(Recognized):
    """
    An assertion in native code did not hold.

    Attributes:
        assertion: What did not hold.
        program: The program that printed it.
        file: The source file.
        source_line: The line in it.
        function: The function.
    """

    cause = "assertion-failure"
    weight = -1
    endings = ("SIGABRT", "SIGTRAP", "SIGILL")
    remedy = "A bug, or inputs that the code does not expect: search for the assertion's text."

    assertion: str | None = None
    program: str | None = None
    file: str | None = None
    source_line: int | None = None
    function: str | None = None

    @property
    def message(self) -> str:
        """What did not hold, and where."""
        place = f" ({self.file}:{self.source_line})" if self.file else ""
        return f"an assertion failed: {self.assertion or 'not named'}{place}"


@attrs.frozen(kw_only=True)
class SanitizerReport(Recognized):
    """
    A sanitizer found an error in native code.

    Attributes:
        sanitizer: Which one, such as `AddressSanitizer`.
        kind: What it found, such as `heap-use-after-free`.
    """

    cause = "sanitizer-report"
    weight = 2
    remedy = "Read the stacks of its report: it says where the memory was used and freed."

    sanitizer: str | None = None
    kind: str | None = None

    @property
    def message(self) -> str:
        """What was found by which."""
        return f"{self.sanitizer}: {self.kind or 'an error'}"


@attrs.frozen(kw_only=True)
class RustPanic(Recognized):
    """
    Code in Rust panicked.

    Attributes:
        thread: The thread's name.
        file: The source file.
        source_line: The line in it.
    """

    cause = "rust-panic"
    weight = -1
    endings = ("exit", "SIGABRT")
    remedy = "A bug of that library, or a file that it cannot read: search for the panic's text."

    thread: str | None = None
    file: str | None = None
    source_line: int | None = None


@attrs.frozen(kw_only=True)
class GoPanic(Recognized):
    """Code in Go panicked or hit a fatal error of its runtime."""

    cause = "go-panic"
    weight = -1
    default_role = Role.ROOT
    remedy = "Search for the panic's text; the stack of the first goroutine shows where."


def _panic(match: Match, context: Context) -> Finding | None:
    values: dict[str, Any] = {
        "thread": match.group("thread"),
        "file": match.group("file"),
        "detail": match.group("text") or None,
    }
    # Since Rust 1.73 the words stand on the next line.
    context.facts["rust-panic"] = True
    return RustPanic(source_line=int(match.group("source_line")), **values)


_GUARD: Final = finds(HeapCorruption, signal="SIGABRT")

SIGNATURES: Final = (
    Signature(
        name="glibc-heap",
        pattern=r"(?:\*\*\* (?:Error in|glibc detected \*\*\*)"
        r" [`'\"]?(?P<program>[^'\"`:]*)['\"]?: )?"
        r"(?P<detail>(?:free|malloc|realloc|calloc|memalign|munmap_chunk|mremap_chunk"
        r"|malloc_consolidate"
        r"|_int_free|_int_malloc|sysmalloc|aligned_alloc|tcache_\w+)\(\): "
        r"(?:invalid|corrupted|unaligned|double|unsorted|smallbin|largebin|mismatching|memory"
        r"|too many|chunk"
        r"|bad|next|fastbin|Assertion)[\w .,/()-]*?"
        r"|double free or corruption(?: \(\W?\w+\))?"
        r"|corrupted (?:double-linked list(?: \(not small\))?|size vs\. prev_size(?: [\w ]+)?)"
        r"|break adjusted to free malloc space"
        r"|invalid fastbin entry \(free\)"
        r"|malloc\.c:\d+: \w+: Assertion .{1,400} failed\.)"
        r"(?:: (?P<address>0x[0-9a-f]+))?(?: \*\*\*)?\s*$",
        build=_GUARD,
        literals=(
            "(): invalid",
            "(): corrupted",
            "(): unaligned",
            "(): double",
            "(): unsorted",
            "(): smallbin",
            "(): largebin",
            "(): mismatching",
            "(): memory",
            "(): too many",
            "(): chunk",
            "(): bad",
            "(): next",
            "(): fastbin",
            "double free or corruption",
            "corrupted double-linked list",
            "corrupted size vs. prev_size",
            "break adjusted to free",
            "invalid fastbin entry",
            "malloc.c:",
        ),
    ),
    Signature(
        name="macos-heap",
        pattern=r"malloc: (?:\*\*\* error for object (?P<address>0x[0-9a-f]+)|Heap corruption"
        r" detected|Incorrect checksum for freed object)"
        r"(?:: )?(?P<detail>.*)",
        build=_GUARD,
        literals=(
            "malloc: *** error for object",
            "malloc: Heap corruption",
            "malloc: Incorrect checksum",
        ),
    ),
    Signature(
        name="stack-smashing",
        pattern=r"\*\*\* (?P<detail>stack smashing detected) \*\*\*|(?:^| )(?:__stack_chk_fail)",
        build=finds(StackSmashing, signal="SIGABRT"),
        literals=("stack smashing detected", "__stack_chk_fail"),
    ),
    Signature(
        name="buffer-overflow",
        pattern=r"\*\*\* (?P<detail>(?:buffer overflow|%n in writable segment|bit out of range"
        r"|invalid %N\$ use|longjmp causes uninitialized stack frame|invalid \w+) ?detected)"
        r" ?\*\*\*",
        build=finds(BufferOverflowDetected, signal="SIGABRT"),
        literals=(
            "*** buffer overflow",
            "*** %n in",
            "*** bit out of",
            "*** invalid ",
            "*** longjmp causes",
        ),
    ),
    Signature(
        name="pure-virtual-call",
        pattern=r"(?P<detail>[Pp]ure virtual (?:method|function) called|deleted virtual method"
        r" called)",
        build=finds(AbortPureVirtualCall, signal="SIGABRT"),
        literals=("ure virtual ", "deleted virtual method"),
    ),
    Signature(
        name="glibc-fatal",
        pattern=r"Fatal glibc error: (?P<detail>.*)"
        r"|(?P<detail2>The futex facility returned an unexpected error code)",
        build=finds(GlibcFatal, signal="SIGABRT"),
        literals=("Fatal glibc error", "The futex facility returned"),
    ),
    Signature(
        name="c-assertion",
        pattern=r"(?:^|[\s\]])(?P<program>[\w./+-]+): (?P<file>[^\s:]+):(?P<source_line>\d{1,9}): "
        r"(?P<function>.+?): Assertion [`'\x{2018}\"](?P<assertion>.*?)['\x{2019}\"] failed",
        build=finds(AssertionFailure, signal="SIGABRT"),
        literals=(": Assertion ",),
        generic=True,
    ),
    Signature(
        name="macos-assertion",
        pattern=r"Assertion failed: \(?(?P<assertion>.*?)\)?, (?:function (?P<function>.+?), )?"
        r"file (?P<file>[^,\s]+), line (?P<source_line>\d{1,9})",
        build=finds(AssertionFailure, signal="SIGABRT"),
    ),
    Signature(
        name="ggml-assertion",
        pattern=r"GGML_ASSERT(?:: (?P<file>\S+?):(?P<source_line>\d{1,9}): (?P<assertion>.*)"
        r"|\((?P<condition>.*)\) failed)",
        build=finds(AssertionFailure, signal="SIGABRT"),
        literals=("GGML_ASSERT",),
        generic=True,
    ),
    Signature(
        name="sanitizer",
        pattern=r"(?:ERROR|WARNING): (?P<sanitizer>(?:Address|Thread|Memory|Leak"
        r"|HWAddress)Sanitizer): "
        r"(?:(?:detected )?(?P<kind>[\w-]+(?: [\w-]+)?))",
        build=finds(SanitizerReport),
        literals=("Sanitizer: ",),
    ),
    Signature(
        name="sanitizer-undefined",
        pattern=r"(?P<file>[^\s:]+):(?P<source_line>\d{1,9}):\d{1,9}: runtime error: (?P<kind>.*)",
        build=finds(SanitizerReport, sanitizer="UndefinedBehaviorSanitizer"),
        literals=(": runtime error: ",),
    ),
    Signature(
        name="rust-panic",
        pattern=r"thread '(?P<thread>[^']*)'(?: \(\d+\))? panicked at (?:'(?P<text>.*)', )?"
        r"(?P<file>[^\s:]+):(?P<source_line>\d{1,9})",
        build=_panic,
        literals=(" panicked at ",),
    ),
    Signature(
        name="rust-panic-exception",
        pattern=r"pyo3_runtime\.PanicException: (?P<detail>.*)",
        build=finds(RustPanic, exception="pyo3_runtime.PanicException"),
    ),
    Signature(
        name="go-panic",
        pattern=PREFIX
        + r"(?P<detail>fatal error: (?:all goroutines|unexpected signal|concurrent map"
        r"|runtime|out of memory|stack overflow).*|panic: .*)$",
        build=finds(GoPanic),
        literals=("fatal error: ", "panic: "),
        generic=True,
    ),
)
