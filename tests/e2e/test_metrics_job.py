"""What a job writes into /metrics: the same bytes for every number of ranks, in shards that are
merged and in jobs that are resumed, and the figures of `fod metrics`, scikit-learn and NumPy."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import metric_files as reference
import models
from merging import merged, shards_of
from program import fod

SAMPLES, CLASSES = 333, 11


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("job")
    random = np.random.default_rng(9)
    models.save(models.Linear(), folder / "m.pt")
    models.data(folder / "x.npy", (SAMPLES, 67))
    x = np.load(folder / "x.npy")
    x[5] = np.nan
    np.save(folder / "x.npy", x)
    labels = random.integers(0, CLASSES, SAMPLES)
    labels[[7, 300]] = -1
    np.save(folder / "indices.npy", labels)
    votes = random.integers(0, 4, (SAMPLES, CLASSES))
    votes[9] = 0
    np.save(folder / "counts.npy", votes)
    return folder


def figures(path) -> dict[str, bytes]:
    """Everything in /metrics."""
    with h5py.File(path) as file:
        group = file["metrics"]
        found = {name: np.asarray(value).tobytes() for name, value in group.attrs.items()}
        return found | {name: item[()].tobytes() for name, item in group.items()}


def job(run, folder, kind, out, *flags, ranks=1):
    done = run("fod-generate", "--model", folder / "m.pt", "--data", folder / "x.npy", "--labels",
               folder / f"{kind}.npy", "--batch-size", 16, "--threads", 1, "--allow-nonfinite",
               "--transform", "temperature=4", "--out", out, *flags, ranks=ranks, timeout=60)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("kind", ["indices", "counts"])
def test_figures_do_not_depend_on_ranks(run, folder, tmp_path, kind):
    one = tmp_path / "1.h5"
    said = job(run, folder, kind, one).stdout
    expected = figures(one)
    assert sorted(expected) == sorted([
        "accuracy", "brier", "class_counts", "classwise_ece", "ece", "label_counts", "mce",
        "mean_confidence", "mean_entropy", "nll", "nonfinite_rows", "reliability",
        "unreadable_rows"])
    for ranks in (2, 3):
        out = tmp_path / f"{ranks}.h5"
        job(run, folder, kind, out, ranks=ranks)
        assert figures(out) == expected
    shards = tmp_path / "s.h5"
    job(run, folder, kind, shards, "--shards", ranks=3)
    merged(tmp_path / "m.h5", shards_of(shards, 3))
    assert figures(tmp_path / "m.h5") == expected

    found = reference.measured(one)
    with h5py.File(one) as file:
        metrics = file["metrics"]
        for name in ("accuracy", "nll", "brier", "ece", "mce", "classwise_ece", "mean_confidence"):
            assert metrics.attrs[name] == pytest.approx(found[name], rel=0, abs=1e-8), name
            assert f"  {name} {metrics.attrs[name]:.4f}\n" in said
        assert metrics["class_counts"][:].tolist() == found["class_counts"]["predicted"]
        assert metrics["label_counts"][:].tolist() == found["class_counts"]["labelled"]
        assert "mean_confidence" in metrics["reliability"].attrs["columns"]
        table = metrics["reliability"][:]
        p, labels = file["distributions"][:].astype(np.float64), file["labels"][:]
        status = file["row_status"][:]
    assert [bin_["count"] for bin_ in found["reliability"]] == table[:, 2].tolist()
    for bin_, row in zip(found["reliability"], table, strict=True):
        for name, value in (("mean_confidence", row[3]), ("accuracy", row[4])):
            assert (bin_[name] is None) == np.isnan(value)
            assert bin_[name] is None or value == pytest.approx(bin_[name], abs=1e-8)
    if kind == "counts":
        known = (status == 0) & (labels.sum(axis=1) > 0)
        labels = labels.argmax(axis=1)
    else:
        known = (status == 0) & (labels >= 0)
    assert known.sum() == SAMPLES - 1 - (1 if kind == "counts" else 2) == found["labelled"]
    p, labels = p[known], labels[known]
    for name, value in reference.label_scores(p, labels).items():
        assert found[name] == pytest.approx(value, rel=0, abs=1e-6), name
    assert p.max() < 1  # which has a bin of its own there
    ece, mce, classwise = reference.torchmetrics_errors(p, labels, 15)
    assert (found["ece"], found["mce"], found["classwise_ece"]) == pytest.approx(
        (ece, mce, classwise), rel=0, abs=1e-6)


def test_info_shows_them(run, folder, tmp_path):
    out = tmp_path / "r.h5"
    job(run, folder, "indices", out)
    text = fod("info", out).stdout.decode()
    with h5py.File(out) as file:
        values = dict(file["metrics"].attrs)
    for name, title in (("nll", "NLL"), ("brier", "Brier score"), ("ece", "ECE"), ("mce", "MCE"),
                        ("classwise_ece", "class-wise ECE"), ("mean_entropy", "mean entropy")):
        line = next(line for line in text.splitlines() if line.startswith(f"  {title}  "))
        assert line.split(title)[1].split()[0] == f"{values[name]:.4f}"
