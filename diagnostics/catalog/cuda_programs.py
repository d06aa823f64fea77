"""What frameworks and tools say of a GPU in words of their own: PyTorch, XLA, ggml, containers."""

from typing import Final

import attrs

from diagnostics._prefixes import PREFIX
from diagnostics.catalog._building import fields_of, finds
from diagnostics.catalog._sizes import bytes_of
from diagnostics.catalog.cuda import (
    CublasNotInitialized,
    CudaFinding,
    CudaIllegalAddress,
    CudaInitFailed,
    CudaLaunchTimeout,
    CudaNoDevice,
    CudaNoKernelImage,
    CudaOutOfMemory,
    CudaToolkitMissing,
)
from diagnostics.catalog.host import OutOfMemoryHost
from diagnostics.catalog.loader import ImportErrorMissingLibrary
from diagnostics.catalog.metal import MetalOutOfMemory
from diagnostics.findings import Finding
from diagnostics.signatures import Context, Match, Signature


def _memory(match: Match, context: Context) -> Finding | None:
    finding = finds(CudaOutOfMemory)(match, context)
    if not isinstance(finding, CudaOutOfMemory):
        return finding
    found = match.groupdict()
    size = found.get("size") or found.get("asked") or found.get("needed")
    return attrs.evolve(finding, bytes_requested=bytes_of(size)) if size else finding


def _refused(match: Match, context: Context) -> Finding | None:
    context.facts["allocation-refused"] = True
    return finds(CudaOutOfMemory)(match, context)


def _refused_size(match: Match, context: Context) -> Finding | None:
    # PyTorch's asynchronous allocator says how much on a line behind the exception's first.
    if not context.facts.pop("allocation-refused", False):
        return None
    requested = match.group("requested")
    return CudaOutOfMemory(requested=requested, bytes_requested=bytes_of(requested))


def _allocator(match: Match, context: Context) -> Finding:
    of_gpu = match.group("gpu") is not None
    kind: type[CudaOutOfMemory | OutOfMemoryHost] = CudaOutOfMemory if of_gpu else OutOfMemoryHost
    return kind(tentative=True, **fields_of(kind, match.groupdict(), context))


def _buffer(match: Match, context: Context) -> Finding | None:
    # ggml names its kinds of buffers: CUDA0, ROCm1, Vulkan0, Metal, CPU, CUDA_Host.
    name = match.group("kind")
    kind: type[Finding] = CudaOutOfMemory
    if name.startswith(("Metal", "MTL")):
        kind = MetalOutOfMemory
    elif name.startswith("CPU") or name.endswith("_Host"):
        kind = OutOfMemoryHost
    context.facts["ggml-allocation"] = kind
    return finds(kind)(match, context)


def _follows(match: Match, context: Context) -> Finding | None:
    """Read what ggml's callers add to a failed allocation: the line before it says of what."""
    kind: type[Finding] | None = context.facts.get("ggml-allocation")
    return finds(kind)(match, context) if kind is not None else None


def _wgpu_memory(match: Match, context: Context) -> Finding | None:
    # One library for all kinds of GPUs: on macOS there is only Metal.
    kind = MetalOutOfMemory if context.platform == "darwin" else CudaOutOfMemory
    return finds(kind)(match, context)


def _library(match: Match, context: Context) -> Finding | None:
    finding = finds(ImportErrorMissingLibrary)(match, context)
    if not isinstance(finding, ImportErrorMissingLibrary):
        return finding
    name = match.group("library") or match.group("named") or match.group("first")
    return attrs.evolve(finding, library=name)


_XID: Final[dict[int, type[CudaFinding]]] = {
    8: CudaLaunchTimeout,
    13: CudaIllegalAddress,
    31: CudaIllegalAddress,
    79: CudaNoDevice,
}


def _xid(match: Match, context: Context) -> Finding | None:
    kind = _XID.get(int(match.group("number")))
    return finds(kind)(match, context) if kind is not None else None


SIGNATURES: Final = (
    Signature(
        name="cuda-no-driver",
        pattern=r"(?P<detail>Found no NVIDIA driver on your system|Torch not compiled with CUDA"
        r" enabled"
        r"|No (?:CUDA|HIP|XPU) (?:GPUs|devices) are available"
        r"|no (?:CUDA|ROCm)-capable device is detected"
        r"|torch\.cuda\.is_available\(\) is False|CUDA driver initialization failed"
        r"|No GPU found\. A GPU is needed|No visible GPU devices"
        r"|couldn't communicate with the NVIDIA driver"
        r"|could not select device driver \S* ?with capabilities: \[\[gpu"
        r"|nvidia-container-cli: (?:initialization error: [^c]|(?:device|requirement|mount) error)"
        r"|NVMLError_(?:LibraryNotFound|DriverNotLoaded)"
        r"|Failed to infer device type)",
        build=finds(CudaNoDevice),
        literals=(
            "Found no NVIDIA driver",
            "not compiled with CUDA enabled",
            "GPUs are available",
            "devices are available",
            "torch.cuda.is_available() is False",
            "CUDA driver initialization failed",
            "No GPU found.",
            "No visible GPU devices",
            "communicate with the NVIDIA driver",
            "could not select device driver",
            "nvidia-container-cli: ",
            "NVMLError_",
            "-capable device is detected",
            "Failed to infer device type",
        ),
    ),
    Signature(
        name="cuda-toolkit-missing",
        pattern=r"(?P<detail>Can ?not find locations of CUDA headers"
        r"|Environment variable CUDA_HOME or CUDA_PATH is not set"
        r"|CUDA_HOME environment variable is not set|Could not find nvcc"
        r"|failed to open libnvrtc-builtins|NVRTC_ERROR_BUILTIN_OPERATION_FAILURE"
        r"|libdevice(?: directory \S+|\.10\.bc)? not found|[Cc]an't find libdevice directory"
        r"|(?:Couldn't (?:invoke|get)|Cannot find(?: the)?|[Nn]o) ptxas\b"
        r"|The detected CUDA version \(\S+\) mismatches the version that was used to compile)",
        build=finds(CudaToolkitMissing),
        literals=(
            "locations of CUDA headers",
            "CUDA_PATH is not set",
            "CUDA_HOME environment variable is",
            "Could not find nvcc",
            "to open libnvrtc-builtins",
            "NVRTC_ERROR_BUILTIN",
            "libdevice",
            " ptxas",
            "The detected CUDA version",
        ),
    ),
    Signature(
        name="cuda-init",
        pattern=r"(?P<detail>failed to initialize (?:CUDA|ROCm|MUSA).*"
        r"|CUDA initialization: (?:CUDA )?(?:unknown|Unexpected) error.*)",
        build=finds(CudaInitFailed),
        literals=(
            *(f"failed to initialize {name}" for name in ("CUDA", "ROCm", "MUSA")),
            "CUDA initialization: ",
        ),
    ),
    Signature(
        name="mlx-cuda-graph-out-of-memory",
        pattern=r"\[malloc_async\] Unable to allocate (?P<bytes_requested>\d{1,20}) bytes",
        build=finds(CudaOutOfMemory),
    ),
    Signature(
        name="xla-out-of-memory",
        pattern=r"(?P<detail>(?:RESOURCE_EXHAUSTED|Resource exhausted): (?:Out of memory"
        r"|Failed to allocate"
        r"|Ran out of memory|OOM when allocating).*?(?:(?P<size>\d[\d.,]* ?(?:bytes|B))\b.*)?)$",
        build=_memory,
        literals=("RESOURCE_EXHAUSTED: ", "Resource exhausted: "),
    ),
    Signature(
        name="tensorflow-out-of-memory",
        pattern=r"(?P<detail>OOM when allocating tensor with shape\S.*device:GPU:(?P<gpu>\d{1,3})"
        r"|Allocator for GPU ran out of memory when allocating (?P<bytes_requested>\d{1,20})"
        r"|Failed copying input tensor from \S+ to \S*GPU\S* .*|Dst tensor is not initialized)",
        build=_memory,
        literals=(
            "OOM when allocating tensor",
            "Allocator for GPU ran out",
            "Failed copying input tensor",
            "Dst tensor is not",
        ),
    ),
    Signature(
        name="tensorflow-host-memory",
        pattern=r"(?P<detail>OOM when allocating tensor with shape\S.*device:CPU:\d)",
        build=finds(OutOfMemoryHost),
    ),
    Signature(
        name="tensorflow-allocator",
        # What a caller could do without is told in other words, with `freed_by_count`.
        pattern=r"(?P<detail>Allocator \((?:GPU_(?P<gpu>\d{1,3})_\w+|mklcpu|cpu\w*)\) ran out of"
        r" memory trying to allocate (?P<requested>[\d.]+[KMGT]?i?B)) ?\(rounded to"
        r" (?P<bytes_requested>\d{1,20})\)",
        build=_allocator,
        any_level=True,  # a warning, with the state of the memory behind it
        literals=(" ran out of memory trying to allocate",),
    ),
    Signature(
        name="gpu-library-handle",
        pattern=r"(?P<detail>(?i:could not|couldn't|failed to) create (?:cu|roc|mi)\w+ handle.*"
        r"|cuDNN failed to initialize"
        r"|DNN library initialization failed"
        r"|using StreamExecutor without BLAS support|cuSolver has not been initialized)",
        build=finds(CublasNotInitialized, soft=True),
        literals=(
            *(" create cu", " create roc", " create mi"),
            "cuDNN failed to initialize",
            "DNN library initialization failed",
            "without BLAS support",
            "cuSolver has not been",
        ),
        generic=True,
    ),
    Signature(
        name="torch-allocation-refused",
        pattern=r"(?P<detail>Allocation on device(?: (?P<gpu>\d{1,3}))?(?: would exceed"
        r" allowed memory.*"
        r"|:? ?$))",
        build=_refused,
        literals=("Allocation on device",),
    ),
    Signature(
        name="torch-allocation-size",
        pattern=r"^Requested {2,30}: (?P<requested>[\d.]+ [KMGT]?i?B)\s*$",
        build=_refused_size,
        literals=("Requested  ",),
    ),
    Signature(
        name="torch-out-of-memory-error",
        pattern=PREFIX + r"(?P<exception>torch\.(?:cuda\.)?OutOfMemoryError)(?:: .*|\s*)$",
        build=finds(CudaOutOfMemory),
        literals=("OutOfMemoryError",),
        generic=True,
    ),
    Signature(
        name="cupy-out-of-memory",
        pattern=r"(?:(?:Error|EXHAUSTED): (?:.*: )?|^)(?P<detail>Out of memory allocating"
        r" (?P<size>[\d,]{1,24} bytes))"
        r"|out of memory to allocate (?P<asked>\d{1,20} bytes) \(total \d+ bytes\)",
        build=_memory,
        literals=("Out of memory allocating ", "out of memory to allocate "),
    ),
    Signature(
        name="onnxruntime-out-of-memory",
        pattern=r"(?P<detail>Failed to allocate memory for requested buffer of size"
        r" (?P<bytes_requested>\d{1,20})|Available memory of \d+ is smaller than requested bytes of"
        r" (?P<needed>\d{1,20}))",
        build=_memory,
        literals=("memory for requested buffer of size", "is smaller than requested bytes"),
    ),
    Signature(
        name="tensorrt-out-of-memory",
        pattern=r"(?P<detail>Error Code \d+: OutOfMemory \((?:Requested size was"
        r" (?P<bytes_requested>\d{1,20}))?"
        r"|Requested amount of GPU memory \((?P<size>\d{1,20} bytes)\) could not be allocated)",
        build=_memory,
        literals=(": OutOfMemory (", "Requested amount of GPU memory"),
    ),
    Signature(
        name="other-gpu-programs-out-of-memory",
        pattern=r"(?P<detail>MemorySpace named \"(?:Cuda|HIP)\w*\" failed .*insufficient memory"
        r"|(?:Cuda|HIP)\w* memory space failed to allocate (?P<size>[\d.]+ \w+)?"
        r"|System is out of GPU (?:and shared host )?memory"
        r"|[Oo]ut of GPU memory trying to allocate (?P<asked>[\d.]+ \w+)"
        r"|Out of memory error on GPU (?P<gpu>\d{1,3})\. Cannot allocate (?P<needed>[\d.]+ ?\w+)"
        r"|OUT_OF_MEMORY in cu\w+\(|Not enough allocatable device memory for this attack)",
        build=_memory,
        literals=(
            *('named "Cuda', 'named "HIP', "memory space failed to allocate"),
            *("ut of GPU memory trying to allocate", "Out of memory error on GPU"),
            *("System is out of GPU ", "OUT_OF_MEMORY in cu", "Not enough allocatable device"),
        ),
    ),
    Signature(
        name="wgpu-out-of-memory",
        pattern=r"(?P<detail>wgpu error: Out of Memory|^\s*Not enough memory left\.?\s*$)",
        build=_wgpu_memory,
        literals=("wgpu error: Out of Memory", "Not enough memory left"),
    ),
    Signature(
        name="cuda-library-missing",
        pattern=r"Library (?P<library>[\w.+-]+) is not found or cannot be loaded"
        r"|Could not (?:load library|locate) (?P<named>[\w.+-]+\.(?:dll|so[.\d]*))\. (?:Error code"
        r"|Please make sure)"
        r"|Unable to load any of \{(?P<first>[^,}]+)",
        build=_library,
        literals=(
            " is not found or cannot be loaded",
            *("Could not load library ", "Could not locate "),
            "Unable to load any of {",
        ),
    ),
    Signature(
        name="server-gpu-memory",
        pattern=r"(?P<detail>Not enough memory\. Please try to increase --mem-fraction-static"
        r"|Not enough memory to handle \d+ prefill tokens)",
        build=finds(CudaOutOfMemory),
        literals=("increase --mem-fraction-static", "Not enough memory to handle "),
    ),
    Signature(
        name="ggml-buffer",
        pattern=r"(?P<detail>(?:failed|unable) to allocate (?P<kind>(?:CUDA|ROCm|MUSA|Vulkan|SYCL"
        r"|CANN|Metal|MTL|CPU)\w*) buffer)(?: of size (?P<bytes_requested>\d{1,20}))?",
        build=_buffer,
        literals=(" to allocate ",),
    ),
    Signature(
        name="ggml-allocation-follows",
        pattern=r"(?P<detail>failed to allocate (?:compute (?:pp |tg )?buffers"
        r"|buffer for (?:kv|rs) cache|graph)|unable to allocate backend buffer"
        r"|failed to reserve graph buffers"
        r"|llama_kv_cache_init\(\) failed)",
        build=_follows,
        literals=(
            "failed to allocate compute",
            "failed to allocate buffer for",
            "failed to allocate graph",
            "unable to allocate backend buffer",
            "failed to reserve graph buffers",
            "llama_kv_cache_init() failed",
        ),
    ),
    Signature(
        name="ggml-no-device-code",
        pattern=r"(?P<detail>has no device code compatible with CUDA arch \d+"
        r"|(?:ptxas|nvcc) fatal +: (?:Value 'sm_\w+' is not defined|Unsupported gpu architecture)"
        r"|rocBLAS error: (?:Cannot read|Could not load|Could not initialize) .*Tensile.*"
        r"|Cannot read \S*TensileLibrary\S*|Unable to find code object for all current devices"
        r"|compiled for a different GPU\?)",
        build=finds(CudaNoKernelImage),
        literals=(
            "no device code compatible with",
            "ptxas fatal",
            "nvcc fatal",
            "Tensile",
            "code object for all current devices",
            "compiled for a different GPU",
        ),
    ),
    Signature(
        name="vulkan-sycl-out-of-memory",
        pattern=r"(?P<detail>Device memory allocation of size (?P<bytes_requested>\d{1,20}) failed"
        r"|ErrorOutOfDeviceMemory|VK_ERROR_OUT_OF_DEVICE_MEMORY"
        r"|UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY)",
        build=finds(CudaOutOfMemory),
        literals=("Device memory allocation of size ", "OutOfDeviceMemory", "OUT_OF_DEVICE_MEMORY"),
    ),
    Signature(
        name="gpu-lost",
        pattern=r"(?P<detail>ErrorDeviceLost|ggml_vulkan: device lost on \w+|VK_ERROR_DEVICE_LOST"
        r"|UR_RESULT_ERROR_DEVICE_LOST"
        r"|HW Exception by GPU .*reason ?: ?GPU Hang|amdgpu.*: ring \S+ timeout)",
        build=finds(CudaLaunchTimeout),
        literals=(
            "DeviceLost",
            "ggml_vulkan: device lost",
            "DEVICE_LOST",
            "HW Exception by GPU",
            ": ring ",
        ),
    ),
    Signature(
        name="rocm-memory-fault",
        pattern=r"(?P<detail>Memory access fault by GPU node-\d+ .*)",
        build=finds(CudaIllegalAddress, signal="SIGABRT"),
        literals=("Memory access fault by GPU",),
    ),
    Signature(
        name="amdgpu-page-fault",
        # The kernel's log; a fault that is retried may be served.
        pattern=r"amdgpu\b.*\[(?P<detail>\w*hub\d*\] (?:no-retry )?page fault \(src_id:.*)",
        build=finds(CudaIllegalAddress),
        literals=("page fault (src_id:",),
    ),
    Signature(
        name="nvidia-kernel-xid",
        pattern=r"NVRM: (?P<detail>Xid \(PCI:[^)]*\): (?P<number>\d{1,3}), .*)",
        build=_xid,
        literals=("NVRM: Xid",),
    ),
    Signature(
        name="nvidia-kernel-bus",
        pattern=r"NVRM: (?P<detail>.*\bfallen off the bus.*)",
        build=finds(CudaNoDevice),
        literals=("fallen off the bus",),
    ),
)
