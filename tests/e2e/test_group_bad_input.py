"""What cannot give groups of neurons: a clear message once, the right exit code, nothing left
behind; and what looks wrong and is not."""

from __future__ import annotations

import os

import group_data
import h5py
import layer_jobs
import models
import numpy as np
import pytest
import torch
from conftest import h5rows
from layer_jobs import done, generate
from torch import Tensor, nn


class Large(nn.Module):
    """32,768 pixels of channels, and a layer that is as wide as that by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 32, 3, padding=1)
        self.wide = nn.Linear(32, 20000)
        self.head = nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x).mean(dim=[2, 3])
        return self.head(y) + self.wide(y)[:, :3]


class Many(nn.Module):
    """Layers each of which would do."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(*[nn.ReLU() for _ in range(200)])

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)[:, :3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad_groups")
    x = layer_jobs.correlated(300)
    np.save(folder / "x.npy", x)
    for samples in (2, 3):
        np.save(folder / f"x{samples}.npy", x[:samples])
    models.data(folder / "images.npy", (3, 3, 32, 32))
    models.data(folder / "wide.npy", (3, 16384))
    np.save(folder / "tokens.npy", np.arange(300 * 6).reshape(300, 6) % 20)
    models.save(group_data.Features(8), folder / "m.pt")
    models.save(layer_jobs.Masked(), folder / "masked.pt")
    models.save(Large(), folder / "large.pt")
    models.save(Many(), folder / "many.pt")
    frozen = torch.jit.freeze(torch.jit.script(nn.Sequential(nn.Linear(8, 6), nn.Linear(6, 3)).eval()))
    frozen.save(str(folder / "frozen.pt"))
    return folder


FEATURES = "--model {}/m.pt --data {}/x.npy --layers features "
PLAIN = "--model {}/m.pt --data {}/x.npy "

# (flags with {} for the folder, what the message must say)
TABLE = {
    "a layer that is none": ("--model {}/m.pt --data {}/x.npy --layers faetures", ["no layer 'faetures'", "did you mean 'features'?", "--list-layers"]),
    "a call that is none": ("--model {}/m.pt --data {}/x.npy --layers features#1", ["'features#1'", "'features' is called 1 time in a forward"]),
    "a glob that fits nothing": ("--model {}/m.pt --data {}/x.npy --layers conv*", ["no layer's name fits 'conv*'"]),
    "positions that are too many": ("--model {}/large.pt --data {}/images.npy --layers conv --pool none", ["layer conv has 32,768 neurons", "8.6 GB", "16,384 at most", "1,024 positions by --pool mean or max", "leaves 32"]),
    "neurons that are too many": ("--model {}/large.pt --data {}/images.npy --layers wide", ["layer wide has 20,000 neurons", "3.2 GB", "choose a smaller layer"]),
    "layers that are too many": ("--model {}/many.pt --data {}/wide.npy --layers layers.* --batch-size 3", ["the moments of 200 layers need", " GB per rank", "free", "16,384 neurons", "choose fewer or smaller layers"]),
    "two samples": ("--model {}/m.pt --data {}/x2.npy --layers features", ["need 3 samples at least", "2 samples"]),
    "two samples of more": (FEATURES + "--batch-size 1 --range 10:12", ["need 3 samples at least", "2 samples"]),
    "a plain callable": ("--model python:tap_models:plain --data {}/x.npy --layers features", ["layers of the model python:tap_models:plain cannot be seen", "it is a callable"]),
    "a frozen model": ("--model {}/frozen.pt --data {}/x.npy --layers 0", ["frozen.pt", "frozen"]),
    "layers of a frozen model": ("--model {}/frozen.pt --data {}/x.npy --list-layers", ["frozen.pt", "frozen"]),
    "a name with a slash": ("--model python:layer_jobs:slashed --data {}/x.npy --layers *", ["layer 'a/b' has no place in the result file", "without it"]),
    "two models": ("--model {}/m.pt --model {}/m.pt --data {}/x.npy --layers features", ["--layers goes with one --model", "fod compare"]),
    "dropout": (FEATURES + "--mc-dropout 3", ["--layers does not go with --mc-dropout"]),
    "listing two models": ("--model {}/m.pt --model {}/m.pt --data {}/x.npy --list-layers", ["one --model"]),
    "nothing to do": (PLAIN + "--no-distributions", ["--no-distributions leaves nothing to do"]),
    "a transform of none": (FEATURES + "--no-distributions --transform smooth=0.1", ["--transform does not go with --no-distributions"]),
    "logits of none": (FEATURES + "--no-distributions --keep-logits", ["--keep-logits does not go with --no-distributions"]),
    "a mode of none": (FEATURES + "--no-distributions --output-mode logits", ["--output-mode does not go with --no-distributions"]),
    "json of none": (FEATURES + "--no-distributions --json {}/r.json", ["--json does not go with --no-distributions"]),
    "method": (FEATURES + "--group-method dbscan", ["--group-method", "dbscan", "kmeans"]),
    "number of groups": (FEATURES + "--group-method kmeans --n-groups many", ["cannot read --n-groups many"]),
    "no groups": (FEATURES + "--group-method kmeans --n-groups 0", ["cannot read --n-groups 0", "from 1 to 16384"]),
    "groups that follow": (FEATURES + "--n-groups 3", ["--n-groups does not go with --group-method correlation_clustering"]),
    "groups of a linkage": (FEATURES + "--group-method hierarchical --n-groups auto", ["--n-groups auto does not go with --group-method hierarchical"]),
    "pooling": (FEATURES + "--pool median", ["cannot read --pool median", "mean, max or none"]),
    "pooling of a kind": (FEATURES + "--pool dense=max", ["cannot read --pool dense=max", "'dense' is no kind of layer"]),
    "threshold of zero": (FEATURES + "--correlation-threshold 0", ["cannot read --correlation-threshold 0", "above 0"]),
    "threshold above one": (FEATURES + "--correlation-threshold 1.5", ["cannot read --correlation-threshold 1.5"]),
    "threshold that is none": (FEATURES + "--correlation-threshold nan", ["cannot read --correlation-threshold nan"]),
    "threshold of kmeans": (FEATURES + "--group-method kmeans --correlation-threshold 0.5", ["--correlation-threshold does not go with --group-method kmeans"]),
    "size of one": (FEATURES + "--min-group-size 1", ["--min-group-size", "2", "16384"]),
    "ward by threshold": (FEATURES + "--group-method hierarchical --linkage ward", ["--linkage ward needs --n-groups"]),
    "linkage": (FEATURES + "--linkage single", ["--linkage", "single"]),
    "linkage of another": (FEATURES + "--group-method kmeans --n-groups 3 --linkage ward", ["--linkage needs --group-method hierarchical"]),
    "signs of another": (FEATURES + "--signed", ["--signed needs --group-method kmeans"]),
    "legacy by a method": (FEATURES + "--legacy --group-method kmeans", ["--group-method does not go with --legacy"]),
    "legacy by itself": (FEATURES + "--legacy --correlation-threshold auto", ["--correlation-threshold auto does not go with --legacy"]),
}
TABLE |= {f"{flag} without layers": (PLAIN + flag, [f"{flag.split()[0]} needs --layers"]) for flag in (
    "--tap-transform l2", "--pool max", "--group-method kmeans", "--correlation-threshold 0.5",
    "--group-method kmeans --n-groups 3", "--group-method kmeans --signed", "--min-group-size 4",
    "--group-method hierarchical --n-groups 3 --linkage ward", "--legacy", "--texts {}/t.txt",
    "--keep-activations", "--keep-correlation", "--group-patterns", "--categories {}/c.csv",
    "--keep-moments", "--loss {}/loss.npy")}
ON_TWO_RANKS = ("a layer that is none", "positions that are too many", "two samples",
                "a plain callable", "a frozen model")


@pytest.mark.parametrize("case,ranks", [
    *((case, None) for case in TABLE), *((case, 2) for case in ON_TWO_RANKS)])
def test_message(run, folder, tmp_path, case, ranks):
    flags, expected = TABLE[case]
    words = flags.replace("{}", str(folder)).split()
    before = sorted(os.listdir(folder))
    job = run("fod-generate", *words, "--out", tmp_path / "r.h5", "--threads", 1, ranks=ranks,
              env={"PYTHONPATH": str(layer_jobs.HERE)})
    check_refused(job, expected)
    assert os.listdir(tmp_path) == [] and sorted(os.listdir(folder)) == before


def check_refused(job, expected):
    assert job.returncode == 2, job.stdout + job.stderr
    lines = [line for line in job.stderr.splitlines() if line.startswith("fod-generate:")]
    assert len(lines) == 1, job.stderr  # once for the job, in one line
    for words in expected:
        assert words in lines[0]


def test_a_plugin_shows_no_layers(run, build, digits, tmp_path):
    weights = tmp_path / "in" / "w.bin"
    weights.parent.mkdir()
    state = torch.jit.load(str(digits / "digits_model.pt")).state_dict()
    weights.write_bytes(b"".join(tensor.numpy().tobytes() for tensor in state.values()))
    (tmp_path / "out").mkdir()
    spec = f"plugin:{build}/tests/plugins/libfod_example_cnn.so?weights={weights}"
    for flags in (["--layers", "conv1"], ["--list-layers"]):
        job = generate(run, spec, digits / "images.npy", tmp_path / "out" / "r.h5", *flags)
        check_refused(job, ["libfod_example_cnn.so", "a plugin does not show its layers"])
        assert os.listdir(tmp_path / "out") == []


@pytest.mark.parametrize("ranks,value", [(None, np.nan), (2, np.inf)])
def test_a_bad_activation_of_the_first_block_is_named(run, folder, tmp_path, ranks, value):
    data = tmp_path / "in" / "x.npy"
    data.parent.mkdir()
    (tmp_path / "out").mkdir()
    x = np.load(folder / "x.npy")
    x[7, 2] = value
    np.save(data, x)
    job = generate(run, folder / "masked.pt", data, tmp_path / "out" / "r.h5", "--layers",
                   "features", "--batch-size", 16, ranks=ranks)
    check_refused(job, ["sample 7 has no finite activation in layer features",
                        "NaN or infinite", "--allow-nonfinite"])
    assert os.listdir(tmp_path / "out") == []


@pytest.mark.parametrize("ranks,flags", [(1, ["--no-distributions"]), (3, [])])
def test_a_bad_activation_later_is_named(run, folder, tmp_path, ranks, flags):
    x = np.load(folder / "x.npy")
    x[207, 2] = np.nan
    np.save(tmp_path / "x.npy", x)
    job = generate(run, folder / "masked.pt", tmp_path / "x.npy", tmp_path / "r.h5", "--layers",
                   "features", "--batch-size", 16, *flags, ranks=ranks)
    assert job.returncode == 4, job.stdout
    lines = [line for line in job.stderr.splitlines() if line.startswith("fod-generate:")]
    assert len(lines) == 1, job.stderr
    assert "sample 207 has no finite activation in layer features" in lines[0]
    assert not (tmp_path / "r.h5").exists()
    assert (tmp_path / "r.h5.partial").exists()
    done(run, folder / "masked.pt", tmp_path / "x.npy", tmp_path / "r.h5", "--layers", "features",
         "--batch-size", 16, "--allow-nonfinite", "--overwrite", *flags)
    assert h5rows(tmp_path / "r.h5", "groups/features/neuron_mean").shape == (8,)


def test_too_few_samples_with_finite_activations(run, folder, tmp_path):
    x = np.full((300, 8), np.nan, np.float32)
    x[[0, 299]] = 1
    np.save(tmp_path / "x.npy", x)
    job = generate(run, folder / "masked.pt", tmp_path / "x.npy", tmp_path / "r.h5", "--layers",
                   "features", "--allow-nonfinite", ranks=2)
    assert job.returncode == 0, job.stderr
    assert "layer features: 2 samples with finite activations, too few for groups" in job.stdout
    with h5py.File(tmp_path / "r.h5", "r") as file:
        layer = file["groups/features"]
        assert layer["offsets"][()].tolist() == [0] and len(layer["dead"]) == 8
        assert np.isnan(layer["neuron_mean"][()]).all() and np.isnan(layer.attrs["stability"])
    assert run("fod", "verify", tmp_path / "r.h5", ranks=None).returncode == 0
    assert run("fod", "groups", tmp_path / "r.h5", ranks=None).returncode == 0


@pytest.mark.parametrize("method", [[], ["--group-method", "hierarchical"],
                                    ["--group-method", "kmeans", "--n-groups", "2"],
                                    ["--group-method", "kmeans", "--n-groups", "auto"],
                                    ["--group-method", "hierarchical", "--n-groups", "2"],
                                    ["--correlation-threshold", "auto"], ["--legacy"]])
def test_a_layer_that_is_constant_is_dead(run, folder, tmp_path, method):
    value = 3.25 if method else 0.0
    np.save(tmp_path / "x.npy", np.full((300, 8), value, np.float32))
    done(run, folder / "m.pt", tmp_path / "x.npy", tmp_path / "r.h5", "--layers", "features",
         "--group-patterns", *method)
    with h5py.File(tmp_path / "r.h5", "r") as file:
        layer = file["groups/features"]
        assert layer["dead"][()].tolist() == list(range(8))
        assert layer["offsets"][()].tolist() == [0] and len(layer["ungrouped"]) == 0
        assert (layer["neuron_mean"][()] == value).all() and not layer["neuron_std"][()].any()
        assert not (layer["correlation"][()] - np.eye(8) * layer["correlation"][0, 0]).any()
    assert run("fod", "verify", tmp_path / "r.h5", ranks=None).returncode == 0
    told = run("fod", "groups", tmp_path / "r.h5", ranks=None)
    assert told.returncode == 0 and "8 dead" in told.stdout


@pytest.mark.parametrize("method", [[], ["--group-method", "hierarchical"],
                                    ["--group-method", "kmeans", "--n-groups", "2"]])
def test_three_samples_will_do(run, folder, tmp_path, method):
    """In one block, so that there is no second half to compare with."""
    done(run, folder / "m.pt", folder / "x3.npy", tmp_path / "r.h5", "--layers", "features",
         "--group-patterns", *method, ranks=2)
    x = np.load(folder / "x3.npy").astype(np.float64)
    with h5py.File(tmp_path / "r.h5", "r") as file:
        layer = file["groups/features"]
        assert np.isnan(layer.attrs["stability"]) and np.isnan(layer["stability"][()]).all()
        np.testing.assert_allclose(layer["correlation"], np.corrcoef(x, rowvar=False), atol=1e-6)
        for group in range(len(layer["offsets"]) - 1):
            assert 0 <= layer["cohesion"][group] <= 1
    assert run("fod", "groups", tmp_path / "r.h5", ranks=None).returncode == 0


def test_more_groups_than_neurons(run, folder, tmp_path):
    for method in ("kmeans", "hierarchical"):
        job = generate(run, folder / "m.pt", folder / "x.npy", tmp_path / f"{method}.h5",
                       "--layers", "features", "--group-method", method, "--n-groups", 100)
        assert job.returncode == 2
        assert "--n-groups asks for 100 groups (layer features has 8 neurons)" in job.stderr
        assert not list(tmp_path.iterdir())


def test_an_automatic_threshold_needs_two_halves(run, folder, tmp_path):
    job = generate(run, folder / "m.pt", folder / "x3.npy", tmp_path / "r.h5", "--layers",
                   "features", "--correlation-threshold", "auto")
    assert job.returncode == 2
    assert "needs two blocks of samples to compare" in job.stderr
    assert not list(tmp_path.iterdir())


def test_no_groups_are_no_evidence(run, folder, tmp_path):
    done(run, folder / "m.pt", folder / "x.npy", tmp_path / "r.h5", "--layers", "features",
         "--correlation-threshold", 1.0)
    with h5py.File(tmp_path / "r.h5", "r") as file:
        assert np.isnan(file["groups/features"].attrs["stability"])


def test_what_is_said_of_groups_is_verified(run, folder, tmp_path):
    """Damage is named, whatever it is, and crashes nothing."""
    good = tmp_path / "good.h5"
    done(run, folder / "m.pt", folder / "x.npy", good, "--layers", "features",
         "--correlation-threshold", 0.05, "--min-group-size", 2, "--group-patterns")

    def scalar(layer):
        del layer["ungrouped"]
        layer["ungrouped"] = 5

    def beyond(layer):
        layer["members"][0] = 10**12

    def huge(layer):
        del layer["class_mean"]
        layer.create_dataset("class_mean", (2**45,), np.float64, chunks=(1024,))

    def ledger(layer):
        del layer.file["ledger/second"]

    for damage in (scalar, beyond, huge, ledger):
        bad = tmp_path / f"{damage.__name__}.h5"
        bad.write_bytes(good.read_bytes())
        with h5py.File(bad, "r+") as file:
            damage(file["groups/features"])
        verified = run("fod", "verify", bad, ranks=None)
        assert verified.returncode == 1, (damage, verified.stdout, verified.stderr)
        if damage is not ledger:
            told = run("fod", "groups", bad, ranks=None)
            assert told.returncode == 2 and "is damaged" in told.stderr, (damage, told.stderr)
