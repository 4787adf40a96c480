"""Result files in the file's schema, written by h5py: of any size, with whatever is to be missing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np


@dataclass
class Planted:
    """A layer of groups that share a factor, then neurons that share none."""

    name: str
    sizes: tuple[int, ...]
    neurons: int

    def activations(self, samples: int, seed: int = 5) -> np.ndarray:
        random = np.random.default_rng(seed)
        x = random.standard_normal((samples, self.neurons)).astype(np.float32)
        begin = 0
        for size in self.sizes:
            factor = random.standard_normal((samples, 1)).astype(np.float32)
            signs = np.where(np.arange(size) % 3 == 2, -1, 1)
            x[:, begin:begin + size] = factor * signs + 0.4 * x[:, begin:begin + size]
            begin += size
        return x


def header(file: h5py.File, size: int) -> None:
    file.attrs.update({"format": "fod result", "schema": 1, "complete": 1, "dataset_size": size})
    file["meta"] = '{"model_name": "planted"}'
    file.create_group("provenance").attrs["framework"] = "pytorch 9.9"
    file["provenance/devices"] = ["cpu"]


def distributions(size: int, classes: int, seed: int = 1) -> np.ndarray:
    """Rows of all degrees of certainty."""
    random = np.random.default_rng(seed)
    logits = random.standard_normal((size, classes)) * random.gamma(2, 1.5, (size, 1))
    p = np.exp(logits - logits.max(1, keepdims=True))
    return (p / p.sum(1, keepdims=True)).astype(np.float32)


def entropy_of(p: np.ndarray) -> np.ndarray:
    wide = p.astype(np.float64)
    return -(wide * np.log(np.where(wide > 0, wide, 1))).sum(1)


def write(path: Path, size: int = 500, classes: int = 4, layers: tuple[Planted, ...] = (),
          labels: bool = True, uncertainty: bool = True, ids: np.ndarray | None = None,
          keep: tuple[str, ...] = ("correlation", "group_center")) -> Path:
    """`keep`: of correlation, group_center and activations."""
    p = distributions(size, classes)
    with h5py.File(path, "w") as file:
        header(file, size)
        file["sample_ids"] = np.arange(size) if ids is None else ids
        file["distributions"] = p
        file["row_status"] = np.zeros(size, np.uint8)
        if uncertainty:
            file["uncertainty/entropy"] = entropy_of(p).astype(np.float32)
            file["uncertainty/confidence"] = p.max(1)
            file["uncertainty/prediction"] = p.argmax(1).astype(np.int32)
        if labels:
            draw = np.random.default_rng(2).random((size, 1))
            file["labels"] = (p.cumsum(1) < draw).sum(1).clip(0, classes - 1)
        first = 0
        for index, layer in enumerate(layers):
            first += write_layer(file, layer, layer.activations(size), index, first, keep,
                                 entropy_of(p))
    return path


def write_layer(file: h5py.File, layer: Planted, x: np.ndarray, index: int, first: int,
                keep: tuple[str, ...], entropy: np.ndarray) -> int:
    group = file.create_group(f"groups/{layer.name}")
    group.attrs.update({"method": "correlation_clustering", "threshold": 0.6, "samples": len(x),
                        "stability": 0.9, "index": index, "by": "label", "type": "Linear"})
    count, grouped = len(layer.sizes), sum(layer.sizes)
    offsets = np.concatenate([[0], np.cumsum(layer.sizes)]).astype(np.int64)
    z = (x - x.mean(0)) / x.std(0)
    r = (z.T @ z / len(z)).astype(np.float32)
    loadings, explained, center = [], [], np.empty((len(x), count), np.float32)
    for g in range(count):
        own = slice(offsets[g], offsets[g + 1])
        values, vectors = np.linalg.eigh(r[own, own].astype(np.float64))
        first_vector = vectors[:, -1] * np.sign(vectors[np.abs(vectors[:, -1]).argmax(), -1])
        loadings.append(first_vector)
        explained.append(values[-1] / layer.sizes[g])
        center[:, g] = (z[:, own] * np.sign(first_vector)).mean(1)
    group["members"] = np.arange(grouped)
    group["offsets"] = offsets
    group["group_id"] = np.arange(first, first + count)
    group["loadings"] = np.concatenate([*loadings, np.empty(0)])
    group["variance_explained"] = np.array(explained, np.float64)
    for name in ("cohesion", "cohesion_signed", "stability", "mean_activation", "corr_confidence",
                 "corr_error"):
        group[name] = np.linspace(0.5, 0.9, count)
    group["corr_entropy"] = np.array([np.corrcoef(column, entropy)[0, 1] for column in center.T])
    group["skill_category"] = np.array([""] * count, object) if count else np.empty(
        0, h5py.string_dtype())
    group["ungrouped"] = np.arange(grouped, layer.neurons)
    group["dead"] = np.empty(0, np.int64)
    group["neuron_mean"], group["neuron_std"] = x.mean(0), x.std(0)
    if "correlation" in keep:
        group["correlation"] = r
    if "group_center" in keep:
        group["group_center"] = center
    if "activations" in keep:
        file[f"activations/{layer.name}"] = x
    return count
