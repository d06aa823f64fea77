"""What is defined in the main module works, however that is run."""

import ast
import code
import functools
import subprocess
import sys
import textwrap
import types

import pytest
from faulty import PROGRAM_ENVIRONMENT

from actors import _main_module
from actors._main_module import _Bindings, _holds_again

LIMIT = 100
"""Seconds for a program that starts runners; met only in a deadlock."""

DEFINITIONS = """
import attrs
import actors


@attrs.frozen
class Note:
    text: str


class NoteError(Exception):
    pass


def decorated(text):
    return f"<{text}>"


class Chat(actors.Runner):
    def __init__(self, form):
        super().__init__()
        self.form = form

    def on_receive(self, message):
        match message:
            case Note("fail"):
                raise NoteError(message)
            case Note("many"):
                return (Note(str(number)) for number in range(3))
            case Note(text):
                return Note(decorated(self.form(text)))
        raise TypeError(f"{type(message)} is not {Note}")
"""

USE = """
with actors.supervise() as supervisor:
    spec = actors.RunnerSpec("chat", Chat, args=(lambda text: text.upper(),))
    chat = supervisor.start_runner(spec).get(timeout=60)
    answers = [chat.ask(Note("hi"), timeout=60), *chat.ask(Note("many"), timeout=60)]
    assert [type(answer) for answer in answers] == [Note] * 4, answers
    try:
        chat.ask([Note("fail")][0], timeout=60)
    except NoteError as error:
        assert error.args == (Note("fail"),)
    print([answer.text for answer in answers])
"""

PRINTED = "['<HI>', '0', '1', '2']"

IN_MAIN = f'{DEFINITIONS}\nif __name__ == "__main__":\n{textwrap.indent(USE, "    ")}'
BEHIND_MAIN = f'if __name__ == "__main__":\n{textwrap.indent(DEFINITIONS + USE, "    ")}'
BARE = DEFINITIONS + USE

AT_A_PROMPT = f"""
import code
console = code.InteractiveConsole(vars(__import__("__main__")))
for source in {DEFINITIONS!r}, {USE!r}:
    console.runcode(compile(source, "<console>", "exec"))
"""

IN_A_NOTEBOOK = f"""
import sys, types
module = sys.modules["__main__"] = types.ModuleType("__main__")
for number, cell in enumerate([{DEFINITIONS!r}, {USE!r}]):
    exec(compile(cell, f"<cell {{number}}>", "exec"), vars(module))
"""


def run(*arguments, source=None, folder=None):
    """Run the interpreter, and return what it printed."""
    result = subprocess.run(
        [sys.executable, "-W", "error", *map(str, arguments)],
        input=source,
        cwd=folder,
        env=PROGRAM_ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.mark.parametrize("source", [IN_MAIN, BEHIND_MAIN], ids=["before", "behind"])
def test_script(tmp_path, source):
    """Definitions before `if __name__ == "__main__":`, which the process has too, and behind it."""
    script = tmp_path / "script.py"
    script.write_text(source)
    assert run(script) == PRINTED


def test_script_that_another_program_runs(tmp_path):
    """As coverage does, which makes a main module of its own, after multiprocessing is imported."""
    (tmp_path / "script.py").write_text(IN_MAIN)
    report = f"--data-file={tmp_path / 'data'}"
    assert run("-m", "coverage", "run", report, "script.py", folder=tmp_path) == PRINTED


@pytest.mark.parametrize("source", [IN_MAIN, BEHIND_MAIN], ids=["before", "behind"])
@pytest.mark.parametrize("name", ["program", "__main__"])
def test_module_of_a_package(tmp_path, source, name):
    """With `python -m`; spawn does not import a package's `__main__` again."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / f"{name}.py").write_text(source)
    module = "package" if name == "__main__" else f"package.{name}"
    assert run("-m", module, folder=tmp_path) == PRINTED


def test_folder_that_is_run(tmp_path):
    """As a zip file is run."""
    (tmp_path / "__main__.py").write_text(IN_MAIN)
    assert run(tmp_path) == PRINTED


def test_command_line():
    """With `python -c`."""
    assert run("-c", BARE) == PRINTED


def test_standard_input():
    """With `python -`."""
    assert run("-", source=BARE) == PRINTED


def test_prompt():
    """What is typed at one."""
    assert run("-c", AT_A_PROMPT) == PRINTED


def test_notebook():
    """Its kernel puts a main module of its own in place, which has no file."""
    assert run("-c", IN_A_NOTEBOOK) == PRINTED


@pytest.mark.parametrize("path", ["<stdin>", "book.ipynb", "/nowhere/at/all.py"])
def test_main_module_whose_file_is_no_program(tmp_path, path):
    """It is not imported again, where spawn alone would fail."""
    (tmp_path / "book.ipynb").write_text('{"cells": [')
    assert run("-c", f"__file__ = {path!r}\n{BARE}", folder=tmp_path) == PRINTED


def test_prompt_behind_a_script(tmp_path):
    """With `python -i`: what the script defines is shared, and what is typed is sent."""
    script = tmp_path / "script.py"
    script.write_text(DEFINITIONS)
    typed = "\nclass Chat(Chat):\n    pass\n\n\n" + USE.strip().replace("\n\n", "\n") + "\n\n"
    assert PRINTED in run("-i", script, source=typed)


MIXED = """
import actors


class Shared:
    def __eq__(self, other):
        return type(other) is type(self)


class Chat(actors.Runner):
    def on_receive(self, message):
        if callable(message):
            return message()
        return isinstance(message, Shared), type(message).__module__, message


if __name__ == "__main__":

    class Late(Shared):
        def shared(self):
            return Shared()

    with actors.supervise() as supervisor:
        chat = supervisor.start_runner(actors.RunnerSpec("chat", Chat)).get(timeout=60)
        for message in Shared(), Late():
            of_the_same, module, answer = chat.ask(message, timeout=60)
            print(of_the_same, module, type(answer) is type(message))
        print(type(chat.ask(Late().shared, timeout=60)) is Shared)
"""


def test_what_the_process_has_itself_is_not_sent_beside_it(tmp_path):
    """What is sent by value refers to the process's own classes."""
    script = tmp_path / "script.py"
    script.write_text(MIXED)
    assert run(script).splitlines() == [
        "True __mp_main__ True",
        "True __main__ True",
        "True",
    ]


REDEFINED = """
import actors

class Note:
    version = 1

class Chat(actors.Runner):
    def on_receive(self, message):
        return message.version, isinstance(message, Note), message

with actors.supervise() as supervisor:
    chat = supervisor.start_runner(actors.RunnerSpec("chat", Chat)).get(timeout=60)
    first = Note()
    class Note:
        version = 2
    for message in first, Note():
        *facts, answer = chat.ask(message, timeout=60)
        print(*facts, type(answer) is type(message))
    chat = supervisor.start_runner(actors.RunnerSpec("again", Chat)).get(timeout=60)
    print(*chat.ask(Note(), timeout=60)[:2])
"""


def test_class_that_is_defined_again_is_another_class():
    """As it is to whoever has defined it; a runner that is started afterwards has the new one."""
    assert run("-c", REDEFINED).splitlines() == ["1 True True", "2 False True", "2 True"]


MISSING = """
import threading, actors

class Chat(actors.Runner):
    def on_receive(self, message):
        return message

if threading.current_thread().name == "MainThread" and not getattr(
    __import__("multiprocessing").process.current_process(), "_inheriting", False
):
    class Elsewhere:
        pass

if __name__ == "__main__":
    with actors.supervise() as supervisor:
        chat = supervisor.start_runner(actors.RunnerSpec("chat", Chat)).get(timeout=60)
        try:
            chat.ask(Elsewhere(), timeout=60)
        except actors.WireError as error:
            print(error)
"""


def test_what_is_not_found_by_its_name_is_named(tmp_path):
    """A condition that nobody can foresee."""
    script = tmp_path / "script.py"
    script.write_text(MISSING)
    assert "Can't get attribute 'Elsewhere' on <module" in run(script)


@pytest.mark.parametrize(
    ("test", "holds"),
    [
        ('__name__ == "__main__"', False),
        ('"__main__" == __name__', False),
        ('__name__ != "__main__"', True),
        ('not __name__ == "__main__"', True),
        ('__name__ == "__mp_main__"', True),
        ('__name__ == "__main__" and x', False),
        ('__name__ != "__main__" or x', True),
        ('__name__ == "__main__" or x', None),
        ("not x", None),
        ('__name__ in ("__main__", "__mp_main__")', None),
        ('__name__ != "__main__" and __name__ != "x"', True),
        ("x", None),
    ],
)
def test_condition_on_the_name_of_the_main_module(test, holds):
    """As far as it can be told without running it."""
    assert _holds_again(ast.parse(test, mode="eval").body) is holds


def test_names_that_are_bound_at_the_top_level():
    """Wherever they are bound, but in functions, classes and what is for the main program only."""
    bindings = _Bindings()
    bindings.visit(
        ast.parse("""
a = b, c = 1, 2
class D:
    not_here = 1
def e():
    not_here = 1
for f in ():
    class G: pass
else:
    async def h(): pass
with x as i:
    j: int = 1
if x:
    k = lambda: (not_here := 1)
else:
    l = (m := 1)
try:
    if __name__ == "__main__":
        n = 1
        if x:
            o = 1
    else:
        p = 1
except* y:
    q = 1
if __name__ != "__main__":
    r = 1
else:
    s = 1
""")
    )
    assert bindings.always == {*"abc", "D", "e", "f", "G", "h", "i", "j", "k", "l", "m", *"pqr"}
    assert bindings.here == set("nos")


def test_only_what_is_defined_there_and_not_shared_is_hidden(monkeypatch, tmp_path):
    """Names that come later count; what was imported, and plain values, do not."""
    script = tmp_path / "script.py"
    script.write_text("class Shared: pass\n")
    module = types.ModuleType("__main__")
    module.__file__ = str(script)
    monkeypatch.setitem(sys.modules, "__main__", module)
    run_in = functools.partial(code.InteractiveConsole(vars(module)).runsource, symbol="exec")
    run_in(script.read_text())
    assert _main_module.hidden() == ()
    assert _main_module.finds(module.Shared)
    assert _main_module.imported_again()
    run_in("import ast; from threading import Lock, Thread; x = Shared()")
    assert _main_module.hidden() == ()
    run_in("class Late: pass")
    assert _main_module.hidden() == (b"__main__",)
    assert not _main_module.finds(module.Late)
    assert _main_module.finds(module.Shared)
    again = type("Shared", (), {"__module__": "__main__"})
    assert not _main_module.finds(again)


@pytest.mark.parametrize("kind", ["NewType('Late', int)", "ParamSpec('Late')", "TypeVar('Late')"])
def test_what_typing_makes_is_a_definition_too(monkeypatch, tmp_path, kind):
    """It is pickled by its name."""
    script = tmp_path / "script.py"
    shared = kind.replace("Late", "Shared")
    script.write_text(f"import typing; Shared = typing.{shared}\n")
    module = types.ModuleType("__main__")
    module.__file__ = str(script)
    monkeypatch.setitem(sys.modules, "__main__", module)
    run_in = functools.partial(code.InteractiveConsole(vars(module)).runsource, symbol="exec")
    run_in(script.read_text())
    assert _main_module.hidden() == ()
    assert _main_module.finds(module.Shared)
    run_in(f"Late = typing.{kind}")
    assert _main_module.hidden() == (b"__main__",)
    assert not _main_module.finds(module.Late)


TYPES = """
import typing, attrs, actors

UserId = typing.NewType("UserId", int)

@attrs.frozen
class Generate:
    user: UserId

class Chat(actors.Runner):
    def on_receive(self, message: Generate | UserId):
        return message

with actors.supervise() as supervisor:
    chat = supervisor.start_runner(actors.RunnerSpec("chat", Chat)).get(timeout=60)
    print(chat.ask(Generate(UserId(1)), timeout=60), chat.ask(UserId, timeout=60) is UserId)
"""


def test_types_of_a_prompt():
    """What annotations refer to is sent with the class that has them."""
    assert run("-", source=TYPES) == "Generate(user=1) True"


def test_program_that_starts_runners_when_it_is_imported_is_told_what_to_do(tmp_path):
    """The commonest mistake of all: its runner's process would start runners, and so on."""
    path = tmp_path / "unguarded.py"
    path.write_text(
        "import actors\n"
        "class Echo(actors.Runner):\n"
        "    pass\n"
        "with actors.supervise() as supervisor:\n"
        "    supervisor.start_runner(actors.RunnerSpec('echo', Echo)).get()\n"
    )
    done = subprocess.run(
        [sys.executable, path],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
        env=PROGRAM_ENVIRONMENT,
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("actors.errors.StartFailed: runner 'echo' (pid")
    assert 'put what starts runners behind `if __name__ == "__main__":`' in last
