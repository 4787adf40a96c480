"""One table of doors: the digits network, with the same trained weights, enters by each of them and
must give PyTorch's distributions, on 2 ranks. The ports themselves are checked by
test_doors_ports.py."""

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from conftest import ROOT
from doors import sklearn_model, weights

PLUGIN = Path("tests") / "plugins" / "libfod_example_cnn.so"  # in the build folder
BATCH = 64
# Each door, and the model that is given to it: a file's name, or a specification as it stands.
DOORS = {
    "torchscript, scripted": "digits_model.pt",
    "torchscript, traced": "traced.pt",
    "aotinductor": "digits.pt2",
    "python, nn.Module": "python:doors.torch_cnn:model",
    "python, factory": "python:doors.torch_cnn:make",
    "python, class": "python:doors.torch_cnn:DigitsModel",
    "python, function": "python:doors.torch_cnn:logits",
    "numpy": "python:doors.numpy_cnn:logits",
    "jax": "python:doors.jax_cnn:logits",
    "keras": "python:doors.keras_cnn:logits",
    "onnx runtime": "python:doors.onnx_cnn:logits",
    "plugin": "plugin:",
}
# How tools/export_model.py makes the files that training did not.
EXPORTS = {
    "traced.pt": ["--trace"],
    "digits.pt2": ["--format", "aoti"],
}


@pytest.fixture(scope="module")
def folder(digits):
    """The digits with what the ports read: their weights, digits.onnx and sklearn.joblib."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "tools"))
        npz = weights.write_weights(digits)
        weights.write_flat(npz)
        weights.write_onnx(npz)
        sklearn_model.fit(digits)
        yield digits


@pytest.fixture(scope="module")
def environment(folder):
    path = [ROOT / "tests" / "e2e", ROOT / "tools", os.environ.get("PYTHONPATH")]
    return {"FOD_DOORS_WEIGHTS": str(folder / "weights.npz"),
            "PYTHONPATH": os.pathsep.join(str(place) for place in path if place)}


@pytest.fixture(scope="module")
def specification(build, folder, environment):
    """The --model of a door; exports the file where there is none yet."""

    def of(door: str) -> str:
        spec = DOORS[door]
        if spec == "plugin:":
            return f"plugin:{build / PLUGIN}?weights={folder / 'weights.bin'}"
        if spec.startswith("python:"):
            return spec
        if spec in EXPORTS:
            command = [sys.executable, str(ROOT / "tools" / "export_model.py"),
                       "doors.torch_cnn:make", "--input-shape", f"{BATCH},1,8,8", "--out",
                       str(folder / spec), *EXPORTS[spec]]
            done = subprocess.run(command, env={**os.environ, **environment}, text=True,
                                  capture_output=True, timeout=600)
            assert done.returncode == 0, done.stderr
        return str(folder / spec)

    return of


@pytest.fixture
def generate(run, folder, environment, tmp_path):
    """Runs the job on 2 ranks; its rows, after the checks that every door must pass."""

    def job(spec: str) -> np.ndarray:
        out = tmp_path / "r.h5"
        done = run("fod-generate", "--model", spec, "--data", folder / "images.npy", "--labels",
                   folder / "labels.npy", "--batch-size", BATCH, "--threads", 1, "--out", out,
                   ranks=2, timeout=300, env=environment)
        assert done.returncode == 0, done.stderr
        verified = run("fod", "verify", out, ranks=None)
        assert verified.returncode == 0, verified.stdout
        with h5py.File(out) as file:
            labels = np.load(folder / "labels.npy")
            np.testing.assert_array_equal(file["sample_ids"][:], np.arange(len(labels)))
            np.testing.assert_array_equal(file["labels"][:], labels)
            assert not file["row_status"][:].any()
            rows = file["distributions"][:]
            assert file["metrics"].attrs["accuracy"] == np.mean(rows.argmax(1) == labels)
        assert rows.dtype == np.float32
        np.testing.assert_allclose(rows.sum(1), 1, rtol=0, atol=1e-5)
        return rows

    return job


@pytest.fixture(scope="module")
def reference(folder):
    """PyTorch's own distributions, in the batches of a job."""
    model = torch.jit.load(str(folder / "digits_model.pt")).eval()
    images = torch.from_numpy(np.load(folder / "images.npy"))
    with torch.inference_mode():
        rows = [torch.softmax(model(batch), dim=1) for batch in images.split(BATCH)]
    return torch.cat(rows).numpy()


@pytest.mark.parametrize("door", DOORS)
def test_door_agrees_with_torch(door, specification, generate, reference, folder):
    rows = generate(specification(door))
    assert rows.shape == (1797, 10)
    np.testing.assert_allclose(rows, reference, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(rows.argmax(1), reference.argmax(1))
    assert np.mean(rows.argmax(1) == np.load(folder / "labels.npy")) >= 0.95


def test_scikit_learn_agrees_with_its_own_probabilities(generate, folder, environment):
    """It has no such network: a fitted pipeline's predict_proba, alone in a process of its own."""
    own = subprocess.run(
        [sys.executable, "-c", "import json, numpy; from doors import sklearn_model; print("
         f"json.dumps(sklearn_model.make()(numpy.load({str(folder / 'images.npy')!r})).tolist()))"],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=120)
    assert own.returncode == 0, own.stderr
    expected = np.array(json.loads(own.stdout))
    rows = generate("python:doors.sklearn_model:make")
    np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(rows.argmax(1), expected.argmax(1))
    assert np.mean(rows.argmax(1) == np.load(folder / "labels.npy")) >= 0.95
