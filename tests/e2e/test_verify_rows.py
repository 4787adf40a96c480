"""fod-generate --verify: rows of a result, computed again."""

from __future__ import annotations

import kill_jobs
import h5py
import numpy as np
import pytest

FLAGS = ["--batch-size", 16, "--threads", 1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("verify")
    kill_jobs.make_inputs(folder)
    return folder


@pytest.fixture
def result(run, folder, tmp_path):
    done = run("fod-generate", "--model", folder / "m.pt", "--data", folder / "x.npy", "--labels",
               folder / "y.npy", *FLAGS, "--keep-logits", "--out", tmp_path / "r.h5", ranks=2)
    assert done.returncode == 0, done.stderr
    return tmp_path / "r.h5"


def verify(run, folder, result, *flags, data="x.npy", ranks=2):
    return run("fod-generate", "--verify", result, "--model", folder / "m.pt", "--data",
               folder / data, "--labels", folder / "y.npy", *flags, ranks=ranks)


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_the_same_to_the_last_bit(run, folder, result, ranks):
    """Batch size and threads are the file's own, if they are not given."""
    before = result.read_bytes()
    done = verify(run, folder, result, "--keep-logits", ranks=ranks)
    assert done.returncode == 0, done.stderr
    assert "1,500 of 1,500 samples were computed again, and all are the same to the last bit" in (
        done.stdout)
    assert result.read_bytes() == before
    assert sorted(path.name for path in result.parent.iterdir()) == ["r.h5"]


def test_a_sample_of_the_rows(run, folder, result):
    done = verify(run, folder, result, "--verify-samples", 100)
    assert done.returncode == 0, done.stderr
    counted = int(done.stdout.split(" of ")[0].split()[-1])
    assert 96 <= counted <= 112  # whole batches; the last one has 12


def test_other_data_are_named_by_sample(run, folder, result):
    x = np.load(folder / "x.npy")
    x[[70, 700]] += 0.5
    np.save(folder / "other.npy", x)
    done = verify(run, folder, result, data="other.npy")
    assert done.returncode == 4
    assert "2 of 1,500 samples that were computed again are not as in" in done.stderr
    assert "r.h5: 70, 700 (" in done.stderr
    assert "/distributions differs" in done.stderr  # the first block is the same


def test_other_flags_are_named(run, folder, result):
    done = verify(run, folder, result, "--transform", "temperature=2")
    assert done.returncode == 4
    assert "--transform was not given, and is temperature=2" in done.stderr


def test_a_changed_row_in_the_file_is_found(run, folder, result):
    """Of which the file's own checksums say nothing if they were changed with it."""
    with h5py.File(result, "r+") as file:
        file["uncertainty/entropy"][33] += 0.01
    done = verify(run, folder, result)
    assert done.returncode == 4 and ": 33 (/uncertainty/entropy differs" in done.stderr


def test_rounding_is_no_difference(run, folder, result):
    with h5py.File(result, "r+") as file:
        file["distributions"][5] = np.nextafter(file["distributions"][5], np.float32(1))
    done = verify(run, folder, result)
    assert done.returncode == 0
    assert "1 are not the same to the last bit" in done.stdout and "rounding" in done.stdout


def test_what_cannot_be_compared(run, folder, result, tmp_path):
    np.save(folder / "few.npy", np.load(folder / "x.npy")[:100])
    np.save(folder / "few_y.npy", np.load(folder / "y.npy")[:100])
    few = run("fod-generate", "--verify", result, "--model", folder / "m.pt", "--data",
              folder / "few.npy", ranks=1)
    assert few.returncode == 2 and "is of another model or dataset" in few.stderr
    both = verify(run, folder, result, "--out", tmp_path / "s.h5")
    assert both.returncode == 2 and "--verify writes nothing" in both.stderr
    missing = verify(run, folder, tmp_path / "none.h5")
    assert missing.returncode == 2 and "none.h5" in missing.stderr
    with h5py.File(result, "r+") as file:
        file.attrs["complete"] = 0
    partial = verify(run, folder, result)
    assert partial.returncode == 2 and "is not complete" in partial.stderr
