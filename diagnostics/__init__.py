"""Say why a process died, from what it printed."""

from typing import TYPE_CHECKING

from diagnostics._consumed import Consumed
from diagnostics._later import later
from diagnostics.diagnosis import Diagnosis, Ending, to_json_dict
from diagnostics.findings import Finding, Role, finding_types
from diagnostics.render import render
from diagnostics.root_cause import Member, Ranking, rank
from diagnostics.signatures import (
    Block,
    Context,
    Signature,
    SignatureError,
    register,
    registered_signatures,
)
from diagnostics.stacks import Frame, RaisedException, ThreadStack

if TYPE_CHECKING:
    from diagnostics.actor import DiagnosticActor
    from diagnostics.actor_messages import (
        DiagnosisMade,
        DiagnosisRequested,
        FatalFindingSeen,
        Forget,
        OutputLost,
        OutputReceived,
        Watch,
    )
    from diagnostics.catalog import KnownDiagnostic
    from diagnostics.collector import RunnerDiagnosticCollector
    from diagnostics.ranking import ordered
else:
    # What reads output, and the catalogue, which is large: a process that only names findings, as
    # every runner's does, has no use for them.
    __getattr__ = later(
        __name__,
        {
            "DiagnosisMade": "diagnostics.actor_messages",
            "DiagnosisRequested": "diagnostics.actor_messages",
            "DiagnosticActor": "diagnostics.actor",
            "FatalFindingSeen": "diagnostics.actor_messages",
            "Forget": "diagnostics.actor_messages",
            "KnownDiagnostic": "diagnostics.catalog",
            "OutputLost": "diagnostics.actor_messages",
            "OutputReceived": "diagnostics.actor_messages",
            "RunnerDiagnosticCollector": "diagnostics.collector",
            "Watch": "diagnostics.actor_messages",
            "ordered": "diagnostics.ranking",
        },
    )

__all__ = [
    "Block",
    "Consumed",
    "Context",
    "Diagnosis",
    "DiagnosisMade",
    "DiagnosisRequested",
    "DiagnosticActor",
    "Ending",
    "FatalFindingSeen",
    "Finding",
    "Forget",
    "Frame",
    "KnownDiagnostic",
    "Member",
    "OutputLost",
    "OutputReceived",
    "RaisedException",
    "Ranking",
    "Role",
    "RunnerDiagnosticCollector",
    "Signature",
    "SignatureError",
    "ThreadStack",
    "Watch",
    "finding_types",
    "ordered",
    "rank",
    "register",
    "registered_signatures",
    "render",
    "to_json_dict",
]


def __dir__() -> list[str]:
    """Return what there is, loaded or not."""
    return sorted({*globals(), *__all__})
