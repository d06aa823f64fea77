"""What is written can be followed: links lead somewhere, programs are the ones that are tested."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
IMAGE = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)")


def named(path):
    return str(path.relative_to(ROOT))


def prose(path):
    """Return a page without its code blocks and code spans."""
    text = re.sub(r"^( *)(```|~~~).*?^\1\2$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(path):
    """Return the fragments that a page's headings can be reached by."""
    found = set()
    for heading in re.findall(r"^#+ +(.+)$", prose_with_spans(path), flags=re.MULTILINE):
        text = re.sub(r"[`*]", "", heading).strip().lower()
        found.add(re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", text)).strip("-"))
    return found


def prose_with_spans(path):
    return re.sub(r"^( *)(```|~~~).*?^\1\2$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)


def blocks(path, language):
    """Return the contents of a page's code blocks in one language."""
    return re.findall(
        rf"^```{language}[^\n]*\n(.*?)^```$", path.read_text(), flags=re.MULTILINE | re.DOTALL
    )


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_relative_links_resolve(page):
    """To a file that exists, and to a heading in it."""
    broken = []
    for link in LINK.findall(prose(page)) + IMAGE.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, fragment = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        if not path.exists():
            broken.append(f"{link}: no such file")
        elif fragment and path.suffix == ".md" and fragment not in anchors(path):
            broken.append(f"{link}: no such heading")
    assert broken == []


def test_first_program_of_the_readme_is_the_tested_one():
    """What the README shows is docs/examples/first_program.py, word for word, without its docstring."""
    program = (ROOT / "docs" / "examples" / "first_program.py").read_text()
    code = re.sub(r'\A""".*?"""\n+', "", program, flags=re.DOTALL)
    assert blocks(ROOT / "README.md", "python")[0].strip() == code.strip()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_included_files_exist(page):
    """`--8<-- "path"` names a file of the repository."""
    missing = [
        name
        for name in re.findall(r'^--8<-- "([^":]+)', page.read_text(), flags=re.MULTILINE)
        if not (ROOT / name).is_file()
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_python_in_pages_is_python(page):
    """Every Python block can at least be parsed."""
    for block in blocks(page, "python"):
        if "--8<--" not in block:
            compile(block, named(page), "exec")


def test_changelog_has_an_unreleased_section():
    """It stands on top, and every heading below it is one of Keep a Changelog's."""
    text = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    assert versions[0].strip("[]") == "Unreleased"
    kinds = set(re.findall(r"^### (.+)$", text, flags=re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_every_decision_has_its_four_parts():
    """Context, decision, consequences, and what would change our mind."""
    records = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    for record in records:
        headings = re.findall(r"^## (.+)$", record.read_text(), flags=re.MULTILINE)
        assert headings == [
            "Context",
            "Decision",
            "Consequences",
            "What would change our mind",
        ], record.name


def test_every_page_is_in_the_navigation():
    """A page that nobody can reach is not written."""
    config = (ROOT / ".mkdocs.yml").read_text()
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    assert {page for page in pages if page not in config} == set()


@pytest.mark.parametrize("page", ["architecture.md", "guides/moving-a-pykka-actor.md"])
def test_tests_named_in_tables_exist(page):
    """Those of the twenty faults, and of what a process does otherwise, name what is there."""
    page = (ROOT / "docs" / page).read_text()
    named = set(re.findall(r"`((?:test|bench)_\w+(?:\.py)?)`", page))
    assert len(named) >= 20
    there = set()
    for path in (ROOT / "tests").rglob("*.py"):
        there |= {
            path.name,
            path.stem,
            *re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE),
        }
    assert named - there == set()
