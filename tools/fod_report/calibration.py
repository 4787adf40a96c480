"""Reliability: does a confidence of 0.8 mean that 8 of 10 are right?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 15


@dataclass(frozen=True)
class Reliability:
    """Per bin of confidence: samples, their mean confidence, their accuracy (NaN if empty)."""

    edges: np.ndarray
    count: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    ece: float


def reliability(confidence: np.ndarray, correct: np.ndarray, bins: int = BINS) -> Reliability:
    """Bins of equal width, (a, b] as in `fod metrics` (Guo et al. 2017, "On Calibration of Modern
    Neural Networks", https://arxiv.org/abs/1706.04599): the expected calibration error is the mean
    over samples of |accuracy - mean confidence| of their bin; NaN without samples."""
    values = confidence.astype(np.float64)
    edges = np.arange(1, bins + 1) / bins
    bin_of = np.minimum(np.searchsorted(edges, values, side="left"), bins - 1)
    count = np.bincount(bin_of, minlength=bins)
    filled = np.maximum(count, 1)
    mean = np.where(count > 0, np.bincount(bin_of, values, bins) / filled, np.nan)
    right = np.where(count > 0, np.bincount(bin_of, correct.astype(float), bins) / filled, np.nan)
    error = np.nansum(np.abs(right - mean) * count) / len(values) if len(values) else np.nan
    return Reliability(np.linspace(0, 1, bins + 1), count, mean, right, float(error))
