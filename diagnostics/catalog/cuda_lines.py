"""Errors of CUDA and HIP in the words of their runtimes, whoever prints them."""

from string import ascii_uppercase
from typing import Any, Final

import attrs
import re2

from diagnostics.catalog._building import (
    common,
    fields_of,
    finds,
    role_here,
)
from diagnostics.catalog._sizes import bytes_of
from diagnostics.catalog.cuda import (
    CublasNotInitialized,
    CudaDeviceAssert,
    CudaDriverTooOld,
    CudaFinding,
    CudaIllegalAddress,
    CudaInitFailed,
    CudaLaunchTimeout,
    CudaNoDevice,
    CudaNoKernelImage,
    CudaOutOfMemory,
)
from diagnostics.findings import Finding
from diagnostics.signatures import Context, Match, Signature

# The texts of cudaGetErrorString and the names of the codes, each lower case.
_TEXTS: Final[tuple[tuple[str, type[CudaFinding]], ...]] = (
    ("out of memory", CudaOutOfMemory),
    ("memoryallocation", CudaOutOfMemory),
    ("outofmemory", CudaOutOfMemory),
    ("out_of_memory", CudaOutOfMemory),
    ("status_alloc_failed", CudaOutOfMemory),
    ("resource allocation failed", CudaOutOfMemory),
    ("error_out_of_resources", CudaOutOfMemory),
    ("error_memory_aperture_violation", CudaIllegalAddress),
    ("hsa_status_error_exception", CudaIllegalAddress),
    ("error_memory_fault", CudaIllegalAddress),
    ("hsa_status_error_illegal_instruction", CudaIllegalAddress),
    ("illegal memory access", CudaIllegalAddress),
    ("illegal address", CudaIllegalAddress),
    ("illegaladdress", CudaIllegalAddress),
    ("illegal_address", CudaIllegalAddress),
    ("misaligned", CudaIllegalAddress),
    ("unspecified launch failure", CudaIllegalAddress),
    ("launchfailure", CudaIllegalAddress),
    ("launch_failed", CudaIllegalAddress),
    ("hardware stack error", CudaIllegalAddress),
    ("an illegal instruction was", CudaIllegalAddress),
    ("invalid program counter", CudaIllegalAddress),
    ("global/shared address space", CudaIllegalAddress),
    ("invalid access of peer gpu memory", CudaIllegalAddress),
    ("status_execution_failed", CudaIllegalAddress),
    ("device-side assert", CudaDeviceAssert),
    ("cudaerrorassert", CudaDeviceAssert),
    ("cuda_error_assert", CudaDeviceAssert),
    ("no kernel image", CudaNoKernelImage),
    ("no_binary_for_gpu", CudaNoKernelImage),
    ("nokernelimage", CudaNoKernelImage),
    ("invalid_image", CudaNoKernelImage),
    ("invalidkernelimage", CudaNoKernelImage),
    ("nobinaryforgpu", CudaNoKernelImage),
    ("named symbol not found", CudaNoKernelImage),
    ("invalid device function", CudaNoKernelImage),
    ("device kernel image is invalid", CudaNoKernelImage),
    ("status_arch_mismatch", CudaNoKernelImage),
    ("driver version is insufficient", CudaDriverTooOld),
    ("insufficientdriver", CudaDriverTooOld),
    ("driver is too old", CudaDriverTooOld),
    ("an unsupported toolchain", CudaDriverTooOld),
    ("unsupported_ptx_version", CudaDriverTooOld),
    ("unsupported display driver", CudaDriverTooOld),
    ("system_driver_mismatch", CudaDriverTooOld),
    ("forward compatibility was", CudaDriverTooOld),
    ("compat_not_supported", CudaDriverTooOld),
    ("no cuda-capable device", CudaNoDevice),
    ("no rocm-capable device", CudaNoDevice),
    ("no hip-capable device", CudaNoDevice),
    ("error_no_device", CudaNoDevice),
    ("errornodevice", CudaNoDevice),
    ("invalid device ordinal", CudaNoDevice),
    ("launch timed out", CudaLaunchTimeout),
    ("launchtimeout", CudaLaunchTimeout),
    ("launch_timeout", CudaLaunchTimeout),
    ("status_not_initialized", CublasNotInitialized),
    ("status_internal_error", CublasNotInitialized),
    ("library not initialized", CublasNotInitialized),
    ("an internal operation failed", CublasNotInitialized),
    ("gpu program failed to execute", CudaIllegalAddress),
    ("initialization error", CudaInitFailed),
    ("initializationerror", CudaInitFailed),
    ("failed to initialize", CudaInitFailed),
    ("error_not_initialized", CudaInitFailed),
    ("system not yet initialized", CudaInitFailed),
    ("system_not_ready", CudaInitFailed),
    ("devices are busy or unavailable", CudaInitFailed),
    ("devicesunavailable", CudaInitFailed),
    ("devices_unavailable", CudaInitFailed),
    ("os call failed", CudaInitFailed),
    ("error_operating_system", CudaInitFailed),
    ("erroroperatingsystem", CudaInitFailed),
    ("connect to the mps", CudaInitFailed),
    ("cudaerrorunknown", CudaInitFailed),
    ("cuda_error_unknown", CudaInitFailed),
    ("unknown error", CudaInitFailed),
)
_BY_NUMBER: Final[dict[int, type[CudaFinding]]] = {
    2: CudaOutOfMemory,
    3: CudaInitFailed,
    35: CudaDriverTooOld,
    46: CudaInitFailed,
    59: CudaDeviceAssert,
    77: CudaIllegalAddress,
    98: CudaNoKernelImage,
    100: CudaNoDevice,
    101: CudaNoDevice,
    209: CudaNoKernelImage,
    222: CudaDriverTooOld,
    304: CudaInitFailed,
    700: CudaIllegalAddress,
    702: CudaLaunchTimeout,
    710: CudaDeviceAssert,
    714: CudaIllegalAddress,
    715: CudaIllegalAddress,
    716: CudaIllegalAddress,
    717: CudaIllegalAddress,
    718: CudaIllegalAddress,
    719: CudaIllegalAddress,
    802: CudaInitFailed,
    803: CudaDriverTooOld,
    804: CudaDriverTooOld,
    999: CudaInitFailed,
}
_ERROR_NUMBER: Final = re2.compile(
    r"(?i)(?:cuda|hip|rocm)(?: runtime| driver)?(?: error| failure)[ :=]*\(?(\d{1,4})\b"
    r"|\b[Ee]rror[ =](\d{1,4}) ?: |(?:CudaAPIError: \[|(?:cuda|hip)Success \()(\d{1,4})\b"
)
_GPU: Final = re2.compile(
    r"\bGPU[ =:](\d{1,3})\b|current device: (\d{1,3})|\bon device (?:ordinal )?(\d{1,3})\b"
    r"|\bcuda:(\d{1,3})\b"
)
_PLACE: Final = re2.compile(
    r"(?:at |in )?(?:[\w:]*[/\\\\])*([\w.-]+\.(?:cu|cuh|cpp|cc|h|c))[:(](\d{1,9})"
)
_EXACT: Final = re2.compile(r"\((\d{1,20} ?(?:bytes|B))\)")
_BYTES: Final = re2.compile(
    r"(?i:allocat\w*|request\w*|size)[ =:]*(?:of )?([\d.,]{1,24} ?(?:[KMGT]i?B?|B|bytes)?)\b"
)


def _error(match: Match, context: Context) -> Finding | None:
    line = match.string
    tail = line[match.start() :].lower()
    kind = next((kind for text, kind in _TEXTS if text in tail), None)
    number = _ERROR_NUMBER.search(line)
    code = int(next(group for group in number.groups() if group)) if number else None
    if kind is None and code is not None:
        kind = _BY_NUMBER.get(code)
    if kind is None:
        return None
    role = role_here(
        kind, match, context, soft="error" not in line.lower() and "failed" not in tail
    )
    if role is None:
        return None
    gpu, place = _GPU.search(line), _PLACE.search(line)
    values: dict[str, Any] = common(match, context) | {"cuda_error": code}
    if gpu:
        values["gpu"] = int(next(group for group in gpu.groups() if group))
    if place:
        values |= {"file": place.group(1), "source_line": int(place.group(2))}
    size = _EXACT.search(line) or _BYTES.search(line)
    if size and kind is CudaOutOfMemory:
        values["bytes_requested"] = bytes_of(size.group(1))
    return kind(role=role, detail=line[match.start() :][:200].strip(), **values)


def _details(match: Match, context: Context) -> Finding | None:
    # llama.cpp says where on the lines behind the error.
    if context.facts.get("ggml-cuda") is None:
        return None
    kind: type[CudaFinding] = context.facts["ggml-cuda"]
    values = fields_of(kind, match.groupdict(), context)
    return kind(**values)


def _ggml(match: Match, context: Context) -> Finding | None:
    finding = _error(match, context)
    if finding is not None:
        context.facts["ggml-cuda"] = type(finding)
        context.facts["ggml-allocation"] = type(finding)
    return finding


def _too_old(match: Match, context: Context) -> Finding:
    values = fields_of(CudaDriverTooOld, match.groupdict(), context)
    return CudaDriverTooOld(**common(match, context) | values)


def _torch_memory(match: Match, context: Context) -> Finding | None:
    finding = finds(CudaOutOfMemory)(match, context)
    if not isinstance(finding, CudaOutOfMemory):
        return finding
    return attrs.evolve(finding, bytes_requested=bytes_of(finding.requested))


_FAILURES: Final = (
    *("error", "Error", "failure", "Failure", "unknown error", "Runtime ("),
    *("runtime ", "Runtime ", "driver ", "Driver "),
)
_SIZE: Final = r"[\d.]+ (?:[KMGT]i?B|bytes)"

SIGNATURES: Final = (
    Signature(
        name="torch-cuda-out-of-memory",
        pattern=r"(?:CUDA|HIP|XPU|NPU|MUSA) out of memory\.(?: Tried to allocate (?P<requested>"
        + _SIZE
        + r"))?(?:.*?GPU (?P<gpu>\d{1,3})(?: has a total capaci?ty of|;) (?P<total>"
        + _SIZE
        + r"))?(?:.*?(?:of which |allocated; )(?P<free>"
        + _SIZE
        + r")(?: is)? free)?",
        build=_torch_memory,
        literals=(" out of memory.",),
    ),
    Signature(
        name="cuda-error",
        pattern=r"\b(?:CUDA|Cuda|cuda|HIP|ROCm)(?: [Rr]untime| [Dd]river| unknown)?"
        r" (?:[Ee]rror|[Ff]ailure)\b.*"
        r"|\b[Cc]uda (?:Runtime|Driver) \([\w ,-]+\)|THCudaCheck FAIL .*"
        r"|\b(?:cuda|hip)[A-Z]\w+(?: error| failure|.{0,120} failed|\(\)\. .*Error \d+)\b.*"
        r"|\b(?:cuda|hip)Error\w+|\b(?:CUDA|HIP)_ERROR_\w+"
        r"|\b(?:cuda|hip)Success\b(?:.*: | \(\d+ vs\. 0\)).*|\bCall to cu[A-Z]\w+ results in .*"
        r"|\bcu(?:Mem|Module|Launch|Ctx|Stream|Event|Init|Device|Graph|Func)\w*(?:\(\)| failed): .*"
        r"|\bHSA_STATUS_ERROR_\w+.*|\[(?:CUDA|HIP)\] Error.*|\bfailed with error <[^>]*>:\d+ .*",
        build=_ggml,
        literals=(
            *(f"{cuda} {what}" for cuda in ("UDA", "uda", "HIP", "ROCm") for what in _FAILURES),
            *(f"cuda{letter}" for letter in ascii_uppercase),  # the functions of the runtime
            *(f"hip{letter}" for letter in ascii_uppercase),
            *("CUDA_ERROR_", "HIP_ERROR_", "[CUDA] Error", "[HIP] Error", "failed with error <"),
            *("cuMem", "cuModule", "cuLaunch", "cuCtx", "cuStream", "cuEvent", "cuInit"),
            *("cuDevice", "cuGraph", "cuFunc", "HSA_STATUS_ERROR_"),
            *("THCudaCheck FAIL ", "Call to cu"),
        ),
    ),
    Signature(
        name="cuda-message-alone",
        pattern=r"(?P<x>an illegal (?:memory access|instruction) was encountered"
        r"|no kernel image is available for execution"
        r"|no (?:CUDA|ROCm|HIP)-capable device is detected|device-side assert triggered"
        r"|Error (?:named symbol not found|invalid device function|no kernel image\S*) at line"
        r"|the launch timed out and was terminated|unspecified launch failure"
        r"|CU\w+_STATUS_(?:NOT_INITIALIZED|ALLOC_FAILED|EXECUTION_FAILED|ARCH_MISMATCH"
        r"|INTERNAL_ERROR)|cublas runtime error : .*"
        r"|PTX was compiled with an unsupported toolchain"
        r"|forward compatibility was attempted on non supported HW"
        r"|unsupported display driver / cuda driver combination"
        r"|CUDA driver version is insufficient)",
        build=_error,
        literals=(
            "an illegal memory access was",
            "an illegal instruction was",
            "no kernel image is available",
            "-capable device is detected",
            "device-side assert triggered",
            "named symbol not found at line",
            "invalid device function at line",
            "Error no kernel image",
            "the launch timed out and was",
            "unspecified launch failure",
            "_STATUS_NOT_INITIALIZED",
            "_STATUS_ALLOC_FAILED",
            "_STATUS_EXECUTION_FAILED",
            "_STATUS_ARCH_MISMATCH",
            "_STATUS_INTERNAL_ERROR",
            "cublas runtime error : ",
            "with an unsupported toolchain",
            "forward compatibility was attempted",
            "unsupported display driver",
            "driver version is insufficient",
        ),
        generic=True,
    ),
    Signature(
        name="cuda-place",
        pattern=r"current device: (?P<gpu>\d{1,3}), in function \S+ at "
        r"(?:[^ :]*[/\\]|[A-Z]:[^ :]*[/\\])?(?P<file>[^ :/\\]+):(?P<source_line>\d{1,9})",
        build=_details,
        literals=("current device: ",),
    ),
    Signature(
        name="cuda-device-assert",
        pattern=r"(?P<file>[\w.-]+\.(?:cu|cuh|h|cpp)):(?P<source_line>\d{1,9}): .*?"
        r"thread: \[.*?[Aa]ssertion [`'\x{2018}\"](?P<assertion>.+?)[`'\x{2019}\"]?\.?"
        r"(?: failed|\s*$)",
        build=finds(CudaDeviceAssert),
    ),
    Signature(
        name="cuda-driver-too-old",
        pattern=r"(?P<detail>NVIDIA driver on your system is too old)(?: \(found version "
        r"(?P<driver_cuda_version>\d{1,9})\))?",
        build=_too_old,
        literals=("driver on your system is too old",),
        any_level=True,  # a UserWarning, after which CUDA is simply not there
    ),
)
