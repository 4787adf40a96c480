"""What /events/summary counts: of all events, not of the strongest that were kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .problem import damaged
from .read import Result

NO_CATEGORY = "no category"


@dataclass(frozen=True)
class LayerEvents:
    name: str
    events: int
    by_category: np.ndarray  # (categories + 1): the last without one
    category_samples: np.ndarray
    by_span: np.ndarray  # (spans)
    category_by_span: np.ndarray  # (categories + 1, spans)
    mean_strength: float
    mean_loss: float


@dataclass(frozen=True)
class GroupEvents:
    events: int
    by_category: np.ndarray
    by_span: np.ndarray
    mean_strength: float
    corr_loss: float
    loss_active: float
    loss_inactive: float


@dataclass(frozen=True)
class Events:
    total: int
    kept: int
    begin: int  # samples over which events were looked for
    end: int
    categories: list[str]  # with NO_CATEGORY at the end
    layers: list[LayerEvents]
    groups: dict[int, GroupEvents]

    @property
    def mean_strength(self) -> float:
        """Over all events; NaN without any."""
        counts = np.array([layer.events for layer in self.layers], float)
        means = np.array([layer.mean_strength for layer in self.layers])
        some = counts > 0
        return float(np.average(means[some], weights=counts[some])) if some.any() else np.nan

    @property
    def by_category(self) -> dict[str, int]:
        """Events per category; those without one only if there are some."""
        total = sum((layer.by_category for layer in self.layers),
                    np.zeros(len(self.categories), np.int64))
        told = dict(zip(self.categories, total.tolist(), strict=True))
        if not told[NO_CATEGORY]:
            del told[NO_CATEGORY]
        return told


def read_events(result: Result) -> Events | None:
    if not result.has("events/summary"):
        return None
    source = result.file["events"]
    categories = [*result.texts("events/categories"), NO_CATEGORY]
    names = result.texts("events/layers")
    layer, group = (_columns(result, f"events/summary/{key}") for key in ("layer", "group"))
    try:
        spans = int(source["summary"].attrs["spans"])
        over = (len(categories), spans)
        layers = [LayerEvents(name, int(layer["events"][i]), layer["by_category"][i],
                              layer["category_samples"][i], layer["by_span"][i],
                              layer["category_by_span"][i].reshape(over),
                              float(layer["mean_strength"][i]), float(layer["mean_loss"][i]))
                  for i, name in enumerate(names)]
        groups = {int(group["group_id"][i]): GroupEvents(
            int(group["events"][i]), group["by_category"][i], group["by_span"][i],
            *(float(group[key][i]) for key in ("mean_strength", "corr_loss", "loss_active",
                                               "loss_inactive")))
            for i in range(len(group["group_id"]))}
        begin, end = (int(source["summary"].attrs[f"sample_{key}"]) for key in ("begin", "end"))
        return Events(int(source.attrs["total"]), int(source.attrs["kept"]), begin, end,
                      categories, layers, groups)
    except (KeyError, IndexError, ValueError) as error:
        raise damaged(result.path, f"/events/summary does not fit: {error}") from None


def _columns(result: Result, path: str) -> dict[str, np.ndarray]:
    return {key: result.dataset(f"{path}/{key}")[()] for key in result.file[path]}
