"""Average and Ward linkage against scipy's: the same Z, to the last bit where scipy's own sums are
taken in the same order, with ties and without."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

BUILD = Path(os.environ.get("FOD_BUILD", "build/release"))


def ours(method: str, r: np.ndarray, folder: Path) -> np.ndarray:
    np.ascontiguousarray(r).tofile(folder / "r.bin")
    subprocess.run([str(BUILD / "tests" / "fod_bench_groups"), str(folder / "r.bin"), str(len(r))],
                   input=f"{method} {folder / 'z.bin'}\n", text=True, check=True,
                   stdout=subprocess.DEVNULL)
    return np.fromfile(folder / "z.bin").reshape(-1, 4)


def smooth(n: int, generator: np.random.Generator) -> np.ndarray:
    factors = generator.normal(size=(n // 20 + 1, 200))
    data = (factors[generator.integers(0, len(factors), n)] * generator.uniform(-1, 1, (n, 1))
            + generator.normal(size=(n, 200)))
    r = np.corrcoef(data)
    r = np.clip((r + r.T) / 2, -1, 1)
    np.fill_diagonal(r, 1)
    return r


def tied(n: int, generator: np.random.Generator) -> np.ndarray:
    r = np.triu(np.round(generator.uniform(-1, 1, (n, n)) * 8) / 8, 1)
    return r + r.T + np.eye(n)


@pytest.mark.parametrize("matrix", [smooth, tied])
@pytest.mark.parametrize("n", [2, 3, 5, 64, 300, 1000])
def test_average_linkage_is_scipys_to_the_last_bit(matrix, n: int, tmp_path: Path) -> None:
    r = matrix(n, np.random.default_rng(n))
    expected = linkage(squareform(1 - np.abs(r), checks=False), "average")
    assert np.array_equal(ours("average", r, tmp_path), expected)


@pytest.mark.parametrize("n", [2, 3, 64, 300])
def test_ward_linkage_is_scipys(n: int, tmp_path: Path) -> None:
    r = smooth(n, np.random.default_rng(n))
    expected = linkage(r * r, "ward")
    found = ours("ward", r, tmp_path)
    assert np.array_equal(found[:, [0, 1, 3]], expected[:, [0, 1, 3]])
    np.testing.assert_allclose(found[:, 2], expected[:, 2], rtol=1e-12)
