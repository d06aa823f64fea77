"""`python -m actors`, which is `runner-actors`."""

import sys
from importlib.util import find_spec
from typing import Final

_NEEDED: Final = {
    "cli": ("typer", "rich", "platformdirs"),
    "mlx": ("mlx", "numpy"),
}
"""What the command line imports, by the extra that brings it."""


def main() -> int:
    """
    Run the command line.

    Returns:
        2 if something that it needs is not installed; else it ends by `SystemExit`.
    """
    wanted = ("cli", "mlx") if "demo" in sys.argv[1:] else ("cli",)
    missing = [name for extra in wanted for name in _NEEDED[extra] if find_spec(name) is None]
    if missing:
        sys.stderr.write(
            f"runner-actors needs {', '.join(missing)}, which is not installed. "
            f'Install it with: pip install "runner-actors[mlx,cli]"\n'
        )
        return 2
    from actors.cli import app  # noqa: PLC0415 - needs what was just looked for

    app()
    return 0


if __name__ == "__main__":
    sys.exit(main())
