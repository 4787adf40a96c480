"""What the end-to-end tests share: the programs that were built, a way to run them on any number of
ranks that never hangs, and a model trained on real data."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import h5py
import numpy as np
import pytest
from program import PATIENCE

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Finished:
    """How a program ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture(scope="session")
def build() -> Path:
    """The folder with `fod` and `fod-generate`: FOD_BUILD, else the release build."""
    folder = Path(os.environ.get("FOD_BUILD", ROOT / "build" / "release"))
    for program in ("fod", "fod-generate"):
        if not (folder / program).exists():
            pytest.exit(f"no {folder / program}: build first (tests/run.sh), or set FOD_BUILD", 2)
    return folder


def processes_of(session: int) -> list[tuple[int, str]]:
    """Ids and states (R, S, T, Z, …) of the processes of a session."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, _, rest = status.read_text().partition(" ")
        except OSError:
            continue  # it has ended meanwhile
        state, _, _, of_session = rest.rpartition(")")[2].split()[:4]
        if int(of_session) == session:
            found.append((int(pid), state))
    return found


def living_in(session: int) -> list[int]:
    """Those that have not ended."""
    return [pid for pid, state in processes_of(session) if state != "Z"]


def kill_session(session: int) -> None:
    """Kills all processes of a session: mpirun gives each rank a process group of its own."""
    for pid, _ in processes_of(session):
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            continue  # it has ended meanwhile


def run_command(command: list[str], timeout: float, env: dict[str, str] | None = None,
                cwd: Path | None = None) -> Finished:
    """Runs a command in a session of its own; past the timeout all of it is killed and the test
    fails."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, cwd=cwd, start_new_session=True,
                               env={**os.environ, **(env or {})})
    try:
        stdout, stderr = process.communicate(timeout=timeout * PATIENCE)
    except subprocess.TimeoutExpired:
        kill_session(process.pid)
        stdout, stderr = process.communicate()
        pytest.fail(f"still running after {timeout * PATIENCE} s: {' '.join(command)}\n"
                    f"--- stdout\n{stdout[-2000:]}\n--- stderr\n{stderr[-2000:]}", pytrace=False)
    return Finished(process.returncode, stdout, stderr)


def sharing(ranks: int | None) -> list[str]:
    """What more ranks than GPUs must be told, on a machine that has one at all."""
    gpus = len(list(Path("/dev").glob("nvidia[0-9]*")))
    return ["--share-gpus"] if 0 < gpus < (ranks or 1) else []


@pytest.fixture(scope="session")
def run(build: Path) -> Callable[..., Finished]:
    """run("fod-generate", "--model", …, ranks=2): directly with ranks=None, else by mpirun."""
    launcher = shutil.which("mpirun") or "mpirun"
    root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}

    def run_program(program: str, *args: object, ranks: int | None = 1, timeout: float = 30,
                    env: dict[str, str] | None = None, cwd: Path | None = None) -> Finished:
        command = [str(build / program), *map(str, args)]
        if program == "fod-generate":
            command += sharing(ranks)
        if ranks is not None:
            command = [launcher, "--oversubscribe", "-n", str(ranks), *command]
        return run_command(command, timeout, {**root, **(env or {})}, cwd)

    return run_program


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with digits_model.pt, images.npy, images_u8.npy and labels.npy."""
    folder = tmp_path_factory.mktemp("digits")
    trained = run_command([sys.executable, str(ROOT / "tools" / "train_digits.py"), "--out",
                           str(folder)], timeout=300)
    assert trained.returncode == 0, trained.stderr
    return folder


def h5rows(path: Path | str, dataset: str = "distributions") -> np.ndarray[Any, Any]:
    """A dataset of a result file as an array."""
    with h5py.File(path, "r") as file:
        return file[dataset][()]
