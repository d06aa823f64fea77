"""Run the benchmarks and hold them to their bounds: `make bench`, or with names: `run.py kill`."""

import importlib
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))


def main(names):
    """
    Print every figure.

    Returns:
        1 if a bound is not kept, or if a benchmark that was asked for by name could not
        measure everything, else 0.
    """
    from figures import Figure, machine

    known = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    unknown = set(names) - set(known)
    if unknown:
        print(f"no benchmark is called {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
        return 2
    print(machine(), flush=True)
    figures = []
    for name in names or known:
        print(f"\n{name}", flush=True)
        for figure in importlib.import_module(f"bench_{name}").measure():
            print(f"  {figure}", flush=True)
            figures.append(figure)
    measured = [figure for figure in figures if isinstance(figure, Figure)]
    broken = [figure for figure in measured if not figure.kept]
    missing = len(figures) - len(measured)
    print(f"\n{len(measured)} measured, {len(broken)} bounds not kept, {missing} not measured")
    return 1 if broken or (names and missing) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
