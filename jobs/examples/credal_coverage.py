#!/usr/bin/env python3
"""Credal sets against true distributions: which of them hold the truth, and how large are they?

    .venv/bin/python jobs/examples/credal_coverage.py [--seed 0] [--json FILE] [--build DIR]

Noise on scikit-learn's digits 3, 5 and 8 makes images whose class is not certain. The truth is what
a teacher says of them: the mean of four larger networks trained on half of the images, by
`fod-generate` with four times --model. Ten small students know 60 labels each, drawn with
repetition, and span a credal set for every image of the other half. `fod metrics --truth` gives
coverage (the share of truths inside) and efficiency (1 - mean width) of

  members      --members: each class between its lowest and highest probability over the members
               (intervals), and all mixtures of the members (hull)
  vertices     --vertices: the same of any points, here of the first five members alone
  lower/upper  --lower, --upper: any intervals, here the members' mean +- 2 standard deviations
  ball         --radius: within a total variation of the ensemble's mean

A hull lies inside its intervals, so it never covers more. Three classes, since a hull has no volume
unless there are more vertices than classes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

CLASSES, NOISE, LABELS, TEACHERS, STUDENTS = (3, 5, 8), 0.4, 60, 4, 10
RADII = (0.05, 0.1, 0.2, 0.3)


def run(program: Path, *arguments: object) -> str:
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{program.name} failed (exit code {done.returncode}):\n{done.stderr}")
    return done.stdout


def train(x: torch.Tensor, y: torch.Tensor, width: int, steps: int, seed: int) -> nn.Module:
    """Learns from noise that is new at each step."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, len(CLASSES)))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, weight_decay=1e-4)
    for _ in range(steps):
        optimizer.zero_grad()
        noisy = x + NOISE * torch.randn_like(x)
        nn.functional.cross_entropy(model(noisy), y).backward()
        optimizer.step()
    return model.eval()


def ensemble(models: list[nn.Module], name: str, folder: Path, build: Path) -> Path:
    """The file of their distributions of x.npy, each member's kept."""
    flags: list[object] = []
    for i, model in enumerate(models):
        torch.jit.script(model).save(str(folder / f"{name}{i}.pt"))
        flags += ["--model", folder / f"{name}{i}.pt"]
    result = folder / f"{name}.h5"
    run(build / "fod-generate", *flags, "--data", folder / "x.npy", "--threads", 1,
        "--keep-members", "--out", result)
    return result


def train_all(seed: int, folder: Path, build: Path) -> tuple[Path, Path]:
    """The files of the teacher and of the students."""
    digits = load_digits()
    chosen = np.flatnonzero(np.isin(digits.target, CLASSES))
    random = np.random.default_rng(seed)
    random.shuffle(chosen)
    x = torch.from_numpy((digits.data[chosen] / 16).astype(np.float32))
    y = torch.from_numpy(np.searchsorted(CLASSES, digits.target[chosen]))
    half = len(chosen) // 2
    np.save(folder / "x.npy", x[half:].numpy()
            + NOISE * random.standard_normal(x[half:].shape, dtype=np.float32))

    teachers = [train(x[:half], y[:half], 128, 200, 100 * seed + i) for i in range(TEACHERS)]
    students = []
    for i in range(STUDENTS):
        drawn = random.integers(0, LABELS, LABELS)
        students.append(train(x[drawn], y[drawn], 32, 100, 100 * seed + TEACHERS + i))
    return (ensemble(teachers, "teacher", folder, build),
            ensemble(students, "students", folder, build))


def measure(seed: int, folder: Path, build: Path) -> dict[str, Any]:
    truth, students = train_all(seed, folder, build)
    with h5py.File(students) as file:
        members = file["members"][:].astype(np.float64)
    mean, spread = members.mean(axis=1), 2 * members.std(axis=1)
    np.save(folder / "lower.npy", np.maximum(mean - spread, 0))
    np.save(folder / "upper.npy", np.minimum(mean + spread, 1))
    np.save(folder / "vertices.npy", members[:, :5])

    def sets(*flags: object) -> list[dict[str, Any]]:
        printed = run(build / "fod", "metrics", students, "--truth", truth, *flags, "--json")
        return json.loads(printed)["credal"]["sets"]

    found = sets("--members", "--vertices", folder / "vertices.npy",
                 "--lower", folder / "lower.npy", "--upper", folder / "upper.npy")
    named = {f"{one['from']} {one['kind']}": one for one in found}
    for radius in RADII:
        [named[f"ball {radius}"]] = sets("--radius", radius)
    return {"seed": seed, "samples": len(mean), "sets": {
        name: {key: one[key] for key in ("coverage", "efficiency")} for name, one in named.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--build", type=Path, default="build/release", metavar="DIR",
                        help="folder of fod and fod-generate (build/release)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    if not (build / "fod-generate").exists():
        parser.error(f"no fod-generate in {build}: build it first, or give its folder by --build")
    torch.set_num_threads(1)

    with tempfile.TemporaryDirectory() as folder:
        found = measure(arguments.seed, Path(folder), build)
    if arguments.json:
        arguments.json.write_text(json.dumps(found))
    print(f"{found['samples']} images\n\ncredal set            coverage  efficiency")
    for name, one in found["sets"].items():
        print(f"{name:22}{one['coverage']:8.3f}{one['efficiency']:12.3f}")


if __name__ == "__main__":
    main()
