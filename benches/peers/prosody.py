"""Prosody: XMPP over TLS with the message archive, SCRAM-hashed passwords."""

import selectors
import ssl
import subprocess
import time

import clients
import figures
from measure import Server, certificate, free_port, program

PASSWORD = "a-password-for-the-bench"
WINDOW = 16
PEOPLE = 200


class Post:
    def __init__(self, folder):
        self.cert, key = certificate(folder)
        self.folder = folder / "prosody"
        self.folder.mkdir(exist_ok=True, mode=0o755)
        self.port = free_port()
        config = self.folder / "prosody.cfg.lua"
        config.write_text(
            f"""pidfile = "{self.folder}/pid"
data_path = "{self.folder}/data"
run_as_root = true
daemonize = false
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {self.port} }}
s2s_ports = {{ }}
modules_enabled = {{ "saslauth", "tls", "disco", "ping", "offline", "mam" }}
modules_disabled = {{ "s2s" }}
authentication = "internal_hashed"
archive_expires_after = "never"
default_archive_policy = true
c2s_require_encryption = true
limits = {{ }}
ssl = {{ certificate = "{self.cert}"; key = "{key}" }}
log = {{ error = "{self.folder}/log" }}
VirtualHost "localhost"
"""
        )
        self.people(config)
        command = [program("prosody"), "--config", config, "-F"]
        self.server = Server(command, self.port)
        self.context = clients.tls(self.cert)

    def people(self, config):
        """Accounts, made by Prosody itself before it serves."""
        for number in range(PEOPLE):
            account = self.folder / "data" / "localhost" / "accounts" / f"u{number}.dat"
            if not account.exists():
                command = [program("prosodyctl"), "--config", config, "register", f"u{number}", "localhost", PASSWORD]
                subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            if not account.exists():
                raise SystemExit("prosodyctl made no account")
            if number == 0:
                # The others have the same password, and so may have the same record.
                for other in range(1, PEOPLE):
                    account.with_name(f"u{other}.dat").write_bytes(account.read_bytes())

    def connect(self, number):
        return clients.xmpp(self.port, self.context, f"u{number % PEOPLE}", PASSWORD, number)


class Peer:
    """A connection of the load."""

    def __init__(self, post, number, to=None):
        self.line = post.connect(number)
        self.number, self.to = number, to
        self.sent = self.heard = 0
        self.due, self.took = {}, []
        self.line.rest = b""
        self.line.socket.setblocking(False)

    def send(self, count, body):
        stanzas = []
        for _ in range(count):
            text = f"{self.sent} ".ljust(body, "x")
            stanzas.append(f"<message type='chat' to='{self.to}' id='m{self.sent}'><body>{text}</body></message>")
            self.sent += 1
        self.line.socket.setblocking(True)
        self.line.send("".join(stanzas).encode())
        self.line.socket.setblocking(False)

    def read(self, now, body):
        while True:
            try:
                got = self.line.socket.recv(1 << 16)
            except (ssl.SSLWantReadError, BlockingIOError):
                break
            if not got:
                raise ConnectionError("prosody ended the connection")
            self.line.rest += got
        *whole, self.line.rest = self.line.rest.split(b"</message>")
        for stanza in whole:
            at = stanza.find(b"<body>")
            if at < 0:
                continue
            text = stanza[at + 6 : stanza.find(b"</body>")]
            if text != f"{self.heard} ".ljust(body, "x").encode():
                raise RuntimeError("a message is not the one that was sent")
            if self.heard in self.due:
                self.took.append(now - self.due[self.heard])
            self.heard += 1


def exchange(post, pairs, count, rate=None, body=200):
    readers = [Peer(post, 2 * n) for n in range(pairs)]
    writers = [Peer(post, 2 * n + 1, f"u{2 * n % PEOPLE}@localhost/r{2 * n}") for n in range(pairs)]
    selector = selectors.DefaultSelector()
    for peer in readers + writers:
        selector.register(peer.line.socket, selectors.EVENT_READ, peer)
    time.sleep(0.3)
    before, begun, order = post.server.cpu(), time.monotonic(), 0
    while any(reader.heard < count for reader in readers):
        now, wait = time.monotonic(), 1.0
        if now - begun > 180:
            raise RuntimeError("not everything arrived in time")
        if rate is None:
            for reader, writer in zip(readers, writers):
                room = min(WINDOW - (writer.sent - reader.heard), count - writer.sent)
                if room > 0:
                    writer.send(room, body)
        else:
            while order < count * pairs and begun + order / rate <= now:
                writer, reader = writers[order % pairs], readers[order % pairs]
                reader.due[writer.sent] = begun + order / rate
                writer.send(1, body)
                order += 1
            wait = max(0.0, begun + order / rate - now) if order < count * pairs else 1.0
        for key, _ in selector.select(wait):
            key.data.read(time.monotonic(), body)
    took, spent = time.monotonic() - begun, post.server.cpu() - before
    for peer in readers + writers:
        peer.line.close()
    return readers, took, spent


def messages(post, pairs, count):
    _, took, spent = exchange(post, pairs, count)
    return figures.deliveries(pairs * count, 1, took, spent)


def steady(post, pairs, rate, seconds):
    readers, _, _ = exchange(post, pairs, max(1, rate * seconds // pairs), rate)
    took = [one for reader in readers for one in reader.took]
    return {"verified_messages": len(took), **figures.latency(took)}


def run(kept, folder, quick):
    post = Post(folder)
    with post.server:
        kept.work("login", "prosody", lambda: figures.logins(post.server, post.connect, 20 if quick else 200))
        kept.work("idle", "prosody", lambda: figures.idle(post.server, post.connect, clients.xmpp_ping, 50 if quick else 1000))
        kept.work("messages", "prosody", lambda: messages(post, 50, 20 if quick else 100))
        kept.work("latency", "prosody", lambda: steady(post, 20, 200, 2 if quick else 4))
