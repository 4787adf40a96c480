"""`fod groups`: the table, the JSON of the contract, the rules, and what is refused."""

import json

import h5py
import numpy as np
import pytest

from group_files import FIGURES, add_events, add_layer, result_file
from program import fod

GROUPS = [[0, 2, 4, 6, 8, 10, 12, 14, 16, 18], [1, 3, 5, 30], [20, 21, 22]]


@pytest.fixture
def result(tmp_path):
    path = result_file(tmp_path / "r.h5")
    # The names sort the other way round than the layers ran.
    layers = {
        "net.fc": add_layer(path, "net.fc", GROUPS, 40, index=0, dead=[7, 39], seed=1,
                            pooling="mean", type="Conv2d"),
        "a.last": add_layer(path, "a.last", [[0, 1, 2]], 6, index=1, first_id=3, seed=2,
                            method="kmeans", threshold=np.nan, stability=np.nan),
        "empty": add_layer(path, "empty", [], 5, index=2, seed=3),
    }
    return path, layers


def told(path, *arguments):
    done = fod("groups", path, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check_layer(found, expected, first_id, groups):
    assert list(found)[:4] == ["method", "groups", "ungrouped", "dead"]
    for key in ("method", "type", "pooling", "samples", "chance_bound"):
        assert found[key] == expected["attributes"][key]
    assert found["class_by"] == "prediction"
    assert found["neurons"] == len(expected["neuron_mean"])
    for key in ("threshold", "stability"):
        value = expected["attributes"][key]
        assert found[key] == (None if np.isnan(value) else value)
    assert found["ungrouped"] == expected["ungrouped"].tolist()
    assert found["dead"] == expected["dead"].tolist()
    assert len(found["groups"]) == len(groups)
    for g, group in enumerate(found["groups"]):
        assert list(group)[:4] == ["group_id", "neuron_indices", "size", "cohesion"]
        assert group["group_id"] == first_id + g
        assert group["neuron_indices"] == groups[g] and group["size"] == len(groups[g])
        for figure in FIGURES:
            value = expected[figure][g]
            assert group[figure] == (None if np.isnan(value) else value)
        begin, end = expected["offsets"][g:g + 2]
        assert group["loadings"] == expected["loadings"][begin:end].tolist()
        assert group["class_mean"] == expected["class_mean"][g].tolist()
        assert group["skill_category"] == expected["skill_category"][g]


def test_json_is_the_contract(result):
    path, layers = result
    document = told(path)
    assert list(document) == ["layers"]  # no path, ranks or times, and there are no events
    assert list(document["layers"]) == ["net.fc", "a.last", "empty"]
    check_layer(document["layers"]["net.fc"], layers["net.fc"], 0, GROUPS)
    check_layer(document["layers"]["a.last"], layers["a.last"], 3, [[0, 1, 2]])
    check_layer(document["layers"]["empty"], layers["empty"], 0, [])
    assert str(path).encode() not in fod("groups", path, "--json").stdout
    assert told(path, "--top", "1") == document  # JSON has all groups


def test_layers_are_chosen(result):
    path, _ = result
    assert list(told(path, "--layer", "a.last")["layers"]) == ["a.last"]
    assert list(told(path, "--layer", "e*,net.*")["layers"]) == ["net.fc", "empty"]
    assert list(told(path, "--layer", "empty", "--layer", "a.last")["layers"]) == ["a.last",
                                                                                  "empty"]
    done = fod("groups", path, "--layer", "net.fx")
    assert done.returncode == 2
    assert b"r.h5 has no groups of layer net.fx (did you mean net.fc?)" in done.stderr
    done = fod("groups", path, "--layer", "conv*")
    assert done.returncode == 2 and b"its layers are net.fc, a.last, empty" in done.stderr


def test_table(result):
    path, layers = result
    done = fod("groups", path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode().splitlines()
    assert lines[0] == f"{path}: groups of 3 layers"
    assert "net.fc (Conv2d, mean over positions)" in lines and "a.last (Linear)" in lines
    text = "\n".join(lines)
    assert "correlation_clustering, |r| >= 0.600" in text and "40: 17 in 3 groups, 21 in none, " \
        "2 dead" in text
    fc = layers["net.fc"]
    row = next(line.split() for line in lines if line.endswith("0 2 4 6 8 10 12 14 +2"))
    assert row[:10] == ["0", "10", *(f"{fc[name][0]:.3f}" for name in (
        "cohesion", "cohesion_signed", "stability", "variance_explained", "corr_entropy",
        "corr_confidence")), "-", "skill0"]
    assert "5: 0 in 0 groups, 5 in none, 0 dead" in text
    assert "  stability     - (" in text  # of kmeans, in this file

    short = fod("groups", path, "--top", "1").stdout.decode()
    assert "and 2 groups more (--top 3 lists all)" in short and "20 21 22" not in short


def test_events_are_told(result):
    path, _ = result
    categories = ["art", "logic"]
    events = add_events(path, {"net.fc": 3, "a.last": 1, "empty": 0}, categories)
    found = told(path)["events"]
    assert [found[key] for key in ("total", "kept", "sample_begin", "sample_end",
                                   "categories")] == [12345, 1000, 0, 100, categories]
    assert list(found["layers"]) == ["net.fc", "a.last", "empty"]
    for number, (name, first, count) in enumerate((("net.fc", 0, 3), ("a.last", 3, 1),
                                                   ("empty", 4, 0))):
        layer = found["layers"][name]
        for key, values in events["layer"].items():
            assert layer[key] == values[number].tolist(), key
        assert [group["group_id"] for group in layer["groups"]] == list(range(first, first + count))
        for group in layer["groups"]:
            g = group["group_id"]
            for key in ("events", "mean_strength", "loss_active", "corr_loss", "by_category",
                        "by_span"):
                assert group[key] == events["group"][key][g].tolist(), key
            assert group["loss_inactive"] is None
            counts = events["group"]["by_category"][g][:2]
            assert group["skill_category"] == categories[int(np.argmax(counts))]
    assert list(told(path, "--layer", "a.last")["events"]["layers"]) == ["a.last"]

    text = fod("groups", path).stdout.decode()
    assert "12,345 learning events, of which the strongest 1,000 are kept in /events" in text
    spans = events["group"]["by_span"][0]
    digits = "".join(str(int(np.ceil(9 * n / spans.max()))) for n in spans)
    row = next(line.split() for line in text.splitlines() if line.endswith("  " + digits))
    assert row[:6] == ["0", str(events["group"]["events"][0]),
                       f"{events['group']['mean_strength'][0]:.3f}",
                       f"{events['group']['loss_active'][0]:.4f}", "-",
                       f"{events['group']['corr_loss'][0]:.3f}"]
    assert "in ten equal spans of samples 0 to 99" in text


def test_rules_are_printed_and_none_else(tmp_path):
    done = fod("groups", "--print-rules")
    assert done.returncode == 0
    rules = json.loads(done.stdout)
    assert list(rules) == ["categories", "otherwise"] and rules["otherwise"] == "general"
    assert list(rules["categories"]) == ["mathematical", "linguistic", "logical", "memory"]
    assert "sum" in rules["categories"]["mathematical"]
    for name, keywords in rules["categories"].items():
        assert len(keywords) >= 30 and len(set(keywords)) == len(keywords), name


def test_what_is_refused(result, tmp_path):
    path, _ = result
    done = fod("groups")
    assert done.returncode == 2 and b"file is required" in done.stderr
    done = fod("groups", tmp_path / "none.h5")
    assert done.returncode == 2 and b"does not exist" in done.stderr
    plain = result_file(tmp_path / "plain.h5")
    done = fod("groups", plain)
    assert done.returncode == 2
    assert b"plain.h5 holds no groups of neurons (its job was not asked for any): run " \
        b"fod-generate with --layers" in done.stderr
    with h5py.File(plain, "r+") as file:
        file.attrs["complete"] = 0
    assert b"its job has not finished" in fod("groups", plain).stderr
    with h5py.File(path, "r+") as file:
        file["groups/net.fc/members"][0] = 40
    done = fod("groups", path)
    assert done.returncode == 2 and b"/groups/net.fc is damaged" in done.stderr
