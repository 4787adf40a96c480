"""`fod compare` against scipy's assignment and scikit-learn's adjusted Rand index."""

import json

import h5py
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score

from group_files import add_layer, result_file
from program import fod


def by_size(groups):
    return sorted((sorted(int(i) for i in g) for g in groups), key=lambda g: (-len(g), g))


def random_groups(random, neurons, count):
    """Disjoint groups of at least 3 neurons; about a third of the neurons is in none."""
    labels = random.integers(0, count + count // 2, neurons)
    return by_size(g for c in range(count) if len(g := np.flatnonzero(labels == c)) >= 3)


def changed(random, groups, neurons):
    """The same groups with some members lost, and some new groups."""
    kept = [[i for i in g if random.random() < 0.75] for g in groups if random.random() < 0.8]
    free = random.permutation(np.setdiff1d(np.arange(neurons), np.concatenate(kept or [[]])))
    return by_size([g for g in kept if len(g) >= 3] + [free[:4], free[4:9]])


def series(tmp_path, lists, neurons, name="fc", **attributes):
    paths = []
    for f, groups in enumerate(lists):
        paths.append(result_file(tmp_path / f"epoch{f}.h5"))
        add_layer(paths[-1], name, groups, neurons, seed=f, first_id=10 * f, **attributes)
    return paths


def compared(*arguments):
    done = fod("compare", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def jaccards(a, b):
    return np.array([[len(set(x) & set(y)) / len(set(x) | set(y)) for y in b]
                     for x in a]).reshape(len(a), len(b))


def labels(groups, neurons):
    all_labels = np.arange(neurons) + len(groups)
    for g, members in enumerate(groups):
        all_labels[members] = g
    return all_labels


def check_comparison(found, lists, cohesions, neurons):
    a, b = lists[found["from"]], lists[found["to"]]
    ids = [10 * found["from"], 10 * found["to"]]
    table = jaccards(a, b)
    best = table[linear_sum_assignment(table, maximize=True)].sum() if table.size else 0
    pairs = [(m["group_ids"][0] - ids[0], m["group_ids"][1] - ids[1]) for m in found["matches"]]
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    assert pairs == sorted(pairs)
    assert sum(m["jaccard"] for m in found["matches"]) == pytest.approx(best, abs=1e-12)
    for (i, j), match in zip(pairs, found["matches"]):
        assert match["jaccard"] == table[i, j] > 0
        assert match["weak"] == (table[i, j] < 0.5)
        assert match["size"] == [len(a[i]), len(b[j])]
        assert match["cohesion"] == [cohesions[found["from"]][i], cohesions[found["to"]][j]]
    assert found["gone"] == [ids[0] + i for i in range(len(a)) if i not in {p[0] for p in pairs}]
    assert found["new"] == [ids[1] + j for j in range(len(b)) if j not in {p[1] for p in pairs}]
    expected = adjusted_rand_score(labels(a, neurons), labels(b, neurons))
    assert found["ari"] == pytest.approx(expected, abs=1e-12)


def check_lineages(layer, lists):
    """Follows matches of at least 0.5 from file to file, by the definition."""
    links = [{tuple(m["group_ids"]) for m in c["matches"] if m["jaccard"] >= 0.5}
             for c in layer["comparisons"][:len(lists) - 1]]
    following = [dict(pairs) for pairs in links]
    expected = []
    for f, groups in enumerate(lists):
        for g in range(10 * f, 10 * f + len(groups)):
            if f > 0 and g in following[f - 1].values():
                continue  # goes on from the file before
            chain = [g]
            while f + len(chain) < len(lists) and chain[-1] in following[f + len(chain) - 1]:
                chain.append(following[f + len(chain) - 1][chain[-1]])
            last = f + len(chain) - 1
            phase = {(True, True): "stable", (True, False): "vanishing",
                     (False, True): "emerging", (False, False): "transient"}[
                         (f == 0, last == len(lists) - 1)]
            sizes = [len(lists[f + i][g - 10 * (f + i)]) for i, g in enumerate(chain)]
            expected.append((phase, f, last, chain, sizes))
    assert [(one["learning_phase"], one["first"], one["last"], one["group_ids"], one["size"])
            for one in layer["lineages"]] == expected
    return {phase for phase, *_ in expected}


def test_matches_equal_scipy_and_the_index_equals_scikit_learn(tmp_path):
    neurons, phases = 90, set()
    for seed in range(6):
        random = np.random.default_rng(seed)
        lists = [random_groups(random, neurons, 7)]
        for _ in range(3):
            lists.append(changed(random, lists[-1], neurons))
        folder = tmp_path / str(seed)
        folder.mkdir()
        paths = series(folder, lists, neurons)
        document = compared(*paths)
        assert document["files"] == [str(path) for path in paths]
        layer = document["layers"]["fc"]
        assert layer["neurons"] == neurons
        assert [(c["from"], c["to"]) for c in layer["comparisons"]] == [
            (0, 1), (1, 2), (2, 3), (0, 2), (0, 3)]
        cohesions = []
        for path in paths:
            with h5py.File(path) as file:
                cohesions.append(file["groups/fc/cohesion"][()].tolist())
        for comparison in layer["comparisons"]:
            check_comparison(comparison, lists, cohesions, neurons)
        phases |= check_lineages(layer, lists)
    assert phases == {"stable", "emerging", "vanishing", "transient"}  # each has been there


def test_phases_by_hand(tmp_path):
    stable, late, early, between = [0, 1, 2, 3], [10, 11, 12], [20, 21, 22], [30, 31, 32]
    paths = series(tmp_path, [[stable, early], [stable + [4], between, late], [[0, 1, 2, 4], late]],
                   40)
    layer = compared(*paths)["layers"]["fc"]
    assert [(one["learning_phase"], one["group_ids"]) for one in layer["lineages"]] == [
        ("stable", [0, 10, 20]), ("vanishing", [1]), ("transient", [11]), ("emerging", [12, 21])]
    table = fod("compare", *paths).stdout.decode()
    assert "fc: 40 neurons" in table
    assert "learning phases: 1 stable, 1 emerging, 1 vanishing, 1 transient" in table
    rows = [line.split() for line in table.splitlines()]
    assert "1 -> 2 2 -> 3".split() == next(r for r in rows if r[:3] == ["1", "->", "2"])[:6]
    assert ["stable", "1", "to", "3", "0", "->", "10", "->", "20", "4", "->", "5", "->", "4"] in rows
    assert ["transient", "2", "11", "3"] in rows


def test_weak_matches_are_told_and_end_a_lineage(tmp_path):
    paths = series(tmp_path, [[[0, 1, 2, 3]], [[3, 4, 5, 6, 7]]], 20)
    layer = compared(*paths)["layers"]["fc"]
    match, = layer["comparisons"][0]["matches"]
    assert match["weak"] and match["jaccard"] == 1 / 8
    assert [one["learning_phase"] for one in layer["lineages"]] == ["vanishing", "emerging"]
    assert "weak" in fod("compare", *paths).stdout.decode()


def test_groups_that_overlap_have_no_index(tmp_path):
    overlapping = [[[0, 1, 2, 3, 4], [3, 4, 5, 6], [0, 1, 8]], [[0, 1, 2, 3], [4, 5, 6], [0, 8, 9]]]
    layer = compared(*series(tmp_path, overlapping, 10, method="legacy"))["layers"]["fc"]
    comparison, = layer["comparisons"]
    assert comparison["ari"] is None
    table = jaccards(*overlapping)
    assert sum(m["jaccard"] for m in comparison["matches"]) == pytest.approx(
        table[linear_sum_assignment(table, maximize=True)].sum(), abs=1e-12)
    assert [m["group_ids"] for m in comparison["matches"]] == [[0, 10], [1, 11], [2, 12]]


def test_no_groups_in_a_layer(tmp_path):
    layer = compared(*series(tmp_path, [[], [[0, 1, 2]], []], 9))["layers"]["fc"]
    assert [c["matches"] for c in layer["comparisons"]] == [[], [], []]
    assert layer["comparisons"][0]["new"] == [10] and layer["comparisons"][1]["gone"] == [10]
    assert [one["learning_phase"] for one in layer["lineages"]] == ["transient"]


def test_what_is_refused(tmp_path):
    a, b = series(tmp_path, [[[0, 1, 2]], [[0, 1, 2]]], 9)
    add_layer(a, "conv", [[1, 2, 3]], 5, index=1, first_id=1)
    for arguments in ((a, b), (b, a), (a, b, "--layer", "conv")):
        done = fod("compare", *arguments)
        assert done.returncode == 2
        assert f"{b} has no groups of layer conv ({a} has)" in done.stderr.decode()
    assert list(compared(a, b, "--layer", "f?")["layers"]) == ["fc"]
    done = fod("compare", a, b, "--layer", "fcc")
    assert done.returncode == 2 and b"did you mean fc?" in done.stderr
    for arguments, says in (((a,), str(a)), ((), "no file was given")):
        done = fod("compare", *arguments)
        assert done.returncode == 2
        assert f"one file alone cannot be compared ({says})" in done.stderr.decode()
    add_layer(b, "conv", [[1, 2, 3]], 6, index=1, first_id=11)
    done = fod("compare", a, b)
    assert done.returncode == 2
    assert f"conv has 6 neurons in {b} (and 5 neurons in {a})" in done.stderr.decode()
    plain = result_file(tmp_path / "plain.h5")
    done = fod("compare", a, plain)
    assert done.returncode == 2 and b"plain.h5 holds no groups" in done.stderr
