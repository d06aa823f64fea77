"""The Hugging Face hub, and tokenizers."""

from typing import Final

import attrs
import re2

from diagnostics.catalog._building import Recognized, common, fields_of, finds
from diagnostics.findings import Finding
from diagnostics.signatures import Context, Match, Signature


@attrs.frozen(kw_only=True)
class HubUnreachable(Recognized):
    """
    The hub could not be reached, and the cache does not have the files.

    Attributes:
        host: The host.
        errno: The error number, where one is printed.
    """

    cause = "hub-unreachable"
    endings = ("exit",)
    remedy = "Check network, proxy and mirror, or put the model into the cache beforehand."
    references = ("alvinliu0/HumanGaussian#4", "milvus-io/bootcamp#1248")

    host: str | None = None
    errno: int | None = None


@attrs.frozen(kw_only=True)
class GatedRepo(Recognized):
    """
    The model may be downloaded only by those who accepted its licence.

    Attributes:
        status: The HTTP status: 401 without a token, 403 without access.
        repo: The model.
    """

    cause = "gated-repo"
    weight = 1
    endings = ("exit",)
    remedy = "Accept the licence on the model's page, and log in with a token."
    references = ("ToTheBeginning/PuLID#97", "ariG23498/gemma3-object-detection#5")

    status: int | None = None
    repo: str | None = None

    @property
    def message(self) -> str:
        """Which model."""
        status = f" (HTTP {self.status})" if self.status is not None else ""
        return f"no access to the model {self.repo or 'that was asked for'}{status}"


@attrs.frozen(kw_only=True)
class TokenizerMissing(Recognized):
    """
    The files of the tokenizer, or the library that reads them, are missing.

    Attributes:
        file: The folder.
    """

    cause = "tokenizer-missing"
    endings = ("exit",)
    remedy = "Fetch the tokenizer's files, or install sentencepiece or tiktoken."

    file: str | None = None


@attrs.frozen(kw_only=True)
class TokenizerBadFile(Recognized):
    """
    The file of the tokenizer is damaged.

    Attributes:
        file: The file.
    """

    cause = "tokenizer-bad-file"
    endings = ("exit",)
    remedy = "Fetch tokenizer.json again, or update tokenizers to read it."

    file: str | None = None


_STATUS: Final = re2.compile(
    r"\b(401|403) (?:Client Error|Unauthorized|Forbidden)|\b(?:status(?: code)?|error:?) (401"
    r"|403)\b"
)
_REPO: Final = re2.compile(
    r"(?:[Rr]epo model|to model|huggingface\.co/(?:api/models/)?)[ /]?([\w.-]+/[\w.-]*\w)"
)
_HOST: Final = re2.compile(
    r"host='([^']+)'|https?://([\w.-]+)"
    r"|(?:host|to|lookup|resolve)[: ]+['\"]?((?:[\w-]+\.)+[a-z]{2,6})\b"
)
_HUBS: Final = ("huggingface", "hf.", "hf-mirror", "modelscope", "ollama")
_ERRNO: Final = re2.compile(r"\[Errno (-?\d{1,4})\]")


def _gated(match: Match, context: Context) -> Finding | None:
    line = match.string
    facts, found = context.facts, match.groupdict()
    for name, pattern in (("status", _STATUS), ("repo", _REPO)):
        value = pattern.search(line)
        if value:
            found[name] = next(group for group in value.groups() if group)
    if found.get("status") is None:
        found["status"] = facts.pop("hub-status", None)
    values = common(match, context)
    # Between them the lines say all of it: the exception, the status, the model.
    for name in ("gated-exception", "gated-status"):
        facts.setdefault(name, None)
    if values.get("exception"):
        facts["gated-exception"] = values["exception"]
    return GatedRepo(**values | fields_of(GatedRepo, found, context))


def _status(match: Match, context: Context) -> Finding | None:
    if "gated-status" not in context.facts:
        # Older versions print the status first, and of what on a line behind it.
        context.facts["hub-status"] = match.group("status")
        return None
    return GatedRepo(status=int(match.group("status")))


def _unreachable(match: Match, context: Context) -> Finding | None:
    if "thrown while requesting" in match.string:
        return None  # the hub's client tries again, or raises it behind this line
    finding = finds(HubUnreachable)(match, context)
    if not isinstance(finding, HubUnreachable):
        return finding
    host, number = _HOST.search(match.string), _ERRNO.search(match.string)
    name = next(group for group in host.groups() if group) if host else None
    hub = name is not None and any(part in name for part in _HUBS)
    return attrs.evolve(
        finding,
        host=name if hub else None,
        errno=abs(int(number.group(1))) if number else None,
    )


SIGNATURES: Final = (
    Signature(
        name="hub-gated",
        pattern=r"(?P<exception>[\w.]*GatedRepoError)|(?P<detail>[Cc]annot access gated repo"
        r"|trying to access a gated repo|[Aa]ccess denied to gated repo"
        r"|\bis gated\b|\bis restricted(?: and you|\. You)|[Aa]ccess to model \S+ is restricted"
        r"|Your request to access model \S+ (?:is awaiting|has been rejected)"
        r"|enable access to public gated repositories|accessing a gated model"
        r"|[Ii]nvalid user token|Invalid credentials in Authorization header"
        r"|Token is required \(`token=True`\)|Token is required, but no token found"
        r"|(?:Unauthorized|Forbidden) access to file: .https?://\S*(?:huggingface|hf)\S*"
        r"|Make sure to have access to it at)",
        build=_gated,
        literals=(
            "GatedRepoError",
            "gated repo",
            "is gated",
            "is restricted",
            "Make sure to have access to it at",
            "Your request to access model",
            "access to public gated repositories",
            "accessing a gated model",
            "nvalid user token",
            "Invalid credentials in Authorization",
            *("Unauthorized access to file: ", "Forbidden access to file: "),
            *("Token is required (`token", "Token is required, but no"),
        ),
    ),
    Signature(
        name="hub-status",
        pattern=r"\b(?P<status>401|403) Client Error",
        build=_status,
        literals=(" Client Error",),
        generic=True,
    ),
    Signature(
        name="hub-unauthorized",
        pattern=r"\b(?P<status>401|403) (?:Client Error|Unauthorized|Forbidden)"
        r".*huggingface\.co/(?:api/models/)?(?P<repo>[\w.-]+/[\w.-]*\w)"
        r"|huggingface\.co/(?:api/models/)?[\w.-]+/[\w.-]+\S*: (?:status(?: code)?|HTTP(?: error)?)"
        r" (?:401|403)\b",
        build=_gated,
        literals=("huggingface.co/",),
    ),
    Signature(
        name="hub-connection",
        pattern=r"(?P<detail>HTTPS?ConnectionPool\(host='[^']*(?:huggingface|hf\.co|hf-mirror"
        r"|modelscope)[^']*'"
        r".{0,40}?(?:Max retries exceeded|Read timed out|Connection aborted)"
        r"|Max retries exceeded\.?\s*$"
        r"|(?P<exception>[\w.]*LocalEntryNotFoundError)"
        r"|[Cc]annot find an appropriate cached snapshot folder"
        r"|cannot find the (?:requested files|appropriate snapshot folder)"
        r"|We couldn't connect to '?https?://\S+ to load"
        r"|outgoing traffic has been disabled"
        r"|Offline mode is enabled|OfflineModeIsEnabled)",
        build=_unreachable,
        literals=(
            "ConnectionPool(host=",
            "Max retries exceeded.",
            "LocalEntryNotFoundError",
            "Max retries exceeded",
            "appropriate cached snapshot",
            "cannot find the requested files",
            "cannot find the appropriate",
            "We couldn't connect to",
            "outgoing traffic has been",
            "Offline mode is enabled",
            "OfflineModeIsEnabled",
        ),
    ),
    Signature(
        name="hub-request",
        pattern=r"(?P<detail>error sending request for url \(https?://\S*(?:huggingface|hf\.co"
        r"|hf-mirror"
        r"|modelscope)\S*\)"
        r"|(?:Could not resolve host|Failed to connect to|lookup|resolve)[: ]+\S*(?:huggingface\.co"
        r"|hf\.co|hf-mirror\.com|modelscope\.cn|registry\.ollama\.ai)\b.*"
        r"|Connection to \S*(?:huggingface|hf)\.co timed out"
        r"|https?://\S*(?:huggingface\.co|hf\.co|registry\.ollama\.ai)\S*: (?:dial tcp|net/http"
        r"|context deadline|EOF|Connection|connection|timed out|tls).*)",
        build=_unreachable,
        literals=("huggingface", "hf.co", "hf-mirror", "modelscope", "registry.ollama.ai"),
    ),
    Signature(
        name="hub-server-error",
        pattern=r"(?P<detail>\b(?P<status>5\d\d Server Error|429 Client Error): .*for url:"
        r" https?://"
        r"\S*(?:huggingface|hf\.co|hf-mirror|modelscope)\S*)",
        build=_unreachable,
        literals=(" Server Error: ", "429 Client Error: "),
    ),
    Signature(
        name="hub-other-connection",
        pattern=r"(?P<detail>Couldn't reach (?:'[^']+' on the Hub|https?://\S*(?:huggingface"
        r"|hf\.co)\S*)"
        r"|Distant resource does not seem to be on huggingface\.co"
        r"|does not seem to be served by a Hugging Face Hub endpoint"
        r"|error occurred while trying to load file: .https?://\S*(?:huggingface|hf)\S*"
        r"|CAS service error : .*|failed to get manifest at https?://\S*huggingface\S*"
        r"|curl_easy_perform\(\) failed: (?:Could ?n.t|Timeout|SSL|Failure|Failed).*)",
        build=_unreachable,
        literals=(
            "Couldn't reach ",
            "Distant resource does not seem",
            "served by a Hugging Face Hub endpoint",
            "occurred while trying to load file: ",
            "CAS service error",
            "failed to get manifest at",
            "curl_easy_perform() failed: ",
        ),
    ),
    Signature(
        name="tokenizer-missing",
        pattern=r"(?P<detail>Couldn't instantiate the backend tokenizer"
        r"|Cannot instantiate this tokenizer from a slow version"
        r"|Tokenizer class \w+ does not exist or is not currently imported"
        r"|[Tt]okenizer json not found|No tokenizer file found in(?: directory)?:?"
        r"|[Tt]okenizer config(?:uration)?(?: file)? (?:is missing|not found)"
        r"|requires the protobuf library but it was not found"
        r"|Not found: ['\"]?(?P<file>[^\s'\"]*tokenizer\S*\.model)\W+No such file"
        r"|Can't load tokenizer"
        r" for(?: '[^']*')?"
        r"|sentencepiece (?:library )?but it was not found|requires the SentencePiece library"
        r"|(?:`?tiktoken`?|`?sentencepiece`?) is required to (?:read|load))",
        build=finds(TokenizerMissing),
        literals=(
            "the backend tokenizer",
            "this tokenizer from a slow version",
            "does not exist or is not currently",
            "okenizer json not found",
            "No tokenizer file found",
            "okenizer config",
            "Can't load tokenizer",
            "but it was not found",
            "SentencePiece library",
            "Not found: ",
            " is required to read",
            " is required to load",
        ),
    ),
    Signature(
        name="tokenizer-bad-file",
        pattern=r"Exception: (?P<detail>.* at line \d+ column \d+|data did not match any variant.*"
        r"|(?:No such file|Is a directory) .*\(os error \d+\)|.*(?:vocab|merges"
        r"|tokenizer).*(?:file|malformed).*)",
        build=finds(TokenizerBadFile, exception="Exception"),
        literals=("Exception: ",),
    ),
    Signature(
        name="tokenizer-variant",
        pattern=r"(?P<detail>data did not match any variant of untagged enum"
        r"|[Ff]ailed to (?:load|parse|read) (?:the )?tokenizer\b.{0,200} at line \d+ column \d+"
        r"|Tokenizers/\w+\.swift:\d+: Fatal error: .*"
        r"|model_proto->ParseFromArray\(|could not parse ModelProto from (?P<file>\S+))",
        build=finds(TokenizerBadFile),
        literals=(
            "did not match any variant",
            *(" at line ", ".swift:"),
            "model_proto->ParseFromArray(",
            "could not parse ModelProto",
        ),
        generic=True,
    ),
)
