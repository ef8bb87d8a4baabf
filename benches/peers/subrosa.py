"""Subrosa's side of each piece of work, by `subrosa bench`."""

import json
import os
import pathlib
import resource
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


def curves(kept, quick, largest):
    """Cost against size: one process for each curve, a case for each point. The largest sizes take minutes."""
    for size in (20, 200, 2_000, 20_000):
        measure = lambda: bench("messages", "--pairs", 20, "--size", size, "--seconds", 1 if quick else 2)[0]["figures"]
        kept.work("message-size", "subrosa", measure, size=size)
    members = [10, 100] if quick else [10, 30, 100, 300, *([1_000] if largest else [])]
    points(kept, "members", "room", members, "--members", "--messages", 100 if quick else 200)
    connections = [100, 300] if quick else [100, 1_000, 3_000, 10_000, *(most_connections() if largest else [])]
    points(kept, "connections", "idle", connections, "--connections")
    stored = [0, 10_000] if quick else [0, 10_000, 100_000, *([1_000_000] if largest else [])]
    for count in stored:
        measure = lambda: bench("messages", "--pairs", 20, "--stored", count, "--seconds", 2)[0]["figures"]
        kept.work("stored-events", "subrosa", measure, size=count)


def most_connections(wanted=50_000):
    """Every connection is an open file of both processes. Where the system allows fewer, as many as it allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = hard == resource.RLIM_INFINITY or os.geteuid() == 0 and raises(wanted + 2_000)
    most = wanted if unlimited else min(wanted, (hard - 2_000) // 1_000 * 1_000)
    if most < wanted:
        log(f"  {hard} files can be open: {most} connections are the most instead of {wanted} (ulimit -Hn)")
    return [most] if most > 10_000 else []


def raises(limit):
    """Root may raise the limit, unless it was robbed of that right."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, max(hard, limit)))
    except (ValueError, OSError):
        return False
    return True


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
