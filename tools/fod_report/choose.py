"""Which samples the dashboard's table has: all, or a selection that says what it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .samples import Samples

MOST_ROWS = 20_000
MOST_UNCERTAIN = 2_000


@dataclass(frozen=True)
class Chosen:
    rows: np.ndarray  # ascending rows of the file
    note: str  # empty if these are all


def choose(samples: Samples, wanted: list[np.ndarray], seed: int, most: int = MOST_ROWS) -> Chosen:
    """All samples up to `most`; else the wanted ones, the most uncertain, and others by chance."""
    size = len(samples.ids)
    if size <= most:
        return Chosen(np.arange(size), "")
    kept = np.zeros(size, bool)
    for rows in wanted:
        kept[rows] = True
    some = min(MOST_UNCERTAIN, most // 5)
    said = []
    figures = {"entropy": samples.entropy, "epistemic": samples.more.get("epistemic")}
    for name, values in figures.items():
        if values is not None:
            kept[largest(values, samples.good, some)] = True
            said.append(f"the {some:,} of highest {name}")
    if samples.correct is not None and samples.confidence is not None:
        wrong = samples.judged & ~samples.correct
        kept[largest(samples.confidence, wrong, some)] = True
        said.append(f"up to {some:,} of the most confident errors")
    if any(len(rows) for rows in wanted):
        said.append("those that drive the groups")
    others = np.flatnonzero(~kept)
    missing = max(0, most - int(kept.sum()))
    drawn = np.random.default_rng(seed).choice(others, min(missing, len(others)), replace=False)
    kept[drawn] = True
    rows = np.flatnonzero(kept)
    said.append(f"{len(drawn):,} drawn by chance (seed {seed})")
    return Chosen(rows, f"A selection of {len(rows):,} of {size:,} samples: " + ", ".join(said)
                  + ".")


def largest(values: np.ndarray, allowed: np.ndarray, most: int) -> np.ndarray:
    """Rows of the largest values among the allowed ones, the largest first; ties by row."""
    rows = np.flatnonzero(allowed & np.isfinite(values))
    if len(rows) > most:
        least = np.partition(values[rows], len(rows) - most)[len(rows) - most]
        above = rows[values[rows] > least]
        rows = np.concatenate([above, rows[values[rows] == least][:most - len(above)]])
        rows.sort()
    return rows[np.argsort(-values[rows].astype(np.float64), kind="stable")]
