"""A model for jobs under SLURM: slow while the job runs for the first time, fast once it was
requeued. It notes every batch, with the GPUs that its rank sees, in the folder FOD_NOTES."""

import os
import time
from pathlib import Path

import numpy as np
import torch

WEIGHTS = torch.from_numpy(np.random.default_rng(2).standard_normal((20, 5)).astype(np.float32))
RESTARTS = int(os.environ.get("SLURM_RESTART_COUNT", "0"))
RANK = os.environ.get("SLURM_PROCID", "0")
PART = os.environ.get("SLURM_ARRAY_TASK_ID", "0")


def logits(x: torch.Tensor) -> torch.Tensor:
    with (Path(os.environ["FOD_NOTES"]) / f"{PART}.{RESTARTS}.{RANK}").open("a") as notes:
        notes.write(os.environ.get("CUDA_VISIBLE_DEVICES", "none") + "\n")
    if RESTARTS == 0:
        time.sleep(float(os.environ.get("FOD_PAUSE", "0")))
    return x @ WEIGHTS


def fails_late(x: torch.Tensor) -> torch.Tensor:
    if float(x[0, 0]) == 1000:  # the batch that the test has marked
        raise RuntimeError("this batch is too much")
    return x @ WEIGHTS
