"""Errors of CUDA as PyTorch, MLX, llama.cpp, NCCL and others print them."""

from string import ascii_uppercase
from typing import Any, Final

import attrs
import re2

from diagnostics.catalog._building import Recognized, common, fields_of, finds, role_here
from diagnostics.findings import Finding
from diagnostics.signatures import Context, Match, Signature


@attrs.frozen(kw_only=True)
class CudaFinding(Recognized):
    """
    An error of CUDA.

    Attributes:
        cuda_error: The error's number, where it is printed.
        gpu: The GPU's index.
        file: The source file that is named.
        source_line: The line in that file.
    """

    endings = ("exit", "SIGABRT")

    cuda_error: int | None = None
    gpu: int | None = None
    file: str | None = None
    source_line: int | None = None


@attrs.frozen(kw_only=True)
class CudaOutOfMemory(CudaFinding):
    """
    The GPU has no memory left.

    Attributes:
        requested: The size asked for, with its unit as printed.
        total: The GPU's memory.
        free: What of it is free.
        bytes_requested: The size asked for in bytes.
    """

    cause = "cuda-out-of-memory"
    versions = "PyTorch 0.4 on; MLX with CUDA since 0.27; llama.cpp; NCCL"
    remedy = (
        "Use a smaller batch, context or model, lower gpu_memory_utilization, end what else uses"
        " the GPU. A request of an absurd size is a wrong shape."
    )
    references = ("ml-explore/mlx#2821", "ollama/ollama#9782")

    requested: str | None = None
    total: str | None = None
    free: str | None = None
    bytes_requested: int | None = None

    @property
    def message(self) -> str:
        """How much was asked for, and of what."""
        size = self.requested or (self.bytes_requested and f"{self.bytes_requested} bytes")
        of = f" of {self.total}" if self.total else ""
        gpu = f" GPU {self.gpu}" if self.gpu is not None else " a GPU"
        return f"out of memory on{gpu}{of}" + (f": {size} asked for" if size else "")


@attrs.frozen(kw_only=True)
class CudaIllegalAddress(CudaFinding):
    """A GPU kernel used memory that it must not."""

    cause = "cuda-illegal-address"
    remedy = (
        "A bug of a kernel, told at some later call: run again with CUDA_LAUNCH_BLOCKING=1, compare"
        " the versions. Sometimes it is a lack of memory."
    )
    references = ("microsoft/CNTK#1850", "NVIDIA/TensorRT#3491")


@attrs.frozen(kw_only=True)
class CudaDeviceAssert(CudaFinding):
    """
    An assertion in a GPU kernel did not hold.

    Attributes:
        assertion: What did not hold.
    """

    cause = "cuda-device-assert"
    remedy = (
        "Mostly an index out of range, such as a token beyond the vocabulary: check the inputs by"
        " running once on the CPU."
    )
    references = ("EleutherAI/lm-evaluation-harness#2293",)

    assertion: str | None = None

    @property
    def message(self) -> str:
        """What did not hold."""
        return f"an assertion in a GPU kernel failed: {self.assertion or 'not named'}"


@attrs.frozen(kw_only=True)
class CudaNoKernelImage(CudaFinding):
    """The library has no code for this GPU."""

    cause = "cuda-no-kernel-image"
    remedy = "It was built without this GPU's compute capability: install another build."
    references = ("hustvl/Vim#42",)


@attrs.frozen(kw_only=True)
class CudaDriverTooOld(CudaFinding):
    """
    The NVIDIA driver is older than the library needs.

    Attributes:
        driver_cuda_version: The version of CUDA that the driver knows, as printed.
    """

    cause = "cuda-driver-too-old"
    remedy = "Update the NVIDIA driver, or install a build made for it."
    references = ("RangiLyu/nanodet#216",)

    driver_cuda_version: int | None = None


@attrs.frozen(kw_only=True)
class CudaNoDevice(CudaFinding):
    """No NVIDIA GPU or no driver can be seen."""

    cause = "cuda-no-device"
    remedy = "Check the driver, the container's GPU options and CUDA_VISIBLE_DEVICES."


@attrs.frozen(kw_only=True)
class CudaToolkitMissing(CudaFinding):
    """The headers of CUDA, needed to compile kernels, were not found."""

    cause = "cuda-toolkit-missing"
    versions = "MLX; other words since 0.30.1"
    remedy = "Set CUDA_HOME, or install the nvidia-cuda-* packages."


@attrs.frozen(kw_only=True)
class CudaInitFailed(CudaFinding):
    """CUDA could not be initialised."""

    cause = "cuda-init-failed"
    weight = -1
    remedy = "Look at the driver and at the module nvidia_uvm; llama.cpp goes on with the CPU."
    references = ("ggml-org/llama.cpp#1866",)


@attrs.frozen(kw_only=True)
class CudaLaunchTimeout(CudaFinding):
    """A GPU kernel ran longer than the watchdog allows."""

    cause = "cuda-launch-timeout"
    remedy = (
        "A watchdog reset the GPU: an overlong kernel or a slow PCIe link; see `dmesg` for Xid."
    )
    references = ("Anbeeld/beellama.cpp#65",)


@attrs.frozen(kw_only=True)
class CublasNotInitialized(CudaFinding):
    """cuBLAS could not be initialised."""

    cause = "cublas-not-initialized"
    remedy = "Mostly the GPU's memory is used up at that moment; else driver and library differ."
    references = ("Vision-CAIR/MiniGPT-4#89",)


# The texts of cudaGetErrorString and the names of the codes, each lower case.
_TEXTS: Final[tuple[tuple[str, type[CudaFinding]], ...]] = (
    ("out of memory", CudaOutOfMemory),
    ("memoryallocation", CudaOutOfMemory),
    ("out_of_memory", CudaOutOfMemory),
    ("illegal memory access", CudaIllegalAddress),
    ("illegal address", CudaIllegalAddress),
    ("illegaladdress", CudaIllegalAddress),
    ("illegal_address", CudaIllegalAddress),
    ("misaligned address", CudaIllegalAddress),
    ("unspecified launch failure", CudaIllegalAddress),
    ("launchfailure", CudaIllegalAddress),
    ("launch_failed", CudaIllegalAddress),
    ("device-side assert", CudaDeviceAssert),
    ("no kernel image", CudaNoKernelImage),
    ("named symbol not found", CudaNoKernelImage),
    ("invalid device function", CudaNoKernelImage),
    ("driver version is insufficient", CudaDriverTooOld),
    ("driver is too old", CudaDriverTooOld),
    ("no cuda-capable device", CudaNoDevice),
    ("invalid device ordinal", CudaNoDevice),
    ("launch timed out", CudaLaunchTimeout),
    ("launchtimeout", CudaLaunchTimeout),
    ("launch_timeout", CudaLaunchTimeout),
    ("cublas_status_not_initialized", CublasNotInitialized),
    ("cublas_status_alloc_failed", CublasNotInitialized),
    ("initialization error", CudaInitFailed),
    ("failed to initialize", CudaInitFailed),
    ("unknown error", CudaInitFailed),
)
_BY_NUMBER: Final[dict[int, type[CudaFinding]]] = {
    2: CudaOutOfMemory,
    35: CudaDriverTooOld,
    100: CudaNoDevice,
    101: CudaNoDevice,
    209: CudaNoKernelImage,
    700: CudaIllegalAddress,
    716: CudaIllegalAddress,
    719: CudaIllegalAddress,
    702: CudaLaunchTimeout,
    710: CudaDeviceAssert,
    77: CudaIllegalAddress,
    59: CudaDeviceAssert,
}
_ERROR_NUMBER: Final = re2.compile(r"(?i)cuda(?: runtime)?(?: error| failure)[ :=]*\(?(\d{1,4})\b")
_GPU: Final = re2.compile(r"\bGPU[ =](\d{1,3})\b|current device: (\d{1,3})")
_PLACE: Final = re2.compile(
    r"(?:at |in )?(?:[\w:]*[/\\\\])*([\w.-]+\.(?:cu|cuh|cpp|cc|h|c))[:(](\d{1,9})"
)
_BYTES: Final = re2.compile(r"(?i)(?:allocate|allocating|size[ =:]*) ?(\d{4,20})(?: bytes|\b)")


def _error(match: Match, context: Context) -> Finding | None:
    line = match.string
    tail = line[match.start() :].lower()
    kind = next((kind for text, kind in _TEXTS if text in tail), None)
    number = _ERROR_NUMBER.search(line)
    code = int(number.group(1)) if number else None
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
        values["gpu"] = int(gpu.group(1) or gpu.group(2))
    if place:
        values |= {"file": place.group(1), "source_line": int(place.group(2))}
    size = _BYTES.search(line)
    if size and kind is CudaOutOfMemory:
        values["bytes_requested"] = int(size.group(1))
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
    return finding


_FAILURES: Final = (
    *("error", "Error", "failure", "Failure"),
    *("runtime ", "Runtime ", "driver ", "Driver "),
)
_SIZE: Final = r"[\d.]+ (?:[KMGT]i?B|bytes)"

SIGNATURES: Final = (
    Signature(
        name="torch-cuda-out-of-memory",
        pattern=r"(?:CUDA|HIP|XPU) out of memory\.(?: Tried to allocate (?P<requested>"
        + _SIZE
        + r"))?(?:.*?GPU (?P<gpu>\d{1,3})(?: has a total capacity of|;) (?P<total>"
        + _SIZE
        + r"))?(?:.*?(?:of which |allocated; )(?P<free>"
        + _SIZE
        + r")(?: is)? free)?",
        build=finds(CudaOutOfMemory),
        literals=(" out of memory.",),
    ),
    Signature(
        name="cuda-error",
        pattern=r"\b(?:CUDA|Cuda|cuda)(?: [Rr]untime| [Dd]river)? (?:[Ee]rror|[Ff]ailure)\b.*"
        r"|\bcuda[A-Z]\w+(?: error| failure|.{0,120} failed)\b.*"
        r"|\bcudaError\w+|\bCUDA_ERROR_\w+",
        build=_ggml,
        literals=(
            *(f"{cuda} {what}" for cuda in ("UDA", "uda") for what in _FAILURES),
            *(f"cuda{letter}" for letter in ascii_uppercase),  # the functions of the runtime
            "CUDA_ERROR_",
        ),
    ),
    Signature(
        name="cuda-message-alone",
        pattern=r"(?P<x>an illegal memory access was encountered"
        r"|no kernel image is available for execution"
        r"|CUDA-capable device is detected|device-side assert triggered"
        r"|Error named symbol not found at line|the launch timed out and was terminated"
        r"|CUBLAS_STATUS_(?:NOT_INITIALIZED|ALLOC_FAILED)"
        r"|CUDA driver version is insufficient)",
        build=_error,
        literals=(
            "an illegal memory access was",
            "no kernel image is available",
            "CUDA-capable device",
            "device-side assert triggered",
            "named symbol not found",
            "the launch timed out and was",
            "CUBLAS_STATUS_NOT_INITIALIZED",
            "CUBLAS_STATUS_ALLOC_FAILED",
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
        r"thread: \[.*?[Aa]ssertion [`'\x{2018}\"](?P<assertion>[^`'\x{2019}\"]+)",
        build=finds(CudaDeviceAssert),
    ),
    Signature(
        name="cuda-driver-too-old",
        pattern=r"(?P<detail>NVIDIA driver on your system is too old)(?: \(found version "
        r"(?P<driver_cuda_version>\d{1,9})\))?",
        build=lambda match, context: CudaDriverTooOld(
            **fields_of(CudaDriverTooOld, match.groupdict(), context)
        ),
        literals=("driver on your system is too old",),
        any_level=True,  # a UserWarning, after which CUDA is simply not there
    ),
    Signature(
        name="cuda-no-driver",
        pattern=r"(?P<detail>Found no NVIDIA driver on your system|Torch not compiled with CUDA"
        r" enabled"
        r"|No CUDA GPUs are available|no CUDA-capable device is detected"
        r"|Failed to infer device type)",
        build=finds(CudaNoDevice),
        literals=(
            "Found no NVIDIA driver",
            "not compiled with CUDA enabled",
            "No CUDA GPUs are available",
            "no CUDA-capable device",
            "Failed to infer device type",
        ),
    ),
    Signature(
        name="cuda-toolkit-missing",
        pattern=r"(?P<detail>Can ?not find locations of CUDA headers"
        r"|Environment variable CUDA_HOME or CUDA_PATH is not set"
        r"|CUDA_HOME environment variable is not set)",
        build=finds(CudaToolkitMissing),
        literals=(
            "locations of CUDA headers",
            "CUDA_PATH is not set",
            "CUDA_HOME environment variable is",
        ),
    ),
    Signature(
        name="cuda-init",
        pattern=r"(?P<detail>failed to initialize CUDA.*|CUDA initialization: (?:CUDA )?"
        r"(?:unknown|Unexpected) error.*)",
        build=finds(CudaInitFailed),
        literals=("failed to initialize CUDA", "CUDA initialization: "),
    ),
    Signature(
        name="mlx-cuda-graph-out-of-memory",
        pattern=r"\[malloc_async\] Unable to allocate (?P<bytes_requested>\d{1,20}) bytes",
        build=finds(CudaOutOfMemory),
    ),
)
