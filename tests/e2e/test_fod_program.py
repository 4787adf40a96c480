"""The program `fod`: outputs that are whole or not there, damage, what `info` tells, usage."""

import json
import math
import os
import resource
import subprocess

import h5py
import pytest

from program import FOD, dumps, fod


@pytest.fixture
def result(tmp_path):
    (tmp_path / "in.json").write_bytes(
        dumps({"meta": {}, "distributions": {str(i): [0.25] * 4 for i in range(5000)}}))
    assert fod("import", tmp_path / "in.json", tmp_path / "r.h5").returncode == 0
    return tmp_path / "r.h5"


def test_existing_outputs_are_kept(result):
    out = result.with_name("out.json")
    out.write_text("mine")
    for arguments in (("export", result, out), ("import", result.with_name("in.json"), result)):
        done = fod(*arguments)
        assert done.returncode == 2 and b"--overwrite" in done.stderr
    assert out.read_text() == "mine"
    assert fod("export", result, out, "--overwrite").returncode == 0
    assert out.read_bytes() == result.with_name("in.json").read_bytes()
    assert sorted(os.listdir(result.parent)) == ["in.json", "out.json", "r.h5"]


def test_unfinished_and_foreign_files_are_refused(result):
    partial = result.with_name("p.h5.partial")
    result.rename(partial)
    with h5py.File(partial, "r+") as file:
        file.attrs["complete"] = 0
        file["ledger/done"][[0, 5, 78]] = 0
    done = fod("export", partial, "-")
    assert done.returncode == 2 and done.stdout == b"" and b"not complete" in done.stderr
    assert b"p.h5.partial does" in fod("export", partial.with_suffix(""), "-").stderr
    assert b"is no result file" in fod("export", partial.with_name("in.json"), "-").stderr
    info = fod("info", partial)
    assert info.returncode == 0 and b"partial" in info.stdout
    info = json.loads(fod("info", partial, "--json").stdout)
    assert (info["blocks"], info["blocks_done"]) == (79, 76)
    assert (info["samples"], info["samples_done"]) == (5000, 4992 - 128)
    assert (info["id_begin"], info["id_end"]) == (64, 4992)
    assert info["metrics"]["mean_confidence"] == 0.25
    assert fod("verify", partial).returncode == 1
    for ending in ("out.tsv", "out.npz", "out"):
        assert b".json" in fod("export", partial, partial.with_name(ending)).stderr


def test_failed_writes_are_told(result):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([FOD, "export", result, "-"], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 2 and b"No space left" in done.stderr
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([FOD, "export", result, "-"], stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert done.returncode == 2 and b"Broken pipe" in done.stderr

    def limit_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    done = fod("export", result, result.with_name("out.json"), preexec_fn=limit_files)
    assert done.returncode == 2 and b"File too large" in done.stderr
    done = fod("import", result.with_name("in.json"), result.with_name("s.h5"),
               preexec_fn=limit_files)
    assert done.returncode == 2
    assert sorted(os.listdir(result.parent)) == ["in.json", "r.h5"]


def test_damage_is_found(result):
    assert fod("verify", result).stdout.decode() == (
        f"{result}: valid: 5,000 samples, 4 classes, 79 blocks\n")
    with h5py.File(result, "r+") as file:
        file["distributions"][130, 2] = 0.5
    done = fod("verify", result)
    assert done.returncode == 1 and b"not valid" in done.stdout
    verdict = json.loads(fod("verify", result, "--json").stdout)
    assert not verdict["valid"] and verdict["defect_count"] == 2
    assert {tuple(defect["rows"]) for defect in verdict["defects"]} == {(130, 131), (128, 192)}
    result.write_bytes(result.read_bytes()[:20_000])
    assert fod("verify", result).returncode == 2
    assert fod("verify", result.with_name("none.h5")).returncode == 2


def test_info_tells_what_is_inside(tmp_path):
    rows = {"3": [0.5, 0.5, 0.0], "9": [0.0, 1.0, 0.0], "1": [0.25, 0.25, 0.5], "4": [0.5, 0.5, 0]}
    (tmp_path / "in.json").write_bytes(dumps({"meta": {"a": math.nan, "n": 10**30},
                                              "distributions": rows}))
    fod("import", tmp_path / "in.json", tmp_path / "r.h5")
    info = json.loads(fod("info", tmp_path / "r.h5", "--json", "--top", 3).stdout)
    assert [info[key] for key in ("samples", "classes", "complete", "id_begin", "id_end")] == [
        4, 3, True, 1, 10]
    assert [(s["id"], s["prediction"]) for s in info["most_uncertain"]] == [(1, 2), (3, 0), (4, 0)]
    assert info["most_uncertain"][0]["entropy"] == pytest.approx(1.5 * math.log(2))
    assert info["metrics"]["class_counts"] == [2, 1, 1]
    assert info["metrics"]["mean_entropy"] == pytest.approx(3.5 * math.log(2) / 4)
    assert info["metrics"]["mean_confidence"] == pytest.approx(0.625)
    assert math.isnan(info["meta"]["a"]) and info["meta"]["n"] == 10**30
    assert info["provenance"] == {"tool": "fod import", "source": "in.json", "precision": "fp32",
                                  "output_mode": "imported"}
    assert {s["path"]: (s["type"], s["shape"], s["bytes"]) for s in info["sections"]}[
        "/distributions"] == ("float32", [4, 3], 48)
    table = fod("info", tmp_path / "r.h5").stdout.decode()
    assert "most uncertain" in table and "/distributions" in table and "1.0397" in table


def test_usage_errors_suggest(tmp_path):
    for arguments, says in ((("exprot",), "did you mean export?"),
                            (("info", "--jsn"), "did you mean --json?"),
                            ((), "fod --help"), (("import", "x"), "out is required")):
        done = fod(*arguments)
        assert done.returncode == 2 and says in done.stderr.decode() and done.stdout == b""
    text = fod("--help").stdout.decode()
    for command in ("info", "verify", "export", "import", "groups", "compare"):
        assert f"\n  fod {command} " in text
        assert fod(command, "--help").returncode == 0
    assert fod("--version").stdout.startswith(b"fod ")
