"""No loop stands where an interrupt at its end would leave a lock taken."""

import dis
import inspect
import sys
import types
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    sys.version_info[:2] != (3, 13), reason="other compilers guard other things of their own, too"
)

ACTORS = Path(__file__).parents[2] / "actors"

HARMLESS = {
    # In threads of our own, where no signal's handler is called.
    ("_events.py", "EventStream._next"),
    ("_events.py", "EventStream._deliver"),
    ("_inbox.py", "RunnerInbox.attach"),
    # Nothing has to be given back.
    ("_member.py", "_payload"),
}


def code_in(code):
    """Yield a code object and all inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from code_in(constant)


def unguarded_jumps(code):
    """Yield the lines whose jump back is not guarded by the `try` or `with` around the loop."""
    table = dis._parse_exception_table(code)

    def guards(offset):
        return {entry.target for entry in table if entry.start <= offset < entry.end}

    previous = None
    for instruction in dis.get_instructions(code):
        jumps = previous is not None and instruction.opname == "JUMP_BACKWARD"
        if jumps and guards(previous.offset) - guards(instruction.offset):
            yield instruction.positions.lineno
        previous = instruction


@pytest.mark.parametrize("path", sorted(ACTORS.glob("*.py")), ids=lambda path: path.stem)
def test_no_loop_jumps_back_outside_of_its_guards(path):
    """
    CPython calls signals' handlers there, and what they raise passes by a `with` around the loop.

    A coroutine's loop is left out: asyncio has handlers of its own, which do not raise in it.
    """
    found = {
        (path.name, code.co_qualname, line)
        for code in code_in(compile(path.read_text(), str(path), "exec"))
        if not code.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR)
        for line in unguarded_jumps(code)
        if (path.name, code.co_qualname) not in HARMLESS
    }
    assert found == set(), "put the loop into a function of its own"


def test_the_check_sees_such_a_loop():
    """Or its silence would say nothing."""
    source = "def f(lock, items):\n    with lock:\n        while items:\n            items.pop()\n"
    (function,) = [code for code in code_in(compile(source, "f", "exec")) if code.co_name == "f"]
    assert list(unguarded_jumps(function)) == [3]
