"""What the host refused: memory, room, descriptors, threads, ports, rights."""

from typing import Final

import attrs

from diagnostics.catalog._building import Recognized
from diagnostics.findings import Role


@attrs.frozen(kw_only=True)
class OutOfMemoryHost(Recognized):
    """
    The host had no memory left for the process, or a limit was reached.

    Attributes:
        bytes_requested: The size of the allocation that failed.
        requested: The same as printed, where it was not in bytes.
        limit_bytes: The limit that was reached.
        bytes_available: What there was of it.
        errno: The error number as printed.
        killer: Who ended the process: `kernel`, `slurm`, `ray` and others.
        program: The name of the process that was ended.
        step: The job step that slurm names.
        host: The node whose memory ran out, where another tells of it.
    """

    cause = "out-of-memory-host"
    weight = 1  # a file that could not be loaded for it was sound
    versions = "Python, C++, MLX, PyTorch; the kernel's log, slurm"
    remedy = (
        "Give it more memory or a smaller job; check the limits of its cgroup and `ulimit -v`. What"
        " the kernel killed says nothing itself: see the kernel's log."
    )
    references = ("ArjunaCluster/ArjunaUsers#52",)

    bytes_requested: int | None = None
    requested: str | None = None
    limit_bytes: int | None = None
    bytes_available: int | None = None
    errno: int | None = None
    killer: str | None = None
    program: str | None = None
    step: str | None = None
    host: str | None = None

    @property
    def message(self) -> str:
        """What could not be had."""
        if self.killer:
            return f"the {self.killer} ended a process because memory ran out"
        size = f" of {self.bytes_requested} bytes" if self.bytes_requested is not None else ""
        return f"an allocation{size} failed: the host's memory or its limit is used up"


@attrs.frozen(kw_only=True)
class HostErrno(Recognized):
    """
    The system refused a call.

    Attributes:
        errno: The error number as printed.
        errno_name: Its symbolic name on `platform`.
        errno_description: What it means there.
        platform: The system whose numbers these are.
        file: The file that the call was about.
    """

    errno: int | None = None
    errno_name: str | None = None
    errno_description: str | None = None
    platform: str | None = None
    file: str | None = None

    @property
    def message(self) -> str:
        """What was refused, and for what."""
        what = type(self).headline()
        number = f" (errno {self.errno})" if self.errno is not None else ""
        return f"{what}{number}" + (f": {self.file}" if self.file else "")


@attrs.frozen(kw_only=True)
class AddressInUse(HostErrno):
    """
    Another process has the port.

    Attributes:
        host: The address.
        port: The port.
    """

    cause = "address-in-use"
    endings = ("exit",)
    remedy = "End the other process (lsof -i, ss -ltnp), or choose another port."

    host: str | None = None
    port: int | None = None


@attrs.frozen(kw_only=True)
class BindFailed(HostErrno):
    """
    An address cannot be listened on.

    Attributes:
        host: The address.
        port: The port.
    """

    cause = "bind-failed"
    endings = ("exit",)
    remedy = "The address is not one of this machine, or the port is reserved: correct it."
    references = ("exo-explore/exo#492",)

    host: str | None = None
    port: int | None = None


@attrs.frozen(kw_only=True)
class PermissionDenied(HostErrno):
    """The process may not do this with a file."""

    cause = "permission-denied"
    endings = ("exit",)
    remedy = "Give the process's user the right, or use another place; a script needs the x bit."


@attrs.frozen(kw_only=True)
class NoSpaceLeft(HostErrno):
    """The disk, or /dev/shm, is full."""

    cause = "no-space-left"
    weight = 1
    endings = ("exit",)
    remedy = "Free room on the file system that the file lies on, /dev/shm included."


@attrs.frozen(kw_only=True)
class FileNotFound(HostErrno):
    """A program or script is not there."""

    cause = "file-not-found"
    endings = ("exit",)
    remedy = "Correct the path, or install the program."


@attrs.frozen(kw_only=True)
class TooManyOpenFiles(HostErrno):
    """The process has as many files open as it may."""

    cause = "too-many-open-files"
    endings = ("exit",)
    remedy = "Raise the limit (ulimit -n), or find what opens files and never closes them."


@attrs.frozen(kw_only=True)
class ThreadCreateFailed(HostErrno):
    """No further thread or process could be made."""

    cause = "thread-create-failed"
    weight = 1
    endings = ("exit", "SIGABRT")
    remedy = "Check ulimit -u, the cgroup's pids.max and the memory: one of them is used up."


@attrs.frozen(kw_only=True)
class ConnectionRefused(HostErrno):
    """
    Nobody listens at the address.

    Attributes:
        host: The address.
        port: The port.
    """

    cause = "connection-refused"
    endings = ("exit",)
    remedy = "Start what should listen there, or correct the address."

    host: str | None = None
    port: int | None = None


@attrs.frozen(kw_only=True)
class BrokenPipe(HostErrno):
    """The reader of a pipe or connection went away."""

    cause = "broken-pipe"
    default_role = Role.AFTER_EFFECT
    endings = ("exit", "SIGPIPE")
    remedy = "Look at the process that read it: it ended first."


@attrs.frozen(kw_only=True)
class SignalKilled(Recognized):
    """
    Somebody ended the process by SIGKILL.

    Attributes:
        program: The program, where it is named.
        host: The host that it ran on.
    """

    cause = "signal-killed"
    default_role = Role.EITHER
    weight = -1
    endings = ("SIGKILL", "exit")
    remedy = "Almost always memory: see the kernel's log and the limits of the cgroup or job."
    references = ("anishathalye/neural-style#131",)

    program: str | None = None
    host: str | None = None


@attrs.frozen(kw_only=True)
class SignalTerminated(Recognized):
    """
    Somebody asked the process to end.

    Attributes:
        host: The host that it ran on.
        step: The job step that slurm names.
    """

    cause = "signal-terminated"
    default_role = Role.EITHER
    weight = -1
    endings = ("SIGTERM", "exit")
    remedy = "Find out who sent it: a supervisor, a scheduler, a shutdown of the host."
    references = ("vllm-project/vllm#19196",)

    host: str | None = None
    step: str | None = None


@attrs.frozen(kw_only=True)
class SignalInterrupted(Recognized):
    """Somebody pressed Ctrl-C, or sent SIGINT."""

    cause = "signal-interrupted"
    endings = ("SIGINT", "exit")
    remedy = "Nothing is wrong if it was meant."


BY_ERRNO: Final[dict[str, type[HostErrno]]] = {
    "EADDRINUSE": AddressInUse,
    "EADDRNOTAVAIL": BindFailed,
    "EACCES": PermissionDenied,
    "EPERM": PermissionDenied,
    "EROFS": PermissionDenied,
    "ENOSPC": NoSpaceLeft,
    "EDQUOT": NoSpaceLeft,
    "EMFILE": TooManyOpenFiles,
    "ENFILE": TooManyOpenFiles,
    "ECONNREFUSED": ConnectionRefused,
    "EPIPE": BrokenPipe,
}
"""The class for an error number's name, where there is one."""
