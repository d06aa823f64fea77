"""What loggers, launchers, containers and hosts put before a line."""

from typing import Final

_PARTS: Final = (
    r"\s+",
    r"\[[^\]]{1,80}\]:? ?",  # [rank1]:  [error]  [2026-01-02 03:04:05]
    r"\([^)]{1,80}\):? ?",  # (EngineCore pid=7)
    r"<std(?:err|out)>:? ?",  # mpirun, behind [1,0]
    r"(?:[A-Z]+:[\w.-]{1,60}:)?std(?:err|out)(?: [FP] |[:|] ?)",  # containers' files, relays
    r"\d[\d:.,T+Z/-]{7,40} ?",  # 2026-01-02T03:04:05.678Z
    r"\d\d(?:\d\d)?[-/]\d\d(?:[-/]\d\d)? \d\d:\d\d:\d\d(?:[.,]\d+)? ?",
    r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)? [\w.-]+ [\w./@-]+(?:\[\d+\])?: ",  # syslog
    r"[a-z][\w.-]{0,40}\[[\w.-]{1,20}\]: ",  # a program and its number, as syslog has it
    r"[EF]\d{4} \d\d:\d\d:\d\d(?:\.\d+)? +\d+ [\w./-]+:\d+\] ",  # glog
    r"(?i:error|critical|fatal|severe)(?::[\w.-]{1,60}: ?|: *| *\| *| +- | +)",
    r"(?:time=\S{1,40} )?level=(?:error|ERROR|fatal)[^\"]{0,80} msg=\"?",
    r"- |\| |> |E {3,}",  # fields of a log line; a quotation; pytest
    r"[\w.-]{1,40} +\| ",  # docker compose
    r"[\w.]{1,60} - ",  # the logger's name
    r"[\w.<>]{1,60}:[\w<>]{1,60}:\d+ - ",  # loguru's
    r"(?:[A-Za-z_$][\w$]*\.)+[\w$]+: ",  # log4j's
    r"(?:[A-Za-z][\w.-]*)?\d[\w.-]{0,40}: ",  # srun -l, pdsh: a task or a host
    r"[a-z0-9]+(?:-[a-z0-9]+)*-[a-z0-9]{5} [a-z0-9-]+ ",  # a pod and its container
    r"[^|\r]{0,80}\|[^|]{0,200}\| ?[^|\[]{0,40}\[[^\]]{0,80}\]",  # an unfinished progress bar
)

PREFIX: Final = "^(?:" + "|".join(_PARTS) + ")*"
"""
The beginning of a line up to the text, in RE2 syntax.

For wordings so short that they count only where they are all that a line says. Levels
below that of an error are no part of it.
"""
