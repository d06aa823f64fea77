"""What the Python interpreter and faulthandler dump before the process ends."""

from typing import Final, final

import re2

from diagnostics._consumed import Consumed
from diagnostics._faults import FaultDumpParser
from diagnostics.catalog._signals import name_in_words
from diagnostics.catalog._windows import by_windows_code
from diagnostics.catalog.corruption import HeapCorruption
from diagnostics.catalog.host import OutOfMemoryHost
from diagnostics.catalog.native import (
    Abort,
    BusError,
    FloatingPointException,
    IllegalInstruction,
    PythonFatalInit,
    PythonShutdownRace,
    Segfault,
    SignalFinding,
    StackOverflow,
    ThreadStacks,
)
from diagnostics.findings import Finding
from diagnostics.signatures import Block, Context, Match, Signature

_STREAM: Final = re2.compile(r"could not acquire lock for .*name='?(<?\w+>?)'?")
_CODE: Final = re2.compile(r"^code (0x[0-9a-fA-F]{8})\b")
_OVERFLOW: Final = re2.compile(r"(?i)stack overflow")
_NO_MEMORY: Final = re2.compile(r"(?i)out of memory|can.t allocate|no memory|memory ?error")
_HEAP: Final = re2.compile(
    r"(?i)bad (?:trailing|leading) pad byte|bad ID: Allocated|freed (?:twice|already)"
    r"|block .*corrupt|double free|heap corrupt"
)
_INIT: Final = re2.compile(
    r"(?i)(?:^|_|\b(?:Py|pymain|config|core))_?init\w*:|_Init:|Py_Initialize|initialize Python"
    r"|standard streams|file ?system (?:codec|encoding)|site module|encodings module"
    r"|locale encoding|importlib|Python home|path configuration"
)
# The state in which the dump of 3.8 and later says that the interpreter was.
_STARTING: Final = re2.compile(r"^(?:un|pre|core )\s?initializ|^initializing|^preinitializ")
_ERROR: Final = re2.compile(r"^([\w.]+): ?(.*)$")
_MODULE: Final = re2.compile(r"No module named '?([\w.]+)")

_SIGNALS: Final[dict[str, type[SignalFinding]]] = {
    "SIGSEGV": Segfault,
    "SIGBUS": BusError,
    "SIGFPE": FloatingPointException,
    "SIGILL": IllegalInstruction,
    "SIGABRT": Abort,
}
# What faulthandler prints for a signal is all that the line says.
_OF_SIGNAL: Final = re2.compile(
    r"(?i)^(?:Segmentation (?:fault|violation)|Aborted|Bus error|Illegal instruction"
    r"|Floating[- ]point (?:exception|error)|access violation|page error"
    r"|(?:float|int|integer) (?:divide by zero|overflow|invalid operation))"
)


@final
class _FaultBlock:
    """A stack dump, fatal or not."""

    def __init__(self, line: str, reason: str | None) -> None:
        self._reason = reason
        self._of_threads = line.startswith("Thread ")
        self._parser = FaultDumpParser(line)

    def feed(self, line: str, *, claimed: bool) -> Consumed:
        return self._parser.feed(line, claimed=claimed)

    def findings(self) -> tuple[Finding, ...]:
        stacks = self._parser.stacks()
        thread = next((stack.thread for stack in stacks if stack.current), None)
        if self._reason is None:
            if thread is None and self._of_threads and any(stack.frames for stack in stacks):
                # Asked for, a dump names the current thread or its time limit: this one
                # is the rest of a fatal one, or a thread that Python does not know crashed.
                thread = stacks[0].thread
                return (Segfault(signal="SIGSEGV", thread=thread, stacks=stacks),)
            return (ThreadStacks(thread=thread, stacks=stacks),)
        code = _CODE.search(self._reason)
        if code is not None:
            return self._by_code(int(code.group(1), 16), code.group(1))
        if _HEAP.search(self._reason):
            return (HeapCorruption(signal="SIGABRT", detail=self._reason),)
        if _NO_MEMORY.search(self._reason):
            return (OutOfMemoryHost(signal="SIGABRT", detail=self._reason),)
        return (self._of_interpreter(self._reason),)

    def _by_code(self, code: int, shown: str) -> tuple[Finding, ...]:
        known = by_windows_code(code)
        if known is None:
            # Windows raises such ones inside of working programs, and faulthandler sees them all.
            return (ThreadStacks(detail=self._reason, stacks=self._parser.stacks()),)
        kind, signal = known
        if issubclass(kind, SignalFinding):
            return (kind(signal=signal, detail=shown, stacks=self._parser.stacks()),)
        return (kind(detail=shown),)  # type: ignore[call-arg]

    def _of_interpreter(self, reason: str) -> Finding:
        stacks = self._parser.stacks()
        thread = next((stack.thread for stack in stacks if stack.current), None)
        stream = _STREAM.search(reason)
        state = self._parser.state or ""
        if stream is not None or (state.startswith("finaliz") and not _OF_SIGNAL.search(reason)):
            return PythonShutdownRace(
                signal="SIGABRT",
                detail=reason,
                thread=thread,
                stacks=stacks,
                stream=stream.group(1) if stream else None,
            )
        if _OVERFLOW.search(reason):
            kind: type[SignalFinding] = StackOverflow
            signal: str | None = "SIGABRT"
        elif _OF_SIGNAL.search(reason):
            words = {"page error": "bus", "float": "floating", "int": "arithmetic"}
            signal = next(
                (name_in_words(word) for start, word in words.items() if reason.startswith(start)),
                name_in_words(reason),
            )
            kind = _SIGNALS.get(signal or "", Segfault)
        elif _STARTING.search(state) or (_INIT.search(reason) and "init_threadstate" not in reason):
            return self._at_start(reason)
        else:
            kind, signal = Abort, "SIGABRT"  # Py_FatalError ends with abort()
        return kind(signal=signal, detail=reason, thread=thread, stacks=stacks)

    def _at_start(self, reason: str) -> Finding:
        error = self._parser.error
        named = _ERROR.search(error) if error else None
        module = _MODULE.search(error) if error else None
        return PythonFatalInit(
            detail=error or reason,
            exception=named.group(1) if named else None,
            module=module.group(1) if module else None,
            stacks=self._parser.stacks(),
        )


def _fatal_error(match: Match, _: Context) -> Block:
    return _FaultBlock("", match.group("reason"))


def _dump(match: Match, _: Context) -> Block:
    return _FaultBlock(match.group("head"), None)


SIGNATURES: Final = (
    Signature(
        name="python-fatal-error",
        pattern=r"(?:Fatal Python error|Windows fatal exception): (?P<reason>.*)$",
        open_block=_fatal_error,
        literals=("Fatal Python error: ", "Windows fatal exception: "),
    ),
    Signature(
        name="thread-stacks",
        pattern=r"(?P<head>(?:Timeout \(\d+:\d+:[\d.]+\)!"
        r"|(?:Current thread 0x[0-9a-f]+|Thread 0x[0-9a-f]+)(?: \[[^\]]*\])?"
        r" \(most recent call first\):).*)$",
        open_block=_dump,
        literals=("Timeout (", " (most recent call first):"),
    ),
)
