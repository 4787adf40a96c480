"""Neurons as points: near each other when they fire together, whatever the sign."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .matrix import Matrix, sampled

LEAST_FOR_TSNE = 6
MOST_POINTS = 1500


@dataclass(frozen=True)
class Embedding:
    neurons: np.ndarray
    group: np.ndarray
    pca: np.ndarray  # (m, 2)
    explained: tuple[float, float]  # shares of the kernel's variance
    tsne: np.ndarray | None  # (m, 2); None: too few neurons


def embed(matrix: Matrix, seed: int, most: int = MOST_POINTS) -> Embedding | None:
    """PCA and t-SNE of the living neurons, or of `most` of them; None for fewer than 3."""
    alive = np.flatnonzero(matrix.group != -2)
    if len(alive) < 3:
        return None
    alive = alive[sampled(len(alive), most, seed)]
    kernel = matrix.values[np.ix_(alive, alive)].astype(np.float64) ** 2
    points, explained = kernel_pca(kernel)
    plane = tsne(kernel, points, seed) if len(alive) >= LEAST_FOR_TSNE else None
    return Embedding(matrix.neurons[alive], matrix.group[alive], points, explained, plane)


def kernel_pca(kernel: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """The first two components of the centred kernel; the largest entry of each is positive."""
    mean = kernel.mean(0)
    centred = kernel - mean[None, :] - mean[:, None] + mean.mean()
    if len(centred) > 400:
        from scipy.sparse.linalg import eigsh
        start = np.cos(np.arange(len(centred)))  # any fixed one: the result is the same each time
        values, vectors = eigsh(centred, k=2, v0=start)
    else:
        values, vectors = np.linalg.eigh(centred)
    top = np.argsort(-values, kind="stable")[:2]
    values, vectors = np.maximum(values[top], 0), vectors[:, top]
    signs = np.sign(vectors[np.abs(vectors).argmax(0), [0, 1]])
    total = max(float(np.trace(centred)), 1e-300)
    points = vectors * np.sqrt(values) * np.where(signs == 0, 1, signs)
    return points, (float(values[0]) / total, float(values[1]) / total)


def tsne(kernel: np.ndarray, start: np.ndarray, seed: int) -> np.ndarray:
    """Of the distances sqrt(2 - 2 r^2), from the principal components; one thread, since the order
    of sums shows in the last digits."""
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    distance = np.sqrt(np.maximum(0, 2 - 2 * kernel))
    np.fill_diagonal(distance, 0)
    spread = start[:, 0].std()
    begin = (start / (spread if spread > 0 else 1) * 1e-4).astype(np.float32)
    if not spread > 0:  # all neurons alike
        begin = np.random.default_rng(seed).normal(0, 1e-4, start.shape).astype(np.float32)
    perplexity = min(30.0, (len(kernel) - 1) / 3)
    model = TSNE(metric="precomputed", init=begin, perplexity=perplexity, random_state=seed,
                 max_iter=750, learning_rate="auto")
    with threadpool_limits(1):
        return model.fit_transform(distance).astype(np.float64)
