#!/usr/bin/env python3
"""Measures Subrosa and its peers in one go, and writes docs/benchmarks.md from what was kept.

    benches/peers/run.py                  five runs of everything, then the document: half an hour at most
    benches/peers/run.py --minutes 60         more time; a piece that no longer fits is left out, and it says so
    benches/peers/run.py --runs 1 --quick     does it work?
    benches/peers/run.py --only bulk mosquitto

The first run has the curves, with their largest sizes; later ones measure the small sizes again, if there is time.
A run that was cut short goes on where it was; --fresh forgets what was kept. Needs the programs that
benches/peers/install installs, and target/release/subrosa.
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import pathlib
import time

import bulk
import mosquitto
import nats
import prosody
import subrosa
from measure import KEPT, ROOT, Kept, log, machine, package, version

PARTS = {
    "bulk": lambda kept, folder, quick: bulk.run(kept, folder, quick),
    "subrosa": lambda kept, folder, quick: subrosa.run(kept, quick),
    "mosquitto": lambda kept, folder, quick: mosquitto.run(kept, folder, quick),
    "nats": lambda kept, folder, quick: nats.run(kept, folder, quick),
    "prosody": lambda kept, folder, quick: prosody.run(kept, folder, quick),
    "curves": lambda kept, folder, quick: subrosa.curves(kept, quick, kept.run == 1),
}
# How many runs draw the curves again.
CURVE_RUNS = 3


def about():
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    return {
        "machine": machine(),
        "versions": {
            "Subrosa": f"{version([subrosa.PROGRAM, '--version'])} ({commit.stdout.strip()})",
            "OpenSSH": package("openssh-server"),
            "socat": package("socat"),
            "mosquitto": package("mosquitto"),
            "NATS": package("nats-server"),
            "Prosody": package("prosody"),
            "OpenSSL": version(["openssl", "version"]),
        },
        "measured": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def plan(asked):
    """What is measured, in its order: what the tables need comes before the second and third run of the curves."""
    runs = range(1, asked.runs + 1)
    first = [(run, part) for run in runs for part in asked.only if part != "curves" or run == 1]
    again = [(run, "curves") for run in runs if "curves" in asked.only and 1 < run <= CURVE_RUNS]
    return first + again


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=28, help="when this would be over, nothing more is begun (28)")
    parser.add_argument("--quick", action="store_true", help="tiny numbers")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--fresh", action="store_true", help="forget what was kept")
    parser.add_argument("--no-document", action="store_true", help="leave docs/benchmarks.md as it is")
    asked = parser.parse_args()
    if not subrosa.PROGRAM.exists():
        raise SystemExit("target/release/subrosa is missing: run cargo build --release first")
    settings = {"quick": asked.quick}
    marker = KEPT / "settings.json"
    if asked.fresh or (marker.exists() and json.loads(marker.read_text()) != settings):
        shutil.rmtree(KEPT, ignore_errors=True)
    KEPT.mkdir(parents=True, exist_ok=True)
    marker.write_text(json.dumps(settings))
    (KEPT / "about.json").write_text(json.dumps(about(), indent=1))
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="subrosa-peers-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        took = {}
        for run, part in plan(asked):
            begun_part = time.monotonic()
            left = asked.minutes * 60 - (begun_part - begun)
            # A part that was measured before takes as long again; the curves' later runs are short.
            if left < took.get(part, 0):
                log(f"run {run}, {part}: left out, {left:.0f} s are left")
                continue
            log(f"run {run} of {asked.runs}, {part}: {begun_part - begun:.0f} s, load {os.getloadavg()[0]:.1f}")
            try:
                PARTS[part](Kept(run, settings), folder, asked.quick)
            except (Exception, SystemExit) as error:  # a peer that does not start leaves a gap, not an end
                log(f"  {part}: FAILED: {error!r}")
            took[part] = time.monotonic() - begun_part
    if not asked.no_document:
        subprocess.run([pathlib.Path(__file__).with_name("document.py")], check=True)


if __name__ == "__main__":
    main()
