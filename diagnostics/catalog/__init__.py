"""The causes that are known out of the box, by family."""

from typing import TypeAlias

from diagnostics.catalog import (
    assertions,
    corruption,
    cpp,
    crash_handlers,
    crash_records,
    cuda_lines,
    cuda_programs,
    distributed,
    exit_status,
    ggml_models,
    host_errno,
    host_files,
    host_lines,
    host_memory,
    host_network,
    host_oom_kill,
    host_programs,
    hub,
    jaccl,
    launchers,
    loader_lines,
    metal,
    metal_hosts,
    metal_library,
    metal_limits,
    mlx,
    model_kinds,
    native_frames,
    nccl_lines,
    panics,
    python,
    python_fatal,
    python_lines,
    ring,
    ring_setup,
    sanitizers,
    shared_memory,
    shells,
    torch_lines,
    vllm,
    weights,
    weights_missing,
    workers,
)
from diagnostics.catalog.corruption import (
    AbortPureVirtualCall,
    BufferOverflowDetected,
    GlibcFatal,
    HeapCorruption,
    StackSmashing,
)
from diagnostics.catalog.cpp import (
    AbortNoActiveException,
    AbortUncaughtCppException,
)
from diagnostics.catalog.cuda import (
    CublasNotInitialized,
    CudaDeviceAssert,
    CudaDriverTooOld,
    CudaIllegalAddress,
    CudaInitFailed,
    CudaLaunchTimeout,
    CudaNoDevice,
    CudaNoKernelImage,
    CudaOutOfMemory,
    CudaToolkitMissing,
)
from diagnostics.catalog.distributed import (
    DistributedBadBackend,
    DistributedNoBackend,
    MpiInitFailed,
)
from diagnostics.catalog.host import (
    AddressInUse,
    BindFailed,
    BrokenPipe,
    ConnectionRefused,
    FileNotFound,
    NoSpaceLeft,
    OutOfMemoryHost,
    PermissionDenied,
    SignalInterrupted,
    SignalKilled,
    SignalTerminated,
    ThreadCreateFailed,
    TooManyOpenFiles,
)
from diagnostics.catalog.hub import (
    GatedRepo,
    HubUnreachable,
    TokenizerBadFile,
    TokenizerMissing,
)
from diagnostics.catalog.jaccl import (
    JacclBadConfig,
    JacclBindFailed,
    JacclConnectFailed,
    JacclDeviceMissing,
    JacclNoGid,
    JacclPostFailed,
    JacclQueuePairCreateFailed,
    JacclQueuePairTransitionFailed,
    JacclResource,
    JacclSideChannelLost,
    JacclUnavailable,
)
from diagnostics.catalog.loader import (
    GlibcVersion,
    ImportErrorMissingLibrary,
    ImportErrorUndefinedSymbol,
    LoaderError,
)
from diagnostics.catalog.metal import (
    MetalCommandBufferError,
    MetalGpuHang,
    MetalGpuTimeout,
    MetalImpactingInteractivity,
    MetalInnocentVictim,
    MetalOutOfMemory,
    MetalPageFault,
    MetalSubmissionsIgnored,
)
from diagnostics.catalog.metal_library import (
    MetalKernelCompileFailed,
    MetalKernelLoadFailed,
    MetalLibraryIncompatible,
    MetalLibraryMissing,
    MetalNoDevice,
)
from diagnostics.catalog.metal_limits import (
    MetalApiAssertion,
    MetalBufferTooLarge,
    MetalEventTimeout,
    MetalResourceLimit,
    MetalWiredLimitTooLarge,
)
from diagnostics.catalog.mlx import (
    MlxCpuJitFailed,
    MlxCudaCacheThrashing,
    MlxInvalidEvent,
    MlxNoGpuBackend,
    MlxStreamNotInThread,
    MlxStreamStopped,
)
from diagnostics.catalog.native import (
    Abort,
    BusError,
    FloatingPointException,
    IllegalInstruction,
    PythonFatalInit,
    PythonShutdownRace,
    Segfault,
    StackOverflow,
    ThreadStacks,
)
from diagnostics.catalog.nccl import (
    NcclBadConfig,
    NcclBindFailed,
    NcclConnectFailed,
    NcclIbError,
    NcclRemoteError,
    NcclSystemError,
    NcclTimeout,
    NcclUnavailable,
)
from diagnostics.catalog.panics import GoPanic, RustPanic
from diagnostics.catalog.python import (
    PythonException,
)
from diagnostics.catalog.ring import (
    RingPeerClosed,
    RingSocketReceiveErrno,
    RingSocketSendErrno,
    RingTransportAbort,
)
from diagnostics.catalog.ring_setup import (
    RingBadAddress,
    RingBadConfig,
    RingBindFailed,
    RingConnectFailed,
)
from diagnostics.catalog.sanitizers import SanitizerReport
from diagnostics.catalog.torch import (
    GlooPeerClosed,
    GlooTimeout,
    SharedMemoryExhausted,
    TorchStoreConnectFailed,
    TorchStoreTimeout,
    WeightsMismatch,
)
from diagnostics.catalog.weights import (
    BadWeightsFile,
    FileNotFoundWeights,
    ModelTypeUnsupported,
    TrustRemoteCodeNeeded,
)
from diagnostics.catalog.workers import (
    EngineInitFailed,
    UnknownHostWrappedCrash,
    WorkerProcessDied,
)
from diagnostics.signatures import declare

KnownDiagnostic: TypeAlias = (
    Abort
    | AbortNoActiveException
    | AbortPureVirtualCall
    | AbortUncaughtCppException
    | AddressInUse
    | BadWeightsFile
    | BindFailed
    | BrokenPipe
    | BufferOverflowDetected
    | BusError
    | ConnectionRefused
    | CublasNotInitialized
    | CudaDeviceAssert
    | CudaDriverTooOld
    | CudaIllegalAddress
    | CudaInitFailed
    | CudaLaunchTimeout
    | CudaNoDevice
    | CudaNoKernelImage
    | CudaOutOfMemory
    | CudaToolkitMissing
    | DistributedBadBackend
    | DistributedNoBackend
    | EngineInitFailed
    | FileNotFound
    | FileNotFoundWeights
    | FloatingPointException
    | GatedRepo
    | GlibcFatal
    | GlibcVersion
    | GlooPeerClosed
    | GlooTimeout
    | GoPanic
    | HeapCorruption
    | HubUnreachable
    | IllegalInstruction
    | ImportErrorMissingLibrary
    | ImportErrorUndefinedSymbol
    | JacclBadConfig
    | JacclBindFailed
    | JacclConnectFailed
    | JacclDeviceMissing
    | JacclNoGid
    | JacclPostFailed
    | JacclQueuePairCreateFailed
    | JacclQueuePairTransitionFailed
    | JacclResource
    | JacclSideChannelLost
    | JacclUnavailable
    | LoaderError
    | MetalApiAssertion
    | MetalBufferTooLarge
    | MetalCommandBufferError
    | MetalEventTimeout
    | MetalGpuHang
    | MetalGpuTimeout
    | MetalImpactingInteractivity
    | MetalInnocentVictim
    | MetalKernelCompileFailed
    | MetalKernelLoadFailed
    | MetalLibraryIncompatible
    | MetalLibraryMissing
    | MetalNoDevice
    | MetalOutOfMemory
    | MetalPageFault
    | MetalResourceLimit
    | MetalSubmissionsIgnored
    | MetalWiredLimitTooLarge
    | MlxCpuJitFailed
    | MlxCudaCacheThrashing
    | MlxInvalidEvent
    | MlxNoGpuBackend
    | MlxStreamNotInThread
    | MlxStreamStopped
    | ModelTypeUnsupported
    | MpiInitFailed
    | NcclBadConfig
    | NcclBindFailed
    | NcclConnectFailed
    | NcclIbError
    | NcclRemoteError
    | NcclSystemError
    | NcclTimeout
    | NcclUnavailable
    | NoSpaceLeft
    | OutOfMemoryHost
    | PermissionDenied
    | PythonException
    | PythonFatalInit
    | PythonShutdownRace
    | RingBadAddress
    | RingBadConfig
    | RingBindFailed
    | RingConnectFailed
    | RingPeerClosed
    | RingSocketReceiveErrno
    | RingSocketSendErrno
    | RingTransportAbort
    | RustPanic
    | SanitizerReport
    | Segfault
    | SharedMemoryExhausted
    | SignalInterrupted
    | SignalKilled
    | SignalTerminated
    | StackOverflow
    | StackSmashing
    | ThreadCreateFailed
    | ThreadStacks
    | TokenizerBadFile
    | TokenizerMissing
    | TooManyOpenFiles
    | TorchStoreConnectFailed
    | TorchStoreTimeout
    | TrustRemoteCodeNeeded
    | UnknownHostWrappedCrash
    | WeightsMismatch
    | WorkerProcessDied
)
"""Every finding that the built-in catalogue can make."""

for _family in (
    metal,
    metal_hosts,
    metal_library,
    metal_limits,
    ring,
    ring_setup,
    jaccl,
    distributed,
    mlx,
    cuda_lines,
    cuda_programs,
    nccl_lines,
    torch_lines,
    shared_memory,
    vllm,
    corruption,
    sanitizers,
    loader_lines,
    host_memory,
    host_oom_kill,
    host_errno,
    host_lines,
    host_files,
    host_network,
    weights,
    weights_missing,
    model_kinds,
    ggml_models,
    hub,
    workers,
    launchers,
    cpp,
    assertions,
    panics,
    crash_handlers,
    crash_records,
    native_frames,
    exit_status,
    shells,
    host_programs,
    python_fatal,
    python_lines,
    python,
):
    for _signature in _family.SIGNATURES:
        declare(_signature)
