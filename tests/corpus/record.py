"""Record what programs print when they fail with some versions of MLX, each in its own venv."""

import argparse
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import report  # noqa: E402  # beside this file
from crash_cases import CASES  # noqa: E402

SURVIVORS = "ring-socket-send-errno"
SINCE_PEER_CLOSED = (0, 32, 1)
LONGEST = 40.0  # seconds; five tries to connect take most of it
LINGERS = 5.0  # seconds that a survivor may go on after it has given up; older ones hang
GAVE_UP = b"Too many send/recv errors"
MOST_LINES = 60
FILES = {
    "empty.safetensors": b"",
    "cut.safetensors": b"\x40\x00\x00\x00\x00\x00\x00\x00" + b'{"a":{"dtype":"F32"',
    "bad.npy": b"\x93NUMPX\x01\x00",
    "bad.gguf": b"GGUX" + bytes(20),
}


def python_of(version, folder):
    """Return the interpreter of a venv with this version, made if it is not there."""
    venv = folder / f"mlx-{version}"
    python = venv / "bin" / "python"
    if not (venv / "made").exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        package = f"mlx=={version}" if sys.platform == "darwin" else f"mlx[cpu]=={version}"
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, package, "numpy"], check=True)
        (venv / "made").touch()
    return python


def free_ports(count):
    """Return ports that nobody has at the moment."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def outputs_of(case, python, place):
    """Run a case and return each rank's output and exit status; `None` for a rank left out."""
    script = place / "run.py"
    script.write_text(case.code.replace("/srv/app", str(place)))
    for name, data in FILES.items():
        (place / name).write_bytes(data)
    ranks = max(2, len(case.causes)) if case.system == "mlx-ring" else 1
    hosts = json.dumps([[f"127.0.0.1:{port}"] for port in free_ports(ranks)])
    host_file = place / "hosts.json"
    host_file.write_text(hosts if case.hosts is None else case.hosts)
    running = []
    for rank, cause in enumerate(case.causes):
        if cause is None and case.name == "alone":
            running.append(None)
            continue
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("MLX_", "PYTHON"))}
        if "strict" not in case.name:
            environment |= {"MLX_HOSTFILE": str(host_file), "MLX_RANK": str(rank)}
        file = (place / f"rank{rank}").open("wb")
        with file:
            running.append(
                subprocess.Popen(
                    [python, script],
                    stdout=subprocess.DEVNULL,
                    stderr=file,
                    stdin=subprocess.DEVNULL,
                    env=environment | case.environment,
                )
            )
    hung = wait_for(running, place)
    return [
        None
        if child is None or rank in hung
        else ((place / f"rank{rank}").read_bytes(), child.returncode)
        for rank, child in enumerate(running)
    ]


def wait_for(running, place):
    """Wait until all have ended, or hang; end these, and return who hung without a word."""
    end = time.monotonic() + LONGEST
    hung = set()
    gave_up = {}
    while any(child is not None and child.poll() is None for child in running):
        now = time.monotonic()
        for rank, child in enumerate(running):
            if child is None or child.poll() is not None:
                continue
            if GAVE_UP in (place / f"rank{rank}").read_bytes():
                gave_up.setdefault(rank, now)
            if now > end and rank not in gave_up:
                hung.add(rank)
            if now > end or now - gave_up.get(rank, now) > LINGERS:
                child.kill()
        time.sleep(0.1)
    return hung


def masked(data, place, python):
    """Return the lines without the paths of this machine."""
    text = data.decode("utf-8", "backslashreplace").replace(str(place), "/srv/app")
    text = text.replace(str(python.parents[1]), "/opt/venv")
    text = re.sub(re.escape(sys.base_prefix) + r"(?=/)", "/opt/python", text)
    lines = text.splitlines()
    if len(lines) <= MOST_LINES:
        return lines
    half = MOST_LINES // 2
    return [*lines[:half], "...", *lines[-half:]]


def label_of(case, rank, version):
    """Return the cause that a rank's output is recorded under."""
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    cause = case.causes[rank]
    return "ring-peer-closed" if cause == SURVIVORS and numbers >= SINCE_PEER_CLOSED else cause


def entries_of(case, version, python):
    """Run a case and return an entry for each rank that printed something and failed."""
    with tempfile.TemporaryDirectory(prefix="record-") as folder:
        place = pathlib.Path(folder)
        outputs = outputs_of(case, python, place)
        entries = []
        for rank, output in enumerate(outputs):
            cause = label_of(case, rank, version)
            if cause is None or output is None or not output[0].strip() or output[1] == 0:
                continue
            end = f"exit code {output[1]}" if output[1] >= 0 else f"signal {-output[1]}"
            suffix = f"-r{rank}" if len(case.causes) > 1 else ""
            entries.append(
                {
                    "id": f"rec-mlx-{case.name}-{version}{suffix}",
                    "source": f"tests/corpus/record.py: mlx=={version}, {sys.platform}",
                    "system": case.system,
                    "cause": cause,
                    "expected_fields": case.fields if rank == 0 else {},
                    "stderr": masked(output[0], place, python),
                    "note": "; ".join(filter(None, [case.note, end])),
                    "role": role_of(cause),
                    "also": [],
                }
            )
        return entries


def role_of(cause):
    """Return the role of a cause as the catalogue has it."""
    from diagnostics.catalog import KnownDiagnostic  # after sys.path is set

    kinds = {kind.cause: kind for kind in KnownDiagnostic.__args__}
    return kinds[cause].default_role.value


def template(entry):
    """Return what tells an output from others: what it says at the margin, without numbers."""
    lines = {re.sub(r"\d+|/[^ ]*|'[^']*'", "N", str(line)) for line in entry["stderr"]}
    return entry["cause"], frozenset(line for line in lines if line.strip() and line[0] != " ")


def main(arguments=None):
    """Record; returns 1 if something is not recognised as it is labelled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("versions", nargs="+", help="versions of MLX, such as 0.32.4")
    parser.add_argument("--case", action="append", help="only these cases")
    parser.add_argument(
        "--add", action="store_true", help=f"add what is new to {report.LOCAL.name}"
    )
    parser.add_argument("--venvs", type=pathlib.Path, help="where the venvs are kept")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="record-venvs-") as scratch:
        return record(options, options.venvs or pathlib.Path(scratch))


def record(options, venvs):
    """Run the cases with each version, and show what is recognised and what is new."""
    known = {template(entry) for entry in report.read(report.LOCAL)}
    missed, new = 0, []
    for version in options.versions:
        python = python_of(version, venvs)
        for case in CASES:
            if options.case and case.name not in options.case:
                continue
            entries = entries_of(case, version, python)
            if not entries:
                sys.stdout.write(f"{case.name} {version}: nothing printed, or no failure\n")
            for entry in entries:
                result = report.check(entry)
                is_new = template(entry) not in known
                known.add(template(entry))
                words = [
                    "recognised" if result["first"] else f"FOUND {result['found']}",
                    "new" if is_new else "known",
                    *(f"field {name} missed" for name in result["missing"]),
                ]
                missed += not result["first"]
                new += [entry] * is_new
                sys.stdout.write(f"{entry['id']}: {entry['cause']}: {', '.join(words)}\n")
                sys.stdout.flush()
    if options.add:
        with report.LOCAL.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(entry, ensure_ascii=False) + "\n" for entry in new)
    sys.stdout.write(f"{len(new)} new, {missed} not recognised as labelled\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
