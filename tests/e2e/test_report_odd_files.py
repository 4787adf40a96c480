"""Files of all sorts: what cannot be drawn is said, and the rest is drawn."""

from __future__ import annotations

import base64
import gzip
import io

import h5py
import numpy as np
import pytest
import report_files
from PIL import Image
from report_files import Planted
from reports import drawn, job, reported, payload

LAYER = Planted("fc", (12, 7, 4), 40)


def notes(given):
    return " ".join(note["what"] + " " + note["how"] for note in given["notes"])


ALWAYS = {"dashboard.html", "neuron_group_analysis_report.json",
          "neuron_group_analysis_report.txt"}


def test_a_file_without_groups_and_labels(tmp_path):
    files, given = drawn(tmp_path, report_files.write(tmp_path / "r.h5", labels=False))
    assert files == ALWAYS | {"entropy_histogram.png"}
    assert "no groups of neurons" in notes(given) and "--layers" in notes(given)
    assert "--labels" in notes(given) and given["samples"]["rows"] == 500


def test_an_imported_file(run, digits, tmp_path):
    """Through JSON and back; and without the section of uncertainty."""
    job(run, digits, tmp_path / "r.h5")
    for command in (("export", "r.h5", "r.json"), ("import", "r.json", "i.h5")):
        done = run("fod", *command, ranks=None, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    files, given = drawn(tmp_path, tmp_path / "i.h5")
    assert "entropy_histogram.png" in files and given["samples"]["rows"] == 1797
    first = given["samples"]["columns"]
    with h5py.File(tmp_path / "i.h5", "r+") as file:
        del file["uncertainty"]
    _, given = drawn(tmp_path, tmp_path / "i.h5", "--overwrite")
    assert "no /uncertainty" in notes(given)
    assert given["samples"]["columns"]["prediction"] == first["prediction"]
    assert given["samples"]["columns"]["confidence"] == first["confidence"]


def test_no_samples(run, digits, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((0, 1, 8, 8), np.float32))
    done = run("fod-generate", "--model", digits / "digits_model.pt", "--data", tmp_path / "x.npy",
               "--out", tmp_path / "r.h5", ranks=None)
    assert done.returncode == 0, done.stderr
    files, given = drawn(tmp_path, tmp_path / "r.h5", "--data", tmp_path / "x.npy")
    assert files == ALWAYS and "There are no samples." in notes(given)


def test_groups_without_distributions(run, digits, tmp_path):
    job(run, digits, tmp_path / "r.h5", "--layers", "fc1", "--no-distributions",
        "--correlation-threshold", "0.5", "--group-patterns")
    files, given = drawn(tmp_path, tmp_path / "r.h5")
    assert {"groups_heatmap_fc1.png", "groups_scatter_fc1.png", "all_layers_heatmap.png"} <= files
    assert "--no-distributions" in notes(given) and given["groups"]


def test_members_bring_epistemic_uncertainty(run, digits, tmp_path):
    job(run, digits, tmp_path / "r.h5", "--mc-dropout", 5)
    _, given = drawn(tmp_path, tmp_path / "r.h5")
    assert {"epistemic", "aleatoric", "disagreement"} <= set(given["samples"]["columns"])
    assert any(name == "mean epistemic" for name, _, _ in given["facts"])


def test_two_classes_one_layer_without_groups(tmp_path):
    path = report_files.write(tmp_path / "r.h5", 60, classes=2, layers=(Planted("fc", (), 7),))
    files, given = drawn(tmp_path, path)
    assert {"groups_heatmap_fc.png", "groups_scatter_fc.png", "reliability_diagram.png"} <= files
    assert "No group was found in layer fc" in notes(given) and given["groups"] == []


def test_layers_of_one_neuron_and_of_dead_ones(tmp_path):
    layers = (Planted("one", (), 1), Planted("two", (), 2), Planted("dead", (), 5))
    path = report_files.write(tmp_path / "r.h5", 60, layers=layers)
    with h5py.File(path, "r+") as file:
        del file["groups/dead/dead"], file["groups/dead/ungrouped"]
        file["groups/dead/dead"] = np.arange(5)
        file["groups/dead/ungrouped"] = np.empty(0, np.int64)
    files, _ = drawn(tmp_path, path)
    assert {"groups_heatmap_one.png", "groups_heatmap_dead.png"} <= files
    assert not {"groups_scatter_one.png", "groups_scatter_dead.png"} & files


@pytest.mark.parametrize("keep", [("activations",), ("group_center",), ()])
def test_correlations_that_were_not_kept(tmp_path, keep):
    path = report_files.write(tmp_path / "r.h5", 300, layers=(LAYER,), keep=keep)
    files, given = drawn(tmp_path, path)
    assert {"groups_heatmap_fc.png", "groups_scatter_fc.png"} <= files
    assert "--keep-correlation" in notes(given)
    assert given["layers"][0]["heat"]["note"]


def test_nothing_that_correlations_follow_from(tmp_path):
    path = report_files.write(tmp_path / "r.h5", 60, layers=(Planted("fc", (), 7),), keep=())
    files, given = drawn(tmp_path, path)
    assert not any("heatmap" in name for name in files)
    assert "--keep-correlation" in notes(given) and given["layers"][0]["heat"] is None


def test_many_layers_of_long_and_odd_names(tmp_path):
    layers = tuple(Planted(f"encoder.layers.{i}.attention.output.dense.{'deep.' * 20}projection",
                           (5, 3), 12) for i in range(18)) + (Planted("a/b c", (3,), 6),)
    files, given = drawn(tmp_path, report_files.write(tmp_path / "r.h5", 80, layers=layers))
    heatmaps = [name for name in files if name.startswith("groups_heatmap_")]
    assert len(heatmaps) == 19 and "groups_heatmap_a_b_c.png" in heatmaps
    assert all(len(name) < 150 for name in files)
    assert [layer["name"] for layer in given["layers"]] == [layer.name for layer in layers]


def test_rows_that_are_not_good_count_nowhere(tmp_path):
    path = report_files.write(tmp_path / "r.h5", 100)
    with h5py.File(path, "r+") as file:
        file["row_status"][:3] = [1, 2, 1]
        for key in ("entropy", "confidence"):
            file[f"uncertainty/{key}"][:3] = np.nan
        file["distributions"][:3] = np.nan
        entropy = file["uncertainty/entropy"][3:].astype(float).mean()
    _, given = drawn(tmp_path, path)
    facts = {name: (value, told) for name, value, told in given["facts"]}
    assert facts["mean entropy"][0] == f"{entropy:.4f}" and facts["samples"][1].startswith("3 ")
    assert sum(given["reliability"]["count"]) == 97


def test_hostile_text_stays_text(tmp_path):
    path = report_files.write(tmp_path / "r.h5", 60, layers=(
        Planted("</script><script>alert(1)<", (3,), 6),))
    with h5py.File(path, "r+") as file:
        del file["meta"]
        file["meta"] = '{"model_name": "</title><script>alert(2)</script>\\u2028"}'
    drawn(tmp_path, path)
    text = (tmp_path / "out" / "dashboard.html").read_text()
    assert "alert(1)" in text and "<script>alert" not in text and "</title><script>" not in text


DATA = {
    "npy": "x.npy", "h5": "x.h5:/images", "idx": "x.idx", "idx.gz": "x.idx.gz",
    "cifar": "cifar10:x.bin", "folder": "folder", "python": "python:own:Data"}


@pytest.mark.parametrize("kind", DATA)
def test_pictures_of_samples(tmp_path, kind):
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (60, 3, 32, 32), dtype=np.uint8)
    grey = x[:, 0]
    np.save(tmp_path / "x.npy", x / np.float32(255))
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["images"] = x
    idx = b"\0\0\x08\x03" + np.array(grey.shape, ">u4").tobytes() + grey.tobytes()
    (tmp_path / "x.idx").write_bytes(idx)
    (tmp_path / "x.idx.gz").write_bytes(gzip.compress(idx))
    np.concatenate([np.zeros((60, 1), np.uint8), x.reshape(60, -1)], 1).tofile(tmp_path / "x.bin")
    for i in range(60):
        folder = tmp_path / "folder" / f"class{i // 30}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(x[i].transpose(1, 2, 0)).save(folder / f"{i:03}.png")
    (tmp_path / "own.py").write_text(
        "import numpy as np\nclass Data:\n    x = np.load('x.npy')\n"
        "    def __len__(self): return 60\n    def __getitem__(self, i): return self.x[i], 3\n")
    path = report_files.write(tmp_path / "r.h5", 60)
    reported(path, "--out", tmp_path / "out", "--data", DATA[kind], cwd=tmp_path)
    given = payload(tmp_path / "out" / "dashboard.html")
    assert (tmp_path / "out" / "uncertain_samples.png").exists()
    thumbs = given["thumbs"]
    assert thumbs["side"] == 32 and sorted(thumbs["rows"]) == list(range(60))
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(thumbs["source"].split(",")[1]))))
    for place, row in enumerate(thumbs["rows"]):
        top, left = place // thumbs["columns"] * 32, place % thumbs["columns"] * 32
        tile = sheet[top:top + 32, left:left + 32]
        expected = np.repeat(grey[row][..., None], 3, 2) if "idx" in kind else \
            x[row].transpose(1, 2, 0)
        assert np.abs(tile.astype(int) - expected).max() <= 1


def test_inputs_that_are_no_images(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((500, 64), np.float32))
    files, given = drawn(tmp_path, report_files.write(tmp_path / "r.h5"), "--data",
                         tmp_path / "x.npy")
    assert "uncertain_samples.png" not in files and "are no images" in notes(given)
