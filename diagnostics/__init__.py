"""Say why a process died, from what it printed."""

import importlib
from typing import TYPE_CHECKING, Any

from diagnostics._consumed import Consumed
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
from diagnostics.collector import RunnerDiagnosticCollector
from diagnostics.diagnosis import Diagnosis, Ending, to_json_dict
from diagnostics.findings import Finding, Role, finding_types
from diagnostics.ranking import ordered
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
    from diagnostics.catalog import KnownDiagnostic

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


def __getattr__(name: str) -> Any:
    """Load the catalogue only when its union is asked for; see `signatures.load_catalogues`."""
    if name == "KnownDiagnostic":
        return importlib.import_module("diagnostics.catalog").KnownDiagnostic
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
