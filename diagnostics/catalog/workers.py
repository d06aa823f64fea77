"""What a parent says about a worker that died."""

import contextlib
import signal
from typing import Any, Final

import attrs
import re2

from diagnostics._prefixes import PREFIX
from diagnostics.catalog._building import Recognized, finds
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Context, Match, Signature


@attrs.frozen(kw_only=True)
class WorkerProcessDied(Recognized):
    """
    A worker process ended, and its parent says so.

    Attributes:
        host: The node that it ran on, where the parent names it.
    """

    cause = "worker-process-died"
    default_role = Role.AFTER_EFFECT
    endings = ("exit",)
    versions = "Ray, concurrent.futures, PyTorch's DataLoader, multiprocessing, Celery"
    remedy = "Look at the worker's own output and exit status: the cause is there."

    host: str | None = None


@attrs.frozen(kw_only=True)
class EngineInitFailed(Recognized):
    """The engine's core process ended, and its front end says so."""

    cause = "engine-init-failed-after-effect"
    default_role = Role.AFTER_EFFECT
    endings = ("exit",)
    versions = "vLLM 0.8 on"
    remedy = "Look further up for the traceback of the core process."
    references = ("vllm-project/vllm#27508",)


@attrs.frozen(kw_only=True)
class UnknownHostWrappedCrash(Recognized):
    """The program around the model says that it crashed, and not why."""

    cause = "unknown-host-wrapped-crash"
    default_role = Role.AFTER_EFFECT
    remedy = "The cause was dropped on the way: see the log of the program's runtime."
    references = ("lmstudio-ai/lmstudio-bug-tracker#2255",)


_SIGNAL: Final = re2.compile(r"\b(SIG(?:KILL|SEGV|ABRT|BUS|ILL|FPE|TERM|INT|TRAP))\b")
_NUMBERED: Final = re2.compile(r"\bsignal[: ]+(\d{1,2})\b")
_SAID: Final = re2.compile(
    r"(?i)signal: (segmentation fault|aborted|abort trap|abort|killed|illegal instruction|bus error"
    r"|floating point exception|terminated)"
)
_BY_WORDS: Final = {
    "segmentation fault": "SIGSEGV",
    "aborted": "SIGABRT",
    "abort trap": "SIGABRT",
    "abort": "SIGABRT",
    "killed": "SIGKILL",
    "illegal instruction": "SIGILL",
    "bus error": "SIGBUS",
    "floating point exception": "SIGFPE",
    "terminated": "SIGTERM",
}
_EXIT: Final = re2.compile(
    r"(?:(?:exit|exited with|return) ?(?:code|status)|exitcode)\W{1,3}?(-?\d{1,20})\b"
)
_PID: Final = re2.compile(r"\b(?:pid|PID)(?:\(s\))?[:= ]+(\d{1,9})\b|\b[Pp]rocess \[?(\d{1,9})\b")

_NODE: Final = re2.compile(r"\b(?:Worker|Node) IP(?: address)?: ([\w.:%]*\w)|, ip=([\w.:%]*\w)")


def _ended(line: str, start: int) -> dict[str, Any]:
    """Return how and which process ended, as far as the line tells."""
    text = line[start:]
    values: dict[str, Any] = {}
    named, numbered, said = _SIGNAL.search(text), _NUMBERED.search(text), _SAID.search(text)
    if named:
        values["signal"] = named.group(1)
    elif said:
        values["signal"] = _BY_WORDS[said.group(1).lower()]
    elif numbered:
        with contextlib.suppress(ValueError):
            values["signal"] = signal.Signals(int(numbered.group(1))).name
    code, pid = _EXIT.search(text), _PID.search(text)
    if code:
        values["exit_code"] = int(code.group(1))
    if pid:
        values["pid"] = int(pid.group(1) or pid.group(2))
    return values


def _died(match: Match, context: Context) -> Finding | None:
    finding = finds(WorkerProcessDied)(match, context)
    if not isinstance(finding, WorkerProcessDied):
        return finding
    context.facts["worker-exception"] = finding.exception
    node = _NODE.search(match.string, match.start())
    told = _ended(match.string, match.start())
    if node:
        told["host"] = node.group(1) or node.group(2)
    known = {name: value for name, value in told.items() if getattr(finding, name) is None}
    return attrs.evolve(finding, **known)


def _ray_pid(match: Match, context: Context) -> Finding | None:
    # Ray describes the actor on the lines below its exception.
    if "worker-exception" not in context.facts:
        return None
    exception = context.facts.pop("worker-exception")
    return WorkerProcessDied(exception=exception, pid=int(match.group("pid")))


_NUMBER: Final = re2.compile(r"(?:status|code|running:) (\d{3,10})\b")
# What a shell or Windows has for the end by a fault, which other signatures read.
_TELLING: Final = frozenset(
    {132, 134, 135, 136, 137, 139}
    | {0xC0000005, 0xC000001D, 0xC0000094, 0xC00000FD, 0xC0000135, 0xC0000139, 0xC0000374}
    | {0xC0000409}
)


def _runner(match: Match, context: Context) -> Finding | None:
    # The number tells more than that the runner ended.
    number = _NUMBER.search(match.string, match.start())
    return None if number and int(number.group(1)) in _TELLING else _wrapped(match, context)


def _wrapped(match: Match, context: Context) -> Finding | None:
    finding = finds(UnknownHostWrappedCrash)(match, context)
    if not isinstance(finding, UnknownHostWrappedCrash) or finding.signal is not None:
        return finding
    return attrs.evolve(finding, signal=_ended(match.string, match.start()).get("signal"))


_RUNNER: Final = (
    r"(?P<detail>(?:llama|mlx|model) runner (?:process )?(?:has )?"
    r"(?:terminated|unexpectedly stopped|exited|no longer running|crashed|failed))"
)

SIGNATURES: Final = (
    Signature(
        name="ray-worker-died",
        pattern=r"(?P<exception>ray\.exceptions\.(?:RayTaskError\()?(?:WorkerCrashedError"
        r"|ActorDiedError"
        r"|ActorUnavailableError"
        r"|RayActorError|NodeDiedError|LocalRayletDiedError|OwnerDiedError|ObjectLostError))\)?"
        r"(?:: (?P<detail>.*))?",
        build=_died,
        literals=("ray.exceptions.",),
    ),
    Signature(
        name="ray-worker-exit",
        pattern=r"(?P<detail>The actor is dead because its worker process has died)",
        build=finds(WorkerProcessDied, exception="ray.exceptions.ActorDiedError", signal="SIGKILL"),
        literals=("actor is dead because its worker",),
    ),
    Signature(
        name="ray-actor-pid",
        pattern=r"(?:\t|  )pid: (?P<pid>\d{1,9})\s*$",
        build=_ray_pid,
        literals=("\tpid: ", "  pid: "),
    ),
    Signature(
        name="worker-died-in-words",
        pattern=r"(?P<detail>Worker proc \S+ died unexpectedly"
        r"|A worker died or was killed while executing (?:a )?task\b.*"
        r"|Worker \S+ pid \d+ died, exit code:? \d|\[gw\d+\] node down: .*"
        r"|worker '\w+' crashed while running .*|[Bb]ackend worker process died"
        r"|Rank \d+ scheduler (?:died|is dead)|subprocesses has abruptly died"
        r"|Remote server \S+ closed: \d+ bytes read|Worker failed to boot"
        r"|Worker \(pid: ?\d+\) exited with code [1-9]\d*"
        r"|has been marked dead because the detector has missed too many heartbeats"
        r"|Child process \[\d+\] died|Worker process \d+ was killed by signal \d+"
        r"|[Ww]atchdog timeout \(self\.watchdog_timeout=[\d.]+(?:, self\.soft=False)?\)"
        r"|An MPI communication peer process has unexpectedly disconnected"
        r"|Horovod has been shut ?down\. This .*"
        r"|pid: ?\d+ exited with 'signal \d+|Subprocess \S+ \(pid=\d+\) crashed)",
        build=_died,
        literals=(
            "Worker proc ",
            "A worker died or was killed",
            " died, exit code",
            "] node down: ",
            "' crashed while running ",
            "ackend worker process died",
            *(" scheduler died", " scheduler is dead"),
            "has abruptly died",
            "Remote server ",
            *("Worker failed to boot", "atchdog timeout (self."),
            *("An MPI communication peer process", "Horovod has been shut"),
            "Worker (pid:",
            "Child process [",
            "marked dead because the detector",
            " was killed by signal ",
            " exited with 'signal ",
            ") crashed",
        ),
    ),
    Signature(
        name="ray-died-as-a-warning",
        pattern=r"(?P<detail>Raylet is terminated: .*Termination is unexpected"
        r"|-- A worker died or was killed while executing (?:a )?task\b.*)",
        build=_died,
        any_level=True,  # Ray warns of the deaths of its own processes
        literals=("Raylet is terminated: ", "-- A worker died or was killed"),
    ),
    Signature(
        name="broken-process-pool",
        pattern=r"(?P<exception>(?:[\w.]+\.)?(?:BrokenProcessPool|BrokenExecutor|WorkerLostError"
        r"|TerminatedWorkerError|KilledWorker))(?::? ?\(?(?P<detail>.*))?",
        build=_died,
        literals=(
            "BrokenProcessPool",
            "BrokenExecutor",
            "WorkerLostError",
            "TerminatedWorkerError",
            "KilledWorker",
        ),
    ),
    Signature(
        name="torch-child-failed",
        pattern=r"(?P<exception>[\w.]*(?:ChildFailedError|ProcessExitedException))"
        r"(?:: (?P<detail>.*?(?:with signal (?P<signal>SIG\w+))?))?\s*$",
        build=_died,
        literals=("ChildFailedError", "ProcessExitedException"),
    ),
    Signature(
        name="subprocess-died",
        pattern=r"CalledProcessError: (?P<detail>Command .*"
        r" (?:died with <Signals\.(?P<signal>SIG\w+)"
        r"|returned non-zero exit status (?P<exit_code>\d{1,10})))",
        build=_died,
        literals=("CalledProcessError: ",),
    ),
    Signature(
        name="torch-data-worker",
        pattern=r"(?P<detail>DataLoader worker \(pid\(?s?\)? ?(?P<pid>\d{1,9})[\d, ]*\) "
        r"(?:exited unexpectedly|is killed by signal: [\w ]+))",
        build=_died,
        literals=("DataLoader worker (pid",),
        generic=True,
    ),
    Signature(
        name="vllm-engine",
        pattern=r"(?P<detail>Engine core initialization failed|EngineDeadError|EngineCore"
        r" encountered (?:an|a fatal)"
        r"|Engine process failed to start|EngineCore failed to start"
        r"|WorkerProc initialization failed"
        r"|The engine (?:core|process) (?:has )?died|Engine loop (?:has )?died"
        r"|Initialization failed\. Please see the error messages above"
        r"|Received sigquit from a child proces|SIGQUIT received\. signum="
        r"|Shard \d+ failed to start|\bShardCannotStart\b"
        r"|\bWebserverFailed\b|creating server: Internal - failed to load all models"
        r"|Engine core proc \S+ died)",
        build=finds(EngineInitFailed),
        literals=(
            "Engine core initialization failed",
            "EngineDeadError",
            "EngineCore encountered",
            *("Engine process failed", "EngineCore failed to start"),
            "WorkerProc initialization failed",
            "The engine ",
            "Engine loop ",
            "Initialization failed. Please see",
            *("Received sigquit from a child", "SIGQUIT received. signum="),
            "Shard ",
            *("ShardCannotStart", "WebserverFailed"),
            "creating server: Internal",
            "Engine core proc ",
        ),
    ),
    Signature(
        name="lm-studio-crash",
        pattern=r"(?P<detail>(?:model has )?crashed without additional information)\.?"
        r"(?: \(Exit code: (?P<exit_code>-?\d{1,20})\))?",
        build=_wrapped,
        literals=("crashed without additional information",),
    ),
    Signature(
        name="lm-studio-exit",
        pattern=rf"(?:{PREFIX}|loading model\. ?)"
        r"(?P<detail>\(Exit code: (?:(?P<exit_code>-?\d{1,20})|null|undefined)\)\.)",
        build=_wrapped,
        literals=("(Exit code: ",),
    ),
    Signature(
        name="lm-studio-engine",
        pattern=r"(?P<detail>Engine protocol runtime .* exited before becoming healthy)"
        r"(?:\. exitCode=(?:(?P<exit_code>-?\d{1,20})|null), signal=(?:(?P<signal>SIG\w+)|null))?",
        build=_wrapped,
        literals=("exited before becoming healthy",),
    ),
    Signature(
        name="ollama-runner",
        pattern=_RUNNER + r"(?:: error\b|:? (?:with )?(?:exit status|code)"
        r" (?P<exit_code>0x[0-9a-f]{1,8}|\d{1,5}\b)|: (?P<exit_code_2>-?\d{1,5})\s*$|\s*$)",
        build=_runner,
        literals=("llama runner ", "mlx runner ", "model runner "),
    ),
    Signature(
        name="ollama-runner-for-a-reason",  # which is that of another, where it is known
        pattern=_RUNNER + r"(?:.*?(?:exit status|code) (?P<exit_code>0x[0-9a-f]{1,8}|\d{1,10}))?",
        build=_runner,
        literals=("llama runner ", "mlx runner ", "model runner "),
        generic=True,
    ),
    Signature(
        name="ollama-runner-lost",
        pattern=r"(?P<detail>(?i:post) \W{0,2}http://127\.0\.0\.1:\d+/(?:completion|embeddings?"
        r"|load"
        r"|predict|tokenize)\W{0,2}: (?:EOF|read tcp|write tcp|dial tcp).*"
        r"|error was encountered while running the model: .*"
        r"|timed out waiting for llama runner to start"
        r"|rpc error: code = Unavailable desc = error reading from server: EOF)",
        build=_wrapped,
        literals=(
            "http://127.0.0.1:",
            "encountered while running the model: ",
            "waiting for llama runner to start",
            "error reading from server: EOF",
        ),
        generic=True,
    ),
    Signature(
        name="dotnet-test-host",
        pattern=r"(?P<detail>Test host process crashed)",
        build=_wrapped,
    ),
    Signature(
        name="llama-server-exited",
        pattern=r"(?P<detail>llama-(?:server|runner|box)(?:\.exe)?(?: process)? (?:has )?"
        r"(?:exited|crashed|died|terminated)(?: unexpectedly)?)"
        r"(?:(?: with (?:exit )?code:?|: exit status) (?P<exit_code>-?[1-9]\d{0,19}))?\b",
        build=_wrapped,
        literals=("llama-server", "llama-runner", "llama-box"),
        generic=True,
    ),
)
