"""How well the catalogue explains the corpus: the table by cause and by system, with each miss."""

import argparse
import collections
import json
import os
import pathlib
import sys

from diagnostics.collector import RunnerDiagnosticCollector
from diagnostics.findings import Role

HERE = pathlib.Path(__file__).parent
LOCAL = HERE / "local.jsonl"
PUBLIC = pathlib.Path(
    os.environ.get(
        "RUNNER_ACTORS_PUBLIC_CORPUS",
        HERE.parents[2] / "shared" / "corpus" / "public.jsonl",
    )
)
# One miss is allowed however few the entries are.
BOUNDS = {"first": 0.97, "among": 0.99, "fields": 0.95, "benign": 1.0}


def read(path):
    """Return the entries of a corpus; none where it is missing."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def platform_of(entry):
    """Return the system whose numbers an entry shows; what was recorded, was recorded on Linux."""
    recorded = entry["id"].startswith("lab-")
    on_macos = entry["system"].startswith(("mlx", "metal", "libc++abi"))
    macos = on_macos or "libc++abi" in str(entry["stderr"])
    return "darwin" if macos and not recorded else "linux"


def findings_of(entry):
    """Return what the collector finds in an entry, fed as bytes, and nothing else given."""
    collector = RunnerDiagnosticCollector(platform=platform_of(entry))
    collector.feed("\n".join(entry["stderr"]).encode() + b"\n", at=1.0)
    return collector.diagnosis().findings


def matches(found, expected):
    """Return whether a field has the value, or its last part, as in `a.b.Error`."""
    return found == expected or str(found).endswith((f".{expected}", f"/{expected}"))


def check(entry):
    """Return what is wrong with the findings of an entry, and how many fields were right."""
    findings = findings_of(entry)
    causes = [finding for finding in findings if finding.role is not Role.NOTE]
    result = {"id": entry["id"], "cause": entry["cause"], "system": entry["system"]}
    shown = [finding.cause for finding in causes]
    if entry["cause"] == "benign":
        return result | {"benign": not causes, "found": shown}
    first = bool(causes) and findings[0].cause == entry["cause"]
    among = entry["cause"] in [finding.cause for finding in findings]
    missing = {}
    for name, expected in entry["expected_fields"].items():
        if name == "rank" and "ank" not in str(entry["stderr"]):
            continue  # nothing in the excerpt tells it
        values = [finding.fields.get(name) for finding in findings]
        if not any(matches(value, expected) for value in values):
            missing[name] = (expected, values)
    role = first and findings[0].role.value == entry["role"]
    return result | {
        "first": first,
        "among": among,
        "role": role,
        "found": shown,
        "fields": len(entry["expected_fields"]) - len(missing),
        "of": len(entry["expected_fields"]),
        "missing": missing,
    }


def summary(results):
    """Return the shares that have bounds; 1.0 for what there is none of."""
    crashes = [result for result in results if "benign" not in result]
    benign = [result for result in results if "benign" in result]

    def share(part, whole):
        return part / whole if whole else 1.0

    return {
        "first": share(sum(item["first"] for item in crashes), len(crashes)),
        "among": share(sum(item["among"] for item in crashes), len(crashes)),
        "role": share(sum(item["role"] for item in crashes), len(crashes)),
        "fields": share(
            sum(item["fields"] for item in crashes), sum(item["of"] for item in crashes)
        ),
        "benign": share(sum(item["benign"] for item in benign), len(benign)),
    }


def within(results, figure):
    """Return whether a bound is kept by these results."""
    of = {
        "fields": sum(item.get("of", 0) for item in results),
        "benign": sum("benign" in item for item in results),
    }.get(figure, sum("benign" not in item for item in results))
    missed = round((1 - summary(results)[figure]) * of)
    return missed <= max(0 if figure == "benign" else 1, int((1 - BOUNDS[figure]) * of))


def table(results, key):
    """Return the lines of the table by `cause` or `system`."""
    groups = collections.defaultdict(list)
    for result in results:
        groups[result[key]].append(result)
    yield f"{key:36} entries  first  among  fields"
    for name, items in sorted(groups.items()):
        if "benign" in items[0] and key == "cause":
            quiet = sum(item["benign"] for item in items)
            yield f"{name:36} {len(items):7} {quiet:6} (nothing but notes)"
            continue
        crashes = [item for item in items if "benign" not in item]
        first = sum(item["first"] for item in crashes)
        among = sum(item["among"] for item in crashes)
        right, of = sum(item["fields"] for item in crashes), sum(item["of"] for item in crashes)
        yield f"{name:36} {len(items):7} {first:6} {among:6} {right:4}/{of}"


def misses(results):
    """Return a line for each entry that is not as labelled."""
    for result in results:
        if result.get("benign", result.get("first")) is False:
            yield f"{result['id']}: {result['cause']} wanted, found {result['found'] or 'nothing'}"
        for name, (expected, values) in result.get("missing", {}).items():
            yield f"{result['id']}: {name} = {expected!r} wanted, found {values!r}"
        if result.get("first") and not result["role"]:
            yield f"{result['id']}: another role"


def main(arguments=None):
    """Print the report; 1 if a bound is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=pathlib.Path, default=[LOCAL, PUBLIC])
    kept = True
    for path in parser.parse_args(arguments).files:
        results = [check(entry) for entry in read(path)]
        if not results:
            sys.stdout.write(f"{path.name}: not here\n\n")
            continue
        lines = [*table(results, "cause"), "", *table(results, "system"), "", *misses(results), ""]
        shares = summary(results)
        kept = kept and all(within(results, name) for name in BOUNDS)
        figures = ", ".join(f"{name} {share:.1%}" for name, share in shares.items())
        sys.stdout.write("\n".join([path.name, *lines, f"{len(results)} entries: {figures}", "\n"]))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
