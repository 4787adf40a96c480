"""Groups of neurons through the whole job: planted ones are found, every number is NumPy's, and
nothing depends on the ranks."""

from __future__ import annotations

import group_data
import h5py
import models
import numpy as np
import pytest
from conftest import h5rows
from sklearn.metrics import adjusted_rand_score

METHODS = {
    "correlation_clustering": ["--correlation-threshold", "0.4"],
    "hierarchical": ["--correlation-threshold", "0.4"],
    "kmeans": ["--n-groups", "10"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("groups")
    values, truth = group_data.planted()
    np.save(folder / "x.npy", values)
    np.save(folder / "truth.npy", truth)
    np.save(folder / "labels.npy", np.random.default_rng(5).integers(0, 4, len(values)))
    models.save(group_data.Features(values.shape[1]), folder / "m.pt")
    return folder


def job(run, folder, out, *flags, ranks=1, **settings):
    done = run("fod-generate", "--model", folder / "m.pt", "--data", folder / "x.npy", "--layers",
               "features", "--out", out, "--threads", 1, *flags, ranks=ranks, timeout=120,
               **settings)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("method", METHODS)
def test_planted_groups_are_found_and_the_rest_is_left_alone(run, folder, tmp_path, method):
    out = tmp_path / "r.h5"
    job(run, folder, out, "--group-method", method, *METHODS[method])
    truth = np.load(folder / "truth.npy")
    found = group_data.labels_of(out, "features")
    planted = truth >= 0
    assert adjusted_rand_score(truth[planted], found[planted]) > 0.95
    if method != "kmeans":  # which gives every neuron a cluster
        assert (found[~planted] == -1).all()


@pytest.mark.parametrize("method", METHODS)
def test_groups_have_the_same_bytes_for_any_number_of_ranks(run, folder, tmp_path, method):
    flags = ["--group-method", method, *METHODS[method], "--labels", folder / "labels.npy",
             "--keep-moments", "--group-patterns"]
    job(run, folder, tmp_path / "1.h5", *flags)
    expected = group_data.everything(tmp_path / "1.h5")
    for ranks in (2, 3, 5):
        out = tmp_path / f"{ranks}.h5"
        job(run, folder, out, *flags, ranks=ranks)
        group_data.same(expected, group_data.everything(out))
        assert run("fod", "verify", out, ranks=None).returncode == 0


def test_every_number_is_numpys(run, folder, tmp_path):
    out = tmp_path / "r.h5"
    job(run, folder, out, "--correlation-threshold", 0.4, "--labels", folder / "labels.npy",
        ranks=2)
    x = np.load(folder / "x.npy").astype(np.float64)
    labels = np.load(folder / "labels.npy")
    p = h5rows(out)
    extra = np.stack([group_data.entropy(p), p.max(axis=1), p.argmax(axis=1) != labels], axis=1)
    z = (x - x.mean(0)) / x.std(0)
    r = np.corrcoef(x, rowvar=False)
    with h5py.File(out, "r") as file:
        layer = file["groups/features"]
        assert abs(layer["correlation"][()] - r).max() < 1e-6
        np.testing.assert_allclose(layer["neuron_mean"], x.mean(0), atol=1e-7)
        np.testing.assert_allclose(layer["neuron_std"], x.std(0), rtol=1e-7)
        offsets, members = layer["offsets"][()], layer["members"][()]
        assert len(offsets) == 11
        for g in range(len(offsets) - 1):
            own = members[offsets[g]:offsets[g + 1]]
            inner = r[np.ix_(own, own)]
            pairs = inner[np.triu_indices(len(own), 1)]
            np.testing.assert_allclose(layer["cohesion"][g], abs(pairs).mean(), atol=1e-6)
            np.testing.assert_allclose(layer["cohesion_signed"][g], pairs.mean(), atol=1e-6)
            values, vectors = np.linalg.eigh(inner)
            np.testing.assert_allclose(layer["variance_explained"][g], values[-1] / len(own),
                                       atol=1e-6)
            loadings = layer["loadings"][offsets[g]:offsets[g + 1]]
            assert abs(abs(loadings @ vectors[:, -1]) - 1) < 1e-6
            center = (z[:, own] * np.sign(loadings)).mean(axis=1)
            for column, name in enumerate(["corr_entropy", "corr_confidence", "corr_error"]):
                expected = np.corrcoef(center, extra[:, column])[0, 1]
                np.testing.assert_allclose(layer[name][g], expected, atol=1e-6)
            np.testing.assert_allclose(layer["mean_activation"][g], x[:, own].mean(), atol=1e-6)
            by_class = [x[labels == c][:, own].mean() for c in range(4)]
            np.testing.assert_allclose(layer["class_mean"][g], by_class, atol=1e-6)
            assert layer["stability"][g] > 0.9
        assert layer.attrs["stability"] > 0.95
        assert layer.attrs["by"] == "label"
        grouped = set(members) | set(layer["ungrouped"][()])
        assert grouped == set(range(512)) and len(layer["dead"]) == 0


def test_group_centers_by_a_second_pass_and_from_kept_activations(run, folder, tmp_path):
    flags = ["--correlation-threshold", "0.4", "--group-patterns"]
    job(run, folder, tmp_path / "second.h5", *flags, ranks=3)
    job(run, folder, tmp_path / "kept.h5", *flags, "--keep-activations", ranks=2)
    x = np.load(folder / "x.npy")
    np.testing.assert_array_equal(h5rows(tmp_path / "kept.h5", "activations/features"), x)
    z = (x.astype(np.float64) - x.mean(0, dtype=np.float64)) / x.std(0, dtype=np.float64)
    centers = h5rows(tmp_path / "second.h5", "groups/features/group_center")
    np.testing.assert_array_equal(
        centers, h5rows(tmp_path / "kept.h5", "groups/features/group_center"))
    with h5py.File(tmp_path / "second.h5", "r") as file:
        layer = file["groups/features"]
        offsets, members = layer["offsets"][()], layer["members"][()]
        loadings = layer["loadings"][()]
        for g in range(len(offsets) - 1):
            run_of = slice(offsets[g], offsets[g + 1])
            expected = (z[:, members[run_of]] * np.sign(loadings[run_of])).mean(axis=1)
            np.testing.assert_allclose(centers[:, g], expected, atol=1e-5)
    for name in ("second.h5", "kept.h5"):
        assert run("fod", "verify", tmp_path / name, ranks=None).returncode == 0


def test_auto_threshold_lies_above_chance_and_is_stable(run, folder, tmp_path):
    out = tmp_path / "r.h5"
    job(run, folder, out, "--correlation-threshold", "auto")
    with h5py.File(out, "r") as file:
        attributes = dict(file["groups/features"].attrs)
    assert attributes["chance_bound"] < attributes["threshold"] <= 0.95
    steps = (attributes["threshold"] - 0.30) / 0.05
    assert abs(steps - round(steps)) < 1e-9
    assert attributes["stability"] > 0.95


def test_dead_neurons_are_set_apart(run, tmp_path):
    values = np.random.default_rng(1).standard_normal((300, 12)).astype(np.float32)
    values[:, 1] = values[:, 0] + 0.1 * values[:, 2]
    values[:, 3] = 7.25  # constant
    values[:, 5] = 0
    np.save(tmp_path / "x.npy", values)
    models.save(group_data.Features(12), tmp_path / "m.pt")
    out = tmp_path / "r.h5"
    job(run, tmp_path, out, "--min-group-size", 2)
    with h5py.File(out, "r") as file:
        layer = file["groups/features"]
        assert layer["dead"][()].tolist() == [3, 5]
        assert layer["members"][()].tolist() == [0, 1]
        correlation = layer["correlation"][()]
        assert np.isfinite(correlation).all()
        assert not correlation[3].any() and not correlation[:, 5].any()
        assert layer["neuron_mean"][3] == 7.25 and layer["neuron_std"][3] == 0
