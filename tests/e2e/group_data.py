"""Data with known groups, and what NumPy says of a layer's activations."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import torch
from torch import Tensor, nn


class Features(nn.Module):
    """Passes its input through a layer that can be looked at, then classifies it."""

    def __init__(self, features: int, classes: int = 4) -> None:
        super().__init__()
        self.features = nn.Identity()
        self.head = nn.Linear(features, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


def planted(samples: int = 5000, neurons: int = 512, seed: int = 3
            ) -> tuple[np.ndarray, np.ndarray]:
    """A factor model: ten groups of 5 to 60 neurons with loadings of 0.75 to 0.95, half of them with
    a sign flipped; the rest independent and positive. Activations, and the group of each neuron (-1:
    none), in an order that is shuffled."""
    random = np.random.default_rng(seed)
    sizes = np.linspace(5, 60, 10).astype(int)
    values = np.abs(random.standard_normal((samples, neurons)))
    truth = np.full(neurons, -1)
    begin = 0
    for group, size in enumerate(sizes):
        factor = random.standard_normal((samples, 1))
        loading = random.uniform(0.75, 0.95, size)
        signs = np.where(random.random(size) < 0.5, -1, 1)
        noise = random.standard_normal((samples, size)) * np.sqrt(1 - loading**2)
        values[:, begin:begin + size] = (factor * loading + noise) * signs
        truth[begin:begin + size] = group
        begin += size
    order = random.permutation(neurons)
    return np.ascontiguousarray(values[:, order], np.float32), truth[order]


def labels_of(file: Path | str, layer: str) -> np.ndarray:
    """The group of each neuron by the result file; -1 for none."""
    with h5py.File(file, "r") as h5:
        group = h5["groups"][layer]
        labels = np.full(group["neuron_mean"].shape[0], -1)
        offsets = group["offsets"][()]
        members = group["members"][()]
        for g in range(len(offsets) - 1):
            labels[members[offsets[g]:offsets[g + 1]]] = g
        return labels


def everything(file: Path | str, root: str = "groups") -> dict[str, object]:
    """All datasets and attributes under a group of a file, for comparison."""
    found: dict[str, object] = {}

    def visit(name: str, item: h5py.Dataset | h5py.Group) -> None:
        for key, value in item.attrs.items():
            found[f"{name}@{key}"] = value
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    with h5py.File(file, "r") as h5:
        h5[root].visititems(visit)
    return found


def same(left: dict[str, object], right: dict[str, object]) -> None:
    """Equal to the last bit; NaN equals NaN."""
    assert left.keys() == right.keys()
    for key, value in left.items():
        one, two = np.asarray(value), np.asarray(right[key])
        assert one.dtype == two.dtype and one.shape == two.shape, key
        assert one.tobytes() == two.tobytes() if one.dtype != object else list(
            one.ravel()) == list(two.ravel()), key


def activations(path: Path, layer: str, x: np.ndarray) -> np.ndarray:
    """A layer's output by PyTorch's own hooks, float32."""
    model = torch.jit.load(str(path)).eval()
    taken: list[Tensor] = []
    module = dict(model.named_modules())[layer]
    module.register_forward_hook(lambda _module, _inputs, output: taken.append(output))
    with torch.inference_mode():
        model(torch.from_numpy(x))
    return taken[0].numpy()


def entropy(p: np.ndarray) -> np.ndarray:
    wide = p.astype(np.float64)
    return -np.sum(np.where(wide > 0, wide * np.log(np.where(wide > 0, wide, 1)), 0), axis=1)
