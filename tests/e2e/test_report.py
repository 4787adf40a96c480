"""The report of a real job: its files, the older tool's reports, and what the dashboard was given."""

from __future__ import annotations

import json
import re
from pathlib import Path

import h5py
import numpy as np
import pytest
import report_files
from conftest import ROOT
from PIL import Image
from reports import LAYERS, job, job_with_everything, payload, reported
from sklearn.metrics import accuracy_score


@pytest.fixture(scope="module")
def result(run, digits, tmp_path_factory) -> Path:
    return job_with_everything(run, digits, tmp_path_factory.mktemp("report") / "r.h5")


@pytest.fixture(scope="module")
def folder(result, digits) -> Path:
    out = result.parent / "out"
    reported(result, "--out", out, "--data", digits / "images.npy",
             env={"SOURCE_DATE_EPOCH": "1700000000"})
    return out


PICTURES = {"all_layers_heatmap.png", "reliability_diagram.png", "entropy_histogram.png",
            "uncertain_samples.png", "group_entropy.png", "skills.png", "group_events.png",
            *(f"groups_{kind}_{layer}.png" for kind in ("heatmap", "scatter") for layer in LAYERS)}
REPORTS = {f"neuron_group_analysis_report.{ending}" for ending in ("json", "txt")}


def test_all_files_are_there(folder):
    assert {path.name for path in folder.iterdir()} == PICTURES | REPORTS | {"dashboard.html"}
    assert not [path for path in folder.parent.iterdir() if path.name.startswith(".out")]
    for name in PICTURES:
        with Image.open(folder / name) as image:
            assert min(image.size) >= 400
            assert len(image.convert("RGB").getcolors(1 << 24)) > 50  # something is drawn


def test_the_older_tools_report(folder, result):
    """Exactly its keys; numbers as the file has them."""
    told = json.loads((folder / "neuron_group_analysis_report.json").read_text())
    assert list(told) == ["pytorch_analysis", "layer_analysis", "learning_patterns"]
    head = told["pytorch_analysis"]
    assert list(head) == ["device", "torch_version", "total_layers", "analysis_timestamp"]
    assert head["total_layers"] == 3 and head["analysis_timestamp"] == "2023-11-14T22:13:20Z"
    with h5py.File(result) as file:
        assert head["torch_version"] == file["provenance"].attrs["framework"].split()[-1]
        assert head["device"] == file["provenance/devices"][0].decode()
        assert list(told["layer_analysis"]) == list(LAYERS)
        for name, layer in told["layer_analysis"].items():
            stored = file[f"groups/{name}"]
            assert list(layer) == ["groups_found", "activation_shape", "groups_detail"]
            assert layer["groups_found"] == len(stored["group_id"]) > 0
            assert layer["activation_shape"] == [1797, len(stored["neuron_mean"])]
            offsets, members = stored["offsets"][()], stored["members"][()]
            for g, group in enumerate(layer["groups_detail"]):
                assert list(group) == ["group_id", "size", "cohesion", "mean_activation",
                                       "neuron_indices"]
                assert group["neuron_indices"] == members[offsets[g]:offsets[g + 1]].tolist()
                for key in ("group_id", "size", "cohesion", "mean_activation"):
                    assert group[key] == stored[key][g]
        patterns, events = told["learning_patterns"], file["events"]
        assert list(patterns) == ["total_events", "skill_distribution", "average_strength"]
        assert patterns["total_events"] == events.attrs["total"] == len(events["sample"])
        names = [text.decode() for text in events["categories"]]
        counts = np.bincount(events["category"][()], minlength=3)
        assert patterns["skill_distribution"] == dict(zip(names, counts.tolist()))
        np.testing.assert_allclose(patterns["average_strength"],
                                   events["strength"][()].mean(dtype=np.float64), rtol=1e-6)
    text = (folder / "neuron_group_analysis_report.txt").read_text()
    for layer in told["layer_analysis"].values():
        for group in layer["groups_detail"]:
            assert f"group {group['group_id']}: {group['size']} neurons, cohesion " \
                f"{group['cohesion']:.4f}" in text


def test_the_older_tools_file_names(result):
    out = result.parent / "older"
    done = reported(result, "--out", out, "--pytorch-names", "--theme", "dark", "--dpi", 60)
    names = {path.name for path in out.iterdir()}
    for layer in LAYERS:
        assert {f"pytorch_groups_heatmap_{layer}.png",
                f"pytorch_groups_scatter_{layer}.png"} <= names
    assert {"pytorch_all_layers_heatmap.png", "pytorch_interactive_dashboard.html",
            "pytorch_neuron_group_analysis_report.json",
            "pytorch_neuron_group_analysis_report.txt"} <= names
    assert not names & {"dashboard.html", "all_layers_heatmap.png", *REPORTS}
    assert "pytorch_interactive_dashboard.html" in done.stdout
    with Image.open(out / "pytorch_all_layers_heatmap.png") as image:
        assert image.convert("RGB").getpixel((2, 2)) == (0x14, 0x17, 0x1D)  # dark


def test_the_same_file_gives_the_same_bytes(folder, result, digits):
    again = result.parent / "again"
    reported(result, "--out", again, "--data", digits / "images.npy",
             env={"SOURCE_DATE_EPOCH": "1700000000"})
    for path in folder.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name


def numbers(packed: dict) -> np.ndarray:
    import base64

    raw = np.frombuffer(base64.b64decode(packed["bytes"]), packed["type"])
    return raw.reshape(packed["shape"])


def test_what_the_dashboard_was_given(folder, result):
    """Every number in it against the file and NumPy."""
    given = payload(folder / "dashboard.html")
    facts = {name: value for name, value, _ in given["facts"]}
    with h5py.File(result) as file:
        p, labels = file["distributions"][()], file["labels"][()]
        accuracy = accuracy_score(labels, p.argmax(1))
        assert facts["accuracy"] == f"{accuracy:.2%}" == f"{file['metrics'].attrs['accuracy']:.2%}"
        assert facts["samples"] == "1,797" and facts["classes"] == "10"
        assert facts["mean entropy"] == f"{file['metrics'].attrs['mean_entropy']:.4f}"
        assert facts["groups"] == str(sum(len(file[f"groups/{n}/group_id"]) for n in LAYERS))
        columns = {name: numbers(one) for name, one in given["samples"]["columns"].items()}
        assert given["samples"]["note"] == "" and given["samples"]["total"] == 1797
        np.testing.assert_array_equal(columns["id"], np.arange(1797))
        np.testing.assert_array_equal(columns["label"], labels)
        for key in ("entropy", "confidence", "prediction"):
            np.testing.assert_array_equal(columns[key], file[f"uncertainty/{key}"][()])
        top = {key: numbers(one) for key, one in given["samples"]["top"].items()}
        order = np.argsort(-p, axis=1, kind="stable")[:, :5]
        np.testing.assert_array_equal(top["classes"], order)
        np.testing.assert_array_equal(top["p"], np.take_along_axis(p, order, 1))
        centers = np.concatenate([file[f"groups/{name}/group_center"][()] for name in LAYERS], 1)
        busy = np.argsort(-np.abs(centers), axis=1, kind="stable")[:, :4]
        active = {key: numbers(one) for key, one in given["samples"]["active"].items()}
        np.testing.assert_array_equal(active["groups"], busy)
        np.testing.assert_array_equal(active["values"], np.take_along_axis(centers, busy, 1))
        for number, group in enumerate(given["groups"]):
            size = np.abs(centers[:, number])
            expected = np.lexsort((np.arange(1797), -size))[:50]
            assert group["drivers"]["by"] == "activity"
            assert group["drivers"]["rows"] == expected.tolist()
            np.testing.assert_array_equal(np.float32(group["drivers"]["values"]),
                                          centers[expected, number])
            entropy = file["uncertainty/entropy"][()].astype(float)
            tenths = np.array_split(np.argsort(centers[:, number], kind="stable"), 10)
            np.testing.assert_allclose(group["activity"]["entropy"],
                                       [entropy[part].mean() for part in tenths], rtol=1e-12)
        for name, layer in zip(LAYERS, given["layers"], strict=True):
            stored = file[f"groups/{name}"]
            names = layer["heat"]["names"]
            r = stored["correlation"][()][np.ix_(names, names)]
            np.testing.assert_array_equal(numbers(layer["heat"]["values"]), np.rint(r * 127))


def test_events_drive_groups_where_activity_was_not_kept(result):
    """The strongest events, in their order."""
    bare = result.parent / "bare.h5"
    bare.write_bytes(result.read_bytes())
    with h5py.File(bare, "r+") as file:
        for name in LAYERS:
            del file[f"groups/{name}/group_center"]
        events = {key: file[f"events/{key}"][()] for key in ("group", "sample", "strength")}
    reported(bare, "--out", result.parent / "bare", "--dpi", 60)
    given = payload(result.parent / "bare" / "dashboard.html")
    assert any("activity" in note["what"] for note in given["notes"])
    for group in given["groups"]:
        own = events["group"] == group["id"]
        order = np.lexsort((events["sample"][own], -events["strength"][own]))[:50]
        assert group["drivers"]["by"] == "event"
        assert group["drivers"]["rows"] == events["sample"][own][order].tolist()


def test_no_page_asks_for_anything(folder):
    """Outside of the library, nothing in it names another place."""
    text = (folder / "dashboard.html").read_text()
    head, script = text.split("</script>")[0], text.rsplit("<script>", 1)[1]
    for part in (head, script):
        assert "http:" not in part and "https:" not in part and "//cdn" not in part
    assert "default-src 'none'" in head
    assert (folder / "dashboard.html").stat().st_size < 20e6


def test_a_selection_of_samples_says_so(tmp_path):
    from fod_report.choose import choose, largest
    from fod_report.read import Result
    from fod_report.samples import read_samples

    path = report_files.write(tmp_path / "r.h5", size=3000)
    samples = read_samples(Result(path))
    whole = choose(samples, [], 0, most=3000)
    assert whole.note == "" and len(whole.rows) == 3000
    part = choose(samples, [np.array([7, 2999])], 0, most=1000)
    assert len(part.rows) == 1000 and {7, 2999} <= set(part.rows.tolist())
    assert part.note.startswith("A selection of 1,000 of 3,000 samples")
    entropy = samples.entropy
    top = np.lexsort((np.arange(3000), -entropy))[:200]
    np.testing.assert_array_equal(largest(entropy, samples.good, 200), top)
    assert set(top.tolist()) <= set(part.rows.tolist())
    again = choose(samples, [np.array([7, 2999])], 0, most=1000)
    np.testing.assert_array_equal(part.rows, again.rows)
    other = choose(samples, [np.array([7, 2999])], 1, most=1000)
    assert not np.array_equal(part.rows, other.rows)


def test_the_readme_shows_pictures_that_its_command_made(run, digits, tmp_path):
    """Of the quickstart's job, by the quickstart's flags: the same to the eye."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r'<img src="(jobs/pictures/[^"]+)"', readme)
    assert len(shown) == 2
    flags = re.search(r"--layers (\S+) --correlation-threshold auto --group-patterns",
                      (ROOT / "jobs" / "quickstart.sh").read_text()).group(0).split()
    job(run, digits, tmp_path / "digits.h5", "--model-name", "digits_cnn", *flags)
    command = re.search(r"tools/report\.py quickstart/digits\.h5 (.+)", readme).group(1)
    words = command.replace("quickstart/images.npy", str(digits / "images.npy")).split()
    reported(tmp_path / "digits.h5", *words, cwd=tmp_path)
    for name in shown:
        assert (ROOT / name).stat().st_size < 60_000
        old, new = (np.asarray(Image.open(path).convert("RGB"), float) for path in (
            ROOT / name, tmp_path / "report" / Path(name).name))
        assert old.shape == new.shape
        assert np.abs(old - new).mean() < 4  # last bits of a model may order neurons differently
