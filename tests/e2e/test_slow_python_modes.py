"""Python models where they meet the rest of the job: dropout, precision, members, posteriors, running
out of memory."""

from __future__ import annotations

from pathlib import Path

import h5py
import models
import numpy as np
import python_doors as doors
import pytest
import torch
from conftest import h5rows

HERE = Path(__file__).resolve().parent
ENVIRONMENT = {"PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1"}
EXPECTED = models.softmax(doors.X.astype(np.float64) @ doors.W)


@pytest.fixture
def job(run, tmp_path):
    def start(*flags, out="r.h5", ranks=2, code=0):
        done = run("fod-generate", *flags, "--out", tmp_path / out, "--threads", 1, ranks=ranks,
                   timeout=90, env=ENVIRONMENT)
        assert done.returncode == code, done.stderr
        if code == 0:
            assert run("fod", "verify", tmp_path / out, ranks=None).returncode == 0
        return tmp_path / out, done

    np.save(tmp_path / "x.npy", doors.X)
    return start


def test_mc_dropout_is_that_of_torchscript_on_any_ranks(job, tmp_path):
    """The same module as a file draws the same numbers: one generator, seeded by member and batch."""
    torch.jit.script(doors.Net().eval()).save(str(tmp_path / "net.pt"))
    flags = ["--mc-dropout", 3, "--keep-members", "--data", tmp_path / "x.npy"]
    files = [job("--model", "python:python_doors:net", *flags, out=f"{ranks}.h5", ranks=ranks)[0]
             for ranks in (1, 2, 3)]
    scripted, _ = job("--model", tmp_path / "net.pt", *flags, out="scripted.h5")
    members = [h5rows(path, "members") for path in files]
    assert members[0].tobytes() == members[1].tobytes() == members[2].tobytes()
    np.testing.assert_allclose(members[0], h5rows(scripted, "members"), rtol=0, atol=1e-6)
    assert (members[0][:, 0] != members[0][:, 1]).any(axis=1).mean() > 0.5


def test_precision(job, tmp_path):
    path, _ = job("--model", "python:python_doors:net", "--data", tmp_path / "x.npy", "--precision",
                  "bf16")
    difference = np.abs(h5rows(path) - EXPECTED).max()
    assert 1e-5 < difference < 3e-2
    _, done = job("--model", "python:python_doors:calls", "--data", tmp_path / "x.npy",
                  "--precision", "bf16", out="no.h5", code=2)
    assert "--precision bf16 cannot be done" in done.stderr


def test_doors_mix_in_an_ensemble(job, tmp_path):
    torch.jit.script(doors.Net().eval()).save(str(tmp_path / "net.pt"))
    path, _ = job("--model", tmp_path / "net.pt", "--model", "python:python_doors:calls", "--data",
                  "python:python_doors:pairs", "--keep-logits")
    np.testing.assert_allclose(h5rows(path), EXPECTED, rtol=0, atol=1e-6)
    assert (h5rows(path, "uncertainty/epistemic") < 1e-6).all()
    with h5py.File(path) as file:
        right = EXPECTED.argmax(axis=1) == doors.LABELS
        assert file["metrics"].attrs["accuracy"] == pytest.approx(right.mean())
        assert file["provenance"].attrs["model_kind"] == "torchscript, python"


def test_out_of_memory(job, tmp_path):
    (tmp_path / "greedy.py").write_text(
        "import torch, python_doors\n\n"
        "def logits(x):\n"
        "    if len(x) > 16 and bool((x[:, 0] > 100).any()):\n"
        "        raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2.00 GiB')\n"
        "    return x @ torch.from_numpy(python_doors.W)\n")
    x = doors.X.copy()
    x[200, 0] = 1000
    np.save(tmp_path / "marked.npy", x)
    ENVIRONMENT["PYTHONPATH"] = f"{HERE}:{tmp_path}"
    path, done = job("--model", "python:greedy:logits", "--data", tmp_path / "marked.npy")
    assert done.stderr.count("ran out of memory at samples 192 to 256") == 1
    np.testing.assert_allclose(np.delete(h5rows(path), 200, 0), np.delete(EXPECTED, 200, 0), rtol=0,
                               atol=1e-6)


def test_posterior(run, tmp_path):
    (tmp_path / "bayes.py").write_text(
        "import torch\nfrom torch import nn\n\n"
        "class Layer(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.weight_mu = nn.Parameter(torch.arange(6.0).reshape(2, 3))\n"
        "        self.weight_rho = nn.Parameter(torch.full((2, 3), -3.0))\n\n"
        "def make():\n    return nn.Sequential(Layer(), nn.ReLU(), Layer())\n")
    out = tmp_path / "p.h5"
    done = run("fod-generate", "--model", "python:bayes:make", "--posterior", out, ranks=2,
               timeout=60, env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    with h5py.File(out) as file:
        assert set(file) == {"0", "2"}
        np.testing.assert_array_equal(file["2/mu"], np.arange(6.0).reshape(2, 3))
        np.testing.assert_allclose(file["2/sigma"], np.full((2, 3), np.log1p(np.exp(-3.0))),
                                   rtol=1e-6)


ODD_DATA = """
import os
import random

import numpy as np
import torch


class Rows:
    def __init__(self, rows):
        self.rows = rows
    def __len__(self):
        return len(self.rows)
    def __getitem__(self, i):
        return self.rows[i]


X = [np.full(4, i, np.float32) for i in range(100)]


def by_set():
    names = {f"name{i}" for i in range(100)}
    return Rows([X[int(name[4:])] for name in names])


def by_chance():
    random.seed()
    return Rows(random.sample(X, len(X)))


def of_unequal_length():
    return Rows(X[:90 + int(os.environ.get("OMPI_COMM_WORLD_RANK", "0"))])


class Once:
    def __init__(self):
        self.at = 0
    def __len__(self):
        return 100
    def __iter__(self):
        return self
    def __next__(self):
        self.at += 1
        return X[self.at - 1]


def nested():
    return Rows([((x, 2 * x), i % 3) for i, x in enumerate(X)])


def late():
    return Rows([*X[:3], None, *X[4:]])


def sparse():
    return Rows([torch.from_numpy(x).to_sparse() for x in X])


def empty():
    return Rows([])


W = torch.arange(12.0).reshape(4, 3) / 7


def two(a, b):
    return (a + b) @ W


def one(x):
    return x @ W


buffer = torch.zeros(64, 3)


def reuses(x):
    if len(x) > 16:
        raise MemoryError("out of memory")
    buffer[:len(x)] = x @ W
    return buffer[:len(x)]
"""


@pytest.fixture
def odd(run, tmp_path):
    (tmp_path / "odd.py").write_text(ODD_DATA)

    def start(model, *flags, data="", ranks=2):
        data = data and f"python:odd:{data}"
        return run("fod-generate", "--model", f"python:odd:{model}", "--data",
                   data or tmp_path / "x.npy", "--out", tmp_path / "r.h5", "--batch-size", 32, *flags,
                   ranks=ranks, timeout=60, env={"PYTHONPATH": str(tmp_path)})

    np.save(tmp_path / "x.npy", np.repeat(np.arange(100, dtype=np.float32)[:, None], 4, axis=1))
    return start


def test_a_set_has_one_order_on_all_ranks(odd, tmp_path):
    done = odd("one", "--keep-logits", data="by_set", ranks=3)
    assert done.returncode == 0, done.stderr
    assert len(np.unique(h5rows(tmp_path / "r.h5", "logits")[:, 1])) == 100


@pytest.mark.parametrize("data, words", [
    ("by_chance", "rank 1 sees other samples than rank 0"),
    ("of_unequal_length", "rank 1 has other data than rank 0"),
    ("Once", "can be read only once"),
    ("late", "sample 3 of python:odd:late"),
])
def test_data_that_would_mix_up_indices(odd, tmp_path, data, words):
    done = odd("one", data=data)
    assert done.returncode == 2 and words in done.stderr, done.stderr
    assert not list(tmp_path.glob("r.h5*"))


def test_two_inputs_and_a_class_index(odd, tmp_path):
    done = odd("two", "--keep-logits", data="nested")
    assert done.returncode == 0, done.stderr
    x = np.repeat(np.arange(100.0)[:, None], 4, axis=1)
    expected = 3 * x @ (np.arange(12.0).reshape(4, 3) / 7)
    np.testing.assert_allclose(h5rows(tmp_path / "r.h5", "logits"), expected, rtol=1e-6)
    np.testing.assert_array_equal(h5rows(tmp_path / "r.h5", "labels"), np.arange(100) % 3)


def test_sparse_tensors_are_made_dense(odd, tmp_path):
    done = odd("one", "--keep-logits", data="sparse")
    assert done.returncode == 0, done.stderr
    assert h5rows(tmp_path / "r.h5", "logits")[99, 0] == pytest.approx(99 * 18 / 7, rel=1e-6)


def test_an_empty_shard_takes_the_same_flags(odd):
    done = odd("one", "--input", "x", "--labels", "1", data="empty")
    assert done.returncode == 0, done.stderr


def test_a_buffer_that_is_used_again_after_memory_ran_out(odd, tmp_path):
    done = odd("reuses", "--keep-logits")
    assert done.returncode == 0, done.stderr
    x = np.load(tmp_path / "x.npy")
    np.testing.assert_allclose(h5rows(tmp_path / "r.h5", "logits"),
                               x @ (np.arange(12.0).reshape(4, 3) / 7), rtol=1e-6)
