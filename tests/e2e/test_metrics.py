"""`fod metrics` against scikit-learn, torchmetrics and NumPy; what is refused."""

import json
import re

import h5py
import numpy as np
import pytest

import metric_files as reference
from metric_files import add, measured, result_file
from program import fod

CLOSE = {"rel": 0, "abs": 1e-6}


@pytest.mark.parametrize("samples, classes, width", [(700, 5, np.float32), (700, 5, np.float64),
                                                     (300, 2, np.float32), (150, 120, np.float32)])
@pytest.mark.parametrize("bins", [15, 1, 10])
def test_scores_are_those_of_other_libraries(tmp_path, samples, classes, width, bins):
    random = np.random.default_rng(samples + classes)
    p, labels = reference.predictions(random, samples, classes)
    stored = p.astype(width)
    p = stored.astype(np.float64)
    path = result_file(tmp_path / "r.h5", stored)
    with h5py.File(path) as file:
        assert file["distributions"].dtype == width
    np.save(tmp_path / "y.npy", labels)
    found = measured(path, "--labels", tmp_path / "y.npy", "--bins", bins)
    for name, value in reference.label_scores(p, labels).items():
        assert found[name] == pytest.approx(value, **CLOSE), name
    confidence = p.max(axis=1)
    assert found["mean_confidence"] == pytest.approx(confidence.mean(), **CLOSE)
    ece, mce, classwise = reference.torchmetrics_errors(p, labels, bins)
    assert found["ece"] == pytest.approx(ece, **CLOSE)
    assert found["mce"] == pytest.approx(mce, **CLOSE)
    assert found["classwise_ece"] == pytest.approx(classwise, **CLOSE)
    _, _, rows = reference.calibration_errors(confidence, p.argmax(axis=1) == labels, bins)
    for bin_, (count, mean, accuracy) in zip(found["reliability"], rows, strict=True):
        assert bin_["count"] == count
        if count == 0:
            assert bin_["mean_confidence"] is None and bin_["accuracy"] is None
        else:
            assert bin_["mean_confidence"] == pytest.approx(mean, **CLOSE)
            assert bin_["accuracy"] == pytest.approx(accuracy, **CLOSE)
    for name, value in reference.summary(reference.entropy(p)).items():
        assert found["entropy"][name] == pytest.approx(value, **CLOSE), name
    assert found["class_counts"] == {
        "predicted": np.bincount(p.argmax(axis=1), minlength=classes).tolist(),
        "labelled": np.bincount(labels, minlength=classes).tolist()}
    assert found["rows"] == found["samples"] == found["labelled"] == samples
    assert [found[name] for name in ("decomposition", "soft_labels", "truth", "credal",
                                     "conformal")] == [None] * 5
    assert found["notes"] == []


def test_confidences_on_edges(tmp_path):
    """Bins are open below: an edge belongs to the bin below it, and 1 to the last."""
    p = np.array([[1, 0], [1, 0], [0.75, 0.25], [0.5, 0.5], [0.25, 0.75], [0.625, 0.375]])
    labels = np.array([0, 1, 0, 0, 1, 1])
    np.save(tmp_path / "y.npy", labels)
    path = result_file(tmp_path / "r.h5", p)
    found = measured(path, "--labels", tmp_path / "y.npy", "--bins", 4)
    assert [bin_["count"] for bin_ in found["reliability"]] == [0, 1, 3, 2]
    assert [bin_["upper"] for bin_ in found["reliability"]] == [0.25, 0.5, 0.75, 1]
    ece, mce, _ = reference.calibration_errors(p.max(axis=1), p.argmax(axis=1) == labels, 4)
    assert found["ece"] == pytest.approx(ece, abs=1e-15)
    assert found["mce"] == pytest.approx(mce, abs=1e-15)
    # 0.5 against 0.5 is class 0; ln of a probability of 0 is taken at float64's epsilon
    assert found["accuracy"] == 4 / 6
    assert found["class_counts"]["predicted"] == [5, 1]
    assert found["nll_clipped"] == 1
    clipped = np.maximum(p[np.arange(6), labels], np.finfo(float).eps)
    assert found["nll"] == pytest.approx(-np.log(clipped).mean(), abs=1e-12)
    by_class = [reference.calibration_errors(p[:, k], labels == k, 4)[0] for k in range(2)]
    assert found["classwise_ece"] == pytest.approx(np.mean(by_class), abs=1e-15)


def test_edges_that_floats_cannot_hit(tmp_path):
    """0.1 in float32 is above 1/10, 0.7 below 7/10, whatever the arithmetic of the bin."""
    confidence = np.float32([0.6, 0.7, 0.8, 0.9, 2 / 3])
    p = np.stack([confidence, 1 - confidence], axis=1)
    np.save(tmp_path / "y.npy", np.zeros(len(p), int))
    path = result_file(tmp_path / "r.h5", p)
    for bins in (3, 10, 30, 9999):
        found = measured(path, "--labels", tmp_path / "y.npy", "--bins", bins)
        where = reference.right_closed_bins(confidence.astype(float), bins)
        counts = np.bincount(where, minlength=bins)
        assert [bin_["count"] for bin_ in found["reliability"]] == counts.tolist()


def test_rows_that_do_not_count(tmp_path):
    random = np.random.default_rng(1)
    p, labels = reference.predictions(random, 64, 3)
    p[5, 1], p[6, 0] = np.nan, -np.inf
    path = result_file(tmp_path / "r.h5", p)
    labels[[10, 11]] = -1
    add(path, "labels", labels)
    with h5py.File(path, "r+") as file:
        assert file["row_status"][:].tolist().count(1) == 2
        file["row_status"][7] = 2
        file["row_status"][6] = 0  # not marked, yet not finite
    found = measured(path)
    good = np.setdiff1d(np.arange(64), [5, 6, 7])
    labelled = np.setdiff1d(good, [10, 11])
    assert [found[name] for name in ("rows", "samples", "nonfinite_rows", "unreadable_rows",
                                     "labelled")] == [64, 61, 2, 1, 59]
    for name, value in reference.label_scores(p[labelled], labels[labelled]).items():
        assert found[name] == pytest.approx(value, **CLOSE), name
    assert found["mean_confidence"] == pytest.approx(p[good].max(axis=1).mean(), **CLOSE)
    assert found["labelled_mean_confidence"] == pytest.approx(p[labelled].max(axis=1).mean(),
                                                              **CLOSE)
    assert found["entropy"]["mean"] == pytest.approx(reference.entropy(p[good]).mean(), **CLOSE)
    assert sum(found["class_counts"]["labelled"]) == 59
    assert b"left out: 2 not finite, 1 not readable" in fod("metrics", path).stdout


@pytest.mark.parametrize("samples", [0, 1])
def test_few_samples(tmp_path, samples):
    p = np.array([[0.25, 0.75]])[:samples]
    path = result_file(tmp_path / "r.h5", p)
    np.save(tmp_path / "y.npy", np.array([1])[:samples])
    if samples == 0:
        found = measured(path)
        assert found["samples"] == 0 and found["entropy"]["median"] is None
        assert found["accuracy"] is None and found["mean_confidence"] is None
        assert fod("metrics", path).returncode == 0
        return
    found = measured(path, "--labels", tmp_path / "y.npy", "--conformal", "all")
    assert found["accuracy"] == 1 and found["nll"] == pytest.approx(-np.log(0.75))
    assert found["entropy"]["sd"] == 0
    assert found["entropy"]["q1"] == found["entropy"]["max"] == pytest.approx(0.5623351446)
    methods = found["conformal"]["methods"]
    assert methods["aps"]["threshold_infinite"] or methods["aps"]["samples"] == 0


def test_labels_that_are_counts(tmp_path):
    random = np.random.default_rng(2)
    p, _ = reference.predictions(random, 200, 4)
    counts = random.multinomial(7, [0.4, 0.3, 0.2, 0.1], size=200)
    counts[3] = [2, 3, 3, 0]  # the lowest class of equals
    counts[9] = 0             # nobody has looked at it
    path = result_file(tmp_path / "r.h5", p)
    add(path, "labels", counts)
    found = measured(path, "--truth", "counts")
    known = np.delete(np.arange(200), 9)
    q, p = counts[known] / counts[known].sum(axis=1, keepdims=True), p[known]
    for name, value in reference.label_scores(p, counts[known].argmax(axis=1)).items():
        assert found[name] == pytest.approx(value, **CLOSE), name
    assert found["labelled"] == 199 and found["class_counts"]["labelled"][1] > 0
    expected = {"nll": -(q * np.log(p)).sum(axis=1).mean(),
                "brier": ((p - q) ** 2).sum(axis=1).mean(),
                "accuracy": q[np.arange(199), p.argmax(axis=1)].mean(),
                "label_entropy": reference.entropy(q).mean()}
    assert found["soft_labels"] == pytest.approx(expected, **CLOSE)
    assert found["truth"]["samples"] == 199 and found["truth"]["left_out"] == 1
    assert found["truth"]["l1"]["mean"] == pytest.approx(np.abs(q - p).sum(axis=1).mean(), **CLOSE)
    # the same as an option, over a file without labels
    np.save(tmp_path / "votes.npy", counts)
    plain = result_file(tmp_path / "plain.h5", reference.predictions(np.random.default_rng(2), 200,
                                                                     4)[0])
    again = measured(plain, "--truth", "counts", "--labels", tmp_path / "votes.npy")
    assert {**again, "path": ""} == {**found, "path": ""}


def test_members_are_taken_apart(tmp_path):
    random = np.random.default_rng(3)
    members = random.dirichlet([1, 1, 1], size=(80, 4)).astype(np.float32)
    mean = members.astype(np.float64).mean(axis=1)
    path = result_file(tmp_path / "r.h5", mean)
    aleatoric = reference.entropy(members.astype(np.float64)).mean(axis=1)
    disagreement = random.random(80)
    reference.add_members(path, members, {"aleatoric": aleatoric, "disagreement": disagreement,
                                          "epistemic": reference.entropy(mean) - aleatoric})
    found = measured(path)["decomposition"]
    assert found["total"] == pytest.approx(reference.entropy(mean).mean(), **CLOSE)
    assert found["aleatoric"] == pytest.approx(aleatoric.mean(), **CLOSE)
    assert found["aleatoric"] + found["epistemic"] == pytest.approx(found["total"], abs=1e-12)
    assert found["disagreement"] == pytest.approx(disagreement.mean(), **CLOSE)
    assert "epistemic; disagreement of members" in fod("metrics", path).stdout.decode()


def test_threads_change_no_byte(tmp_path):
    random = np.random.default_rng(4)
    p, labels = reference.predictions(random, 1500, 7)
    path = result_file(tmp_path / "r.h5", p)
    np.save(tmp_path / "y.npy", labels)
    np.save(tmp_path / "v.npy", random.dirichlet(np.ones(7), size=(1500, 5)))
    np.save(tmp_path / "t.npy", random.dirichlet(np.ones(7), size=1500))
    said = {fod("metrics", path, "--json", "--labels", tmp_path / "y.npy", "--conformal", "all",
                "--vertices", tmp_path / "v.npy", "--truth", tmp_path / "t.npy", "--radius", "0.1",
                "--threads", threads).stdout for threads in (1, 2, 3, 8)}
    assert len(said) == 1 and len(said.pop()) > 1000


def test_table_and_definitions(tmp_path):
    random = np.random.default_rng(5)
    p, labels = reference.predictions(random, 400, 30)
    path = result_file(tmp_path / "r.h5", p)
    np.save(tmp_path / "y.npy", labels)
    done = fod("metrics", path, "--labels", tmp_path / "y.npy", "--bins", "20", "--top", "3",
               "--conformal", "aps,raps")
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode()
    found = measured(path, "--labels", tmp_path / "y.npy", "--bins", 20, "--conformal", "aps",
                     "--conformal", "raps")
    for name, title in (("accuracy", "accuracy"), ("nll", "NLL"), ("brier", "Brier score"),
                        ("ece", "ECE"), ("classwise_ece", "class-wise ECE")):
        assert re.search(rf"^  {title} +{found[name]:.4f}\b", text, re.MULTILINE), title
    assert "the most frequent 3 of 30 classes" in text
    words = " ".join(text.split())
    assert "20 bins of equal width, (lower, upper]" in words and "Guo et al. 2017" in words
    assert list(found["conformal"]["methods"]) == ["aps", "raps"]
    assert max(len(line) for line in text.splitlines()) <= 110
    used = sum(bin_["count"] > 0 for bin_ in found["reliability"])
    assert f"and {20 - used} bins without samples" in text
    help_ = fod("metrics", "--help").stdout.decode()
    assert "fod metrics R.h5 --truth counts --conformal all" in help_ and "--k-reg" in help_


def test_without_labels_it_says_what_is_missing(tmp_path):
    path = result_file(tmp_path / "r.h5", np.array([[0.5, 0.5], [0.25, 0.75]]))
    done = fod("metrics", path)
    assert done.returncode == 0
    assert b"no labels: accuracy, NLL, Brier score and calibration are missing; give --labels " \
        b"y.npy, or run fod-generate with --labels" in done.stdout
    found = measured(path, "--radius", "0.5")
    assert found["accuracy"] is None and found["reliability"] is None
    assert found["class_counts"]["labelled"] is None and found["labelled"] == 0
    ball = found["credal"]["sets"][0]
    assert ball["coverage"] is None and ball["efficiency"] == pytest.approx(1 - 0.875)
    assert any("no truth: coverage" in note for note in found["notes"])
    add(path, "labels", np.array([-1, -1]))
    assert any("no sample has a label" in note for note in measured(path)["notes"])


def refusal(*arguments):
    done = fod("metrics", *arguments)
    assert done.returncode == 2 and not done.stdout, done
    text = done.stderr.decode()
    assert re.fullmatch(r"fod: [^\n]+\n", text), text
    return text


def test_bad_input(tmp_path):
    p = np.array([[0.5, 0.5], [0.25, 0.75], [1, 0]])
    path = result_file(tmp_path / "r.h5", p)
    for name, values in {"two": np.zeros(2, int), "high": np.array([0, 2, 1]),
                         "parts": np.array([0.5, 0, 1]), "good": np.array([0, 1, 0]),
                         "votes3": np.ones((3, 3), int)}.items():
        np.save(tmp_path / f"{name}.npy", values)
    assert "does not exist" in refusal(tmp_path / "none.h5")
    assert "file is required" in refusal()
    assert "did you mean --bins?" in refusal(path, "--bin", "3")
    labels = (path, "--labels")
    assert "hold 2 labels, but the dataset has 3 samples" in refusal(*labels, tmp_path / "two.npy")
    assert "sample 1 has label 2 (" in refusal(*labels, tmp_path / "high.npy")
    assert "the label of sample 0 is 0.5" in refusal(*labels, tmp_path / "parts.npy")
    assert "are counts over 3 classes (" in refusal(*labels, tmp_path / "votes3.npy")
    assert "fod runs none" in refusal(*labels, "python:a:b")
    assert "conformal sets need labels (" in refusal(path, "--conformal", "lac")
    assert "lac" in refusal(path, "--conformal", "abc")
    good = (path, "--labels", tmp_path / "good.npy", "--conformal", "lac")
    for flag, values in {"--alpha": ["0", "1", "-0.1", "nan", "x"], "--calibration": ["0", "1.5"],
                         "--lambda": ["-1", "nan"], "--k-reg": ["-1"], "--bins": ["0", "20000"],
                         "--radius": ["-0.1", "1.1", "nan"], "--tolerance": ["-1", "nan"],
                         "--threads": ["-1"], "--top": ["-1"], "--seed": ["-1"]}.items():
        for value in values:
            assert flag in refusal(*good, flag, value)
    with h5py.File(path, "r+") as file:
        file["labels"] = np.array([0, 1, 5])
    assert "sample 2 has label 5 (" in refusal(path)
    with h5py.File(path, "r+") as file:
        del file["labels"]
        file["labels"] = np.array([0, 1])
    assert "damaged" in refusal(path)
    with h5py.File(path, "r+") as file:
        del file["labels"]
        del file["distributions"]
    assert "distributions" in refusal(path)
    with h5py.File(path, "r+") as file:
        file.attrs["complete"] = 0
    assert "is not complete (its job has not finished): let the job finish" in refusal(path)
    (tmp_path / "junk.h5").write_bytes(b"junk")
    assert "is no result file" in refusal(tmp_path / "junk.h5")


def test_groups_alone_have_no_distributions(tmp_path):
    path = result_file(tmp_path / "r.h5", np.array([[0.5, 0.5]]))
    with h5py.File(path, "r+") as file:
        file.attrs["distributions"] = 0
    assert "holds no distributions (its job found groups of neurons alone" in refusal(path)


def test_json_is_one_object_of_stable_keys(tmp_path):
    path = result_file(tmp_path / "r.h5", np.array([[0.5, 0.5], [1, 0]]))
    keys = ["path", "rows", "classes", "samples", "nonfinite_rows", "unreadable_rows", "labelled",
            "accuracy", "mean_confidence", "labelled_mean_confidence", "nll", "nll_clipped",
            "brier", "bins", "ece", "mce", "classwise_ece", "reliability", "class_counts",
            "entropy", "decomposition", "soft_labels", "truth", "credal", "conformal",
            "definitions", "notes"]
    assert list(measured(path)) == keys
    np.save(tmp_path / "y.npy", np.array([[1, 2], [3, 0]]))
    full = fod("metrics", path, "--json", "--labels", tmp_path / "y.npy", "--truth", "counts",
               "--conformal", "all", "--radius", "0.25").stdout
    assert list(json.loads(full)) == keys and b"NaN" not in full and b"Infinity" not in full
