"""The trained digits model, against Python's own computation of the same."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch


@pytest.fixture(scope="module")
def reference(digits):
    """Distributions that PyTorch computes, in batches as the job does."""
    torch.set_num_threads(1)
    model = torch.jit.load(str(digits / "digits_model.pt")).eval()
    images = torch.from_numpy(np.load(digits / "images.npy"))
    with torch.inference_mode():
        rows = [torch.softmax(model(batch), dim=1) for batch in images.split(64)]
    return torch.cat(rows).numpy()


@pytest.fixture(scope="module")
def result(run, digits, tmp_path_factory):
    out = tmp_path_factory.mktemp("digits") / "r.h5"
    job = run("fod-generate", "--model", digits / "digits_model.pt", "--data",
              digits / "images.npy", "--labels", digits / "labels.npy", "--out", out, "--json",
              out.with_suffix(".json"), "--model-name", "digits", "--meta", "dataset=digits",
              ranks=2)
    assert job.returncode == 0, job.stderr
    return out


def test_rows_agree_with_torch(result, reference):
    with h5py.File(result) as file:
        rows = file["distributions"][:]
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, reference, rtol=0, atol=1e-6)


def test_accuracy_and_uncertainty(result, reference, digits):
    labels = np.load(digits / "labels.npy")
    with h5py.File(result) as file:
        accuracy = file["metrics"].attrs["accuracy"]
        assert accuracy >= 0.95
        assert accuracy == np.mean(reference.argmax(1) == labels)
        wide = reference.astype(np.float64)
        entropy = -(wide * np.log(np.maximum(wide, 1e-300))).sum(1)
        np.testing.assert_allclose(file["uncertainty/entropy"][:], entropy, atol=1e-5)
        np.testing.assert_allclose(file["uncertainty/confidence"][:], wide.max(1), atol=1e-6)
        np.testing.assert_array_equal(file["uncertainty/prediction"][:], wide.argmax(1))
        np.testing.assert_array_equal(file["labels"][:], labels)
        np.testing.assert_array_equal(file["sample_ids"][:], np.arange(len(labels)))
        assert not file["row_status"][:].any()
        assert abs(file["metrics"].attrs["mean_entropy"] - entropy.mean()) < 1e-5
        np.testing.assert_array_equal(file["metrics/class_counts"][:],
                                      np.bincount(wide.argmax(1), minlength=10))


def test_json_is_pythons_own(run, result):
    """The bytes are those of json.dump for the same float32 rows."""
    with h5py.File(result) as file:
        rows = file["distributions"][:]
    meta = {"model_name": "digits", "dataset": "digits"}
    expected = json.dumps({"meta": meta, "distributions": {
        str(i): row for i, row in enumerate(rows.astype(np.float64).tolist())}},
        ensure_ascii=False).encode()
    assert result.with_suffix(".json").read_bytes() == expected
    exported = run("fod", "export", result, "-", ranks=None)
    assert exported.returncode == 0
    assert exported.stdout.encode() == expected


def test_fod_verify_and_info(run, result):
    verified = run("fod", "verify", result, ranks=None)
    assert verified.returncode == 0
    assert "valid: 1,797 samples, 10 classes" in verified.stdout
    info = json.loads(run("fod", "info", result, "--json", ranks=None).stdout)
    assert info["samples"] == 1797
    assert info["complete"] is True
    with h5py.File(result) as file:
        entropy = file["uncertainty/entropy"][:]
    top = [entry["id"] for entry in info["most_uncertain"]]
    assert top == np.argsort(-entropy, kind="stable")[:5].tolist()


def test_import_of_the_export_gives_the_same_rows(run, result, tmp_path):
    again = tmp_path / "again.h5"
    assert run("fod", "import", result.with_suffix(".json"), again, ranks=None).returncode == 0
    assert run("fod", "verify", again, ranks=None).returncode == 0
    with h5py.File(result) as a, h5py.File(again) as b:
        assert b["distributions"].dtype == np.float32
        assert a["distributions"][:].tobytes() == b["distributions"][:].tobytes()


def test_unsigned_bytes_reach_the_model_as_floats(run, digits, reference, tmp_path):
    """Raw 0..16 bytes with --normalize give what scaled floats give."""
    np.save(tmp_path / "raw.npy", (np.load(digits / "images.npy") * 16).astype(np.uint8))
    job = run("fod-generate", "--model", digits / "digits_model.pt", "--data",
              tmp_path / "raw.npy", "--normalize", "mean=0,std=16", "--out", tmp_path / "r.h5")
    assert job.returncode == 0, job.stderr
    assert "uint8 is given to the model as float32" in job.stdout
    with h5py.File(tmp_path / "r.h5") as file:
        np.testing.assert_allclose(file["distributions"][:], reference, rtol=0, atol=1e-6)


def test_the_readme_snippet_reads_the_file(result, tmp_path):
    """The very lines of README.md, on this file."""
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    snippets = [block.split("```")[0] for block in readme.split("```python\n")[1:]]
    (snippet,) = [text for text in snippets if "uncertainty/entropy" in text]
    shutil.copy(result, tmp_path / "r.h5")
    done = subprocess.run([sys.executable, "-c", snippet], cwd=tmp_path, capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("(1797, 10) digits {")
