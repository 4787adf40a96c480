"""The groups of each layer, as the file has them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np

from .problem import damaged
from .read import Result

FIGURES = ("cohesion", "cohesion_signed", "stability", "variance_explained", "mean_activation",
           "corr_entropy", "corr_confidence", "corr_error")


@dataclass(frozen=True)
class Group:
    """One group of neurons; `column` is its place in the layer's group_center."""

    id: int
    column: int
    members: np.ndarray
    loadings: np.ndarray | None
    skill: str
    class_mean: np.ndarray | None
    figures: dict[str, float]  # of FIGURES; NaN where the file has none

    @property
    def size(self) -> int:
        return len(self.members)


@dataclass(frozen=True)
class Layer:
    name: str
    slug: str  # of its file names and anchors
    neurons: int
    samples: int
    groups: list[Group]
    ungrouped: np.ndarray
    dead: np.ndarray
    attributes: dict[str, Any] = field(repr=False)

    @property
    def path(self) -> str:
        return f"groups/{self.name}"

    @property
    def method(self) -> str:
        """How its groups were found, in words."""
        name = str(self.attributes.get("method", "")).replace("_", " ")
        threshold = float(self.attributes.get("threshold", np.nan))
        return f"{name}, |r| ≥ {threshold:.2f}" if np.isfinite(threshold) else name

    @property
    def stability(self) -> float:
        return float(self.attributes.get("stability", np.nan))


def read_layers(result: Result) -> list[Layer]:
    """In the order of the job."""
    if not result.has("groups"):
        return []
    names: list[str] = []

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Group) and "offsets" in item:
            names.append(name)

    result.file["groups"].visititems(visit)
    names.sort(key=lambda name: int(result.file[f"groups/{name}"].attrs.get("index", 0)))
    slugs = slugs_of(names)
    return [_layer(result, name, slug) for name, slug in zip(names, slugs, strict=True)]


def slugs_of(names: list[str]) -> list[str]:
    """Safe in file names and anchors, short, and different from each other."""
    taken: set[str] = set()
    slugs = []
    for name in names:
        base = re.sub(r"[^A-Za-z0-9_-]+", "_", name)
        if len(base) > 96:
            base = f"{base[:60]}__{base[-32:]}"
        slug, number = base, 1
        while slug.lower() in taken:
            number += 1
            slug = f"{base}-{number}"
        taken.add(slug.lower())
        slugs.append(slug)
    return slugs


def short_names(names: list[str], most: int) -> list[str]:
    """Names of at most `most` characters that tell what is different in them: of the parts between
    dots that all names begin or end with, only so many as there is room for."""
    parts = [name.split(".") for name in names]
    least = min(map(len, parts), default=1)
    head = tail = 0
    if len(set(names)) > 1:
        while head < least - 1 and len({one[head] for one in parts}) == 1:
            head += 1
        while tail < least - 1 - head and len({one[-1 - tail] for one in parts}) == 1:
            tail += 1
    found = []
    for name, one in zip(names, parts, strict=True):
        begin, end = head, len(one) - tail
        while begin > 0 or end < len(one):
            wider = [(begin, end + 1)] if end < len(one) else []
            wider += [(begin - 1, end)] if begin > 0 else []
            fit = [(a, b) for a, b in wider if len(_cut(one, a, b)) <= most]
            if not fit:
                break
            begin, end = fit[-1]  # what comes before tells more
        found.append(shortened(_cut(one, begin, end), most))
    return found


def _cut(parts: list[str], begin: int, end: int) -> str:
    return ("…" if begin else "") + ".".join(parts[begin:end]) + ("…" if end < len(parts) else "")


def shortened(text: str, most: int) -> str:
    """With the middle left out."""
    if len(text) <= most:
        return text
    head = (most - 1) // 2
    return f"{text[:head]}…{text[len(text) - (most - 1 - head):]}"


def _layer(result: Result, name: str, slug: str) -> Layer:
    source = result.file[f"groups/{name}"]

    def values(key: str) -> np.ndarray | None:
        path = f"groups/{name}/{key}"
        return result.dataset(path)[()] if result.has(path) else None

    offsets, members = values("offsets"), values("members")
    means = values("neuron_mean")
    if offsets is None or members is None or means is None:
        raise damaged(result.path, f"/groups/{name} lacks offsets, members or neuron_mean")
    neurons = len(means)
    fits = (len(offsets) >= 1 and offsets[0] == 0 and offsets[-1] == len(members)
            and (np.diff(offsets) > 0).all())
    if not fits or (len(members) and (members.min() < 0 or members.max() >= neurons)):
        raise damaged(result.path, f"the groups of layer {name} do not fit its {neurons} neurons")
    count = len(offsets) - 1
    columns = {key: values(key) for key in (*FIGURES, "group_id", "class_mean")}
    for key, column in columns.items():
        if column is not None and len(column) != count:
            raise damaged(result.path, f"/groups/{name}/{key} has {len(column)} entries for "
                          f"{count} groups")
    loadings = values("loadings")
    if loadings is not None and len(loadings) != len(members):
        raise damaged(result.path, f"/groups/{name}/loadings does not fit its members")
    skills = result.texts(f"groups/{name}/skill_category") or [""] * count
    groups = []
    for g in range(count):
        own = slice(int(offsets[g]), int(offsets[g + 1]))
        groups.append(Group(
            g if columns["group_id"] is None else int(columns["group_id"][g]), g, members[own],
            None if loadings is None else loadings[own], skills[g],
            None if columns["class_mean"] is None else columns["class_mean"][g],
            {key: np.nan if columns[key] is None else float(columns[key][g]) for key in FIGURES}))
    grouped = np.zeros(neurons, bool)
    grouped[members] = True
    dead = values("dead")
    dead = np.empty(0, np.int64) if dead is None else dead
    ungrouped = values("ungrouped")
    if ungrouped is None:
        ungrouped = np.setdiff1d(np.flatnonzero(~grouped), dead)
    attributes = dict(source.attrs)
    return Layer(name, slug, neurons, int(attributes.get("samples", result.size)), groups,
                 ungrouped, dead, attributes)
