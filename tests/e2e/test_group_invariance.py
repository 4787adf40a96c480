"""What groups do not depend on: the ranks, the threads of our own sums, and whether a dataset is
taken whole or in ranges."""

from __future__ import annotations

import group_data
import h5py
import layer_jobs
import models
import numpy as np
import pytest
from layer_jobs import done

FLAGS = ["--keep-moments", "--group-patterns", "--min-group-size", 2, "--correlation-threshold",
         0.3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("group_invariance")
    models.save(layer_jobs.Grid(), folder / "grid.pt")
    models.save(group_data.Features(131), folder / "features.pt")
    images = models.data(folder / "images.npy", (1000, 3, 5, 7))
    images[500:] *= 30  # block 0 is not typical
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", np.random.default_rng(2).integers(0, 5, 1000))
    values, _ = group_data.planted(3000)
    np.save(folder / "x.npy", np.ascontiguousarray(values[:, :131]))
    return folder


def grid(run, folder, out, *flags, ranks):
    return done(run, folder / "grid.pt", folder / "images.npy", out, "--layers", "conv,fc",
                "--labels", folder / "labels.npy", *FLAGS, *flags, ranks=ranks)


@pytest.mark.parametrize("samples", [3, 5, 129, 1000])
@pytest.mark.parametrize("batch,all_ranks", [(1, (3,)), (7, (2, 3, 5)), (64, (2, 5))])
def test_ranks_leave_no_trace(run, folder, tmp_path, samples, batch, all_ranks):
    flags = ["--max-samples", samples, "--batch-size", batch]
    grid(run, folder, tmp_path / "1.h5", *flags, ranks=None)
    expected = group_data.everything(tmp_path / "1.h5")
    assert expected["fc@samples"] == samples
    for layer, neurons in (("conv", 13), ("fc", 37)):
        width = neurons + 3
        assert expected[f"{layer}/moments/even_products"].shape == (width * (width + 1) // 2,)
        assert np.isfinite(expected[f"{layer}/correlation"]).all()
    for ranks in all_ranks:
        grid(run, folder, tmp_path / f"{ranks}.h5", *flags, ranks=ranks)
        group_data.same(expected, group_data.everything(tmp_path / f"{ranks}.h5"))


@pytest.mark.parametrize("method", [["correlation_clustering"], ["hierarchical"],
                                    ["kmeans", "--n-groups", "auto"]])
def test_threads_leave_no_trace(run, folder, tmp_path, method):
    """Where activations are the same, which an Identity's are. There is no output, since a linear
    layer's last bits depend on threads."""
    flags = ["--layers", "features", "--no-distributions", "--keep-moments", "--group-patterns",
             "--group-method", *method]
    for threads, ranks in ((1, None), (2, None), (3, 2)):
        done(run, folder / "features.pt", folder / "x.npy", tmp_path / f"{threads}.h5", *flags,
             threads=threads, ranks=ranks)
    expected = group_data.everything(tmp_path / "1.h5")
    assert expected["features/members"].size > 10
    for threads in (2, 3):
        group_data.same(expected, group_data.everything(tmp_path / f"{threads}.h5"))


def whole(moments: h5py.Group, name: str) -> list[int]:
    """The integers of both limbs."""
    low = moments[name][()].ravel().tolist()
    high = [0] * len(low)
    if f"{name}_high" in moments:
        high = moments[f"{name}_high"][()].ravel().tolist()
    return [a + (b << 40) for a, b in zip(low, high, strict=True)]


@pytest.mark.parametrize("ranges", [("0:350", "350:1000"), ("0:7", "7:700", "700:1000")])
def test_moments_of_ranges_add_up(run, folder, tmp_path, ranges):
    grid(run, folder, tmp_path / "whole.h5", "--batch-size", 7, ranks=2)
    for i, of in enumerate(ranges):
        grid(run, folder, tmp_path / f"{i}.h5", "--batch-size", 7, "--range", of, ranks=i + 1)
    files = [h5py.File(tmp_path / f"{i}.h5", "r") for i in range(len(ranges))]
    assert sum(len(file["sample_ids"]) for file in files) == 1000
    with h5py.File(tmp_path / "whole.h5", "r") as file:
        for layer in ("conv", "fc"):
            expected = file[f"groups/{layer}/moments"]
            parts = [part[f"groups/{layer}/moments"] for part in files]
            for name in ("shift", "scale"):
                for part in parts:
                    assert part[name][()].tobytes() == expected[name][()].tobytes()
            for half in ("even", "odd"):
                for what in ("count", "blocks"):
                    key = f"{half}_{what}"
                    assert sum(part.attrs[key] for part in parts) == expected.attrs[key] > 0
                for what in ("sums", "products"):
                    key = f"{half}_{what}"
                    sums = [sum(limbs) for limbs in
                            zip(*(whole(part, key) for part in parts), strict=True)]
                    assert sums == whole(expected, key)
            for name in ("class_counts", "class_sums"):
                np.testing.assert_array_equal(sum(part[name][()] for part in parts), expected[name])
            np.testing.assert_array_equal(np.min([p["smallest"] for p in parts], axis=0),
                                          expected["smallest"])
            np.testing.assert_array_equal(np.max([p["largest"] for p in parts], axis=0),
                                          expected["largest"])
    for file in files:
        file.close()


def test_the_moments_are_those_of_the_activations(run, folder, tmp_path):
    """Means and products from the integers, by the definition in the file."""
    out = tmp_path / "r.h5"
    done(run, folder / "features.pt", folder / "x.npy", out, "--layers", "features",
         "--no-distributions", "--keep-moments", "--batch-size", 64, ranks=2)
    x = np.load(folder / "x.npy").astype(np.float64)
    with h5py.File(out, "r") as file:
        moments = file["groups/features/moments"]
        unit = 2.0 ** -moments.attrs["bits"]
        z = (x - moments["shift"][()]) * moments["scale"][()]
        counts = [moments.attrs[f"{half}_count"] for half in ("even", "odd")]
        assert sum(counts) == len(x)
        both = [np.array(whole(moments, f"even_{what}")) + np.array(whole(moments, f"odd_{what}"))
                for what in ("sums", "products")]
        np.testing.assert_allclose(both[0] * unit, z.sum(0), atol=1e-3)
        rows, columns = np.triu_indices(131)
        np.testing.assert_allclose(both[1] * unit, (z.T @ z)[rows, columns], rtol=1e-5, atol=1e-2)
