"""Layers through the whole job: what is listed and chosen, what a neuron is, and what a job without
distributions leaves out."""

from __future__ import annotations

import os
import re

import group_data
import h5py
import layer_jobs
import models
import numpy as np
import pytest
import tap_models
import torch
from conftest import h5rows
from layer_jobs import done
from taps import hooked

SAMPLES = 20
BATCH = 6
POOLED = ("cnn", "channels_last", "signal", "volume", "lstm", "lstm_time_first", "gru_both",
          "encoder", "encoder_time_first", "last")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("layers")
    for name in (*POOLED, "mlp", "twice"):
        np.save(folder / f"{name}.npy", layer_jobs.data_for(name, SAMPLES))
        torch.jit.script(getattr(tap_models, name)()).save(str(folder / f"{name}.pt"))
    np.save(folder / "x8.npy", layer_jobs.correlated(300))
    models.save(group_data.Features(8), folder / "features.pt")
    models.save(layer_jobs.Pair(8), folder / "pair.pt")
    models.save(models.Dict(), folder / "dict.pt")
    models.save(models.Tuple(), folder / "tuple.pt")
    models.data(folder / "x4.npy", (300, 4))
    return folder


def listing(job) -> list[list[str]]:
    return [re.split(r"  +", line.rstrip()) for line in job.stdout.splitlines()]


def layers_of(path) -> list[str]:
    """In the order in which they ran."""
    with h5py.File(path, "r") as file:
        found = {name: layer.attrs["index"] for name, layer in file["groups"].items()}
    return sorted(found, key=lambda name: found[name])


CNN = [["stem", "Conv2d", "({}, 5, 6, 6)", "5, mean over 36 positions"],
       ["blocks.0.conv1", "Conv2d", "({}, 5, 6, 6)", "5, mean over 36 positions"],
       ["blocks.0.bn1", "BatchNorm2d", "({}, 5, 6, 6)", "5, mean over 36 positions"],
       ["blocks.0.relu", "ReLU", "({}, 5, 6, 6)", "5, mean over 36 positions"],
       ["blocks.0.conv2", "Conv2d", "({}, 5, 6, 6)", "5, mean over 36 positions"],
       ["blocks.0.relu#1", "ReLU", "({}, 5, 6, 6)", "5, mean over 36 positions"],
       ["blocks.0", "Residual", "({}, 5, 6, 6)", "5, mean over 36 positions"]]


@pytest.mark.parametrize("batch", [BATCH, 1])
@pytest.mark.parametrize("model", ["{}/cnn.pt", "python:tap_models:cnn"])
def test_layers_are_listed(run, folder, tmp_path, model, batch):
    job = done(run, model.format(folder), folder / "cnn.npy", tmp_path / "r.h5", "--list-layers",
               "--batch-size", batch, ranks=2 if batch > 1 else None)
    rows = listing(job)
    assert rows[0] == ["LAYER", "TYPE", "OUTPUT", "NEURONS"]
    assert rows[1:8] == [[text.format(batch) for text in row] for row in CNN]
    assert rows[-1] == ["fc", "Linear", f"({batch}, 4)", "4"]
    assert ["pool", "MaxPool2d", f"({batch}, 5, 3, 3)", "5, mean over 9 positions"] in rows
    assert os.listdir(tmp_path) == []


def test_the_listing_follows_pool_and_names_what_cannot_be_tapped(run, folder, tmp_path):
    listed = [done(run, folder / "encoder.pt", folder / "encoder.npy", tmp_path / "r.h5",
                   "--list-layers", *flags)
              for flags in ([], ["--pool", "none"], ["--pool", "conv=none"],
                            ["--pool", "sequence=max"])]
    rows = [{row[0]: row for row in listing(job)} for job in listed]
    assert rows[0]["table"] == ["table", "Linear", "(1, 6, 8)", "8, mean over 6 positions"]
    assert rows[1]["table"][3] == "48, each of 6 positions by itself"
    assert rows[2]["table"][3] == "8, mean over 6 positions"
    assert rows[3]["table"][3] == "8, max over 6 positions"
    assert "computes it in a fused operation" in rows[0]["encoder.layers.0.linear1"][3]
    assert rows[0]["encoder.layers.0.linear1"][2] == "-"


def test_a_prefix_of_data_parallel_is_ignored(run, folder, tmp_path):
    job = done(run, "python:tap_models:wrapped", folder / "mlp.npy", tmp_path / "r.h5",
               "--list-layers")
    assert ["module.0", "Linear", "(1, 9)", "9"] in listing(job)
    wrapped, plain = tmp_path / "wrapped.h5", tmp_path / "plain.h5"
    done(run, "python:tap_models:wrapped", folder / "mlp.npy", wrapped, "--layers", "0,module.3",
         "--keep-activations")
    done(run, folder / "mlp.pt", folder / "mlp.npy", plain, "--layers", "module.0,3",
         "--keep-activations")
    assert layers_of(wrapped) == ["module.0", "module.3"] and layers_of(plain) == ["0", "3"]
    for name in ("0", "3"):
        np.testing.assert_allclose(h5rows(wrapped, f"activations/module.{name}"),
                                   h5rows(plain, f"activations/{name}"), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("patterns,expected", [
    ("stem", ["stem"]),
    ("*.conv?", ["blocks.0.conv1", "blocks.0.conv2", "blocks.1.conv1", "blocks.1.conv2"]),
    ("blocks.[1-9].conv1,stem", ["stem", "blocks.1.conv1"]),
    ("blocks.0.relu*", ["blocks.0.relu", "blocks.0.relu#1"]),
    ("blocks.0.relu#1", ["blocks.0.relu#1"]),
])
def test_layers_are_chosen_by_globs(run, folder, tmp_path, patterns, expected):
    done(run, folder / "cnn.pt", folder / "cnn.npy", tmp_path / "r.h5", "--layers", patterns)
    assert layers_of(tmp_path / "r.h5") == expected
    assert run("fod", "verify", tmp_path / "r.h5", ranks=None).returncode == 0


@pytest.mark.parametrize("model,names", [
    ("{}/twice.pt", ["fc", "same", "fc#1"]),  # scripted, one module by two names becomes two
    ("python:tap_models:twice", ["fc", "fc#1", "fc#2"])])
def test_every_call_of_a_layer_is_a_layer(run, folder, tmp_path, model, names):
    done(run, model.format(folder), folder / "twice.npy", tmp_path / "r.h5", "--layers",
         ",".join(names), "--keep-activations")
    calls = [output for name, output, _ in
             hooked(tap_models.twice(), torch.from_numpy(np.load(folder / "twice.npy")))]
    assert layers_of(tmp_path / "r.h5") == names
    for name, call in zip(names, calls[:3], strict=True):
        np.testing.assert_allclose(h5rows(tmp_path / "r.h5", f"activations/{name}"), call,
                                   rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("how", ["mean", "max", "none"])
@pytest.mark.parametrize("name", POOLED)
def test_neurons_are_those_of_hooks_and_numpy(run, folder, tmp_path, name, how):
    """Of all layers at once, in batches whose last one is padded."""
    out = tmp_path / "r.h5"
    done(run, folder / f"{name}.pt", folder / f"{name}.npy", out, "--layers", "*", "--pool", how,
         "--keep-activations", "--batch-size", BATCH)
    x = torch.from_numpy(np.load(folder / f"{name}.npy"))
    outputs = {layer: output for layer, output, _ in hooked(getattr(tap_models, name)(), x)}
    found = layers_of(out)
    assert len(found) >= 3
    several = 0
    for layer in found:
        several += outputs[layer].ndim > 2
        expected = layer_jobs.pooled(outputs[layer], how, layer_jobs.is_spatial(name, layer),
                                     1 if "time_first" in name or name == "gru_both" else 0)
        got = h5rows(out, f"activations/{layer}")
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6, err_msg=layer)
        with h5py.File(out, "r") as file:
            attributes = file[f"groups/{layer}"].attrs
            assert attributes["pooling"] == (how if outputs[layer].ndim > 2 else "")
            np.testing.assert_allclose(file[f"groups/{layer}/neuron_mean"], expected.mean(0),
                                       rtol=1e-5, atol=1e-6)
    assert several > 0


def test_kinds_of_layers_are_pooled_apart(run, folder, tmp_path):
    for name, layer, spatial, how in (("cnn", "stem", True, "max"), ("lstm", "rnn", False, "mean"),
                                      ("channels_last", "blocks", True, "max")):
        out = tmp_path / f"{name}.h5"
        done(run, folder / f"{name}.pt", folder / f"{name}.npy", out, "--layers", layer, "--pool",
             "conv=max,sequence=mean", "--keep-activations")
        x = torch.from_numpy(np.load(folder / f"{name}.npy"))
        output = {name: y for name, y, _ in hooked(getattr(tap_models, name)(), x)}[layer]
        np.testing.assert_allclose(h5rows(out, f"activations/{layer}"),
                                   layer_jobs.pooled(output, how, spatial), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("model,layer", [
    ("{}/dict.pt", "layer"), ("{}/tuple.pt", "layer"),
    ("python:layer_jobs:useless_none", "features"),
    ("python:layer_jobs:useless_list", "features"), ("python:layer_jobs:useless_int", "features")])
def test_no_distributions(run, folder, tmp_path, model, layer):
    data = folder / ("x4.npy" if layer == "layer" else "x8.npy")
    out = tmp_path / "r.h5"
    job = done(run, model.format(folder), data, out, "--layers", layer, "--no-distributions",
               "--keep-activations", "--correlation-threshold", 0.2, ranks=2)
    assert f"{out}: 300 samples, by 2 ranks" in job.stdout
    assert "output read as" not in job.stdout
    with h5py.File(out, "r") as file:
        assert "distributions" not in file and "uncertainty" not in file
        assert file["sample_ids"].shape == (300,)
        values = file[f"activations/{layer}"][()].astype(np.float64)
        np.testing.assert_allclose(file[f"groups/{layer}/correlation"],
                                   np.corrcoef(values, rowvar=False), atol=1e-6)
        assert file[f"groups/{layer}"].attrs["by"] == ""
        assert np.isnan(file[f"groups/{layer}/corr_entropy"]).all()
        assert file[f"groups/{layer}/class_mean"].shape[1:] == (0,)
    assert run("fod", "verify", out, ranks=None).returncode == 0
    info = run("fod", "info", out, ranks=None)
    assert info.returncode == 0, info.stderr
    assert "300" in info.stdout
    groups = run("fod", "groups", out, ranks=None)
    assert groups.returncode == 0, groups.stderr
    exported = run("fod", "export", out, tmp_path / "r.json", ranks=None)
    assert exported.returncode == 2
    assert "r.h5 holds no distributions" in exported.stderr, exported.stderr
    assert not (tmp_path / "r.json").exists()


def test_no_distributions_keeps_labels(run, folder, tmp_path):
    np.save(tmp_path / "y.npy", np.arange(300) % 7)
    done(run, "python:layer_jobs:useless_none", folder / "x8.npy", tmp_path / "r.h5", "--layers",
         "features", "--no-distributions", "--labels", tmp_path / "y.npy")
    np.testing.assert_array_equal(h5rows(tmp_path / "r.h5", "labels"), np.arange(300) % 7)
    assert run("fod", "verify", tmp_path / "r.h5", ranks=None).returncode == 0


@pytest.mark.parametrize("name", ["cnn", "lstm", "twice"])
def test_distributions_do_not_change_a_bit(run, folder, tmp_path, name):
    done(run, folder / f"{name}.pt", folder / f"{name}.npy", tmp_path / "plain.h5")
    done(run, folder / f"{name}.pt", folder / f"{name}.npy", tmp_path / "tapped.h5", "--layers",
         "*", "--group-patterns", ranks=2)
    for dataset in ("distributions", "uncertainty/entropy", "uncertainty/prediction"):
        plain, tapped = (h5rows(tmp_path / f"{job}.h5", dataset) for job in ("plain", "tapped"))
        assert plain.tobytes() == tapped.tobytes()


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_half_precision_layers(run, folder, tmp_path, half):
    models.save(layer_jobs.Cast(half == torch.float16), tmp_path / "m.pt")
    done(run, tmp_path / "m.pt", folder / "x8.npy", tmp_path / "r.h5", "--layers", "cast",
         "--keep-activations")
    expected = torch.from_numpy(np.load(folder / "x8.npy")).to(half).float().numpy()
    np.testing.assert_array_equal(h5rows(tmp_path / "r.h5", "activations/cast"), expected)


def test_a_forward_in_bf16(run, folder, tmp_path):
    for precision in ("fp32", "bf16"):
        done(run, folder / "mlp.pt", folder / "mlp.npy", tmp_path / f"{precision}.h5", "--layers",
             "0", "--keep-activations", "--precision", precision)
    exact, rounded = (h5rows(tmp_path / f"{p}.h5", "activations/0") for p in ("fp32", "bf16"))
    assert (exact != rounded).any()
    np.testing.assert_allclose(rounded, exact, rtol=0.05, atol=0.05)  # 8 bits of mantissa
    np.testing.assert_array_equal(rounded, torch.from_numpy(rounded).bfloat16().float().numpy())


@pytest.mark.parametrize("flags,passes", [
    ([], "one over the data\n"),
    (["--group-patterns"], "two over the data, since --group-patterns need the groups"),
    (["--categories", "{}/c.csv"], "two over the data, since the events need the groups"),
    (["--group-patterns", "--keep-activations"],
     "one over the data; --group-patterns follow from the kept activations"),
])
def test_the_dry_run_tells_the_layers_and_passes(run, folder, tmp_path, flags, passes):
    data = tmp_path / "in"
    data.mkdir()
    (data / "c.csv").write_text("category\n" + "a\nb\n" * 10)
    out = tmp_path / "out"
    out.mkdir()
    job = done(run, folder / "cnn.pt", folder / "cnn.npy", out / "r.h5", "--layers", "stem,fc",
               "--dry-run", *[flag.format(data) for flag in flags])
    assert "  layer     stem, Conv2d, 5 neurons, mean of (64, 5, 6, 6)\n" in job.stdout
    assert "  layer     fc, Linear, 4 neurons of (64, 4)\n" in job.stdout
    assert "  groups    by correlation_clustering, moments of " in job.stdout
    assert f"  passes    {passes}" in job.stdout
    assert os.listdir(out) == []


def test_group_ids_are_unique_over_layers(run, folder, tmp_path):
    out = tmp_path / "r.h5"
    job = done(run, folder / "pair.pt", folder / "x8.npy", out, "--layers", "second,first",
               "--min-group-size", 2, "--group-patterns", "--keep-activations", ranks=3)
    assert layers_of(out) == ["first", "second"]
    assert h5rows(out, "groups/first/group_id").tolist() == [0, 1, 2, 3]
    assert h5rows(out, "groups/second/group_id").tolist() == [4, 5, 6, 7]
    assert h5rows(out, "groups/first/members").tolist() == list(range(8))
    first, second = (h5rows(out, f"activations/{name}") for name in ("first", "second"))
    np.testing.assert_array_equal(first[:, ::-1], second)
    for name in ("first", "second"):
        assert f"  {name}: 4 groups of 2 neurons by correlation_clustering, 8 of 8 grouped" \
            in job.stdout
