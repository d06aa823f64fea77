"""Weights, configurations and repositories that are not there, in the words of their libraries."""

from typing import Final

from diagnostics._prefixes import PREFIX
from diagnostics.catalog._building import finds
from diagnostics.catalog.weights import FileNotFoundWeights
from diagnostics.signatures import Signature

_MISSING: Final = finds(FileNotFoundWeights)

SIGNATURES: Final = (
    Signature(
        name="hub-not-found",
        pattern=r"(?P<detail>(?:Repository|Entry|Revision) Not Found for url: \S+"
        r"|404 Client Error: Not Found for url: https?://\S*(?:huggingface|hf\.co|hf-mirror)\S*)"
        r"|huggingface\.co/\S+: (?P<status>status(?: code)?:? 404|HTTP(?: error)? 404"
        r"|404 Not Found)",
        build=_MISSING,
        literals=(" Not Found for url: ", "huggingface.co/"),
    ),
    Signature(
        name="mlx-load-missing",
        pattern=r"\[(?:load|read)\w*\] (?P<detail>Failed to open(?: file)?):? (?P<file>\S.*?)"
        r"(?: at \S*/mlx-c/\S+:\d+)?\s*$",
        build=_MISSING,
        literals=("] Failed to open",),
    ),
    Signature(
        name="no-weights-found",
        pattern=r"(?P<detail>No (?:safetensors|weights?|model|gguf|GGUF|(?:model )?weights?"
        r"|\.\w+) (?:files? )?"
        r"(?:were |was )?found in(?: directory| path)?)(?: (?P<file>[/~.\\][^\s]*|[A-Za-z]:\S+"
        r"|\S+/\S+|[\w.-]+:[\w.-]+\s*$)|\s*$)",
        build=_MISSING,
        literals=(" found in",),
    ),
    Signature(
        name="transformers-no-file",
        pattern=r"(?P<detail>no file named .*?)(?: found)? in directory (?P<file>\S+?)\.?\s*$",
        build=_MISSING,
        literals=("no file named ",),
    ),
    Signature(
        name="safetensors-missing",
        pattern=r"FileNotFoundError: (?P<detail>No such file or directory):"
        r" \"?(?P<file>[^'\"\[]\S*)",
        build=_MISSING,
        literals=("FileNotFoundError: No such file",),
    ),
    Signature(
        name="hub-bad-repo-id",
        pattern=r"Repo id must (?P<detail>be in the form|use alphanumeric chars).*?:"
        r" '(?P<file>[^']+)'",
        build=_MISSING,
        literals=("Repo id must ",),
    ),
    Signature(
        name="hub-not-local",
        pattern=r"(?P<detail>is not a local folder and is not a valid model identifier|does not"
        r" appear to have"
        r" a file named \S+|Can't load (?:the )?(?:model|configuration|config|feature"
        r" extractor) (?:for|of)) ?"
        r"(?:'(?P<file>[^']+)')?",
        build=_MISSING,
        literals=("is not a local folder and is", "not appear to have a file named", "Can't load "),
    ),
    Signature(
        name="transformers-js-missing",
        pattern=r"(?P<detail>Could not locate file|file was not found locally at):? "
        r"\"(?P<file>[^\"]+)\"",
        build=_MISSING,
        literals=("Could not locate file", "file was not found locally at"),
    ),
    Signature(
        name="hdf5-missing",
        pattern=r"[Uu]nable to open file: name = '+(?P<file>[^']+)'+, errno =(?: 2, error message ="
        r"|$)",
        build=finds(FileNotFoundWeights, errno=2),
        literals=("nable to open file: name = ",),
    ),
    Signature(
        name="core-ml-model-missing",
        pattern=r"(?P<detail>The model is not found at URL:) (?:file://)?(?P<file>[^\s\"}]+)",
        build=_MISSING,
        literals=("The model is not found at URL",),
    ),
    Signature(
        name="mlx-lm-model-not-found",
        pattern=r"(?P<detail>Model (?:path )?not found(?: for path or HF repo)?): (?P<file>\S+)",
        build=_MISSING,
        literals=("Model not found", "Model path not found"),
    ),
    Signature(
        name="model-file-no-such",
        pattern=r"(?P<file>[^\s'\"`:(]+\.(?:safetensors|gguf|ggml|onnx|npz|pth?|ckpt|tflite"
        r"|mlpackage"
        r"|safetensors\.index\.json))['\"`]?\)?:? .{0,60}(?P<detail>[Nn]o such file or directory)",
        build=finds(FileNotFoundWeights, errno=2),
        literals=("o such file or directory",),
        generic=True,
    ),
    Signature(
        name="adapter-missing",
        pattern=r"(?P<detail>Can't find '[\w.]+') at '(?P<file>[^']+)'",
        build=_MISSING,
    ),
    Signature(
        name="model-config-missing",
        pattern=rf"(?:{PREFIX}|Error: )(?P<detail>[Cc]onfig(?:uration)?(?: file)? not found (?:in"
        r"|at)) (?P<file>[/~.\\]\S*"
        r"|[A-Za-z]:\S+)",
        build=_MISSING,
        literals=(
            *("onfig not found", "onfig file not found"),
            *("onfiguration not found", "onfiguration file not found"),
        ),
    ),
    Signature(
        name="weights-of-other-kinds-missing",
        pattern=r"(?P<detail>Cannot find any model weights with"
        r"|Could not find the necessary `\w+` weights in|Invalid repository ID or"
        r" local directory"
        r" specified:|SavedModel file does not exist at:|NO_SUCHFILE : Load model from"
        r"|No supported config format found in|Model name .{1,80} was not found in model name list"
        r"|is not a folder containing a `\.index\.json` file)"
        r"(?: [`'\"]?(?P<file>[^\s`'\"]*[^\s`'\".,]))?",
        build=_MISSING,
        literals=(
            *("Cannot find any model weights", "Could not find the necessary `"),
            "Invalid repository ID or local",
            "SavedModel file does not exist",
            "NO_SUCHFILE : Load model from",
            "No supported config format found",
            "was not found in model name list",
            "is not a folder containing a",
        ),
    ),
    Signature(
        name="ollama-model-missing",
        pattern=r"(?P<detail>pull model manifest: file does not exist"
        r"|model '(?P<file>[^']+)' not found(?:, try pulling it first)?)",
        build=_MISSING,
        literals=("pull model manifest: file", "model '"),
    ),
)
