#!/usr/bin/env python3
"""Computes the project's test vectors anew, from the texts in docs/spec alone.

Run as `python3 docs/spec/recompute.py`. Needs the package `cryptography`, 48 or later (it has ML-KEM). Each family of vectors is one function that returns its number of
cases and raises Mismatch where a case is not what the specification says; FAMILIES lists them. The exit
status is 1 if any case differs or cannot be read, or if a family has no cases.
"""

import hashlib
import re
import sys
import unicodedata
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import constant_time, hashes, hmac
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

ROOT = Path(__file__).resolve().parents[2]


class Mismatch(Exception):
    """A case that is not what the specification says, or a file that is not what it says of files."""


def require(condition, what):
    if not condition:
        raise Mismatch(what)


def fields_of(path):
    """The fields of a vector file (cipher.md §6), in the order of the file."""
    fields = {}
    for number, line in enumerate(path.read_text(encoding="ascii").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        name, colon, value = line.partition(":")
        require(colon and name not in fields, f"line {number} is not a new field")
        require(not value or (value[0] == " " and value.strip() == value[1:] != ""), f"line {number} is not well formed")
        fields[name] = value[1:]
    return fields


def hexadecimal(text):
    require(re.fullmatch("(?:[0-9a-f]{2})*", text), "not hexadecimal in lower case")
    return bytes.fromhex(text)


# ---- cipher.md: Seal

LABELS = {"record", "vault", "slot", "share", "msg", "receipt", "invite-note", "blob", "outbox"}
ALWAYS = ["expect", "label", "key", "n", "aad", "sealed"]
IF_OPENS = ["plaintext", "subkeys", "iv"]


class Refused(Exception):
    """Open refuses (§3.2)."""


def subkeys_of(key, label):
    """§2: km, ke, ki."""
    expanded = HKDF(hashes.SHA256(), 96, salt=None, info=label).derive(key)
    return expanded[:32], expanded[32:64], expanded[64:]


def iv_of(ki, n):
    """§3.1: AES-256 of one block, which is what ECB does to one block."""
    block = Cipher(algorithms.AES256(ki), modes.ECB()).encryptor()
    return block.update(n.to_bytes(16, "big")) + block.finalize()


def tag_of(km, n, aad, iv, ciphertext):
    a = n.to_bytes(8, "big") + aad
    mac = hmac.HMAC(km, hashes.SHA256())
    mac.update(a + iv + ciphertext + (8 * len(a)).to_bytes(8, "big"))
    return mac.finalize()


def seal(key, label, n, aad, plaintext):
    """§3.1"""
    km, ke, ki = subkeys_of(key, label)
    iv = iv_of(ki, n)
    p = 16 - len(plaintext) % 16
    cbc = Cipher(algorithms.AES256(ke), modes.CBC(iv)).encryptor()
    ciphertext = cbc.update(plaintext + bytes([p]) * p) + cbc.finalize()
    return ciphertext + tag_of(km, n, aad, iv, ciphertext)


def open_sealed(key, label, n, aad, sealed):
    """§3.2"""
    if len(sealed) < 32:
        raise Refused("step 1")
    ciphertext, tag = sealed[:-32], sealed[-32:]
    km, ke, ki = subkeys_of(key, label)
    iv = iv_of(ki, n)
    if not constant_time.bytes_eq(tag, tag_of(km, n, aad, iv, ciphertext)):
        raise Refused("step 2")
    if not ciphertext or len(ciphertext) % 16:
        raise Refused("step 3")
    cbc = Cipher(algorithms.AES256(ke), modes.CBC(iv)).decryptor()
    padded = cbc.update(ciphertext) + cbc.finalize()
    p = padded[-1]
    if not 1 <= p <= 16 or padded[-p:] != bytes([p]) * p:
        raise Refused("step 4")
    return padded[:-p]


def check_seal_case(path):
    fields = fields_of(path)
    opens = fields.get("expect") == "opens"
    require(opens or fields.get("expect") == "refused", "expect is neither opens nor refused")
    require(list(fields) == ALWAYS + (IF_OPENS if opens else []), f"the fields are {list(fields)}")
    require(fields["label"] in LABELS, "unknown label")
    require(re.fullmatch("0|[1-9][0-9]*", fields["n"]) and int(fields["n"]) < 2**64, "n is not a number of 64 bits")
    label = f"subrosa/1 {fields['label']}".encode("ascii") + b"\0"
    key, aad, sealed = (hexadecimal(fields[name]) for name in ("key", "aad", "sealed"))
    require(len(key) == 32, "the key is not 32 bytes")
    text = key, label, int(fields["n"]), aad

    if not opens:
        try:
            open_sealed(*text, sealed)
        except Refused:
            return
        raise Mismatch("opens, and should be refused")

    plaintext, subkeys, iv = (hexadecimal(fields[name]) for name in IF_OPENS)
    require(b"".join(subkeys_of(key, label)) == subkeys, "other subkeys")
    require(iv_of(subkeys[64:], text[2]) == iv, "another IV")
    require(seal(*text, plaintext) == sealed, "seals to something else")
    try:
        require(open_sealed(*text, sealed) == plaintext, "opens to something else")
    except Refused as refused:
        raise Mismatch(f"refused at {refused}, and should open") from None


def seal_vectors():
    paths = sorted((ROOT / "crates/cipher/tests/vectors").glob("*.txt"))
    return check_each(paths, check_seal_case)


# ---- login.md: names, passwords, recovery codes, derivations

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def cases_of(path):
    """The cases of a file of login.md §9: fields as in other files, an empty line between two cases."""
    for text in path.read_text(encoding="ascii").split("\n\n"):
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        yield {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def hkdf_of(key, name, length):
    """login.md: HKDF under a label of §1.2."""
    return HKDF(hashes.SHA256(), length, salt=None, info=b"subrosa/1 " + name + b"\0").derive(key)


def hmac_of(key, text):
    mac = hmac.HMAC(key, hashes.SHA256())
    mac.update(text)
    return mac.finalize()


def sha256_of(text):
    digest = hashes.Hash(hashes.SHA256())
    digest.update(text)
    return digest.finalize()


def check_outcome(case, compute, expected):
    """`compute` gives what the fields `expected` say, or raises Refused where the case is a failure."""
    require(case.get("expect") in ("success", "failure"), "expect is neither success nor failure")
    try:
        computed = compute(case)
    except Refused as refused:
        require(case["expect"] == "failure", f"refused, {refused}, and should not be")
        return
    require(case["expect"] == "success", "accepted, and should be refused")
    for name, value in zip(expected, computed, strict=True):
        require(case[name] == (value if isinstance(value, str) else value.hex()), f"another {name}")


def credential_of(case):
    """login.md §2"""
    name = hexadecimal(case["name"])
    if not re.fullmatch(rb"[a-z0-9._-]{1,32}", name):
        raise Refused("no name")
    return b"pw:" + name, b"rc:" + name, b"subrosa/1 opaque\0" + hexadecimal(case["transcript"])


def password_of(case):
    """login.md §3.1"""
    typed = hexadecimal(case["typed"])
    if len(typed) > 1024:
        raise Refused("step 1")
    text = typed.decode("utf-8")
    if text.endswith("\n"):
        text = text[:-1].removesuffix("\r")
    if not text or any(unicodedata.category(character) == "Cc" for character in text):
        raise Refused("step 3")
    text = "".join(" " if character.isspace() else character for character in text)
    text = unicodedata.normalize("NFC", text)
    parts = [part for part in text.split(" ") if part]
    if len(parts) == 6 and all(re.fullmatch("[A-Za-z-]+", part) for part in parts):
        text = " ".join(parts).lower()
    return (text.encode("utf-8"),)


def recovery_code_of(case):
    """login.md §4"""
    typed = case["typed"]
    symbols = [c for c in typed if not (c.isspace() or c == "-" or "\u2010" <= c <= "\u2015")]
    code = "".join(symbols).upper().replace("O", "0").replace("I", "1").replace("L", "1")
    if any(symbol not in SYMBOLS for symbol in code):
        raise Refused("no symbol")
    if len(code) != 28:
        raise Refused("not 28 symbols")
    number = 0
    for symbol in code:
        number = 32 * number + SYMBOLS.index(symbol)
    if number % 1021 != 1:
        raise Refused("another remainder")
    last = (1 - 1024 * (number >> 10)) % 1021
    require(code[26:] == SYMBOLS[last >> 5] + SYMBOLS[last & 31], "the last two symbols are not as computed")
    return "-".join(code[at : at + 4] for at in range(0, 28, 4)), code


def server_seed_of(case):
    """login.md §5.1"""
    seed = hexadecimal(case["seed"])
    return hkdf_of(seed, b"opaque-oprf", 64), hkdf_of(seed, b"opaque-ake", 32), hkdf_of(seed, b"opaque-dummy", 32)


def export_key_of(case):
    """login.md §6.3"""
    export_key, account = hexadecimal(case["export_key"]), hexadecimal(case["account"])
    return hkdf_of(export_key, b"slot-key", 32), hmac_of(hkdf_of(export_key, b"anchor", 32), account)


def invite_of(case):
    """login.md §7"""
    secret, author, new_account = (hexadecimal(case[name]) for name in ("secret", "author", "new_account"))
    code = hkdf_of(secret, b"invite-code", 32)
    mac = hmac_of(hkdf_of(secret, b"invite-mac", 32), b"subrosa/1 invite-mac\0" + author + new_account)
    return code, sha256_of(code), hkdf_of(secret, b"invite-note", 32), mac


LOGIN = {
    "credential.txt": (credential_of, ["password_id", "recovery_id", "context"]),
    "password.txt": (password_of, ["normal"]),
    "recovery-code.txt": (recovery_code_of, ["groups", "secret"]),
    "server-seed.txt": (server_seed_of, ["oprf_seed", "ake_seed", "dummy_seed"]),
    "export-key.txt": (export_key_of, ["slot_seed", "anchor"]),
    "invite.txt": (invite_of, ["code", "code_hash", "note_key", "mac"]),
}


def login_vectors():
    return check_files(ROOT / "crates/login/tests/vectors", LOGIN)


# ---- e2e.md: padding, sessions, messages, receipts, boxes


def label(name):
    return b"subrosa/1 " + name + b"\0"


def number_of(case, name):
    require(re.fullmatch("0|[1-9][0-9]*", case[name]), f"{name} is not a number")
    return int(case[name])


def be64(number):
    return number.to_bytes(8, "big")


def padded_length(length):
    """e2e.md §2.1"""
    if length <= 64:
        return 64
    e = length.bit_length() - 1
    z = e - e.bit_length()
    return -(-length // 2**z) * 2**z


def pad(content):
    text = len(content).to_bytes(4, "big") + content
    return text.ljust(padded_length(len(text)), b"\0")


def chain_key(first_key, index):
    """e2e.md §6.1"""
    key = first_key
    for _ in range(index):
        key = hmac_of(key, label(b"next"))
    return key


def message_key(first_key, index, salt):
    return hmac_of(chain_key(first_key, index), label(b"mk") + salt)


def session_of(case):
    """e2e.md §5.1, §6.1"""
    first_key = hexadecimal(case["first_key"])
    parts = b"".join(hexadecimal(case[name]) for name in ("conv", "account", "device", "nonce"))
    index, salt = number_of(case, "index"), hexadecimal(case["salt"])
    session = sha256_of(label(b"session") + first_key + parts)
    return session, chain_key(first_key, index), message_key(first_key, index, salt)


def message_of(case):
    """e2e.md §6.2"""
    first_key, salt, header, content = (hexadecimal(case[name]) for name in ("first_key", "salt", "header", "content"))
    index, padded = number_of(case, "index"), pad(content)
    return padded, seal(message_key(first_key, index, salt), label(b"msg"), index, header, padded)


def padding_of(case):
    return (str(padded_length(number_of(case, "length"))),)


def safety_number_of(case):
    """e2e.md §9"""
    digest = hashlib.sha512(label(b"safety-number") + b"".join(sorted(hexadecimal(case[name]) for name in ("one", "other")))).digest()
    return (" ".join(f"{int.from_bytes(digest[5 * g : 5 * g + 5], 'big') % 100000:05}" for g in range(12)),)


def receipt_of(case):
    """e2e.md §7"""
    first_key, conv, account, device, salt = (hexadecimal(case[name]) for name in ("first_key", "conv", "account", "device", "salt"))
    at, delivered, read = (be64(number_of(case, name)) for name in ("at", "delivered_to", "read_to"))
    key = HKDF(hashes.SHA256(), 32, salt=None, info=label(b"receipt") + conv + device + salt).derive(first_key)
    return key, seal(key, label(b"receipt"), 0, account + at, delivered + read)


def typing_of(case):
    """e2e.md §7.2"""
    first_key, conv, account, device, salt = (hexadecimal(case[name]) for name in ("first_key", "conv", "account", "device", "salt"))
    at, typing = (be64(number_of(case, name)) for name in ("at", "typing"))
    key = HKDF(hashes.SHA256(), 32, salt=None, info=label(b"typing") + conv + device + salt).derive(first_key)
    return key, seal(key, label(b"receipt"), 0, account + at, typing)


def invite_note_of(case):
    """e2e.md §8"""
    note_key, server_key, note = (hexadecimal(case[name]) for name in ("note_key", "server_key", "note"))
    return (seal(note_key, label(b"invite-note"), 0, server_key, note),)


def xwing_key(seed):
    """e2e.md §1.1, then the key expansion of X-Wing: the private keys of ML-KEM-768 and X25519."""
    suite = b"KEM" + bytes.fromhex("647a")
    named = seed + b"HPKE-v1" + suite + bytes.fromhex("000d") + b"DeriveKeyPair" + bytes.fromhex("0020")
    expanded = hashlib.shake_256(hashlib.shake_256(named).digest(32)).digest(96)
    return mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), x25519.X25519PrivateKey.from_private_bytes(expanded[64:])


def xwing_public(seed):
    return b"".join(key.public_key().public_bytes_raw() for key in xwing_key(seed))


def xwing_decapsulate(seed, encapsulation):
    post_quantum, classical = xwing_key(seed)
    share = encapsulation[1088:]
    secrets = post_quantum.decapsulate(encapsulation[:1088]) + classical.exchange(x25519.X25519PublicKey.from_public_bytes(share))
    return hashlib.sha3_256(secrets + share + classical.public_key().public_bytes_raw() + b"\\.//^\\").digest()


def hpke_export(shared_secret, info):
    """RFC 9180 §5.1, §5.3: base mode, X-Wing, HKDF-SHA-256, export only; 32 bytes under the empty exporter context."""
    suite = b"HPKE" + bytes.fromhex("647a0001ffff")

    def extract(salt, name, ikm):
        return hmac_of(salt or bytes(32), b"HPKE-v1" + suite + name + ikm)

    def expand(prk, name, context):
        return HKDFExpand(hashes.SHA256(), 32, (32).to_bytes(2, "big") + b"HPKE-v1" + suite + name + context).derive(prk)

    context = b"\0" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    return expand(expand(extract(shared_secret, b"secret", b""), b"exp", context), b"sec", b"")


def box_of(case):
    """e2e.md §4.1"""
    seed, context, box = (hexadecimal(case[name]) for name in ("seed", "context", "box"))
    name = label(case["label"].encode("ascii"))
    shared = hpke_export(xwing_decapsulate(seed, box[:1120]), name + context)
    return xwing_public(seed), shared, open_sealed(shared, name, 0, context, box[1120:])


E2E = {
    "session.txt": (session_of, ["session", "chain_key", "message_key"]),
    "message.txt": (message_of, ["padded", "body"]),
    "padding.txt": (padding_of, ["padded"]),
    "safety-number.txt": (safety_number_of, ["number"]),
    "receipt.txt": (receipt_of, ["key", "sealed"]),
    "typing.txt": (typing_of, ["key", "sealed"]),
    "invite-note.txt": (invite_note_of, ["sealed"]),
    "box.txt": (box_of, ["public", "shared", "text"]),
}


def e2e_vectors():
    return check_files(ROOT / "crates/e2e/tests/vectors", E2E)


# ---- all families


def check_files(folder, files):
    """Every case of files of cases, each by its function."""
    count = 0
    for name, (compute, expected) in files.items():
        for case in cases_of(folder / name):
            count += 1
            try:
                check_outcome(case, compute, expected)
            except (Mismatch, ValueError, KeyError) as mismatch:
                raise Mismatch(f"{name}, {case}: {mismatch}") from None
    return count


def check_each(paths, check):
    for path in paths:
        try:
            check(path)
        except (Mismatch, ValueError) as mismatch:
            raise Mismatch(f"{path.relative_to(ROOT)}: {mismatch}") from None
    return len(paths)


# ---- channel.md: handshake, records, streams

CHANNEL = ROOT / "crates/channel/tests/vectors"
NOISE_NAME = b"Noise_NKpsk2_25519_AESGCM_SHA256"
PROLOGUE = b"subrosa/1 channel\0\x01"
HANDSHAKE = [
    "expect", "server-private", "server-public", "client-ephemeral", "server-ephemeral", "kem-seed", "kem-message", "encapsulation-key",
    "ciphertext", "shared-secret", "psk", "m1", "m2", "transcript", "client-to-server", "server-to-client",
]
REKEY_RECORDS = 65536
PART_LEN = 16464
HELLO, CLOSE, LAST, MORE = 1, 2, 3, 4


class SymmetricState:
    """The Noise Protocol Framework, revision 34, §5.2, with encryption only: whoever replays a handshake knows its payloads."""

    def __init__(self):
        self.h = self.ck = NOISE_NAME  # of 32 bytes, hence as it is
        self.k, self.n = None, 0

    def mix_hash(self, data):
        digest = hashes.Hash(hashes.SHA256())
        digest.update(self.h + data)
        self.h = digest.finalize()

    def hkdf(self, material, count):
        temporary, outputs = hmac_of(self.ck, material), [b""]
        for i in range(1, count + 1):
            outputs.append(hmac_of(temporary, outputs[-1] + bytes([i])))
        return outputs[1:]

    def mix_key(self, material):
        self.ck, self.k = self.hkdf(material, 2)
        self.n = 0

    def mix_key_and_hash(self, material):
        self.ck, data, self.k = self.hkdf(material, 3)
        self.mix_hash(data)
        self.n = 0

    def encrypt_and_hash(self, payload):
        ciphertext = AESGCM(self.k).encrypt(bytes(4) + self.n.to_bytes(8, "big"), payload, self.h)
        self.n += 1
        self.mix_hash(ciphertext)
        return ciphertext


def public_of(private):
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def agree(private, public):
    return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))


def check_kem(seed, encapsulation_key, ciphertext, shared_secret):
    """§9: all but the choice of the ciphertext, which only the encapsulating side can make. Not every build of OpenSSL knows ML-KEM."""
    try:
        private = mlkem.MLKEM768PrivateKey.from_seed_bytes(seed)
    except UnsupportedAlgorithm:
        return
    require(private.public_key().public_bytes_raw() == encapsulation_key, "another encapsulation key")
    require(private.decapsulate(ciphertext) == shared_secret, "another shared secret")


def handshake_of(server, client_e, server_e, encapsulation_key, ciphertext, shared_secret):
    """§2: psk, M1, M2, h, k_cs, k_sc."""
    noise = SymmetricState()
    noise.mix_hash(PROLOGUE)
    noise.mix_hash(public_of(server))
    e = public_of(client_e)
    noise.mix_hash(e)
    noise.mix_key(e)
    noise.mix_key(agree(client_e, public_of(server)))
    m1 = b"\x01" + e + noise.encrypt_and_hash(encapsulation_key)
    psk = hmac_of(shared_secret, b"subrosa/1 psk\0" + encapsulation_key + ciphertext)
    e = public_of(server_e)
    noise.mix_hash(e)
    noise.mix_key(e)
    noise.mix_key(agree(server_e, public_of(client_e)))
    noise.mix_key_and_hash(psk)
    m2 = ciphertext + e + noise.encrypt_and_hash(b"")
    return psk, m1, m2, noise.h, *noise.hkdf(b"", 2)


def check_handshake(path):
    fields = fields_of(path)
    require(list(fields) == HANDSHAKE and fields["expect"] == "opens", f"the fields are {list(fields)}")
    value = {name: hexadecimal(text) for name, text in fields.items() if name != "expect"}
    kem = value["encapsulation-key"], value["ciphertext"], value["shared-secret"]
    check_kem(value["kem-seed"], *kem)
    require(public_of(value["server-private"]) == value["server-public"], "another public key")
    computed = handshake_of(value["server-private"], value["client-ephemeral"], value["server-ephemeral"], *kem)
    for name, result in zip(HANDSHAKE[10:], computed, strict=True):
        require(result == value[name], f"another {name}")


def record_key(key, number):
    """§3.3: the key of a record, from the direction's first."""
    for _ in range(number // REKEY_RECORDS):
        key = HKDF(hashes.SHA256(), 32, salt=None, info=b"subrosa/1 rekey\0").derive(key)
    return key


def seal_record(key, number, kind, body):
    """§3.1"""
    length = (16 * ((1 + len(body)) // 16 + 1) + 32).to_bytes(3, "big")
    return length + seal(record_key(key, number), b"subrosa/1 record\0", number, length, bytes([kind]) + body)


def open_record(key, number, record):
    """§3.1: type and body."""
    length, sealed = record[:3], record[3:]
    c = int.from_bytes(length, "big")
    if len(length) < 3 or c != len(sealed) or c % 16 or not 48 <= c <= 65536:
        raise Refused("the length")
    text = open_sealed(record_key(key, number), b"subrosa/1 record\0", number, length, sealed)
    if not text:
        raise Refused("no type")
    return text[0], text[1:]


def check_record(path):
    fields = fields_of(path)
    opens = fields.get("expect") == "opens"
    require(opens or fields.get("expect") == "refused", "expect is neither opens nor refused")
    names = ["expect", "key", "number"] + (["type", "body"] if opens else []) + ["record"]
    require(list(fields) == names, f"the fields are {list(fields)}")
    key, number, record = hexadecimal(fields["key"]), int(fields["number"]), hexadecimal(fields["record"])
    if not opens:
        try:
            open_record(key, number, record)
        except Refused:
            return
        raise Mismatch("opens, and should be refused")
    kind, body = int(fields["type"]), hexadecimal(fields["body"])
    require(seal_record(key, number, kind, body) == record, "seals to something else")
    try:
        require(open_record(key, number, record) == (kind, body), "opens to something else")
    except Refused as refused:
        raise Mismatch(f"refused at {refused}, and should open") from None


def stream_of(key, least, most, build, messages):
    """§4 to §6: all records of a direction, from hello to close."""
    records = [(HELLO, least.to_bytes(2, "big") + most.to_bytes(2, "big") + bytes([len(build)]) + build)]
    for message in messages:
        while len(message) > PART_LEN:
            records.append((MORE, message[:PART_LEN]))
            message = message[PART_LEN:]
        records.append((LAST, message))
    records.append((CLOSE, b""))
    return b"".join(seal_record(key, number, *record) for number, record in enumerate(records))


def check_stream(path):
    fields = fields_of(path)
    require(list(fields) == ["expect", "key", "min", "max", "build", "messages", "stream"], f"the fields are {list(fields)}")
    require(fields["expect"] == "opens", "expect is not opens")
    messages = [hexadecimal(text) for text in fields["messages"].split(",")]
    stream = stream_of(hexadecimal(fields["key"]), int(fields["min"]), int(fields["max"]), hexadecimal(fields["build"]), messages)
    require(stream == hexadecimal(fields["stream"]), "another stream")


def channel_vectors():
    families = {"handshake": check_handshake, "record": check_record, "stream": check_stream}
    checks = [(sorted(CHANNEL.glob(f"{name}-*.txt")), check) for name, check in families.items()]
    require(all(paths for paths, _ in checks), "one of handshake, record, stream has no case")
    require(sum(len(paths) for paths, _ in checks) == len(list(CHANNEL.iterdir())), "a file of another family")
    return sum(check_each(paths, check) for paths, check in checks)


# ---- ledger.md: encoding, signatures, hashes

LEDGER = ROOT / "crates/ledger/tests/vectors"


class NotStrict(Exception):
    """Not an encoding by ledger.md §1.1."""


def read_value(data, at, depth):
    """The value that begins at a place, and where it ends."""
    if at >= len(data):
        raise NotStrict("the end")
    major, low = data[at] >> 5, data[at] & 31
    if major == 7:
        if low not in (20, 21, 22):
            raise NotStrict("a simple value")
        return {20: False, 21: True, 22: None}[low], at + 1
    if major not in (0, 2, 3, 4) or low > 27:
        raise NotStrict("a type or length that there is not")
    width = {24: 1, 25: 2, 26: 4, 27: 8}.get(low, 0)
    at += 1 + width
    if at > len(data):
        raise NotStrict("the end")
    number = int.from_bytes(data[at - width : at], "big") if width else low
    if width and number < {1: 24, 2: 2**8, 4: 2**16, 8: 2**32}[width]:
        raise NotStrict("not the shortest form")
    if major == 0:
        return number, at
    if number > len(data) - at:
        raise NotStrict("the end")
    if major == 4:
        if depth == 8 and number > 0:
            raise NotStrict("too deep")
        values = []
        for _ in range(number):
            value, at = read_value(data, at, depth + 1)
            values.append(value)
        return values, at
    content = data[at : at + number]
    if major == 3:
        try:
            content = content.decode()
        except UnicodeDecodeError:
            raise NotStrict("no UTF-8") from None
    return content, at + number


def strict_value(data):
    value, end = read_value(data, 0, 0)
    if end != len(data):
        raise NotStrict("something follows")
    return value


def strict_encoding(value):
    """ledger.md §1.1: the one encoding of a value."""
    if value is None or isinstance(value, bool):
        return {False: b"\xf4", True: b"\xf5", None: b"\xf6"}[value]
    if isinstance(value, int):
        major, number, content = 0, value, b""
    elif isinstance(value, list):
        major, number, content = 4, len(value), b"".join(map(strict_encoding, value))
    else:
        content = value.encode() if isinstance(value, str) else value
        major, number = 3 if isinstance(value, str) else 2, len(content)
    if number < 24:
        return bytes([major << 5 | number]) + content
    width = next(width for width in (1, 2, 4, 8) if number < 256**width)
    return bytes([major << 5 | {1: 24, 2: 25, 4: 26, 8: 27}[width]]) + number.to_bytes(width, "big") + content


def diagnostic_value(text):
    """RFC 8949 §8, as far as strict values need it."""
    token = re.compile(r"""\s*(?:(?P<number>\d+)|h'(?P<hex>[0-9a-f]*)'|"(?P<text>[^"\\]*)"|(?P<word>false|true|null)|(?P<mark>[\[\],]))\s*""")
    open_arrays, at = [[]], 0
    while at < len(text):
        match = token.match(text, at)
        require(match, f"the value cannot be read at {at}")
        at, array = match.end(), open_arrays[-1]
        if match["mark"] == "[":
            open_arrays.append([])
        elif match["mark"] == "]":
            require(len(open_arrays) > 1, "an array ends that did not begin")
            open_arrays[-2].append(open_arrays.pop())
        elif match["number"]:
            array.append(int(match["number"]))
        elif match["hex"] is not None:
            array.append(bytes.fromhex(match["hex"]))
        elif match["text"] is not None:
            array.append(match["text"])
        elif match["word"]:
            array.append({"false": False, "true": True, "null": None}[match["word"]])
    require(len(open_arrays) == 1 and len(open_arrays[0]) == 1, "not one value")
    return open_arrays[0][0]


def check_strict(path):
    fields = fields_of(path)
    require(list(fields) == ["expect", "bytes"] and fields["expect"] in ("read", "refused"), "other fields")
    data = hexadecimal(fields["bytes"])
    try:
        value = strict_value(data)
    except NotStrict as refused:
        require(fields["expect"] == "refused", f"refused for {refused}, and should be read")
        return
    require(fields["expect"] == "read", "is read, and should be refused")
    require(strict_encoding(value) == data, "there is another encoding of it")


def check_encoding(path):
    fields = fields_of(path)
    require(list(fields) == ["expect", "type", "value", "encoding"] and fields["expect"] == "read", "other fields")
    value, encoding = diagnostic_value(fields["value"]), hexadecimal(fields["encoding"])
    require(strict_encoding(value) == encoding and strict_value(encoding) == value, "another encoding")


def labelled(name, *parts):
    return b"subrosa/1 " + name.encode() + b"\0" + b"".join(parts)


def after_length(part):
    return len(part).to_bytes(4, "big") + part


# Ed25519 as in RFC 8032 §5.1, for the strict verification of ledger.md §3.1.
ED_P = 2**255 - 19
ED_L = 2**252 + 27742317777372353535851937790883648493
ED_D = -121665 * pow(121666, -1, ED_P) % ED_P


def ed_add(a, b):
    (x1, y1), (x2, y2) = a, b
    product = ED_D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, ED_P)
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, ED_P)
    return x % ED_P, y % ED_P


def ed_multiply(number, point):
    result = (0, 1)
    while number:
        if number & 1:
            result = ed_add(result, point)
        point, number = ed_add(point, point), number >> 1
    return result


def ed_decode(encoding):
    whole = int.from_bytes(encoding, "little")
    sign, y = whole >> 255, (whole & (2**255 - 1)) % ED_P
    u, v = (y * y - 1) % ED_P, (ED_D * y * y + 1) % ED_P
    x = u * pow(v, 3, ED_P) * pow(u * pow(v, 7, ED_P), (ED_P - 5) // 8, ED_P) % ED_P
    if v * x * x % ED_P == -u % ED_P:
        x = x * pow(2, (ED_P - 1) // 4, ED_P) % ED_P
    if v * x * x % ED_P != u:
        return None
    return (-x % ED_P if x & 1 != sign else x), y


def ed_encode(point):
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


ED_B = ed_decode((4 * pow(5, -1, ED_P) % ED_P).to_bytes(32, "little"))


def verifies_strictly(key, text, signature):
    a, r, s = ed_decode(key), ed_decode(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= ED_L:
        return False
    if (0, 1) in (ed_multiply(8, a), ed_multiply(8, r)):
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + text).digest(), "little") % ED_L
    minus_a = (-a[0] % ED_P, a[1])
    return ed_encode(ed_add(ed_multiply(s, ED_B), ed_multiply(k, minus_a))) == signature[:32]


def signed_text(label, parts):
    """ledger.md §3.2."""
    if label == "event":
        return labelled(label, after_length(parts["header"]), sha256_of(parts["body"]))
    if label == "device-auth":
        return labelled(label, parts["handshake"], parts["account"])
    return labelled(label, after_length(parts["body"]))


SIGNED_PARTS = {"statement": ["body"], "prekey": ["body"], "register": ["body"], "event": ["header", "body"], "device-auth": ["handshake", "account"]}


def check_signature(path):
    fields = fields_of(path)
    verifies = fields.get("expect") == "verifies"
    require(verifies or fields.get("expect") == "refused", "expect is neither verifies nor refused")
    label = fields.get("label")
    require(label in SIGNED_PARTS, "another label")
    names = ["expect", "label", *SIGNED_PARTS[label], "text", *(["seed"] if verifies else []), "key", "signature"]
    require(list(fields) == names, f"the fields are {list(fields)}")
    values = {name: hexadecimal(fields[name]) for name in names[2:]}
    require(signed_text(label, values) == values["text"], "another text")
    require(verifies_strictly(values["key"], values["text"], values["signature"]) == verifies, "another verdict")
    if verifies:
        key = Ed25519PrivateKey.from_private_bytes(values["seed"])
        require(key.public_key().public_bytes_raw() == values["key"], "another key")
        require(key.sign(values["text"]) == values["signature"], "another signature")


def log_hashes(events):
    """ledger.md §8.1: L_1, L_2, …"""
    hashes, last = [], bytes(32)
    for n, event in enumerate(events, 1):
        last = sha256_of(labelled("log", last, n.to_bytes(8, "big"), event))
        hashes.append(last)
    return b"".join(hashes)


HASHES = {
    "account": (["identity"], lambda identity: sha256_of(labelled("account", identity))),
    "statement-hash": (["body", "signature"], lambda body, signature: sha256_of(labelled("statement-hash", after_length(body), signature))),
    "bundle": (["bundle"], lambda bundle: sha256_of(labelled("bundle", after_length(bundle)))),
    "event-hash": (
        ["header", "body", "signature"],
        lambda header, body, signature: sha256_of(labelled("event-hash", after_length(header), sha256_of(body), signature)),
    ),
}


def check_hash(path):
    fields = fields_of(path)
    label = fields.get("label")
    if label == "log":
        require(list(fields) == ["expect", "label", "events", "hash"], f"the fields are {list(fields)}")
        result = log_hashes([hexadecimal(text) for text in fields["events"].split(",")])
    else:
        require(label in HASHES, "another label")
        names, compute = HASHES[label]
        require(list(fields) == ["expect", "label", *names, "hash"], f"the fields are {list(fields)}")
        result = compute(*[hexadecimal(fields[name]) for name in names])
    require(fields["expect"] == "equal", "expect is not equal")
    require(result == b"".join(map(hexadecimal, fields["hash"].split(","))), "another hash")


def ledger_vectors():
    families = {"strict": check_strict, "encoding": check_encoding, "signature": check_signature, "hash": check_hash}
    checks = [(sorted(LEDGER.glob(f"{name}-*.txt")), check) for name, check in families.items()]
    require(all(paths for paths, _ in checks), "one of strict, encoding, signature, hash has no case")
    require(sum(len(paths) for paths, _ in checks) == len(list(LEDGER.iterdir())), "a file of another family")
    return sum(check_each(paths, check) for paths, check in checks)


FAMILIES = {
    "cipher: Seal": seal_vectors,
    "channel: handshake, records, streams": channel_vectors,
    "login: names, secrets, derivations": login_vectors,
    "ledger: encoding, signatures, hashes": ledger_vectors,
    "e2e: sessions, messages, receipts, boxes": e2e_vectors,
}


def main():
    failed = False
    for name, family in FAMILIES.items():
        try:
            count = family()
            require(count > 0, "no vectors found")
            print(f"{name}: {count} vectors as specified")
        except Mismatch as mismatch:
            failed = True
            print(f"{name}: {mismatch}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
