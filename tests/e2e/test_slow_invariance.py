"""The same bytes for every number of ranks, at the same number of threads."""

import h5py
import numpy as np
import pytest

import models

DATASETS = ["/distributions", "/sample_ids", "/row_status", "/uncertainty/entropy",
            "/uncertainty/confidence", "/uncertainty/prediction", "/labels",
            "/ledger/checksums", "/ledger/done", "/metrics/class_counts",
            "/metrics/label_counts", "/metrics/reliability"]


def contents(path) -> dict[str, bytes]:
    with h5py.File(path) as file:
        assert file.attrs["complete"] == 1
        data = {name: file[name][()].tobytes() for name in DATASETS}
        data["metrics"] = str(sorted(file["metrics"].attrs.items())).encode()
        data["data_hash"] = str(file["provenance"].attrs["data_hash"]).encode()
        return data


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("invariance")


@pytest.mark.parametrize("kind,shape", [("gemm", (67,)), ("conv", (3, 9, 7))])
@pytest.mark.parametrize("samples,batch,threads", [
    (1, 64, 1), (2, 1, 1), (5, 2, 1), (129, 64, 1), (1000, 37, 1), (1000, 37, 2)])
def test_ranks_do_not_change_a_bit(run, folder, kind, shape, samples, batch, threads):
    model = models.save(models.Linear() if kind == "gemm" else models.Conv(), folder / f"{kind}.pt")
    models.data(folder / "x.npy", (samples, *shape))
    np.save(folder / "y.npy", np.arange(samples) % 5)
    expected = None
    for ranks in (1, 2, 3, 7):
        out = folder / f"r{ranks}.h5"
        job = run("fod-generate", "--model", model, "--data", folder / "x.npy", "--labels",
                  folder / "y.npy", "--batch-size", batch, "--threads", threads, "--out", out,
                  "--overwrite", ranks=ranks, timeout=60)
        assert job.returncode == 0, job.stderr
        expected = expected or contents(out)
        assert contents(out) == expected, f"{ranks} ranks"


def test_rows_do_not_depend_on_their_neighbours_in_the_job(run, folder):
    """A job over a part of the dataset gives the same bytes as the whole."""
    model = models.save(models.Linear(), folder / "part.pt")
    models.data(folder / "part.npy", (1000, 67))
    for name, extra in (("whole", []), ("first", ["--range", ":500"]), ("last", ["--range", "500:"])):
        job = run("fod-generate", "--model", model, "--data", folder / "part.npy", "--batch-size",
                  32, "--threads", 1, "--out", folder / f"{name}.h5", *extra, ranks=2)
        assert job.returncode == 0, job.stderr
    with h5py.File(folder / "whole.h5") as whole, h5py.File(folder / "first.h5") as first, \
            h5py.File(folder / "last.h5") as last:
        both = np.concatenate([first["distributions"][:], last["distributions"][:]])
        assert both.tobytes() == whole["distributions"][:].tobytes()
        ids = np.concatenate([first["sample_ids"][:], last["sample_ids"][:]])
        np.testing.assert_array_equal(ids, np.arange(1000))
        assert len(first["sample_ids"]) == 512  # cut at a block boundary
