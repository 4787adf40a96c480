"""Jobs under the SLURM of the tests: submitted, watched, and their result files read."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Callable

import h5py
import numpy as np
import pytest
import slurm
from conftest import ROOT

FINAL = {"COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "NODE_FAIL", "BOOT_FAIL", "DEADLINE"}


class Job:
    """A folder of its own, in which jobs are submitted."""

    def __init__(self, cluster: slurm.Slurm, build: Path, folder: Path) -> None:
        self.cluster, self.build, self.folder = cluster, build, folder
        self.notes = folder / "notes"
        self.notes.mkdir(parents=True)
        self.env = {"FOD_BUILD": str(build), "FOD_NOTES": str(self.notes),
                    "PYTHONPATH": str(ROOT / "tests" / "e2e")}

    def call(self, *command: object, timeout: float = 60,
             **env: object) -> subprocess.CompletedProcess[str]:
        settings = {name: str(value) for name, value in env.items()}
        return self.cluster.call(*command, timeout=timeout, cwd=self.folder,
                                 env={**self.env, **settings})

    def submit(self, *command: object, **env: object) -> str:
        """The id of the job that `command` submits; of the last one, if it submits several."""
        return self.submit_all(*command, **env)[-1]

    def submit_all(self, *command: object, **env: object) -> list[str]:
        done = self.call(*command, **env)
        assert done.returncode == 0, done.stderr
        return re.findall(r"Submitted .*\bjob (\d+)", done.stdout)

    def state(self, job: str) -> dict[str, str]:
        shown = self.cluster.ask("scontrol", "-o", "show", "job", job)
        return dict(re.findall(r"(\S+?)=(\S*)", shown.splitlines()[0]))

    def finish(self, job: str, timeout: float) -> dict[str, str]:
        """Its state once it has ended for good."""
        self.wait(f"job {job} ends", lambda: self.state(job)["JobState"] in FINAL, timeout)
        return self.state(job)

    def wait_for_batches(self, count: int, pattern: str = "*", timeout: float = 60) -> None:
        self.wait(f"{count} batches", lambda: self.batches(pattern) >= count, timeout)

    def wait(self, what: str, condition: Callable[[], bool], timeout: float) -> None:
        try:
            slurm.wait_until(what, condition, timeout, pause=0.2)
        except TimeoutError as error:
            pytest.fail(f"{error}\n{self.cluster.ask('squeue')}\n{self.logs()}")

    def batches(self, pattern: str = "*") -> int:
        """How many batches the model saw, those of the probe included: PART.RESTARTS.RANK."""
        return sum(len(note.read_text().splitlines()) for note in self.notes.glob(pattern))

    def logs(self) -> str:
        return "\n".join(f"--- {log.name}\n{log.read_text()}"
                         for log in sorted(self.folder.glob("*.log")))


def sections(path: Path) -> dict[str, bytes]:
    """All data of a result file, but not where and when it was made."""
    found: dict[str, bytes] = {}

    def keep(name: str, item: h5py.HLObject) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("provenance/"):
            values = np.asarray(item[()])
            found[name] = f"{item.dtype} {item.shape} ".encode() + (
                repr(values.tolist()).encode() if item.dtype == object else values.tobytes())

    with h5py.File(path) as file:
        assert file.attrs["complete"] == 1
        file.visititems(keep)
    assert "distributions" in found and "labels" in found and "meta" in found
    return found
