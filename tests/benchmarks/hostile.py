"""Output that means harm: endless, noisy, or made of what is looked for."""

import itertools
import random

WIDE = "\U0001f4a3"  # four bytes in a text of Python's, whatever else is in it
HEAD = "Traceback (most recent call last):\n"
CHUNK = 64 * 1024


def _lines(make):
    """Return chunks of numbered lines without end."""
    for number in itertools.count():
        first = number * 1_000
        yield "".join(make(first + each) for each in range(1_000)).encode()


def _cycle(text):
    data = text.encode() if isinstance(text, str) else text
    return itertools.repeat((data * (CHUNK // len(data) + 1))[: max(CHUNK, len(data))])


def _noise():
    source = random.Random(1)  # noqa: S311  # noise, no secret
    return itertools.cycle([source.randbytes(CHUNK) for _ in range(16)])


def _deep(number):
    return (
        HEAD
        + "".join(
            f'  File "/{WIDE}{"d" * 900}/{number}-{at}.py", line {at}, in {"f" * 900}\n    x()\n'
            for at in range(70)
        )
        + f"{'E' * 900}Error: {number} {WIDE * 1_500}\n"
        + "\nDuring handling of the above exception, another exception occurred:\n\n" * (number % 2)
    )


def _chained(number):
    return (
        HEAD
        + f'  File "/a.py", line {number}, in f\n    x()\nKeyError: {number} {WIDE * 1_500}\n'
        + "\nDuring handling of the above exception, another exception occurred:\n\n"
    )


WIDE_LINE = WIDE * 4_000

KINDS = {
    "a line without end": lambda: _cycle("x"),
    "a candidate line without end": lambda: _cycle("CUDA out of memory. "),
    "random bytes": _noise,
    "NUL bytes": lambda: _cycle("\0"),
    "escapes": lambda: _cycle("\x1b[31;1m\x1b]0;title\x07\x1b[K"),
    "unfinished escapes": lambda: _cycle("\x1b]0;"),
    "progress bars": lambda: _cycle(" 50%|#####     | 5/10\r\x1b[K"),
    "bars with errors in them": lambda: _lines(lambda n: f"\r[ring] failed with errno {n} "),
    "empty lines": lambda: _cycle("\n"),
    "lines of ever new kinds": lambda: _lines(
        lambda n: f"{WIDE}{''.join(chr(97 + int(d)) for d in str(n))} went on{WIDE * 50}\n"
    ),
    "one finding again and again": lambda: _cycle(
        "[ring] Receiving from socket 3 failed with errno 54\n"
    ),
    "findings that all differ": lambda: _lines(
        lambda n: f"[ring] Receiving from socket {n} failed with errno {n % 130}\n"
    ),
    "long findings that all differ": lambda: (
        f"RuntimeError: [metal::load_device] {n} Failed to make {WIDE_LINE}\n"
        f"[rank{n}]: CUDA error: {n} {WIDE_LINE}\n"
        f"ModuleNotFoundError: No module named '{n}{'m' * 30_000}'\n"
        f"open '/{n}{'m' * 30_000}': [Errno 28] No space left on device: '{WIDE_LINE}'\n".encode()
        for n in itertools.count()
    ),
    "near-findings that all differ": lambda: _lines(
        lambda n: f"worker {n} killed 'x{n}' CUDA_ERROR_ Error: [Errno {n}x SIGTERM {WIDE}\n"
    ),
    "a traceback without end": lambda: itertools.chain(
        [HEAD.encode()], _lines(lambda n: f'  File "/{n}.py", line {n}, in f{n}\n    x()\n')
    ),
    "deep tracebacks": lambda: (_deep(n).encode() for n in itertools.count()),
    "a chain of exceptions without end": lambda: (_chained(n).encode() for n in itertools.count()),
    "heads of tracebacks": lambda: _cycle(f"[1] {HEAD}"),
    "tracebacks of many ranks at once": lambda: (
        "".join(
            f'[rank{r}]: {HEAD}[rank{r}]:   File "/{n}{"y" * 1_500}", line {n}, in {WIDE * 800}\n'
            for r in range(32)
        ).encode()
        for n in itertools.count()
    ),
    "an exception group without end": lambda: itertools.chain(
        [b"  + Exception Group " + HEAD.encode()],
        _lines(
            lambda n: (
                f"  | ValueError: {n} {WIDE * 400}\n  +-+---------------- {n} ----------------\n"
            )
        ),
    ),
    "dumps of threads": lambda: (
        (
            f"Fatal Python error: Aborted {n}\n\n"
            + "".join(
                f"Thread 0x{t:016x} (most recent call first):\n"
                + f'  File "/{WIDE}{"d" * 450}{n}.py", line {t} in {"f" * 400}\n' * 40
                + "\n"
                for t in range(40)
            )
        ).encode()
        for n in itertools.count()
    ),
}


def chunks(kind, size):
    """Yield so many bytes of a kind, in chunks as a pipe would give them."""
    left = size
    for data in KINDS[kind]():
        for start in range(0, len(data), CHUNK):
            chunk = data[start : start + min(CHUNK, left)]
            left -= len(chunk)
            yield chunk
            if left <= 0:
                return
