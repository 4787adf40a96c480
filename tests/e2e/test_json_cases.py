"""`fod import` gives every text of tests/fuzz/json_cases.py the verdict that is written there."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "fuzz"))

from json_cases import CASES  # noqa: E402
from program import fod  # noqa: E402


def test_names_are_unique():
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_verdict(case, tmp_path):
    path, out = tmp_path / "in.json", tmp_path / "out.h5"
    path.write_bytes(case.text)
    strict = fod("import", path, out)
    print(strict.stderr.decode(errors="replace"))
    assert strict.returncode == (0 if case.verdict == "y" else 2)
    assert out.exists() == (case.verdict == "y")
    lenient = fod("import", path, out, "--lenient", "--overwrite")
    assert lenient.returncode == (2 if case.verdict == "n" else 0)
    assert b"in.json" in lenient.stderr or case.verdict == "y"
    if case.verdict == "n":
        assert not out.exists()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["in.json"]
    else:
        assert fod("verify", out).returncode in (0, 1)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_python_agrees(case):
    try:
        json.loads(case.text.decode("utf-8"))
        taken = True
    except (ValueError, RecursionError):  # UnicodeDecodeError and JSONDecodeError among them
        taken = False
    assert taken == case.python
