"""How programs on ggml say why they could not load a model."""

from typing import Any, Final

import attrs

from diagnostics.catalog._building import Builder, finds, role_here
from diagnostics.catalog._sizes import bytes_of
from diagnostics.catalog.host import OutOfMemoryHost
from diagnostics.catalog.hub import TokenizerMissing
from diagnostics.catalog.torch import WeightsMismatch
from diagnostics.catalog.weights import BadWeightsFile, FileNotFoundWeights, ModelTypeUnsupported
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Context, Match, Signature


def _why(kind: type[Finding], **constants: Any) -> Builder:
    """Return a builder for a reason; the file stands on another line, before or behind."""
    build = finds(kind, **constants)
    declared = attrs.fields_dict(kind)

    def remembered(match: Match, context: Context) -> Finding | None:
        finding = build(match, context)
        if finding is not None and finding.role is not Role.NOTE:
            context.facts["ggml-load"] = kind
        if finding is not None and "file" in declared and not match.groupdict().get("file"):
            path = context.facts.get("ggml-model-path")
            return attrs.evolve(finding, file=path)  # type: ignore[call-arg]
        return finding

    return remembered


def _too_large(match: Match, context: Context) -> Finding | None:
    finding = finds(OutOfMemoryHost)(match, context)
    if not isinstance(finding, OutOfMemoryHost):
        return finding
    asked, there = bytes_of(match.group("asked")), bytes_of(match.group("there"))
    return attrs.evolve(finding, bytes_requested=asked, bytes_available=there)


def _path(match: Match, context: Context) -> None:
    context.facts["ggml-model-path"] = match.group("file")


def _not_loaded(match: Match, context: Context) -> Finding | None:
    """Read that a model was not loaded: why stands before, if anything says so."""
    facts, path = context.facts, match.groupdict().get("file")
    kind: type[Finding] | None = facts.get("ggml-load") or facts.get("ggml-allocation")
    role = role_here(BadWeightsFile, match, context, soft=False)
    if role is None or "rpc error" in match.string:
        return None  # the process that was to load it is gone
    if kind is None:
        role = Role.EITHER if role is Role.ROOT else role
        return BadWeightsFile(role=role, detail=match.group("detail"), file=path)
    if path is None or role is Role.NOTE or "file" not in attrs.fields_dict(kind):
        return None
    return kind(file=path)  # type: ignore[call-arg]


_MODEL: Final = r"[^\s'\"]+?\.(?:gguf|ggml\w*|bin|safetensors|ggjt)[\w.]*"

SIGNATURES: Final = (
    Signature(
        name="ollama-host-memory",
        pattern=r"(?P<detail>model requires more system memory) \((?P<asked>[\d.]+ [KMGT]?i?B)\)"
        r" than is available \((?P<there>[\d.]+ [KMGT]?i?B)\)",
        build=_too_large,
    ),
    Signature(
        name="ggml-model-path",
        pattern=r"(?:loading model (?:part \d+/\d+ )?from"
        r"|\btensors from) '?(?P<file>[^\s'][^'\n]*?)'?"
        r"(?: \(version .*| - please wait.*|\s*)$",
        build=_path,
        literals=("loading model from ", "loading model part ", "tensors from "),
    ),
    Signature(
        name="gguf",
        pattern=r"(?P<detail>gguf_init\w*: (?:failed to read|invalid|bad GGUF|duplicate|tensor|key"
        r"|GGUFv1|this GGUF file is version|number of|encountered|string length).*"
        r"|invalid magic characters.*|tensor .* data is not within (?:the )?file bounds.*"
        r"|unknown \(magic, version\) combination.*|[Ii]nvalid model (?:file|data)(?: .*\("
        r"|, )(?:bad magic"
        r"|too old)"
        r".*|(?:corrupted|invalid) model: .*tensor.*|unexpectedly reached end of (?:file|buffer)"
        r"|tensor '.*' has invalid data.*|found tensors with invalid data"
        r"|(?:illegal|invalid) split (?:file|count).*|failed to load GGUF split.*"
        r"|unknown tensor '' in model file|unrecognized tensor type \d+"
        r"|not all tensors loaded from model file.*"
        r"|^(?:\W*Error: )?invalid file magic)",
        build=_why(BadWeightsFile),
        generic=True,
        literals=(
            "gguf_init",
            "invalid magic characters",
            " is not within ",
            "unknown (magic, version)",
            *("nvalid model file", "invalid model data", "Invalid model data"),
            *("corrupted model: ", "invalid model: "),
            "unexpectedly reached end of",
            *("has invalid data", "with invalid data"),
            *("illegal split", "invalid split", "failed to load GGUF split"),
            "unrecognized tensor type",
            "unknown tensor '' in",
            "not all tensors loaded",
            "invalid file magic",
        ),
    ),
    Signature(
        name="gguf-missing",
        pattern=r"(?:failed to open|[Mm]odel (?:path|file) does not exist:?) (?:GGUF file )?"
        rf"'?(?P<file>{_MODEL})'?"
        r"(?:,?:? \(?(?P<detail>No such file or directory))?(?:$|[\s).,:])",
        build=_why(FileNotFoundWeights, errno=2),
        literals=("failed to open", "odel path does not exist", "odel file does not exist"),
    ),
    Signature(
        name="ggml-model-kind",
        pattern=r"(?P<detail>unknown (?:model architecture|pre-tokenizer type|projector type"
        r"|tokenizer)): '?(?P<model_type>[\w.-]+)",
        build=_why(ModelTypeUnsupported),
        literals=(
            *(f"unknown {what}: " for what in ("model architecture", "pre-tokenizer type")),
            *(f"unknown {what}: " for what in ("projector type", "tokenizer")),
        ),
    ),
    Signature(
        name="ggml-tokenizer",
        pattern=r"(?P<detail>cannot find tokenizer (?:merges|vocab) in model file)",
        build=_why(TokenizerMissing),
        literals=("cannot find tokenizer ",),
    ),
    Signature(
        name="ggml-mismatch",
        pattern=r"(?P<detail>wrong number of tensors; expected \d+, got \d+"
        r"|(?:error loading model|_tensors?): .*tensor '[^']*' (?:not found|has wrong (?:shape"
        r"|type)).*"
        r"|missing tensor '[^']*'|key not found in model: \S+|key \S+ has wrong (?:type"
        r"|array length).*"
        r"|unknown tensor '[^']+' in model file|tensor '[^']*' has wrong s(?:ize"
        r"|hape) in model file.*"
        r"|error loading model.*vocab size mismatch|wrong model arch: .*)",
        build=_why(WeightsMismatch),
        literals=(
            "wrong number of tensors; expected",
            "tensor '",
            "missing tensor '",
            "key not found in model: ",
            " has wrong type",
            " has wrong array length",
            "unknown tensor '",
            "vocab size mismatch",
            "wrong model arch: ",
        ),
    ),
    Signature(
        name="ggml-not-loaded",
        pattern=r"(?P<detail>(?:[Ff]ailed|[Uu]nable) to (?:load|open) model(?:"
        r" from)?(?: file)?"
        r"|Failed to create LLM '[^']*' from|failed to create context with model"
        r"|[Cc]ould not load (?:Llama )?model from (?:given file )?path):?"
        r"(?: [`'\"]?(?P<file>[/~.]?[\w./\\:~@ -]*[/\\][^\s'\"`]*[^\s'\"`.,]"
        r"|[^\s'\"`]+\.(?:gguf|bin|ggml\w*|pt))[`'\"]?)?(?:$|[\s'\"`.,])",
        build=_not_loaded,
        literals=(
            *(f"{verb} to load model" for verb in ("ailed", "nable")),
            *(f"{verb} to open model" for verb in ("ailed", "nable")),
            "Failed to create LLM ",
            "failed to create context with model",
            *("ould not load model from", "ould not load Llama model"),
        ),
        generic=True,
    ),
)
