"""What can go wrong with a GPU of NVIDIA, or with one that is used in the same way."""

import attrs

from diagnostics.catalog._building import Recognized


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
    weight = 1  # the host's memory is told of in the same words
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
