"""The reference page of all causes, generated: `python -m diagnostics.reference`."""

import sys
import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

import attrs

import diagnostics.catalog  # noqa: F401  # its import declares the built-in causes
from diagnostics.findings import Finding, finding_types

_TITLES: Final = {
    "metal": "Metal: command buffers",
    "metal_library": "Metal: library, kernels, device",
    "metal_limits": "Metal: limits and rules",
    "mlx": "MLX",
    "ring": "MLX ring",
    "ring_setup": "MLX ring: setting up",
    "jaccl": "MLX JACCL",
    "distributed": "MLX distributed",
    "cuda": "CUDA",
    "nccl": "NCCL",
    "torch": "PyTorch",
    "weights": "Weights",
    "hub": "Hub and tokenizers",
    "workers": "Workers",
    "host": "Host",
    "loader": "Loader",
    "corruption": "Native code: damage",
    "sanitizers": "Native code: sanitizers",
    "cpp": "Native code: C++",
    "panics": "Native code: Rust and Go",
    "native": "Native code: signals and assertions",
    "python": "Python",
}
_SHARED: Final = frozenset({"detail", "exception", "signal", "rank", "pid", "exit_code"})
_FRAME: Final = frozenset(field.name for field in attrs.fields(Finding))
_REPOSITORY: Final = "https://github.com/"

HEAD: Final = """\
# Causes

Every cause that the catalogue knows, by family. `python -m diagnostics.reference` makes this page
from the declarations in `diagnostics/catalog/`; a test keeps it up to date.

A finding is an object of the class named here. Besides its own fields it may have `detail` (the
words that were recognised), `exception`, `signal`, `rank`, `pid` and `exit_code`, as far as the
output tells. The role says what part the cause plays unless the line itself says otherwise: `root`
is a cause of its own, `after-effect` follows from another process's end, `root-or-after-effect`
may be either, and a `note` never ends a process.
"""


def page() -> str:
    """Return the page as Markdown."""
    return "\n".join([HEAD, *_families()]).rstrip("\n") + "\n"


def _families() -> Iterator[str]:
    own = [
        kind
        for kind in finding_types().values()
        if kind.__module__.startswith("diagnostics.catalog.")
    ]
    for family, title in _TITLES.items():
        kinds = [kind for kind in own if kind.__module__.rpartition(".")[2] == family]
        yield f"## {title}\n"
        for kind in sorted(kinds, key=lambda kind: kind.cause):
            yield from _entry(kind)


def _entry(kind: type[Finding]) -> Iterator[str]:
    summary = (kind.__doc__ or "").strip().partition("\n")[0]
    role = kind.default_role.value
    yield f"### {kind.cause}\n"
    yield f"{summary} `{kind.__name__}`, {role}{', fatal' if kind.fatal else ''}.\n"
    if kind.remedy:
        yield from _wrapped(f"**What to do.** {kind.remedy}")
    if kind.versions:
        yield from _wrapped(f"**Versions.** {kind.versions}.".replace("..", "."))
    own = [field.name for field in attrs.fields(kind) if field.name not in _FRAME | _SHARED]
    if own:
        names = ("line" if name == "source_line" else name for name in own)
        yield from _wrapped(f"**Fields.** {_listed(f'`{name}`' for name in names)}.")
    if kind.references:
        yield from _wrapped(f"**See.** {_listed(map(_link, kind.references))}.")


def _wrapped(text: str) -> Iterator[str]:
    yield textwrap.fill(text, 110, break_long_words=False, break_on_hyphens=False) + "\n"


def _listed(items: Iterable[str]) -> str:
    return ", ".join(items)


def _link(reference: str) -> str:
    repository, _, number = reference.partition("#")
    return f"[{reference}]({_REPOSITORY}{repository}/issues/{number})"


if __name__ == "__main__":
    sys.stdout.write(page())
