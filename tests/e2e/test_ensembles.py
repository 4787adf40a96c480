"""Ensembles and MC dropout against NumPy, for any number of ranks; what they refuse."""

from __future__ import annotations

import h5py
import models
import numpy as np
import pytest
import torch
from conftest import h5rows
from torch import nn

SAMPLES, FEATURES, CLASSES = 333, 6, 4


class Dropped(nn.Module):
    """An MLP with two kinds of dropout layers."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(FEATURES, 32)
        self.inner = nn.Sequential(nn.Dropout(0.4), nn.BatchNorm1d(32), nn.AlphaDropout(0.2))
        self.last = nn.Linear(32, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.inner(torch.relu(self.first(x))))


class Plain(nn.Module):
    def __init__(self, probabilities: bool = False, classes: int = CLASSES) -> None:
        super().__init__()
        self.layer = nn.Linear(FEATURES, classes)
        self.probabilities = probabilities

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.layer(x)
        return torch.softmax(y, 1) if self.probabilities else y


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ensembles")
    models.data(folder / "x.npy", (SAMPLES, FEATURES))
    models.save(Plain(), folder / "a.pt", 1)
    models.save(Plain(True), folder / "b.pt", 2)  # probabilities: decided for each model
    models.save(Dropped(), folder / "c.pt", 3)
    models.save(Plain(classes=3), folder / "three.pt", 4)
    dropped = Dropped().eval()
    torch.jit.trace(dropped, torch.zeros(2, FEATURES)).save(str(folder / "traced.pt"))
    return folder


def entropy(p: np.ndarray) -> np.ndarray:
    return -np.sum(np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0), axis=-1)


def check_decomposition(path, weights: np.ndarray) -> None:
    """Everything in the file from /members, in float64."""
    members = h5rows(path, "members").astype(np.float64)
    mean = np.einsum("m,nmk->nk", weights, members)
    total = entropy(mean)
    aleatoric = entropy(members) @ weights
    votes = members.argmax(axis=2) != mean.argmax(axis=1)[:, None]
    expected = {"distributions": mean, "uncertainty/entropy": total,
                "uncertainty/aleatoric": aleatoric, "uncertainty/epistemic": total - aleatoric,
                "uncertainty/disagreement": votes @ weights,
                "uncertainty/confidence": mean.max(axis=1)}
    for name, values in expected.items():
        np.testing.assert_allclose(h5rows(path, name), values, rtol=0, atol=1e-6, err_msg=name)
    assert (h5rows(path, "uncertainty/prediction") == mean.argmax(axis=1)).all()
    with h5py.File(path) as file:
        for name in ("aleatoric", "epistemic", "disagreement"):
            assert file["metrics"].attrs["mean_" + name] == pytest.approx(
                h5rows(path, "uncertainty/" + name).astype(np.float64).mean(), abs=1e-6)


def sections(path) -> dict[str, bytes]:
    """The bytes of everything that has a row per sample."""
    with h5py.File(path) as file:
        names = [name.decode() for name in file["ledger/sections"][:]]
        return {name: file[name][()].tobytes() for name in names}


def python_passes(path, x: np.ndarray, count: int) -> np.ndarray:
    model = Dropped()
    model.load_state_dict(torch.jit.load(str(path)).state_dict())
    model.eval()
    for child in model.modules():
        if isinstance(child, (nn.Dropout, nn.AlphaDropout)):
            child.train()
    torch.manual_seed(99)
    with torch.inference_mode():
        return np.stack([model(torch.from_numpy(x)).numpy() for _ in range(count)], axis=1)


def test_ensemble_of_three(run, folder, tmp_path):
    paths = []
    for ranks in (1, 2, 3):
        out = tmp_path / f"r{ranks}.h5"
        done = run("fod-generate", "--model", folder / "a.pt", "--model", folder / "b.pt", "--model",
                   folder / "c.pt", "--weights", "2,1,1", "--data", folder / "x.npy", "--out", out,
                   "--keep-members", "--threads", 1, "--batch-size", 16, ranks=ranks)
        assert done.returncode == 0, done.stderr
        assert "logits, probs, logits" in done.stdout
        paths.append(out)
    check_decomposition(paths[0], np.array([0.5, 0.25, 0.25]))
    x = np.load(folder / "x.npy")
    members = h5rows(paths[0], "members")
    assert members.shape == (SAMPLES, 3, CLASSES)
    alone = [models.softmax(models.forward(folder / "a.pt", x).numpy()),
             models.forward(folder / "b.pt", x).numpy(),
             models.softmax(models.forward(folder / "c.pt", x).numpy())]
    for m, expected in enumerate(alone):
        np.testing.assert_allclose(members[:, m], expected, rtol=0, atol=1e-6)
    assert sections(paths[0]) == sections(paths[1]) == sections(paths[2])
    assert run("fod", "verify", paths[1], ranks=None).returncode == 0
    with h5py.File(paths[0]) as file:
        assert file.attrs["members"] == 3
        assert file["provenance"].attrs["weights"] == "[0.5,0.25,0.25]"


def test_mc_dropout(run, folder, tmp_path):
    def job(name, *flags, ranks=1):
        out = tmp_path / name
        done = run("fod-generate", "--model", folder / "c.pt", "--mc-dropout", 5, "--data",
                   folder / "x.npy", "--out", out, "--keep-members", "--keep-logits", "--threads", 1,
                   "--batch-size", 16, *flags, ranks=ranks)
        assert done.returncode == 0, done.stderr
        return out

    one = job("1.h5")
    check_decomposition(one, np.full(5, 0.2))
    members = h5rows(one, "members")
    for m in range(1, 5):  # every two members differ, in most rows
        assert (members[:, m] != members[:, m - 1]).any(axis=1).mean() > 0.9
    logits = h5rows(one, "logits").reshape(-1, CLASSES)
    np.testing.assert_allclose(models.softmax(logits).reshape(members.shape), members, rtol=0,
                               atol=1e-6)
    # Python's own passes, with dropout layers alone in train mode, have the same mean and spread.
    many = tmp_path / "many.h5"
    assert run("fod-generate", "--model", folder / "c.pt", "--mc-dropout", 400, "--data",
               folder / "x.npy", "--out", many, "--keep-logits").returncode == 0
    ours = h5rows(many, "logits").astype(np.float64)
    theirs = python_passes(folder / "c.pt", np.load(folder / "x.npy"), 400)
    error = np.sqrt((ours.var(axis=1) + theirs.var(axis=1)) / 400)
    z = (ours.mean(axis=1) - theirs.mean(axis=1)) / error
    assert np.abs(z).max() < 6 and 0.5 < np.median(np.abs(z)) < 0.85  # 0.67 expected
    assert 0.9 < np.median(ours.std(axis=1) / theirs.std(axis=1)) < 1.1
    assert sections(one) == sections(job("2.h5", ranks=2)) == sections(job("3.h5", ranks=3))
    assert sections(one) != sections(job("seed.h5", "--seed", 1))


def test_one_model_keeps_logits(run, folder, tmp_path):
    out = tmp_path / "r.h5"
    done = run("fod-generate", "--model", folder / "a.pt", "--data", folder / "x.npy", "--out", out,
               "--keep-logits", "--transform", "temperature=2", ranks=2)
    assert done.returncode == 0, done.stderr
    expected = models.forward(folder / "a.pt", np.load(folder / "x.npy")).numpy()
    logits = h5rows(out, "logits")
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(h5rows(out), models.softmax(logits / 2), rtol=0, atol=1e-6)
    with h5py.File(out) as file:
        assert "members" not in file and "aleatoric" not in file["uncertainty"]


def test_an_empty_dataset(run, folder, tmp_path):
    np.save(tmp_path / "none.npy", np.zeros((0, FEATURES), np.float32))
    out = tmp_path / "r.h5"
    done = run("fod-generate", "--model", folder / "a.pt", "--model", folder / "b.pt", "--data",
               tmp_path / "none.npy", "--out", out, "--keep-members", "--batch-size", "auto",
               ranks=2)
    assert done.returncode == 0, done.stderr
    assert run("fod", "verify", out, ranks=None).returncode == 0


@pytest.mark.parametrize("flags, words", [
    (["traced.pt", "--mc-dropout", "2"], "has no effect on the model"),
    (["a.pt", "--mc-dropout", "2"], "it has no dropout layers"),
    (["a.pt", "--model", "three.pt"], "has 3 classes"),
    (["a.pt", "--model", "a.pt", "--weights", "1"], "there are 1 for 2"),
    (["a.pt", "--model", "a.pt", "--weights", "0,0"], "not all 0"),
    (["a.pt", "--model", "a.pt", "--weights", "1,-1"], "one number from 0"),
    (["a.pt", "--keep-members"], "there is one model"),
    (["b.pt", "--keep-logits"], "--keep-logits needs logits"),
    (["a.pt", "--mc-dropout", "0"], "--mc-dropout"),
    (["a.pt", "--precision", "tf32", "--device", "cpu"], "needs a GPU"),
    (["a.pt", "--precision", "fp8"], "--precision"),
    (["a.pt", "--batch-size", "many"], "or auto"),
])
@pytest.mark.parametrize("ranks", [1, 2])
def test_refused(run, folder, tmp_path, flags, words, ranks):
    out = tmp_path / "r.h5"
    done = run("fod-generate", "--data", "x.npy", "--out", out, "--model", *flags, ranks=ranks,
               cwd=folder)
    assert done.returncode == 2, done.stderr
    line = [line for line in done.stderr.splitlines() if line.startswith("fod-generate:")]
    assert len(line) == 1 and words in line[0], done.stderr
    assert not list(tmp_path.iterdir())
