#!/usr/bin/env python3
"""Computes the project's test vectors anew, from the texts in docs/spec alone.

Run as `python3 docs/spec/recompute.py`. Needs the package `cryptography`. Each family of vectors is one function that returns its number of
cases and raises Mismatch where a case is not what the specification says; FAMILIES lists them. The exit
status is 1 if any case differs or cannot be read, or if a family has no cases.
"""

import re
import sys
import unicodedata
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
    count = 0
    for name, (compute, expected) in LOGIN.items():
        for case in cases_of(ROOT / "crates/login/tests/vectors" / name):
            count += 1
            try:
                check_outcome(case, compute, expected)
            except (Mismatch, ValueError, KeyError) as mismatch:
                raise Mismatch(f"{name}, {case}: {mismatch}") from None
    return count


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
    "login: names, secrets, derivations": login_vectors,
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
