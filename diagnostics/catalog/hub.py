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


_STATUS: Final = re2.compile(r"\b(401|403) (?:Client Error|Unauthorized|Forbidden)")
_REPO: Final = re2.compile(
    r"(?:[Rr]epo model|to model|huggingface\.co/(?:api/models/)?)[ /]?([\w.-]+/[\w.-]*\w)"
)
_HOST: Final = re2.compile(r"host='([^']+)'|https?://([\w.-]+)")
_ERRNO: Final = re2.compile(r"\[Errno (-?\d{1,4})\]")


def _gated(match: Match, context: Context) -> Finding | None:
    line = match.string
    facts, found = context.facts, match.groupdict()
    for name, pattern in (("status", _STATUS), ("repo", _REPO)):
        value = pattern.search(line)
        if value:
            found[name] = value.group(1)
    values = common(match, context)
    # Between them the lines say all of it: the exception, the status, the model.
    for name in ("gated-exception", "gated-status"):
        facts.setdefault(name, None)
    if values.get("exception"):
        facts["gated-exception"] = values["exception"]
    return GatedRepo(**values | fields_of(GatedRepo, found, context))


def _status(match: Match, context: Context) -> Finding | None:
    if "gated-status" not in context.facts:
        return None
    return GatedRepo(status=int(match.group("status")))


def _unreachable(match: Match, context: Context) -> Finding | None:
    finding = finds(HubUnreachable)(match, context)
    if not isinstance(finding, HubUnreachable):
        return finding
    host, number = _HOST.search(match.string), _ERRNO.search(match.string)
    name = (host.group(1) or host.group(2)) if host else None
    hub = name is not None and ("huggingface" in name or "hf." in name or "modelscope" in name)
    return attrs.evolve(
        finding,
        host=name if hub else None,
        errno=abs(int(number.group(1))) if number else None,
    )


SIGNATURES: Final = (
    Signature(
        name="hub-gated",
        pattern=r"(?P<exception>[\w.]*GatedRepoError)|(?P<detail>[Cc]annot access gated repo"
        r"|trying to access a gated repo"
        r"|\bis gated\b|\bis restricted(?: and you|\. You)|[Aa]ccess to model \S+ is restricted"
        r"|Make sure to have access to it at)",
        build=_gated,
        literals=(
            "GatedRepoError",
            "gated repo",
            "is gated",
            "is restricted",
            "Make sure to have access to it at",
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
        pattern=r"\b(?P<status>401|403) Client Error.*huggingface\.co/(?P<repo>[\w.-]+/[\w.-]*\w)",
        build=finds(GatedRepo),
        literals=(" Client Error",),
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
        name="tokenizer-missing",
        pattern=r"(?P<detail>Couldn't instantiate the backend tokenizer|Can't load tokenizer"
        r" for(?: '[^']*')?"
        r"|sentencepiece (?:library )?but it was not found|requires the SentencePiece library"
        r"|(?:`?tiktoken`?|`?sentencepiece`?) is required to (?:read|load))",
        build=finds(TokenizerMissing),
        literals=(
            "backend tokenizer from one",
            "Can't load tokenizer",
            "but it was not found",
            "SentencePiece library",
            " is required to read",
            " is required to load",
            "the backend tokenizer",
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
        pattern=r"(?P<detail>data did not match any variant of untagged enum)",
        build=finds(TokenizerBadFile),
        literals=("did not match any variant",),
        generic=True,
    ),
)
