"""How a job runs: precision, the batch size that finds itself, running out of memory; labels as
counts; the posterior of Bayesian layers."""

from __future__ import annotations

import json

import h5py
import models
import numpy as np
import pytest
import torch
from conftest import h5rows
from torch import nn

SAMPLES, FEATURES, CLASSES = 500, 20, 5


class Greedy(nn.Module):
    """Runs out of memory on more than `most` samples at once, from a marked sample on."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.layer = nn.Linear(FEATURES, CLASSES)
        self.most = most

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[0] > self.most and bool((x[:, 0] > 100).any()):
            raise RuntimeError("out of memory. Tried to allocate 2.00 GiB")
        return self.layer(x)


class Bottomless(nn.Module):
    """Asks for 16 TiB per sample."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.empty([x.shape[0], 4398046511104])[:, :3]


class Bayesian(nn.Module):
    """Two layers with weight and bias pairs, one with a single pair, parameters without partner."""

    class Layer(nn.Module):
        def __init__(self, inputs: int, outputs: int) -> None:
            super().__init__()
            self.weight_mu = nn.Parameter(torch.zeros(outputs, inputs))
            self.weight_rho = nn.Parameter(torch.zeros(outputs, inputs))
            self.bias_mu = nn.Parameter(torch.zeros(outputs))
            self.bias_rho = nn.Parameter(torch.zeros(outputs))
            self.momentum = nn.Parameter(torch.zeros(1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x @ self.weight_mu.T + self.bias_mu

    class Single(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mu = nn.Parameter(torch.zeros(CLASSES, dtype=torch.float64))
            self.rho = nn.Parameter(torch.zeros(CLASSES, dtype=torch.float64))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.mu.float()

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(self.Layer(FEATURES, 7), nn.ReLU(), self.Layer(7, CLASSES))
        self.shift = self.Single()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.shift(self.body(x))


class Counts(nn.Module):
    """Remembers how often it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(FEATURES, CLASSES)
        self.seen = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen = self.seen + 1
        return self.layer(x) * self.seen


class Draws(nn.Module):
    """Draws its weights anew at every call, as a Bayesian layer does."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(FEATURES, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x) + x @ torch.randn(20, 5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("running")
    x = models.data(folder / "x.npy", (SAMPLES, FEATURES))
    x[400, 0] = 1000
    np.save(folder / "marked.npy", x)
    models.save(models.Linear(FEATURES, CLASSES), folder / "m.pt")
    models.save(Bayesian(), folder / "bayes.pt", 5)
    return folder


def autocast(path, x: np.ndarray, half: torch.dtype) -> np.ndarray:
    """Torch's own, in the same batches, the last one padded."""
    model = torch.jit.load(str(path)).eval()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    rows = []
    with torch.inference_mode(), torch.autocast("cpu", dtype=half):
        for begin in range(0, len(x), 64):
            batch = np.concatenate([x[begin:begin + 64], np.repeat(x[-1:], 63, axis=0)])[:64]
            rows.append(model(torch.from_numpy(batch)).float().numpy())
    torch.set_num_threads(threads)
    return models.softmax(np.concatenate(rows)[:len(x)])


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_precision(run, folder, tmp_path, precision):
    outs = []
    for ranks in (1, 2):
        out = tmp_path / f"{ranks}.h5"
        done = run("fod-generate", "--model", folder / "m.pt", "--data", folder / "x.npy", "--out",
                   out, "--precision", precision, "--threads", 1, ranks=ranks)
        assert done.returncode == 0, done.stderr
        outs.append(h5rows(out))
    assert outs[0].tobytes() == outs[1].tobytes()
    x = np.load(folder / "x.npy")
    wide = models.softmax(models.forward(folder / "m.pt", x).numpy())
    assert np.abs(outs[0] - wide).max() > 1e-4  # it really was computed in half precision
    half = torch.bfloat16 if precision == "bf16" else torch.float16
    np.testing.assert_allclose(outs[0], autocast(folder / "m.pt", x, half), rtol=0, atol=1e-6)
    np.testing.assert_allclose(outs[0].sum(axis=1), 1, atol=1e-6)
    with h5py.File(tmp_path / "1.h5") as file:
        assert file["provenance"].attrs["precision"] == precision


def test_batch_size_auto(run, folder, tmp_path):
    out = tmp_path / "r.h5"
    done = run("fod-generate", "--model", folder / "m.pt", "--data", folder / "x.npy", "--out", out,
               "--batch-size", "auto", "--meta", "auto", ranks=2)
    assert done.returncode == 0, done.stderr
    with h5py.File(out) as file:
        size = int(file.attrs["batch_size"])
        evidence = file["provenance"].attrs["batch_size_evidence"]
        assert file["provenance"].attrs["batch_size"] == size
    assert SAMPLES // size >= 2 * 8  # every rank has at least 8 batches
    tried = {int(one.split(":")[0]): float(one.split(": ")[1][:-2].replace(",", ""))
             for one in evidence.replace("/s, ", "/s; ").split("; ")}
    assert size in tried and list(tried) == [8 * 2**i for i in range(len(tried))]
    assert tried[size] >= 0.95 * max(tried.values())
    assert all(rate < 0.95 * max(tried.values()) for b, rate in tried.items() if b < size)
    same = tmp_path / "same.h5"
    assert run("fod-generate", "--model", folder / "m.pt", "--data", folder / "x.npy", "--out",
               same, "--batch-size", size, ranks=2).returncode == 0
    assert h5rows(out).tobytes() == h5rows(same).tobytes()


def test_batch_size_auto_with_few_samples(run, folder, tmp_path):
    out = tmp_path / "r.h5"
    done = run("fod-generate", "--model", folder / "m.pt", "--data", folder / "x.npy", "--out", out,
               "--batch-size", "auto", "--max-samples", 3, ranks=2)
    assert done.returncode == 0, done.stderr
    with h5py.File(out) as file:
        assert file.attrs["batch_size"] == 1


def test_out_of_memory_on_one_rank(run, folder, tmp_path):
    models.save(Greedy(16), tmp_path / "greedy.pt")
    out = tmp_path / "r.h5"
    done = run("fod-generate", "--model", tmp_path / "greedy.pt", "--data", folder / "marked.npy",
               "--out", out, ranks=2)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("out of memory") == 1
    assert "rank 1 ran out of memory at samples 384 to 448: it goes on with 16 at a time" \
        in done.stderr
    assert run("fod", "verify", out, ranks=None).returncode == 0
    expected = models.softmax(models.forward(tmp_path / "greedy.pt",
                                             np.load(folder / "x.npy")).numpy())
    rows = h5rows(out)
    np.testing.assert_allclose(rows[:400], expected[:400], rtol=0, atol=1e-6)
    np.testing.assert_allclose(rows[401:], expected[401:], rtol=0, atol=1e-6)
    with h5py.File(out) as file:
        assert list(file["provenance/micro_batches"].asstr()) == ["64", "16"]


def test_out_of_memory_at_the_probe(run, folder, tmp_path):
    models.save(Greedy(3), tmp_path / "greedy.pt")
    marked = np.load(folder / "marked.npy")
    marked[0, 0] = 1000
    np.save(tmp_path / "marked.npy", marked)
    out = tmp_path / "r.h5"
    done = run("fod-generate", "--model", tmp_path / "greedy.pt", "--data", tmp_path / "marked.npy",
               "--out", out, "--batch-size", 20, ranks=2)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("ran out of memory") == 2  # both ran the probe
    assert run("fod", "verify", out, ranks=None).returncode == 0


def test_no_memory_for_a_single_sample(run, folder, tmp_path):
    torch.jit.script(Bottomless()).save(str(tmp_path / "m.pt"))
    out = tmp_path / "r.h5"
    done = run("fod-generate", "--model", tmp_path / "m.pt", "--data", folder / "x.npy", "--out",
               out, ranks=2)
    assert done.returncode == 2
    assert "there is no memory for a single sample" in done.stderr and "are free on" in done.stderr
    assert not out.exists()


def test_labels_as_counts(run, folder, tmp_path):
    votes = np.random.default_rng(3).multinomial(7, np.full(CLASSES, 1 / CLASSES), SAMPLES)
    votes[10] = 0  # nobody looked at it
    np.save(tmp_path / "y.npy", votes)
    out = tmp_path / "r.h5"
    done = run("fod-generate", "--model", folder / "m.pt", "--data", folder / "x.npy", "--labels",
               tmp_path / "y.npy", "--out", out, ranks=2)
    assert done.returncode == 0, done.stderr
    assert (h5rows(out, "labels") == votes).all()
    seen = votes.sum(axis=1) > 0
    right = h5rows(out, "uncertainty/prediction")[seen] == votes[seen].argmax(axis=1)
    with h5py.File(out) as file:
        assert file["metrics"].attrs["accuracy"] == pytest.approx(right.mean(), abs=1e-12)
    assert run("fod", "verify", out, ranks=None).returncode == 0
    shown = run("fod", "info", out, "--json", ranks=None)
    assert shown.returncode == 0, shown.stderr
    told = {sample["label"] for sample in json.loads(shown.stdout)["most_uncertain"]}
    assert told <= {None, *range(CLASSES)} and told != {None}
    np.save(tmp_path / "other.npy", votes[:, :3])
    wrong = run("fod-generate", "--model", folder / "m.pt", "--data", folder / "x.npy", "--labels",
                tmp_path / "other.npy", "--out", tmp_path / "no.h5", ranks=2)
    assert wrong.returncode == 2 and "counts over 3 classes" in wrong.stderr


def test_posterior(run, folder, tmp_path):
    out = tmp_path / "p.h5"
    done = run("fod-generate", "--model", folder / "bayes.pt", "--posterior", out, ranks=2)
    assert done.returncode == 0, done.stderr
    state = torch.jit.load(str(folder / "bayes.pt")).state_dict()
    names = {"body.0.weight": "body.0.weight_", "body.0.bias": "body.0.bias_",
             "body.2.weight": "body.2.weight_", "body.2.bias": "body.2.bias_", "shift": "shift."}
    with h5py.File(out) as file:
        assert set(file) == set(names)
        for layer, prefix in names.items():
            mu, rho = (state[prefix + part].numpy() for part in ("mu", "rho"))
            assert file[layer]["mu"].dtype == mu.dtype
            np.testing.assert_array_equal(file[layer]["mu"], mu)
            np.testing.assert_array_equal(file[layer]["rho"], rho)
            np.testing.assert_allclose(file[layer]["sigma"],
                                       np.logaddexp(0, rho.astype(np.float64)), rtol=1e-6)
    again = run("fod-generate", "--model", folder / "bayes.pt", "--posterior", out)
    assert again.returncode == 2 and "--overwrite" in again.stderr
    both = tmp_path / "both.h5"
    done = run("fod-generate", "--model", folder / "bayes.pt", "--posterior", both, "--data",
               folder / "x.npy", "--out", tmp_path / "r.h5", ranks=2)
    assert done.returncode == 0 and both.exists() and (tmp_path / "r.h5").exists(), done.stderr
    none = run("fod-generate", "--model", folder / "m.pt", "--posterior", tmp_path / "none.h5")
    assert none.returncode == 2 and "no Bayesian layer" in none.stderr
    assert not (tmp_path / "none.h5").exists()


def test_a_model_with_a_memory_is_refused(run, folder, tmp_path):
    models.save(Counts(), tmp_path / "m.pt")
    done = run("fod-generate", "--model", tmp_path / "m.pt", "--data", folder / "x.npy", "--out",
               tmp_path / "r.h5", ranks=2)
    assert done.returncode == 2
    assert "keeps state from one batch to the next" in done.stderr
    assert not (tmp_path / "r.h5").exists()


def test_a_model_that_draws_gives_the_same_rows_on_any_ranks(run, folder, tmp_path):
    models.save(Draws(), tmp_path / "m.pt")
    rows = []
    for ranks in (1, 2, 3):
        out = tmp_path / f"{ranks}.h5"
        done = run("fod-generate", "--model", tmp_path / "m.pt", "--data", folder / "x.npy", "--out",
                   out, "--threads", 1, ranks=ranks)
        assert done.returncode == 0, done.stderr
        rows.append(h5rows(out))
    assert rows[0].tobytes() == rows[1].tobytes() == rows[2].tobytes()
    x = np.load(folder / "x.npy")
    plain = torch.jit.load(str(tmp_path / "m.pt")).layer(torch.from_numpy(x)).detach().numpy()
    drawn = np.log(rows[0][:128]) - plain[:128]  # the draws differ from batch to batch
    drawn -= drawn.mean(axis=1, keepdims=True)
    fits = [np.linalg.lstsq(x[b:b + 64], drawn[b:b + 64], rcond=None)[0] for b in (0, 64)]
    assert np.abs(fits[0] - fits[1]).max() > 0.5


class Masked(nn.Module):
    """A class that is ruled out."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(FEATURES, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.layer(x)
        return torch.cat([y[:, :4], torch.full([len(x), 1], -float("inf"))], dim=1)


class Score(nn.Module):
    """One logit per sample; dropout before it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(FEATURES, 1)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(self.dropout(x))


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2 * FEATURES, CLASSES)

    def forward(self, x: torch.Tensor, rate: float) -> torch.Tensor:
        return self.layer(x) * rate


def test_a_masked_class_has_probability_zero(run, folder, tmp_path):
    models.save(Masked(), tmp_path / "m.pt")
    out = tmp_path / "r.h5"
    done = run("fod-generate", "--model", tmp_path / "m.pt", "--data", folder / "x.npy", "--out", out)
    assert done.returncode == 0, done.stderr
    logits = models.forward(tmp_path / "m.pt", np.load(folder / "x.npy")).numpy()
    np.testing.assert_allclose(h5rows(out), models.softmax(logits), rtol=0, atol=1e-6)


def test_dropout_of_a_single_score_in_half_precision(run, folder, tmp_path):
    models.save(Score(), tmp_path / "m.pt")
    done = run("fod-generate", "--model", tmp_path / "m.pt", "--data", folder / "x.npy", "--out",
               tmp_path / "r.h5", "--output-mode", "sigmoid", "--precision", "bf16", "--mc-dropout",
               3, "--keep-members", ranks=2)
    assert done.returncode == 0, done.stderr
    members = h5rows(tmp_path / "r.h5", "members")
    assert (members[:, 0] != members[:, 1]).any(axis=1).mean() > 0.5


def test_a_constant_after_joined_inputs(run, folder, tmp_path):
    models.save(Scaled(), tmp_path / "m.pt")
    out = tmp_path / "r.h5"
    done = run("fod-generate", "--model", tmp_path / "m.pt", "--data", f"a={folder / 'x.npy'}",
               "--data", f"b={folder / 'x.npy'}", "--input", "a,b,=2", "--concat", "a,b", "--out", out)
    assert done.returncode == 0, done.stderr
    x = np.load(folder / "x.npy")
    layer = torch.jit.load(str(tmp_path / "m.pt")).layer
    expected = models.softmax(2 * layer(torch.from_numpy(np.hstack([x, x]))).detach().numpy())
    np.testing.assert_allclose(h5rows(out), expected, rtol=0, atol=1e-6)


def test_auto_stays_below_what_the_model_takes(run, folder, tmp_path):
    class Narrow(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(FEATURES, CLASSES)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x.shape[0] > 16:
                raise RuntimeError("too many at once")
            return self.layer(x)

    models.save(Narrow(), tmp_path / "m.pt")
    done = run("fod-generate", "--model", tmp_path / "m.pt", "--data", folder / "x.npy", "--out",
               tmp_path / "r.h5", "--batch-size", "auto")
    assert done.returncode == 0, done.stderr
    with h5py.File(tmp_path / "r.h5") as file:
        assert file.attrs["batch_size"] in (8, 16)


@pytest.mark.parametrize("flags", [["--json", "r.h5"], ["--posterior", "./r.h5"],
                                   ["--json", "p.h5", "--posterior", "p.h5"]])
def test_outputs_have_names_of_their_own(run, folder, tmp_path, flags):
    done = run("fod-generate", "--model", folder / "bayes.pt", "--data", folder / "x.npy", "--out",
               "r.h5", "--overwrite", *flags, cwd=tmp_path)
    assert done.returncode == 2 and "name the same file" in done.stderr
    assert not list(tmp_path.iterdir())


def test_json_on_stdout_is_json_alone(run, folder, tmp_path):
    done = run("fod-generate", "--model", folder / "m.pt", "--data", folder / "x.npy", "--out",
               tmp_path / "r.h5", "--json", "-", ranks=2)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["distributions"]) == SAMPLES
    assert "samples/s" in done.stderr


def test_no_posterior_without_a_job(run, folder, tmp_path):
    """Neither of a job that is refused nor of a dry run."""
    flags = ["--model", folder / "bayes.pt", "--posterior", tmp_path / "p.h5", "--data",
             folder / "x.npy", "--out", tmp_path / "r.h5"]
    assert run("fod-generate", *flags, "--output-mode", "probs", ranks=2).returncode == 2
    assert run("fod-generate", *flags, "--dry-run").returncode == 0
    assert not list(tmp_path.iterdir())
