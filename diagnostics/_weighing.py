"""Pure: what the system says, put to what the output says."""

from collections.abc import Sequence
from typing import Any, Final

import attrs

from diagnostics.diagnosis import Diagnosis, Ending
from diagnostics.evidence.said import Said
from diagnostics.findings import Finding, Role, finding_types
from diagnostics.ranking import ordered

_MOST: Final = 16  # statements of one end
_LINE: Final = 500


def weighed(
    diagnosis: Diagnosis, said: Sequence[Said], *, ending: Ending | None, at: float
) -> Diagnosis:
    """
    Return a diagnosis with what the system says.

    What bears out a finding is added to it and lifts it among its equals. What is certain
    and was not seen in the output becomes a finding; what is only the state of the host, a
    note. The rest stands in `system`.

    Args:
        diagnosis: What the output amounts to.
        said: What the system says.
        ending: How the process ended.
        at: When it was asked, in seconds since the epoch.
    """
    findings = list(diagnosis.findings)
    system = list(diagnosis.system)
    for statement in said[:_MOST]:
        line = f"{statement.source}: {statement.text}"[:_LINE]
        if statement.cause is None:
            system.append(line)
            continue
        place = _place(findings, statement)
        if place is not None:
            findings[place] = _borne_out(findings[place], statement, line)
            continue
        made = _made(statement, line, at)
        if made is None:
            system.append(line)
        else:
            findings.append(made)
    if findings == list(diagnosis.findings):
        return attrs.evolve(diagnosis, system=tuple(system))
    again = [
        finding if finding.role is Role.NOTE else attrs.evolve(finding, rank_reason="")
        for finding in reversed(findings)  # the order of the last sighting
    ]
    ranked = ordered(again, ending, tail=diagnosis.tail, total_lines=diagnosis.total_lines)
    known = any(finding.role is not Role.NOTE for finding in ranked)
    return attrs.evolve(
        diagnosis,
        findings=ranked,
        system=tuple(system),
        telling=() if known else diagnosis.telling,
    )


def _place(findings: Sequence[Finding], said: Said) -> int | None:
    """Return where a finding of this cause stands, one that is no note if possible."""
    places = [index for index, finding in enumerate(findings) if finding.cause == said.cause]
    real = [index for index in places if findings[index].role is not Role.NOTE]
    # What was a remark in the output is one, whatever the host looks like.
    return real[0] if real else None


def _borne_out(finding: Finding, said: Said, line: str) -> Finding:
    sources = dict.fromkeys(filter(None, [*finding.source.split(", "), said.source]))
    return attrs.evolve(
        finding, evidence=(*finding.evidence, line), source=", ".join(sources), tentative=False
    )


def _made(said: Said, line: str, at: float) -> Finding | None:
    kind = finding_types().get(said.cause or "")
    if kind is None:
        return None
    values: dict[str, Any] = {"detail": said.text} if "detail" in attrs.fields_dict(kind) else {}
    return kind(
        role=kind.default_role if said.certain else Role.NOTE,
        evidence=(line,),
        source=said.source,
        first_seen=at,
        last_seen=at,
        rank_reason="" if said.certain else f"the state of the host, by {said.source}",
        **values,
    )
