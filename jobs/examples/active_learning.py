#!/usr/bin/env python3
"""Active learning on scikit-learn's digits: how many labels does it take if fod says which?

    .venv/bin/python jobs/examples/active_learning.py [--seeds 5] [--json FILE] [--build DIR]

A small network starts with 20 labels. Each round `fod-generate` computes its class distributions
over the pool, `fod select --by margin` names the 20 images that are most worth a label, those get
theirs, and the network is trained anew, up to 160 labels. Beside it the same network gets images by
chance. Printed: both accuracies on 500 other images, and with how many labels the choice by margin
reaches what 160 labels by chance give.

Why margin: what counts here is accuracy, and a small difference between the two largest
probabilities marks the images at a border between two classes. Entropy also grows with what is
spread over classes that are out of the question, which matters for the log-likelihood.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

FIRST, STEP, BUDGET, HELD_OUT = 20, 20, 160, 500


def run(program: Path, *arguments: object) -> None:
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{program.name} failed (exit code {done.returncode}):\n{done.stderr}")


def train(x: torch.Tensor, y: torch.Tensor, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, weight_decay=1e-4)
    for _ in range(100):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    return model.eval()


def by_margin(model: nn.Module, labelled: np.ndarray, folder: Path, build: Path) -> np.ndarray:
    """The ids of the pool that fod would label next."""
    torch.jit.script(model).save(str(folder / "m.pt"))
    np.save(folder / "labelled.npy", labelled)
    run(build / "fod-generate", "--model", folder / "m.pt", "--data", folder / "pool.npy",
        "--threads", 1, "--out", folder / "pool.h5", "--overwrite")
    run(build / "fod", "select", folder / "pool.h5", "--by", "margin", "--top", STEP,
        "--exclude", folder / "labelled.npy", "--out", folder / "next.npy", "--overwrite")
    return np.load(folder / "next.npy")


def curves(seed: int, folder: Path, build: Path) -> dict[str, list[float]]:
    """Accuracies at 20, 40, … labels, by margin and by chance. The first 20 are the same."""
    digits = load_digits()
    images, labels = (digits.images[:, None] / 16).astype(np.float32), digits.target
    order = np.random.default_rng(seed).permutation(len(labels))
    test, pool = order[:HELD_OUT], order[HELD_OUT:]
    np.save(folder / "pool.npy", images[pool])
    x, y = torch.from_numpy(images), torch.from_numpy(labels)

    accuracies: dict[str, list[float]] = {"margin": [], "chance": []}
    for how, reached in accuracies.items():
        labelled = np.arange(FIRST)  # ids are rows of the pool, which is in an order of chance
        while True:
            model = train(x[pool[labelled]], y[pool[labelled]], seed)
            with torch.no_grad():
                right = model(x[test]).argmax(1) == y[test]
            reached.append(right.float().mean().item())
            if len(labelled) == BUDGET:
                break
            chosen = (by_margin(model, labelled, folder, build) if how == "margin"
                      else np.arange(len(labelled), len(labelled) + STEP))
            labelled = np.concatenate([labelled, chosen])
    return accuracies


def labels_needed(accuracies: list[float], goal: float) -> int | None:
    """None: more than there were."""
    enough = np.flatnonzero(np.array(accuracies) >= goal)
    return FIRST + STEP * int(enough[0]) if enough.size else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--build", type=Path, default="build/release", metavar="DIR",
                        help="folder of fod and fod-generate (build/release)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    if not (build / "fod-generate").exists():
        parser.error(f"no fod-generate in {build}: build it first, or give its folder by --build")
    torch.set_num_threads(1)

    seeds = []
    for seed in range(arguments.seeds):
        with tempfile.TemporaryDirectory() as folder:
            found = curves(seed, Path(folder), build)
        goal = found["chance"][-1]
        seeds.append({"seed": seed, **found, "goal": goal,
                      "labels_needed": labels_needed(found["margin"], goal)})
    needed = [one["labels_needed"] for one in seeds]
    average = None if None in needed else float(np.mean(needed))
    labels = range(FIRST, BUDGET + 1, STEP)
    if arguments.json:
        arguments.json.write_text(json.dumps({"labels": [*labels], "by_chance": BUDGET,
                                              "by_margin": average, "seeds": seeds}))
    print("labels   " + "".join(f"{count:7}" for count in labels))
    for how in ("margin", "chance"):
        means = np.mean([one[how] for one in seeds], axis=0)
        print(f"by {how}" + "".join(f"{accuracy:7.3f}" for accuracy in means))
    print(f"\nlabels by margin for what {BUDGET} by chance give (-: more than {BUDGET})")
    for one in seeds:
        print(f"  seed {one['seed']}: {one['labels_needed'] or '-'} for {one['goal']:.3f}")
    if average:
        print(f"  mean: {average:.0f}")


if __name__ == "__main__":
    main()
