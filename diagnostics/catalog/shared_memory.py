"""The lines in which shared memory is said to be used up, by PyTorch, Python, Ray and others."""

from typing import Final

from diagnostics.catalog._building import finds
from diagnostics.catalog.host import TooManyOpenFiles
from diagnostics.catalog.torch import SharedMemoryExhausted
from diagnostics.findings import Finding
from diagnostics.signatures import Context, Match, Signature

_OPEN_FILES: Final = ("23", "24")  # ENFILE, EMFILE


def _mapping(match: Match, context: Context) -> Finding | None:
    # Too many descriptors are told in the same words, and are no lack of memory.
    if match.group("errno") in _OPEN_FILES:
        return None
    return finds(SharedMemoryExhausted)(match, context)


SIGNATURES: Final = (
    Signature(
        name="torch-shared-memory-worker",
        pattern=r"DataLoader worker \(pid (?P<pid>\d{1,9})\) is killed by signal:"
        r" (?P<detail>Bus error)",
        build=finds(SharedMemoryExhausted, signal="SIGBUS"),
        literals=("is killed by signal: Bus error",),
    ),
    Signature(
        name="torch-shared-memory-hint",
        pattern=r"(?P<detail>(?:insufficient|out of) shared memory)(?: \(shm\))?",
        build=finds(SharedMemoryExhausted),
        literals=("insufficient shared memory", "out of shared memory"),
        generic=True,
    ),
    Signature(
        name="torch-shared-memory-map",
        pattern=r"(?P<detail>unable to (?:mmap|resize|open|allocate)(?: shared memory)?"
        r"(?:\(shm\))?(?: object)?)"
        r"(?: (?P<bytes_requested>\d{1,20}) bytes)?(?: from| for)?(?: file)?"
        r" <(?P<file>/torch_[^>]+)>"
        r".*?(?:\((?P<errno>\d{1,4})\))?$",
        build=_mapping,
        literals=("</torch_",),
    ),
    Signature(
        name="torch-shared-memory-write",
        pattern=r"(?P<detail>unable to (?:write to|open) file) <(?P<file>/torch_[^>]+)>",
        build=finds(SharedMemoryExhausted),
        literals=("</torch_",),
        generic=True,
    ),
    Signature(
        name="torch-shared-memory-windows",
        pattern=r"[Cc]ouldn't open shared file mapping: <(?P<file>[^>]+)>, error code:"
        r" <(?P<errno>\d{1,4})>",
        build=finds(SharedMemoryExhausted),
        literals=("open shared file mapping: <",),
    ),
    Signature(
        name="shared-memory-no-space",
        pattern=r"\[Errno (?P<errno>28)\] (?P<detail>No space left on device):"
        r" '?(?P<file>/(?:dev/shm/|psm_|torch_|sem\.)[^'\s]*)",
        build=finds(SharedMemoryExhausted),
        literals=("[Errno 28] No space left on device",),
    ),
    Signature(
        name="shared-memory-segment",
        pattern=r"(?P<detail>could not resize shared memory segment|there is not enough space for"
        r"|[Uu]nable to (?:initialize|increase|resize|allocate) (?:the )?shared memory\b)"
        r"(?:[^\"'/]*[\"']?(?P<file>/[^\"'\s]+)[\"']?)?(?:.*?(?P<bytes_requested>\d{4,20}) bytes)?",
        build=finds(SharedMemoryExhausted),
        literals=(
            "resize shared memory segment",
            "there is not enough space for",
            *(f"to {verb} " for verb in ("initialize", "increase", "resize", "allocate")),
        ),
    ),
    Signature(
        name="shared-memory-of-system-v",
        pattern=r"(?P<detail>\bshmget\b[ (:].{0,120}[Nn]o space left on device"
        r"|could not create shared memory segment: No space left on device"
        r"|the host /dev/shm or /tmp mount likely just ran out of space)",
        build=finds(SharedMemoryExhausted),
        literals=(
            "shmget",
            "could not create shared memory segment",
            "the host /dev/shm or /tmp mount",
        ),
    ),
    Signature(
        name="ucx-shared-memory",
        pattern=r"(?P<detail>Not enough memory to write total of) (?P<bytes_requested>\d{1,20})"
        r" bytes",
        build=finds(SharedMemoryExhausted),
    ),
    Signature(
        name="descriptors-not-received",
        # A tensor of another process comes as a descriptor, for which there was no room.
        pattern=r"(?P<detail>received \d+ items of ancdata)",
        build=finds(TooManyOpenFiles),
        literals=(" items of ancdata",),
    ),
    Signature(
        name="ray-object-store-full",
        pattern=r"(?P<exception>(?:ray\.exceptions\.)?ObjectStoreFullError)(?:: (?P<detail>.*))?",
        build=finds(SharedMemoryExhausted),
        literals=("ObjectStoreFullError",),
    ),
)
