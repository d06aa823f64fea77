"""The lines in which the host's memory is said to be used up, by whoever says it."""

from typing import Final

from diagnostics.catalog._building import Builder, finds
from diagnostics.catalog.host import OutOfMemoryHost
from diagnostics.findings import Finding
from diagnostics.signatures import Context, Match, Signature


def _mlx_allocation(match: Match, context: Context) -> Finding | None:
    # On macOS the allocator is Metal's, and the finding that of the Metal family.
    on_metal = context.platform == "darwin" or "libc++abi" in match.string
    return None if on_metal else _MEMORY(match, context)


def _killed(killer: str) -> Builder:
    return finds(OutOfMemoryHost, killer=killer, signal="SIGKILL")


def _slurm(match: Match, context: Context) -> Finding | None:
    finding = _killed("slurm")(match, context)
    pid = context.facts.get("shell-killed-pid")
    if pid is None or not isinstance(finding, OutOfMemoryHost):
        return finding
    return OutOfMemoryHost(killer="slurm", signal="SIGKILL", step=finding.step, pid=pid)


_MEMORY: Final = finds(OutOfMemoryHost)

SIGNATURES: Final = (
    Signature(
        name="python-memory-error",
        pattern=r"(?:^|[\s|:=\"])(?P<exception>(?:[a-z_][\w.]*\.)?_?(?:Array)?MemoryError)(?::.*)?\W*$",
        build=finds(OutOfMemoryHost, soft=True),
        literals=("MemoryError",),
    ),
    Signature(
        name="mlx-host-malloc",
        pattern=r"\[malloc(?:_or_wait)?\] Unable to allocate (?P<bytes_requested>\d{1,20}) bytes",
        build=_mlx_allocation,
        literals=("] Unable to allocate ",),
    ),
    Signature(
        name="cpp-bad-alloc",
        pattern=r"(?:after throwing an instance of '|uncaught exception of type )?"
        r"(?P<exception>std::bad_(?:array_new_length|alloc))",
        build=finds(OutOfMemoryHost),
        literals=("std::bad_alloc", "std::bad_array_new_length"),
    ),
    Signature(
        name="torch-cpu-allocator",
        pattern=r"DefaultCPUAllocator: (?:can't allocate memory|not enough memory): "
        r"you tried to allocate (?P<bytes_requested>\d{1,20}) bytes"
        r"(?:\. Error code (?P<errno>\d{1,4}))?",
        build=_MEMORY,
    ),
    Signature(
        name="ggml-host-allocation",
        pattern=r"(?:failed to allocate|unable to allocate|cannot allocate) (?:CPU |a )?"
        r"(?:buffer|memory)"
        r"(?: of size (?P<bytes_requested>\d{1,20}))?",
        build=_MEMORY,
        literals=(
            "allocate CPU ",
            "allocate a buffer",
            "allocate a memory",
            "allocate buffer",
            "allocate memory",
        ),
        generic=True,
    ),
    Signature(
        name="kernel-oom-kill",
        pattern=r"(?:Out of memory|[Mm]emory cgroup out of memory): Kill(?:ed)? process "
        r"(?P<pid>\d{1,9}) \((?P<program>[^)]*)\)",
        build=_killed("kernel"),
        literals=("ut of memory: Kill",),
    ),
    Signature(
        name="kernel-oom-invoked",
        pattern=r"(?P<detail>invoked oom-killer)",
        build=_killed("kernel"),
    ),
    Signature(
        name="kernel-oom-task",
        pattern=r"oom-kill:.*task=(?P<program>[^,]*),pid=(?P<pid>\d{1,9})",
        build=_killed("kernel"),
    ),
    Signature(
        name="slurm-oom-kill",
        pattern=r"(?:slurmstepd|srun).*(?:oom[-_]kill event\(?s?\)? in (?:StepId=|step"
        r" )?(?P<step>[\w.+-]+)"
        r"|Exceeded (?:job|step) memory limit|Out Of Memory)",
        build=_slurm,
        literals=("oom-kill event", "oom_kill event", "memory limit", "Out Of Memory"),
    ),
    Signature(
        name="systemd-oom",
        pattern=r"(?P<detail>has been killed by the OOM killer|Failed with result 'oom-kill')",
        build=_killed("kernel"),
        literals=("been killed by the OOM killer", "result 'oom-kill'"),
    ),
    Signature(
        name="kernel-oom-reaper",
        pattern=r"oom_reaper: reaped process (?P<pid>\d{1,9}) \((?P<program>[^)]*)\)",
        build=_killed("kernel"),
    ),
    Signature(
        name="rust-allocation",
        pattern=r"(?P<detail>memory allocation of (?P<bytes_requested>\d{1,20}) bytes failed)",
        build=finds(OutOfMemoryHost, signal="SIGABRT"),
        literals=("memory allocation of ",),
    ),
    Signature(
        name="container-oom",
        literals=("OOMKilled",),
        pattern=r"\b(?P<detail>OOMKilled)\b",
        build=_killed("kernel"),
    ),
    Signature(
        name="lm-studio-guardrail",
        pattern=r"(?P<detail>Model loading aborted due to insufficient system resources)",
        build=_MEMORY,
    ),
    Signature(
        name="ray-oom",
        pattern=r"OutOfMemoryError: Task was killed due to the node running low on memory",
        build=_MEMORY,
        literals=("the node running low on memory",),
    ),
)
