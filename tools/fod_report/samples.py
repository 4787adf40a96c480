"""The columns of all samples, from /uncertainty or, where that is missing, from the rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .problem import damaged
from .read import Result, slices

OPTIONAL = ("aleatoric", "epistemic", "disagreement")


@dataclass(frozen=True)
class Samples:
    """One entry per sample; float32, NaN where a row is not good. `label` is -1 where unknown."""

    ids: np.ndarray
    good: np.ndarray
    prediction: np.ndarray | None
    confidence: np.ndarray | None
    entropy: np.ndarray | None
    more: dict[str, np.ndarray]  # of OPTIONAL, what the file has
    label: np.ndarray | None
    recomputed: bool

    @property
    def correct(self) -> np.ndarray | None:
        """Whether the prediction is the label, for the samples of `judged`."""
        if self.label is None or self.prediction is None:
            return None
        return self.prediction == self.label

    @property
    def judged(self) -> np.ndarray:
        """Good samples whose label is known."""
        return self.good if self.label is None else self.good & (self.label >= 0)


def read_samples(result: Result) -> Samples:
    ids = result.ids[()]
    status = result.column("row_status")
    good = np.ones(result.size, bool) if status is None else status == 0
    names = ("entropy", "confidence", "prediction")
    found = {name: result.column(f"uncertainty/{name}") for name in names}
    missing = result.classes > 0 and any(value is None for value in found.values())
    if missing:
        found = dict(zip(names, _from_rows(result), strict=True))
    if found["entropy"] is not None:
        good &= np.isfinite(found["entropy"])
    more = {name: result.column(f"uncertainty/{name}") for name in OPTIONAL}
    return Samples(ids, good, found["prediction"], found["confidence"], found["entropy"],
                   {name: value for name, value in more.items() if value is not None},
                   _labels(result), missing)


def _from_rows(result: Result) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Entropy in nats, largest probability and its class (the lowest among equals)."""
    rows = result.dataset("distributions")
    entropy = np.empty(result.size, np.float32)
    confidence = np.empty(result.size, np.float32)
    prediction = np.empty(result.size, np.int32)
    for part in slices(rows):
        p = rows[part].astype(np.float64)
        bad = ~np.isfinite(p).all(1)
        logs = np.log(p, out=np.zeros_like(p), where=p > 0)
        entropy[part] = np.where(bad, np.nan, -(p * logs).sum(1))
        prediction[part] = np.where(np.isnan(p), -np.inf, p).argmax(1)
        confidence[part] = p[np.arange(len(p)), prediction[part]]
    return entropy, confidence, prediction


def _labels(result: Result) -> np.ndarray | None:
    """Class indices; of counts per class the one with the most votes."""
    if not result.has("labels"):
        return None
    labels = result.dataset("labels")
    if labels.shape[:1] != (result.size,) or labels.ndim > 2:
        raise damaged(result.path, f"/labels has shape {labels.shape}")
    if labels.ndim == 1:
        return labels[()].astype(np.int64)
    out = np.empty(result.size, np.int64)
    for part in slices(labels):
        votes = labels[part]
        out[part] = np.where(votes.max(1, initial=0) > 0, votes.argmax(1), -1)
    return out
