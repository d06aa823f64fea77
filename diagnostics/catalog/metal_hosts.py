"""What programs on Metal other than MLX say of it, above all those on ggml."""

from typing import Final

import attrs

from diagnostics.catalog._building import finds
from diagnostics.catalog._sizes import bytes_of
from diagnostics.catalog.metal import MetalCommandBufferError, MetalOutOfMemory
from diagnostics.catalog.metal_library import (
    MetalKernelCompileFailed,
    MetalKernelLoadFailed,
    MetalLibraryMissing,
    MetalNoDevice,
)
from diagnostics.catalog.metal_limits import MetalBufferTooLarge, MetalResourceLimit
from diagnostics.findings import Finding
from diagnostics.signatures import Context, Match, Signature


def _allocation(match: Match, context: Context) -> Finding | None:
    finding = finds(MetalOutOfMemory)(match, context)
    if not isinstance(finding, MetalOutOfMemory):
        return finding
    context.facts["ggml-allocation"] = MetalOutOfMemory
    return attrs.evolve(finding, bytes_requested=bytes_of(match.group("size")))


def _empty(_: Match, context: Context) -> None:
    context.facts["empty-array"] = True


def _without_device(match: Match, context: Context) -> Finding | None:
    # MLX up to 0.31.1 takes the first device of the list, whether there is one or not.
    if not context.facts.get("empty-array"):
        return None
    return finds(MetalNoDevice, signal="SIGABRT")(match, context)


def _function(match: Match, context: Context) -> Finding | None:
    finding = finds(MetalKernelLoadFailed)(match, context)
    if not isinstance(finding, MetalKernelLoadFailed):
        return finding
    return attrs.evolve(finding, kernel=match.group("kernel") or match.group("name"))


SIGNATURES: Final = (
    Signature(
        name="ggml-metal-allocation",
        pattern=r"(?P<detail>ggml_(?:backend_)?metal\w*: (?:error: )?failed to allocate (?:Metal )?"
        r"(?:'[^']*' )?buffer(?:, size =| of)? *(?P<size>[\d.]+ (?:[KMG]i?B|bytes)))",
        build=_allocation,
        literals=("failed to allocate ",),
    ),
    Signature(
        name="ggml-metal-allocation-of-system",
        pattern=r"(?P<detail>ggml_\w*metal\w*: error: (?:posix_memalign|vm_allocate) failed"
        r"|unable to allocate (?:backend )?[Mm]etal buffer"
        r"|ggml_metal_get_buffer: error: \w+(?: '[^']*')? buffer is nil"
        r"|Failed to create metal resource: \w+)",
        build=finds(MetalOutOfMemory),
        literals=(
            "posix_memalign failed",
            "vm_allocate failed",
            "unable to allocate ",
            " buffer is nil",
            "create metal resource",
        ),
    ),
    Signature(
        name="ggml-metal-buffer-too-large",
        pattern=r"(?P<detail>buffer '[^']*' size (?P<bytes_requested>\d{1,20}) is larger than"
        r" buffer maximum of (?P<limit_bytes>\d{1,20}))",
        build=finds(MetalBufferTooLarge),
    ),
    Signature(
        name="ggml-metal-tensor-too-large",
        pattern=r"(?P<detail>is too large to fit in a M\w+ buffer) \(tensor size:"
        r" (?P<bytes_requested>\d{1,20}), max buffer size: (?P<limit_bytes>\d{1,20})\)",
        build=finds(MetalBufferTooLarge),
    ),
    Signature(
        name="metal-compile-error",
        pattern=r"(?P<detail>(?:MTLLibraryErrorDomain Code=3|Domain=CompilerError Code=\d+)\b.*"
        r"|load pipeline error: .*|SC compilation failure.*"
        r"|(?:from |\")program_source:\d+.*|^\W*program_source:\d+:\d+: (?:fatal )?error: .*"
        r"|ggml_metal\w*: error compiling source: .*|LoadLibraryError\(.*"
        r"|FailedToCreatePipeline\(.*|new_(?:render|compute)_pipeline_state\w*: .*"
        r"|[Ff]ailed to compile (?:shader|[Mm]etal) (?:library|kernel|shader)\b.*"
        r"|InductorError: SyntaxError: failed to compile\s*$"
        r"|Compiler encountered (?:an internal error|XPC_ERROR_\w+)"
        r"|Error while loading library: .*|/include/metal/\w+:\d+:\d+: error: .*"
        r"|[Ff]ailed to (?:create|build)(?: '[^']*')? [Mm]etal library(?:, error)?:.*)",
        build=finds(MetalKernelCompileFailed),
        literals=(
            "MTLLibraryErrorDomain Code=3",
            "Domain=CompilerError",
            "load pipeline error: ",
            "SC compilation failure",
            "program_source:",
            "error compiling source: ",
            *("LoadLibraryError(", "FailedToCreatePipeline("),
            *("new_render_pipeline_state", "new_compute_pipeline_state"),
            *("Compiler encountered an internal error", "Compiler encountered XPC_ERROR"),
            "Error while loading library: ",
            *("ailed to compile shader", "ailed to compile metal", "ailed to compile Metal"),
            "InductorError: SyntaxError: failed",
            "/include/metal/",
            "etal library:",
            "etal library, error:",
        ),
    ),
    Signature(
        name="metal-header-missing",
        pattern=r"program_source:\d+:\d+: (?P<detail>fatal error: '(?P<file>[^']+)' file not"
        r" found)",
        build=finds(MetalKernelCompileFailed),
        literals=("program_source:",),
    ),
    Signature(
        name="ggml-metal-compile-error",
        pattern=r"(?P<detail>ggml_metal\w*: error compiling source\s*$)",
        build=finds(MetalKernelCompileFailed, soft=True),  # also when it only tries what works
        literals=("error compiling source",),
    ),
    Signature(
        name="ggml-metal-library",
        pattern=r"(?P<detail>ggml_\w*metal\w*: (?:error: )?failed to"
        r" (?:initialize the Metal library|create (?:Metal )?library.*))",
        build=finds(MetalKernelCompileFailed),
        literals=("failed to initialize the Metal library", "failed to create "),
        generic=True,
    ),
    Signature(
        name="ggml-metal-library-missing",
        pattern=r"(?P<detail>ggml_\w*metal\w*: error: Error Domain=NSCocoaErrorDomain"
        r" Code=2\d\d .*?)(?:NSFilePath=(?P<file>[^,}]+).*)?$",
        build=finds(MetalLibraryMissing),
        literals=("Domain=NSCocoaErrorDomain",),
    ),
    Signature(
        name="metal-library-file-missing",
        pattern=r"(?P<detail>MTLLibraryErrorDomain Code=(?:6\b|\d \"library not found).*)",
        build=finds(MetalLibraryMissing),
        literals=("MTLLibraryErrorDomain Code=",),
    ),
    Signature(
        name="metal-function-missing",
        pattern=r"(?P<detail>MTLLibraryErrorDomain Code=5|create function state object for:"
        r"|LoadFunctionError\(|Error while loading function:?)\W+(?:Function \W*)?(?P<kernel>\w+)?"
        r"|Function \W?(?P<name>\w+)\W? was not found in the library",
        build=_function,
        literals=(
            "MTLLibraryErrorDomain Code=5",
            "create function state object for",
            *("Error while loading function", "LoadFunctionError("),
            "was not found in the library",
        ),
    ),
    Signature(
        name="ggml-metal-pipeline",
        pattern=r"(?P<detail>failed to (?:compile pipeline|create pipeline state)"
        r"|incompatible pipeline|kernel not found in any metal library):?"
        r"(?: base = '[^']*', name = '(?P<kernel>[^']+)')?",
        build=finds(MetalKernelLoadFailed),
        literals=(
            "failed to compile pipeline",
            "failed to create pipeline state",
            "in any metal library",
            "incompatible pipeline",
        ),
    ),
    Signature(
        name="metal-device-refused",
        pattern=r"(?P<detail>MTLCreateSystemDefaultDevice(?:\(\))? (?:returned|failed)"
        r"|Metal is not supported on this (?:device|Mac|computer|system|machine)"
        r"|[Nn]o (?:supported |suitable |compatible )?Metal(?:-capable|-compatible)?"
        r" (?:GPU|device)s? (?:was |were |is )?(?:found|detected)"
        r"|[Ff]ailed to (?:create|get|find) (?:the )?(?:default )?(?:system )?Metal device"
        r"|PyTorch is not linked with support for mps devices"
        r"|The MPS backend is supported on MacOS)",
        build=finds(MetalNoDevice),
        literals=(
            "MTLCreateSystemDefaultDevice",
            "Metal is not supported on",
            "Metal device",
            "Metal GPU",
            "Metal-c",
            "with support for mps devices",
            "MPS backend is supported on",
        ),
    ),
    Signature(
        name="metal-no-device-range",
        pattern=r"objectAtIndex:\]: index 0 beyond bounds for empty array",
        build=_empty,
    ),
    Signature(
        name="metal-no-device-frame",
        pattern=r"(?P<detail>mlx::core::metal::(?:Device::Device|load_device))\b",
        build=_without_device,
        literals=("mlx::core::metal::",),
    ),
    Signature(
        name="ggml-metal-queue",
        pattern=r"(?P<detail>ggml_\w*metal\w*: error: (?:failed to (?:create command queue"
        r"|initialize residency set)|too many buffers))",
        build=finds(MetalResourceLimit),
        literals=("create command queue", "residency set", "error: too many buffers"),
    ),
    Signature(
        name="mps-command-buffer",
        pattern=r"(?P<detail>command buffer exited with error status"
        r"|backend is in error state from a previous command buffer failure)",
        build=finds(MetalCommandBufferError),
        literals=("buffer exited with error status", "previous command buffer failure"),
        generic=True,
    ),
)
