"""MLX's Metal library, its kernels, and the device they are for."""

from typing import Final

import attrs

from diagnostics._prefixes import PREFIX
from diagnostics.catalog._building import Recognized, finds
from diagnostics.signatures import Signature


@attrs.frozen(kw_only=True)
class MetalLibraryMissing(Recognized):
    """
    The file with MLX's GPU kernels was not found.

    Attributes:
        file: The place where it was looked for, or the source file that mlx-c names.
        source_line: The line in that source file.
    """

    cause = "metal-library-missing"
    endings = ("exit", "SIGABRT")
    versions = "MLX up to 0.24.2 names both places tried; 0.25.0 on says `default metallib`"
    remedy = (
        "mlx.metallib does not lie beside the binary: reinstall mlx-metal, ship the file with the"
        " program, and build Swift packages with xcodebuild."
    )
    references = ("mzbac/flux.swift.cli#4", "SceneWorks/SceneWorks#1291")

    file: str | None = None
    source_line: int | None = None


@attrs.frozen(kw_only=True)
class MetalLibraryIncompatible(Recognized):
    """
    The file with MLX's GPU kernels was built for a newer macOS.

    Attributes:
        metal_language_version: The version of Metal's language that it needs.
        deployment_target: The deployment target that it needs.
        file: The source file that mlx-c names.
        source_line: The line in that source file.
    """

    cause = "metal-library-incompatible"
    weight = 1
    endings = ("exit", "SIGABRT")
    remedy = "Install the wheel for this macOS (such as macosx_14_0), or update macOS."
    references = ("jjang-ai/mlxstudio#104", "PowerBeef/Vocello#4")

    metal_language_version: str | None = None
    deployment_target: str | None = None
    file: str | None = None
    source_line: int | None = None


@attrs.frozen(kw_only=True)
class MetalNoDevice(Recognized):
    """
    There is no GPU that Metal could use.

    Attributes:
        file: The source file that mlx-c names.
        source_line: The line in that source file.
    """

    cause = "metal-no-device"
    endings = ("exit", "SIGABRT")
    versions = "`Failed to load device` up to MLX 0.31.1, `No Metal device available` since 0.31.2"
    remedy = (
        "Virtual machines, sandboxes and sessions without a display often have none: run in a"
        " desktop session on the machine itself, or on the CPU."
    )
    references = ("ml-explore/mlx#3428",)

    file: str | None = None
    source_line: int | None = None


@attrs.frozen(kw_only=True)
class MetalKernelLoadFailed(Recognized):
    """
    A GPU kernel is not in the library.

    Attributes:
        kernel: The kernel or function.
        file: The source file that mlx-c names.
        source_line: The line in that source file.
    """

    cause = "metal-kernel-load-failed"
    endings = ("exit", "SIGABRT")
    remedy = (
        "The library is of another version or this GPU lacks the type: reinstall mlx and mlx-metal"
        " of one version."
    )

    kernel: str | None = None
    file: str | None = None
    source_line: int | None = None


@attrs.frozen(kw_only=True)
class MetalKernelCompileFailed(Recognized):
    """
    A GPU kernel's source did not compile.

    Attributes:
        file: The source file that mlx-c names.
        source_line: The line in that source file.
    """

    cause = "metal-kernel-compile-failed"
    endings = ("exit", "SIGABRT")
    versions = "`load build` up to MLX 0.11, `build` since 0.12.0"
    remedy = "Correct the custom kernel; else macOS is too old for it."

    file: str | None = None
    source_line: int | None = None


SIGNATURES: Final = (
    Signature(
        name="metal-library-incompatible",
        pattern=r"(?P<detail>This library is using (?:language version"
        r" (?P<metal_language_version>[\d.]*\d)"
        r"|a deployment target \((?P<deployment_target>0x[0-9A-Fa-f]+)\))"
        r".{0,20}not supported on this OS)",
        build=finds(MetalLibraryIncompatible),
        literals=("This library is using ",),
    ),
    Signature(
        name="metal-library-missing",
        pattern=r"(?P<detail>Failed to load the (?:default metallib|metallib \S+)|"
        r"Failed to load device library|Can ?not load metallib from specified location)"
        r"(?:[^<\"]*[<\"](?P<file>[^>\"]+)[>\"])?",
        build=finds(MetalLibraryMissing),
        literals=(
            "Failed to load the default metallib",
            "Failed to load the metallib ",
            "Failed to load device library",
            "load metallib from specified location",
        ),
        generic=True,
    ),
    Signature(
        name="metal-library-not-found",
        pattern=PREFIX + r"\w*Error: (?P<detail>library not found)\s*$",
        build=finds(MetalLibraryMissing),
        literals=(": library not found",),
    ),
    Signature(
        name="metal-no-device",
        pattern=r"(?P<detail>No Metal device available|Failed to load device\s*$)",
        build=finds(MetalNoDevice),
        literals=("No Metal device available", "Failed to load device"),
    ),
    Signature(
        name="metal-kernel-load",
        pattern=r"\[metal::\w+\] (?P<detail>Unable to load (?:kernel|function)) (?P<kernel>\S+)",
        build=finds(MetalKernelLoadFailed),
        literals=("] Unable to load kernel ", "] Unable to load function "),
    ),
    Signature(
        name="metal-kernel-compile",
        pattern=r"(?P<detail>Unable to (?:load )?build (?:stitched )?metal library.*)",
        build=finds(MetalKernelCompileFailed),
        literals=("build metal library", "build stitched metal library"),
    ),
)
