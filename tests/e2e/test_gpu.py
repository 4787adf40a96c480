"""Jobs on a GPU against the same on the CPU: rows, groups, ensembles, precisions, resuming, compiled
packages. Several ranks share the one GPU where there is no other. Skipped without a GPU; all other
tests take the GPU by themselves where there is one."""

from __future__ import annotations

import os
import subprocess
import sys

import group_data
import h5py
import models
import numpy as np
import pytest
import torch
from conftest import ROOT, h5rows
from group_data import same
from merging import everything
from program import preloaded
from torch import Tensor, nn

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


class Network(nn.Module):
    """Convolutions and dropout, so that cuDNN and random numbers take part."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 64, 3, padding=1)
        self.drop = nn.Dropout(0.3)
        self.fc = nn.Linear(64 * 16, 96)
        self.head = nn.Linear(96, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.max_pool2d(torch.relu(self.conv2(torch.relu(self.conv1(x)))), 2)
        return self.head(self.drop(torch.relu(self.fc(x.flatten(1)))))


def seeded(seed: int = 0) -> Network:
    torch.manual_seed(seed)
    return Network()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpu")
    for name, seed in (("m.pt", 0), ("n.pt", 5)):
        torch.jit.script(seeded(seed).eval()).save(str(folder / name))
    random = np.random.default_rng(3)
    np.save(folder / "x.npy", random.standard_normal((5003, 1, 8, 8)).astype(np.float32))
    np.save(folder / "y.npy", random.integers(0, 10, 5003))
    return folder


def job(run, folder, out, *flags, device="cuda", ranks=1, model="m.pt", code=0, **settings):
    done = run("fod-generate", "--model", folder / model, "--data", folder / "x.npy", "--labels",
               folder / "y.npy", "--out", out, "--threads", 1, "--device", device, *flags,
               ranks=ranks, timeout=180, **settings)
    assert done.returncode == code, done.stderr
    return done


FLAGS = ["--layers", "conv*,fc", "--correlation-threshold", "0.3", "--group-patterns",
         "--keep-activations", "--keep-correlation", "--keep-logits"]


def test_any_number_of_ranks_gives_the_same_bytes_and_the_cpu_nearly(run, folder, tmp_path):
    job(run, folder, tmp_path / "cpu.h5", *FLAGS, device="cpu")
    first = None
    for ranks in (1, 2, 3):
        out = tmp_path / f"{ranks}.h5"
        done = job(run, folder, out, *FLAGS, ranks=ranks, device="auto")
        assert "cuda:0" in done.stdout
        assert run("fod", "verify", out, ranks=None).returncode == 0
        first = first or everything(out)
        same(first, everything(out))
    host = everything(tmp_path / "cpu.h5")
    assert host.keys() == first.keys()
    np.testing.assert_allclose(first["logits"], host["logits"], atol=2e-5)
    np.testing.assert_allclose(first["distributions"], host["distributions"], atol=1e-5)
    np.testing.assert_allclose(first["uncertainty/entropy"], host["uncertainty/entropy"],
                               atol=2e-5)
    for layer in ("conv1", "conv2", "fc"):
        np.testing.assert_allclose(first[f"groups/{layer}/correlation"],
                                   host[f"groups/{layer}/correlation"], atol=2e-5)
        np.testing.assert_array_equal(first[f"groups/{layer}/members"],
                                      host[f"groups/{layer}/members"])
        np.testing.assert_allclose(first[f"groups/{layer}/group_center"],
                                   host[f"groups/{layer}/group_center"], atol=1e-3)
        activations = first[f"activations/{layer}"].astype(np.float64)
        live = activations.std(0) > 1e-6
        expected = np.corrcoef(activations[:, live].T)
        got = first[f"groups/{layer}/correlation"][np.ix_(live, live)]
        np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize("method", ["kmeans", "hierarchical", "correlation_clustering"])
def test_groups_found_on_the_gpu_are_those_of_the_host(run, tmp_path, method):
    values, _ = group_data.planted()
    np.save(tmp_path / "x.npy", values)
    np.save(tmp_path / "y.npy", np.zeros(len(values), np.int64))
    models.save(group_data.Features(values.shape[1]), tmp_path / "m.pt")
    flags = ["--layers", "features", "--group-method", method]
    flags += ["--n-groups", 10] if method == "kmeans" else ["--correlation-threshold", 0.4]
    for device in ("cpu", "cuda"):
        job(run, tmp_path, tmp_path / f"{device}.h5", *flags, device=device)
    np.testing.assert_array_equal(group_data.labels_of(tmp_path / "cpu.h5", "features"),
                                  group_data.labels_of(tmp_path / "cuda.h5", "features"))


@pytest.mark.parametrize("flags", [
    ["--keep-members", "--mc-dropout", "3"],
    ["--keep-members", "--weights", "2,1", "--model", "{}/n.pt"],
    ["--transform", "temperature=1.7", "--transform", "smooth=0.05", "--transform", "topk=4"],
], ids=["dropout", "ensemble", "transforms"])
def test_members_and_transforms(run, folder, tmp_path, flags):
    flags = [flag.format(folder) for flag in flags]
    for ranks in (1, 2):
        job(run, folder, tmp_path / f"{ranks}.h5", *flags, ranks=ranks)
    first = everything(tmp_path / "1.h5")
    same(first, everything(tmp_path / "2.h5"))
    np.testing.assert_allclose(first["distributions"].sum(1), 1, atol=1e-5)
    if "--mc-dropout" in flags:
        spread = first["members"].std(1).max(1)
        assert (spread > 1e-4).all()  # other random numbers in each pass
    else:
        job(run, folder, tmp_path / "cpu.h5", *flags, device="cpu")
        host = everything(tmp_path / "cpu.h5")
        for name in ("distributions", "uncertainty/entropy"):
            np.testing.assert_allclose(first[name], host[name], atol=2e-5)


@pytest.mark.parametrize("precision,error", [("tf32", 5e-3), ("bf16", 3e-2), ("fp16", 5e-3)])
def test_precisions(run, folder, tmp_path, precision, error):
    job(run, folder, tmp_path / "fp32.h5")
    job(run, folder, tmp_path / "low.h5", "--precision", precision)
    full, low = (h5rows(tmp_path / name) for name in ("fp32.h5", "low.h5"))
    assert np.abs(full - low).max() < error
    assert full.tobytes() != low.tobytes()


def test_batch_size_auto(run, folder, tmp_path):
    job(run, folder, tmp_path / "r.h5", "--batch-size", "auto")
    with h5py.File(tmp_path / "r.h5") as file:
        size = int(file["provenance"].attrs["batch_size"])
        rows = file["distributions"][:]
    job(run, folder, tmp_path / "s.h5", "--batch-size", size, ranks=2)
    assert h5rows(tmp_path / "s.h5").tobytes() == rows.tobytes()


def test_a_killed_job_goes_on_to_the_same_bytes(run, build, folder, tmp_path):
    """Ended by the preloaded library of faults while the sums are saved, then resumed."""
    faults = build / "tests" / "libfod_faults.so"
    flags = ["--layers", "conv*,fc", "--keep-moments", "--checkpoint-interval", 0]
    job(run, folder, tmp_path / "whole.h5", *flags)
    out = tmp_path / "r.h5"
    killed = run("fod-generate", "--model", folder / "m.pt", "--data", folder / "x.npy", "--labels",
                 folder / "y.npy", "--out", out, "--threads", 1, "--device", "cuda", *flags,
                 ranks=2, timeout=180, env={
                     **preloaded(faults), "FOD_FAULT": "kill:rename:moments:20:1"})
    assert killed.returncode != 0 and not out.exists()
    done = job(run, folder, out, *flags, "--resume", ranks=3)
    assert "resum" in done.stdout.lower() or "earlier" in done.stdout.lower(), done.stdout
    one, other = everything(tmp_path / "whole.h5"), everything(out)
    same(one, other)


def test_a_result_is_verified_by_computing_rows_again(run, folder, tmp_path):
    out = tmp_path / "r.h5"
    job(run, folder, out)
    again = run("fod-generate", "--model", folder / "m.pt", "--data", folder / "x.npy",
                "--verify", out, "--device", "cuda", timeout=120)
    assert again.returncode == 0, again.stderr


def test_a_package_compiled_for_the_gpu(run, folder, tmp_path):
    exported = subprocess.run(
        [sys.executable, ROOT / "tools" / "export_model.py", "test_gpu:seeded", "--input-shape",
         "64,1,8,8", "--format", "aoti", "--device", "cuda", "--layers", "conv2,fc", "--out",
         tmp_path / "m.pt2"], cwd=tmp_path, text=True, capture_output=True, timeout=600,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests" / "e2e")})
    assert exported.returncode == 0, exported.stderr
    (folder / "m.pt2").unlink(missing_ok=True)
    (folder / "m.pt2").symlink_to(tmp_path / "m.pt2")
    job(run, folder, tmp_path / "script.h5", "--layers", "conv2,fc", "--keep-correlation")
    for ranks in (1, 2):
        job(run, folder, tmp_path / f"{ranks}.h5", "--layers", "conv2,fc", "--keep-correlation",
            model="m.pt2", ranks=ranks)
    compiled, script = everything(tmp_path / "1.h5"), everything(tmp_path / "script.h5")
    same(compiled, everything(tmp_path / "2.h5"))
    np.testing.assert_allclose(compiled["distributions"], script["distributions"], atol=1e-4)
    for layer in ("conv2", "fc"):
        np.testing.assert_allclose(compiled[f"groups/{layer}/correlation"],
                                   script[f"groups/{layer}/correlation"], atol=1e-3)


def test_a_gpu_that_is_not_there(run, folder, tmp_path):
    said = job(run, folder, tmp_path / "r.h5", device="cuda:77", code=2).stderr
    assert "there is no GPU 77" in said and "CUDA_VISIBLE_DEVICES" in said
    none = job(run, folder, tmp_path / "r.h5", code=2, env={"CUDA_VISIBLE_DEVICES": ""}).stderr
    assert "there is none" in none
