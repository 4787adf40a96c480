"""`fod metrics` against true distributions, and credal and conformal sets: scipy's linear programmes
and NumPy; what is refused."""

import math
from fractions import Fraction

import h5py
import numpy as np
import pytest

import metric_files as reference
from metric_files import measured, result_file
from program import fod
from test_metrics import CLOSE, refusal


@pytest.fixture
def made(tmp_path):
    random = np.random.default_rng(11)
    p, labels = reference.predictions(random, 300, 4)
    t = random.dirichlet([0.5] * 4, size=300)
    np.save(tmp_path / "y.npy", labels)
    return tmp_path, result_file(tmp_path / "r.h5", p), p, t, labels


def check_truth(found, p, t):
    finite = ~((t > 0) & (p <= 0)).any(axis=1)
    l1 = np.abs(t - p).sum(axis=1)
    for name, values in {"l1": l1, "tv": l1 / 2,
                         "kl": reference.divergence(t[finite], p[finite])}.items():
        for key, value in reference.summary(values).items():
            assert found[name][key] == pytest.approx(value, **CLOSE), (name, key)
    assert found["kl"]["infinite"] == int((~finite).sum())
    assert found["samples"] == len(t)


def test_truth_by_sample_id(made):
    folder, path, p, t, _ = made
    t[5] = [1, 0, 0, 0]  # 0 ln 0 = 0
    order = np.random.default_rng(0).permutation(300)
    straight = result_file(folder / "t.h5", t)
    turned = result_file(folder / "turned.h5", t[order], ids=order)
    expected = measured(path, "--truth", straight)["truth"]
    check_truth(expected, p, t)
    assert expected["source"] == str(straight) and expected["left_out"] == 0
    for other in (turned, folder / "turned.json", folder / "t.json"):
        assert {**measured(path, "--truth", other)["truth"], "source": str(straight)} == expected
    # and the other way round: the file's own order is not that of its ids
    back = measured(result_file(folder / "p2.h5", p[order], ids=order), "--truth", straight)
    assert {**back["truth"], "source": str(straight)} == expected


def test_truth_in_arrays(made):
    folder, path, p, t, _ = made
    np.save(folder / "t.npy", t)
    expected = measured(path, "--truth", folder / "t.npy")["truth"]
    check_truth(expected, p, t)
    with h5py.File(folder / "any.h5", "w") as file:
        file["deep/t"] = t
    assert measured(path, "--truth", f"{folder}/any.h5:/deep/t")["truth"]["kl"] == expected["kl"]
    counts = np.random.default_rng(1).integers(0, 5, size=(300, 4))
    counts[[0, 8]] = 0
    for values in (counts, counts.astype(np.float32)):
        np.save(folder / "c.npy", values)
        found = measured(path, "--truth", folder / "c.npy")["truth"]
        known = np.delete(np.arange(300), [0, 8])
        check_truth(found, p[known], counts[known] / counts[known].sum(axis=1, keepdims=True))
        assert found["left_out"] == 2
    assert "2 samples without a true distribution left out" in fod(
        "metrics", path, "--truth", folder / "c.npy").stdout.decode()


def test_infinite_divergence_and_rows_that_do_not_count(tmp_path):
    p = np.array([[1, 0, 0], [0.5, 0.5, 0], [0.25, 0.25, 0.5], [np.nan, 0, 1], [0, 1, 0]])
    t = np.array([[0.5, 0.5, 0], [0.25, 0.75, 0], [0.25, 0.25, 0.5], [1, 0, 0], [np.nan, 1, 0]])
    path = result_file(tmp_path / "r.h5", p)
    found = measured(path, "--truth", result_file(tmp_path / "t.h5", t))
    check_truth(found["truth"], p[:3], t[:3])
    assert found["truth"]["kl"]["infinite"] == 1 and found["truth"]["left_out"] == 1
    assert found["truth"]["kl"]["min"] == 0 and found["nonfinite_rows"] == 1


def test_a_truth_that_does_not_fit(made):
    folder, path, p, t, _ = made
    def refused(spec):
        return refusal(path, "--truth", spec)
    fewer = result_file(folder / "fewer.h5", t[:299])
    assert f"{fewer} has 299 samples ({path} has 300 samples): give a truth" in refused(fewer)
    assert "has 299 samples (" in refused(folder / "fewer.json")
    others = result_file(folder / "others.h5", t, ids=range(1, 301))
    assert f"{others} has no sample 0 ({path} has it): give a truth" in refused(others)
    assert "others.json has no sample 0 (" in refused(folder / "others.json")
    wide = result_file(folder / "wide.h5", np.full((300, 5), 0.2))
    assert f"{wide} has distributions over 5 classes ({path} has 4)" in refused(wide)
    for name, values, words in (
            ("rows", t[:-1], "has 299 rows ("), ("classes", t[:, :3], "(N,4) is needed"),
            ("sums", t * 1.5, "the row of sample 0 sums to 1.5"),
            ("negative", np.where(np.arange(300)[:, None] == 7, -1.0, t), "-1.000000 for sample 7"),
            ("nan", np.where(np.arange(300)[:, None] == 7, np.nan, t), "nan for sample 7"),
            ("half", t.astype(np.float16), "numbers of 16 bits"), ("flat", t[:, 0], "has the shape")):
        np.save(folder / f"{name}.npy", values)
        assert words in refused(folder / f"{name}.npy"), name
    assert "needs annotators' counts" in refused("counts")
    assert "cannot open" in refused(folder / "none.npy")
    assert "cannot open" in refused(folder / "none.json")
    (folder / "bad.json").write_text('{"distributions": {"0": [0.5, 0.4]}}')
    assert "holds rows that are no distributions (sample 0 (line 1, column 20): the sum is 0.9" \
        in refused(folder / "bad.json")
    (folder / "cut.json").write_text('{"distributions": {"0": [0.5,')
    assert "line 1" in refused(folder / "cut.json")
    with h5py.File(fewer, "r+") as file:
        file.attrs["complete"] = 0
    assert "is not complete" in refused(fewer)
    with h5py.File(folder / "no.h5", "w") as file:
        file["t"] = t
    refused(folder / "no.h5")  # not a result, and no dataset is named


def degenerate_sets(random, samples, count, classes):
    """Vertices (N,V,K) and truths: inside, on faces, on vertices, outside; also of repeated,
    collinear and one-hot vertices."""
    vertices = random.dirichlet(np.ones(classes), size=(samples, count))
    weights = random.dirichlet(np.full(count, 0.3), size=samples)
    for i in range(samples):
        if i % 7 == 1:
            vertices[i, -1] = vertices[i, 0]
        if i % 7 == 2 and count > 2:
            vertices[i, 1] = (vertices[i, 0] + vertices[i, 2]) / 2
        if i % 7 == 3:
            vertices[i] = np.eye(classes)[np.arange(count) % classes]
        if i % 7 == 4:
            vertices[i, :, 0] = 0  # on a face of the simplex
            vertices[i] /= vertices[i].sum(axis=1, keepdims=True)
        if i % 5 == 1:
            weights[i, random.integers(count)] = 0  # on the boundary
            weights[i] /= max(weights[i].sum(), 1e-300)
        if i % 5 == 2:
            weights[i] = np.eye(count)[i % count]
    truths = np.einsum("nv,nvk->nk", weights, vertices)
    outside = np.arange(samples) % 5 >= 3
    truths[outside] = random.dirichlet(np.full(classes, 0.4), size=int(outside.sum()))
    empty = truths.sum(axis=1) < 0.5
    truths[empty] = np.eye(classes)[0]
    return vertices, truths / truths.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("count, classes", [(3, 3), (1, 4), (2, 2), (6, 4), (5, 12), (10, 3),
                                            (8, 60)])
def test_hulls_against_linear_programmes(tmp_path, count, classes):
    random = np.random.default_rng(100 * count + classes)
    samples = 140
    vertices, truths = degenerate_sets(random, samples, count, classes)
    path = result_file(tmp_path / "r.h5", random.dirichlet(np.ones(classes), size=samples))
    np.save(tmp_path / "v.npy", vertices)
    np.save(tmp_path / "t.npy", truths)
    found = measured(path, "--truth", tmp_path / "t.npy", "--vertices", tmp_path / "v.npy")
    assert found["credal"]["tried_on"] == "truth"
    intervals, hull = found["credal"]["sets"]
    distances = np.array([reference.distance_to_hull(v, t)
                          for v, t in zip(vertices, truths, strict=True)])
    assert hull["covered"] == int((distances <= 1e-6).sum()) > 0
    assert hull["mean_distance"] == pytest.approx(distances.mean(), abs=1e-9)
    assert hull["max_distance"] == pytest.approx(distances.max(), abs=1e-9)
    low, high = vertices.min(axis=1), vertices.max(axis=1)
    inside = ((low - 1e-6 <= truths) & (truths <= high + 1e-6)).all(axis=1)
    assert intervals["covered"] == int(inside.sum()) >= hull["covered"]
    assert intervals["coverage"] == pytest.approx(inside.mean(), **CLOSE)
    width = (high - low).mean()
    for of in (intervals, hull):
        assert of["efficiency"] == pytest.approx(1 - width, **CLOSE)
        assert of["mean_width"] == pytest.approx(width, **CLOSE)
        assert of["samples"] == samples and of["from"] == "vertices"
    assert intervals["mean_distance"] is None
    # one sample after the other: each distance by itself
    for i in range(0, samples, 10):
        np.save(tmp_path / "v1.npy", vertices[i:i + 1])
        np.save(tmp_path / "t1.npy", truths[i:i + 1])
        one = result_file(tmp_path / "one.h5", np.full((1, classes), 1 / classes))
        sets = measured(one, "--truth", tmp_path / "t1.npy", "--vertices", tmp_path / "v1.npy")
        assert sets["credal"]["sets"][1]["mean_distance"] == pytest.approx(distances[i], abs=1e-9)


@pytest.mark.parametrize("count, classes, votes", [(6, 4, 4), (12, 6, 3), (9, 3, 2), (40, 5, 5)])
def test_hulls_of_votes(tmp_path, count, classes, votes):
    """Shares of few votes: ties everywhere, where a simplex method could turn in circles."""
    random = np.random.default_rng(count)
    samples, even = 2000, np.full(classes, 1 / classes)
    vertices = random.multinomial(votes, even, size=(samples, count)) / votes
    truths = random.multinomial(votes, even, size=samples) / votes
    for some in (100, samples):  # scipy takes a while
        path = result_file(tmp_path / "r.h5", np.tile(even, (some, 1)))
        np.save(tmp_path / "v.npy", vertices[:some])
        np.save(tmp_path / "t.npy", truths[:some])
        hull = measured(path, "--truth", tmp_path / "t.npy", "--vertices",
                        tmp_path / "v.npy")["credal"]["sets"][1]
        if some == 100:
            distances = np.array([reference.distance_to_hull(v, t) for v, t in
                                  zip(vertices[:some], truths[:some], strict=True)])
            assert hull["covered"] == int((distances <= 1e-6).sum()) > 0
            assert hull["mean_distance"] == pytest.approx(distances.mean(), abs=1e-9)
    assert 0 < hull["coverage"] < 1


def test_members_bounds_and_balls(tmp_path):
    random = np.random.default_rng(21)
    members = random.dirichlet(np.ones(3), size=(120, 5)).astype(np.float32)
    p = members.astype(np.float64).mean(axis=1)
    path = result_file(tmp_path / "r.h5", p)
    zeros = np.zeros(120)
    reference.add_members(path, members, {"aleatoric": zeros, "epistemic": zeros,
                                          "disagreement": zeros})
    labels = p.argmax(axis=1)
    labels[::3] = -1
    np.save(tmp_path / "y.npy", labels)
    low, high = np.maximum(0, p - 0.1), np.minimum(1, p + random.random((120, 3)) / 2)
    np.save(tmp_path / "low.npy", low)
    np.save(tmp_path / "high.npy", high)
    t = random.dirichlet(np.ones(3), size=120)
    np.save(tmp_path / "t.npy", t)
    arguments = ("--members", "--lower", tmp_path / "low.npy", "--upper", tmp_path / "high.npy",
                 "--radius", 0.3)
    found = measured(path, "--truth", tmp_path / "t.npy", *arguments)["credal"]
    assert [(of["from"], of["kind"]) for of in found["sets"]] == [
        ("members", "intervals"), ("members", "hull"), ("lower/upper", "intervals"),
        ("radius", "ball")]
    wide = members.astype(np.float64)
    distances = [reference.distance_to_hull(v, x) for v, x in zip(wide, t, strict=True)]
    assert found["sets"][1]["mean_distance"] == pytest.approx(np.mean(distances), **CLOSE)
    assert found["sets"][2]["covered"] == int(((low <= t) & (t <= high)).all(axis=1).sum())
    assert found["sets"][2]["efficiency"] == pytest.approx(1 - (high - low).mean(), **CLOSE)
    tv = np.abs(t - p).sum(axis=1) / 2
    ball = found["sets"][3]
    assert ball["covered"] == int((tv <= 0.3).sum()) and ball["max_distance"] == pytest.approx(
        tv.max(), **CLOSE)
    width = (np.minimum(1, p + 0.3) - np.maximum(0, p - 0.3)).mean()
    assert ball["mean_width"] == pytest.approx(width, **CLOSE)
    # without a truth, labels are it, as distributions that are all on one class
    labelled = np.flatnonzero(labels >= 0)
    found = measured(path, "--labels", tmp_path / "y.npy", *arguments)["credal"]
    assert found["tried_on"] == "labels"
    hot = np.eye(3)[labels[labelled]]
    distances = [reference.distance_to_hull(v, x) for v, x in zip(wide[labelled], hot, strict=True)]
    assert found["sets"][1]["mean_distance"] == pytest.approx(np.mean(distances), **CLOSE)
    assert {of["samples"] for of in found["sets"]} == {len(labelled)}
    assert found["sets"][2]["efficiency"] == pytest.approx(1 - (high - low).mean(), **CLOSE)
    # the tolerance takes in what lies that far outside
    everything = measured(path, "--truth", tmp_path / "t.npy", "--tolerance", 1, *arguments)
    assert {of["coverage"] for of in everything["credal"]["sets"]} == {1}


def test_sets_that_do_not_fit(made):
    folder, path, p, t, _ = made
    low, high = np.maximum(0, p - 0.1), np.minimum(1, p + 0.1)
    vertices = np.stack([p, t], axis=1)
    arrays = {"low": low, "high": high, "short": low[:5], "flat": p, "v": vertices,
              "v3": vertices[:, :, :3], "none": vertices[:, :0]}
    high_nan, v_nan, crossed = high.copy(), vertices.copy(), low.copy()
    high_nan[4, 1], v_nan[6, 1, 0], crossed[3, 2] = np.nan, np.inf, 1.5
    for name, values in (arrays | {"nan": high_nan, "inf": v_nan, "crossed": crossed}).items():
        np.save(folder / f"{name}.npy", values)
    def refused(**flags):
        words = [x for flag, name in flags.items() for x in (f"--{flag}", folder / f"{name}.npy")]
        return refusal(path, *words)
    assert "--lower and --upper belong together (--upper is missing)" in refused(lower="low")
    assert "belong together (--lower is missing)" in refused(upper="high")
    assert "has 5 rows (" in refused(lower="short", upper="high")
    assert "(N,4) is needed" in refused(lower="v", upper="high")
    assert "the interval of class 1 of sample 4 cannot be (a bound is not finite)" in refused(
        lower="low", upper="nan")
    assert "class 2 of sample 3 cannot be (its lower probability exceeds the upper)" in refused(
        lower="crossed", upper="high")
    for name in ("flat", "v3"):
        assert "(N,V,4) is needed" in refused(vertices=name)
    assert "has samples without elements" in refused(vertices="none")
    assert "of sample 6 cannot be (a number is not finite)" in refused(vertices="inf")
    assert "has no /members (it is of one model): run fod-generate" in refusal(path, "--members")


@pytest.mark.parametrize("alpha", ["0.1", "0.05", "0.5", "0.3"])
@pytest.mark.parametrize("randomized", [False, True])
def test_conformal_sets(tmp_path, alpha, randomized):
    random = np.random.default_rng(31)
    samples, classes, seed, share, weight, k_reg = 400, 8, 77, 0.4, 0.05, 2
    p, labels = reference.predictions(random, samples, classes)
    p[::4] = np.round(p[::4] * 4) / 4  # ties, and zeros
    p[p.sum(axis=1) <= 0] = 1 / classes
    p /= p.sum(axis=1, keepdims=True)
    labels[17] = -1
    ids = random.permutation(10_000)[:samples]
    path = result_file(tmp_path / "r.h5", p, ids=ids)
    with h5py.File(path) as file:
        p = file["distributions"][:].astype(np.float64)
    np.save(tmp_path / "y.npy", labels)
    arguments = ["--labels", tmp_path / "y.npy", "--conformal", "all", "--alpha", alpha,
                 "--calibration", share, "--seed", seed, "--lambda", weight, "--k-reg", k_reg]
    found = measured(path, *arguments, *(["--randomized"] if randomized else []))["conformal"]
    assert found["alpha"] == float(alpha) and found["k_reg"] == k_reg
    calibrates = np.array([reference.uniform(int(i), seed, 0) < share for i in ids])
    u = np.array([reference.uniform(int(i), seed, 1) for i in ids]) if randomized else np.ones(
        samples)
    settle = np.flatnonzero(calibrates & (labels >= 0))
    tried = np.flatnonzero(~calibrates & (labels >= 0))
    rank = math.ceil((len(settle) + 1) * (1 - Fraction(alpha)))
    for method in ("lac", "aps", "raps"):
        scores = reference.class_scores(p, method, u, weight, k_reg)
        threshold = np.sort(scores[settle, labels[settle]])[rank - 1]
        of = found["methods"][method]
        assert of["calibration_samples"] == len(settle) and of["samples"] == len(tried)
        assert of["threshold"] == pytest.approx(threshold, abs=1e-12), method
        sets = scores[tried] <= threshold
        covered = scores[tried, labels[tried]] <= threshold
        assert of["covered"] == int(covered.sum())
        assert of["coverage"] == pytest.approx(covered.mean(), **CLOSE)
        assert of["mean_size"] == pytest.approx(sets.sum(axis=1).mean(), **CLOSE)
        assert of["empty"] == pytest.approx((sets.sum(axis=1) == 0).mean(), **CLOSE)


def test_the_split_knows_id_and_seed_alone(tmp_path):
    random = np.random.default_rng(41)
    p, labels = reference.predictions(random, 200, 3)
    order = random.permutation(200)
    np.save(tmp_path / "y.npy", labels)
    np.save(tmp_path / "turned.npy", labels[order])
    straight = result_file(tmp_path / "r.h5", p)
    turned = result_file(tmp_path / "t.h5", p[order], ids=order)
    def sets(path, name, *more):
        return measured(path, "--labels", tmp_path / name, "--conformal", "all", "--randomized",
                        *more)["conformal"]
    assert sets(straight, "y.npy") == sets(turned, "turned.npy")
    assert sets(straight, "y.npy") != sets(straight, "y.npy", "--seed", 1)


def test_alpha_too_small_for_the_samples(made):
    folder, path, *_ = made
    arguments = ("--labels", folder / "y.npy", "--conformal", "aps", "--alpha", "0.0001")
    of = measured(path, *arguments)["conformal"]["methods"]["aps"]
    assert of["threshold"] is None and of["threshold_infinite"] is True
    assert of["coverage"] == 1 and of["mean_size"] == 4 and of["empty"] == 0
    words = " ".join(fod("metrics", path, *arguments).stdout.decode().split())
    assert "aps: alpha 0.0001 is too small for" in words and "every set has all classes" in words
