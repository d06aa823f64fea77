"""Who ended a process because memory ran out: the kernel, a scheduler, a container's runtime."""

from typing import Final

import attrs

from diagnostics.catalog._building import Builder, finds
from diagnostics.catalog._sizes import bytes_of
from diagnostics.catalog.host import OutOfMemoryHost
from diagnostics.findings import Finding
from diagnostics.signatures import Context, Match, Signature


def _killed(killer: str) -> Builder:
    return finds(OutOfMemoryHost, killer=killer, signal="SIGKILL")


def _slurm(match: Match, context: Context) -> Finding | None:
    finding = _killed("slurm")(match, context)
    pid = context.facts.get("shell-killed-pid")
    if pid is None or not isinstance(finding, OutOfMemoryHost):
        return finding
    return OutOfMemoryHost(killer="slurm", signal="SIGKILL", step=finding.step, pid=pid)


def _limited(killer: str) -> Builder:
    """Return a builder that reads the group `limit`, a size with its unit."""
    build = _killed(killer)

    def with_limit(match: Match, context: Context) -> Finding | None:
        finding = build(match, context)
        limit = match.group("limit")
        if not isinstance(finding, OutOfMemoryHost) or not limit:
            return finding
        return attrs.evolve(finding, limit_bytes=bytes_of(limit))

    return with_limit


SIGNATURES: Final = (
    Signature(
        name="kernel-oom-kill",
        pattern=r"(?:(?:Out of memory|[Mm]emory cgroup out of memory)(?: \([^)]*\))?: Kill(?:ed)?"
        r" process |Killed process )"
        r"(?P<pid>\d{1,9}),? (?:UID \d+,? )?\((?P<program>.*?)\)(?:, | score | total-vm|\W*$)",
        build=_killed("kernel"),
        literals=("ut of memory: Kill", "ut of memory (", "Killed process "),
    ),
    Signature(
        name="kernel-oom-invoked",
        pattern=r"(?:(?P<program>[\w./:#@+-]+) )?(?P<detail>invoked oom-killer)",
        build=_killed("kernel"),
        literals=("invoked oom-killer",),
    ),
    Signature(
        name="kernel-oom-limit",
        pattern=r"Task in \S+ (?P<detail>killed as a result of limit of \S+)"
        r"|\bmemory: usage \d+kB, limit (?P<limit>\d{1,15}kB), failcnt [1-9]",
        build=_limited("kernel"),
        literals=("killed as a result of limit of", "memory: usage "),
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
        r"|[Ee]xceeded (?:job |step |virtual )?memory limit|Out Of Memory|OUT_OF_MEMORY)",
        build=_slurm,
        literals=(
            "oom-kill event",
            "oom_kill event",
            "memory limit",
            "Out Of Memory",
            "OUT_OF_MEMORY",
        ),
    ),
    Signature(
        name="systemd-oom",
        pattern=r"(?P<detail>has been killed by the OOM killer|Failed with result 'oom-kill'"
        r"|systemd-oomd killed|Killed \S+ due to memory (?:pressure|used))",
        build=_killed("kernel"),
        literals=(
            *("been killed by the OOM killer", "result 'oom-kill'", "systemd-oomd killed"),
            "due to memory ",
        ),
    ),
    Signature(
        name="kernel-oom-reaper",
        pattern=r"oom_reaper: reaped process (?P<pid>\d{1,9}) \((?P<program>[^)]*)\)",
        build=_killed("kernel"),
    ),
    Signature(
        name="macos-memory-status",
        pattern=r"(?:memorystatus: killing|low swap: killing|memorystatus: killing_\w+|Jetsam:"
        r" killing).*?"
        r"(?:process|pid) (?P<pid>\d{1,9}) [\[(](?P<program>[^\])]+)[\])]",
        build=_killed("kernel"),
        literals=("memorystatus: killing", "low swap: killing", "Jetsam: killing"),
    ),
    Signature(
        name="early-oom",
        pattern=r"sending SIG(?:TERM|KILL) to process (?P<pid>\d{1,9})(?: uid \d+)?"
        r" \"(?P<program>[^\"]*)\":? ?(?:oom_score|badness)",
        build=_killed("earlyoom"),
        literals=("sending SIGTERM to process", "sending SIGKILL to process"),
    ),
    Signature(
        name="container-oom",
        pattern=r"\b(?P<detail>OOMKilled|OOM[ -][Kk]illed|OOM-killed|oom-killed"
        r"|oomkilled)\b[\"']?(?: ?[:=] ?(?P<not>false|False|0))?",
        build=lambda match, context: (
            None if match.group("not") else _killed("kernel")(match, context)
        ),
        literals=(
            "OOMKilled",
            "OOM Killed",
            "OOM-Killed",
            "OOM killed",
            "OOM-killed",
            "oom-killed",
            "oomkilled",
        ),
    ),
    Signature(
        name="scheduler-memory-limit",  # PBS, LSF, YARN, Kubernetes, Heroku
        pattern=r"(?P<detail>PBS: job killed: v?mem|TERM_MEMLIMIT|Container killed by YARN for"
        r" exceeding (?:physical )?memory"
        r"|running beyond (?:the )?'?(?:physical|virtual)'? memory limits?|low on resource: memory"
        r"|Memory quota (?:vastly )?exceeded|Job has gone over (?:its )?memory limit|exceeded"
        r" memory limit \(\d+ > \d+\)"
        r"|State: OUT_OF_MEMORY|Killed by the OOM"
        r"|[Cc]ontainer killed due to memory usage)",
        build=finds(OutOfMemoryHost, signal="SIGKILL"),
        literals=(
            *("PBS: job killed", "TERM_MEMLIMIT", "by YARN for exceeding", "running beyond "),
            *(
                "low on resource: memory",
                "Memory quota ",
                "gone over its memory",
                "gone over memory limit",
            ),
            *(
                "exceeded memory limit",
                "OUT_OF_MEMORY",
                "Killed by the OOM",
                "ontainer killed due to memory",
            ),
        ),
    ),
    Signature(
        name="ray-oom",
        pattern=r"OutOfMemoryError: Task was killed due to the node running low on memory"
        r"|System memory low at node.* total capacity \((?P<limit>[\d.]+ ?[KMGT]i?B)\)"
        r"|(?P<exception>(?:[\w.]+\.)?RayOutOfMemoryError): (?P<detail>More than .*)"
        r"|due to (?:the node running low on memory|memory pressure \(OOM\))"
        r"(?:.*?\bIP: (?P<host>[\w.:%]+)[,)])?",
        build=_limited("ray"),
        literals=(
            "RayOutOfMemoryError: ",
            "the node running low on memory",
            "System memory low at node",
            "memory pressure (OOM)",
        ),
    ),
    Signature(
        name="ray-oom-node",
        pattern=r"Memory on the node (?:\(IP: (?P<host>[\w.:%]+), )?"
        r".*?pid=(?P<pid>\d{1,9}), memory used=[\d.]+ ?[KMGT]?i?B\) was"
        r" running was"
        r" [\d.]+ ?\w+ / (?P<limit>[\d.]+ ?[KMGT]i?B)",
        build=_limited("ray"),
        literals=("Memory on the node ",),
    ),
)
