"""The samples that drive a group: those of its largest activity, by size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .layers import Layer
from .matrix import centers, sampled
from .read import Result, rows_at, slices
from .samples import Samples


@dataclass(frozen=True)
class Drivers:
    """Rows of the file, strongest first (among equals the lower row), with what drove them there:
    the group's activity, or the strength of an event."""

    rows: np.ndarray
    values: np.ndarray
    by: str  # "activity" or "event"


def from_centers(result: Result, layer: Layer, most: int) -> list[Drivers]:
    """Of each group, the samples of the largest |group_center| of all samples."""
    stored = centers(result, layer)
    count = len(layer.groups)
    best_rows = np.empty((0, count), np.int64)
    best = np.empty((0, count), np.float32)
    for part in slices(stored):
        values = stored[part]
        rows = np.broadcast_to(np.arange(part.start, part.stop)[:, None], values.shape)
        values = np.concatenate([best, values])
        rows = np.concatenate([best_rows, rows])
        size = np.where(np.isfinite(values), np.abs(values), -1)
        top = _largest(size, most)
        best, best_rows = np.take_along_axis(values, top, 0), np.take_along_axis(rows, top, 0)
    return [Drivers(best_rows[ok, g], best[ok, g], "activity")
            for g, ok in enumerate(np.isfinite(best).T)]


def _largest(size: np.ndarray, most: int) -> np.ndarray:
    """(at most `most`, columns): places of the largest in each column; among equals the first."""
    columns = []
    for column in size.T:
        places = np.arange(len(column))
        if len(column) > most:
            least = np.partition(column, len(column) - most)[len(column) - most]
            above = places[column > least]
            places = np.concatenate([above, places[column == least][:most - len(above)]])
            places.sort()
        columns.append(places[np.argsort(-column[places], kind="stable")])
    return np.stack(columns, 1) if columns else np.empty((0, 0), np.int64)


def from_events(result: Result, most: int) -> dict[int, Drivers]:
    """By group id, the strongest events that were kept; they lie strongest first in each layer."""
    stored = {key: result.dataset(f"events/{key}") for key in ("group", "sample", "strength")}
    order = np.argsort(result.ids[()], kind="stable")
    ids = result.ids[()][order]
    found: dict[int, list[tuple[int, float]]] = {}
    step = 1 << 20
    for begin in range(0, stored["group"].shape[0], step):
        group = stored["group"][begin:begin + step]
        sample = stored["sample"][begin:begin + step]
        strength = stored["strength"][begin:begin + step]
        for one in np.unique(group):
            have = found.setdefault(int(one), [])
            for place in np.flatnonzero(group == one)[:max(0, most - len(have))]:
                at = np.searchsorted(ids, sample[place])
                if at < len(ids) and ids[at] == sample[place]:
                    have.append((int(order[at]), float(strength[place])))
    return {one: Drivers(np.array([row for row, _ in pairs], np.int64),
                         np.array([value for _, value in pairs], np.float32), "event")
            for one, pairs in found.items()}


@dataclass(frozen=True)
class Activity:
    """Mean entropy in ten parts of the samples, from the least active to the most."""

    entropy: np.ndarray  # (G, 10)
    samples: int  # that were looked at


PARTS = 10


def entropy_by_activity(result: Result, layer: Layer, samples: Samples, most: int, seed: int
                        ) -> Activity | None:
    """None if nothing is known of entropy, or for fewer samples than parts."""
    if samples.entropy is None:
        return None
    rows = np.flatnonzero(samples.good)
    rows = rows[sampled(len(rows), most, seed)]
    values = rows_at(centers(result, layer), rows)
    fine = np.isfinite(values).all(1)
    values, entropy = values[fine], samples.entropy[rows[fine]].astype(np.float64)
    if len(values) < PARTS:
        return None
    parts = np.array_split(np.arange(len(values)), PARTS)
    means = []
    for column in values.T:
        by_activity = entropy[np.argsort(column, kind="stable")]
        means.append([by_activity[part].mean() for part in parts])
    return Activity(np.array(means), len(values))


