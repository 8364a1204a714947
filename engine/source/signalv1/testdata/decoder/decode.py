#!/usr/bin/env python3
"""A second reader of signal-*.backup files; it shares no code with the first.

`decode.py FILE PASSPHRASE-FILE` prints a line for each record: the frame in hex and, if a
blob follows, its SHA-256, apart by a tab. It ends with 1 at the first thing that is wrong.
"""
import hashlib
import hmac
import struct
import sys
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

HEADER, ATTACHMENT, END, AVATAR, STICKER = 1, 4, 6, 7, 8


def varint(b, i):
    value = shift = 0
    while True:
        value |= (b[i] & 127) << shift
        shift, i = shift + 7, i + 1
        if b[i - 1] < 128:
            return value, i


def fields(b):  # {number: last value}
    found, i = {}, 0
    while i < len(b):
        tag, i = varint(b, i)
        kind = tag & 7
        if kind == 0:
            value, i = varint(b, i)
        else:
            n, i = varint(b, i) if kind == 2 else ({1: 8, 5: 4}[kind], i)
            value, i = b[i : i + n], i + n
        found[tag >> 3] = value
    if i != len(b):
        raise ValueError("a field is cut short")
    return found


def keys(passphrase, salt):
    h = passphrase
    for i in range(250_000):
        h = hashlib.sha512((salt if i == 0 else b"") + h + passphrase).digest()
    prk = hmac.digest(bytes(32), h[:32], "sha256")
    first = hmac.digest(prk, b"Backup Export\x01", "sha256")
    return first, hmac.digest(prk, first + b"Backup Export\x02", "sha256")


class Records:
    def __init__(self, data, passphrase):
        (n,) = struct.unpack(">I", data[:4])
        head = fields(fields(data[4 : 4 + n])[HEADER])
        self.iv, self.version = head[1], head.get(3, 0)
        if self.version > 1 or len(self.iv) != 16 or len(head[2]) != 32:
            raise ValueError("header")
        self.cipher, self.mac = keys(passphrase, head[2])
        self.data, self.at, self.n = data, 4 + n, 0

    def block(self):  # the counter block of the next record
        (first,) = struct.unpack(">I", self.iv[:4])
        self.n += 1
        return struct.pack(">I", (first + self.n - 1) % 2**32) + self.iv[4:]

    def take(self, n):
        b = self.data[self.at : self.at + n]
        if len(b) != n:
            raise ValueError("cut short")
        self.at += n
        return b

    def check(self, signed):
        if not hmac.compare_digest(hmac.digest(self.mac, signed, "sha256")[:10], self.take(10)):
            raise ValueError(f"HMAC of record {self.n}")

    def frame(self):
        stream = Cipher(AES(self.cipher), CTR(self.block())).decryptor()
        length = self.take(4)
        plain = stream.update(length) if self.version else length
        sealed = self.take(struct.unpack(">I", plain)[0] - 10)
        self.check(length + sealed if self.version else sealed)
        return stream.update(sealed)

    def blob(self, n):
        block = self.block()
        sealed = self.take(n)
        self.check(block + sealed)
        return Cipher(AES(self.cipher), CTR(block)).decryptor().update(sealed)

    def __iter__(self):
        while True:
            frame = self.frame()
            found = fields(frame)
            line = frame.hex()
            for kind, length in ((ATTACHMENT, 3), (AVATAR, 2), (STICKER, 2)):
                if kind in found:
                    line += "\t" + hashlib.sha256(self.blob(fields(found[kind]).get(length, 0))).hexdigest()
            yield line
            if END in found:
                if self.at != len(self.data):
                    raise ValueError("bytes behind the end")
                return


if __name__ == "__main__":
    digits = "".join(Path(sys.argv[2]).read_text().split())
    for line in Records(Path(sys.argv[1]).read_bytes(), digits.encode()):
        print(line)
