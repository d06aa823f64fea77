"""Models that a library does not know, or whose own code it may not run."""

from typing import Final

from diagnostics._prefixes import PREFIX
from diagnostics.catalog._building import finds
from diagnostics.catalog.weights import ModelTypeUnsupported, TrustRemoteCodeNeeded
from diagnostics.findings import Finding
from diagnostics.signatures import Context, Match, Signature


def _looked_up(_: Match, context: Context) -> None:
    context.facts["auto-model"] = True


def _asked(match: Match, context: Context) -> None:
    context.facts["code-asked-for"] = match.group("repo")


def _unanswered(match: Match, context: Context) -> Finding | None:
    # Nobody is there: the answer is read from an input that is closed.
    repo = context.facts.pop("code-asked-for", None)
    return finds(TrustRemoteCodeNeeded, repo=repo)(match, context) if repo else None


def _unknown_key(match: Match, context: Context) -> Finding | None:
    # Transformers up to 4.40 raises the bare name, out of the table of its classes.
    if not context.facts.pop("auto-model", False):
        return None
    return finds(ModelTypeUnsupported, exception="KeyError")(match, context)


SIGNATURES: Final = (
    Signature(
        name="auto-model-table",
        pattern=r'File ".*transformers/models/auto/\w+\.py", line \d+, in __getitem__',
        build=_looked_up,
        literals=("transformers/models/auto/",),
    ),
    Signature(
        name="auto-model-key",
        pattern=PREFIX + r"KeyError: '(?P<model_type>[\w.-]+)'\s*$",
        build=_unknown_key,
        literals=("KeyError: '",),
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
        pattern=r"(?:[Mm]odel architectures? (?:\[|'|\")|[Uu]nsupported (?:model )?architecture:? "
        r"|[Uu]nsupported model type:? |\bArchitecture '"
        r"|hf-to-gguf:Model |Unrecognized configuration class <class '(?:[\w]+\.)*"
        r"|Unrecognized model (?:identifier: |in |type for subconfig: )"
        r"|Unknown quantization (?:type, got |method: )|Cannot find model module\. )"
        r"['\"]*(?P<model_type>[\w./-]*[\w-])",
        build=finds(ModelTypeUnsupported),
        literals=(
            *("nsupported architecture", "nsupported model architecture"),
            *("nsupported model type", "Architecture '"),
            "hf-to-gguf:Model ",
            "odel architecture",
            "Unrecognized configuration class",
            "Unrecognized model ",
            "Unknown quantization ",
            "Cannot find model module",
        ),
    ),
    Signature(
        name="trust-remote-code",
        pattern=r"(?:[Ll]oading (?P<repo>\S+/\S+) requires you to execute"
        r"|requires you to execute the \w+(?: \w+)? in that repo"
        r"|(?P<exception>\w*Error): .*contains custom code which must be executed"
        r"|Do you wish to run the custom code"
        r"|(?:[Pp]lease (?:pass|set)|You must (?:pass|set)|consider (?:setting|passing)|\bPass"
        r"|\bthen set) (?:the )?(?:argument|option)?"
        r" ?[`'\"]?(?:--)?(?:trust_remote_code|trust-remote-code))",
        build=finds(TrustRemoteCodeNeeded),
        literals=(
            "requires you to execute",
            "contains custom code",
            "run the custom code",
            "trust_remote_code",
            "trust-remote-code",
        ),
    ),
    Signature(
        name="trust-remote-code-asked",  # somebody may be there to say yes
        pattern=r"[Tt]he repository for (?P<repo>\S+) (?:contains|references) custom code which"
        r" must be executed to correctly load the model",
        build=_asked,
        literals=("custom code which must be executed",),
    ),
    Signature(
        name="trust-remote-code-unanswered",
        pattern=r"(?P<exception>EOFError): EOF when reading a line",
        build=_unanswered,
        literals=("EOFError: EOF when reading",),
    ),
    Signature(
        name="model-no-implementation",
        pattern=r"(?P<model_type>\w+) has no \w+ implementation and the Transformers"
        r" implementation is not compatible",
        build=finds(ModelTypeUnsupported),
    ),
    Signature(
        name="model-format",
        pattern=r"(?P<detail>Model format not supported \(no matching implementation found\))",
        build=finds(ModelTypeUnsupported),
    ),
)
