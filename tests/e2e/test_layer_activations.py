"""Activations as they count: what changes them before, and which samples are left out."""

from __future__ import annotations

import group_data
import h5py
import images
import layer_jobs
import models
import numpy as np
import pytest
import torch
from conftest import h5rows
from layer_jobs import done, generate


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("activations")
    np.save(folder / "x8.npy", layer_jobs.correlated(300))
    models.save(group_data.Features(8), folder / "features.pt")
    models.save(layer_jobs.Masked(), folder / "masked.pt")
    return folder


OWN = '''
import numpy as np

def in_place(rows):
    assert rows.dtype == np.float32
    rows *= 2
    rows[:, 0] = -rows[:, 1]

def returned(rows):
    return np.tanh(rows)

def broken(rows):
    raise ValueError("not today")

def shorter(rows):
    return rows[:, :-1]

def infinite(rows):
    rows[:, 3] = np.where(rows[:, 0] > 1, np.inf, rows[:, 3])
'''


def doubled(x):
    y = 2 * x
    y[:, 0] = -y[:, 1]
    return y


TRANSFORMS = {
    "l2": lambda x: x / np.linalg.norm(x, axis=1, keepdims=True),
    "python:own:in_place": doubled,
    "python:own:returned": np.tanh,
    "plugin:{}/libfod_example_transform.so": lambda x: x**2 / (x**2).sum(1, keepdims=True),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_activations_are_changed_before_they_count(run, build, folder, tmp_path, transform):
    (tmp_path / "own.py").write_text(OWN)
    outs = [tmp_path / "1.h5", tmp_path / "2.h5"]
    for ranks, out in enumerate(outs, 1):
        done(run, folder / "features.pt", folder / "x8.npy", out, "--layers", "features",
             "--keep-activations", "--group-patterns", "--min-group-size", 2, "--tap-transform",
             transform.format(build / "tests" / "plugins"), cwd=tmp_path, ranks=ranks)
    x = np.load(folder / "x8.npy").astype(np.float64)
    expected = TRANSFORMS[transform](x)
    np.testing.assert_allclose(h5rows(outs[0], "activations/features"), expected, rtol=1e-6,
                               atol=1e-7)
    correlation = h5rows(outs[0], "groups/features/correlation")
    np.testing.assert_allclose(correlation, np.corrcoef(expected, rowvar=False), atol=1e-6)
    layer_jobs.same_groups(*outs)
    done(run, folder / "features.pt", folder / "x8.npy", tmp_path / "plain.h5")
    np.testing.assert_array_equal(h5rows(outs[0]), h5rows(tmp_path / "plain.h5"))


def test_a_transform_counts_in_the_second_pass_too(run, folder, tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    flags = ["--layers", "features", "--group-patterns", "--min-group-size", 2, "--tap-transform",
             "python:own:returned"]
    done(run, folder / "features.pt", folder / "x8.npy", tmp_path / "a.h5", *flags, cwd=tmp_path)
    done(run, folder / "features.pt", folder / "x8.npy", tmp_path / "b.h5", *flags,
         "--keep-activations", cwd=tmp_path, ranks=2)
    layer_jobs.same_groups(tmp_path / "a.h5", tmp_path / "b.h5")
    assert h5rows(tmp_path / "a.h5", "groups/features/group_center").shape == (300, 4)


@pytest.mark.parametrize("transform,words", [
    ("python:own:broken", ["not today"]),
    ("python:own:shorter", ["7", "8"]),
    ("python:own:infinite", ["layer features", "sample "]),
    ("python:own:missing", ["missing"]),
    ("l1", ["--tap-transform l1", "it is l2, plugin:libx.so or python:module:callable"]),
    ("plugin:libnone.so", ["libnone.so"]),
])
def test_a_transform_that_fails_is_named(run, folder, tmp_path, transform, words):
    (tmp_path / "own.py").write_text(OWN)
    job = generate(run, folder / "features.pt", folder / "x8.npy", tmp_path / "r.h5", "--layers",
                   "features", "--tap-transform", transform, cwd=tmp_path)
    assert job.returncode == 2, job.stdout
    lines = [line for line in job.stderr.splitlines() if line.startswith("fod-generate:")]
    assert len(lines) == 1 and all(word in lines[0] for word in words), job.stderr
    assert not list(tmp_path.glob("r.h5*"))


@pytest.mark.parametrize("ranks", [1, 3])
def test_samples_whose_activations_are_not_finite_are_left_out(run, folder, tmp_path, ranks):
    x = np.load(folder / "x8.npy")
    bad = [3, 64, 299]
    x[bad, [1, 2, 3]] = [np.nan, np.inf, -np.inf]
    np.save(tmp_path / "x.npy", x)
    job = done(run, folder / "masked.pt", tmp_path / "x.npy", tmp_path / "r.h5", "--layers",
               "features", "--min-group-size", 2, "--allow-nonfinite", "--group-patterns",
               "--keep-activations", ranks=ranks)
    assert "layer features: 3 samples left out, whose activations are not finite" in job.stdout
    good = np.delete(x, bad, axis=0).astype(np.float64)
    with h5py.File(tmp_path / "r.h5", "r") as file:
        layer = file["groups/features"]
        assert layer.attrs["samples"] == 297
        np.testing.assert_allclose(layer["correlation"], np.corrcoef(good, rowvar=False),
                                   atol=1e-6)
        np.testing.assert_allclose(layer["neuron_mean"], good.mean(0), atol=1e-6)
        assert np.isfinite(file["distributions"]).all()
        assert not file["row_status"][()].any()
        centers = layer["group_center"][()]
        assert np.isfinite(np.delete(centers, bad, axis=0)).all()
        assert np.isnan(centers[bad]).all()
        np.testing.assert_array_equal(file["activations/features"], x)
    assert run("fod", "verify", tmp_path / "r.h5", ranks=None).returncode == 0


@pytest.mark.parametrize("ranks", [1, 2])
def test_samples_without_a_distribution_are_left_out(run, folder, tmp_path, ranks):
    x = np.load(folder / "x8.npy")
    bad = [0, 150]
    x[bad, 0] = np.nan
    np.save(tmp_path / "x.npy", x)
    done(run, folder / "features.pt", tmp_path / "x.npy", tmp_path / "r.h5", "--layers", "features",
         "--min-group-size", 2, "--allow-nonfinite", "--group-patterns", ranks=ranks)
    good = np.delete(x, bad, axis=0).astype(np.float64)
    with h5py.File(tmp_path / "r.h5", "r") as file:
        assert np.flatnonzero(file["row_status"][()]).tolist() == bad
        layer = file["groups/features"]
        assert layer.attrs["samples"] == 298
        np.testing.assert_allclose(layer["correlation"], np.corrcoef(good, rowvar=False),
                                   atol=1e-6)
        centers = layer["group_center"][()]
        assert np.isnan(centers[bad]).all() and np.isfinite(np.delete(centers, bad, axis=0)).all()
    assert run("fod", "verify", tmp_path / "r.h5", ranks=None).returncode == 0


class Channels(torch.nn.Module):
    """Classes told by brightness, beside a layer with as many neurons as channels."""

    def __init__(self):
        super().__init__()
        self.pixels = torch.nn.Conv2d(3, 4, 1)
        self.classes = images.Mean()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.pixels(x)
        return self.classes(x)


@pytest.mark.parametrize("flags", [[], ["--no-distributions"]])
def test_images_that_cannot_be_read_are_left_out(run, tmp_path, flags):
    bad = [2, 11]
    for i in range(20):
        path = images.flat(tmp_path / "x" / "a" / f"{i:02}.png", 10 * i)
        if i in bad:
            path.write_bytes(b"no image")
    models.save(Channels(), tmp_path / "m.pt")
    files = []
    for more in ([], ["--keep-activations"]):
        files.append(tmp_path / f"{len(more)}.h5")
        done(run, tmp_path / "m.pt", tmp_path / "x", files[-1], "--layers", "pixels", "--skip-bad",
             "--batch-size", 4, "--group-patterns", *flags, *more, ranks=2)
        assert run("fod", "verify", files[-1], ranks=None).returncode == 0
    group_data.same(*(group_data.everything(path) for path in files))
    with h5py.File(files[1], "r") as file:
        assert file["row_status"][()].tolist() == [2 if i in bad else 0 for i in range(20)]
        layer = file["groups/pixels"]
        assert layer.attrs["samples"] == 18
        values = file["activations/pixels"][()].astype(np.float64)
        assert np.isnan(values[bad]).all() and np.isnan(layer["group_center"][()][bad]).all()
        good = np.delete(values, bad, axis=0)
        np.testing.assert_allclose(layer["neuron_mean"], good.mean(0), rtol=1e-6)
        np.testing.assert_allclose(layer["neuron_std"], good.std(0), rtol=1e-5)
        assert layer["members"][()].tolist() == [0, 1, 2, 3]  # all follow the brightness


def test_a_transform_may_mend_a_row(run, folder, tmp_path):
    """Then it counts, whether activations were kept or not."""
    (tmp_path / "own.py").write_text("import numpy as np\n\ndef mended(rows):\n"
                                     "    return np.nan_to_num(rows, nan=0.5)\n")
    x = np.load(folder / "x8.npy")
    x[[3, 250], 1] = np.nan
    np.save(tmp_path / "x.npy", x)
    files = []
    for more in ([], ["--keep-activations"]):
        files.append(tmp_path / f"{len(more)}.h5")
        done(run, folder / "masked.pt", tmp_path / "x.npy", files[-1], "--layers", "features",
             "--tap-transform", "python:own:mended", "--group-patterns", "--min-group-size", 2,
             *more, cwd=tmp_path)
    group_data.same(*(group_data.everything(path) for path in files))
    mended = np.nan_to_num(x, nan=0.5).astype(np.float64)
    with h5py.File(files[1], "r") as file:
        assert file["groups/features"].attrs["samples"] == 300
        np.testing.assert_allclose(file["groups/features/correlation"],
                                   np.corrcoef(mended, rowvar=False), atol=1e-6)
