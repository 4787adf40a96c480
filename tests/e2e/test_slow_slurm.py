"""Jobs under a real SLURM: srun and sbatch, the scripts in jobs/, requeue, resume, job arrays."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import h5py
import models
import numpy as np
import pytest
import slurm
import torch
from conftest import ROOT, run_command
from slurm_jobs import Job, sections
from torch import nn

SAMPLES, BATCH = 2048, 16
BATCHES = SAMPLES // BATCH
GENERATE, ARRAY = ROOT / "jobs" / "generate.sbatch", ROOT / "jobs" / "array.sbatch"
AS_ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
SMALL = ["--ntasks-per-node=2", "--cpus-per-task=1"]
PARTS = 3


@pytest.fixture(scope="module")
def cluster():
    if missing := slurm.missing():
        if slurm.installable():
            pytest.fail(f"no {', '.join(missing)}: tests/install_slurm.sh installs them")
        pytest.skip(f"no {', '.join(missing)} here, and no root or apt-get to install them")
    with slurm.running() as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What all jobs read, and the file that one process makes of it."""
    folder = tmp_path_factory.mktemp("slurm")
    models.data(folder / "x.npy", (SAMPLES, 20))
    np.save(folder / "y.npy", np.arange(SAMPLES) % 5)
    return folder


def flags(folder: Path, model: str = "logits", data: str = "x.npy") -> list[str]:
    return ["--model", f"python:slurm_models:{model}", "--data", f"{folder}/{data}", "--labels",
            f"{folder}/y.npy", "--batch-size", str(BATCH), "--device", "cpu"]


@pytest.fixture
def job(cluster, build, tmp_path):
    return Job(cluster, build, tmp_path / "job")


@pytest.fixture(scope="module")
def expected(run, folder):
    """The sections of an undisturbed job of one process without SLURM, and the batches it took."""
    notes = folder / "notes"
    notes.mkdir()
    done = run("fod-generate", *flags(folder), "--threads", 1, "--out", folder / "r.h5",
               env={"FOD_NOTES": str(notes), "PYTHONPATH": str(ROOT / "tests" / "e2e")})
    assert done.returncode == 0, done.stderr
    return sections(folder / "r.h5"), len((notes / "0.0.0").read_text().splitlines())


@pytest.fixture(scope="module")
def marked(folder, tmp_path_factory):
    """The same data with a sample in part 2 of 3 on which a model fails."""
    marked = tmp_path_factory.mktemp("marked")
    x = np.load(folder / "x.npy")
    x[100 * BATCH, 0] = 1000
    np.save(marked / "x.npy", x)
    shutil.copy(folder / "y.npy", marked)
    return marked


class Layers(nn.Module):
    """Has the layers that jobs/generate.toml names."""

    def __init__(self) -> None:
        super().__init__()
        self.conv2 = nn.Linear(20, 8)
        self.fc1 = nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc1(torch.relu(self.conv2(x)))


def check_file(run, path: Path, expected) -> None:
    verified = run("fod", "verify", path, ranks=None)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert sections(path) == expected[0]


def check_resumed(job: Job, number: str, run, expected, timeout: float) -> None:
    """The job was stopped, came back once, computed only what was left, and made the same file."""
    ended = job.finish(number, timeout)
    assert (ended["JobState"], ended["Restarts"]) == ("COMPLETED", "1"), job.logs()
    probe = expected[1] - BATCHES  # what each rank computes at each start
    before, after = job.batches("0.0.*"), job.batches("0.1.*")
    assert before >= 2 * probe + 4 and after > 0, (before, after, job.logs())
    # Two ranks, two starts; a batch per rank is lost if SLURM has no patience with it.
    assert before + after <= BATCHES + 4 * probe + 2, (before, after, job.logs())
    assert not (job.folder / "r.h5.partial").exists()
    check_file(run, job.folder / "r.h5", expected)


# --- srun and mpirun ---
@pytest.mark.parametrize("nodes", [1, 2])
def test_ranks_under_srun_share_the_job_and_have_a_gpu_each(job, run, folder, expected, nodes):
    command = ["srun", "--mpi=pmix", f"{job.build}/fod-generate", *flags(folder), "--threads", "1",
               "--out", "r.h5"]
    number = job.submit("sbatch", f"--nodes={nodes}", "--ntasks-per-node=2", "--gpus-per-task=1",
                        "--output=%x-%j.log", "--time=2", "--wrap", " ".join(command))
    ended = job.finish(number, 60)
    assert (ended["JobState"], ended["NumNodes"]) == ("COMPLETED", str(nodes)), job.logs()
    check_file(run, job.folder / "r.h5", expected)
    with h5py.File(job.folder / "r.h5") as file:
        assert len(file["provenance/shard_map"]) == 2 * nodes
    gpus = [set((job.notes / f"0.0.{rank}").read_text().split()) for rank in range(2 * nodes)]
    for node in range(nodes):
        first, second = gpus[2 * node:2 * node + 2]
        assert len(first) == len(second) == 1 and first != second
        assert first | second <= {str(i) for i in range(slurm.GPUS)}


def test_tasks_without_pmi_are_refused(job, folder):
    done = job.call("srun", "--mpi=none", "--ntasks=2", f"{job.build}/fod-generate",
                    *flags(folder), "--out", "r.h5")
    assert done.returncode == 2, done.stderr
    assert "srun --mpi=pmix fod-generate" in done.stderr
    assert not list(job.folder.glob("r.h5*")) and job.batches() == 0


@pytest.mark.parametrize("nodes", [1, 2])
def test_mpirun_knows_the_allocation(job, run, folder, expected, nodes):
    command = ["mpirun", f"{job.build}/fod-generate", *flags(folder), "--threads", "1", "--out",
               "r.h5"]
    number = job.submit("sbatch", f"--nodes={nodes}", "--ntasks=2", "--output=%x-%j.log",
                        "--time=2", "--wrap", " ".join(command), **AS_ROOT)
    assert job.finish(number, 60)["JobState"] == "COMPLETED", job.logs()
    check_file(run, job.folder / "r.h5", expected)
    with h5py.File(job.folder / "r.h5") as file:
        assert len(file["provenance/shard_map"]) == 2


def test_the_hostfile_is_one_that_mpirun_takes(build, folder, tmp_path):
    example = (ROOT / "jobs" / "hostfile").read_text()
    assert re.findall(r"^(?!#).+", example, re.MULTILINE) == ["node01 slots=4", "node02 slots=4"]
    here = example.replace("node01", "localhost").replace("node02 slots=4\n", "")
    (tmp_path / "hostfile").write_text(here)
    models.save(models.Linear(20, 5), tmp_path / "m.pt")
    done = run_command(["mpirun", "--hostfile", str(tmp_path / "hostfile"), "-n", "4",
                        str(build / "fod-generate"), "--model", str(tmp_path / "m.pt"), "--data",
                        str(folder / "x.npy"), "--out", str(tmp_path / "r.h5"), "--threads", "1"],
                       60, AS_ROOT)
    assert done.returncode == 0, done.stderr
    with h5py.File(tmp_path / "r.h5") as file:
        assert len(file["provenance/shard_map"]) == 4


# --- The files in jobs/ ---
@pytest.mark.parametrize("all_keys", [False, True])
def test_generate_toml_is_accepted(run, folder, tmp_path, all_keys):
    """As it is, and with every key that is commented out in it."""
    config = (ROOT / "jobs" / "generate.toml").read_text()
    if all_keys:
        config = re.sub(r"^# (?=[a-z-]+ = )", "", config, flags=re.MULTILINE)
    (tmp_path / "job.toml").write_text(config)
    models.save(Layers(), tmp_path / "model.pt")
    shutil.copy(folder / "x.npy", tmp_path / "images.npy")
    shutil.copy(folder / "y.npy", tmp_path / "labels.npy")
    done = run("fod-generate", "--config", "job.toml", "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "model.pt" in done.stdout and "batches of 64" in done.stdout
    assert ("fc1" in done.stdout) == all_keys
    assert not (tmp_path / "result.h5").exists()


def test_generate_sbatch_does_what_generate_toml_says(job, run, folder, expected):
    given = flags(folder)
    (job.folder / "jobs").mkdir()
    (job.folder / "jobs" / "generate.toml").write_text("".join(
        f'{name[2:]} = "{value}"\n' for name, value in zip(given[::2], given[1::2])) +
        'out = "r.h5"\n')
    number = job.submit("sbatch", *SMALL, GENERATE)
    assert job.finish(number, 60)["JobState"] == "COMPLETED", job.logs()
    check_file(run, job.folder / "r.h5", expected)


def test_jobs_that_are_stopped_save_and_go_on(cluster, build, tmp_path, run, folder, expected):
    """One at its time limit: SLURM signals it up to 30 s before the time that was asked for, here
    10 to 40 s after its start; without that it would be killed at 60 s, and take 64. Meanwhile one
    on two nodes that is requeued by hand, as preemption does it: SIGTERM, and later SIGKILL."""
    limited, requeued = (Job(cluster, build, tmp_path / name) for name in ("limited", "requeued"))
    command = [GENERATE, *flags(folder), "--out", "r.h5"]
    first = limited.submit("sbatch", *SMALL, "--time=1", "--signal=USR1@20", *command, FOD_PAUSE=1)
    second = requeued.submit("sbatch", "--nodes=2", "--ntasks-per-node=1", "--cpus-per-task=1",
                             *command, FOD_PAUSE=0.25)
    requeued.wait_for_batches(2 * (expected[1] - BATCHES) + 16)
    cluster.ask("scontrol", "requeue", second)
    check_resumed(requeued, second, run, expected, timeout=60)
    check_resumed(limited, first, run, expected, timeout=90)


def test_a_job_that_fails_is_not_requeued(job, marked):
    number = job.submit("sbatch", *SMALL, GENERATE, *flags(marked, "fails_late"), "--out", "r.h5")
    ended = job.finish(number, 60)
    assert (ended["JobState"], ended["ExitCode"], ended["Restarts"]) == ("FAILED", "4:0", "0")
    assert "this batch is too much" in job.logs()
    assert (job.folder / "r.h5.partial").exists() and not (job.folder / "r.h5").exists()


def test_an_array_is_merged_also_if_a_part_was_stopped(job, run, folder, expected):
    parts, merge = job.submit_all(ARRAY, *flags(folder), OUT="r.h5", PARTS=PARTS, SAMPLES=SAMPLES,
                                  FOD_PAUSE=0.2)
    job.wait_for_batches(expected[1] - BATCHES + 8, "1.0.*")
    job.cluster.ask("scancel", "--signal=USR1", f"{parts}_1")
    assert job.finish(merge, 90)["JobState"] == "COMPLETED", job.logs()
    assert job.batches("1.1.*") > 0 and job.batches("0.1.*") == job.batches("2.1.*") == 0
    assert job.batches() <= BATCHES + (PARTS + 1) * (expected[1] - BATCHES)
    names = [f"r.{i:05}-of-{PARTS:05}.h5" for i in range(PARTS)]
    assert sorted(path.name for path in job.folder.glob("r.*")) == sorted([*names, "r.h5"])
    check_file(run, job.folder / "r.h5", expected)
    again = job.call(ARRAY, *flags(folder), OUT="r.h5", SAMPLES=SAMPLES)
    assert again.returncode == 2 and "r.h5 is there already" in again.stderr


def test_parts_are_not_merged_if_one_failed(job, marked):
    merge = job.submit(ARRAY, *flags(marked, "fails_late"), OUT="r.h5", PARTS=PARTS,
                       SAMPLES=SAMPLES)
    assert job.finish(merge, 60)["JobState"] == "CANCELLED", job.logs()
    assert not (job.folder / "r.h5").exists()
    assert (job.folder / f"r.00000-of-{PARTS:05}.h5").exists()
    assert "this batch is too much" in job.logs()


@pytest.mark.parametrize("given", [{}, {"OUT": "r.h5"}, {"SAMPLES": "10"}])
def test_an_array_says_what_it_must_know(job, folder, given):
    done = job.call(ARRAY, *flags(folder), **given)
    assert done.returncode != 0
    assert ("OUT" if "SAMPLES" in given else "SAMPLES") in done.stderr
    assert "Submitted" not in done.stdout
