"""
What `bench_fuzz` runs: coverage-guided fuzzing of everything that reads a process's output.

The arguments are libFuzzer's. The first bytes of an input say how the rest is fed.
"""

import json
import sys

import atheris

with atheris.instrument_imports(include=["diagnostics"]):
    from diagnostics.collector import RunnerDiagnosticCollector
    from diagnostics.diagnosis import Ending, to_json_dict
    from diagnostics.render import render
    from diagnostics.signatures import registered_signatures

    # Loads the catalogue, which is to be instrumented as well.
    registered_signatures()

PLATFORMS = ["linux", "darwin", "win32"]
LONGEST = 4 << 20
"""Characters of a diagnosis as JSON: its tail of 256 KiB, escaped, and what was found."""


def read(data):
    """Feed an input in pieces, and tell what it amounts to in every way there is."""
    choices = atheris.FuzzedDataProvider(data)
    platform = PLATFORMS[choices.ConsumeIntInRange(0, 2)]
    step = choices.ConsumeIntInRange(1, 5000)
    number = choices.ConsumeIntInRange(-300, 300)
    ending = [None, Ending(signal=abs(number) % 65), Ending(exit_code=number)][
        choices.ConsumeIntInRange(0, 2)
    ]
    output = choices.ConsumeBytes(choices.remaining_bytes())
    collector = RunnerDiagnosticCollector(platform=platform)
    for start in range(0, len(output), step):
        collector.feed(output[start : start + step], at=float(start))
    diagnosis = collector.diagnosis(ending)
    render(diagnosis)
    if len(json.dumps(to_json_dict(diagnosis))) > LONGEST:
        raise RuntimeError("the diagnosis is too long")


if __name__ == "__main__":
    atheris.Setup(sys.argv, read)
    atheris.Fuzz()
