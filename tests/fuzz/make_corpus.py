"""Writes the corpora of the fuzz targets that are data rather than findings: make_corpus.py FOLDER

A folder per target. What our own writers make comes from fuzz_seeds; inputs that were found by
fuzzing lie in tests/fuzz/corpus.
"""

import gzip
import io
import struct
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np

from json_cases import CASES


def npy(array, version=None):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version)
    return out.getvalue()


def npy_with(header, data=b""):
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode("latin-1") + data


def idx(code, extents, data):
    return bytes([0, 0, code, len(extents)]) + struct.pack(f">{len(extents)}I", *extents) + data


def arrays():
    a = np.arange(12, dtype=np.float32).reshape(4, 3)
    for name, dtype in [("f2", "<f2"), ("f4", "<f4"), ("f8", ">f8"), ("i1", "i1"), ("i8", ">i8"),
                        ("u2", "<u2"), ("u8", "<u8"), ("b1", "?")]:
        yield f"{name}.npy", npy(a.astype(dtype))
    yield "v2.npy", npy(a, (2, 0))
    yield "v3.npy", npy(a, (3, 0))
    yield "fortran.npy", npy(np.asfortranarray(a))
    yield "complex.npy", npy(a.astype(np.complex64))
    yield "scalar.npy", npy(np.float32(1).reshape(()))
    yield "empty.npy", npy(np.zeros((0, 3), np.float32))
    yield "many_dims.npy", npy(np.zeros((1,) * 32, np.uint8))
    yield "structured.npy", npy(np.zeros(2, [("x", "f4"), ("y", "i4")]))
    yield "objects.npy", npy_with("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }")
    huge = "{'descr': '<f8', 'fortran_order': False, 'shape': (%s,), }"
    yield "overflow.npy", npy_with(huge % "4611686018427387904, 4611686018427387904")
    yield "huge.npy", npy_with(huge % "9223372036854775807")
    yield "negative.npy", npy_with(huge % "-1")
    yield "wide.npy", npy_with(huge % "0, 9223372036854775807, 9223372036854775807")
    yield "nested.npy", npy_with("(" * 200)
    yield "long_header.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff{"
    yield "no_header.npy", b"\x93NUMPY"
    small = idx(8, (2, 2, 2), bytes(range(8)))
    yield "u1.idx", small
    for code, size in [(9, 1), (11, 2), (12, 4), (13, 4), (14, 8)]:
        yield f"{code}.idx", idx(code, (3,), bytes(3 * size))
    yield "empty.idx", idx(8, (0, 28, 28), b"")
    yield "huge.idx", idx(8, (2**32 - 1,) * 3, b"")
    yield "deep.idx", idx(14, (2**32 - 1,) * 255, b"")
    yield "short.idx", small[:-1]
    yield "long.idx", small + b"x"
    yield "u1.idx.gz", gzip.compress(small, mtime=0)
    yield "two_members.idx.gz", gzip.compress(small[:9], mtime=0) + gzip.compress(small[9:], mtime=0)
    yield "cut.idx.gz", gzip.compress(small, mtime=0)[:-6]
    yield "wrong_size.idx.gz", gzip.compress(small, mtime=0)[:-4] + b"\xff\xff\xff\xff"
    yield "bomb.idx.gz", gzip.compress(small + bytes(8_000_000), mtime=0)
    yield "honest_bomb.idx.gz", gzip.compress(idx(8, (8, 1000, 1000), bytes(8_000_000)), mtime=0)
    yield "claims.idx.gz", gzip.compress(idx(8, (2**31, 2**10), b"x"), mtime=0)


def cifar():
    ten = bytes([3]) + bytes(3072)
    hundred = bytes([1, 99]) + bytes(3072)
    yield "two_of_10", b"\0" + ten * 2
    yield "two_of_100", b"\1" + hundred * 2
    yield "short", b"\0" + ten[:-1]
    yield "label", b"\0" + bytes([10]) + ten[1:]
    yield "empty", b"\0"


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, depth=8, kind=0, rows=b"", interlace=0, extra=b""):
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlace)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def pictures():
    rows = bytes((b"\0" + bytes(range(5))) * 4)
    yield "gray.png", png(5, 4, rows=rows)
    yield "rgb.png", png(5, 4, kind=2, rows=(b"\1" + bytes(15)) * 4)
    yield "rgba16.png", png(5, 4, 16, 6, (b"\2" + bytes(40)) * 4)
    yield "alpha.png", png(5, 4, 8, 4, (b"\3" + bytes(10)) * 4)
    palette = chunk(b"PLTE", bytes(range(6)))
    yield "palette.png", png(5, 4, 1, 3, (b"\0\xa8") * 4, extra=palette)
    yield "palette_index.png", png(5, 4, 8, 3, (b"\0" + b"\xff" * 5) * 4, extra=palette)
    yield "no_palette.png", png(5, 4, 8, 3, (b"\0" + bytes(5)) * 4)
    yield "interlaced.png", png(5, 4, rows=bytes(40), interlace=1)
    yield "bomb.png", png(20000, 20000, kind=2, rows=bytes(100))
    yield "huge.png", png(2**31 - 1, 2**31 - 1, rows=b"")
    yield "flat.png", png(1, 65535, rows=bytes(2 * 65535))
    yield "nothing.png", png(0, 4)
    yield "filter.png", png(5, 4, rows=(b"\7" + bytes(5)) * 4)
    yield "cut.png", png(5, 4, rows=rows)[:-20]
    yield "text.png", png(5, 4, rows=rows, extra=chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**6))))
    try:
        from PIL import Image
    except ImportError:  # then the JPEG files in tests/fuzz/corpus must do
        return
    image = Image.fromarray(np.arange(16 * 12 * 3, dtype=np.uint8).reshape(16, 12, 3))
    for name, mode, options in [("rgb", "RGB", {}), ("gray", "L", {}), ("cmyk", "CMYK", {}),
                                ("progressive", "RGB", {"progressive": True}),
                                ("whole_colour", "RGB", {"subsampling": 0})]:
        out = io.BytesIO()
        image.convert(mode).save(out, "JPEG", **options)
        yield f"{name}.jpg", out.getvalue()
    out = out.getvalue()
    yield "cut.jpg", out[: len(out) // 2]
    start = out.index(b"\xff\xc0")
    yield "huge.jpg", out[: start + 5] + b"\xff\xff\xff\xff" + out[start + 9 :]


def images():
    for name, data in pictures():
        for how in (0, 1, 4, 10, 16, 20):
            yield f"{how}_{name}", bytes([how, 3]) + data


def columns():
    csv = {
        "plain": b"id,category,loss\n0,a,0.5\n1,b,nan\n2,,\n",
        "quoted": b'a,b\r\n"x ""y""\nz",1\r\nq,2\r\n"",3\r\n',
        "open_quote": b'a,b\n"x',
        "ragged": b"a,b\n1\n1,2,3\n",
        "bom": b"\xef\xbb\xbfcategory\nx\ny\nz\n",
        "latin": b"category\n\xe9\xff\n",
        "nul": b"a\0b\n\0\n",
        "numbers": b"1e400\n-inf\n0x10\n",
        "returns": b"a\rb\rc",
        "blank": b"\n\n\n",
        "empty": b"",
        "deep": b'"' * 5000,
        "wide": b"," * 5000 + b"\n" + b"," * 5000,
    }
    for name, data in csv.items():
        for how in range(8):
            yield f"{name}_{how}", bytes([how, 3]) + data
    yield "numbers.npy", bytes([3, 3]) + npy(np.array([1.0, np.nan, 3.0]))
    yield "whole.npy", bytes([3, 3]) + npy(np.array([1, 2, 3]))


def tomls():
    base = b'model = "m.pt"\ndata = ["x.npy", "y.npy"]\nout = "r.h5"\n'
    yield "base", base
    yield "numbers", base + b"batch-size = 99999999999999999999\nthreads = -1\nseed = 1e9\n"
    yield "lists", base + b'layers = ["a", [["b"]], {c = 1}]\nweights = [1, 2\n'
    yield "section", base + b"[groups]\nn-groups = 3\n[[a.b.c]]\n"
    yield "again", base + b'config = "job.toml"\n'
    yield "quotes", base + b'json = "a\\u12"\nmeta = \'x\n'
    yield "normalize", base + b'normalize = "x:mean=1,2,std=0,nan"\ninput = "a,=1e999,=,b"\n'
    yield "transform", base + b'transform = ["temperature=0", "topk=99999999999999999999"]\n'
    yield "range", base + b'range = "9223372036854775807:-1"\nresize = "0x999999999999"\n'
    yield "unknown", base + b"no-such = 1\n"
    yield "bytes", base + bytes(range(256))
    yield "help", b"help = true\n"
    yield "nested", b"[" * 2000 + b"\n" + b"a = " + b"[" * 2000


def hdf5(fill):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.h5"
        with h5py.File(path, "w", libver=("earliest", "v110")) as file:
            fill(file)
        return path.read_bytes()


def h5_data():
    def plain(file):
        file["f4"] = np.arange(12, dtype="f4").reshape(4, 3)
        file["big"] = np.arange(4, dtype=">i2")
        file["flag"] = np.array([True, False])
        file["half"] = np.zeros((4, 2), "f2")
        file["words"] = ["a", "b", "c"]
        file["fixed"] = np.array([b"ab", b"c"])
        file["alone"] = 1.0
        file["compound"] = np.zeros(2, [("x", "f4")])
        file.create_dataset("packed", data=np.zeros((8, 8)), chunks=(2, 8), compression="gzip",
                            shuffle=True, fletcher32=True)
        file.create_dataset("grows", data=np.ones((3, 2)), maxshape=(None, 2))
        file.create_dataset("compact", data=np.ones(3))
        file.create_group("group")

    def claims(file):
        file.create_dataset("rows", shape=(2**40,), dtype="f4", chunks=(1024,))
        file.create_dataset("wide", shape=(4, 2**40), dtype="f4", chunks=(1, 1024))
        file.create_dataset("chunk", shape=(4, 2**28), dtype="f4", chunks=(1, 2**28))
        file.create_dataset("words", shape=(8, 2**40), dtype=h5py.string_dtype(), chunks=(1, 64))
        file.create_dataset("many", shape=(2**40,), dtype=h5py.string_dtype(), chunks=(64,))
        file.create_dataset("long", shape=(8,), dtype="S1000000000", chunks=(1,))

    def bomb(file):
        file.create_dataset("bomb", data=np.zeros((4, 2**21)), chunks=(1, 2**21),
                            compression="gzip", compression_opts=9)

    def links(file):
        file["here"] = np.ones((4, 3))
        file["outside"] = h5py.ExternalLink("/etc/passwd", "/x")
        file["self"] = h5py.ExternalLink("data.h5", "/here")
        file["soft"] = h5py.SoftLink("/here")
        file["soft_outside"] = h5py.SoftLink("/self")
        file["soft_way"] = h5py.SoftLink("/deep/self")
        file["nowhere"] = h5py.SoftLink("/none")
        file["loop"] = h5py.SoftLink("/loop")
        file["deep/self"] = h5py.ExternalLink("data.h5", "/here")
        file["hard"] = file["here"]

    def elsewhere(file):
        file.create_dataset("external", shape=(4,), dtype="u1", external=[("/etc/passwd", 0, 4)])
        layout = h5py.VirtualLayout(shape=(4,), dtype="u1")
        layout[:] = h5py.VirtualSource("/etc/passwd", "x", shape=(4,))
        file.create_virtual_dataset("virtual", layout)
        layout = h5py.VirtualLayout(shape=(4, 3), dtype="f8")
        layout[:] = h5py.VirtualSource(".", "virtual", shape=(4, 3))
        file.create_virtual_dataset("within", layout)

    def references(file):
        file["x"] = np.ones(3)
        file.create_dataset("ref", data=[file["x"].ref], dtype=h5py.ref_dtype)
        file.create_dataset("ragged", data=np.array([np.arange(2), np.arange(3)], dtype=object),
                            dtype=h5py.vlen_dtype(np.int32))
        file["opaque"] = np.zeros(2, "V7")
        file["enum"] = np.zeros(2, h5py.enum_dtype({"a": 0, "b": 70000}, basetype="i4"))

    def unknown_filter(file):
        space = h5py.h5s.create_simple((4,))
        creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        creation.set_chunk((4,))
        creation.set_filter(305, h5py.h5z.FLAG_OPTIONAL, (1, 2))
        set_id = h5py.h5d.create(file.id, b"x", h5py.h5t.NATIVE_INT32, space, creation)
        set_id.write_direct_chunk((0,), bytes(16), 0)

    for fill in (plain, claims, bomb, links, elsewhere, references, unknown_filter):
        yield fill.__name__ + ".h5", hdf5(fill)
    whole = hdf5(plain)
    yield "user_block.h5", bytes(512) + whole
    yield "cut.h5", whole[: len(whole) // 2]
    yield "head.h5", whole[:96]


def archives():
    def zipped(method=zipfile.ZIP_STORED, wide=False, comment=b""):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", method) as file:
            file.comment = comment
            for name in ("m/constants.pkl", "m/code/x.py", "m/data/0"):
                info = zipfile.ZipInfo(name)
                info.compress_type = method
                with file.open(info, "w", force_zip64=wide) as record:
                    record.write(name.encode() * 3)
        return out.getvalue()

    plain = zipped()
    yield "stored", plain
    yield "deflated", zipped(zipfile.ZIP_DEFLATED)
    yield "comment", zipped(comment=b"PK\x05\x06 and more")
    # A directory in the wide form of files beyond 4 GB, which the module writes for those alone.
    end = plain.rindex(b"PK\x05\x06")
    count, size, at = struct.unpack("<10xHII2x", plain[end:])
    wide = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, at)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1)
    yield "wide", plain[:end] + wide + locator + plain[end:]
    yield "far", plain[:end] + wide + locator[:8] + b"\xff" * 8 + locator[16:] + plain[end:]
    yield "many", plain[:end] + struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 2**64 - 1,
                                            2**64 - 1, size, at) + locator + plain[end:]
    yield "wide_records", zipped(wide=True)
    yield "cut", plain[:-1]
    yield "only_end", plain[end:]


def undo():
    magic = b"fodundo1"
    pack = struct.pack
    yield "nothing", b"\0" + magic + pack("<qq", 10, 0)
    yield "huge", b"\0" + magic + pack("<qq", 2**62, 0)
    yield "negative", b"\0" + magic + pack("<qq", -1, 0)
    yield "backwards", b"\0" + magic + pack("<qqqq", 4, 1, 9, 3)
    yield "outside", b"\0" + magic + pack("<qqqq", 4, 1, -5, -3) + b"ab"
    yield "far", b"\0" + magic + pack("<qqqq", 4, 1, 2**62, 2**62 + 2) + b"ab"
    yield "endless", b"\0" + magic + pack("<qqqq", 4, 1, -(2**63), 2**63 - 1)
    yield "many", b"\0" + magic + pack("<qq", 4, 2**60)


def json_texts():
    for case in CASES:
        if len(case.text) <= 100_000:
            yield case.name, case.text


def rules_texts():
    yield from json_texts()
    yield "rules", b'{"categories": {"a": ["x", "y z"], "b": []}, "otherwise": "c"}'
    yield "rules_deep", b'{"categories": {"a": [' + b"[" * 40_000 + b"]" * 40_000 + b"]}}"
    yield "rules_number", b'{"categories": {"a": [1e99999]}}'
    yield "rules_many", b'{' + b", ".join(b'"%d": 1' % i for i in range(9_000)) + b"}"
    yield "rules_twice", b'{"categories": {"a": ["x"], "a": ["y"]}}'


TARGETS = {"archive": archives, "arrays": arrays, "cifar": cifar, "image": images, "columns": columns, "config": tomls,
           "h5_data": h5_data, "undo": undo, "import": json_texts, "json": rules_texts}


def main(folder):
    for target, inputs in TARGETS.items():
        (folder / target).mkdir(parents=True, exist_ok=True)
        for name, data in inputs():
            (folder / target / name).write_bytes(data)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
