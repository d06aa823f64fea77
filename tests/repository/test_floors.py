"""The house of docs/architecture.md: imports lead downwards only."""

import ast
import graphlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# A module imports from lower floors of its package only. A row ending in `.*` stands for every
# module of a subpackage that has no row of its own. docs/architecture.md shows the same tables.
DIAGNOSTICS = {
    "_later": 0,
    "findings": 1,
    "stacks": 1,
    "_lines": 1,
    "_errno": 1,
    "_prefixes": 1,
    "_levels": 1,
    "_records": 1,
    "_cut": 1,
    "_consumed": 1,
    "evidence.said": 1,
    "evidence.*": 2,
    "evidence.system": 3,
    "evidence": 4,
    "_weighing": 4,
    "diagnosis": 2,
    "signatures": 2,
    "root_cause": 2,
    "_room": 2,
    "_sightings": 2,
    "_tail": 2,
    "render": 3,
    "ranking": 3,
    "actor_messages": 3,
    "_faults": 3,
    "_traceback": 3,
    "_scanner": 3,
    "_telling": 3,
    "catalog._building": 3,
    "catalog._translations": 3,
    "catalog._sizes": 3,
    "catalog._addresses": 3,
    "_recognizer": 4,
    "_second_look": 5,
    "_inbox": 4,
    "catalog.*": 4,
    "catalog._signals": 5,
    "catalog._windows": 5,
    "catalog._refused": 5,
    "catalog.host_oom_kill": 5,
    "catalog.ring_setup": 5,
    "catalog.nccl_lines": 5,
    "catalog.torch_lines": 5,
    "catalog.shared_memory": 5,
    "catalog.weights_missing": 5,
    "catalog.model_kinds": 5,
    "catalog.ggml_models": 5,
    "catalog.cuda_lines": 5,
    "catalog.cuda_programs": 5,
    "catalog.metal_hosts": 5,
    "catalog.launchers": 5,
    "catalog.loader_lines": 5,
    "catalog.vllm": 5,
    "catalog.assertions": 6,
    "catalog.crash_handlers": 6,
    "catalog.crash_records": 6,
    "catalog.exit_status": 6,
    "catalog.host_errno": 6,
    "catalog.host_files": 6,
    "catalog.host_lines": 6,
    "catalog.host_memory": 6,
    "catalog.host_network": 6,
    "catalog.host_programs": 6,
    "catalog.native_frames": 6,
    "catalog.python_fatal": 6,
    "catalog.sanitizers": 6,
    "catalog.shells": 6,
    "catalog.python_causes": 6,
    "catalog.python": 7,
    "catalog.python_lines": 8,
    "catalog": 9,
    "collector": 9,
    "reference": 10,
    "actor": 10,
    "_watching": 1,
    "__main__": 11,
    "__init__": 12,
}

ACTORS = {
    "_version": 0,
    "errors": 1,
    "_stop_request": 1,
    "termination": 1,
    "_closing_inbox": 1,
    "_exit_watch": 1,
    "_log_file": 1,
    "_warden": 1,
    "_pump": 1,
    "_answer": 1,
    "_bells": 1,
    "_ledger": 1,
    "_spin": 1,
    "_home": 1,
    "_main_module": 1,
    "_unsendable": 1,
    "_exceptions": 1,
    "_awaiting": 2,
    "_handlers": 2,
    "_synchrony": 2,
    "_spinner": 2,
    "reasons": 2,
    "specs": 2,
    "_by_value": 2,
    "_serving": 3,
    "mlx_ring": 3,
    "messages": 3,
    "_ending": 3,
    "_surroundings": 3,
    "_reactor": 3,
    "_concurrent": 4,
    "_events": 4,
    "_frames": 4,
    "_runner_link": 4,
    "_strategy": 4,
    "wire": 5,
    "_attributes": 5,
    "_framing": 6,
    "_references": 6,
    "_channel": 7,
    "_payload": 7,
    "_line": 7,
    "_sealed": 8,
    "_mailbox": 8,
    "_reception": 8,
    "_stream": 9,
    "_handing_on": 10,
    "_future": 10,
    "typing": 11,
    "_incoming": 11,
    "_task": 11,
    "runner": 11,
    "_following": 11,
    "_concurrent_incoming": 12,
    "_outgoing": 12,
    "_return_path": 12,
    "_task_frames": 12,
    "_port_events": 12,
    "_host": 13,
    "_inbox": 13,
    "_deliveries": 13,
    "_relayed_task": 13,
    "_group_facts": 13,
    "_relay": 13,
    "_verdict": 13,
    "_incarnation": 13,
    "_task_watch": 14,
    "_exchange": 14,
    "_bootstrap": 14,
    "_services": 14,
    "_launch": 15,
    "_wires": 16,
    "_port": 17,
    "_member": 18,
    "_group": 19,
    "render": 19,
    "supervisor": 20,
    "demo.config": 20,
    "demo.tokenizer": 20,
    "demo.cache": 20,
    "demo.faults": 20,
    "supervisor_proxy": 21,
    "demo.messages": 21,
    "demo.model": 21,
    "demo.weights": 21,
    "demo.training": 22,
    "demo.pipeline": 22,
    "demo.runners": 23,
    "demo.*": 24,
    "demo.driver": 25,
    "demo.json_lines": 25,
    "demo": 26,
    "cli": 30,
    "__main__": 31,
    "__init__": 32,
}

HOUSE = {"diagnostics": DIAGNOSTICS, "actors": ACTORS}

# What a function may import, since its absence must not keep anybody from `import actors`:
# the packages of the extras, what POSIX alone has, and modules of ours that need one of these;
# and asyncio, which costs every process that has no use for it 30 ms and 5 MiB.
OPTIONAL = {"asyncio", "mlx", "numpy", "platformdirs", "resource", "rich", "typer"}


def modules():
    """Return the path of every module by its dotted name."""
    found = {}
    for package in HOUSE:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def floor_of(module):
    """Return the floor of a module, or None if the table does not know it."""
    package, _, inner = module.partition(".")
    inner = inner or "__init__"
    table = HOUSE[package]
    return table.get(inner, table.get(f"{inner.rpartition('.')[0]}.*"))


class Imports(ast.NodeVisitor):
    """The imports of one module, each with its line, whether it is late, and whether typed only."""

    def __init__(self, module, path):
        self.module = module
        self.package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        self.found = []
        self._functions = 0
        self._typing = 0
        self.visit(ast.parse(path.read_text(), str(path)))

    def visit_FunctionDef(self, node):
        self._functions += 1
        self.generic_visit(node)
        self._functions -= 1

    def visit_AsyncFunctionDef(self, node):
        self.visit_FunctionDef(node)

    def visit_If(self, node):
        typing = "TYPE_CHECKING" in ast.unparse(node.test)
        self._typing += typing
        for child in node.body:
            self.visit(child)
        self._typing -= typing
        for child in node.orelse:
            self.visit(child)

    def visit_Import(self, node):
        for alias in node.names:
            self._add(node, alias.name)

    def visit_ImportFrom(self, node):
        origin = node.module or ""
        if node.level:
            base = self.package.split(".")[: len(self.package.split(".")) - node.level + 1]
            origin = ".".join([*base, *([origin] if origin else [])])
        for alias in node.names:
            inner = f"{origin}.{alias.name}"
            self._add(node, inner if inner in MODULES else origin)

    def _add(self, node, target):
        self.found.append((node.lineno, target, self._functions > 0, self._typing > 0))


IMPORTS = {module: Imports(module, path).found for module, path in MODULES.items()}


def needs_an_option(target):
    """Return whether a module cannot be imported without something optional."""
    if target.partition(".")[0] in OPTIONAL:
        return True
    return any(
        needs_an_option(inner)
        for _, inner, late, typing in IMPORTS.get(target, ())
        if not late and not typing
    )


def complain(problems):
    """Fail with all problems at once, one a line."""
    problems = list(problems)
    assert problems == [], "\n".join(["", *problems])


@pytest.mark.parametrize("package", HOUSE)
def test_every_module_has_a_floor(package):
    """A new file goes into the table, and thereby into somebody's mind."""
    complain(
        f"{module} has no floor: add it to the table here and to docs/architecture.md"
        for module in MODULES
        if module.partition(".")[0] == package and floor_of(module) is None
    )


@pytest.mark.parametrize("package", HOUSE)
def test_every_row_has_a_module(package):
    """A file that went away takes its row along."""
    names = {
        module.partition(".")[2] or "__init__" for module in MODULES if module.startswith(package)
    }
    complain(
        [
            f"{package}.{row} is in the table but not in the tree"
            for row in HOUSE[package]
            if row not in names
            and not any(row.endswith(".*") and name.startswith(row[:-1]) for name in names)
        ]
    )


@pytest.mark.parametrize("module", MODULES)
def test_imports_lead_downwards(module):
    """Neither upwards nor sideways, annotations excepted."""
    package = module.partition(".")[0]
    complain(
        [
            f"{MODULES[module].relative_to(ROOT)}:{line}: floor {floor_of(module)} "
            f"imports {target} on floor {floor_of(target)}"
            for line, target, _, typing in IMPORTS[module]
            if target.partition(".")[0] == package
            and target in MODULES
            and not typing
            and (floor_of(target) or 0) >= (floor_of(module) or 99)
        ]
    )


@pytest.mark.parametrize("module", MODULES)
def test_nothing_imports_its_own_face(module):
    """`__init__` gathers the package; who imports it from within closes a circle."""
    complain(
        [
            f"{MODULES[module].relative_to(ROOT)}:{line}: imports its own face, {target}"
            for line, target, _, _ in IMPORTS[module]
            if target == module.partition(".")[0]
        ]
    )


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_imported_late(module):
    """A late import hides a room on the wrong floor; optional dependencies excepted."""
    complain(
        [
            f"{MODULES[module].relative_to(ROOT)}:{line}: imports {target} inside a function"
            for line, target, late, _ in IMPORTS[module]
            if late and not needs_an_option(target)
        ]
    )


def test_diagnostics_serves_anybody():
    """`diagnostics` knows nothing of `actors`, not even for annotations."""
    complain(
        [
            f"{MODULES[module].relative_to(ROOT)}:{line}: imports {target}"
            for module in MODULES
            if module.startswith("diagnostics")
            for line, target, _, _ in IMPORTS[module]
            if target.partition(".")[0] == "actors"
        ]
    )


def test_there_is_no_circle():
    """Said for both packages together."""
    graph = {
        module: {target for _, target, _, typing in found if target in MODULES and not typing}
        for module, found in IMPORTS.items()
    }
    graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("package", HOUSE)
def test_the_documentation_shows_the_same_house(package):
    """docs/architecture.md has one row a module: `| floor | `module` | what for |`."""
    shown = {}
    inside = False
    for line in (ROOT / "docs" / "architecture.md").read_text().splitlines():
        if line.startswith("#"):
            inside = line.strip("# `") == f"{package}/"
        cells = [cell.strip() for cell in line.split("|")]
        if inside and len(cells) > 4 and cells[1].isdigit():
            for name in cells[2].split(","):
                shown[name.strip(" `")] = int(cells[1])
    assert shown == HOUSE[package]
