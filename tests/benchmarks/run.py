"""Run the benchmarks and hold them to their bounds: `make bench`, or with names: `run.py kill`."""

import importlib
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))


def main(names):
    """Print every figure. Return 1 if a bound is not kept, else 0."""
    from figures import machine

    known = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    unknown = set(names) - set(known)
    if unknown:
        print(f"no benchmark is called {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
        return 2
    print(machine(), flush=True)
    kept = True
    for name in names or known:
        print(f"\n{name}", flush=True)
        for figure in importlib.import_module(f"bench_{name}").measure():
            print(f"  {figure}", flush=True)
            kept = kept and figure.kept
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
