"""The lines in which an allocation failed, by whoever says it."""

from typing import Final

import attrs

from diagnostics.catalog._building import finds, groups_of
from diagnostics.catalog._refused import refused
from diagnostics.catalog._sizes import bytes_of
from diagnostics.catalog._translations import NO_MEMORY, one_of
from diagnostics.catalog.host import OutOfMemoryHost
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Context, Match, Signature


def _mlx_allocation(match: Match, context: Context) -> Finding | None:
    # On macOS the allocator is Metal's, and the finding that of the Metal family.
    on_metal = context.platform == "darwin" or "libc++abi" in match.string
    return None if on_metal else _MEMORY(match, context)


def _bad_alloc(match: Match, context: Context) -> Finding | None:
    # RAPIDS and others throw it for the GPU's memory, and say so behind it.
    rest = match.string[match.end() :].lower()
    of_gpu = "cuda" in rest or "hip error" in rest
    return None if of_gpu else finds(OutOfMemoryHost)(match, context)


def _sized(match: Match, context: Context) -> Finding | None:
    """Read a size with its unit, the group `requested`."""
    if "huge page" in match.string or "hugepage" in match.string:
        return None  # ordinary ones serve as well
    finding = finds(OutOfMemoryHost, soft=True)(match, context)
    requested = groups_of(match).get("requested")
    if not isinstance(finding, OutOfMemoryHost) or requested is None:
        return finding
    return attrs.evolve(finding, requested=requested, bytes_requested=bytes_of(requested))


def _exception(match: Match, context: Context) -> Finding | None:
    if ": cuMem" in match.string:
        return None  # the GPU's memory, of which others know more
    finding = finds(OutOfMemoryHost, soft=True)(match, context)
    requested = match.group("requested")
    if not isinstance(finding, OutOfMemoryHost) or not requested:
        return finding
    return attrs.evolve(finding, bytes_requested=bytes_of(requested))


def _trapped(match: Match, context: Context) -> Finding | None:
    # Old Rust and others end by an illegal instruction on purpose.
    context.facts["trapped"] = True
    return _MEMORY(match, context)


_MEMORY: Final = finds(OutOfMemoryHost)


def _of_rust(match: Match, context: Context) -> Finding | None:
    finding = finds(OutOfMemoryHost, signal="SIGABRT")(match, context)
    if finding is not None and "no-allocator" in context.facts:
        return attrs.evolve(finding, role=Role.NOTE)
    return finding


SIGNATURES: Final = (
    Signature(
        name="python-memory-error",
        pattern=r"(?:^|[\s|:=\"])(?P<exception>(?:[a-z_][\w.]*\.)?_?(?:Array)?MemoryError)"
        r"(?:: (?:Unable to allocate (?P<requested>[\d.]+ [KMGTP]?i?B(?:ytes)?|[\d.]+"
        r" bytes))?.*)?\W*$",
        build=_exception,
        literals=("MemoryError",),
    ),
    Signature(
        name="mlx-host-malloc",
        pattern=r"\[malloc(?:_or_wait)?\] Unable to allocate (?P<bytes_requested>\d{1,20}) bytes",
        build=_mlx_allocation,
        literals=("] Unable to allocate ",),
    ),
    Signature(
        name="cpp-bad-alloc",
        pattern=r"(?:after throwing an instance of '|uncaught exception of type )?"
        r"(?P<exception>std::bad_(?:array_new_length|alloc))",
        build=_bad_alloc,
        literals=("std::bad_alloc", "std::bad_array_new_length"),
    ),
    Signature(
        name="torch-cpu-allocator",
        pattern=r"DefaultCPUAllocator: (?:can't allocate memory|not enough memory): "
        r"you tried to allocate (?P<bytes_requested>\d{1,20}) bytes"
        r"(?:\. Error code (?P<errno>\d{1,4}))?",
        build=_MEMORY,
    ),
    Signature(
        name="ggml-host-allocation",
        pattern=r"(?:failed to allocate|unable to allocate|cannot allocate) (?:CPU |a )?"
        r"(?:buffer|memory)"
        r"(?: of size (?P<bytes_requested>\d{1,20}))?",
        build=_MEMORY,
        literals=(
            "allocate CPU ",
            "allocate a buffer",
            "allocate a memory",
            "allocate buffer",
            "allocate memory",
        ),
        generic=True,
    ),
    Signature(
        name="rust-allocation",
        # No line end follows, so that the shell's word on it runs into it.
        pattern=r"(?P<detail>memory allocation of (?P<bytes_requested>\d{1,20}) bytes failed)"
        r"(?:\[\d{1,4}\] ?[+-]? *(?P<pid>\d{2,9}) )?",
        build=_of_rust,
        literals=("memory allocation of ",),
    ),
    Signature(
        name="lm-studio-guardrail",
        pattern=r"(?P<detail>Model loading aborted due to insufficient system resources)",
        build=_MEMORY,
    ),
    Signature(
        name="rust-old-allocation",
        pattern=r"fatal runtime error: (?P<detail>out of memory)",
        build=_trapped,
    ),
    Signature(
        name="macos-allocation",
        pattern=r"(?:mach_vm_map|mmap)\(size=(?P<bytes_requested>\d{1,20})(?:, flags: \w+)?\)"
        r" failed \(error code="
        r"|malloc: (?:\*\*\* error: )?(?P<detail>can't allocate region)",
        build=_MEMORY,
        literals=("vm_map(size=", "mmap(size=", "can't allocate region"),
    ),
    Signature(
        name="native-allocation",  # allocators, libgomp, OpenBLAS, OpenCV, ONNX, GLib, Go, Erlang
        pattern=r"(?P<detail><jemalloc>: Error in \w+\(\): out of memory|tcmalloc: (?:large alloc"
        r" (?P<bytes_requested>\d{1,20}) bytes == \(nil\)|allocation failed)"
        r"|Unable to allocate \d+ \(new failed\)|mimalloc: error: (?:unable to allocate|out of"
        r" memory)"
        r"|Scudo ERROR: internal map failure|libgomp: Out of memory allocating"
        r" (?P<bytes_requested_2>\d{1,20}) bytes"
        r"|OpenBLAS(?: :)? (?:error|Program is Terminated)\W* (?:Memory allocation still failed"
        r"|Because you"
        r" tried to allocate too many)|Failed to allocate (?P<bytes_requested_3>\d{1,20}) bytes"
        r"|Failed to allocate memory for requested buffer of size (?P<bytes_requested_4>\d{1,20})"
        r"|GLib-ERROR.*: failed to allocate (?P<bytes_requested_5>\d{1,20}) bytes|LLVM ERROR: out"
        r" of memory"
        r"|[Oo]ut of memory,? (?:malloc failed |allocating |allocating memory )?\(?(?:tried to"
        r" allocate )?"
        r"(?P<bytes_requested_6>\d{1,20}) bytes|\bout of memory allocating"
        r" (?P<bytes_requested_7>\d{1,20}) bytes"
        r"|(?:runtime: )?out of memory: cannot allocate (?P<bytes_requested_8>\d{1,20})-byte block"
        r"|eheap_alloc: Cannot allocate (?P<bytes_requested_9>\d{1,20}) bytes)",
        build=finds(OutOfMemoryHost),
        literals=(
            *("(): out of memory", "tcmalloc: large alloc", "tcmalloc: allocation failed"),
            *("Unable to allocate ", "error: unable to allocate", "error: out of memory"),
            *(
                "internal map failure",
                "Out of memory allocating",
                "OpenBLAS",
                "Failed to allocate ",
            ),
            *("failed to allocate ", "LLVM ERROR: out of", "ut of memory, ", "ut of memory ("),
            *("ut of memory,(", "ut of memory allocating ", "ut of memory,", "ut of memory "),
            *("ut of memory: cannot allocate ", "eheap_alloc: "),
        ),
        generic=True,
    ),
    Signature(
        name="java-memory",
        pattern=r"(?P<exception>(?:java\.lang\.)?OutOfMemoryError): (?P<detail>Java heap space|GC"
        r" overhead limit"
        r" exceeded|Metaspace|Compressed class space|Direct buffer memory|Requested array size"
        r" exceeds VM"
        r" limit|Out of swap space|Cannot reserve (?P<bytes_requested>\d{1,20}) bytes|Map failed"
        r"|Java heap)"
        r"|(?:#\s*)?(?P<detail_2>There is insufficient memory for the Java Runtime Environment to"
        r" continue"
        r"|Could not reserve enough space for (?:\d+KB )?(?:the )?object heap)"
        r"|(?:#\s*)?Native memory allocation \(\w+\) failed to (?:map|allocate)"
        r" (?P<bytes_requested_2>\d{1,20}) bytes",
        build=_MEMORY,
        literals=(
            *(
                "OutOfMemoryError: ",
                "insufficient memory for the Java",
                "Could not reserve enough space",
            ),
            "Native memory allocation (",
        ),
    ),
    Signature(
        name="javascript-memory",
        pattern=r"(?:#\s*)?(?P<detail>FATAL ERROR: .*Allocation failed(?: - .*)?|JavaScript heap"
        r" out of memory"
        r"|Fatal (?:JavaScript|process) out of memory: .*|Fatal process OOM in .*|Array buffer"
        r" allocation failed)",
        build=_MEMORY,
        literals=(
            *(
                "Allocation failed",
                "JavaScript heap out of memory",
                "Fatal JavaScript out of memory",
            ),
            *("Fatal process out of memory", "Fatal process OOM in", "buffer allocation failed"),
        ),
    ),
    Signature(
        name="runtime-memory",  # .NET, Go, PHP, Ruby, R, OCaml, Haskell, Julia, Perl
        pattern=r"(?P<detail>System\.OutOfMemoryException|GC heap initialization failed|HRESULT:"
        r" 0x8007000E"
        r"|fatal error: (?:runtime: )?(?:out of memory|cannot allocate)|runtime: cannot (?:map"
        r" pages|allocate memory)"
        r"|failed to allocate memory \(NoMemoryError\)|NoMemoryError"
        r"|exception Out_of_memory|[Hh]eap exhausted|heap overflow|OutOfMemoryError\(\)"
        r"|[Vv]irtual memory exhausted|Cannot allocate memory for|[Nn]ot enough memory resources"
        r"|[Nn]ot enough memory\b|[Pp]aging file is too small|[Ii]nsufficient memory\b|ld: out of"
        r" memory"
        r"|OOM command not allowed|Out of memory!)",
        build=finds(OutOfMemoryHost, soft=True),
        literals=(
            *(
                "System.OutOfMemoryException",
                "GC heap initialization failed",
                "fatal error: out of memory",
            ),
            *(
                "fatal error: runtime: out",
                "fatal error: runtime: cannot",
                "fatal error: cannot allocate",
            ),
            *(
                "runtime: cannot map",
                "runtime: cannot allocate",
                "NoMemoryError",
                "exception Out_of_memory",
            ),
            *("eap exhausted", "heap overflow", "OutOfMemoryError()", "irtual memory exhausted"),
            *("Cannot allocate memory for", "ot enough memory", "aging file is too small"),
            *(
                "nsufficient memory",
                "HRESULT: 0x8007000E",
                "ld: out of memory",
                "OOM command not allowed",
                "Out of memory!",
            ),
        ),
        generic=True,
    ),
    Signature(
        name="limit-of-script-memory",
        pattern=r"Allowed memory size of (?P<limit_bytes>\d{1,20}) bytes exhausted"
        r"(?: \(tried to allocate (?P<bytes_requested>\d{1,20}) bytes\))?",
        build=_MEMORY,
    ),
    Signature(
        name="sized-allocation",  # R, pandas, DuckDB and others that print a unit
        pattern=r"(?:cannot allocate vector of size|failed to allocate (?:data of size|block of)"
        r"|could not allocate block of size|unable to allocate|cannot allocate|failed to allocate)"
        r" (?P<requested>[\d.]+ ?[KMGT]i?[Bb]|\d{1,3}(?:,\d{3})+ bytes)\b"
        r"|\.cc:\d{1,6}\] allocation failed: (?P<errno>\d{1,4})\b",
        build=_sized,
        literals=(
            *(
                "allocate vector of size",
                "allocate data of size",
                "allocate block of",
                "unable to allocate ",
            ),
            *("cannot allocate ", "failed to allocate ", "] allocation failed: "),
        ),
        generic=True,
    ),
    Signature(
        name="no-memory-text",
        pattern=rf"(?P<detail>[Cc]an(?:not|'t) allocate memory|\bENOMEM\b|{one_of(NO_MEMORY)})",
        build=refused(OutOfMemoryHost, errno=12),
        literals=("annot allocate memory", "an't allocate memory", "ENOMEM", *NO_MEMORY),
        generic=True,
    ),
)
