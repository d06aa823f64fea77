"""Notebooks and editors that say that the process behind them is gone, and not why."""

from typing import Final

from diagnostics.catalog._building import finds, groups_of
from diagnostics.catalog._signals import BY_SIGNAL, ended, signal_in
from diagnostics.catalog.host import OutOfMemoryHost
from diagnostics.catalog.workers import UnknownHostWrappedCrash
from diagnostics.findings import Finding
from diagnostics.signatures import Context, Match, Signature

_ASKED_TO_END: Final = ("SIGTERM", "SIGINT", "SIGHUP", "SIGPIPE")


def _gone(match: Match, context: Context) -> Finding | None:
    """Read an end that may be told with an exit code or a signal, which say more if they do."""
    found = groups_of(match)
    name = signal_in(found)
    if found.get("exit_code") == "0" and name is None:
        return None
    if name in _ASKED_TO_END:
        return None
    if name in BY_SIGNAL:
        return ended(match, context)
    kind = OutOfMemoryHost if found.get("reason") == "oom" else UnknownHostWrappedCrash
    if found.get("signal"):
        return None  # one that ends nothing
    return finds(kind)(match, context)


def _session(match: Match, context: Context) -> Finding | None:
    kind = OutOfMemoryHost if match.group("ram") else UnknownHostWrappedCrash
    return finds(kind)(match, context)


_CODE: Final = r"(?:(?P<exit_code>-?\d{1,20})|\w+)"

SIGNATURES: Final = (
    Signature(
        name="notebook-kernel-died",  # Jupyter's servers and front ends, nbclient, papermill
        pattern=r"(?P<detail>[Tt]he kernel (?:for .{1,200} )?appears to have died"
        r"|KernelRestarter: (?:restarting kernel \(\d+/\d+\)|restart failed)"
        r"|\bKernel [0-9a-f-]{8,36} died, removing from map"
        r"|\b[Kk]ernel died(?:\W*$| before replying to kernel_info|, restarting| unexpectedly"
        r"| with exit code)"
        r"|The [Kk]ernel crashed while executing code|Kernel process died\b)"
        r"(?: (?P<exit_code>\d{1,10})\b)?",
        build=_gone,
        literals=(
            *("appears to have died", "KernelRestarter: restart", "died, removing from map"),
            *("ernel died", "ernel crashed while executing", "Kernel process died"),
        ),
        generic=True,
    ),
    Signature(
        name="notebook-in-editor",  # the log of Visual Studio Code's Jupyter extension
        pattern=r"(?P<detail>[Dd]isposing session as kernel process died)(?: ExitCode: "
        + _CODE
        + r")?|(?P<detail_2>Raw kernel process exited) code: (?:(?P<exit_code_2>-?\d{1,20})|\w+)"
        r"|(?P<detail_3>Canceled future for execute_request message before replies were done)",
        build=_gone,
        literals=(
            *("isposing session as kernel process died", "Raw kernel process exited"),
            "Canceled future for execute_request",
        ),
        generic=True,
    ),
    Signature(
        name="editor-process-gone",
        pattern=r"(?P<detail>[Ee]xtension host(?: \((?:[^)]* )?pid:? (?P<pid>\d{1,9})\))?"
        r" terminated unexpectedly)(?:[.:]? Code: "
        + _CODE
        + r"(?:, Signal: (?:unknown|null|undefined|(?P<signal>SIG[A-Z]+)))?)?"
        r"|(?P<detail_2>renderer process gone) \(reason: (?P<reason>oom|crashed|killed"
        r"|abnormal-exit|launch-failed|integrity-failure|memory-eviction)"
        r"|(?P<detail_3>[Tt]he window (?:has )?(?:terminated unexpectedly|crashed)) \(reason:"
        r" '(?P<reason_2>\w+)'"
        r"|(?P<detail_4>server crashed \d+ times in the last \d+ minutes)",
        build=_gone,
        literals=(
            *("xtension host", "renderer process gone", "terminated unexpectedly (reason"),
            *("crashed (reason", " times in the last "),
        ),
        generic=True,
    ),
    Signature(
        name="hosted-session-crashed",  # Colab, RStudio
        pattern=r"(?P<detail>Your session crashed (?:for an unknown reason|after using all"
        r" available (?P<ram>RAM))"
        r"|R encountered a fatal error\W+The session was terminated)",
        build=_session,
        literals=("Your session crashed ", "R encountered a fatal error"),
    ),
)
