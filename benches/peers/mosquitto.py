"""mosquitto: QoS 1 over TLS, with its own fast clients. Messages are in memory when they are acknowledged, not on disk."""

import hashlib
import subprocess
import threading
import time

import clients
import figures
from measure import Server, certificate, free_port, program

USER, PASSWORD = "bench", "a password for the bench"
WINDOW = 16


class Broker:
    def __init__(self, folder):
        self.cert, key = certificate(folder)
        self.folder = folder / "mosquitto"
        self.folder.mkdir(exist_ok=True)
        passwords = self.folder / "passwords"
        passwords.unlink(missing_ok=True)
        subprocess.run(["mosquitto_passwd", "-c", "-b", passwords, USER, PASSWORD], check=True)
        passwords.chmod(0o644)
        self.port = free_port()
        config = self.folder / "mosquitto.conf"
        config.write_text(
            f"""listener {self.port} 127.0.0.1
certfile {self.cert}
keyfile {key}
password_file {passwords}
allow_anonymous false
max_inflight_messages {WINDOW}
max_queued_messages 0
set_tcp_nodelay true
user root
log_type none
"""
        )
        self.server = Server([program("mosquitto"), "-c", config], self.port)

    def options(self, topic, number, role):
        common = ["-h", "localhost", "-p", str(self.port), "--cafile", self.cert, "-u", USER, "-P", PASSWORD]
        return [*common, "-q", "1", "-t", topic, "-i", f"{role}{number}"]

    def subscriber(self, topic, number, count, form="%p", out=subprocess.PIPE):
        command = ["mosquitto_sub", *self.options(topic, number, "s"), "-C", str(count), "-F", form, "-W", "120"]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out)

    def publisher(self, topic, number, source):
        return subprocess.Popen(["mosquitto_pub", *self.options(topic, number, "p"), "-l"], stdin=source)

    def connected(self, wanted):
        """Waits until so many have subscribed: they are connected, and the broker has nothing to do any more."""
        until = time.monotonic() + 30
        port = f":{self.port:04X}"
        while time.monotonic() < until:
            rows = [line.split() for line in open("/proc/net/tcp")][1:]
            if sum(row[1].endswith(port) and row[3] == "01" for row in rows) >= wanted:
                break
            time.sleep(0.02)
        before = self.server.cpu()
        while True:
            time.sleep(0.3)
            now = self.server.cpu()
            if now - before < 0.001:
                return
            before = now


def letters(folder, count, size):
    """A file of so many different lines, and the digest of what has to be received."""
    path = folder / f"letters-{count}-{size}"
    if not path.exists():
        lines = (f"{number} ".ljust(size, "x") for number in range(count))
        path.write_text("\n".join(lines) + "\n")
    return path, digest(path)


def digest(path):
    return hashlib.sha256(path.read_bytes()).digest()


def fan_out(broker, topics, subscribers, count, size):
    """One publisher for each topic, several subscribers; every line has to arrive, in order."""
    path, expected = letters(broker.folder, count, size)
    outs = [broker.folder / f"out-{number}" for number in range(topics * subscribers)]
    subs = []
    for number, out in enumerate(outs):
        with open(out, "wb") as file:
            subs.append(broker.subscriber(f"t{number // subscribers}", number, count, out=file))
    broker.connected(len(subs))
    before, begun = broker.server.cpu(), time.monotonic()
    pubs = []
    for number in range(topics):
        with open(path, "rb") as file:
            pubs.append(broker.publisher(f"t{number}", number, file))
    codes = [process.wait(180) for process in pubs + subs]
    took, spent = time.monotonic() - begun, broker.server.cpu() - before
    if any(codes) or any(digest(out) != expected for out in outs):
        raise RuntimeError("not everything arrived as it was sent")
    return figures.deliveries(topics * count, subscribers, took, spent)


def steady(broker, pairs, rate, seconds):
    """At a steady pace; the time from when a line was due to when a subscriber has it."""
    each = max(1, rate * seconds // pairs)
    subs = [broker.subscriber(f"l{number}", number, each, "%U %p") for number in range(pairs)]
    pubs = [broker.publisher(f"l{number}", number, subprocess.PIPE) for number in range(pairs)]
    broker.connected(2 * pairs)
    took = []

    def hear(process):
        for line in process.stdout:
            came, due, *_ = line.split()
            took.append(float(came) - float(due))

    hearing = [threading.Thread(target=hear, args=(process,)) for process in subs]
    for thread in hearing:
        thread.start()
    begun = time.time() + 0.1
    for number in range(each * pairs):
        due = begun + number / rate
        time.sleep(max(0.0, due - time.time()))
        pipe = pubs[number % pairs].stdin
        pipe.write(f"{due:.6f} ".ljust(200, "x").encode() + b"\n")
        pipe.flush()
    for process in pubs:
        process.stdin.close()
    codes = [process.wait(60) for process in pubs + subs]
    for thread in hearing:
        thread.join()
    if any(codes) or len(took) != each * pairs:
        raise RuntimeError("not everything arrived")
    return {"verified_messages": len(took), **figures.latency(took)}


def run(kept, folder, quick):
    broker = Broker(folder)
    context = clients.tls(broker.cert)

    def connect(number):
        line = clients.mqtt(broker.port, context, USER, PASSWORD, number)
        clients.mqtt_subscribe(line, f"i{number}")
        return line

    def login(number):
        return clients.mqtt(broker.port, context, USER, PASSWORD, number)

    with broker.server:
        kept.work("login", "mosquitto", lambda: figures.logins(broker.server, login, 50 if quick else 400))
        kept.work("idle", "mosquitto", lambda: figures.idle(broker.server, connect, clients.mqtt_ping, 200 if quick else 2000))
        kept.work("messages", "mosquitto", lambda: fan_out(broker, 50, 1, 200 if quick else 2000, 200))
        kept.work("room", "mosquitto", lambda: fan_out(broker, 1, 99, 200 if quick else 1000, 200))
        kept.work("latency", "mosquitto", lambda: steady(broker, 20, 200, 2 if quick else 4))
