#!/usr/bin/env python3
"""A second decoder of Dayfold archives, written from FORMAT.md, which shares no code with the first.

`decode.py FOLDER RECOVERY-KEY-FILE` prints a line for each item of each snapshot: snapshot,
key, kind, group in hex, time, expires, size, BLAKE3 of the content, apart by tabs. Blobs
are found through the directories of packs only. Numbers in comments are sections of FORMAT.md."""
import json, re, struct, sys, time
from array import array
from collections import namedtuple
from pathlib import Path

import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

# BLAKE3. Many chunks are compressed at once: word i of all of them is one long integer
# with a lane of 64 bits for each chunk, of which the lower half is the word.
IV = 0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19
PERMUTATION = 2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8
COLUMNS = (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)
DIAGONALS = (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)
START, END, PARENT, ROOT, KEYED, CONTEXT, MATERIAL = 1, 2, 4, 8, 16, 32, 64

lanes = lambda words: int.from_bytes(array("Q", words).tobytes(), "little")

def compress(cv, m, counter, length, flags, ones):  # ones has a 1 in each lane
    low = ones * 0xFFFFFFFF
    v = [*cv, *(w * ones for w in IV[:4]), counter, 0, length * ones, flags * ones]
    for _ in range(7):
        for i, (a, b, c, d) in enumerate(COLUMNS + DIAGONALS):
            for word, r, s in (m[2 * i], 16, 12), (m[2 * i + 1], 8, 7):
                v[a] = v[a] + v[b] + word & low
                x = v[d] ^ v[a]
                v[d] = (x >> r | x << 32 - r) & low
                v[c] = v[c] + v[d] & low
                x = v[b] ^ v[c]
                v[b] = (x >> s | x << 32 - s) & low
        m = [m[p] for p in PERMUTATION]
    return [v[i] ^ v[i + 8] for i in range(8)]

def blake3(data, key=IV, mode=0):
    last = max(len(data) - 1, 0) // 1024  # the number of the last chunk
    cvs = [array("Q") for _ in range(8)]
    for first in range(0, last, 1024):
        count = min(1024, last - first)
        words = memoryview(data)[first * 1024 : (first + count) * 1024].cast("I")
        ones, counter = lanes([1] * count), lanes(range(first, first + count))
        cv = [w * ones for w in key]
        for b in range(16):
            block = [lanes(words[16 * b + i :: 256]) for i in range(16)]
            cv = compress(cv, block, counter, 64, mode | START * (b == 0) | END * (b == 15), ones)
        cvs = [w + array("Q", x.to_bytes(8 * count, "little")) for w, x in zip(cvs, cv)]
    cv, rest = key, data[last * 1024 :]
    for at in range(0, max(len(rest), 1), 64):
        part = rest[at : at + 64]
        flags = mode | START * (at == 0) | (END | ROOT * (last == 0)) * (at + 64 >= len(rest))
        cv = compress(cv, struct.unpack("<16I", part.ljust(64, b"\0")), last, len(part), flags, 1)
    cvs = [w + array("Q", [x]) for w, x in zip(cvs, cv)]
    while len(cvs[0]) > 1:
        pairs = len(cvs[0]) // 2
        ones, flags = lanes([1] * pairs), mode | PARENT | ROOT * (len(cvs[0]) == 2)
        block = [lanes(w[side : 2 * pairs : 2]) for side in (0, 1) for w in cvs]
        cv = compress([w * ones for w in key], block, 0, 64, flags, ones)
        cvs = [array("Q", x.to_bytes(8 * pairs, "little")) + w[2 * pairs :] for w, x in zip(cvs, cv)]
    return struct.pack("<8I", *(w[0] for w in cvs))

keyed = lambda key, data: blake3(data, struct.unpack("<8I", key), KEYED)
derived = lambda context, data: blake3(data, struct.unpack("<8I", blake3(context, IV, CONTEXT)), MATERIAL)
hkdf = lambda key, salt, info, n=32: HKDF(SHA256(), n, salt, info).derive(key)
must = lambda ok, what: ok or sys.exit(f"{what}: corrupt")
uvarint = lambda n: bytes([n]) if n < 128 else bytes([n & 127 | 128]) + uvarint(n >> 7)
text = lambda t: uvarint(len(t)) + t
zigzag = lambda n: n >> 1 ^ -(n & 1)
signed = lambda n: (n + (1 << 63)) % (1 << 64) - (1 << 63)

def packed(t):  # 15
    runs = [(r, i % 2) for i, r in enumerate(re.split(rb"([0-9a-f]{4,})", t)) if r]
    body = lambda r, digits: bytes.fromhex(r.decode() + "0" * (len(r) % 2)) if digits else r
    return b"".join(uvarint(4 * len(r) + 2 * d + (i < len(runs))) + body(r, d) for i, (r, d) in enumerate(runs, 1)) or b"\0"

def times(content, at):  # 15
    def back(match):
        v = at + zigzag(sum((b & 127) << 7 * i for i, b in enumerate(match[0])))
        return bytes(b & 128 | v >> 7 * i & 127 for i, b in enumerate(match[0]))
    return re.sub(rb"(?<![\x80-\xff])[\x80-\xff]{5}[\0-\x7f]", back, content)

class Reader:
    def __init__(self, data, what):
        self.data, self.at, self.what = data, 0, what

    must = lambda self, ok: must(ok, self.what)
    left = lambda self: len(self.data) - self.at
    int = lambda self: zigzag(self.uint())
    text = lambda self, most, least=0: self.take(self.uint(most, least))

    def take(self, n):
        self.must(n <= self.left())
        self.at += n
        return self.data[self.at - n : self.at]

    def uint(self, most=(1 << 64) - 1, least=0):
        n, shift, b = 0, 0, 128
        while b > 127:
            b = self.take(1)[0]
            n |= (b & 127) << shift
            shift += 7
        self.must(least <= n <= most and (b or shift == 7))
        return n

    def many(self, read=lambda r: r.take(32), ascending=True):
        found = [read(self) for _ in range(self.uint(1 << 32))]
        self.must(not ascending or all(a < b for a, b in zip(found, found[1:])))
        return found

    def packed(self, most):  # 15
        start, t, head = self.at, b"", 1
        while head & 1:
            head = self.uint()
            n = head >> 2
            t += self.take(n + 1 >> 1).hex()[:n].encode() if head & 2 else self.take(n)
        self.must(len(t) <= most and packed(t) == self.data[start : self.at])
        return t

    def key(self, before):  # 15
        shared = self.uint(len(before))
        rest = self.packed(1028 - shared)
        self.must(rest and (shared == len(before) or rest[0] > before[shared]))
        return before[:shared] + rest

    end = lambda self, padded=False: self.must(self.left() == 0 or padded and not any(self.data[self.at :]))

Entry = namedtuple("Entry", "key group kind time expires timer inline content size")

def entry(r, key, group, before):  # 15
    flags, kind = r.take(2)
    numbers = [n for n in re.findall(rb"[0-9]+", key) if 13 <= len(n) <= 18]
    at = signed(int(numbers[-1] if numbers else before) + r.int())
    flags & 1 and r.text(128, least=1)
    expires = signed(at + r.int()) if flags & 2 else 0
    timer = signed(r.uint()) if flags & 4 else 0
    flags & 8 and r.many(lambda r: r.text(1028, least=1), ascending=False)
    flags & 16 and r.text(1024, least=1)
    inline = times(r.text(4096, least=1), at) if flags & 32 else b""
    content = (r.take(1)[0], r.take(32)) if flags & 64 else None
    return Entry(key, group, kind, at, expires, timer, inline, content, r.uint() if flags & 128 else len(inline))

class Archive:
    def __init__(self, folder, recovery):
        self.folder, self.places = folder, {}
        key = self.unlock(recovery)
        self.ref, self.meta, self.tag, self.root = (hkdf(key, b"", b"dayfold 1 " + x.encode()) for x in "ref meta tag root".split())
        r = self.object(1, "config")  # 12
        r.must(r.uint() == 1 and r.take(16))
        self.strict = r.uint(127) & 1
        r.uint(64 << 20), r.uint(64 << 20), r.end()
        for path in sorted(folder.glob("packs/*/*")):
            self.pack(path)
        dictionary = (Path(__file__).resolve().parents[2] / "dict1.bin").read_bytes()  # 6
        must(blake3(dictionary).hex() == "e25deb25ca5a3d81d514d427aa690b306ba7b1ee8d05e2e4fb960e9dbfa0f710", "dictionary 1")
        raw = zstandard.ZstdCompressionDict(dictionary, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        self.codecs = None, zstandard.ZstdDecompressor(), zstandard.ZstdDecompressor(dict_data=raw)

    def unlock(self, recovery):  # 3
        for path in sorted(self.folder.glob("keys/*")):
            slot = path.read_bytes()
            must(len(slot) == 512 and slot[:9] == b"dayfkey\n\1" and not any(slot[136:]), path)
            pair = hkdf(recovery, slot[24:56], b"dayfold 1 slot recovery", 64)
            if slot[9] == 1 and not any(slot[10:24]) and pair[32:] == slot[56:88]:
                return AESGCM(pair[:32]).decrypt(bytes(12), slot[88:136], slot[:88])
        sys.exit("wrong recovery key")

    def parts(self, role, name, data, what):  # 4
        header = data[:96]
        pair = hkdf(self.root if role == 5 else self.meta, header[32:64], b"dayfold 1 object" + bytes([role]), 64)
        must(header[:32] == b"dayfold\n\1" + bytes([role]) + bytes(22) and pair[32:] == header[64:], what)
        aead, aad = AESGCM(pair[:32]), header + name.encode()
        return lambda n, sealed: aead.decrypt(n.to_bytes(12, "big"), sealed, aad + struct.pack("<I", n))

    def object(self, role, name, data=None):
        data = data or (self.folder / name).read_bytes()
        r = Reader(self.parts(role, name, data, name)(0, data[96:]), name)
        plain = r.take(r.uint())
        r.end(padded=True)
        return Reader(plain, name)

    def pack(self, path):  # 7
        data = path.read_bytes()
        must(blake3(data).hex() == path.name and path.name[:2] == path.parent.name, path)
        part = self.parts(2, "", data, path)
        end, length, zero = struct.unpack("<QII", part(0, data[-32:]))
        r, at = Reader(part(1, data[end:-32]), path), 96
        r.must(end + length + 32 == len(data) and zero == 0 and r.take(5)[0] in (1, 2, 3))
        for name, n in r.many(lambda r: (r.take(16), r.uint()), ascending=False):
            self.places[name], at = (path, at, n), at + n
        r.end(padded=True)
        r.must(at == end)

    def blob(self, kind, ref, scope=b""):  # 5, 6
        name = derived(b"dayfold 1 blob id", ref)[:16]
        must(name in self.places, f"blob {name.hex()} is in no pack")
        path, at, n = self.places[name]
        with path.open("rb") as f:
            f.seek(at)
            sealed = f.read(n)
        plain = AESGCM(derived(b"dayfold 1 blob key", ref)).decrypt(sealed[:12], sealed[12:], name)
        r = Reader(plain, f"blob {name.hex()}")
        codec, size = r.take(1)[0], r.uint(16 << 20)
        body = plain[r.at :]
        if codec:
            r.must(codec < 3 and body[:4] == b"\x28\xb5\x2f\xfd" and body[4] & 63 == 32)
            d = self.codecs[codec].decompressobj()
            body = d.decompress(body)
            r.must(not d.unused_data)
        r.must(len(body) == size and keyed(self.ref, text(scope) + bytes([kind]) + body) == ref)
        return body

    def snapshots(self):  # 20, 21
        fences, number, accepted, removed, found = sorted(self.folder.glob("gc/fence/*")), 0, [], [], {}
        if fences:
            r = self.object(8, f"gc/fence/{fences[-1].name}")
            number, _ = r.uint(), r.int()
            accepted = r.many(lambda r: (r.take(16), r.uint(0xFFFFFFFF)))
            r.must(f"{number:016x}" == fences[-1].name and not set(r.many()) & set(r.many()))
            _, removed = r.many(lambda r: r.take(8)), r.many(lambda r: (r.take(16).hex(), r.uint(1)))  # buried, removed
            r.end()
        for path in sorted(self.folder.glob("snapshots/*/*")):
            if path.parent.name not in dict(removed) and not (self.folder / "removed" / path.parent.name).exists():
                base, *rest = self.snapshot(str(path.relative_to(self.folder)))
                if base + 1 >= number or (bytes.fromhex(path.parent.name), int(path.name, 16)) in accepted:
                    found[path.parent.name] = rest  # the highest revision comes last
        return found

    def snapshot(self, name):  # 13
        data = (self.folder / name).read_bytes()
        part = self.parts(4, name, data, name)
        end = 116 + struct.unpack("<I", part(0, data[96:116]))[0]
        r = Reader(part(1, data[116:end]), name)
        r.take(16), r.uint(), r.many(lambda r: (r.take(16), r.uint()))  # device, seq, seen
        base, at, label, partial = r.uint(), r.int(), r.take(16), r.uint(1)
        _, _, _, packs, buckets = r.uint(0xFFFFFFFF), r.many(), r.many(), r.many(), r.many(lambda r: (r.uint(0xFFFFFFFF), r.take(32)))
        r.must(r.take(32) == blake3(data[end:]) and r.left() == 0)
        r = self.object(5, name, data[end:])
        roots = [(r.take(32), r.uint(40), r.uint(), r.uint()) for _ in range(2)]
        r.must(label == keyed(self.tag, text(b"source") + text(r.text(256)) + text(r.text(1000)))[:16])
        r.text(65536), r.many(lambda r: r.text(256), ascending=False)  # data, tags
        r.uint(), r.uint(), r.many(lambda r: (r.text(256), r.uint())), r.uint(1), r.uint(1)
        spans = lambda r: r.many(lambda r: (r.uint(), r.uint(least=1)), ascending=False)
        r.must(len(r.many(lambda r: (spans(r), spans(r)), ascending=False)) == len(packs) + len(buckets) and r.left() == 0)
        return base, at, partial, roots

    def walk(self, ref, level, record=None):  # 15, 16
        r, key, at, sums = Reader(self.blob(2 if level else 1, ref), f"a node of level {level}"), b"", 0, (0, 0, 0)
        r.must(r.take(1)[0] == level) if level else r.take(16)
        group, left = (b"", r.uint()) if level else (r.packed(1024), 0)
        while r.left():
            key = r.key(key)
            if level:
                child, count, size, left = r.take(32), r.uint(), r.uint(), left - 1
                below = count >> 1, size, count & 1
                yield from self.walk(child, level - 1, (key, *below))
            else:
                e = entry(r, key, group, at)
                at, below = e.time, (1, e.size, int(e.content is not None))
                yield e
            sums = sums[0] + below[0], sums[1] + below[1], sums[2] | below[2]
        r.must(left == 0 < sums[0] and record in (None, (key, *sums)))

    def content(self, kind, scope, depth, ref, size):  # 17
        whole = self.blob(4 if kind == 2 else 3, ref, scope) if depth == 0 else b""
        r = Reader(self.blob(5, ref) if depth else b"", f"a list of level {depth}")
        r.must(depth == 0 or r.take(1)[0] == depth)
        while r.left():
            whole += self.content(kind, scope, depth - 1, r.take(32), r.uint())
        r.must(len(whole) == size > 0)
        return whole

    def items(self, roots):  # 14, 19
        for days, (ref, level, count, size) in zip((0, 4), roots):
            entries = list(self.walk(ref, level)) if any(ref) else []
            must((count, size) == (len(entries), sum(e.size for e in entries)), "a root")
            for e in entries:
                day = -(-e.expires // 86_400_000) if e.expires else 0xFFFFFFFF if e.timer else 0
                must(e.key[:days] == struct.pack(">I", day)[:days] and bool(day) == bool(days), "a day")
                if e.key[days : days + 1] == b"i":
                    yield e._replace(key=e.key[days + 1 :])

def main(folder, key_file):
    a = Archive(Path(folder), "".join(Path(key_file).read_text().lower().replace("-", "").split()).encode())
    found = a.snapshots()
    now = max([time.time() * 1000] + [at for at, _, _ in found.values()])
    for name, (_, partial, roots) in found.items():
        for e in sorted(a.items(roots)) if not partial else ():
            if not e.expires or e.expires > now:
                whole = a.content(e.kind, e.group if a.strict else b"", *e.content, e.size) if e.content else e.inline
                key, kind = json.dumps(e.key.decode("utf-8", "surrogateescape")), ("", "other", "message", "media")[e.kind]
                print(name, key, kind, e.group.hex(), e.time, e.expires, e.size, blake3(whole).hex(), sep="\t")

if __name__ == "__main__":
    main(*sys.argv[1:])
