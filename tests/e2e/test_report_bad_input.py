"""What is wrong is refused by one message, and nothing is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
import report_files
from conftest import ROOT, run_command
from report_files import Planted
from reports import drawn, report

LAYER = Planted("fc", (12, 7, 4), 40)


def edit(path, change):
    with h5py.File(path, "r+") as file:
        change(file)


def replace(file, name, value):
    del file[name]
    file[name] = value


DAMAGED = {
    "partial": (lambda f: f.attrs.__setitem__("complete", 0), ["is not complete", "--resume"]),
    "of another program": (lambda f: f.attrs.__setitem__("format", "x"), ["is no result file"]),
    "of a later schema": (lambda f: f.attrs.__setitem__("schema", 7), ["schema 7", "schema 1"]),
    "no ids": (lambda f: f.__delitem__("sample_ids"), ["/sample_ids is missing"]),
    "fewer rows": (lambda f: replace(f, "distributions", np.zeros((9, 4))), ["9 rows"]),
    "short column": (lambda f: replace(f, "uncertainty/entropy", np.zeros(3)), ["(3,)"]),
    "meta": (lambda f: replace(f, "meta", "{"), ["/meta is no JSON"]),
    "offsets": (lambda f: replace(f, "groups/fc/offsets", [0, 99, 23]), ["layer fc", "40 neurons"]),
    "members": (lambda f: replace(f, "groups/fc/members", np.full(23, 40)), ["layer fc"]),
    "cohesion": (lambda f: replace(f, "groups/fc/cohesion", [0.5]), ["cohesion has 1 entries"]),
    "correlation": (lambda f: replace(f, "groups/fc/correlation", np.zeros((3, 3))), ["(3, 3)"]),
    "center": (lambda f: replace(f, "groups/fc/group_center", np.zeros((9, 3))), ["(9, 3)"]),
    "no means": (lambda f: f.__delitem__("groups/fc/neuron_mean"), ["neuron_mean"]),
    "another file": (lambda f: (f.__delitem__("sample_ids"), f.__setitem__(
        "sample_ids", h5py.ExternalLink("other.h5", "/x"))), ["another file"]),
    "groups in another file": (lambda f: (f.__delitem__("groups"), f.__setitem__(
        "groups", h5py.ExternalLink("other.h5", "/x"))), ["/groups leads into another file"]),
    "chunks never written": (lambda f: (f.__delitem__("sample_ids"), f.create_dataset(
        "sample_ids", (10**11,), "i8", chunks=(1000,))), ["/sample_ids lacks its bytes"]),
    "never written": (lambda f: (f.__delitem__("distributions"), f.create_dataset(
        "distributions", (500, 10**9), "f4")), ["lacks its bytes"]),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_files_are_refused(tmp_path, case):
    change, words = DAMAGED[case]
    path = report_files.write(tmp_path / "r.h5", layers=(LAYER,))
    edit(path, change)
    refused(tmp_path, [path, "--out", tmp_path / "out"], words)


def refused(tmp_path, arguments, words, **settings):
    before = sorted(os.listdir(tmp_path))
    failed = report(*arguments, **settings)
    assert failed.returncode == 2, failed.stdout + failed.stderr
    lines = failed.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("report: ") and "): " in lines[0], failed.stderr
    for word in words:
        assert word in lines[0]
    assert failed.stdout == "" and sorted(os.listdir(tmp_path)) == before


def test_truncated_files_are_refused(tmp_path):
    path = report_files.write(tmp_path / "r.h5", layers=(LAYER,))
    whole = path.read_bytes()
    for share in (0.02, 0.5, 0.98):
        path.write_bytes(whole[:int(len(whole) * share)])
        refused(tmp_path, [path, "--out", tmp_path / "out"], ["r.h5"])


WRONG = {
    "missing": (["none.h5", "--out", "out"], ["none.h5 cannot be read", "No such file"]),
    "a folder": ([".", "--out", "out"], ["cannot be read", "directory"]),
    "no HDF5": (["text.h5", "--out", "out"], ["text.h5 is no result file (no HDF5"]),
    "output exists": (["r.h5", "--out", "there"], ["there is not written (it exists", "--overwrite"]),
    "output is a file": (["r.h5", "--out", "text.h5", "--overwrite"], ["a file has this name"]),
    "no folder for it": (["r.h5", "--out", "no/out"], ["no/out cannot be written", "No such file"]),
    "no data": (["r.h5", "--out", "out", "--data", "no.npy"], ["--data no.npy cannot be read"]),
    "other data": (["r.h5", "--out", "out", "--data", "few.npy"],
                   ["is of another dataset", "7 samples", "499"]),
    "pickled data": (["r.h5", "--out", "out", "--data", "object.npy"], ["object.npy cannot be read"]),
    "text as data": (["r.h5", "--out", "out", "--data", "text.h5"], ["neither npy nor IDX"]),
    "no dataset": (["r.h5", "--out", "out", "--data", "r.h5:/nothing"], ["cannot be read"]),
    "no module": (["r.h5", "--out", "out", "--data", "python:nothing_here:x"], ["nothing_here"]),
    "empty folder": (["r.h5", "--out", "out", "--data", "there"], ["no class/image.jpg in it"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_refused(tmp_path, case):
    arguments, words = WRONG[case]
    report_files.write(tmp_path / "r.h5")
    (tmp_path / "text.h5").write_text("no HDF5 at all")
    (tmp_path / "there").mkdir()
    np.save(tmp_path / "few.npy", np.zeros((7, 8, 8)))
    np.save(tmp_path / "object.npy", np.array([{}], object), allow_pickle=True)
    refused(tmp_path, arguments, words, cwd=tmp_path)


def test_a_full_disk_leaves_nothing(tmp_path):
    """The largest file that a process may write stands for the disk."""
    path = report_files.write(tmp_path / "r.h5")
    limited = f"ulimit -f 40; exec {sys.executable} -B {ROOT}/tools/report.py {path} --out {tmp_path}/out"
    failed = run_command(["bash", "-c", limited], 120)
    assert failed.returncode == 2, failed.stderr
    assert failed.stderr.splitlines() == [f"report: {tmp_path}/out cannot be written (File too large): "
                                          "make room, or name another folder"]
    assert sorted(os.listdir(tmp_path)) == ["r.h5"]


def test_a_report_that_is_stopped_leaves_nothing(tmp_path):
    path = report_files.write(tmp_path / "r.h5", layers=(LAYER,))
    process = subprocess.Popen([sys.executable, ROOT / "tools" / "report.py", path, "--out",
                                tmp_path / "out"], stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob(".out.*/*")) and process.poll() is None:
        time.sleep(0.01)
    process.terminate()
    _, told = process.communicate(timeout=60)
    assert process.returncode == 3 and told == "report: stopped (by a signal): start it again\n"
    assert os.listdir(tmp_path) == ["r.h5"]


def test_overwrite_replaces_the_report_alone(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("kept")
    (out / "groups_heatmap_old.png").write_text("of an earlier report")
    files, _ = drawn(tmp_path, report_files.write(tmp_path / "r.h5", layers=(LAYER,)),
                     "--overwrite")
    assert "mine.txt" in files and "groups_heatmap_old.png" not in files
    assert "groups_heatmap_fc.png" in files


def test_help_has_an_example():
    told = report("--help")
    assert told.returncode == 0 and "report.py result.h5 --out report" in told.stdout
    for wrong in (["r.h5"], ["r.h5", "--out", "o", "--theme", "pink"], ["r.h5", "--out", "o",
                                                                       "--dpi", "1"]):
        assert report(*wrong).returncode == 2
