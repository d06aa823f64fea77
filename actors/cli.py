"""The command line. Importing this module needs the `cli` extra."""

import sys
from typing import Annotated, Final

import typer
from rich.console import Console

from actors._version import __version__
from actors.demo.driver import Demo, DemoOptions
from actors.demo.faults import Fault
from actors.demo.json_lines import JsonReporter
from actors.demo.plain import PlainReporter
from actors.demo.reporter import Reporter
from actors.demo.terminal import TerminalReporter
from actors.demo.weights import cache_folder

app: Final = typer.Typer(
    name="runner-actors",
    help="Supervised runner processes as Pykka actors, with every death explained.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


@app.command()
def demo(
    *,
    fault: Annotated[
        Fault, typer.Option(help="What happens to one of the runners in mid-stream.")
    ] = Fault.KILL,
    rank: Annotated[
        int | None,
        typer.Option(min=0, help="To which of them. Defaults to the middle one."),
    ] = None,
    runners: Annotated[int, typer.Option(min=2, max=4, help="How many form the ring.")] = 3,
    tokens: Annotated[int, typer.Option(min=6, max=1000, help="How many tokens to generate.")] = 90,
    prompt: Annotated[str, typer.Option(help="The text to go on from.")] = "One night",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print every published event as one line of JSON.")
    ] = False,
) -> None:
    """
    Form a ring of MLX runners, generate text, lose one of them, explain it, and finish.

    The exit status is 0 if the text was completed, 1 if not, and 2 for bad arguments.
    """
    if rank is None:
        rank = runners // 2
    if rank >= runners:
        raise typer.BadParameter(
            f"there is no rank {rank} among {runners} runners, the first is rank 0",
            param_hint="--rank",
        )
    options = DemoOptions(
        runners=runners,
        fault=fault,
        rank=rank,
        tokens=tokens,
        prompt=prompt,
        cache=cache_folder(),
    )
    try:
        demonstration = Demo(options, _reporter(as_json=as_json))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--prompt") from error
    raise typer.Exit(0 if demonstration.run() else 1)


def _reporter(*, as_json: bool) -> Reporter:
    if as_json:
        return JsonReporter(sys.stdout, sys.stderr)
    if sys.stdout.isatty():
        return TerminalReporter(Console())
    return PlainReporter(sys.stdout)
