#!/usr/bin/env python3
"""`subrosa chat` as a person has it: the real program in a pseudo-terminal, in a home with many stored messages.

Measured are: start of the process to the first painted timeline, offline; memory while scrolling through a long history
and while receiving; and how soon another chat owns the home when the one that did ends or is killed.
"""

import argparse
import fcntl
import json
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import tempfile
import termios
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SIZE = (50, 160)
PATIENCE = 60.0
PAGE_UP = b"\x1b[5~"
CTRL_C = b"\x03"
# A word of each stored message; spaces are not drawn, so that words stand apart.
PAINTED = b"conversation"
LAST = "finis"
CTRL_END = b"\x1b[1;5F"
# A server takes so many messages a second of one device.
RATE_OF_ONE = 20


class Chat:
    """The program in a terminal of its own."""

    def __init__(self, binary, home, *words):
        self.began = time.monotonic()
        self.shown = b""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", TZ="UTC")
            os.execv(binary, [str(binary), "--home", str(home), "chat", *words])
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))

    def read(self, seconds):
        """What is drawn within so many seconds; false when nothing is."""
        if not select.select([self.terminal], [], [], seconds)[0]:
            return False
        try:
            self.shown += os.read(self.terminal, 1 << 16)
        except OSError:
            return False
        return True

    def until(self, part):
        deadline = time.monotonic() + PATIENCE
        while part not in self.shown:
            if time.monotonic() > deadline:
                raise SystemExit(f"{part!r} is not shown; the end of it is {self.shown[-2000:]!r}")
            self.read(0.1)
        return time.monotonic()

    def press(self, key):
        os.write(self.terminal, key)

    def settle(self, seconds=0.02):
        while self.read(seconds):
            pass

    def resident_mb(self, which):
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(which + ":"):
                return int(line.split()[1]) / 1024
        return 0.0

    def cpu_s(self):
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self, how=None):
        if how is None:
            self.press(CTRL_C)
        else:
            os.kill(self.pid, how)
        while self.read(0.2):
            pass
        os.waitpid(self.pid, 0)
        os.close(self.terminal)


def opening(binary, home, rounds):
    times = []
    for _ in range(rounds):
        chat = Chat(binary, home)
        times.append((chat.until(PAINTED) - chat.began) * 1000)
        chat.end()
    times.sort()
    print(f"start to the first painted timeline, offline: middle {statistics.median(times):.0f} ms, "
          f"shortest {times[0]:.0f} ms, longest {times[-1]:.0f} ms, {rounds} times (target: 100 ms)")


def scrolling(binary, home, pages):
    chat = Chat(binary, home)
    chat.until(PAINTED)
    chat.settle()
    before = chat.resident_mb("VmRSS")
    for _ in range(pages):
        chat.press(PAGE_UP)
        chat.settle(0.005)
        chat.shown = b""
    print(f"memory: {before:.1f} MB when open, {chat.resident_mb('VmRSS'):.1f} MB after {pages} pages back, "
          f"highest {chat.resident_mb('VmHWM'):.1f} MB (target: 80 MB)")
    chat.end()


def owner(home):
    try:
        return json.loads((home / "lock").read_text())["pid"]
    except (OSError, ValueError, KeyError):
        return None


def taking_over(binary, home, rounds, how, name):
    times = []
    chat = Chat(binary, home)
    chat.until(PAINTED)
    for _ in range(rounds):
        other = Chat(binary, home)
        other.until(PAINTED)
        other.settle()
        chat.settle()
        began = time.monotonic()
        os.kill(chat.pid, how)
        while owner(home) != other.pid:
            # condition: the other process owns the home; the first must be able to draw, or it does not end
            chat.read(0.0005)
        times.append((time.monotonic() - began) * 1000)
        chat.end(0)
        chat = other
    chat.end()
    times.sort()
    print(f"another chat owns the home after the owner has been {name}: middle {statistics.median(times):.0f} ms, "
          f"longest {times[-1]:.0f} ms, {rounds} times (target: 200 ms)")


def say(friend, text):
    friend.stdin.write(text + "\n")
    friend.stdin.flush()


def receiving(binary, folder, rows, rate, seconds, fill):
    """A real server; friends write so many messages a second to ada, whose chat shows those of one of them."""
    def run(home, *words):
        done = subprocess.run([binary, "--home", folder / home, *words], capture_output=True, text=True, check=True)
        return next((line.removeprefix("subrosa join ") for line in done.stdout.splitlines() if "subrosa join " in line), "")

    data = str(folder / "server")
    server = subprocess.Popen([binary, "serve", "--listen", "127.0.0.1:0", "--data", data], stdout=subprocess.PIPE, text=True)
    try:
        server.stdout.readline()
        run("ada", "join", run("none", "admin", "invite", "--data", data), "--name", "ada", "--no-input")
        people = [f"friend{number}" for number in range(-(-rate // RATE_OF_ONE))]
        for name in people:
            run(name, "join", run("ada", "invite"), "--name", name, "--no-input")
        fill(folder / "ada", rows)
        chat = Chat(binary, folder / "ada", people[0])
        chat.until(b"online")
        friends = [subprocess.Popen([binary, "--home", folder / name, "chat", "ada", "--plain"],
                                    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
                   for name in people]
        began, used = time.monotonic(), chat.cpu_s()
        for number in range(rate * seconds):
            say(friends[number % len(friends)], f"message {number} of those that come fast")
            while (late := began + (number + 1) / rate - time.monotonic()) > 0:
                chat.read(late)
            if number % rate == 0:
                chat.press(PAGE_UP if number // rate % 2 else CTRL_END)
        chat.press(CTRL_END)
        say(friends[0], LAST)
        chat.until(LAST.encode())
        took = time.monotonic() - began
        print(f"{rate * seconds} messages of {len(people)} people received in {took:.1f} s while scrolling, {rows} stored before: "
              f"{(chat.cpu_s() - used) / took * 100:.0f} % of a core, {chat.resident_mb('VmRSS'):.1f} MB, "
              f"highest {chat.resident_mb('VmHWM'):.1f} MB (target: 80 MB)")
        for friend in friends:
            friend.stdin.close()
            friend.wait(PATIENCE)
        chat.end()
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="messages stored")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--pages", type=int, default=300, help="pages that are scrolled back")
    parser.add_argument("--rate", type=int, default=200, help="messages received a second")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--profile", default="release", help="of cargo: release, or dev for a quick look")
    args = parser.parse_args()
    subprocess.run(["cargo", "build", "--locked", "--profile", args.profile, "-p", "subrosa"], cwd=ROOT, check=True)
    profile = "bench" if args.profile == "release" else args.profile

    def fill(home, rows):
        subprocess.run(["cargo", "bench", "--locked", "--profile", profile, "-p", "subrosa-client", "--bench", "store"],
                       cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env={**os.environ, "SUBROSA_ROWS": str(rows), "SUBROSA_KEEP": str(home)})

    binary = ROOT / "target" / ("debug" if args.profile == "dev" else args.profile) / "subrosa"
    with tempfile.TemporaryDirectory(prefix="subrosa-chat-") as folder:
        folder = Path(folder)
        home = folder / "many"
        fill(home, args.rows)
        print(f"{args.rows} messages, {(home / 'store.db').stat().st_size / 1e6:.0f} MB" if (home / "store.db").exists()
              else f"{args.rows} messages")
        opening(binary, home, args.rounds)
        scrolling(binary, home, args.pages)
        taking_over(binary, home, args.rounds, signal.SIGTERM, "told to end")
        taking_over(binary, home, args.rounds, signal.SIGKILL, "killed")
        receiving(binary, folder, args.rows, args.rate, args.seconds, fill)


if __name__ == "__main__":
    main()
