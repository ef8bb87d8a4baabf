#!/usr/bin/env python3
"""How long verbs take as whole processes, from their start to their exit.

    benches/verbs/run.py                              target/release/subrosa over target/tmp/filled/1000000
    benches/verbs/run.py --home DIR --program FILE --rounds 50

Over a home with many messages whose server is away: every verb that needs no network, each as the only process of the home.
Then `send` beside an owner that runs, to a server of its own on the loopback. `cargo bench -p subrosa-client --bench search` makes
the home. Prints the middle and the slowest of the rounds and the processor time of the middle, in milliseconds.
"""

import argparse
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
OFFLINE = [
    ["--version"],
    ["--help"],
    ["read", "--limit", "20"],
    ["read", "#room-7", "--limit", "20"],
    ["search", "con*", "--limit", "20"],
    ["room", "list"],
    ["settings"],
    ["trust"],
    ["on", "--list"],
    ["bot", "list"],
    ["address"],
]


def environment(folder):
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG")}
    return {**kept, "HOME": str(folder), "XDG_DATA_HOME": str(folder / "data"), "USER": "ada", "TZ": "UTC"}


class Bench:
    def __init__(self, program, rounds, folder):
        self.program, self.rounds, self.environment = str(program), rounds, environment(folder)

    def run(self, arguments, **more):
        return subprocess.run(
            [self.program, *arguments], env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **more
        )

    def measure(self, what, arguments, expected=(0,)):
        first = self.run(arguments)
        if first.returncode not in expected:
            print(f"{what:32} fails with {first.returncode}: {first.stderr.strip()[:100]}")
            return False
        rounds = []
        for _ in range(self.rounds):
            before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            self.run(arguments)
            wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            rounds.append((wall * 1000, cpu * 1000))
        rounds.sort()
        middle = rounds[len(rounds) // 2]
        print(f"{what:32} {middle[0]:8.1f} {rounds[-1][0]:8.1f} {middle[1]:8.1f}", flush=True)
        return True


def offline(bench, home):
    good = True
    for arguments in OFFLINE:
        named = [] if arguments[0].startswith("--") else ["--home", str(home)]
        good &= bench.measure("subrosa " + " ".join(arguments), arguments + named)
    return good


def line_of(text):
    return next(line.removeprefix("subrosa join ") for line in text.splitlines() if line.startswith("subrosa join "))


def started(bench, arguments, beginning):
    """A process that goes on, once it has printed a line that begins so."""
    process = subprocess.Popen([bench.program, *arguments], env=bench.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for line in process.stdout:
        if line.startswith(beginning):
            return process
    sys.exit(f"{arguments[0]} has ended before it was ready")


def sending(bench, folder):
    data = str(folder / "server")
    running = [started(bench, ["serve", "--listen", "127.0.0.1:0", "--data", data], "subrosa://")]
    try:
        invited = bench.run(["admin", "invite", "--data", data]).stdout
        for name in ("ada", "bob"):
            bench.run(["join", line_of(invited), "--name", name, "--no-input"])
            invited = bench.run(["-p", "ada", "invite"]).stdout
        running.append(started(bench, ["agent", "-p", "ada"], "/"))
        return bench.measure("subrosa send, beside an agent", ["-p", "ada", "send", "bob", "the build is green"])
    finally:
        for process in reversed(running):
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=pathlib.Path, default=ROOT / "target/tmp/filled/1000000")
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "target/release/subrosa")
    parser.add_argument("--rounds", type=int, default=31)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="subrosa-verbs-") as folder:
        bench = Bench(asked.program.resolve(), asked.rounds, pathlib.Path(folder))
        print(f"{'':32} {'middle':>8} {'slowest':>8} {'CPU':>8}   ms, of {asked.rounds}")
        good = offline(bench, asked.home.resolve()) if asked.home.exists() else print(f"there is no home at {asked.home}")
        good = sending(bench, pathlib.Path(folder)) and good
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
