"""What the host refused: for now, memory."""

from typing import Final

import attrs

from diagnostics.findings import Finding
from diagnostics.signatures import Context, Match, Signature


@attrs.frozen(kw_only=True)
class OutOfMemoryHost(Finding):
    """
    The host had no memory left for the process, or a limit was reached.

    Attributes:
        exception: The class of the exception, where one was raised.
        bytes_requested: The size of the allocation that failed.
        errno: The error number as printed.
        killer: Who ended the process: `kernel` or `slurm`.
        pid: The process that was ended.
        program: Its name.
        step: The job step that slurm names.
        signal: The signal that this ends with.
    """

    cause = "out-of-memory-host"
    remedy = (
        "Give it more memory or a smaller job; check the limits of its cgroup and `ulimit -v`. What"
        " the kernel killed says nothing itself: see the kernel's log."
    )

    exception: str | None = None
    bytes_requested: int | None = None
    errno: int | None = None
    killer: str | None = None
    pid: int | None = None
    program: str | None = None
    step: str | None = None
    signal: str | None = None

    @property
    def message(self) -> str:
        """What could not be had."""
        if self.killer:
            return f"the {self.killer} ended a process because memory ran out"
        size = f" of {self.bytes_requested} bytes" if self.bytes_requested is not None else ""
        return f"an allocation{size} failed: the host's memory or its limit is used up"


def _raised(match: Match, _: Context) -> Finding:
    found = match.groupdict()
    size, number = found.get("bytes"), found.get("errno")
    return OutOfMemoryHost(
        exception=found.get("exception"),
        bytes_requested=int(size) if size else None,
        errno=int(number) if number else None,
        signal="SIGABRT" if "terminat" in match.string else None,
    )


def _mlx_allocation(match: Match, context: Context) -> Finding | None:
    # On macOS the allocator is Metal's, and the finding that of the Metal family.
    on_metal = context.platform == "darwin" or "libc++abi" in match.string
    return None if on_metal else _raised(match, context)


def _killed(match: Match, _: Context) -> Finding:
    found = match.groupdict()
    pid = found.get("pid")
    return OutOfMemoryHost(
        killer="slurm" if "slurm" in match.string else "kernel",
        pid=int(pid) if pid else None,
        program=found.get("program"),
        step=found.get("step"),
        signal="SIGKILL",
    )


SIGNATURES: Final = (
    Signature(
        name="python-memory-error",
        pattern=r"(?:^|[ |])(?P<exception>(?:[a-z_][\w.]*\.)?_?(?:Array)?MemoryError)(?::.*)?$",
        build=_raised,
        literals=("MemoryError",),
    ),
    Signature(
        name="mlx-host-malloc",
        pattern=r"(?:(?P<exception>[\w.:]*(?:Error|error)): )?"
        r"\[malloc(?:_or_wait)?\] Unable to allocate (?P<bytes>\d{1,20}) bytes",
        build=_mlx_allocation,
        literals=("] Unable to allocate ",),
    ),
    Signature(
        name="cpp-bad-alloc",
        pattern=r"(?:after throwing an instance of '|uncaught exception of type )"
        r"(?P<exception>std::bad_alloc)",
        build=_raised,
        literals=("std::bad_alloc",),
    ),
    Signature(
        name="torch-cpu-allocator",
        pattern=r"(?:(?P<exception>\w*Error): .*)?DefaultCPUAllocator: "
        r"(?:can't allocate memory|not enough memory): "
        r"you tried to allocate (?P<bytes>\d{1,20}) bytes(?:\. Error code (?P<errno>\d{1,4}))?",
        build=_raised,
    ),
    Signature(
        name="kernel-oom-kill",
        pattern=r"Out of memory: Killed process (?P<pid>\d{1,9}) \((?P<program>[^)]*)\)",
        build=_killed,
    ),
    Signature(
        name="slurm-oom-kill",
        pattern=r"slurmstepd: error: Detected \d+ oom-kill event\(?s?\)? in "
        r"(?:StepId=|step )?(?P<step>[\w.+-]+)",
        build=_killed,
    ),
    Signature(
        name="lm-studio-guardrail",
        pattern=r"Model loading aborted due to insufficient system resources",
        build=_raised,
    ),
)
