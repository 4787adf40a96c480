"""A million samples: memory does not grow with their number, and the export streams."""

import re
import subprocess
import sys

import h5py
import numpy as np
import pytest
import torch
from torch import nn

import models

FEATURES = 16


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scale")
    models.save(models.Linear(FEATURES, 10), folder / "m.pt")
    for samples in (100_000, 1_000_000):
        models.data(folder / f"x{samples}.npy", (samples, FEATURES))
    return folder


def test_memory_is_constant_in_the_number_of_samples(run, folder, capsys):
    peaks = {}
    for samples in (100_000, 1_000_000):
        out = folder / f"r{samples}.h5"
        job = run("fod-generate", "--model", folder / "m.pt", "--data", folder / f"x{samples}.npy",
                  "--out", out, "--threads", 1, ranks=2, timeout=600)
        assert job.returncode == 0, job.stderr
        assert "peak anonymous memory" in job.stdout
        with h5py.File(out) as file:
            assert file["distributions"].shape == (samples, 10)
            peaks[samples] = int(file["provenance"].attrs["peak_anonymous_bytes"])
    with capsys.disabled():
        print(f"\npeak anonymous bytes per rank: {peaks}")
    assert peaks[1_000_000] <= 1.05 * peaks[100_000]


class Wide(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Linear(FEATURES, 4096)
        self.head = nn.Linear(4096, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.wide(x)))


def test_memory_of_groups_is_constant_in_the_number_of_samples(run, folder, tmp_path, capsys):
    models.save(Wide(), tmp_path / "wide.pt")
    peaks = {}
    for samples in (20_000, 200_000):
        out = tmp_path / f"r{samples}.h5"
        job = run("fod-generate", "--model", tmp_path / "wide.pt", "--data",
                  folder / "x1000000.npy", "--max-samples", samples, "--layers", "wide",
                  "--out", out, "--threads", 1, ranks=2, timeout=600)
        assert job.returncode == 0, job.stderr
        with h5py.File(out) as file:
            assert file["groups/wide"].attrs["samples"] == samples
            peaks[samples] = int(file["provenance"].attrs["peak_anonymous_bytes"])
    with capsys.disabled():
        print(f"\npeak anonymous bytes per rank, 4,096 neurons: {peaks}")
    assert peaks[200_000] <= 1.05 * peaks[20_000]


def test_rows_at_scale_agree_with_torch(folder):
    picks = np.random.default_rng(0).choice(1_000_000, 1000, replace=False)
    picks.sort()
    x = np.load(folder / "x1000000.npy", mmap_mode="r")[picks]
    expected = models.softmax(models.forward(folder / "m.pt", x).numpy())
    with h5py.File(folder / "r1000000.h5") as file:
        np.testing.assert_allclose(file["distributions"][picks], expected, rtol=0, atol=1e-6)
        np.testing.assert_array_equal(file["sample_ids"][picks], picks)


def test_export_streams_in_little_memory(build, folder, capsys):
    """Peak resident memory of the export alone, as the kernel counted it."""
    out = folder / "r.json"
    code = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
    done = subprocess.run([sys.executable, "-c", code, build / "fod", "export",
                           folder / "r1000000.h5", out],
                          capture_output=True, text=True, timeout=300, check=True)
    peak = int(done.stdout.split()[-1]) * 1024
    with capsys.disabled():
        print(f"\nexport of {out.stat().st_size:,} bytes of JSON: {peak:,} bytes resident at most")
    assert peak < 256e6
    with open(out, "rb") as file:
        file.seek(-1000, 2)
        assert re.search(rb'"999999": \[[^\]]*\]\}\}$', file.read())
