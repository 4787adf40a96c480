"""Reading runs ahead of the model, and writing behind it, where a core is left for that: which says
nothing in the results, and hides no failure and no stop."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from conftest import run_command
from interrupted import Job, messages
from merging import same_results
from program import preloaded
from torch import nn

BATCH = 16
FEATURES = 4096  # 256 KiB per batch: HDF5 reads such rows by themselves
SAMPLES = 400    # 25 blocks of one batch each
TASKSET = shutil.which("taskset")

# With one thread for the model, one core is none too many for it; two leave one for the helpers.
ALONE = [TASKSET or "taskset", "-c", str(min(os.sched_getaffinity(0)))]
needs_cores = pytest.mark.skipif(TASKSET is None or len(os.sched_getaffinity(0)) < 2,
                                 reason="needs taskset and two cores")


class Small(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.layer = nn.Linear(features, 5)
        self.head = nn.Linear(5, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.layer(x.flatten(1).float())))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("ahead")
    torch.manual_seed(3)
    for features in (8, FEATURES):
        torch.jit.script(Small(features).eval()).save(str(path / f"m{features}.pt"))
    x = np.random.default_rng(3).standard_normal((SAMPLES, FEATURES)).astype(np.float32)
    with h5py.File(path / "x.h5", "w") as file:
        file["x"] = x
        file["y"] = np.arange(SAMPLES) % 3
    np.save(path / "small.npy", x[:, :8])
    np.save(path / "labels.npy", np.arange(SAMPLES) % 3)
    return path


def launch(build: Path, out: Path, *flags: object, alone: bool = False,
           env: dict[str, str] | None = None):
    command = [*(ALONE if alone else []), str(build / "fod-generate"), "--out", str(out),
               "--threads", "1", "--batch-size", str(BATCH), *map(str, flags)]
    root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    return run_command(command, 60, {**root, **(env or {})})


@needs_cores
@pytest.mark.parametrize("samples", [0, 1, 15, 16, 17, 33, 50, 399, 400])
def test_the_bytes_are_those_of_one_batch_after_the_other(build, folder, tmp_path, samples):
    flags = ["--model", folder / "m8.pt", "--data", folder / "small.npy", "--labels",
             folder / "labels.npy", "--max-samples", samples]
    for name, alone in (("alone", True), ("ahead", False)):
        done = launch(build, tmp_path / f"{name}.h5", *flags, alone=alone)
        assert done.returncode == 0 and done.stderr == "", done.stderr
    same_results(tmp_path / "ahead.h5", tmp_path / "alone.h5")


@needs_cores
@pytest.mark.parametrize("flags", [
    ["--layers", "layer", "--group-patterns", "--keep-activations"],
    ["--layers", "layer", "--group-patterns", "--min-group-size", "2"],
    ["--checkpoint-interval", "0", "--keep-logits"],
])
def test_hdf5_is_read_beside_what_is_written(build, folder, tmp_path, flags):
    data = ["--model", folder / f"m{FEATURES}.pt", "--data", f"{folder / 'x.h5'}:/x", "--labels",
            f"{folder / 'x.h5'}:/y"]
    for name, alone in (("alone", True), ("ahead", False)):
        done = launch(build, tmp_path / f"{name}.h5", *data, *flags, alone=alone)
        assert done.returncode == 0 and done.stderr == "", done.stderr
    same_results(tmp_path / "ahead.h5", tmp_path / "alone.h5")


def blocks_done(partial: Path) -> list[int]:
    with h5py.File(partial) as file:
        return np.flatnonzero(file["ledger/done"][:]).tolist()


@pytest.mark.parametrize("alone", [pytest.param(True, marks=needs_cores), False])
@pytest.mark.parametrize("bad", [16 * 9, 16 * 10 + 3, 16 * 10 + 15, SAMPLES - 1])
def test_a_sample_that_cannot_be_read_is_met_in_its_turn(build, folder, tmp_path, bad, alone):
    x = np.random.default_rng(4).integers(0, 2, (SAMPLES, 8)).astype(bool)
    path = tmp_path / "x.npy"
    np.save(path, x)
    raw = bytearray(path.read_bytes())
    raw[len(raw) - (SAMPLES - bad) * 8] = 2
    path.write_bytes(raw)
    flags = ["--model", folder / "m8.pt", "--data", path]
    done = launch(build, tmp_path / "r.h5", *flags, alone=alone)
    assert done.returncode == 4, done.stderr
    assert f"sample {bad} of {path} holds the bool 2 (a bool is 0 or 1)" in done.stderr
    assert len(messages(done)) == 1
    assert blocks_done(tmp_path / "r.h5.partial") == list(range(bad // BATCH))
    np.save(path, x)
    done = launch(build, tmp_path / "r.h5", *flags, "--resume", alone=alone)
    assert done.returncode == 0, done.stderr


def test_a_label_that_cannot_be_read_is_met_in_its_turn(build, folder, tmp_path):
    labels = np.arange(SAMPLES) % 3
    labels = labels.astype(np.float32)
    labels[200] = 0.5
    np.save(tmp_path / "y.npy", labels)
    done = launch(build, tmp_path / "r.h5", "--model", folder / "m8.pt", "--data",
                  folder / "small.npy", "--labels", tmp_path / "y.npy")
    assert done.returncode == 4, done.stderr
    assert "the label of sample 200 is 0.5" in done.stderr
    assert blocks_done(tmp_path / "r.h5.partial") == list(range(200 // BATCH))


def faulty(build: Path, fault: str, **env: str) -> dict[str, str]:
    return {**preloaded(build / "tests" / "libfod_faults.so"), "FOD_FAULT": fault, **env}


def test_a_disk_that_fails_deep_in_the_data_ends_the_job(build, folder, tmp_path):
    flags = ["--model", folder / f"m{FEATURES}.pt", "--data", f"{folder / 'x.h5'}:/x"]
    done = launch(build, tmp_path / "r.h5", *flags, env=faulty(build, "EIO:read:x.h5:25"))
    assert done.returncode == 4, done.stderr
    assert "cannot read rows" in done.stderr and "Input/output error" in done.stderr
    before = blocks_done(tmp_path / "r.h5.partial")
    assert before == list(range(len(before))) and 0 < len(before) < SAMPLES // BATCH
    done = launch(build, tmp_path / "r.h5", *flags, "--resume")
    assert done.returncode == 0, done.stderr


def test_a_disk_that_fails_behind_the_loop_ends_the_job(build, folder, tmp_path):
    flags = ["--model", folder / "m8.pt", "--data", folder / "small.npy",
             "--checkpoint-interval", "0"]
    done = launch(build, tmp_path / "r.h5", *flags,
                  env=faulty(build, "ENOSPC:write:r.h5.partial:150"))
    assert done.returncode == 4, done.stderr
    assert "No space left on device" in done.stderr and len(messages(done)) == 1
    before = blocks_done(tmp_path / "r.h5.partial")
    assert before == list(range(len(before))) and 0 < len(before) < SAMPLES // BATCH
    done = launch(build, tmp_path / "r.h5", *flags, "--resume")
    assert done.returncode == 0, done.stderr
    whole = launch(build, tmp_path / "whole.h5", *flags)
    assert whole.returncode == 0, whole.stderr
    same_results(tmp_path / "r.h5", tmp_path / "whole.h5")


def test_a_job_waits_for_a_slow_disk(build, folder, tmp_path):
    flags = ["--model", folder / f"m{FEATURES}.pt", "--data", f"{folder / 'x.h5'}:/x"]
    mark = tmp_path / "slow"
    done = launch(build, tmp_path / "r.h5", *flags,
                  env=faulty(build, "nap:read:x.h5:25", FOD_FAULT_MARK=str(mark)))
    assert done.returncode == 0 and mark.exists(), done.stderr


def test_a_job_whose_reader_waits_for_the_disk_stops_in_order(build, folder, tmp_path):
    env = faulty(build, "nap:read:x.h5:25", FOD_FAULT_MARK=str(tmp_path / "slow"))
    with Job(build, tmp_path, None, "--model", folder / f"m{FEATURES}.pt", "--data",
             f"{folder / 'x.h5'}:/x", env=env) as job:
        job.reach("slow")
        job.send(signal.SIGTERM, 0)
        done = job.end(within=10)
    assert done.returncode == 3, done.stderr
    before = blocks_done(job.partial)
    assert before == list(range(len(before))) and 0 < len(before) < SAMPLES // BATCH


def under_way(batches: int) -> dict[str, str]:
    """So many at a time, as on a GPU."""
    return {"FOD_BATCHES_UNDER_WAY": str(batches)}


@pytest.mark.parametrize("batches", [2, 3])
@pytest.mark.parametrize("flags", [
    ["--max-samples", "0"], ["--max-samples", "5"], ["--max-samples", "17"],
    ["--checkpoint-interval", "0", "--keep-logits"],
    ["--model", "m8.pt", "--weights", "2,1", "--keep-members", "--transform", "smooth=0.1"],
], ids=["none", "one", "two", "all", "ensemble"])
def test_batches_that_overlap_give_the_same_bytes(build, folder, tmp_path, batches, flags):
    flags = ["--model", folder / "m8.pt", "--data", folder / "small.npy", "--labels",
             folder / "labels.npy", *[folder / flag if flag == "m8.pt" else flag for flag in flags]]
    for name, env in (("alone", under_way(1)), ("beside", under_way(batches))):
        done = launch(build, tmp_path / f"{name}.h5", *flags, env=env)
        assert done.returncode == 0, done.stderr
    same_results(tmp_path / "beside.h5", tmp_path / "alone.h5")


class Faulty(nn.Module):
    """Returns its input, as probabilities; fails on a batch with a 9 in it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if bool((x > 8).any()):
            raise RuntimeError("there is a 9")
        return x


@pytest.mark.parametrize("batches", [1, 2, 3])
@pytest.mark.parametrize("nine,two,told,blocks", [
    (200, None, "there is a 9", 12), (192, None, "there is a 9", 12), (207, 195, "there is a 9", 12),
    (208, 195, "sample 195 has no probabilities", 12),
    (None, 207, "sample 207 has no probabilities", 12), (399, 384, "there is a 9", 24)])
def test_the_first_failure_is_told_of_and_all_before_it_is_kept(build, tmp_path, batches, nine, two,
                                                               told, blocks):
    torch.jit.script(Faulty().eval()).save(str(tmp_path / "m.pt"))
    x = np.full((SAMPLES, 4), 0.25, np.float32)
    if nine is not None:
        x[nine] = 9
    if two is not None:
        x[two] = 2
    np.save(tmp_path / "x.npy", x)
    flags = ["--model", tmp_path / "m.pt", "--data", tmp_path / "x.npy"]
    done = launch(build, tmp_path / "r.h5", *flags, env=under_way(batches))
    assert done.returncode == 4 and told in done.stderr, done.stderr
    assert len(messages(done)) == 1
    assert blocks_done(tmp_path / "r.h5.partial") == list(range(blocks))
    x[:] = 0.25
    np.save(tmp_path / "x.npy", x)
    done = launch(build, tmp_path / "r.h5", *flags, "--resume", env=under_way(batches))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("batches", [2, 3])
def test_memory_that_runs_out_is_on_record_for_its_block_alone(build, folder, tmp_path, batches):
    class Greedy(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x.shape[0] > 8 and bool((x[:, 0] > 100).any()):
                raise RuntimeError("out of memory. Tried to allocate 2.00 GiB")
            return x

    torch.jit.script(Greedy().eval()).save(str(tmp_path / "m.pt"))
    x = np.load(folder / "small.npy")
    x[195, 0] = 101
    np.save(tmp_path / "x.npy", x)
    flags = ["--model", tmp_path / "m.pt", "--data", tmp_path / "x.npy"]
    done = launch(build, tmp_path / "r.h5", *flags, env=under_way(batches))
    assert done.returncode == 0 and "at samples 192 to 208" in done.stderr, done.stderr
    with h5py.File(tmp_path / "r.h5") as file:
        [name] = [key for key in file["ledger"] if "micro" in key]
        assert file[f"ledger/{name}"][:].tolist() == [16] * 12 + [8] * 13
