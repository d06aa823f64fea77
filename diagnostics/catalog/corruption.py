"""What C libraries, allocators and the compiler's guards say before they abort."""

from typing import Final

import attrs

from diagnostics._prefixes import PREFIX
from diagnostics.catalog._building import Builder, Recognized, finds
from diagnostics.findings import Finding
from diagnostics.signatures import Context, Match, Signature


@attrs.frozen(kw_only=True)
class HeapCorruption(Recognized):
    """
    The heap was found damaged, or memory was freed twice.

    Attributes:
        program: The program, as glibc up to 2.25 and macOS name it.
        address: The address, where it is printed.
        assertion: What the allocator found not to hold.
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
    assertion: str | None = None


@attrs.frozen(kw_only=True)
class StackSmashing(Recognized):
    """
    A function wrote beyond its own stack.

    Attributes:
        program: The program, as glibc up to 2.25 names it.
    """

    cause = "stack-smashing"
    weight = 1
    endings = ("SIGABRT",)
    remedy = "A bug of native code: report it with a native stack."

    program: str | None = None


@attrs.frozen(kw_only=True)
class BufferOverflowDetected(Recognized):
    """
    A buffer was written beyond its end.

    Attributes:
        program: The program, as glibc up to 2.25 names it.
    """

    cause = "buffer-overflow-detected"
    weight = 1
    endings = ("SIGABRT",)
    remedy = "A bug of native code: report it with a native stack."

    program: str | None = None


@attrs.frozen(kw_only=True)
class AbortPureVirtualCall(Recognized):
    """An object was used while it was being destroyed."""

    cause = "abort-pure-virtual-call"
    weight = 2
    endings = ("SIGABRT",)
    remedy = "A bug of native code, often at shutdown while threads still run: report it."


@attrs.frozen(kw_only=True)
class GlibcFatal(Recognized):
    """
    The C library found that it cannot go on.

    Attributes:
        assertion: What it found not to hold.
        file: Its source file.
        source_line: The line in it.
        function: The function.
    """

    cause = "glibc-fatal"
    weight = 1
    endings = ("SIGABRT",)
    remedy = "The kernel, a sandbox or mixed C libraries: compare with a clean system."

    assertion: str | None = None
    file: str | None = None
    source_line: int | None = None
    function: str | None = None


_GUARD: Final = finds(HeapCorruption, signal="SIGABRT")
_ON_MACOS: Final = (
    r"(?:(?P<program>[\w.+ -]{1,80})\((?P<pid>\d{1,9})(?:,0x[0-9a-f]+)?\) )?malloc: (?:\*\*\* )?"
)
# Behind the words nothing follows, unless another writer's line ran into them.
_END: Final = r"\s*(?:$|\(core|\(Abort|Abort|SIGABRT|Fatal|\[|zsh:|/|-|,|\.|\\n)"


def _macos(match: Match, context: Context) -> Finding | None:
    context.facts["macos-heap"] = True
    finding = _GUARD(match, context)
    if not isinstance(finding, HeapCorruption) or finding.program is None:
        return finding
    # It may have run into the line of a test that was not ended.
    return attrs.evolve(finding, program=finding.program.rpartition("... ")[2])


def _macos_breakpoint(match: Match, context: Context) -> Finding | None:
    return _GUARD(match, context) if context.facts.get("macos-heap") else None


def _guarded(kind: type[StackSmashing | BufferOverflowDetected]) -> Builder:
    build = finds(kind, signal="SIGABRT")

    def without_placeholder(match: Match, context: Context) -> Finding | None:
        finding = build(match, context)
        # Since 2.26 glibc names no program.
        if isinstance(finding, (StackSmashing, BufferOverflowDetected)):
            named = finding.program
            return attrs.evolve(finding, program=None) if named == "<unknown>" else finding
        return finding

    return without_placeholder


def _fatal(match: Match, context: Context) -> Finding | None:
    """Glibc's own words; what its allocator found is a damaged heap."""
    of_heap = (
        match.group("file") in ("malloc.c", "arena.c", "hooks.c")
        or "malloc" in (match.group("detail") or "")[:_ITS_PLACE]
    )
    return finds(HeapCorruption if of_heap else GlibcFatal, signal="SIGABRT")(match, context)


_ITS_PLACE: Final = 40

SIGNATURES: Final = (
    Signature(
        name="glibc-heap",
        pattern=r"(?:\*\*\* (?:Error in|glibc detected \*\*\*)"
        r" [`'\"]?(?P<program>[^'\"`:]*)['\"]?: )?"
        r"(?P<detail>(?:free|malloc|realloc|calloc|memalign|munmap_chunk|mremap_chunk"
        r"|malloc_consolidate|malloc_check_get_size"
        r"|_int_free|_int_malloc|sysmalloc|aligned_alloc|tcache_\w+)(?:\(\))?: "
        r"(?:invalid|corrupted|unaligned|double|unsorted|smallbin|largebin|mismatching|memory"
        r" corruption"
        r"|too many|chunk|bad next|next|fastbin|Assertion|top chunk is corrupt)[\w .,/()>-]*?"
        r"|double free or corruption(?: \(\W?\w+\))?"
        r"|corrupted (?:double-linked list(?: \(not small\))?|size vs\. prev_size"
        r"(?: (?:in|while) \w+)?)"
        r"|break adjusted to free malloc space"
        r"|invalid fastbin entry \(free\)"
        r"|memory clobbered (?:before|past end of) allocated block|block freed twice)"
        r"(?:: (?P<address>0x[0-9a-f]+))?(?: \*\*\*)?" + _END,
        build=_GUARD,
        literals=(
            *(": invalid", ": corrupted", ": unaligned", ": double", ": unsorted", ": smallbin"),
            *(": largebin", ": mismatching", ": memory corruption", ": too many", ": chunk"),
            *(": bad next", ": next", ": fastbin", ": Assertion", ": top chunk is corrupt"),
            *(
                "double free or corruption",
                "corrupted double-linked list",
                "break adjusted to free",
            ),
            *("corrupted size vs. prev_size", "invalid fastbin entry", "memory clobbered "),
            "block freed twice",
        ),
    ),
    Signature(
        name="glibc-heap-assertion",
        pattern=r"(?:(?P<program>[\w./+-]+): )?(?:\./malloc/)?(?:malloc|arena|hooks)\.c:\d+: \w+: "
        r"Assertion [`'\x{2018}](?P<assertion>.{1,600}?)['\x{2019}] failed",
        build=_GUARD,
        literals=("malloc.c:", "arena.c:", "hooks.c:"),
    ),
    Signature(
        name="macos-heap",
        pattern=_ON_MACOS + r"(?:error for object (?P<address>0x[0-9a-f]+): (?P<detail>.*)"
        r"|(?P<detail_2>Heap corruption detected.*|Incorrect checksum for freed object.*|Double"
        r" free of object.*"
        r"|Non-aligned pointer 0x[0-9a-f]+ being freed.*|Region cookie corrupted.*"
        r"|Incorrect guard value.*|Corruption of (?:free|tiny|small).*|pointer being freed was not"
        r" .*))",
        build=_macos,
        literals=(
            *("malloc: *** error for object", "malloc: Heap corruption", "malloc: Incorrect"),
            *("malloc: *** Heap corruption", "malloc: *** Incorrect", "malloc: Double free of"),
            *("malloc: *** Double free of", "malloc: Non-aligned", "malloc: *** Non-aligned"),
            *("malloc: Region cookie", "malloc: *** Region cookie", "malloc: Corruption of"),
            *("malloc: *** Corruption of", "malloc: pointer being", "malloc: *** pointer being"),
            *("malloc: error for object",),
        ),
    ),
    Signature(
        name="macos-heap-breakpoint",  # the second line, which may alone name the process
        pattern=_ON_MACOS + r"set a breakpoint in malloc_error_break",
        build=_macos_breakpoint,
        literals=("set a breakpoint in malloc_error_break",),
    ),
    Signature(
        name="macos-heap-bare",
        pattern=r"(?P<detail>Heap corruption detected, free list is damaged at (?P<address>0x\w+))"
        r"|\*\*\* error for object (?P<address_2>0x\w+): (?P<detail_2>.*)",
        build=_GUARD,
        literals=("Heap corruption detected, free list", "*** error for object "),
        generic=True,
    ),
    Signature(
        name="jemalloc",
        pattern=r"<jemalloc>: (?:(?P<file>[\w./-]+):(?P<source_line>\d{1,6}): "
        r"(?:Failed assertion: \"(?P<assertion>.*?)\"|(?P<detail>Unreachable code reached|Not"
        r" implemented))"
        r"|(?P<detail_2>size mismatch detected|Invalid deallocation detected|double free"
        r"|Write-after-free detected|heap corruption)\b)",
        build=_GUARD,
    ),
    Signature(
        name="tcmalloc",
        pattern=r"(?P<detail>Attempt to (?:free|realloc|get the size of|delete) (?:an )?(?:invalid"
        r"|corrupted)"
        r" pointer|memory stomping bug|memory allocation/deallocation mismatch"
        r"|memory allocation bug: object at|has detected a memory error|Possible double-free"
        r" detected"
        r"|Mismatched-size-delete|CorruptedPointer)(?:[^0]{0,40}(?P<address>0x[0-9a-f]+))?",
        build=_GUARD,
        literals=(
            *("Attempt to free ", "Attempt to realloc ", "Attempt to get the size of "),
            *("Attempt to delete ", "memory stomping bug", "allocation/deallocation mismatch"),
            *("memory allocation bug: object", "has detected a memory error"),
            *("Possible double-free", "Mismatched-size-delete", "CorruptedPointer"),
        ),
    ),
    Signature(
        name="other-allocators",  # mimalloc, Scudo, hardened_malloc, BSD, GLib, PHP, Windows
        pattern=r"(?P<detail>mimalloc: error: (?:double free|buffer overflow|corrupted|mi_\w+:"
        r" (?:invalid"
        r"|pointer|double)|attempt to free|trying to (?:mi_)?free).*"
        r"|Scudo ERROR: (?:corrupted chunk|invalid chunk state|misaligned pointer|allocation type"
        r" mismatch|race on chunk|invalid sized delete|.*double free).*"
        r"|fatal allocator error: (?:double free|invalid|sized deallocation|detected write after"
        r" free"
        r"|canary corrupted|.*uninitialized).*"
        r"|in (?:free|realloc|malloc)\(\): (?:error: )?(?:bogus pointer|chunk is already free"
        r"|double free"
        r"|modified chunk|use after free|chunk canary|write to free).*"
        r"|\*\*\*MEMORY-ERROR\*\*\*.*|zend_mm_heap corrupted.*"
        r"|HEAP CORRUPTION DETECTED: .*|HEAP\[[\w. -]+\]: .*|Critical error detected c0000374"
        r"|found bad pointer in Go heap|sweep increased allocation count|free list corrupted)",
        build=_GUARD,
        literals=(
            *("mimalloc: error: ", "Scudo ERROR: ", "fatal allocator error: ", "in free(): "),
            *("in realloc(): ", "in malloc(): ", "***MEMORY-ERROR***", "zend_mm_heap corrupted"),
            *("HEAP CORRUPTION DETECTED", "HEAP[", "error detected c0000374"),
            *("bad pointer in Go heap", "sweep increased allocation", "free list corrupted"),
        ),
    ),
    Signature(
        name="stack-smashing",
        pattern=r"\*\*\* (?P<detail>stack smashing detected) \*\*\*"
        r"(?:: (?P<program>\S.*?) terminated)?|(?:^| )(?:__stack_chk_fail)"
        r"|(?P<detail_2>stack (?:overflow|smashing) in function|stack corruption detected)",
        build=_guarded(StackSmashing),
        literals=(
            *("stack smashing detected", "__stack_chk_fail", "stack overflow in function"),
            *("stack smashing in function", "stack corruption detected"),
        ),
    ),
    Signature(
        name="buffer-overflow",
        pattern=r"\*\*\* (?P<detail>(?:buffer overflow|%n in writable segments?|invalid %N\$ use)"
        r" detected|longjmp causes uninitialized stack frame|bit out of range 0 - FD_SETSIZE on"
        r" fd_set) ?\*\*\*"
        r"(?:: (?P<program>\S.*?) terminated)?"
        r"|FORTIFY: (?P<detail_2>\w+: (?:prevented|detected) .*)"
        r"|(?P<detail_3>detected (?:source and destination )?buffer overlap|detected buffer"
        r" overflow)",
        build=_guarded(BufferOverflowDetected),
        literals=(
            *("*** buffer overflow", "*** %n in", "*** bit out of", "*** invalid %N"),
            *("*** longjmp causes", "FORTIFY: ", "detected buffer overflow", "buffer overlap"),
        ),
    ),
    Signature(
        name="pure-virtual-call",
        pattern=r"(?P<detail>[Pp]ure virtual (?:method|function) call(?:ed)?"
        r"|[Dd]eleted virtual (?:method|function) called)",
        build=finds(AbortPureVirtualCall, signal="SIGABRT"),
        literals=("ure virtual ", "eleted virtual "),
    ),
    Signature(
        name="glibc-fatal",
        pattern=r"Fatal glibc error:"
        r" (?P<detail>(?:(?P<file>[\w./-]+\.[ch]):(?P<source_line>\d{1,6}) "
        r"\((?P<function>\w+)\): assertion failed: (?P<assertion>.*)|.*))",
        build=_fatal,
    ),
    Signature(
        name="glibc-fatal-text",
        pattern=r"(?P<detail>The futex facility returned an unexpected error code"
        r"|glibc detected an invalid stdio handle|The futex facility)",
        build=finds(GlibcFatal, signal="SIGABRT"),
        literals=("The futex facility", "invalid stdio handle"),
    ),
    Signature(
        name="glibc-kernel-too-old",
        pattern=PREFIX + r"FATAL: (?P<detail>kernel too old|cannot determine kernel version)",
        build=finds(GlibcFatal),
        literals=("kernel too old", "cannot determine kernel version"),
    ),
)
