"""Jobs that are to be interrupted: started in the background, found by rank, and seen to leave
nothing behind."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from conftest import Finished, kill_session, living_in, sharing
from program import PATIENCE

ROOT_ALLOWED = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def until(condition, what: str, seconds: float = 30):
    """The first true value of a condition."""
    deadline = time.monotonic() + seconds * PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds * PATIENCE} s: {what}"
        time.sleep(0.02)
    return value


def is_free(lock: Path) -> bool:
    """A killed job leaves the file, but not the lock on it."""
    if not lock.exists():
        return True
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # its last thread is ending
            return False
    return True


def heed_interrupts() -> None:
    """What a shell starts in the background ignores SIGINT, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Job:
    """fod-generate in a session of its own, on `ranks` ranks, or without a launcher on None."""

    def __init__(self, build: Path, folder: Path, ranks: int | None, *flags: object,
                 env: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.out = folder / "r.h5"
        self.partial = folder / "r.h5.partial"
        command = [str(build / "fod-generate"), "--out", str(self.out), "--threads", "1",
                   "--batch-size", "16", *map(str, flags), *sharing(ranks)]
        if ranks is not None:
            command = [shutil.which("mpirun") or "mpirun", "--oversubscribe", "-n", str(ranks),
                       *command]
        self.has_launcher = ranks is not None
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, cwd=folder, start_new_session=True, preexec_fn=heed_interrupts,
            env={**os.environ, **ROOT_ALLOWED, "FOD_SLOW_FOLDER": str(folder), **(env or {})})

    def __enter__(self) -> Job:
        return self

    def __exit__(self, *_: object) -> None:
        kill_session(self.process.pid)
        self.process.communicate()

    def pid(self, who: int | str) -> int:
        """Of a rank or of "mpirun"."""
        if who == "mpirun" or not self.has_launcher:
            return self.process.pid
        for pid in living_in(self.process.pid):
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            if f"OMPI_COMM_WORLD_RANK={who}".encode() in environment:
                return pid
        raise AssertionError(f"there is no rank {who}")

    def send(self, number: int, *whom: int | str) -> None:
        for pid in [self.pid(who) for who in whom]:
            os.kill(pid, number)

    def reach(self, *marks: str) -> None:
        """Waits for files that the model or the preloaded library makes."""
        for mark in marks:
            until(lambda mark=mark: (self.folder / mark).exists() or self.process.poll() is not None,
                  mark)
            assert (self.folder / mark).exists(), self.process.communicate()[1]

    def end(self, within: float = 20) -> Finished:
        """How it ended, in time, with no process left over and the lock free."""
        try:
            stdout, stderr = self.process.communicate(timeout=within * PATIENCE)
        except subprocess.TimeoutExpired:
            kill_session(self.process.pid)
            stdout, stderr = self.process.communicate()
            raise AssertionError(f"still running after {within * PATIENCE} s: {stderr[-2000:]}") from None
        until(lambda: not living_in(self.process.pid), "no process is left over", 10)
        until(lambda: is_free(self.folder / "r.h5.lock"), "the lock is free", 10)
        return Finished(self.process.returncode, stdout, stderr)


def messages(job: Finished) -> list[str]:
    """The program's own lines on stderr, among the launcher's."""
    return [line for line in job.stderr.splitlines() if line.startswith("fod-generate:")]


SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1]
