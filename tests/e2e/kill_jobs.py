"""Jobs that are killed: at which of their system calls, who is killed, what must be left, and what
must come out in the end."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import conftest
import h5py
import numpy as np
import pytest
import torch
from program import PATIENCE, preloaded
from torch import nn

SAMPLES = 1500
BATCH = 16
ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def make_inputs(folder: Path) -> list[str]:
    """A model with two layers, data, labels and categories. The flags that name them."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 48), nn.ReLU(), nn.Linear(48, 30), nn.ReLU(),
                          nn.Linear(30, 7))
    torch.jit.script(model).save(str(folder / "m.pt"))
    random = np.random.default_rng(0)
    np.save(folder / "x.npy", random.standard_normal((SAMPLES, 20)).astype(np.float32))
    np.save(folder / "y.npy", random.integers(0, 7, SAMPLES))
    (folder / "c.csv").write_text("\n".join("abc"[i % 3] for i in range(SAMPLES)) + "\n")
    return ["--model", str(folder / "m.pt"), "--data", str(folder / "x.npy"), "--labels",
            str(folder / "y.npy"), "--batch-size", str(BATCH), "--threads", "1"]


def group_flags(folder: Path) -> list[str]:
    """Two layers, and a second pass that writes rows and sums events."""
    return ["--layers", "0,2", "--group-method", "kmeans", "--n-groups", "4", "--group-patterns",
            "--keep-moments", "--categories", str(folder / "c.csv")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For the inputs."""
    return tmp_path_factory.mktemp("inputs")


@pytest.fixture(scope="module")
def flags(folder: Path) -> list[str]:
    """Of a job with groups."""
    return [*make_inputs(folder), *group_flags(folder)]


def everything(path: Path) -> dict[str, object]:
    """All that a result says of its samples: every dataset but /provenance, attributes of /groups,
    /events and /metrics."""
    found: dict[str, object] = {}

    def take(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if name.startswith("provenance"):
            return
        if isinstance(item, h5py.Dataset):
            value = item[()]
            found[name] = (item.shape, value.tobytes() if isinstance(value, np.ndarray)
                           and value.dtype.kind != "O" else repr(value))
        for key, value in item.attrs.items():
            found[f"{name}@{key}"] = repr(value)

    with h5py.File(path) as file:
        file.visititems(take)
    return found


def same(expected: dict[str, object], path: Path) -> None:
    found = everything(path)
    assert sorted(found) == sorted(expected)
    for name, value in expected.items():
        assert found[name] == value, f"{name} differs"


def done_blocks(out: Path, layers: bool) -> int | None:
    """Blocks that marks and saved moments cover, from the files themselves; None if the job was
    ended while changing metadata, so that the file must be mended first."""
    partial = out.with_name(out.name + ".partial")
    state = partial.with_name(partial.name + ".state")
    if not partial.exists():
        return 0
    if (state / "undo").exists():
        return None
    with h5py.File(partial) as file:
        done = file["ledger/done"][()].astype(bool)
        creation = file.attrs["creation"]
    if layers:
        files = [(int(match[1]), path) for path in state.glob("moments-*.h5")
                 if (match := re.fullmatch(r"moments-(\d+)-.*\.h5", path.name))]
        summed = np.zeros_like(done)
        for generation, path in files:
            if generation == max(number for number, _ in files):
                with h5py.File(path) as file:
                    assert file.attrs["creation"] == creation
                    for begin, end in file["blocks"][()].reshape(-1, 2):
                        assert not summed[begin:end].any(), "a block was summed twice"
                        summed[begin:end] = True
        assert not (summed & ~done).any(), "sums of a block whose rows are not marked"
        done &= summed
    return int(done.sum())


@dataclass(frozen=True)
class Kill:
    """Who is killed, and when: before the given one of the calls that a rank makes on its files."""

    who: str  # "rank", "all" or "launcher"
    rank: int
    call: int


class Killer:
    """Starts jobs on one output, and kills them."""

    def __init__(self, build: Path, flags: list[str], out: Path) -> None:
        self.out = out
        self.command = [str(build / "fod-generate"), *flags, "--out", str(out),
                        "--checkpoint-interval", "0"]
        self.library = str(build / "tests" / "libfod_faults.so")

    def start(self, ranks: int, *flags: str, env: dict[str, str],
              **settings: object) -> subprocess.Popen:
        return subprocess.Popen(
            ["mpirun", "--oversubscribe", "-n", str(ranks), *self.command, *flags,
             *conftest.sharing(ranks)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
            env={**os.environ, **ROOT, **preloaded(self.library), **env}, **settings)

    def calls(self, ranks: int, log: Path) -> list[list[str]]:
        """The calls of each rank of an undisturbed job: "write 0 96 …/r.h5.partial"."""
        job = self.start(ranks, env={"FOD_FAULT_LOG": str(log), "FOD_FAULT_PATH": self.out.name})
        stdout, stderr = job.communicate(timeout=60 * PATIENCE)
        assert job.returncode == 0, stdout + stderr
        return [Path(f"{log}.{rank}").read_text().splitlines() for rank in range(ranks)]

    def run(self, ranks: int, *flags: str) -> str:
        """To its end."""
        job = self.start(ranks, *flags, env={})
        try:
            stdout, stderr = job.communicate(timeout=60 * PATIENCE)
        except subprocess.TimeoutExpired:
            conftest.kill_session(job.pid)
            raise
        assert job.returncode == 0, stdout + stderr
        return stdout + stderr

    def kill(self, ranks: int, kill: Kill, *flags: str) -> bool:
        """Whether the job got as far as that, so that it was killed."""
        action = "kill" if kill.who == "rank" else "stop"
        job = self.start(ranks, *flags, env={
            "FOD_FAULT": f"{action}:any:{self.out.name}:{kill.call}:{kill.rank}"})
        try:
            if kill.who != "rank":
                stopped = wait_for(lambda: job.poll() is not None or stopped_in(job.pid))
                assert stopped, "neither stopped nor ended"
                if job.poll() is None:
                    self.end(job, kill.who)
            stdout, stderr = job.communicate(timeout=60 * PATIENCE)
            return job.returncode != 0
        finally:
            conftest.kill_session(job.pid)
            assert wait_for(lambda: not conftest.living_in(job.pid)), "processes are left"

    @staticmethod
    def end(job: subprocess.Popen, who: str) -> None:
        if who == "all":
            conftest.kill_session(job.pid)
            return
        ranks = stopped_in(job.pid)
        job.kill()  # mpirun alone; the ranks find out
        for pid in ranks:
            os.kill(pid, signal.SIGCONT)


def wait_for(condition, seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def stopped_in(session: int) -> list[int]:
    return [pid for pid, state in conftest.processes_of(session)
            if state == "T"]


PHASES = ("creating", "first write", "loop", "saving moments", "closing")


def phase_of(calls: list[str]) -> list[str]:
    """The phase of each call of a rank."""
    phases = []
    created = written = closing = False
    last_undo = max((i for i, call in enumerate(calls) if call.endswith("state/undo")
                     and call.startswith("rename")), default=None)
    for i, call in enumerate(calls):
        kind, _, _, path = call.split(" ", 3)
        closing = closing or (last_undo is not None and i >= last_undo)
        if closing:
            phases.append("closing")
        elif "moments-" in path or "events-" in path:
            phases.append("saving moments")
        elif not created and last_undo is not None:  # rank 0 alone creates
            phases.append("creating")
            created = kind == "rename" and path.endswith(".partial")
        elif not written:
            phases.append("first write")
            written = kind == "fsync" and path.endswith(".partial")
        else:
            phases.append("loop")
    return phases


def moments_of(calls: list[list[str]], phase: str, seed: str) -> tuple[int, int]:
    """A rank, and the number of one of its calls in the phase, by chance."""
    found = [(rank, i + 1) for rank, of_rank in enumerate(calls)
             for i, of_call in enumerate(phase_of(of_rank)) if of_call == phase]
    assert found, f"no call in phase {phase}"
    return random.Random(f"{phase} {seed}").choice(found)


def resume(killer: Killer, ranks: int) -> None:
    """To the end; what marks and sums covered is not computed again."""
    before = done_blocks(killer.out, layers=True)
    finished = killer.out.exists()
    told = killer.run(ranks, "--resume")
    counted = re.search(r"of \d+ blocks (\d+) had been done by an earlier job", told)
    if not finished and before is not None and "is complete" not in told:
        taken_over = int(counted[1]) if counted else 0
        assert taken_over == before, f"{taken_over} blocks were taken over, {before} are covered"


def left_as_promised(out: Path) -> None:
    """No final name, or a complete file."""
    if out.exists():
        with h5py.File(out) as file:
            assert file.attrs["complete"] == 1


def forget(out: Path) -> None:
    for path in out.parent.glob(out.name + "*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
