"""What a parent says about a worker that died."""

from typing import Final

import attrs
import re2

from diagnostics.catalog._building import Recognized, finds
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Context, Match, Signature


@attrs.frozen(kw_only=True)
class WorkerProcessDied(Recognized):
    """A worker process ended, and its parent says so."""

    cause = "worker-process-died"
    default_role = Role.AFTER_EFFECT
    endings = ("exit",)
    versions = "Ray, concurrent.futures, PyTorch's DataLoader, multiprocessing, Celery"
    remedy = "Look at the worker's own output and exit status: the cause is there."


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


_SIGNAL: Final = re2.compile(
    r"SIG(?:KILL|SEGV|ABRT|BUS|ILL|FPE|TERM|INT|TRAP)\b|\bsignal[: ]+(\d{1,2})\b"
)
_EXIT: Final = re2.compile(r"exit(?:ed with)? ?code[: =]*(-?\d{1,20})")


def _died(match: Match, context: Context) -> Finding | None:
    finding = finds(WorkerProcessDied)(match, context)
    if not isinstance(finding, WorkerProcessDied) or finding.exit_code is not None:
        return finding
    code = _EXIT.search(match.string)
    return attrs.evolve(finding, exit_code=int(code.group(1))) if code else finding


SIGNATURES: Final = (
    Signature(
        name="ray-worker-died",
        pattern=r"(?P<exception>ray\.exceptions\.(?:WorkerCrashedError|ActorDiedError"
        r"|ActorUnavailableError"
        r"|RayActorError|NodeDiedError|LocalRayletDiedError|OwnerDiedError|ObjectLostError))"
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
        name="worker-died-in-words",
        pattern=r"(?P<detail>Worker proc \S+ died unexpectedly"
        r"|A worker died or was killed while executing a task by an unexpected system error)",
        build=finds(WorkerProcessDied),
        literals=("Worker proc ", "A worker died or was killed"),
    ),
    Signature(
        name="broken-process-pool",
        pattern=r"(?P<exception>(?:[\w.]+\.)?(?:BrokenProcessPool|BrokenExecutor|WorkerLostError"
        r"|TerminatedWorkerError))(?:: (?P<detail>.*))?",
        build=_died,
        literals=(
            "BrokenProcessPool",
            "BrokenExecutor",
            "WorkerLostError",
            "TerminatedWorkerError",
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
        pattern=r"CalledProcessError: (?P<detail>Command .* died with "
        r"<Signals\.(?P<signal>SIG\w+))",
        build=_died,
        literals=(" died with <Signals.",),
    ),
    Signature(
        name="torch-data-worker",
        pattern=r"(?P<detail>DataLoader worker \(pid\(?s?\)? ?(?P<pid>\d{1,9})[\d, ]*\) "
        r"(?:exited unexpectedly|is killed by signal: \w+))",
        build=_died,
        literals=("DataLoader worker (pid",),
        generic=True,
    ),
    Signature(
        name="vllm-engine",
        pattern=r"(?P<detail>Engine core initialization failed|EngineDeadError|EngineCore"
        r" encountered (?:an|a fatal)"
        r"|Engine process failed to start|WorkerProc initialization failed"
        r"|The engine (?:core|process) (?:has )?died|Engine loop (?:has )?died"
        r"|Engine core proc \S+ died)",
        build=finds(EngineInitFailed),
        literals=(
            "Engine core initialization failed",
            "EngineDeadError",
            "EngineCore encountered",
            "Engine process failed",
            "WorkerProc initialization failed",
            "The engine ",
            "Engine loop ",
            "Engine core proc ",
        ),
    ),
    Signature(
        name="lm-studio-crash",
        pattern=r"(?P<detail>(?:model has )?crashed without additional information)\.?"
        r"(?: \(Exit code: (?P<exit_code>-?\d{1,20})\))?",
        build=finds(UnknownHostWrappedCrash),
        literals=("crashed without additional information",),
    ),
    Signature(
        name="ollama-runner",
        pattern=r"(?P<detail>(?:llama|mlx|model) runner (?:process )?(?:has )?"
        r"(?:terminated|unexpectedly stopped|exited|no longer running))"
        r"(?:.*?(?:exit status|code) (?P<exit_code>\d{1,10}))?",
        build=finds(UnknownHostWrappedCrash),
        literals=("llama runner ", "mlx runner ", "model runner "),
        generic=True,
    ),
)
