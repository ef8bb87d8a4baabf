"""NATS with JetStream over TLS: each message is acknowledged by the stream, which has it in a file, not synced.

Its password stands in the configuration as it is: as bcrypt, which its documents advise, a login costs a hundred times more.
"""

import json
import selectors
import ssl
import time

import clients
import figures
from measure import Server, certificate, free_port, program

USER, PASSWORD = "bench", "a-password-for-the-bench"
WINDOW = 16


class Broker:
    def __init__(self, folder):
        self.cert, key = certificate(folder)
        self.folder = folder / "nats"
        self.folder.mkdir(exist_ok=True)
        self.port = free_port()
        config = self.folder / "nats.conf"
        config.write_text(
            f"""listen: "127.0.0.1:{self.port}"
tls {{ cert_file: "{self.cert}", key_file: "{key}", timeout: 10 }}
authorization {{ user: "{USER}", password: "{PASSWORD}" }}
jetstream {{ store_dir: "{self.folder}/store" }}
max_connections: 100000
"""
        )
        self.server = Server([program("nats-server"), "-c", config], self.port)
        self.context = clients.tls(self.cert)
        self.streams = 0

    def connect(self, number=0):
        return clients.nats(self.port, self.context, USER, PASSWORD, number)

    def stream(self, subjects):
        """A stream of its own for a measurement."""
        self.streams += 1
        line = self.connect()
        inbox = f"_INBOX.s{self.streams}"
        line.send(f"SUB {inbox} 1\r\n".encode())
        config = {"name": f"S{self.streams}", "subjects": subjects, "storage": "file", "retention": "limits"}
        body = json.dumps(config).encode()
        head = f"PUB $JS.API.STREAM.CREATE.S{self.streams} {inbox} {len(body)}\r\n".encode()
        line.send(head + body + b"\r\n")
        while True:
            said = line.until(b"\r\n")
            if said.startswith(b"MSG"):
                answer = json.loads(line.exactly(int(said.split()[-1]) + 2))
                if "error" in answer:
                    raise RuntimeError(answer["error"])
                break
        line.close()


class Peer:
    """One connection of the load: a publisher with a window, or a subscriber that compares."""

    def __init__(self, broker, number, topic, role, size, count):
        self.line = broker.connect(number)
        self.topic, self.role, self.size, self.count = topic, role, size, count
        self.sent = self.acked = self.heard = 0
        self.due = {}
        self.took = []
        inbox = f"_INBOX.a{number}" if role == "publisher" else topic
        self.inbox = inbox
        self.line.send(f"SUB {inbox} 1\r\nPING\r\n".encode())
        self.line.until(b"PONG\r\n")
        self.line.rest = b""
        self.line.socket.setblocking(False)

    def letter(self, number):
        return f"{number} ".ljust(self.size, "x").encode()

    def publish(self, limit):
        """Queues what the window lets."""
        out = []
        while self.sent < min(limit, self.count) and self.sent - self.acked < WINDOW:
            body = self.letter(self.sent)
            out.append(b"PUB %s %s %d\r\n%s\r\n" % (self.topic.encode(), self.inbox.encode(), len(body), body))
            self.sent += 1
        if out:
            self.line.socket.setblocking(True)
            self.line.send(b"".join(out))
            self.line.socket.setblocking(False)

    def read(self, now):
        """Takes in what is there; TLS may hold more than the socket shows."""
        while True:
            try:
                got = self.line.socket.recv(1 << 16)
            except (ssl.SSLWantReadError, BlockingIOError):
                break
            if not got:
                raise ConnectionError("nats-server ended the connection")
            self.line.rest += got
        data, at = self.line.rest, 0
        while True:
            end = data.find(b"\r\n", at)
            if end < 0:
                break
            head = data[at:end]
            if head.startswith(b"MSG"):
                length = int(head.rsplit(b" ", 1)[1])
                if len(data) < end + 4 + length:
                    break
                self.take(data[end + 2 : end + 2 + length], now)
                at = end + 4 + length
            else:
                if head == b"PING":
                    self.line.send(b"PONG\r\n")
                elif head.startswith(b"-ERR"):
                    raise RuntimeError(head.decode())
                at = end + 2
        self.line.rest = data[at:]

    def take(self, body, now):
        if self.role == "publisher":
            if b'"error"' in body:
                raise RuntimeError(body.decode())
            self.acked += 1
        else:
            if body != self.letter(self.heard):
                raise RuntimeError("a message is not the one that was sent")
            if self.heard in self.due:
                self.took.append(now - self.due[self.heard])
            self.heard += 1


def exchange(broker, publishers, subscribers, count, size, rate=None):
    """All publish and hear; the time and the server's processor time of it."""
    selector = selectors.DefaultSelector()
    for peer in publishers + subscribers:
        selector.register(peer.line.socket, selectors.EVENT_READ, peer)
    time.sleep(0.3)
    before, begun = broker.server.cpu(), time.monotonic()
    by_topic = {peer.topic: peer for peer in subscribers}
    order = 0
    until = begun + 180
    while any(p.acked < count for p in publishers) or any(s.heard < count for s in subscribers):
        now = time.monotonic()
        if now > until:
            raise RuntimeError("not everything arrived in time")
        wait = 1.0
        if rate is None:
            for peer in publishers:
                peer.publish(count)
        else:
            while order < count * len(publishers) and begun + order / rate <= now:
                peer = publishers[order % len(publishers)]
                by_topic[peer.topic].due[peer.sent] = begun + order / rate
                peer.publish(peer.sent + 1)
                order += 1
            wait = max(0.0, begun + order / rate - now) if order < count * len(publishers) else 1.0
        for key, _ in selector.select(wait):
            key.data.read(time.monotonic())
    took, spent = time.monotonic() - begun, broker.server.cpu() - before
    for peer in publishers + subscribers:
        peer.line.close()
    return took, spent


def messages(broker, pairs, copies, count, size=200):
    prefix = f"m{broker.streams}"
    topics = [f"{prefix}.{number}" for number in range(pairs)]
    broker.stream([f"{prefix}.*"])
    subs = [Peer(broker, n, topics[n // copies], "subscriber", size, count) for n in range(pairs * copies)]
    pubs = [Peer(broker, 9_000 + n, topics[n], "publisher", size, count) for n in range(pairs)]
    took, spent = exchange(broker, pubs, subs, count, size)
    return figures.deliveries(pairs * count, copies, took, spent)


def steady(broker, pairs, rate, seconds):
    prefix = f"l{broker.streams}"
    broker.stream([f"{prefix}.*"])
    count = max(1, rate * seconds // pairs)
    subs = [Peer(broker, n, f"{prefix}.{n}", "subscriber", 200, count) for n in range(pairs)]
    pubs = [Peer(broker, 9_000 + n, f"{prefix}.{n}", "publisher", 200, count) for n in range(pairs)]
    exchange(broker, pubs, subs, count, 200, rate)
    took = [one for peer in subs for one in peer.took]
    return {"verified_messages": len(took), **figures.latency(took)}


def run(kept, folder, quick):
    broker = Broker(folder)

    def idle(number):
        line = broker.connect(number)
        line.send(f"SUB i.{number} 1\r\n".encode())
        return line

    with broker.server:
        kept.work("login", "nats", lambda: figures.logins(broker.server, broker.connect, 50 if quick else 400))
        kept.work("idle", "nats", lambda: figures.idle(broker.server, idle, clients.nats_ping, 200 if quick else 2000))
        kept.work("messages", "nats", lambda: messages(broker, 50, 1, 100 if quick else 1000))
        kept.work("room", "nats", lambda: messages(broker, 1, 99, 100 if quick else 1000))
        kept.work("latency", "nats", lambda: steady(broker, 20, 200, 2 if quick else 4))
