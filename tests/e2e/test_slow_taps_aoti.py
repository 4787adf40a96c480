"""Layers of models that AOTInductor compiled, which are outputs added at export."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import tap_models
from taps import dump, hooked, load, rows_channels_positions

HERE = Path(__file__).resolve().parent
LAYERS = {"cnn": "stem,blocks.0.relu,blocks,fc", "lstm_time_first": "act,head"}


def export(folder, name, out, *flags):
    shape = ",".join(map(str, (tap_models.BATCH, *tap_models.SHAPES[name])))
    return subprocess.Popen(
        [sys.executable, HERE.parents[1] / "tools" / "export_model.py", f"tap_models:{name}",
         "--input-shape", shape, "--out", out, "--format", "aoti", *flags], cwd=folder, text=True,
        stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(HERE)})


def without_types(source, target):
    """As packages were before they told the types of their layers."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("_metadata.json"):
                metadata = json.loads(content)
                del metadata["fod_tap_types"]
                content = json.dumps(metadata).encode()
            new.writestr(name.replace("cnn/", "old/", 1), content)


@pytest.fixture(scope="module")
def dumped(tmp_path_factory, build):
    folder = tmp_path_factory.mktemp("taps_aoti")
    exports = [export(folder, name, f"{name}.pt2", "--layers", layers)
               for name, layers in LAYERS.items()] + [export(folder, "mlp", "mlp.pt2")]
    for process in exports:
        _, stderr = process.communicate(timeout=600)
        assert process.returncode == 0, stderr
    without_types(folder / "cnn.pt2", folder / "old.pt2")
    for name in (*LAYERS, "mlp"):
        np.save(folder / f"{name}.npy", tap_models.sample_batch(name).numpy())
    dump(build, folder, [(folder / f"{name}.pt2", folder / f"{data}.npy", folder / name)
                         for name, data in (("cnn", "cnn"), ("old", "cnn"), ("mlp", "mlp"),
                                            ("lstm_time_first", "lstm_time_first"))])
    return folder


@pytest.mark.parametrize("name", LAYERS)
def test_values_are_those_of_hooks(dumped, name):
    error = dumped / name / "error.txt"
    assert not error.exists(), error.read_text()
    layers = load(dumped / name)
    expected = {call[0]: call for call in
                hooked(getattr(tap_models, name)(), tap_models.sample_batch(name))
                if call[0].partition("#")[0] in LAYERS[name].split(",")}
    assert [layer.name for layer in layers] == list(expected)
    for layer in layers:
        _, tensor, kind = expected[layer.name]
        assert (layer.type, layer.shape) == (kind, tuple(tensor.shape))
        assert layer.problem == ""
        assert tensor.shape[layer.batch] == tap_models.BATCH
        np.testing.assert_allclose(layer.values, rows_channels_positions(tensor, layer), rtol=1e-4,
                                   atol=1e-5)
    plain, tapped = (dumped / name / f"{what}.npy" for what in ("plain", "tapped"))
    assert plain.read_bytes() == tapped.read_bytes()


def test_extents_follow_from_types(dumped):
    extents = {layer.name: (layer.batch, layer.channel) for layer in load(dumped / "cnn")}
    assert extents == {"stem": (0, 1), "blocks.0.relu": (0, 1), "blocks.0.relu#1": (0, 1),
                       "blocks": (0, 1), "fc": (0, 1)}
    extents = {layer.name: (layer.batch, layer.channel)
               for layer in load(dumped / "lstm_time_first")}
    assert extents == {"act": (1, 2), "head": (1, 2)}


def test_older_packages_go_by_rank(dumped):
    for old, new in zip(load(dumped / "old"), load(dumped / "cnn"), strict=True):
        assert (old.name, old.type, old.shape) == (new.name, "", new.shape)
        np.testing.assert_array_equal(old.values, new.values)


def test_a_package_without_taps_is_refused(dumped):
    error = (dumped / "mlp" / "error.txt").read_text()
    assert "it was compiled without taps" in error
    assert "--layers" in error
