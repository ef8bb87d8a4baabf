"""Small clients of the peers' protocols: enough to log in, and to hold a connection on which nothing happens."""

import base64
import socket
import ssl


def tls(cert):
    context = ssl.create_default_context(cafile=str(cert))
    context.check_hostname = False
    # Every connection makes a whole handshake, as strangers' do.
    context.options |= ssl.OP_NO_TICKET
    return context


class Line:
    """A TCP connection, with TLS from the start or later."""

    def __init__(self, port, source=None):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source:
            self.socket.bind((source, 0))
        self.socket.settimeout(30)
        self.socket.connect(("127.0.0.1", port))
        self.rest = b""

    def secure(self, context):
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")

    def send(self, data):
        self.socket.sendall(data)

    def until(self, *ends):
        """Everything up to one of these, which is included."""
        while True:
            for end in ends:
                at = self.rest.find(end)
                if at >= 0:
                    said, self.rest = self.rest[: at + len(end)], self.rest[at + len(end) :]
                    return said
            self.more()

    def exactly(self, count):
        while len(self.rest) < count:
            self.more()
        said, self.rest = self.rest[:count], self.rest[count:]
        return said

    def more(self):
        got = self.socket.recv(65536)
        if not got:
            raise ConnectionError(f"the server ended the connection after {self.rest[-200:]!r}")
        self.rest += got

    def close(self):
        self.socket.close()


def source(number):
    """Addresses of the loopback, so that ports do not run out."""
    return f"127.0.{2 + number // 5000}.1"


def field(text):
    data = text.encode()
    return len(data).to_bytes(2, "big") + data


def mqtt(port, context, name, password, number=0):
    line = Line(port, source(number))
    line.secure(context)
    body = field("MQTT") + bytes([4, 0xC2, 0, 0]) + field(f"c{number}") + field(name) + field(password)
    line.send(bytes([0x10]) + remaining(len(body)) + body)
    if line.exactly(4)[3] != 0:
        raise ConnectionError("mosquitto refused the login")
    return line


def mqtt_subscribe(line, topic):
    body = b"\0\1" + field(topic) + b"\1"
    line.send(bytes([0x82]) + remaining(len(body)) + body)
    if line.exactly(5)[4] > 2:
        raise ConnectionError("mosquitto refused the subscription")


def mqtt_ping(line):
    line.send(b"\xc0\0")
    return line.exactly(2) == b"\xd0\0"


def remaining(length):
    out = b""
    while True:
        length, low = divmod(length, 128)
        out += bytes([low | (128 if length else 0)])
        if not length:
            return out


def nats(port, context, name, password, number=0):
    line = Line(port, source(number))
    line.until(b"\r\n")
    line.secure(context)
    options = f'{{"verbose":false,"pedantic":false,"tls_required":true,"user":"{name}","pass":"{password}","lang":"python","version":"1","protocol":1}}'
    line.send(f"CONNECT {options}\r\nPING\r\n".encode())
    if line.until(b"\r\n") != b"PONG\r\n":
        raise ConnectionError("nats-server refused the login")
    return line


def nats_ping(line):
    line.send(b"PING\r\n")
    while True:
        said = line.until(b"\r\n")
        if said == b"PONG\r\n":
            return True
        if said == b"PING\r\n":
            line.send(b"PONG\r\n")


STREAM = "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"


def xmpp(port, context, name, password, number=0):
    """Logged in, bound to a resource, and present."""
    line = Line(port, source(number))
    line.send(STREAM.encode())
    line.until(b"</stream:features>")
    line.send(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    line.until(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    line.secure(context)
    line.send(STREAM.encode())
    line.until(b"</stream:features>")
    plain = base64.b64encode(f"\0{name}\0{password}".encode()).decode()
    line.send(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>".encode())
    if b"<success" not in line.until(b"<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", b"</failure>"):
        raise ConnectionError("prosody refused the login")
    line.send(STREAM.encode())
    line.until(b"</stream:features>")
    line.send(f"<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r{number}</resource></bind></iq>".encode())
    line.until(b"</iq>")
    line.send(b"<presence/>")
    line.until(b"</presence>", b"<presence", b"/>")
    return line


def xmpp_ping(line):
    line.send(b"<iq type='get' id='ping1' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
    line.until(b"ping1")
    return True
