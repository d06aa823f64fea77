"""Weights that are missing, damaged or for another program."""

from typing import Final

import attrs

from diagnostics.catalog._building import Recognized, finds
from diagnostics.findings import Finding
from diagnostics.signatures import Context, Match, Signature


@attrs.frozen(kw_only=True)
class BadWeightsFile(Recognized):
    """
    A file of weights is damaged, incomplete or no such file.

    Attributes:
        file: The file.
        size: Its size, where it is printed.
        expected_size: The size that it should have.
        tensor: The tensor that cannot be read.
    """

    cause = "bad-weights-file"
    endings = ("exit", "SIGABRT")
    versions = (
        "MLX checks sizes since 0.31.2 (up to 0.31.1 a cut file loads as garbage); safetensors up"
        " to 0.8; PyTorch; GGUF"
    )
    remedy = (
        "Delete it and fetch it again with the client of the hub: a git clone without git-lfs"
        " leaves pointer files in place of weights."
    )
    references = ("kapi2800/qwen3-tts-apple-silicon#1", "ml-explore/mlx-examples#341")

    file: str | None = None
    size: int | None = None
    expected_size: int | None = None
    tensor: str | None = None

    @property
    def message(self) -> str:
        """Which file, and what is wrong with it."""
        file = f" {self.file}" if self.file else ""
        return f"the weights file{file} cannot be used" + (
            f": {self.detail}" if self.detail else ""
        )


@attrs.frozen(kw_only=True)
class FileNotFoundWeights(Recognized):
    """
    The weights or a file that belongs to them are not there.

    Attributes:
        file: The file or the folder.
        errno: The error number, where one is printed.
    """

    cause = "file-not-found-weights"
    endings = ("exit", "SIGABRT")
    versions = "MLX, mlx-lm, transformers, safetensors, Python"
    remedy = (
        "Download the model, in the form that this program reads, or correct the path. A disk that"
        " filled up during the download looks the same."
    )
    references = ("Blaizzy/mlx-vlm#14", "ml-explore/mlx-lm#251")

    file: str | None = None
    errno: int | None = None

    @property
    def message(self) -> str:
        """Which file."""
        return f"a file of the model is missing: {self.file or self.detail or 'not named'}"


@attrs.frozen(kw_only=True)
class ModelTypeUnsupported(Recognized):
    """
    The library does not know this kind of model.

    Attributes:
        model_type: The kind.
        file: The file of weights, where it is printed.
    """

    cause = "model-type-unsupported"
    endings = ("exit",)
    remedy = "Update mlx-lm or transformers; the model may be newer than they are."

    model_type: str | None = None
    file: str | None = None

    @property
    def message(self) -> str:
        """Which kind of model."""
        return f"the model type {self.model_type} is not supported"


@attrs.frozen(kw_only=True)
class TrustRemoteCodeNeeded(Recognized):
    """
    The model comes with code of its own, which was not allowed to run.

    Attributes:
        repo: The model.
    """

    cause = "trust-remote-code-needed"
    endings = ("exit",)
    remedy = "Pass trust_remote_code=True if you trust the model's authors."

    repo: str | None = None


_BAD: Final = finds(BadWeightsFile)


def _header(match: Match, context: Context) -> Finding | None:
    context.facts["weights-header"] = True
    return _BAD(match, context)


def _format(match: Match, context: Context) -> Finding | None:
    finding = _BAD(match, context)
    config = match.group("config") or match.group("model")
    if config is None or not isinstance(finding, BadWeightsFile):
        return finding
    return attrs.evolve(finding, file=config)


def _path(match: Match, context: Context) -> Finding | None:
    # ComfyUI names the file two lines below the error.
    if not context.facts.get("weights-header"):
        return None
    return BadWeightsFile(file=match.group("file").strip())


def _json(match: Match, context: Context) -> Finding | None:
    path = str(context.facts.get("source-path") or "")
    return _BAD(match, context) if path.endswith(".safetensors") else None


SIGNATURES: Final = (
    Signature(
        name="mlx-load-header",
        pattern=r"\[(?:load|read)\w*\] (?P<detail>(?:Invalid (?:json )?header(?: length)?"
        r"|Unsupported|gguf_init"
        r"|Corrupt|Failed to parse|Unable to read \d+ bytes|Invalid|Tensor '(?P<tensor>[^']*)'"
        r"|The JSON header is (?P<expected_size>\d{1,20}) bytes long but the file is only"
        r" (?P<size>\d{1,20}))"
        r".*?)(?:(?: in)? file (?P<file>/\S+|[A-Za-z]:\\\S+|\S+\.\w{2,12}))?"
        r"(?: at \S*/mlx-c/\S+:\d+)?\s*$",
        build=_BAD,
        literals=("[load", "[read"),
    ),
    Signature(
        name="safetensors-json",
        pattern=r"(?P<detail>\[json\.exception\.\w+\.\d+\].*)",
        build=_json,
        literals=("[json.exception.",),
    ),
    Signature(
        name="mlx-incomplete-download",
        pattern=r"(?P<detail>Perhaps an incomplete download or corrupt file)",
        build=_BAD,
        literals=("incomplete download or corrupt file",),
        generic=True,
    ),
    Signature(
        name="safetensors-header",
        pattern=r"[Ee]rror while deserializing(?: header)?: (?P<detail>[\w ]+)",
        build=_header,
        literals=("rror while deserializing",),
    ),
    Signature(
        name="safetensors-hint",
        pattern=r"(?P<detail>safetensors file is (?:corrupt|incomplete|invalid)\S*)",
        build=_BAD,
        literals=("safetensors file is ",),
    ),
    Signature(
        name="weights-file-path",
        pattern=r"^(?:\S+ - )?File path: (?P<file>\S.*)$",
        build=_path,
        literals=("File path: ",),
    ),
    Signature(
        name="torch-zip",
        pattern=r"(?P<detail>PytorchStreamReader failed \S+ ?\S* ?.*"
        r"|file in archive is not in a subdirectory.*"
        r"|Unable to load weights from \w+ checkpoint file.*?(?: at '(?P<file>[^']+)'.*)?$"
        r"|invalid load key, .{1,8}|unpickling stack underflow|Ran out of input"
        r"|pickle data was truncated|Invalid magic number; corrupt file"
        r"|storage has wrong byte size: expected \d+ got \d+"
        r"|unexpected EOF, expected \d+ more bytes.*)",
        build=_BAD,
        literals=(
            "PytorchStreamReader failed",
            "file in archive is not in",
            "Unable to load weights from ",
            "invalid load key, ",
            "unpickling stack underflow",
            "Ran out of input",
            "pickle data was truncated",
            "Invalid magic number; corrupt",
            "storage has wrong byte size",
            "unexpected EOF, expected",
        ),
        generic=True,
    ),
    Signature(
        name="other-weights-formats",
        pattern=r"(?P<detail>Unable to (?:synchronously )?open file \((?:file signature not found"
        r"|truncated file|bad object header|bad superblock|bad heap|addr overflow)"
        r"|Error parsing message with type 'onnx\.|not an sstable \(bad magic number\)"
        r"|INVALID_PROTOBUF : Load model from (?P<file>\S+) failed"
        r"|Unable to load model: (?P<model>\S+)\. Compile the model with"
        r"|It is not a valid \.mlmodelc file"
        r"|It looks like the config file at '(?P<config>[^']+)' is not a valid JSON file)",
        build=_format,
        literals=(
            "open file (file signature",
            *("open file (truncated", "open file (bad ", "open file (addr overflow"),
            "Error parsing message with type",
            "not an sstable",
            "INVALID_PROTOBUF : ",
            *("Unable to load model: ", "is not a valid .mlmodelc"),
            "is not a valid JSON file",
        ),
    ),
    Signature(
        name="safetensors-in-rust",
        pattern=r"\b(?P<detail>HeaderToo(?:Large|Small)|InvalidHeader(?:Deserialization|Start"
        r"|Length)?"
        r"|MetadataIncompleteBuffer|TensorInvalidInfo)\b",
        build=_BAD,
        literals=("HeaderToo", "InvalidHeader", "MetadataIncompleteBuffer", "TensorInvalidInfo"),
        generic=True,
    ),
    Signature(
        name="weights-digest",
        pattern=r"(?P<detail>digest mismatch, file must be downloaded again)",
        build=_BAD,
    ),
    Signature(
        name="hub-consistency",
        pattern=r"(?P<detail>Consistency check failed): file should be of size"
        r" (?P<expected_size>\d{1,20})"
        r" but has size (?P<size>\d{1,20})(?: \((?P<file>[^)]+)\))?",
        build=_BAD,
        literals=("Consistency check failed",),
    ),
)
