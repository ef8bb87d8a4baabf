#!/usr/bin/env python3
"""Computes the project's test vectors anew, from the texts in docs/spec alone.

Run as `python3 docs/spec/recompute.py`. Needs the package `cryptography`. Each family of vectors is one function that returns its number of
cases and raises Mismatch where a case is not what the specification says; FAMILIES lists them. The exit
status is 1 if any case differs or cannot be read, or if a family has no cases.
"""

import re
import sys
from pathlib import Path

from cryptography.hazmat.primitives import constant_time, hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

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


# ---- all families


def check_each(paths, check):
    for path in paths:
        try:
            check(path)
        except (Mismatch, ValueError) as mismatch:
            raise Mismatch(f"{path.relative_to(ROOT)}: {mismatch}") from None
    return len(paths)


FAMILIES = {
    "cipher: Seal": seal_vectors,
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
