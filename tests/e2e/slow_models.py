"""Models and data in Python that take their time, and tell where they are, for tests that interrupt
a job. The first value of a sample is its index; beyond block 0 (16 samples) each batch naps."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

FOLDER = Path(os.environ["FOD_SLOW_FOLDER"])
RANK = int(os.environ.get("OMPI_COMM_WORLD_RANK", "0"))
NAP = 0.1


def say(what: str) -> None:
    (FOLDER / f"{what}.{RANK}").touch()


def naps(x: Tensor) -> Tensor:
    if x[0, 0] >= 16:
        say("loop")
        time.sleep(NAP)
    return x


def deaf(x: Tensor) -> Tensor:
    """Of a module with handlers of its own, which it has put in place by the first call."""
    if x[0, 0] < 16:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            signal.signal(number, signal.SIG_IGN)
    return naps(x)


def hangs(x: Tensor) -> Tensor:
    """With the interpreter's lock held, on the last rank."""
    if x[0, 0] >= 16 and RANK == int(os.environ.get("OMPI_COMM_WORLD_SIZE", "1")) - 1:
        say("hung")
        while True:
            pass
    return naps(x)


class Wide(nn.Module):
    """Neurons for groups that are found slowly; the last batch tells that it was reached."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        if x[0, 0] >= 16:
            say("loop")
        if (x[:, 0] == 1599).any():
            say("last")
        return self.features(x[:, 1:])[:, :4]


def wide() -> nn.Module:
    return Wide()


class Stream:
    """An iterable that each rank reads from its start."""

    def __len__(self) -> int:
        return 640

    def __iter__(self):
        for i in range(len(self)):
            time.sleep(0.008)
            yield np.array([i, 1, 2], np.float32)
