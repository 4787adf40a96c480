"""A third party's ONNX file through the python door: Magika's classifier of file types, on some 300
real files of this machine, against the third party's own program."""

import json
import sysconfig
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from magika import Magika

from conftest import ROOT
from doors import third_party_onnx

PACKAGES = Path(sysconfig.get_path("purelib"))
KINDS = [  # where the files are, and how many of them
    (PACKAGES / "numpy", "*.py", 60), (PACKAGES / "torch" / "include" / "ATen", "*.h", 60),
    (PACKAGES / "scipy", "*.so", 40), (PACKAGES / "scipy", "*.npz", 15),
    (PACKAGES / "skimage", "*.png", 15), (PACKAGES, "*.dist-info/METADATA", 40),
    (PACKAGES / "torch", "*.cmake", 30), (ROOT, "*/*.sh", 10), (ROOT / "src", "*.cpp", 60),
]


@pytest.fixture(scope="module")
def contents():
    files = [path for folder, pattern, count in KINDS
             for path in sorted(folder.rglob(pattern))[:count]]
    return [path.read_bytes() for path in files if path.stat().st_size >= 64]


@pytest.fixture(scope="module")
def inputs(contents):
    return np.stack([third_party_onnx.features(content) for content in contents])


def in_batches(inputs, size):
    """The model's own rows in batches of one size: it gives a file alone other values (up to 1e-4)
    than among others, so the last batch is filled up, as the job does."""
    padded = np.concatenate([inputs, np.repeat(inputs[-1:], -len(inputs) % size, axis=0)])
    rows = [third_party_onnx.probabilities(batch) for batch in torch.from_numpy(padded).split(size)]
    return np.concatenate(rows)[:len(inputs)]


def test_the_module_is_what_magika_computes(contents, inputs):
    """Their program, from the files' bytes: the same type with the same score for each."""
    config = third_party_onnx.model_path().with_name("config.min.json")
    labels = json.loads(config.read_text())["target_labels_space"]
    rows = in_batches(inputs, 1)  # as their program does
    magika = Magika()
    own = [magika.identify_bytes(content) for content in contents]
    assert len(own) > 250
    assert [labels[i] for i in rows.argmax(1)] == [str(one.dl.label) for one in own]
    np.testing.assert_allclose(rows.max(1), [one.score for one in own], rtol=0, atol=1e-6)
    assert {"python", "cpp", "elf", "png", "shell"} <= {str(one.dl.label) for one in own}


@pytest.mark.parametrize("batch_size", [1, 64])
def test_through_the_python_door(run, inputs, batch_size, tmp_path):
    np.save(tmp_path / "files.npy", inputs)
    job = run("fod-generate", "--model", "python:doors.third_party_onnx:probabilities", "--data",
              tmp_path / "files.npy", "--batch-size", batch_size, "--threads", 1, "--out",
              tmp_path / "r.h5", ranks=2, timeout=180,
              env={"PYTHONPATH": str(ROOT / "tests" / "e2e")})
    assert job.returncode == 0, job.stderr
    with h5py.File(tmp_path / "r.h5") as file:
        rows = file["distributions"][:]
        np.testing.assert_array_equal(file["sample_ids"][:], np.arange(len(inputs)))
        assert not file["row_status"][:].any()
    reference = in_batches(inputs, batch_size)
    np.testing.assert_allclose(rows, reference, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(rows.argmax(1), reference.argmax(1))
