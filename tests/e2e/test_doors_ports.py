"""The digits network of tests/e2e/doors in each framework, in this one process, against PyTorch:
what test_slow_doors.py then expects of the doors is not the fault of a port."""

import importlib

import numpy as np
import pytest
import torch

from conftest import ROOT
from doors import weights

PORTS = ["torch_cnn", "numpy_cnn", "jax_cnn", "keras_cnn", "onnx_cnn"]


@pytest.fixture(scope="module")
def folder(digits):
    """The digits with the files that the ports read, and the ports importable."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "tools"))
        patch.setenv("FOD_DOORS_WEIGHTS", str(weights.write_weights(digits)))
        weights.write_onnx(weights.place())
        yield digits


@pytest.fixture(scope="module")
def images(folder):
    return torch.from_numpy(np.load(folder / "images.npy"))


def probabilities(model, images):
    """In batches, as a job does; on the host, whatever framework's tensor came."""
    rows = [np.asarray(model(batch)) for batch in images.split(64)]
    return torch.softmax(torch.from_numpy(np.concatenate(rows)), dim=1).numpy()


@pytest.fixture(scope="module")
def reference(folder, images):
    model = torch.jit.load(str(folder / "digits_model.pt")).eval()
    with torch.inference_mode():
        return probabilities(model, images)


@pytest.mark.parametrize("port", PORTS)
def test_port_agrees_with_torch(port, images, reference):
    module = importlib.import_module(f"doors.{port}")
    with torch.inference_mode():
        rows = probabilities(module.logits, images)
    assert rows.shape == (1797, 10)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows.argmax(1), reference.argmax(1))
    np.testing.assert_allclose(rows, reference, rtol=0, atol=1e-5)


def test_a_tensor_that_starts_anywhere_reaches_jax(images, reference):
    """XLA wants its buffers aligned to more than the view of a tensor is."""
    module = importlib.import_module("doors.jax_cnn")
    batch = torch.empty(images[:64].numel() + 1)[1:].view(64, 1, 8, 8).copy_(images[:64])
    assert batch.data_ptr() % 64
    np.testing.assert_allclose(probabilities(module.logits, batch), reference[:64], rtol=0,
                               atol=1e-5)


def test_scikit_learns_own_probabilities(folder, images):
    module = importlib.import_module("doors.sklearn_model")
    module.fit(folder)
    rows = np.concatenate([module.make()(batch) for batch in images.split(64)])
    labels = np.load(folder / "labels.npy")
    assert np.mean(rows.argmax(1) == labels) >= 0.95
    np.testing.assert_allclose(rows, module.make()(images), rtol=0, atol=1e-12)


def test_flat_weights_hold_every_array(folder):
    flat = np.fromfile(weights.write_flat(weights.place()), "<f4")
    arrays = weights.load()
    assert list(arrays)[:2] == ["conv1.weight", "conv1.bias"]
    np.testing.assert_array_equal(flat, np.concatenate([a.ravel() for a in arrays.values()]))
