"""Weights that are missing, damaged or for another program."""

from typing import Final

import attrs

from diagnostics.catalog._building import Builder, Recognized, finds
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
    """

    cause = "model-type-unsupported"
    endings = ("exit",)
    remedy = "Update mlx-lm or transformers; the model may be newer than they are."

    model_type: str | None = None

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


def _path(match: Match, context: Context) -> Finding | None:
    # ComfyUI names the file two lines below the error.
    if not context.facts.get("weights-header"):
        return None
    return BadWeightsFile(file=match.group("file").strip())


def _json(match: Match, context: Context) -> Finding | None:
    path = str(context.facts.get("source-path") or "")
    return _BAD(match, context) if path.endswith(".safetensors") else None


def _missing(match: Match, context: Context) -> Finding | None:
    build: Builder = finds(FileNotFoundWeights)
    return build(match, context)


SIGNATURES: Final = (
    Signature(
        name="mlx-load-header",
        pattern=r"\[(?:load|read)\w*\] (?P<detail>(?:Invalid (?:json )?header(?: length)?"
        r"|Unsupported|gguf_init"
        r"|Corrupt|Failed to parse|Unable to read \d+ bytes|Invalid|Tensor '(?P<tensor>[^']*)'"
        r"|The JSON header is (?P<expected_size>\d{1,20}) bytes long but the file is only"
        r" (?P<size>\d{1,20}))"
        r".*?)(?:(?: in)? file (?P<file>/\S+|[A-Za-z]:\\\S+|\S+\.\w{2,12}))?\s*$",
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
        r"|Unable to load weights from pytorch checkpoint file.*"
        r"|invalid load key, .{1,8}|unpickling stack underflow|Ran out of input"
        r"|unexpected EOF, expected \d+ more bytes.*)",
        build=_BAD,
        literals=(
            "PytorchStreamReader failed",
            "file in archive is not in",
            "Unable to load weights from pytorch",
            "invalid load key, ",
            "unpickling stack underflow",
            "Ran out of input",
            "unexpected EOF, expected",
        ),
        generic=True,
    ),
    Signature(
        name="gguf",
        pattern=r"(?P<detail>(?:gguf_init_from_file\w*|gguf_init|llama_model_load"
        r"|llama_model_load_from_file_impl)"
        r": (?:failed to (?:read|open|load)|invalid magic|error loading model|tensor '.*' data"
        r" is not within).*"
        r"|invalid magic characters.*|tensor .* data is not within (?:the )?file bounds.*)",
        build=_BAD,
        generic=True,
        literals=("gguf_init", "llama_model_load", "invalid magic characters", " is not within"),
    ),
    Signature(
        name="gguf-missing",
        pattern=r"(?:gguf_init_from_file\w*: failed to open GGUF file|failed to open)"
        r" '?(?P<file>[^\s':]+\.gguf)'?(?:: (?P<detail>No such file or directory))?",
        build=finds(FileNotFoundWeights, errno=2),
        literals=("failed to open",),
    ),
    Signature(
        name="hub-not-found",
        pattern=r"(?P<detail>(?:Repository|Entry|Revision) Not Found for url: \S+)",
        build=finds(FileNotFoundWeights),
        literals=(" Not Found for url: ",),
    ),
    Signature(
        name="hub-consistency",
        pattern=r"(?P<detail>Consistency check failed): file should be of size"
        r" (?P<expected_size>\d{1,20})"
        r" but has size (?P<size>\d{1,20})(?: \((?P<file>[^)]+)\))?",
        build=_BAD,
        literals=("Consistency check failed",),
    ),
    Signature(
        name="mlx-load-missing",
        pattern=r"\[(?:load|read)\w*\] (?P<detail>Failed to open(?: file)?):? (?P<file>\S.*?)\s*$",
        build=_missing,
        literals=("] Failed to open",),
    ),
    Signature(
        name="no-weights-found",
        pattern=r"(?P<detail>No (?:safetensors|weights?|model|gguf|GGUF|\.?\w+) (?:files? )?"
        r"(?:were |was )?found in(?: directory| path)?) (?P<file>[/~.\\][^\s]*|[A-Za-z]:\S+"
        r"|\S+/\S+)",
        build=_missing,
        literals=(" found in ",),
    ),
    Signature(
        name="transformers-no-file",
        pattern=r"(?P<detail>no file named .*?)(?: found)? in directory (?P<file>\S+?)\.?\s*$",
        build=_missing,
        literals=("no file named ",),
    ),
    Signature(
        name="safetensors-missing",
        pattern=r"FileNotFoundError: (?P<detail>No such file or directory):"
        r" \"?(?P<file>[^'\"\[]\S*)",
        build=_missing,
        literals=("FileNotFoundError: No such file",),
    ),
    Signature(
        name="hub-bad-repo-id",
        pattern=r"Repo id must (?P<detail>be in the form|use alphanumeric chars).*?:"
        r" '(?P<file>[^']+)'",
        build=_missing,
        literals=("Repo id must ",),
    ),
    Signature(
        name="hub-not-local",
        pattern=r"(?P<detail>is not a local folder and is not a valid model identifier|does not"
        r" appear to have"
        r" a file named \S+|Can't load (?:the )?(?:model|configuration|config|feature"
        r" extractor) for) ?"
        r"(?:'(?P<file>[^']+)')?",
        build=_missing,
        literals=("is not a local folder and is", "not appear to have a file named", "Can't load "),
    ),
    Signature(
        name="mlx-lm-model-not-found",
        pattern=r"(?P<detail>Model (?:path )?not found(?: for path or HF repo)?): (?P<file>\S+)",
        build=_missing,
        literals=("Model not found", "Model path not found"),
    ),
    Signature(
        name="model-type",
        pattern=r"[Mm]odel type [`'\"]?(?P<model_type>[\w.-]+)[`'\"]? (?:is )?not supported"
        r"|has model type [`'\"]?(?P<model_type2>[\w.-]+)[`'\"]? but Transformers does not"
        r" recognize",
        build=lambda match, context: finds(
            ModelTypeUnsupported,
            model_type=match.group("model_type") or match.group("model_type2"),
        )(match, context),
        literals=("odel type ",),
    ),
    Signature(
        name="model-architecture",
        pattern=r"(?:[Mm]odel architectures? \[?|unknown model architecture: |[Uu]nsupported"
        r" architecture:? )"
        r"['\"]*(?P<model_type>[\w.-]+)",
        build=finds(ModelTypeUnsupported),
        literals=(
            "unknown model architecture",
            "nsupported architecture",
            "odel architectures [",
            "odel architecture",
        ),
    ),
    Signature(
        name="trust-remote-code",
        pattern=r"(?:[Ll]oading (?P<repo>\S+) requires you to execute|contains custom code"
        r" which must be executed"
        r"|(?:[Pp]lease|You must) (?:pass|set) (?:the )?(?:argument|option)?"
        r" ?[`'\"]?(?:--)?(?:trust_remote_code|trust-remote-code))",
        build=finds(TrustRemoteCodeNeeded),
        literals=(
            "requires you to execute",
            "contains custom code",
            "trust_remote_code",
            "trust-remote-code",
        ),
    ),
)
