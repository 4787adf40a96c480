"""`fod import` of files that are cut short, odd or large."""

import json
import os
import re
import subprocess
import sys

import h5py
import numpy as np
import pytest
from conftest import h5rows
from program import FOD, dumps, fod

TEXT = dumps({"meta": {"model_name": "m é"},
              "distributions": {"0": [0.25, 0.75], "12": [1.0, 0.0], "7": [0.5, 5e-1]}})


def test_cut_at_every_byte(tmp_path):
    source, result = tmp_path / "in.json", tmp_path / "r.h5"
    for length in range(len(TEXT)):
        source.write_bytes(TEXT[:length])
        done = fod("import", source, result, "--lenient", "--threads", 1 + length % 2)
        told = done.stderr.decode(errors="replace")
        assert done.returncode == 2, (length, told)
        assert re.search(r"line 1, column \d+: ", told) and told.count("\n") == 1, (length, told)
        assert os.listdir(tmp_path) == ["in.json"]
    source.write_bytes(TEXT)
    assert fod("import", source, result).returncode == 0


# What may stand in the middle of much that is plain: the row, and what it becomes.
ODD = {
    "spaces": ('"R" :\t[ 0.5 ,\n0.5 ]\r', [0.5, 0.5]),
    "exponents": ('"R": [5E-1, 50000e-5]', [0.5, 0.5]),
    "whole": ('"R": [1, 0]', [1.0, 0.0]),
    "minus zero": ('"R": [1, -0]', [1.0, 0.0]),
    "minus zero as a float": ('"R": [1, -0.0]', [1.0, -0.0]),
    "many digits": ('"R": [0.500000000000000000000000000000000000001, 0.5]', [0.5, 0.5]),
    "no NaN": ('"R": [NaN, 1.0]', [float("nan"), 1.0]),
    "infinite": ('"R": [1.0, -Infinity]', [1.0, float("-inf")]),
    "escaped key": (r'"\u0033\u0033333": [0.5, 0.5]', [0.5, 0.5]),
    "null": ('"R": null', None),
    "long": ('"R": [0.5, 0.25, 0.25]', None),
    "short": ('"R": [1.0]', None),
    "nested": ('"R": [[0.5], "]", 0.5]', None),
    "a bracket in a key": ('"]": [0.5, 0.5]', None),
    "a twin": ('"3": [0.5, 0.5]', None),
    "an object": ('"R": {"0": [0.5, 0.5], "]": {}}', None),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_row_in_the_middle(tmp_path, name):
    row, becomes = ODD[name]
    count, at = 60_000, 33_333
    rows = [f'"{i}": [0.25, 0.75]' for i in range(count)]
    rows[at] = row.replace("R", str(at))
    text = '{"distributions": {%s}, "later": ["]", {}]}' % ", ".join(rows)
    (tmp_path / "in.json").write_text(text)
    done = fod("import", tmp_path / "in.json", tmp_path / "r.h5", "--lenient", "--threads", 2)
    assert done.returncode == 0, done.stderr
    expected = [i for i in range(count) if i != at or becomes is not None]
    assert h5rows(tmp_path / "r.h5", "sample_ids").tolist() == expected
    values = h5rows(tmp_path / "r.h5")
    if becomes is not None:
        np.testing.assert_array_equal(values[at], becomes)
        assert (np.signbit(values[at]) == np.signbit(becomes)).all()
        values = np.delete(values, at, axis=0)
    assert (values == [0.25, 0.75]).all()


def test_broken_in_the_middle_names_line_and_column(tmp_path):
    rows = ",\n".join(f'"{i}": [0.25, 0.75]' for i in range(60_000))
    for broken, says in (('"1": [0.5 0.5]', "column 11: `,` or `]` was expected"),
                         ('"1": [0.5, 05]', "column 12: `05` is no JSON number"),
                         ('"1": [0.5, .5]', "column 12: a value was expected"),
                         ('"1" [0.5, 0.5]', "column 5: `:` after a key was expected"),
                         ('', "column 1: a key in double quotes was expected")):
        text = '{"distributions": {%s,\n%s,\n"60000": [0.5, 0.5]}}' % (rows, broken)
        (tmp_path / "in.json").write_text(text)
        done = fod("import", tmp_path / "in.json", tmp_path / "r.h5", "--threads", 2)
        assert done.returncode == 2
        assert f"line 60001, {says}" in done.stderr.decode()
        assert os.listdir(tmp_path) == ["in.json"]


def test_findings_everywhere(tmp_path):
    document = {"distributions": {str(i): [0.5, 0.5 if i % 3 else 0.75] for i in range(50_000)}}
    (tmp_path / "in.json").write_bytes(dumps(document))
    done = fod("import", tmp_path / "in.json", tmp_path / "r.h5", "--lenient", "--threads", 2)
    assert done.returncode == 0 and b"16,667 findings" in done.stderr
    assert h5rows(tmp_path / "r.h5").tolist() == list(document["distributions"].values())


# In a small process between: a child's peak starts with what its parent holds.
MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""


def peak_of(*arguments):
    """Peak resident bytes of a run of `fod`."""
    done = subprocess.run([sys.executable, "-c", MEASURE, FOD, *map(str, arguments)], check=True,
                          capture_output=True)
    return int(done.stdout)


def test_memory_does_not_grow_with_the_file(tmp_path):
    classes, samples = 500, 60_000
    random = np.random.default_rng(1).random((100, classes), np.float32)
    rows = [json.dumps((row / row.sum(dtype=np.float64)).astype(np.float32).tolist())
            for row in random]
    with open(tmp_path / "in.json", "w") as file:
        file.write('{"distributions": {"0": ' + rows[0])
        for i in range(1, samples):
            file.write(f', "{i}": {rows[i % 100]}')
        file.write("}}")
    assert (tmp_path / "in.json").stat().st_size > 2 * 256e6
    peaks = [peak_of("import", tmp_path / "in.json", tmp_path / "r.h5", "--threads", 2),
             *(peak_of("export", tmp_path / "r.h5", tmp_path / f"o.{ending}", "--threads", 2)
               for ending in ("json", "csv", "npy"))]
    assert max(peaks) < 256e6
    with h5py.File(tmp_path / "r.h5") as file:
        assert file["distributions"].shape == (samples, classes)
    assert (tmp_path / "o.json").stat().st_size > 2 * 256e6
