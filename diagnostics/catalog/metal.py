"""Errors of Apple's Metal as MLX, mlx-c, llama.cpp and the system print them."""

from typing import ClassVar, Final, final

import attrs
import re2

from diagnostics._consumed import Consumed
from diagnostics.catalog._building import MLX_C, Recognized, finds
from diagnostics.catalog._sizes import bytes_of
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Context, Match, Signature


@attrs.frozen(kw_only=True)
class MetalFinding(Recognized):
    """
    A failed command buffer.

    Attributes:
        iogpu_code: The error code as printed, such as `00000002`.
        iogpu_name: The error's symbolic name, where it is printed.
        exception: The class of the exception it arrived in.
        signal: `SIGABRT` where the line shows that the process aborted.
        file: The source file that mlx-c names.
        source_line: The line in that file.
        command_buffer: The number of the command buffer, as llama.cpp prints it.
        status: Its status, as llama.cpp prints it.
    """

    versions = "MLX 0.0.10 on: libc++abi aborts up to 0.31.2, Python RuntimeError since 0.32.0"

    iogpu_code: str | None = None
    iogpu_name: str | None = None
    file: str | None = None
    source_line: int | None = None
    command_buffer: int | None = None
    status: int | None = None

    what: ClassVar[str] = "a Metal command buffer failed"
    """The first words of the message."""

    @property
    def message(self) -> str:
        """What failed, with the code."""
        return f"{self.what} (code {self.iogpu_code})" if self.iogpu_code else self.what


@attrs.frozen(kw_only=True)
class MetalGpuTimeout(MetalFinding):
    """The GPU watchdog ended a command buffer that took too long."""

    cause = "metal-gpu-timeout"
    what = "the GPU watchdog stopped a Metal command buffer that ran too long"
    remedy = (
        "Make single GPU submissions shorter: evaluate in smaller steps, lower the batch or prefill"
        " size, keep communication out of the GPU graph; let the display sleep or set"
        " AGX_RELAX_CDM_CTXSTORE_TIMEOUT=1."
    )
    references = ("ml-explore/mlx#1231", "ml-explore/mlx#3583", "ml-explore/mlx-lm#1572")


@attrs.frozen(kw_only=True)
class MetalImpactingInteractivity(MetalFinding):
    """The GPU watchdog ended a command buffer that kept the display waiting."""

    cause = "metal-impacting-interactivity"
    what = "the GPU watchdog stopped a Metal command buffer that kept the display waiting"
    remedy = (
        "It is the watchdog of the GPU timeout with a display active, no lack of memory: use"
        " smaller submissions, let the display sleep or set AGX_RELAX_CDM_CTXSTORE_TIMEOUT=1."
    )
    references = ("ml-explore/mlx#3267",)


@attrs.frozen(kw_only=True)
class MetalGpuHang(MetalFinding):
    """The GPU stopped responding."""

    cause = "metal-gpu-hang"
    what = "the GPU hung while it ran a Metal command buffer"
    remedy = "Restart the process; if it comes back, report the kernel and try another version."


@attrs.frozen(kw_only=True)
class MetalPageFault(MetalFinding):
    """A GPU kernel touched memory outside its buffers."""

    cause = "metal-page-fault"
    what = "a GPU kernel accessed memory outside its buffers"
    remedy = "This is a bug in a kernel: report it, try another MLX version, restart the process."
    references = ("Blaizzy/mlx-vlm#697",)


@attrs.frozen(kw_only=True)
class MetalOutOfMemory(MetalFinding):
    """
    Metal had no memory for a command buffer or an allocation.

    Attributes:
        bytes_requested: The size of the allocation that failed.
        requested: The same with its unit, where it is printed so.
    """

    cause = "metal-out-of-memory"
    what = "Metal ran out of memory"
    remedy = (
        "Use a smaller model, context or batch, load fewer models at once or lower the cache"
        " limits; raise iogpu.wired_limit_mb only if the model fits."
    )
    references = ("ml-explore/mlx-examples#823", "jjang-ai/vmlx#58")

    bytes_requested: int | None = None
    requested: str | None = None


@attrs.frozen(kw_only=True)
class MetalInnocentVictim(MetalFinding):
    """A command buffer was thrown away because another one failed."""

    cause = "metal-innocent-victim"
    default_role = Role.AFTER_EFFECT
    what = "a Metal command buffer was discarded because of another one's GPU error"
    remedy = "Look for the first GPU error in this or another process; run fewer GPU clients."
    references = ("cubist38/mlx-openai-server#169",)


@attrs.frozen(kw_only=True)
class MetalSubmissionsIgnored(MetalFinding):
    """The system refuses this process the GPU after earlier errors."""

    cause = "metal-submissions-ignored"
    default_role = Role.AFTER_EFFECT
    what = "the process is shut out from the GPU because of earlier GPU errors"
    remedy = "It cannot recover by itself: restart it, and look for the first GPU error."
    references = ("jundot/omlx#3706",)


@attrs.frozen(kw_only=True)
class MetalCommandBufferError(MetalFinding):
    """A command buffer failed with any other code."""

    cause = "metal-command-buffer-error-other"
    weight = -1
    what = "a Metal command buffer failed"
    remedy = "Likely a bug or a GPU resource used after its end: report it, restart the process."
    references = ("Blaizzy/mlx-vlm#270",)


_BY_CODE: Final[dict[int, type[MetalFinding]]] = {
    2: MetalGpuTimeout,
    3: MetalGpuHang,
    4: MetalSubmissionsIgnored,
    5: MetalInnocentVictim,
    8: MetalOutOfMemory,
    11: MetalPageFault,
    14: MetalImpactingInteractivity,
}

_BY_TEXT: Final[dict[str, type[MetalFinding]]] = {
    "Caused GPU Timeout": MetalGpuTimeout,
    "Impacting Interactivity": MetalImpactingInteractivity,
    "Caused GPU Hang": MetalGpuHang,
    "Caused GPU Address Fault": MetalPageFault,
    "Insufficient Memory": MetalOutOfMemory,
    "Discarded (victim": MetalInnocentVictim,
    "Ignored (for causing": MetalSubmissionsIgnored,
}

# MTLCommandBufferError, which has other numbers than the driver's own.
_BY_DOMAIN_CODE: Final[dict[int, type[MetalFinding]]] = {
    2: MetalGpuTimeout,
    3: MetalPageFault,
    4: MetalSubmissionsIgnored,
    8: MetalOutOfMemory,
}

_DOMAIN: Final = re2.compile(r"MTLCommandBufferErrorDomain Code=(\d{1,4})")
_CODE: Final = re2.compile(r"\(([0-9a-f]{8}):(\w*)")
_IOAF: Final = re2.compile(r"\(IOAF code (\d{1,9})\)")
_EXCEPTION: Final = re2.compile(r"([\w.:]*(?:Error|error|exception)): \[METAL\]")
_EXIT: Final = re2.compile(r"\bexit (?:status|code):? (\d{1,3})\b")
_AT: Final = re2.compile(r" at (/[^ ]+):(\d{1,9})\b")  # mlx-c's addition


def _command_buffer(match: Match, context: Context) -> MetalFinding | None:
    line = match.string
    code, ioaf = _CODE.search(line), _IOAF.search(line)
    number = int(code.group(1), 16) if code else int(ioaf.group(1)) if ioaf else None
    domain = _DOMAIN.search(line)
    kind = _BY_CODE.get(number) if number is not None else None
    if kind is None:
        kind = next((kind for text, kind in _BY_TEXT.items() if text in line), None)
    if kind is None and domain and number is None:
        kind = _BY_DOMAIN_CODE.get(int(domain.group(1)))
    context.facts["metal-kind"] = kind or MetalCommandBufferError
    exception, at = _EXCEPTION.search(line), _AT.search(line)
    ended = _EXIT.search(line, match.end())
    return (kind or MetalCommandBufferError)(
        iogpu_code=code.group(1) if code else ioaf.group(1) if ioaf else None,
        iogpu_name=code.group(2) if code and code.group(2).startswith("kIO") else None,
        exception=exception.group(1) if exception else None,
        signal=_signal(line),
        exit_code=int(ended.group(1)) if ended else None,
        file=at.group(1) if at else None,
        source_line=int(at.group(2)) if at else None,
    )


def _allocation(match: Match, context: Context) -> MetalOutOfMemory | None:
    found = match.groupdict()
    aborted = _signal(match.string)
    # The same words come from the CPU backend; there it is the host's memory.
    if context.platform != "darwin" and not (aborted and "libc++abi" in match.string):
        return None
    return MetalOutOfMemory(
        bytes_requested=int(found["bytes"]), exception=found["exception"], signal=aborted
    )


_REFUSED: Final = finds(MetalOutOfMemory)


def _mps_memory(match: Match, context: Context) -> Finding | None:
    finding = _REFUSED(match, context)
    if not isinstance(finding, MetalOutOfMemory):
        return finding
    return attrs.evolve(finding, bytes_requested=bytes_of(finding.requested))


def _signal(line: str) -> str | None:
    return "SIGABRT" if "libc++abi: terminating" in line or "terminate called" in line else None


@final
class _StatusBlock:
    """llama.cpp's line with the status of a command buffer, and the reason on the one after it."""

    _LINES = 2
    _FAILED = 5

    def __init__(self, match: Match, context: Context) -> None:
        self._buffer = int(match.group("buffer"))
        self._status = int(match.group("status"))
        self._told = match.group("where") == "synchronize"
        self._context = context
        self._seen = 0

    def feed(self, line: str, *, claimed: bool) -> Consumed:
        del line
        self._seen += 1
        over = claimed or self._seen >= self._LINES
        return Consumed.CLOSED if over else Consumed.PASSED

    def findings(self) -> tuple[Finding, ...]:
        # Versions that name no reason mostly had no memory; the others always name one.
        unsaid = self._status == self._FAILED and not self._told
        unnamed = MetalOutOfMemory if unsaid else MetalCommandBufferError
        kind: type[MetalFinding] = self._context.facts.get("metal-kind", unnamed)
        return (kind(command_buffer=self._buffer, status=self._status),)


SIGNATURES: Final = (
    Signature(
        name="ggml-metal-status",
        pattern=r"(?:ggml_metal_(?P<where>\w+): (?:error: )?)?command buffer (?P<buffer>\d{1,9})"
        r" failed with status (?P<status>\d{1,9})",
        open_block=_StatusBlock,
        literals=(" failed with status ",),
    ),
    Signature(
        name="metal-command-buffer",
        pattern=r"Command buffer execution failed: |CommandBufferCallbackError|\(IOAF code \d"
        r"|\bInternal Error \([0-9a-f]{8}:|MTLCommandBufferErrorDomain Code=\d"
        r"|Execution of the command buffer was aborted due to an error",
        build=_command_buffer,
        literals=(
            "Command buffer execution failed: ",
            "CommandBufferCallbackError",
            "(IOAF code ",
            "Internal Error (",
            "MTLCommandBufferErrorDomain",
            "Execution of the command buffer was aborted",
        ),
    ),
    Signature(
        name="metal-malloc",
        pattern=r"(?:(?P<exception>[\w.:]*(?:Error|runtime_error)): )?"
        r"\[malloc(?:_or_wait)?\] Unable to allocate (?P<bytes>\d{1,20}) bytes",
        build=_allocation,
        literals=("] Unable to allocate ",),
    ),
    Signature(
        name="metal-torch-out-of-memory",
        pattern=r"(?P<detail>MPS backend out of memory)"
        r"(?:.*?Tried to allocate (?P<requested>[\d.]+ \w+))?",
        build=_mps_memory,
    ),
    Signature(
        name="metal-malloc-of-mlx-c",
        pattern=MLX_C + r"\[metal::malloc\] Attempting to allocate (?P<bytes_requested>\d{1,20})"
        r" bytes",
        build=_REFUSED,
    ),
)
