"""Does what a signal's handler may do, where it may: at each place of a call, one after another."""

import dis
import functools
import gc
import sys
import threading

CHECKED = {"RESUME", "CALL", "CALL_KW", "CALL_FUNCTION_EX"}
"""Instructions after which the interpreter calls the handlers of signals that have come."""
JUMPS = {"JUMP_BACKWARD", "POP_JUMP_BACKWARD_IF_TRUE", "POP_JUMP_BACKWARD_IF_FALSE"}
"""Those before which it does: what a handler raises there, only what guards the jump itself sees."""


class Interruption(KeyboardInterrupt):
    """What Ctrl-C raises, and nobody else."""


class Interrupter:
    """
    A context in which a handler is called at the nth place where one may be, in this thread.

    What the interpreter raises after an instruction is raised before the next one here. Where
    the two are not in the same `try` or `with`, that would be another thing, and is left out.

    Args:
        nth: Which place, from 0.
        files: Ends of the names of the files whose code is interrupted.
        error: What it raises.
    """

    def __init__(self, nth, files, error=Interruption):
        self.place = None
        """Where it was called, if it was."""
        self.handler = None
        """A handler that does something else than to raise."""
        self._left = nth
        self._files = files
        self._error = error
        self._thread = threading.get_ident()
        self._last = {}

    def __enter__(self):
        # A destructor that the collector calls belongs to something else, and swallows errors.
        gc.disable()
        _watch(self)
        return self

    def __exit__(self, kind, error, trace):
        _unwatch()
        gc.enable()
        self._last.clear()
        return self.place is not None and kind is self._error

    def wants(self, code):
        """Return whether a function's code is interrupted."""
        return code.co_filename.endswith(self._files)

    def before(self, frame, at):
        """Raise, or take note of the instruction that is executed now."""
        if self.place is not None or threading.get_ident() != self._thread:
            return
        names, guards = _read(frame.f_code)
        last, guard = self._last.get(frame, ("RESUME", guards[at]))
        self._last[frame] = names[at], guards[at]
        after = last in CHECKED and guard == guards[at] and names[at] != "PUSH_EXC_INFO"
        if not after and names[at] not in JUMPS:
            return
        if self._left == 0:
            code = frame.f_code
            file = code.co_filename.rpartition("/")[2]
            self.place = f"{file}:{frame.f_lineno} {code.co_qualname}, {last} then {names[at]}"
            if self.handler is None:
                raise self._error
            self.handler()
        self._left -= 1


@functools.cache
def _read(code):
    """Return, by offset, the instructions of a function and the handlers that guard them."""
    data = code.co_code
    names = {n: dis.opname[data[n]] for n in range(0, len(data), 2)}
    guards = dict.fromkeys(names, 0)
    for entry in dis._parse_exception_table(code):
        guards.update((n, entry.target) for n in range(entry.start, entry.end, 2))
    return names, guards


if sys.version_info >= (3, 12):
    # sys.settrace loses instructions here: a function's are traced from some later call on.
    _TOOL = 4

    def _watch(interrupter):
        monitoring = sys.monitoring

        def before(code, at):
            if not interrupter.wants(code):
                return monitoring.DISABLE
            interrupter.before(sys._getframe(1), at)
            return None

        monitoring.use_tool_id(_TOOL, "interrupting")
        monitoring.register_callback(_TOOL, monitoring.events.INSTRUCTION, before)
        monitoring.restart_events()
        monitoring.set_events(_TOOL, monitoring.events.INSTRUCTION)

    def _unwatch():
        sys.monitoring.set_events(_TOOL, 0)
        sys.monitoring.free_tool_id(_TOOL)

else:

    def _watch(interrupter):
        def step(frame, event, arg):
            if event == "opcode":
                interrupter.before(frame, frame.f_lasti)
            return step

        def enter(frame, event, arg):
            if not interrupter.wants(frame.f_code):
                return None
            frame.f_trace_opcodes = True
            frame.f_trace_lines = False
            return step

        sys.settrace(enter)

    def _unwatch():
        sys.settrace(None)


def each_place(run, files, error=Interruption):
    """
    Interrupt a call at each place, one after another, until it is not interrupted any more.

    Args:
        run: Called with an `Interrupter` to be entered around what shall be interrupted; it goes
            on normally afterwards, and checks what has come of it.
        files: As of `Interrupter`.
        error: What is raised.

    Returns:
        The number of places, and what was raised by each check that failed, by place.
    """
    failed, nth = {}, 0
    while True:
        interrupter = Interrupter(nth, files, error)
        try:
            run(interrupter)
        except Exception as problem:
            failed[f"{nth}: {interrupter.place}"] = problem
        if interrupter.place is None:
            return nth, failed
        nth += 1
