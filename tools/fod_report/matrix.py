"""A layer's correlations in the order of its groups: as the file has them, or as well as they follow
from what else it has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .layers import Layer
from .problem import damaged
from .read import Result, rows_at

MOST_NEURONS = 4096  # drawn
MOST_VALUES = 16 << 20  # of activations, read to estimate correlations


@dataclass(frozen=True)
class Matrix:
    """Correlations of `neurons` among themselves, NaN where there is none. `group` is the place of
    each one's group in the layer, -1: in none, -2: dead."""

    neurons: np.ndarray
    group: np.ndarray
    values: np.ndarray
    origin: str  # where the values are from, if not simply from the file; a sample is named one

    @property
    def blocks(self) -> list[tuple[int, int, int]]:
        """(group, begin, end) of the runs of neurons of a group, of none, of dead ones."""
        cuts = np.flatnonzero(np.diff(self.group)) + 1
        edges = [0, *cuts.tolist(), len(self.group)]
        return [(int(self.group[a]), a, b) for a, b in zip(edges[:-1], edges[1:]) if a < b]


def in_order(layer: Layer) -> tuple[np.ndarray, np.ndarray]:
    """All neurons: by group, in a group those of positive loading first, each by falling loading;
    then those in none, then dead ones, by index. And the group of each. A neuron in several groups
    (--legacy) is in its first."""
    taken = np.zeros(layer.neurons, bool)
    order, group = [], []
    for place, one in enumerate(layer.groups):
        members = one.members[~taken[one.members]]
        if one.loadings is not None:
            loadings = one.loadings[~taken[one.members]]
            members = members[np.argsort(-loadings, kind="stable")]
        taken[members] = True
        order.append(members)
        group.append(np.full(len(members), place))
    dead = layer.dead[(layer.dead >= 0) & (layer.dead < layer.neurons)]
    dead = dead[~taken[dead]]
    taken[dead] = True
    rest = np.flatnonzero(~taken)
    order += [rest, dead]
    group += [np.full(len(rest), -1), np.full(len(dead), -2)]
    return np.concatenate(order).astype(np.int64), np.concatenate(group).astype(np.int64)


def sampled(size: int, most: int, seed: int) -> np.ndarray:
    """Ascending places, all of them or `most` drawn by chance."""
    if size <= most:
        return np.arange(size)
    return np.sort(np.random.default_rng(seed).choice(size, most, replace=False))


def matrix_of(result: Result, layer: Layer, seed: int, most: int = MOST_NEURONS) -> Matrix | None:
    """None where the file has nothing that it follows from."""
    order, group = in_order(layer)
    keep = sampled(len(order), most, seed)
    neurons, group = order[keep], group[keep]
    sample = "" if len(keep) == len(order) else (
        f"a sample of {len(keep):,} of {len(order):,} neurons")
    if result.has(f"{layer.path}/correlation"):
        values, origin = _stored(result, layer, neurons), ""
    elif result.has(f"activations/{layer.name}"):
        values, origin = _from_activations(result, layer, neurons, seed)
    elif layer.groups and all(one.loadings is not None for one in layer.groups):
        inside = group >= 0
        neurons, group = neurons[inside], group[inside]
        values, origin = _one_factor(result, layer, neurons, group)
    else:
        return None
    values[group == -2, :] = np.nan
    values[:, group == -2] = np.nan
    return Matrix(neurons, group, values, "; ".join(text for text in (sample, origin) if text))


def _stored(result: Result, layer: Layer, neurons: np.ndarray) -> np.ndarray:
    stored = result.dataset(f"{layer.path}/correlation")
    if stored.shape != (layer.neurons, layer.neurons):
        raise damaged(result.path, f"/{layer.path}/correlation has shape {stored.shape}")
    ascending = np.sort(neurons)
    back = np.searchsorted(ascending, neurons)
    values = np.empty((len(neurons), len(neurons)), np.float32)
    step = max(1, (8 << 20) // max(1, layer.neurons))
    for begin in range(0, len(ascending), step):  # a slice of whole rows at a time
        rows = rows_at(stored, ascending[begin:begin + step])
        values[begin:begin + step] = rows[:, neurons]
    return values[back]


def _from_activations(result: Result, layer: Layer, neurons: np.ndarray, seed: int
                      ) -> tuple[np.ndarray, str]:
    stored = result.rows_of(f"activations/{layer.name}", 2, result.size)
    if stored.shape[1] != layer.neurons:
        raise damaged(result.path, f"/activations/{layer.name} has shape {stored.shape}")
    rows = sampled(result.size, max(16, MOST_VALUES // layer.neurons), seed)
    x = rows_at(stored, rows)[:, neurons].astype(np.float32)
    x = x[np.isfinite(x).all(1)]
    x -= x.mean(0, keepdims=True)
    scale = np.sqrt(np.einsum("ij,ij->j", x, x, dtype=np.float64))
    x /= np.where(scale > 0, scale, 1).astype(np.float32)
    told = "" if len(rows) == result.size else f" of a sample of {len(rows):,} of {result.size:,}"
    return np.clip(x.T @ x, -1, 1), f"from kept activations{told}"


def _one_factor(result: Result, layer: Layer, neurons: np.ndarray, group: np.ndarray
                ) -> tuple[np.ndarray, str]:
    """r of two neurons in a group: what its first component explains of it; between groups, if each
    group's activity is there: the same through the correlation of those."""
    weight = np.zeros(len(neurons))
    for place, one in enumerate(layer.groups):
        own = group == place
        by_neuron = dict(zip(one.members.tolist(), one.loadings.tolist(), strict=True))
        first = one.figures["variance_explained"] * one.size
        scale = np.sqrt(first) if np.isfinite(first) else np.sqrt(one.size)
        weight[own] = [scale * by_neuron[int(n)] for n in neurons[own]]
    weight = np.clip(weight, -1, 1)
    between = np.eye(len(layer.groups))
    origin = "estimated from the groups' loadings: nothing is known between groups"
    if result.has(f"{layer.path}/group_center"):
        between = center_correlation(result, layer)
        origin = "estimated from the groups' loadings and activity"
    values = (weight[:, None] * weight[None, :] * between[np.ix_(group, group)]).astype(np.float32)
    np.fill_diagonal(values, 1)
    return values, origin


def centers(result: Result, layer: Layer):
    """The dataset group_center (N, G)."""
    found = result.rows_of(f"{layer.path}/group_center", 2, result.size)
    if found.shape[1] != len(layer.groups):
        raise damaged(result.path, f"/{layer.path}/group_center has shape {found.shape}")
    return found


def center_correlation(result: Result, layer: Layer, most: int = 65536) -> np.ndarray:
    """Of the groups' activities, over all samples or a fixed selection of `most`."""
    stored = centers(result, layer)
    x = rows_at(stored, sampled(result.size, most, 0)).astype(np.float64)
    x = x[np.isfinite(x).all(1)]
    x -= x.mean(0, keepdims=True) if len(x) else 0
    scale = np.sqrt((x**2).sum(0))
    x /= np.where(scale > 0, scale, 1)
    r = np.clip(x.T @ x, -1, 1)
    np.fill_diagonal(r, 1)
    return r


def reduced(matrix: Matrix, cells: int) -> Matrix:
    """The same with at most `cells` rows of values, each the mean of its neighbours."""
    size = len(matrix.values)  # these may be means already
    if size <= cells:
        return matrix
    edges = np.linspace(0, size, cells + 1).astype(np.int64)
    known = np.isfinite(matrix.values)
    total = np.where(known, matrix.values, 0).astype(np.float32)
    count = known.astype(np.float32)
    for axis in (0, 1):
        total = np.add.reduceat(total, edges[:-1], axis=axis)
        count = np.add.reduceat(count, edges[:-1], axis=axis)
    values = np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
    return Matrix(matrix.neurons, matrix.group, values, matrix.origin)
