"""The generated page of all causes."""

import pathlib
import subprocess
import sys

from diagnostics.catalog import KnownDiagnostic
from diagnostics.findings import Role, finding_types
from diagnostics.reference import page

ROOT = pathlib.Path(__file__).parents[2]
OURS = {
    kind for kind in finding_types().values() if kind.__module__.startswith("diagnostics.catalog.")
}


def test_the_page_is_current():
    """It is generated anew after each change of a declaration."""
    written = (ROOT / "docs" / "reference" / "causes.md").read_text(encoding="utf-8")
    assert written == page(), "run: python -m diagnostics.reference > docs/reference/causes.md"


def test_every_cause_is_on_the_page():
    """No family is forgotten."""
    headings = [line[4:] for line in page().splitlines() if line.startswith("### ")]
    assert sorted(headings) == sorted(kind.cause for kind in OURS)


def test_every_cause_is_in_the_union():
    """`KnownDiagnostic` has each class of the catalogue."""
    assert set(KnownDiagnostic.__args__) == OURS


def test_every_cause_says_what_to_do():
    """A cause without a remedy explains half."""
    assert [kind for kind in OURS if not kind.remedy and kind.default_role is not Role.NOTE] == []


def test_the_module_prints_the_page():
    """`python -m diagnostics.reference`."""
    run = subprocess.run(
        [sys.executable, "-m", "diagnostics.reference"],
        capture_output=True,
        check=True,
        cwd=ROOT,
        timeout=60,
    )
    assert run.stdout.decode() == page()
