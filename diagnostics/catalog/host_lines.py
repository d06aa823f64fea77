"""The lines in which it is said that room, descriptors or threads are used up, or who ended it."""

from typing import Any, Final

from diagnostics.catalog._building import common, finds
from diagnostics.catalog._refused import refused
from diagnostics.catalog._translations import NO_SPACE, TOO_MANY_FILES, one_of
from diagnostics.catalog.host import (
    BrokenPipe,
    NoSpaceLeft,
    SignalTerminated,
    ThreadCreateFailed,
    TooManyOpenFiles,
)
from diagnostics.findings import Finding
from diagnostics.signatures import Context, Match, Signature


def _no_space(match: Match, context: Context) -> Finding | None:
    """A quota is another number than a full disk, and no line says which."""
    if "quota" in match.group("detail"):
        return refused(NoSpaceLeft)(match, context)
    return refused(NoSpaceLeft, errno=28, errno_name="ENOSPC")(match, context)


_BUSY: Final = "[Rr]esource temporarily unavailable"

SIGNATURES: Final = (
    Signature(
        name="worker-terminated",
        pattern=r"WorkerProc was terminated|(?:Received|Caught|got) (?:signal )?(?:SIGTERM"
        r"|signal 15)\b",
        build=lambda match, context: SignalTerminated(
            **common(match, context) | dict[str, Any](signal="SIGTERM")
        ),
        literals=("WorkerProc was terminated", "SIGTERM", "signal 15"),
    ),
    Signature(
        name="torch-death-signal",
        pattern=r"(?P<detail>Received (?:15|Signals\.SIGTERM) death signal)",
        build=finds(SignalTerminated, signal="SIGTERM"),
        literals=(" death signal",),
    ),
    Signature(
        name="slurm-cancelled",
        pattern=r"\*\*\* (?:JOB \S+|STEP (?P<step>\S+)) ON (?P<host>\S+) CANCELLED AT \S+"
        r" (?P<detail>.*?) ?\*\*\*",
        build=finds(SignalTerminated, signal="SIGTERM"),
        literals=(" CANCELLED AT ",),
    ),
    Signature(
        name="hub-no-space",
        pattern=r"(?P<detail>Not enough free disk space to download)",
        build=lambda match, _: NoSpaceLeft(detail=match.group("detail")),
        any_level=True,  # a UserWarning, before the download that then fails
        literals=("free disk space to download",),
    ),
    Signature(
        name="shutdown-signal",
        pattern=r"(?P<detail>The runner has received a shutdown signal|Stopping since the host is"
        r" shutting"
        r" down|preempt(?:ed|ion) (?:notice|signal) received)",
        build=finds(SignalTerminated, signal="SIGTERM"),
        literals=(
            "received a shutdown signal",
            "host is shutting down",
            "tice received",
            "gnal received",
        ),
    ),
    Signature(
        name="too-many-files-text",
        pattern=r"(?P<detail>[Tt]oo many open files(?: in system)?|too many files open|\bEMFILE\b"
        r"|\bENFILE\b"
        r"|(?:System limit for number of file watchers|inotify (?:watch|instance) limit) reached"
        rf"|{one_of(TOO_MANY_FILES)})",
        build=refused(TooManyOpenFiles, errno=24, errno_name="EMFILE"),
        literals=(
            *(
                "oo many open files",
                "too many files open",
                "EMFILE",
                "ENFILE",
                "file watchers reached",
            ),
            *("watch limit reached", "instance limit reached", *TOO_MANY_FILES),
        ),
        generic=True,
    ),
    Signature(
        name="broken-pipe-text",
        pattern=r"(?P<detail>\b[Bb]roken pipe\b|\bwrite EPIPE\b)",
        build=refused(BrokenPipe, errno=32, errno_name="EPIPE"),
        literals=("roken pipe", "write EPIPE"),
        generic=True,
    ),
    Signature(
        name="no-space-text",
        pattern=r"(?:['\"\x{2018}`]?(?P<file>/[^'\"\x{2019}:\s]+)['\"\x{2019}`]?: )?(?:[Cc]annot"
        r" [\w ]+: )?"
        r"(?P<detail>[Nn]o (?:space left on|more space on|free space on) (?:the )?device|Disk quota"
        r" exceeded"
        r"|disk quota exceeded|[Dd](?:atabase or d)?isk is full|[Nn]ot enough (?:disk )?space on"
        r" the disk"
        r"|There is not enough space on the|\bStorageFull\b|OutOfDiskError|Local disk is full|is"
        r" over \d+% full\b"
        r".*[Oo]bject creation will fail|out of (?:free )?disk space|low on resource:"
        r" ephemeral-storage"
        rf"|{one_of(NO_SPACE)})",
        build=_no_space,
        literals=(
            *("space left on device", "space left on the device", "more space on device"),
            *("more space on the device", "free space on device", "free space on the device"),
            *(
                "isk quota exceeded",
                "isk is full",
                "enough space on the disk",
                "disk space on the disk",
            ),
            *("is not enough space on the", "StorageFull", "OutOfDiskError", "% full"),
            *("out of disk space", "out of free disk", "ephemeral-storage", *NO_SPACE),
        ),
        generic=True,
    ),
    Signature(
        name="thread-create",
        pattern=r"(?P<detail>can't start new thread|pthread_create (?:failed|has failed|error)"
        rf"|(?:[Rr]esource temporarily unavailable: (?:fork|clone)|(?:fork|clone|vfork)(?:\(\))?:"
        rf" (?:retry: )?(?:{_BUSY}|No child processes))"
        r"|[Ff]ailed to (?:create|spawn|start) (?:a |new |the )?(?:OS |native |worker |thread pool"
        r" )?thread"
        r"|[Uu]nable to create (?:a )?(?:new )?(?:native )?thread|[Cc]ould not (?:create|start"
        r"|spawn) (?:a )?"
        r"(?:new )?thread|Cannot create (?:a )?(?:new )?(?:worker )?thread|Thread creation failed"
        r"|fatal error: (?:newosproc|thread exhaustion)|exceeds \d+-thread limit"
        r"|fork rejected by pids controller|spawn \S+ EAGAIN|[Cc]annot fork"
        r"|can't fork(?:$|[^ ]| [^a])|[Nn]o more processes"
        r"|OMP: Error #(?:34|35|178)\b|thread constructor failed|Failed to start a new thread)",
        build=finds(ThreadCreateFailed),
        literals=(
            *(
                "start new thread",
                "pthread_create ",
                "No child processes",
                "source temporarily unavailable",
                "to create thread",
            ),
            *(
                "to spawn thread",
                "to start thread",
                "to create a ",
                "to create new",
                "to create the ",
            ),
            *("to create OS", "to create native", "to create worker", "to create thread pool"),
            *("to spawn a ", "to spawn new", "to spawn the ", "to spawn OS", "to spawn native"),
            *("to spawn worker", "to start a ", "to start new", "to start the ", "to start OS"),
            *(
                "to start native",
                "to start worker",
                "create thread",
                "create a thread",
                "create new thread",
            ),
            *(
                "create a new thread",
                "create native thread",
                "create new native",
                "create a new native",
            ),
            *(
                "start a thread",
                "start a new thread",
                "spawn a thread",
                "spawn a new",
                "spawn thread",
            ),
            *("spawn new thread", "start thread", "create worker thread", "create a worker"),
            *("create new worker", "create a native", "Thread creation failed", "error: newosproc"),
            *(
                "error: thread exhaustion",
                "-thread limit",
                "rejected by pids controller",
                " EAGAIN",
            ),
            *(
                "annot fork",
                "can't fork",
                "o more processes",
                "OMP: Error #",
                "thread constructor failed",
            ),
        ),
    ),
    Signature(
        name="rayon-thread-create",  # what Rust's libraries compute in parallel with
        pattern=r"(?P<detail>ThreadPoolBuildError \{ kind: IOError\(Os \{ code: (?P<errno>\d{1,5}),"
        r" .*)",
        build=finds(ThreadCreateFailed),
    ),
    Signature(
        name="cpp-thread-create",
        pattern=rf"(?:what\(\): +|(?i:thread|fork|clone|exception detected)[^:\n]{{0,60}}: "
        rf"|(?:generic|system):(?P<errno>11"
        rf"|35)\b.{{0,80}})(?P<detail>{_BUSY})",
        build=finds(ThreadCreateFailed),
        literals=("source temporarily unavailable",),
    ),
)
