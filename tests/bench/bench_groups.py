#!/usr/bin/env python3
"""How long groups take, against fastcluster (average linkage) and scikit-learn's k-means (on an
exact factor of the same kernel), all on one thread, taken in turns; the least time of each counts.
Exit 1 if a ratio or a result is not what is asked for: linkage at least as fast, with the same
heights and clusters; k-means at least 3 times as fast, at equal or lower inertia.

    FOD_BUILD=build/release python tests/bench/bench_groups.py [--rounds 5] [--sizes 4096,8192]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Callable

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = os.environ.get("FOD_BENCH_THREADS", "1")

import fastcluster  # noqa: E402
import numpy as np  # noqa: E402
from scipy.cluster.hierarchy import fcluster  # noqa: E402
from scipy.spatial.distance import squareform  # noqa: E402
from sklearn.cluster import KMeans  # noqa: E402
from sklearn.metrics import adjusted_rand_score  # noqa: E402


def symmetric(r: np.ndarray) -> np.ndarray:
    r = np.clip((r + r.T) / 2, -1, 1)
    np.fill_diagonal(r, 1)
    return r


def factors(n: int) -> np.ndarray:
    """Neurons that share some n / 20 factors, each with a loading of its own."""
    generator = np.random.default_rng(n)
    common = generator.standard_normal((n // 20, 2000))
    data = common[generator.integers(0, len(common), n)] * generator.uniform(0, 1.5, (n, 1))
    return symmetric(np.corrcoef(data + generator.standard_normal((n, 2000))))


def noise(n: int) -> np.ndarray:
    """Nothing in common at all: the longest chains of neighbours."""
    return symmetric(np.corrcoef(np.random.default_rng(n).standard_normal((n, 400))))


class Ours:
    """The program that holds a matrix and times what it is told to do with it."""

    def __init__(self, r: np.ndarray, folder: Path) -> None:
        self.out = folder / "out.bin"
        r.tofile(folder / "r.bin")
        program = Path(os.environ.get("FOD_BUILD", "build/release")) / "tests" / "fod_bench_groups"
        self.process = subprocess.Popen([str(program), str(folder / "r.bin"), str(len(r))],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, line: str) -> list[float]:
        assert self.process.stdin and self.process.stdout
        print(line, self.out, file=self.process.stdin, flush=True)
        return [float(word) for word in self.process.stdout.readline().split()]

    def close(self) -> None:
        self.process.communicate()


def timed(call: Callable[[], object]) -> tuple[float, object]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def linkage(name: str, r: np.ndarray, folder: Path, rounds: int) -> bool:
    ours = Ours(r, folder)
    distances = squareform(1 - np.abs(r), checks=False)
    mine, theirs = [], []
    for _ in range(rounds):
        mine.append(ours("average")[0])
        seconds, expected = timed(lambda: fastcluster.linkage(distances, "average"))
        theirs.append(seconds)
    ours.close()
    found = np.fromfile(ours.out).reshape(-1, 4)
    heights = float(np.abs(found[:, 2] / expected[:, 2] - 1).max())
    rand = min(adjusted_rand_score(fcluster(found, count, "maxclust"),
                                   fcluster(expected, count, "maxclust"))
               for count in (2, len(r) // 20, len(r) // 3))
    ratio = min(theirs) / min(mine)
    print(f"average linkage, {name}, n = {len(r)}: fod {min(mine):.3f} s, fastcluster "
          f"{min(theirs):.3f} s, {ratio:.2f} times as fast; heights differ by {heights:.1e}, "
          f"adjusted Rand index {rand}", flush=True)
    return ratio >= 1 and heights <= 1e-12 and rand == 1


def kmeans(r: np.ndarray, clusters: int, folder: Path, rounds: int) -> bool:
    ours = Ours(r, folder)
    values, vectors = np.linalg.eigh(r * r)
    kept = values > 1e-13 * values[-1]
    factor = np.ascontiguousarray(vectors[:, kept] * np.sqrt(values[kept]))
    assert np.abs(factor @ factor.T - r * r).max() < 1e-12
    restarts = 10
    mine, theirs, inertias = [], [], []
    for seed in range(rounds):
        seconds, inertia = ours(f"kmeans {clusters} {restarts} {seed}")
        labels = np.fromfile(ours.out, np.int32)
        again = sum(((part - part.mean(0)) ** 2).sum()
                    for part in (factor[labels == label] for label in range(clusters)))
        assert abs(again / inertia - 1) < 1e-10, (again, inertia)
        mine.append(seconds)
        best = np.inf
        for algorithm in ("lloyd", "elkan"):
            peer = KMeans(clusters, n_init=restarts, random_state=seed, algorithm=algorithm)
            seconds, result = timed(lambda: peer.fit(factor))
            theirs.append(seconds)
            best = min(best, result.inertia_)
        inertias.append((inertia, best))
    ours.close()
    ratio = min(theirs) / min(mine)
    worst = max(inertia / best for inertia, best in inertias)
    print(f"k-means, n = {len(r)}, K = {clusters}, {restarts} restarts: fod {min(mine):.3f} s, "
          f"scikit-learn {min(theirs):.3f} s, {ratio:.1f} times as fast; inertia at most "
          f"{worst:.6f} times scikit-learn's", flush=True)
    return ratio >= 3 and worst <= 1 + 1e-12


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="the least of so many counts")
    parser.add_argument("--sizes", default="4096,8192", help="n of average linkage")
    parser.add_argument("--kmeans-size", type=int, default=2048, help="n of k-means")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")  # scikit-learn's, on convergence
    good = True
    with tempfile.TemporaryDirectory() as name:
        for n in map(int, arguments.sizes.split(",")):
            for matrix in (factors, noise):
                good &= linkage(matrix.__name__, matrix(n), Path(name), arguments.rounds)
        for clusters in (10, 64):
            good &= kmeans(factors(arguments.kmeans_size), clusters, Path(name), arguments.rounds)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
