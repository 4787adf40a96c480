"""The numbers behind the pictures, against NumPy, SciPy and scikit-learn."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import report_files
import reports  # noqa: F401 (finds fod_report)
import scipy.special
from fod_report import drivers, events, images, matrix, read
from fod_report.calibration import reliability
from fod_report.embedding import embed, kernel_pca, tsne
from fod_report.facts import missing
from fod_report.fig_samples import entropy_bins
from fod_report.layers import read_layers, short_names, slugs_of
from fod_report.samples import read_samples
from report_files import Planted
from sklearn.calibration import calibration_curve
from sklearn.decomposition import KernelPCA
from sklearn.manifold import trustworthiness

LAYER = Planted("fc", (12, 7, 4), 40)


def test_reliability_is_that_of_scikit_learn_and_of_a_plain_loop():
    random = np.random.default_rng(0)
    confidence = random.beta(5, 2, 4000).astype(np.float32)
    correct = random.random(4000) < confidence**1.3
    found = reliability(confidence, correct)
    true, mean = calibration_curve(correct, confidence, n_bins=15)
    some = found.count > 0
    np.testing.assert_allclose(found.accuracy[some], true, rtol=1e-12)
    np.testing.assert_allclose(found.confidence[some], mean, rtol=1e-7)
    ece = 0.0
    for b in range(15):
        own = [i for i in range(4000) if b / 15 < float(confidence[i]) <= (b + 1) / 15]
        if own:
            gap = np.mean(correct[own]) - np.mean(confidence[own].astype(float))
            ece += len(own) / 4000 * abs(gap)
    assert found.ece == pytest.approx(ece, abs=1e-12)


def test_edges_of_the_bins():
    """(a, b], and 0.0 lies in the first one; empty bins count nothing."""
    confidence = np.array([0.0, 0.25, 0.5, 0.5, 0.75, 1.0, 1.0])
    found = reliability(confidence, np.array([0, 1, 0, 1, 1, 1, 0], bool), bins=4)
    assert found.count.tolist() == [2, 2, 1, 2]
    np.testing.assert_allclose(found.accuracy, [0.5, 0.5, 1, 0.5])
    assert found.ece == pytest.approx((2 * 0.375 + 0 + 0.25 + 2 * 0.5) / 7)
    sure = reliability(np.array([1.0, 1.0], np.float32), np.array([True, False]))
    assert sure.count[-1] == 2 and sure.ece == 0.5 and np.isnan(sure.accuracy[0])
    assert np.isnan(reliability(np.empty(0), np.empty(0, bool)).ece)


def test_uncertainty_is_computed_from_the_rows_where_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(read, "SLICE_BYTES", 1000)  # many slices
    with_it = read_samples(read.Result(report_files.write(tmp_path / "a.h5", 333)))
    without = read_samples(read.Result(report_files.write(tmp_path / "b.h5", 333,
                                                          uncertainty=False)))
    assert without.recomputed and not with_it.recomputed
    p = report_files.distributions(333, 4).astype(np.float64)
    np.testing.assert_allclose(without.entropy, scipy.special.entr(p).sum(1), rtol=1e-6)
    np.testing.assert_allclose(without.entropy, with_it.entropy, rtol=1e-6)
    np.testing.assert_array_equal(without.prediction, with_it.prediction)
    np.testing.assert_array_equal(without.confidence, with_it.confidence)


def test_labels_may_be_votes(tmp_path):
    path = report_files.write(tmp_path / "r.h5", 4, classes=3, labels=False)
    with h5py.File(path, "r+") as file:
        file["labels"] = np.array([[0, 3, 1], [2, 2, 0], [0, 0, 0], [0, 0, 5]])
        file["row_status"][3] = 1
    samples = read_samples(read.Result(path))
    assert samples.label.tolist() == [1, 0, -1, 2]
    assert samples.judged.tolist() == [True, True, False, False]


def test_entropy_bins_reach_the_largest_possible():
    edges = entropy_bins(np.array([0.1, 0.2]), 10)
    assert edges[0] == 0 and edges[-1] == pytest.approx(np.log(10)) and len(edges) == 41
    assert entropy_bins(np.empty(0), 0)[-1] > 0


def layer_of(path):
    result = read.Result(path)
    return result, read_layers(result)[0]


def test_the_heatmap_is_the_correlation_in_the_order_of_groups(tmp_path, monkeypatch):
    path = report_files.write(tmp_path / "r.h5", 800, layers=(LAYER,))
    result, layer = layer_of(path)
    found = matrix.matrix_of(result, layer, 0)
    r = np.corrcoef(LAYER.activations(800).T.astype(np.float64))
    np.testing.assert_allclose(found.values, r[np.ix_(found.neurons, found.neurons)], atol=1e-5)
    assert sorted(found.neurons.tolist()) == list(range(40))
    assert found.blocks == [(0, 0, 12), (1, 12, 19), (2, 19, 23), (-1, 23, 40)]
    for place, begin, end in found.blocks[:3]:  # positive loadings first, each by falling loading
        group = layer.groups[place]
        by_neuron = dict(zip(group.members.tolist(), group.loadings.tolist()))
        own = [by_neuron[n] for n in found.neurons[begin:end].tolist()]
        assert own == sorted(own, reverse=True)
        assert set(found.neurons[begin:end].tolist()) == set(group.members.tolist())
    sample = matrix.matrix_of(result, layer, 3, most=15)
    assert "a sample of 15 of 40 neurons" in sample.origin and len(sample.neurons) == 15
    np.testing.assert_allclose(sample.values, r[np.ix_(sample.neurons, sample.neurons)], atol=1e-5)
    assert (np.diff(np.where(sample.group < 0, 99, sample.group)) >= 0).all()


def test_dead_neurons_have_no_correlation(tmp_path):
    path = report_files.write(tmp_path / "r.h5", 100, layers=(LAYER,))
    with h5py.File(path, "r+") as file:
        del file["groups/fc/dead"]
        file["groups/fc/dead"] = np.array([33, 39])
    result, layer = layer_of(path)
    found = matrix.matrix_of(result, layer, 0)
    assert found.blocks[-1] == (-2, 38, 40) and found.neurons[-2:].tolist() == [33, 39]
    assert np.isnan(found.values[-2:]).all() and np.isnan(found.values[:, -2:]).all()
    assert np.isfinite(found.values[:-2, :-2]).all()
    assert len(embed(found, 0).neurons) == 38


def test_correlations_from_kept_activations(tmp_path, monkeypatch):
    path = report_files.write(tmp_path / "r.h5", 900, layers=(LAYER,), keep=("activations",))
    result, layer = layer_of(path)
    r = np.corrcoef(LAYER.activations(900).T.astype(np.float64))
    found = matrix.matrix_of(result, layer, 0)
    assert found.origin == "from kept activations"
    np.testing.assert_allclose(found.values, r[np.ix_(found.neurons, found.neurons)], atol=1e-5)
    monkeypatch.setattr(matrix, "MOST_VALUES", 400 * 40)
    part = matrix.matrix_of(result, layer, 0)
    assert part.origin == "from kept activations of a sample of 400 of 900"
    rows = matrix.sampled(900, 400, 0)
    r = np.corrcoef(LAYER.activations(900)[rows].T.astype(np.float64))
    np.testing.assert_allclose(part.values, r[np.ix_(part.neurons, part.neurons)], atol=1e-5)


def test_correlations_that_follow_from_loadings(tmp_path):
    """Of a factor model: near the true ones; without activity, none between groups."""
    path = report_files.write(tmp_path / "r.h5", 4000, layers=(LAYER,), keep=("group_center",))
    result, layer = layer_of(path)
    found = matrix.matrix_of(result, layer, 0)
    assert "loadings and activity" in found.origin and (found.group >= 0).all()
    r = np.corrcoef(LAYER.activations(4000).T.astype(np.float64))
    np.testing.assert_allclose(found.values, r[np.ix_(found.neurons, found.neurons)], atol=0.06)
    path = report_files.write(tmp_path / "s.h5", 4000, layers=(LAYER,), keep=())
    result, layer = layer_of(path)
    found = matrix.matrix_of(result, layer, 0)
    assert "nothing is known between groups" in found.origin
    same = found.group[:, None] == found.group[None, :]
    assert (found.values[~same] == 0).all()
    np.testing.assert_allclose(found.values[same],
                               r[np.ix_(found.neurons, found.neurons)][same], atol=0.06)


def test_small_heatmaps_are_means(tmp_path):
    path = report_files.write(tmp_path / "r.h5", 200, layers=(LAYER,))
    result, layer = layer_of(path)
    whole = matrix.matrix_of(result, layer, 0)
    whole.values[0, 0] = np.nan
    small = matrix.reduced(whole, 12)
    edges = np.linspace(0, 40, 13).astype(int)
    for y in range(12):
        for x in range(12):
            block = whole.values[edges[y]:edges[y + 1], edges[x]:edges[x + 1]]
            assert small.values[y, x] == pytest.approx(np.nanmean(block), abs=1e-6)


@pytest.mark.parametrize("size", [30, 500])
def test_pca_is_that_of_scikit_learn(size):
    x = Planted("x", (size // 3, size // 4), size).activations(300).T.astype(np.float64)
    kernel = np.corrcoef(x) ** 2
    points, explained = kernel_pca(kernel)
    model = KernelPCA(2, kernel="precomputed")
    expected = model.fit_transform(kernel)
    np.testing.assert_allclose(np.abs(points), np.abs(expected), atol=1e-8)
    centred = np.sort(np.linalg.eigvalsh(kernel - kernel.mean(0) - kernel.mean(0)[:, None]
                                         + kernel.mean()))[::-1]
    np.testing.assert_allclose(explained, centred[:2] / centred.sum(), rtol=1e-9)
    assert (points[np.abs(points).argmax(0), [0, 1]] > 0).all()


def test_tsne_keeps_neighbours_and_is_the_same_each_time():
    x = Planted("x", (20, 15, 10), 60).activations(300).T.astype(np.float64)
    kernel = np.corrcoef(x) ** 2
    start, _ = kernel_pca(kernel)
    points = tsne(kernel, start, 0)
    np.testing.assert_array_equal(points, tsne(kernel, start, 0))
    distance = np.sqrt(np.maximum(0, 2 - 2 * kernel))
    np.fill_diagonal(distance, 0)
    assert trustworthiness(distance, points, n_neighbors=5, metric="precomputed") > 0.8
    centers = [points[a:b].mean(0) for a, b in ((0, 20), (20, 35), (35, 45))]
    for k, (a, b) in enumerate(((0, 20), (20, 35), (35, 45))):
        near = np.linalg.norm(points[a:b, None] - np.array(centers), axis=2).argmin(1)
        assert (near == k).mean() > 0.9


def test_drivers_of_all_samples(tmp_path, monkeypatch):
    """Slice by slice, with ties across them, against a plain sort."""
    path = report_files.write(tmp_path / "r.h5", 700, layers=(LAYER,))
    with h5py.File(path, "r+") as file:
        center = file["groups/fc/group_center"]
        values = np.round(center[()], 1)
        values[5] = np.nan
        center[...] = values
    result, layer = layer_of(path)
    monkeypatch.setattr(read, "SLICE_BYTES", 12 * 64)
    for g, found in enumerate(drivers.from_centers(result, layer, 20)):
        size = np.nan_to_num(np.abs(values[:, g]), nan=-1)
        expected = np.lexsort((np.arange(700), -size))[:20]
        np.testing.assert_array_equal(found.rows, expected)
        np.testing.assert_array_equal(found.values, values[expected, g])


def test_rows_are_read_in_any_pattern(tmp_path, monkeypatch):
    result = read.Result(report_files.write(tmp_path / "r.h5", 900))
    stored = result.dataset("distributions")
    random = np.random.default_rng(0)
    for count in (0, 1, 5, 300, 900):
        rows = np.sort(random.choice(900, count, replace=False))
        np.testing.assert_array_equal(read.rows_at(stored, rows), stored[()][rows])
    monkeypatch.setattr(read, "SLICE_BYTES", 100)
    np.testing.assert_array_equal(read.rows_at(stored, np.arange(900)), stored[()])


def test_file_names_of_layers_are_safe_and_different():
    names = ["a.b", "a_b", "a/b", "../../etc/passwd", "A.B", "x" * 300, "x" * 299 + "y", "日本", "."]
    slugs = slugs_of(names)
    assert len({slug.lower() for slug in slugs}) == len(names)
    for slug in slugs:
        assert 0 < len(slug) < 110 and "/" not in slug and "." not in slug
    assert slugs_of(["conv1", "fc1#1"]) == ["conv1", "fc1_1"]


def test_short_names_tell_what_is_different():
    names = [f"encoder.layers.{i}.attention.output.dense" for i in range(12)]
    assert short_names(names, 20)[3] == "encoder.layers.3…"
    assert short_names(names, 40) == names and len(set(short_names(names, 5))) == 12
    assert short_names(["conv1", "conv2", "fc1"], 20) == ["conv1", "conv2", "fc1"]
    assert short_names(["a.b.c"], 3) == ["a…c"] and short_names([], 9) == []
    mixed = short_names(["model.head", "model.body.0.fc", "model.body.1.fc"], 12)
    assert mixed == ["model.head", "…body.0.fc", "…body.1.fc"]
    assert all(len(name) <= 9 for name in short_names(["x" * 50, "y" * 50 + ".z"], 9))


@pytest.mark.parametrize("shape, expected", [
    ((8, 8), (8, 8)), ((1, 8, 8), (8, 8)), ((3, 8, 9), (8, 9, 3)), ((8, 9, 3), (8, 9, 3)),
    ((8, 8, 1), (8, 8)), ((4, 8, 8), (8, 8, 3)), ((64,), None), ((2, 8, 8), None), ((3, 4), None)])
def test_what_is_an_image(shape, expected):
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    found = images.as_picture(values)
    assert (found is None) == (expected is None)
    if expected:
        assert found.shape == expected
        if shape == (3, 8, 9):
            np.testing.assert_array_equal(found[:, :, 1], values[1])


def test_black_and_white():
    bytes_ = [np.array([[0, 200]], np.uint8)]
    assert images.scale_of(bytes_, np.dtype(np.uint8)) == (0, 255)
    assert images.scale_of([np.array([[0, 16]])], np.dtype(np.uint8)) == (0, 16)
    assert images.scale_of([np.array([[0.0, 0.9]])], np.dtype(np.float32)) == (0, 1)
    assert images.scale_of([np.array([[-2.0, 3.0]])], np.dtype(np.float32)) == (-2, 3)
    assert images.scale_of([np.zeros((2, 2))], np.dtype(np.float32)) == (0, 1)


def test_events_that_were_not_kept_count_too():
    """Totals are of the summary, not of the strongest that were kept."""
    one = events.LayerEvents("a", 6, np.array([1, 2, 3]), np.zeros(3), np.zeros(10), np.zeros(30),
                             2.0, np.nan)
    two = events.LayerEvents("b", 2, np.array([2, 0, 0]), np.zeros(3), np.zeros(10), np.zeros(30),
                             4.0, np.nan)
    none = events.LayerEvents("c", 0, np.zeros(3, int), np.zeros(3), np.zeros(10), np.zeros(30),
                              np.nan, np.nan)
    found = events.Events(8, 5, 0, 9, ["x", "y", events.NO_CATEGORY], [one, two, none], {})
    assert found.by_category == {"x": 3, "y": 2, events.NO_CATEGORY: 3}
    assert found.mean_strength == pytest.approx((6 * 2 + 2 * 4) / 8)


def test_what_a_file_lacks_is_said_with_how_to_have_it(tmp_path):
    result = read.Result(report_files.write(tmp_path / "r.h5", 50, labels=False,
                                            layers=(LAYER, Planted("none", (), 9)), keep=()))
    told = missing(result, read_samples(result), read_layers(result), None, "why")
    said = " ".join(note["what"] + " " + note["how"] for note in told)
    for words in ("--labels", "--keep-correlation", "--group-patterns", "--mc-dropout",
                  "No group was found in layer none", "--categories", "why"):
        assert words in said
