"""Exit reasons: how a runner's process ended, before anyone interprets it."""

import enum
from typing import ClassVar, Final, TypeAlias

import attrs

from actors.termination import RunnerTerminationError


class Phase(enum.StrEnum):
    """How far a runner had come."""

    STARTING = "starting"
    """From the launch until `__init__` and `on_start` have returned."""

    CONNECTING = "connecting"
    """In its `connect`."""

    LOADING = "loading"
    """In its `load`."""

    WARMING_UP = "warming-up"
    """In its `warm_up`."""

    SERVING = "serving"
    """Ready for messages, or handling one."""

    STOPPING = "stopping"
    """Asked to stop."""


class StopStage(enum.StrEnum):
    """How far the supervisor had to go to end a runner."""

    POLITE = "polite"
    """It ended by itself after it was asked."""

    TERMINATE = "terminate"
    """It ended after SIGTERM."""

    KILL = "kill"
    """It ended after SIGKILL."""


@attrs.frozen
class Stopped:
    """
    The supervisor asked for the end. This is never published as a failure.

    Attributes:
        stage: How far the supervisor had to go.
        exit_code: Exit status, if the process exited.
        signal: Signal number, if a signal ended it.
    """

    remedy: ClassVar[str] = ""
    stage: StopStage
    exit_code: int | None = None
    signal: int | None = None

    def __str__(self) -> str:
        return f"stopped on request ({self.stage})"


@attrs.frozen
class Exited:
    """
    The process exited with a status and nobody had asked it to.

    Attributes:
        exit_code: Exit status, 0 to 255. 0 is a failure too if tasks were in flight.
    """

    remedy: ClassVar[str] = (
        "Something in the runner called exit(2) by itself: look for os._exit or sys.exit in "
        "its code and libraries, and at the last lines of its output."
    )

    exit_code: int

    def __str__(self) -> str:
        return f"exited with status {self.exit_code} without being asked to"


_SIGNAL_REMEDIES: Final = {
    "SIGKILL": "Nothing in a process can answer SIGKILL, so it says nothing. It comes from the "
    "kernel when memory runs out (see the kernel's log, and memory.events of the cgroup), or from "
    "whoever ran kill -9.",
    "SIGTERM": "Somebody outside asked the process to end: a service manager, a container's stop, "
    "kill(1).",
    "SIGINT": "Ctrl-C, or kill -INT.",
    "SIGHUP": "The terminal was closed, or kill -HUP.",
    "SIGSEGV": "Native code used memory that is not its own: the stacks in the output show from "
    "which call; try another version of that library, and report it.",
    "SIGBUS": "Native code read a mapped file beyond its end, or a disk failed: look for a file "
    "that was truncated while it was in use, and for a full disk.",
    "SIGABRT": "Native code gave up on purpose, and mostly said why on stderr just before.",
    "SIGILL": "The program has instructions that this processor does not know: install a build "
    "for it.",
    "SIGFPE": "Native code divided by zero: the stacks in the output show from which call.",
    "SIGPIPE": "It wrote to a pipe or socket whose reader is gone.",
    "SIGXCPU": "It used up its limit of processor time (ulimit -t).",
    "SIGXFSZ": "It wrote a file beyond its limit (ulimit -f).",
}
"""What the manual pages signal(7) and getrlimit(2) say of where these signals come from."""


@attrs.frozen
class Signaled:
    """
    A signal ended the process, and this supervisor did not send it.

    Attributes:
        signal: Signal number on the runner's system.
        name: Such as `SIGSEGV`.
        description: Such as `Segmentation fault`, from `strsignal(3)`.
        core_dumped: Whether the kernel says that it wrote a core file.
    """

    signal: int
    name: str
    description: str
    core_dumped: bool = False

    @property
    def remedy(self) -> str:
        """What to do, as far as the signal alone tells."""
        return _SIGNAL_REMEDIES.get(self.name, "")

    def __str__(self) -> str:
        return f"was ended by {self.name} ({self.description}), signal {self.signal}"


@attrs.frozen
class Raised:
    """
    A Python exception ended the runner.

    Attributes:
        error: The exception as the runner saw it.
        exit_code: Exit status of the process, if it exited.
        signal: Signal number, if a signal ended it after the exception.
    """

    remedy: ClassVar[str] = "Read the exception and the call in your code that it came from."

    error: RunnerTerminationError
    exit_code: int | None = None
    signal: int | None = None

    def __str__(self) -> str:
        first_line = self.error.message.strip().partition("\n")[0]
        return f"raised {self.error.type}" + (f": {first_line[:300]}" if first_line else "")


@attrs.frozen
class LaunchFailed:
    """
    No process could be started.

    Attributes:
        error: What the launch raised in the supervisor's process.
    """

    remedy: ClassVar[str] = (
        "The system refused a new process, or the runner's environment could not be made: "
        "see the exception; limits of processes, descriptors and memory are the usual "
        "reasons."
    )

    error: RunnerTerminationError

    def __str__(self) -> str:
        first_line = self.error.message.strip().partition("\n")[0]
        return f"could not be launched: {self.error.type}: {first_line[:300]}"


@attrs.frozen
class StartTimedOut:
    """
    The process did not get through `__init__` and `on_start` in time, and was ended.

    Attributes:
        timeout: The limit in seconds.
    """

    remedy: ClassVar[str] = (
        "The stacks at the end of the output show where it stood. If the start is only "
        "slow, raise RunnerSpec.start_timeout, or move the work to load, which has no "
        "limit."
    )

    timeout: float

    def __str__(self) -> str:
        return f"did not start within {self.timeout:g} s and was ended"


@attrs.frozen
class Hung:
    """
    The runner had a task in flight and gave no sign of progress, and was ended.

    Or it had stopped itself, and its process did not end within `RunnerSpec.stop_timeout`.

    Attributes:
        silent_for: Seconds since its last sign of progress.
        waiting_for: Whom it had declared to be waiting for (`Runner.waiting_for`), or whom it
            had asked, or `None` if the silence was its own.
    """

    remedy: ClassVar[str] = (
        "The stacks at the end of the output show where it stood. If a step may take that "
        "long, raise RunnerSpec.progress_timeout, or RunnerSpec.stop_timeout if it had stopped "
        "itself."
    )

    silent_for: float
    waiting_for: str | None = None

    def __str__(self) -> str:
        waiting = f" while waiting for {self.waiting_for}" if self.waiting_for else ""
        return f"made no progress for {self.silent_for:.1f} s{waiting} and was ended"


@attrs.frozen
class Overdue:
    """
    The runner did not end a task in time, and was ended.

    Attributes:
        task: Class of the message, or attribute of the proxy call.
        limit: Seconds that it had.
        cancelled: Whether they count from its cancellation, not from when it was sent.
        waiting_for: Whom it had declared to be waiting for (`Runner.waiting_for`), or had asked,
            if anyone.
    """

    remedy: ClassVar[str] = (
        "The stacks at the end of the output show where it stood. If a task may take that "
        "long, raise RunnerSpec.task_timeout; code that computes without yielding must look "
        "at Runner.cancelled more often than RunnerSpec.cancel_grace."
    )

    task: str
    limit: float
    cancelled: bool = False
    waiting_for: str | None = None

    def __str__(self) -> str:
        since = " of its cancellation" if self.cancelled else ""
        waiting = f", waiting for {self.waiting_for}," if self.waiting_for else ""
        return f"did not end task {self.task} within {self.limit:g} s{since}{waiting} and was ended"


@attrs.frozen
class FatalOutput:
    """
    The runner printed a line after which it is lost, lived on, and was ended.

    Attributes:
        cause: Slug of the finding.
        grace: Seconds it was given to end by itself.
    """

    remedy: ClassVar[str] = (
        "See the finding. RunnerSpec.fatal_grace says how long such a runner may live on."
    )

    cause: str
    grace: float

    def __str__(self) -> str:
        return f"printed a fatal line ({self.cause}), lived on for {self.grace:g} s and was ended"


@attrs.frozen
class ProtocolViolation:
    """
    What the runner wrote onto its channel is no message of ours, and it was ended.

    Attributes:
        problem: What was wrong.
    """

    remedy: ClassVar[str] = (
        "Something in the runner wrote to, or closed, a descriptor that is not its own: "
        "look for os.close, os.closerange and libraries that guess descriptor numbers."
    )

    problem: str

    def __str__(self) -> str:
        return f"broke the channel's protocol ({self.problem}) and was ended"


@attrs.frozen
class Unkillable:
    """
    The process did not end even after SIGKILL. It is left behind, and this says so.

    Attributes:
        pid: Its process id.
        waited: Seconds waited after SIGKILL.
    """

    remedy: ClassVar[str] = (
        "It waits in the kernel, for a disk, a device driver or the network. What it holds "
        "is free again when that call returns, or after a reboot."
    )

    pid: int
    waited: float

    def __str__(self) -> str:
        return (
            f"did not end within {self.waited:g} s of SIGKILL (pid {self.pid} is left behind; "
            f"a process in an uninterruptible system call ends when that call returns)"
        )


@attrs.frozen
class StatusUnknown:
    """
    The process is gone, but somebody else took its exit status.

    Attributes:
        explanation: What is known.
    """

    remedy: ClassVar[str] = (
        "Something in this process waits for children that are not its own: look for "
        "os.wait, os.waitpid(-1) and a SIGCHLD that is ignored."
    )

    explanation: str

    def __str__(self) -> str:
        return f"is gone, exit status unknown: {self.explanation}"


ExitReason: TypeAlias = (
    Stopped
    | Exited
    | Signaled
    | Raised
    | LaunchFailed
    | StartTimedOut
    | Hung
    | Overdue
    | FatalOutput
    | ProtocolViolation
    | Unkillable
    | StatusUnknown
)
"""Every way a runner's process can end."""
