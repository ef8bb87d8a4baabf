"""Bulk bytes over the loopback: OpenSSH with two ciphers, socat plain and with OpenSSL."""

import hashlib
import os
import pathlib
import signal
import subprocess
import time

from measure import Server, certificate, children_cpu, cpu, free_port, program, tree, wait_for_port

CIPHERS = {
    "openssh-aes256-gcm": ["-c", "aes256-gcm@openssh.com"],
    "openssh-aes256-cbc-etm": ["-c", "aes256-cbc", "-m", "hmac-sha2-256-etm@openssh.com"],
}


def payload(folder, megabytes):
    """A file of bytes that do not compress, and their digest."""
    path = folder / f"bulk-{megabytes}"
    if not path.exists():
        block = os.urandom(1 << 20)
        with open(path, "wb") as out:
            for number in range(megabytes):
                out.write(number.to_bytes(8, "little") + block[8:])
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return path, digest.hexdigest()


def figures(megabytes, took, spent):
    size = megabytes * (1 << 20)
    return {"mb_per_s": size / 1e6 / took, "cpu_s_per_gib": spent / (size / (1 << 30))}


class Ssh:
    """An sshd of this run's own: own port, own keys, own configuration."""

    def __init__(self, folder):
        self.folder = folder / "ssh"
        self.folder.mkdir(mode=0o700, exist_ok=True)
        for name in ("host", "user"):
            if not (self.folder / name).exists():
                subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name], check=True)
        self.port = free_port()
        config = self.folder / "sshd_config"
        config.write_text(
            f"""Port {self.port}
ListenAddress 127.0.0.1
HostKey {self.folder}/host
AuthorizedKeysFile {self.folder}/user.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
Ciphers aes256-gcm@openssh.com,aes256-cbc
MACs hmac-sha2-256-etm@openssh.com
LogLevel ERROR
"""
        )
        # Where sshd keeps its unprivileged part empty.
        pathlib.Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self.server = Server([program("sshd"), "-D", "-f", config], self.port)

    def client(self, cipher):
        options = ["-F", "none", "-p", str(self.port), "-i", self.folder / "user", "-o", "BatchMode=yes"]
        options += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
        options += ["-o", "Compression=no", *CIPHERS[cipher]]
        return ["ssh", *options, f"{os.environ.get('USER') or 'root'}@127.0.0.1"]

    def measure(self, cipher, path, digest, megabytes):
        """Sends to a sink, both ends' time counted; once before that to sha256sum, so that the bytes are known to arrive."""
        with open(path, "rb") as file:
            said = subprocess.run([*self.client(cipher), "sha256sum"], stdin=file, stdout=subprocess.PIPE, check=True)
        if said.stdout.split()[0].decode() != digest:
            raise RuntimeError("the bytes did not arrive as they were sent")
        size = str(megabytes << 20)
        # The far side says how many bytes came: dd costs little and reads all of them.
        command = [*self.client(cipher), f"head -c {size} >/dev/null && echo all"]
        before, own, begun = self.server.cpu(), children_cpu(), time.monotonic()
        with open(path, "rb") as file:
            said = subprocess.run(command, stdin=file, stdout=subprocess.PIPE, check=True)
        took = time.monotonic() - begun
        if said.stdout.strip() != b"all":
            raise RuntimeError("not all bytes arrived")
        spent = children_cpu() - own + self.server.cpu() - before
        return figures(megabytes, took, spent)


def socat(folder, kind, path, digest, megabytes):
    """One socat listens and writes to a sink, another sends the file."""
    port, cert = free_port(), certificate(folder)
    listen = f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr"
    connect = f"TCP:127.0.0.1:{port}"
    if kind == "socat-openssl":
        listen = f"OPENSSL-LISTEN:{port},bind=127.0.0.1,reuseaddr,verify=0,cert={cert[0]},key={cert[1]}"
        connect = f"OPENSSL:127.0.0.1:{port},verify=0"
    spent = took = 0.0
    # First with a digest at the end, then with a sink, timed.
    for sink in ("SYSTEM:sha256sum", "OPEN:/dev/null,wronly"):
        out = subprocess.PIPE if sink.startswith("SYSTEM") else subprocess.DEVNULL
        target = ["-u", "-b", "65536", listen, sink]
        receiver = subprocess.Popen([program("socat"), *target], stdout=out, stderr=subprocess.DEVNULL)
        time.sleep(0.2)
        own, begun = children_cpu(), time.monotonic()
        subprocess.run([program("socat"), "-u", "-b", "65536", f"OPEN:{path},rdonly", connect], check=True, stderr=subprocess.DEVNULL)
        said, _ = receiver.communicate(timeout=60)
        took = time.monotonic() - begun
        spent = children_cpu() - own
        if receiver.returncode != 0 or (said and said.split()[0].decode() != digest):
            raise RuntimeError("the bytes did not arrive as they were sent")
    return figures(megabytes, took, spent)


def run(kept, folder, quick):
    megabytes = 128 if quick else 1024
    path, digest = payload(folder, megabytes)
    ssh = Ssh(folder)
    with ssh.server:
        for cipher in CIPHERS:
            kept.work("bulk", cipher, lambda: ssh.measure(cipher, path, digest, megabytes))
    for kind in ("socat-plain", "socat-openssl"):
        kept.work("bulk", kind, lambda: socat(folder, kind, path, digest, megabytes))
