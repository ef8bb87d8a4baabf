"""Processor time and memory of other processes, and results that are kept run by run."""

import json
import os
import pathlib
import platform
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time

TICK = os.sysconf("SC_CLK_TCK")
ROOT = pathlib.Path(__file__).resolve().parents[2]
KEPT = ROOT / "target" / "peers"


def log(text):
    print(text, file=sys.stderr, flush=True)


def tree(pid):
    """A process and everything that it has started."""
    found, open_ = [], [pid]
    while open_:
        one = open_.pop()
        found.append(one)
        try:
            tasks = os.listdir(f"/proc/{one}/task")
        except OSError:
            continue
        for task in tasks:
            try:
                children = pathlib.Path(f"/proc/{one}/task/{task}/children").read_text()
            except OSError:
                continue
            open_ += [int(child) for child in children.split()]
    return found


def cpu(pids):
    """Processor seconds that these processes have spent, all their threads, ended children included."""
    total = 0.0
    for pid in pids:
        try:
            stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            continue
        fields = stat.rsplit(") ", 1)[1].split()
        live, reaped = sum(map(int, fields[11:13])), sum(map(int, fields[13:15]))
        exact, threads = 0, 0
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                exact += int(pathlib.Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
                threads += 1
        except OSError:
            threads = 0
        # The exact figure misses threads that have ended; the system's counts them, in hundredths of a second.
        own = max(exact / 1e9, live / TICK - 0.02) if threads else live / TICK
        total += own + reaped / TICK
    return total


def resident(pids):
    """Resident bytes."""
    total = 0
    for pid in pids:
        try:
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        for line in status.splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) * 1024
    return total


def still(pids):
    """Resident bytes, once they hold still."""
    last = resident(pids)
    for _ in range(20):
        time.sleep(0.2)
        now = resident(pids)
        if now == last:
            break
        last = now
    return last


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, seconds=30):
    until = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise SystemExit(f"nothing listens on port {port} after {seconds} s")
            time.sleep(0.005)


class Server:
    """A server process of this run, ended with it."""

    def __init__(self, command, port, **more):
        self.begun = time.monotonic()
        more.setdefault("stdout", subprocess.DEVNULL)
        more.setdefault("stderr", subprocess.DEVNULL)
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **more)
        wait_for_port(port)
        self.started_ms = (time.monotonic() - self.begun) * 1e3

    def pids(self):
        return tree(self.process.pid)

    def cpu(self):
        return cpu(self.pids())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def certificate(folder):
    """A throw-away certificate for localhost: (certificate, key)."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    if not cert.exists():
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
            + ["-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost"]
            + ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
            check=True,
            stderr=subprocess.DEVNULL,
        )
        key.chmod(0o644)
    return cert, key


def children_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def version(command):
    """The first line that a program says of itself."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    return lines[0].strip() if lines else "unknown"


def package(name):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout.strip() or "not installed"


def program(name):
    found = shutil.which(name) or shutil.which(f"/usr/sbin/{name}")
    if not found:
        raise SystemExit(f"{name} is not installed: run benches/peers/install")
    return found


def machine():
    info = pathlib.Path("/proc/cpuinfo").read_text()
    model = next((line.split(":", 1)[1].strip() for line in info.splitlines() if line.startswith("model name")), platform.machine())
    memory = pathlib.Path("/proc/meminfo").read_text().split()[1]
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": int(memory) // 1024,
        "kernel": f"{platform.system()} {platform.release()}",
        "system": next(
            (line.split("=", 1)[1].strip().strip('"') for line in open("/etc/os-release") if line.startswith("PRETTY_NAME")),
            "unknown",
        ),
    }


class Kept:
    """Results of one run of everything, a file for each piece of work, so that a run that was cut short goes on."""

    def __init__(self, run, settings):
        self.run = run
        self.folder = KEPT / "runs" / str(run)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.settings = settings

    def work(self, work, system, measure, **about):
        """Measures unless the result is there already. A failure is told and leaves no result."""
        size = "".join(f"-{value}" for value in about.values())
        path = self.folder / f"{work}-{system}{size}.json"
        if path.exists():
            return
        begun = time.monotonic()
        try:
            figures = measure()
        except (Exception, SystemExit) as error:  # one peer that fails must not cost the others their figures
            log(f"  {work}, {system}{size}: FAILED: {error!r}")
            return
        result = {"work": work, "system": system, **about, "figures": figures, "load": os.getloadavg()[0]}
        part = path.with_suffix(".part")
        part.write_text(json.dumps(result, indent=1) + "\n")
        part.rename(path)
        shown = ", ".join(f"{name} {value:.4g}" for name, value in figures.items() if isinstance(value, (int, float)))
        log(f"  {work}, {system}{size}: {shown} ({time.monotonic() - begun:.1f} s)")
