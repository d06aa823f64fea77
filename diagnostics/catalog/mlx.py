"""MLX itself: streams, events, back-ends, and compiling at run time."""

from typing import Final

import attrs

from diagnostics.catalog._building import Recognized, fields_of, finds
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Context, Match, Signature


@attrs.frozen(kw_only=True)
class MlxStreamNotInThread(Recognized):
    """
    A thread used a stream that another thread made.

    Attributes:
        device: `gpu` or `cpu`.
        stream_index: The stream's number.
        file: The source file that mlx-c names.
        source_line: The line in that source file.
    """

    cause = "mlx-stream-not-in-thread"
    endings = ("exit",)
    versions = "MLX 0.31.2 on: streams belong to their thread"
    remedy = (
        "Generate in the thread that made the stream, or update mlx-lm and mlx-vlm. Usually it ends"
        " a worker thread, and not the process."
    )
    references = ("ml-explore/mlx-lm#1181", "Blaizzy/mlx-vlm#1049")

    device: str | None = None
    stream_index: int | None = None
    file: str | None = None
    source_line: int | None = None

    @property
    def message(self) -> str:
        """Which stream."""
        return f"the MLX stream ({self.device}, {self.stream_index}) belongs to another thread"


@attrs.frozen(kw_only=True)
class MlxNoGpuBackend(Recognized):
    """This build of MLX has no GPU back-end."""

    cause = "mlx-no-gpu-backend"
    endings = ("exit",)
    remedy = "It is built for the CPU: install mlx on macOS, or mlx[cuda]."


@attrs.frozen(kw_only=True)
class MlxCpuJitFailed(Recognized):
    """
    MLX could not compile a kernel for the CPU.

    Attributes:
        file: The generated source file.
    """

    cause = "mlx-cpu-jit-failed"
    endings = ("exit", "SIGABRT")
    remedy = (
        "The C++ compiler is missing or too old; on a machine with CUDA install mlx[cuda], so that"
        " the CPU is not used."
    )
    references = ("exo-explore/exo#1082",)

    file: str | None = None


@attrs.frozen(kw_only=True)
class MlxInvalidEvent(Recognized):
    """
    MLX used an event that was never made.

    Attributes:
        file: The source file that mlx-c names.
        source_line: The line in that source file.
    """

    cause = "mlx-invalid-event"
    endings = ("exit", "SIGABRT")
    versions = "MLX 0.23"
    remedy = "A bug in MLX: report it with what you ran, and try another version."
    references = ("ml-explore/mlx#1912",)

    file: str | None = None
    source_line: int | None = None


@attrs.frozen(kw_only=True)
class MlxStreamStopped(Recognized):
    """
    Work was given to a stream that had been stopped.

    Attributes:
        file: The source file that mlx-c names.
        source_line: The line in that source file.
    """

    cause = "mlx-stream-stopped"
    default_role = Role.AFTER_EFFECT
    endings = ("exit", "SIGABRT")
    remedy = "It was queued while the interpreter ended: look for what ended it."

    file: str | None = None
    source_line: int | None = None


@attrs.frozen(kw_only=True)
class MlxCudaCacheThrashing(Recognized):
    """
    One of MLX's caches of CUDA graphs is too small.

    Attributes:
        env: The environment variable that sets its size.
        size: The size that it has.
    """

    cause = "mlx-cuda-cache-thrashing"
    endings = ("exit",)
    versions = "MLX 0.29.2 on"
    remedy = "Raise the variable that is named, or set MLX_ENABLE_CACHE_THRASHING_CHECK=0."

    env: str | None = None
    size: int | None = None


def _place(match: Match, context: Context) -> Finding | None:
    # Hosts in other languages break the line in front of the place.
    kind: type[Finding] | None = context.facts.get("mlx-c-kind")
    if kind is None or "source_line" not in attrs.fields_dict(kind):
        return None
    return kind(**fields_of(kind, match.groupdict(), context))


SIGNATURES: Final = (
    Signature(
        name="mlx-c-place",
        pattern=r"^\W*at (?P<file>\S*/mlx-c/\S+\.cpp):(?P<source_line>\d{1,9})\s*$",
        build=_place,
        literals=("/mlx-c/",),
    ),
    Signature(
        name="mlx-stream-not-in-thread",
        pattern=r"There is no Stream\((?P<device>\w+), (?P<stream_index>\d{1,9})\) in current"
        r" thread",
        build=finds(MlxStreamNotInThread),
    ),
    Signature(
        name="mlx-no-gpu-backend",
        pattern=r"(?P<detail>Cannot (?:set|get|make)[\w ]+ without (?:gpu|metal|cuda) back-?end"
        r"|\[[\w:]+\] (?:No (?:Metal|CUDA|GPU|gpu) back-?end|GPU backend is not available)"
        r"|\b\w+ has no GPU implementation\b)",
        build=finds(MlxNoGpuBackend),
        literals=(
            *(" without gpu back", " without metal back", " without cuda back"),
            "GPU backend is not available",
            " has no GPU implementation",
            "] No Metal back",
            "] No CUDA back",
            "] No GPU back",
            "] No gpu back",
        ),
    ),
    Signature(
        name="mlx-cpu-jit",
        pattern=r"(?P<file>/\S*/mlx/[\d.]+/cpu/\S+\.cpp)(?::\d+)*:\s+(?P<detail>(?:fatal"
        r" )?error|required from)",
        build=finds(MlxCpuJitFailed),
        literals=("/cpu/",),
    ),
    Signature(
        name="mlx-cpu-jit-compiler",
        pattern=r"\[Compile::eval_cpu\] (?P<detail>.*(?:[Ff]ailed|error).*)",
        build=finds(MlxCpuJitFailed),
    ),
    Signature(
        name="mlx-invalid-event",
        pattern=r"(?P<detail>Cannot (?:access|wait|signal|query)[\w ]*on invalid event)",
        build=finds(MlxInvalidEvent),
        literals=("on invalid event",),
    ),
    Signature(
        name="mlx-stream-stopped",
        pattern=r"(?P<detail>Cannot enqueue work after stream is stopped)",
        build=finds(MlxStreamStopped),
        literals=("after stream is stopped",),
    ),
    Signature(
        name="mlx-cuda-cache-thrashing",
        pattern=r"Cache thrashing is happening.*?\b(?P<env>MLX_\w+)(?: to a larger value than "
        r"(?P<size>\d{1,12}))?",
        build=finds(MlxCudaCacheThrashing),
    ),
)
