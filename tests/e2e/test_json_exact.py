"""`fod import` and `fod export` against Python's own json, byte for byte, and every diagnosis."""

import json
import math
import os
import random
import struct

import h5py
import numpy as np
import pytest

from program import dumps, fod


def round_trip(folder, text, *flags):
    """What comes out of `fod export` after `fod import` of `text`."""
    source, result = folder / "in.json", folder / "r.h5"
    source.write_bytes(text)
    done = fod("import", source, result, "--lenient", "--overwrite", *flags)
    assert done.returncode == 0, done.stderr
    done = fod("export", result, "-")
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows_of(values, width):
    values = list(values)
    values += [0.0] * (-len(values) % width)
    return {str(i): values[i * width:(i + 1) * width] for i in range(len(values) // width)}


def float32_values(count, seed):
    """Random bit patterns of float32, and all exponents with all the mantissas at their ends."""
    random_bits = np.random.default_rng(seed).integers(0, 2**32, count, dtype=np.uint32)
    ends = [sign << 31 | exponent << 23 | mantissa & 0x7FFFFF
            for sign in (0, 1) for exponent in range(256) for mantissa in (0, 1, 2, -1, -2)]
    bits = np.concatenate([random_bits, np.array(ends, dtype=np.uint32)])
    with np.errstate(invalid="ignore"):  # signalling NaNs
        return bits.view(np.float32).astype(np.float64).tolist()


def test_float32_numbers_as_python_writes_them(tmp_path):
    values = float32_values(400_000, 1)
    text = dumps({"meta": {"model_name": None}, "distributions": rows_of(values, 1000)})
    assert round_trip(tmp_path, text) == text
    with h5py.File(tmp_path / "r.h5") as result:
        assert result["distributions"].dtype == np.float32


def test_probabilities_as_python_writes_them(tmp_path):
    logits = np.random.default_rng(2).normal(0, 8, (3000, 100)).astype(np.float32)
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    rows = (shifted / shifted.sum(axis=1, keepdims=True)).astype(np.float32)
    text = dumps({"meta": {"model_name": "m"},
                  "distributions": {str(i): row.astype(float).tolist()
                                    for i, row in enumerate(rows)}})
    assert round_trip(tmp_path, text) == text
    with h5py.File(tmp_path / "r.h5") as result:
        assert np.array_equal(result["distributions"][:], rows)
    assert fod("verify", tmp_path / "r.h5").returncode == 0


def test_float64_numbers_as_python_writes_them(tmp_path):
    generator = random.Random(3)
    values = [struct.unpack("<d", generator.randbytes(8))[0] for _ in range(150_000)]
    values += [sign * 2.0**e for e in range(-1074, 1024) for sign in (1, -1)]
    values += [10.0**e for e in range(-323, 309)]
    values += [math.nextafter(10.0**e, way) for e in range(-20, 25) for way in (0, math.inf)]
    values += [generator.random() for _ in range(50_000)]
    values += [generator.randrange(2**63) / 2**generator.randrange(64) for _ in range(50_000)]
    text = dumps({"meta": {}, "distributions": rows_of(values, 500)})
    assert round_trip(tmp_path, text) == text
    with h5py.File(tmp_path / "r.h5") as result:
        assert result["distributions"].dtype == np.float64


def test_shortest_float32_digits_keep_the_float32(tmp_path):
    values = [v for v in float32_values(100_000, 4) if math.isfinite(v)]
    text = dumps({"meta": {}, "distributions": rows_of(values, 500)})
    round_trip(tmp_path, text)
    done = fod("export", tmp_path / "r.h5", "-", "--float32")
    assert len(done.stdout) < 0.8 * len(text)
    back = np.array(sum(json.loads(done.stdout)["distributions"].values(), []))
    with np.errstate(over="ignore"):
        back = back.astype(np.float32)
    expected = np.array(sum(rows_of(values, 500).values(), []), dtype=np.float32)
    assert np.array_equal(back.view(np.uint32), expected.view(np.uint32))
    # The same digits as NumPy's shortest ones, in Python's layout.
    some = np.array(values[:3000], dtype=np.float32)
    digits = [repr(float(np.format_float_scientific(v, unique=True, trim="-"))) for v in some]
    assert done.stdout.decode().split('"0": [')[1].split("]")[0].split(", ") == digits[:500]


def hostile_text(generator):
    alphabets = ["\"\\/", "".join(map(chr, range(32))), "\x7f\x80\x9f\u2028\u2029\ufeff\uffff",
                 "äßπ日本", "😀\U0010ffff", "abc {}[]:,"]
    return "".join(generator.choice(generator.choice(alphabets))
                   for _ in range(generator.randrange(12)))


def hostile_value(generator, depth):
    kind = generator.randrange(10 if depth > 0 else 7)
    if kind < 2:
        return hostile_text(generator)
    if kind == 2:
        return generator.choice([True, False, None, math.nan, math.inf, -math.inf, -0.0, 0])
    if kind == 3:
        return generator.randrange(-10**generator.randrange(1, 60), 10**60)
    if kind < 7:
        return struct.unpack("<d", generator.randbytes(8))[0]
    if kind == 7:
        return [hostile_value(generator, depth - 1) for _ in range(generator.randrange(5))]
    return {hostile_text(generator): hostile_value(generator, depth - 1)
            for _ in range(generator.randrange(5))}


def test_hostile_metadata_as_python_writes_it(tmp_path):
    generator = random.Random(5)
    meta = {"model_name": hostile_text(generator)}
    for i in range(3000):
        meta[f"{i} {hostile_text(generator)}"] = hostile_value(generator, 4)
    deep = []
    for _ in range(400):
        deep = [{"": deep}]
    meta["deep"] = deep
    document = {"meta": meta, "distributions": {"0": [0.5, 0.5]}}
    expected = dumps(document)
    for text in (expected, json.dumps(document).encode(),  # escapes of all that is not ASCII
                 json.dumps(document, ensure_ascii=False, indent=1).encode(),
                 json.dumps(document, separators=(",", ":")).encode()):
        assert round_trip(tmp_path, text) == expected


@pytest.mark.parametrize("meta", [
    '{"a": -0, "b": -0.0, "c": 1E400, "d": -1e400, "e": 1e-400, "f": 1.0e5, "g": 100e-2}',
    '{"big": 123456789012345678901234567890123456789012345678901234567890, "x": 1E2}',
    r'{"s": "\/\u0041\u00e9\ud83d\ude00\u001F\u0000\b\f\n\r\t\"\\"}',
    '{"n": NaN, "i": Infinity, "m": -Infinity, "e": [], "o": {}, "l": [[], {}]}',
    '\t{ "a"\n:\r[ 1 ,2 ] }',
])
def test_canonical_metadata_is_pythons(tmp_path, meta):
    text = '{"meta": %s, "distributions": {"0": [1.0]}}' % meta
    assert round_trip(tmp_path, text.encode()) == dumps(json.loads(text))


def test_order_of_ids_and_members_does_not_matter(tmp_path):
    ids = list(range(0, 9000, 3)) + [2**63 - 2, 1]
    random.Random(6).shuffle(ids)
    distributions = {str(i): [0.25, 0.75] for i in ids}
    text = json.dumps({"other": [{"x": 1}], "distributions": distributions, "more": "y",
                       "meta": {"k": 1}}, indent=1).encode()
    assert round_trip(tmp_path, text) == dumps({"meta": {"k": 1}, "distributions": distributions})
    assert fod("verify", tmp_path / "r.h5").returncode == 0
    info = json.loads(fod("info", "--json", tmp_path / "r.h5").stdout)
    assert (info["samples"], info["id_begin"], info["id_end"]) == (3002, 0, 2**63 - 1)


def test_no_samples(tmp_path):
    text = b'{"meta": {"model_name": null}, "distributions": {}}'
    assert round_trip(tmp_path, text) == text
    assert round_trip(tmp_path, b'{"distributions": {}}') == text
    with h5py.File(tmp_path / "r.h5") as result:
        assert result["distributions"].shape == (0, 0)
    for command in ("verify", "info"):
        assert fod(command, tmp_path / "r.h5").returncode == 0


def test_whole_numbers_are_taken_as_floats(tmp_path):
    text = b'{"distributions": {"0": [0, 1], "1": [-0, 1e0]}}'
    assert round_trip(tmp_path, text) == (
        b'{"meta": {"model_name": null}, "distributions": {"0": [0.0, 1.0], "1": [0.0, 1.0]}}')


# What is in the file, what must be said, and what is left with --lenient.
GOOD = '"0": [0.5, 0.5]'
DIAGNOSES = {
    "ragged": ('"1": [1.0]', "sample 1 (line 1, column 37): 1 values where the first row has 2",
               [0]),
    "longer": ('"1": [1.0, 0.0, 0.0]', "3 values where the first row has 2", [0]),
    "empty row": ('"1": []', "sample 1 (line 1, column 37): it has no values", [0]),
    "duplicate": ('"0": [1.0, 0.0]', "sample 0 (line 1, column 37): its key is there twice", [0]),
    "leading zeros": ('"00": [1.0, 0.0]',
                      'sample "00" (line 1, column 37): its key is no sample id', [0]),
    "plus": ('"+1": [1.0, 0.0]', 'sample "+1"', [0]),
    "minus": ('"-1": [1.0, 0.0]', 'sample "-1"', [0]),
    "fraction": ('"1.0": [1.0, 0.0]', 'sample "1.0"', [0]),
    "space": ('" 1": [1.0, 0.0]', 'sample " 1"', [0]),
    "word": ('"one": [1.0, 0.0]', 'sample "one"', [0]),
    "no key": ('"": [1.0, 0.0]', 'sample ""', [0]),
    "too large": ('"9223372036854775807": [1.0, 0.0]', 'sample "9223372036854775807"', [0]),
    "control": ('"1\\n": [1.0, 0.0]', 'sample "1\\n"', [0]),
    "null": ('"1": null', "sample 1 (line 1, column 37): null where a list of numbers", [0]),
    "number": ('"1": 1.0', "a number where a list of numbers", [0]),
    "string": ('"1": "[1.0, 0.0]"', "a string where a list of numbers", [0]),
    "boolean": ('"1": true', "a boolean where a list of numbers", [0]),
    "object": ('"1": {"0": 1.0, "1": [0]}', "an object where a list of numbers", [0]),
    "null entry": ('"1": [1.0, null]', "sample 1 (line 1, column 37): entry 1 is null", [0]),
    "string entry": ('"1": ["0.5", 0.5]', "entry 0 is a string", [0]),
    "nested": ('"1": [[1.0, 0.0]]', "entry 0 is a list", [0]),
    "nested object": ('"1": [{"a": []}, 1.0]', "entry 0 is an object", [0]),
    "negative": ('"1": [-0.5, 1.5]', "sample 1 (line 1, column 37): the value -0.5 is negative",
                 [0, 1]),
    "sum": ('"1": [0.5, 0.25]', "sample 1 (line 1, column 37): the sum is 0.75 where 1", [0, 1]),
    "nan": ('"1": [NaN, 1.0]', "sample 1 (line 1, column 37): a value is not finite", [0, 1]),
    "infinity": ('"1": [1.0, -1e999]', "a value is not finite", [0, 1]),
}


@pytest.mark.parametrize("name", DIAGNOSES)
def test_diagnosis(tmp_path, name):
    row, says, kept = DIAGNOSES[name]
    source, result = tmp_path / "in.json", tmp_path / "r.h5"
    source.write_text('{"distributions": {%s, %s, "2": [0.5, 0.5]}}' % (GOOD, row))
    done = fod("import", source, result)
    assert done.returncode == 2 and done.stdout == b""
    assert says in done.stderr.decode() and "1 finding\n" in done.stderr.decode()
    assert "--lenient" in done.stderr.decode()
    assert os.listdir(tmp_path) == ["in.json"]

    done = fod("import", source, result, "--lenient")
    assert done.returncode == 0 and says in done.stderr.decode()
    with h5py.File(result) as written:
        assert written["sample_ids"][:].tolist() == [*kept, 2]
        finite = np.isfinite(written["distributions"][:]).all(axis=1)
        assert written["row_status"][:].tolist() == [int(not good) for good in finite]


def test_many_findings_are_counted(tmp_path):
    source = tmp_path / "in.json"
    source.write_text(json.dumps({"distributions": {str(i): [0.5, 0.5 + i] for i in range(2000)}}))
    errors = fod("import", source, tmp_path / "r.h5").stderr.decode()
    assert "1,999 findings" in errors and "and 1,979 more" in errors
    assert errors.count("  sample ") == 20


BROKEN = {
    "missing": ('{"meta": {}}', 'the key "distributions" is missing'),
    "list": ('{"distributions": [[0.5, 0.5]]}', "a list where an object was expected"),
    "top-level list": ("[]", "an object was expected, a list came"),
    "repeated distributions": ('{"distributions": {}, "distributions": {}}', "is there twice"),
    "repeated meta": ('{"meta": {}, "distributions": {}, "meta": {}}', "is there twice"),
    "repeated meta key": ('{"meta": {"a": 1, "a": 2}, "distributions": {}}',
                          'line 1, column 19: the key "a" is there twice'),
    "nothing usable": ('{"distributions": {"0": null}}', "none of its 1 rows is usable"),
    "truncated": ('{"distributions": {"0": [0.5,', "line 1, column 30: a value was expected"),
    "trailing comma": ('{"distributions": {"0": [0.5, 0.5],}}', "line 1, column 36"),
    "second line": ('{"distributions":\n {"0": [0.5 0.5]}}', "line 2, column 13"),
    "garbage": ('{"distributions": {}} x', "the end of the text was expected"),
    "byte order mark": ('\ufeff{"distributions": {}}', "byte order mark"),
    "empty": ("", "the end of the text came"),
    "lone surrogate": ('{"meta": {"a": "\\ud800"}, "distributions": {}}', "surrogate"),
    "python": ("{'distributions': {}}", "a key in double quotes"),
    "deep": ('{"x": ' + "[" * 5000, "brackets are open"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_such_file_is_refused(tmp_path, name):
    text, says = BROKEN[name]
    (tmp_path / "in.json").write_text(text, encoding="utf-8")
    done = fod("import", tmp_path / "in.json", tmp_path / "r.h5", "--lenient")
    assert done.returncode == 2 and says in done.stderr.decode()
    assert done.stderr.decode().startswith("fod: ") and done.stderr.count(b"\n") == 1
    assert os.listdir(tmp_path) == ["in.json"]


def test_meta_that_is_no_object(tmp_path):
    source = tmp_path / "in.json"
    source.write_text('{"meta": [1, {"a": 2}], "distributions": {%s}}' % GOOD)
    assert fod("import", source, tmp_path / "r.h5").returncode == 2
    done = fod("import", source, tmp_path / "r.h5", "--lenient")
    assert done.returncode == 0
    assert "meta (line 1, column 10): a list where an object was expected" in done.stderr.decode()
    assert fod("export", tmp_path / "r.h5", "-").stdout == (
        b'{"meta": {"model_name": null}, "distributions": {%s}}' % GOOD.encode())
