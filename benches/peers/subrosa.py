"""Subrosa's side of each piece of work, by `subrosa bench`."""

import json
import os
import pathlib
import subprocess

from measure import ROOT, log

PROGRAM = pathlib.Path(os.environ.get("SUBROSA", ROOT / "target" / "release" / "subrosa"))


def bench(*arguments, lifted=True):
    """The cases of one measurement; limits are lifted as no peer has any."""
    command = [PROGRAM, "--json", "bench", *(["--limits", "lifted"] if lifted else []), *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return json.loads(done.stdout)["cases"]


def run(kept, quick):
    seconds = 2 if quick else 4
    kept.work("bulk", "subrosa", lambda: bench("channel", "--megabytes", 128 if quick else 1024, lifted=False)[0]["figures"])
    kept.work("messages", "subrosa", lambda: bench("messages", "--pairs", 50, "--window", 16, "--seconds", seconds)[0]["figures"])
    kept.work("latency", "subrosa", lambda: bench("messages", "--pairs", 20, "--rate", 200, "--seconds", seconds)[0]["figures"])
    kept.work("login", "subrosa", lambda: bench("connect", "--devices", 100 if quick else 500, "--passwords", 10 if quick else 40)[0]["figures"])
    kept.work("room", "subrosa", lambda: bench("room", "--members", 100, "--senders", 1, "--messages", 200 if quick else 1000)[0]["figures"])
    kept.work("idle", "subrosa", lambda: bench("idle", "--connections", 200 if quick else 2000)[0]["figures"])


def curves(kept, quick):
    """Cost against size: one process for each curve, a case for each point."""
    sizes = (20, 200, 2_000, 20_000)
    for size in sizes:
        measure = lambda: bench("messages", "--pairs", 20, "--size", size, "--seconds", 1 if quick else 2)[0]["figures"]
        kept.work("message-size", "subrosa", measure, size=size)
    points(kept, "members", "room", [10, 100] if quick else [10, 30, 100, 300, 1000], "--members", "--messages", 100 if quick else 200)
    points(kept, "connections", "idle", [100, 300] if quick else [100, 1000, 3000, 10000], "--connections")
    stored = [0, 10_000] if quick else [0, 10_000, 100_000]
    for count in stored:
        measure = lambda: bench("messages", "--pairs", 20, "--stored", count, "--seconds", 2)[0]["figures"]
        kept.work("stored-events", "subrosa", measure, size=count)


def points(kept, work, measure, sizes, option, *more):
    """A curve whose points come from one measurement."""
    wanted = [size for size in sizes if not (kept.folder / f"{work}-subrosa-{size}.json").exists()]
    if not wanted:
        return
    try:
        cases = bench(measure, option, ",".join(map(str, wanted)), *more)
    except RuntimeError as error:
        log(f"  {work}, subrosa: FAILED: {error}")
        return
    for case in cases:
        kept.work(work, "subrosa", lambda: case["figures"], size=case["size"])
