"""Limits of Metal and of MLX's allocator, and rules of its API that were broken."""

from typing import Final

import attrs

from diagnostics.catalog._building import MLX_C, Recognized, finds
from diagnostics.catalog._sizes import bytes_of
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Context, Match, Signature


@attrs.frozen(kw_only=True)
class MetalBufferTooLarge(Recognized):
    """
    One array is larger than the largest buffer of the device.

    Attributes:
        bytes_requested: The size asked for.
        limit_bytes: The largest size.
        file: The source file that mlx-c names.
        source_line: The line in that source file.
    """

    cause = "metal-buffer-too-large"
    endings = ("exit", "SIGABRT")
    versions = "MLX up to 0.21.1 without, since 0.22.0 with `[metal::malloc]` before it"
    remedy = "Split the work: a smaller prefill step, image, context or batch."
    references = ("lmstudio-ai/lmstudio-bug-tracker#2240",)

    bytes_requested: int | None = None
    limit_bytes: int | None = None
    file: str | None = None
    source_line: int | None = None

    @property
    def message(self) -> str:
        """How much was asked for, and how much there may be."""
        if self.bytes_requested is None:
            return "a Metal buffer is larger than the device allows"
        limit = f", the device allows {self.limit_bytes}" if self.limit_bytes is not None else ""
        return f"one Metal buffer of {self.bytes_requested} bytes was asked for{limit}"


@attrs.frozen(kw_only=True)
class MetalResourceLimit(Recognized):
    """
    Metal has no more buffers, queues or events for the process.

    Attributes:
        limit: How many it may have.
        file: The source file that mlx-c names.
        source_line: The line in that source file.
    """

    cause = "metal-resource-limit"
    endings = ("exit", "SIGABRT")
    versions = "MLX 0.22.0 on; `metal::Device` became `metal::CommandEncoder` in 0.31.2"
    remedy = (
        "It is their number and not their size: drop arrays, call mx.clear_cache(), use fewer"
        " streams and threads."
    )
    references = ("ml-explore/mlx#3849",)

    limit: int | None = None
    file: str | None = None
    source_line: int | None = None


@attrs.frozen(kw_only=True)
class MetalWiredLimitTooLarge(Recognized):
    """
    More memory was to be wired than the device recommends.

    Attributes:
        file: The source file that mlx-c names.
        source_line: The line in that source file.
    """

    cause = "metal-wired-limit-too-large"
    endings = ("exit",)
    remedy = "Ask for no more than the device's max_recommended_working_set_size."

    file: str | None = None
    source_line: int | None = None


@attrs.frozen(kw_only=True)
class MetalEventTimeout(Recognized):
    """
    The GPU, or a peer, never signalled an event that was waited for.

    Attributes:
        file: The source file that mlx-c names.
        source_line: The line in that source file.
    """

    cause = "metal-event-timeout"
    endings = ("exit", "SIGABRT")
    versions = "MLX 0.11.0 to 0.31.2 (events), 0.24.0 to 0.31.2 (fences)"
    remedy = "Look for the rank or the operation that is stuck: its output ends first."

    file: str | None = None
    source_line: int | None = None


@attrs.frozen(kw_only=True)
class MetalApiAssertion(Recognized):
    """
    Metal's validation found a broken rule and aborted the process.

    Attributes:
        assertion: What did not hold.
    """

    cause = "metal-api-assertion"
    endings = ("SIGABRT",)
    remedy = (
        "Mostly two threads that used one command buffer: use one stream in one thread (MLX keeps"
        " its encoders apart since 0.31.2)."
    )
    references = ("EricLBuehler/mistral.rs#393", "RandyGaul/cute_framework#286")

    assertion: str | None = None

    @property
    def message(self) -> str:
        """What did not hold."""
        return f"Metal aborted the process: {self.assertion or 'an assertion failed'}"


def _too_large(match: Match, context: Context) -> Finding | None:
    finding = _TOO_LARGE(match, context)
    if finding is not None and MLX_C in match.string[: match.start()]:
        # A program on mlx-c sized its arrays by the memory it thought there was: what
        # the metal family makes of the line is the cause, the device's limit a detail.
        return attrs.evolve(finding, role=Role.NOTE)
    return finding


_TOO_LARGE: Final = finds(MetalBufferTooLarge)


def _validation(match: Match, context: Context) -> Finding | None:
    finding = finds(MetalBufferTooLarge, signal="SIGABRT")(match, context)
    if not isinstance(finding, MetalBufferTooLarge):
        return finding
    return attrs.evolve(finding, limit_bytes=bytes_of(match.group("limit")))


def _mps_too_large(match: Match, context: Context) -> Finding | None:
    finding = _TOO_LARGE(match, context)
    if not isinstance(finding, MetalBufferTooLarge):
        return finding
    size = match.group("size")
    aborted = "SIGABRT" if "failed assertion" in match.group() else None
    return attrs.evolve(finding, bytes_requested=bytes_of(size), signal=aborted)


SIGNATURES: Final = (
    Signature(
        name="metal-buffer-too-large",
        pattern=r"Attempting to allocate (?P<bytes_requested>\d{1,20}) bytes which is greater than"
        r"(?: the maximum allowed buffer size of (?P<limit_bytes>\d{1,20}))?",
        build=_too_large,
    ),
    Signature(
        name="metal-buffer-validation",
        pattern=r"newBuffer\w*:.*failed assertion .(?P<detail>Buffer Validation)"
        r"|failed assertion .*newBuffer.*(?:length|size)\W*"
        r"(?P<bytes_requested>0x[0-9a-f]+|\d{1,20})\W* must not exceed (?P<limit>\d{1,12} \w+)",
        build=_validation,
        literals=("newBuffer",),
    ),
    Signature(
        name="mps-buffer-too-large",
        pattern=r"(?P<detail>Invalid buffer size: (?P<size>[\d.]+ [KMGT]i?B)"
        r"|is larger than currently supported by the MPS backend"
        r"|failed assertion .*(?:total bytes of NDArray > 2\*\*32|dimension length > INT_MAX))",
        build=_mps_too_large,
        literals=(
            "Invalid buffer size: ",
            "currently supported by the MPS backend",
            "bytes of NDArray > ",
            "dimension length > INT_MAX",
        ),
    ),
    Signature(
        name="metal-resource-limit",
        pattern=r"\[metal::malloc\] (?P<detail>Resource limit) \((?P<limit>\d{1,12})\) exceeded",
        build=finds(MetalResourceLimit),
    ),
    Signature(
        name="metal-object-refused",
        pattern=r"\[(?:metal|Event|Fence)::\w+\] (?P<detail>(?:Failed to (?:create|make)"
        r"|Unable to (?:create|construct)) (?:new |a )?(?:Metal )?"
        r"(?:command queue|command buffer|shared event|residency set|fence|encoder|buffer)\w*)",
        build=finds(MetalResourceLimit),
        literals=(
            "] Failed to create ",
            "] Failed to make ",
            "] Unable to create ",
            "] Unable to construct ",
        ),
    ),
    Signature(
        name="metal-wired-limit",
        pattern=r"(?P<detail>Setting a wired limit larger than the maximum working set size)",
        build=finds(MetalWiredLimitTooLarge),
        literals=("Setting a wired limit larger",),
    ),
    Signature(
        name="metal-event-timeout",
        pattern=r"(?P<detail>\[(?:Event|Fence)::wait\] Timed out)",
        build=finds(MetalEventTimeout),
        literals=("::wait] Timed out",),
    ),
    Signature(
        name="metal-api-assertion",
        # A method, a function of the validation layer, or a source file of Apple's.
        pattern=r"(?:\[_?[A-Z]\w* .*\]|\b_?(?:[Vv]alidat|MTL|MPS)\w*"
        r"|/(?:Metal|MPS)[^\s:]*\.\w{1,3}|\bMPS\w+\.mm?)"
        r":\d+: failed assertion [`'\x{2018}\"]?(?P<assertion>.+?)[`'\x{2019}]?\s*$",
        build=finds(MetalApiAssertion, signal="SIGABRT"),
        literals=(": failed assertion ",),
        generic=True,
    ),
    Signature(
        name="mps-assertion",
        pattern=r"Assertion failed: \(?(?P<assertion>.*?)\)?, function \S+, file"
        r" (?:GPU\w*Ops|MPS\w*|MTL\w*|\w*Metal\w*)\.(?:mm|m|cpp), line",
        build=finds(MetalApiAssertion, signal="SIGABRT"),
        literals=("Assertion failed: ",),
    ),
    Signature(
        name="metal-api-assertion-frame",
        pattern=r"\bMTLReportFailure\b",
        build=finds(MetalApiAssertion, signal="SIGABRT"),
    ),
    Signature(
        name="mps-graph-invalid",
        pattern=r"mpsFileLoc\): \S+/MPS\w+\.mm\W.*error: (?P<assertion>.+)",
        build=finds(MetalApiAssertion, signal="SIGABRT"),
        literals=("mpsFileLoc",),
    ),
)
