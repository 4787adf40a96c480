"""Result files for tests of `fod metrics`, made by `fod import` and h5py, and what is expected of
them: NumPy, scikit-learn, torchmetrics and scipy in float64."""

from __future__ import annotations

import json

import h5py
import numpy as np
import torch
from scipy import optimize, special, stats
from sklearn.metrics import brier_score_loss, log_loss
from torchmetrics.functional.classification import (binary_calibration_error,
                                                    multiclass_calibration_error)

from program import dumps, fod

GOLDEN, WORD = 0x9E3779B97F4A7C15, 2**64


def predictions(random, samples, classes, sharpness=2.0):
    """Distributions in float64, and labels that follow them but for some."""
    scores = random.normal(size=(samples, classes)) * sharpness
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    labels = np.array([random.choice(classes, p=row) for row in p ** 0.7 /
                       (p ** 0.7).sum(axis=1, keepdims=True)]) if samples else np.zeros(0, int)
    return p, labels


def result_file(path, p, ids=None):
    """A result file with these distributions, float32 if all of them are."""
    source = path.with_suffix(".json")
    ids = range(len(p)) if ids is None else ids
    source.write_bytes(dumps({"meta": {}, "distributions": {
        str(i): [float(x) for x in row] for i, row in zip(ids, p, strict=True)}}))
    done = fod("import", source, path, "--lenient", "--overwrite")
    assert done.returncode == 0, done.stderr
    return path


def add(path, name, values):
    with h5py.File(path, "r+") as file:
        file.create_dataset(name, data=values)


def add_members(path, members, decomposition):
    """Members (N,M,K) and the columns that a job writes beside them."""
    with h5py.File(path, "r+") as file:
        file.attrs["members"] = np.int64(members.shape[1])
        file.create_dataset("members", data=members.astype(np.float32))
        for name, values in decomposition.items():
            file.create_dataset("uncertainty/" + name, data=np.asarray(values, np.float32))


def measured(path, *arguments):
    done = fod("metrics", path, "--json", *arguments)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def right_closed_bins(confidence, bins):
    """Bins (lower, upper] with the edges i/bins, 0 in the first."""
    return np.digitize(confidence, np.arange(1, bins) / bins, right=True)


def calibration_errors(confidence, correct, bins):
    """ECE, MCE and the bins, after Guo et al. 2017."""
    where = right_closed_bins(confidence, bins)
    gaps, rows = [], []
    for b in range(bins):
        here = where == b
        mean = confidence[here].mean() if here.any() else None
        accuracy = correct[here].mean() if here.any() else None
        rows.append((int(here.sum()), mean, accuracy))
        gaps.append(abs(accuracy - mean) if here.any() else 0)
    weights = np.array([row[0] for row in rows]) / max(1, len(confidence))
    return float(weights @ gaps), max(gaps), rows


def torchmetrics_errors(p, labels, bins):
    """Its bins are closed below, so no confidence may be an edge. ECE, MCE, class-wise ECE."""
    p, labels = torch.tensor(p), torch.tensor(labels)
    classes = p.shape[1]
    settings = {"num_classes": classes, "n_bins": bins}
    by_class = [binary_calibration_error(p[:, k], (labels == k).int(), n_bins=bins).item()
                for k in range(classes)]
    return (multiclass_calibration_error(p, labels, norm="l1", **settings).item(),
            multiclass_calibration_error(p, labels, norm="max", **settings).item(),
            float(np.mean(by_class)))


def label_scores(p, labels):
    """By scikit-learn."""
    every = list(range(p.shape[1]))
    return {"nll": log_loss(labels, p, labels=every),
            "brier": brier_score_loss(labels, p, labels=every, scale_by_half=False),
            "accuracy": float(np.mean(p.argmax(axis=1) == labels))}


def summary(values):
    return {"mean": values.mean(), "sd": values.std(), "min": values.min(),
            "q1": np.quantile(values, 0.25), "median": np.median(values),
            "q3": np.quantile(values, 0.75), "max": values.max()}


def entropy(p):
    return stats.entropy(p, axis=-1)


def divergence(t, p):
    return special.rel_entr(t, p).sum(axis=1)


def distance_to_hull(vertices, point):
    """Total variation, by the primal programme (ours is the dual): mixture weights, and what is
    left over of each class, up and down."""
    count, classes = vertices.shape
    cost = np.concatenate([np.zeros(count), np.full(2 * classes, 0.5)])
    equal = np.zeros((classes + 1, len(cost)))
    equal[:classes, :count] = vertices.T
    equal[:classes, count:count + classes] = np.eye(classes)
    equal[:classes, count + classes:] = -np.eye(classes)
    equal[classes, :count] = 1
    found = optimize.linprog(cost, A_eq=equal, b_eq=np.append(point, 1), method="highs",
                             options={"primal_feasibility_tolerance": 1e-10,
                                      "dual_feasibility_tolerance": 1e-10})
    assert found.status == 0, found.message
    return found.fun


def mixed(z):
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % WORD
    return z ^ (z >> 31)


def uniform(sample, seed, stream):
    """SplitMix64 of seed and sample."""
    start = mixed((seed + GOLDEN * (stream + 1)) % WORD)
    return (mixed((start + GOLDEN * (sample + 1)) % WORD) >> 11) / 2**53


def class_scores(p, method, u, weight, k_reg):
    """(N,K) conformal scores, u per sample."""
    if method == "lac":
        return 1 - p
    order = np.argsort(-p, axis=1, kind="stable")
    sorted_p = np.take_along_axis(p, order, axis=1)
    before = np.cumsum(np.concatenate([np.zeros((len(p), 1)), sorted_p[:, :-1]], axis=1), axis=1)
    ranks = np.arange(1, p.shape[1] + 1)
    scores = before + u[:, None] * sorted_p
    if method == "raps":
        scores = scores + weight * np.maximum(0, ranks - k_reg)
    unsorted = np.empty_like(scores)
    np.put_along_axis(unsorted, order, scores, axis=1)
    return unsorted
