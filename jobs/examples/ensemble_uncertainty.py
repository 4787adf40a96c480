#!/usr/bin/env python3
"""Does an ensemble know when it is wrong? Entropy and epistemic uncertainty against errors.

    .venv/bin/python jobs/examples/ensemble_uncertainty.py [--seed 0] [--json FILE] [--build DIR]

Five small networks learn scikit-learn's digits from the same 100 labels, each from a start of its
own, so that errors are left. One job, `fod-generate` with five times --model, gives the ensemble's
distributions of the 1,697 other images and takes their entropy apart: total = aleatoric (mean
entropy of the members) + epistemic (what they disagree about). The five models run one by one and
joined by `fod ensemble` give the same numbers, to the last bit, as is shown too.

Printed: the area under the ROC curve of each uncertainty for telling errors from right predictions
(0.5: no better than chance, 1: every error is more uncertain than every right prediction).
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
from sklearn.metrics import roc_auc_score
from torch import nn

MEMBERS, LABELS = 5, 100
MEASURES = ("entropy", "epistemic", "aleatoric", "disagreement")


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


def prepare(seed: int, folder: Path) -> list[Path]:
    """Writes x.npy and y.npy, the images that nobody learns from; returns the models' files."""
    digits = load_digits()
    images, labels = (digits.images[:, None] / 16).astype(np.float32), digits.target
    order = np.random.default_rng(seed).permutation(len(labels))
    learned, others = order[:LABELS], order[LABELS:]
    np.save(folder / "x.npy", images[others])
    np.save(folder / "y.npy", labels[others])
    x, y = torch.from_numpy(images[learned]), torch.from_numpy(labels[learned])
    models = [folder / f"m{i}.pt" for i in range(MEMBERS)]
    for i, path in enumerate(models):
        torch.jit.script(train(x, y, MEMBERS * seed + i)).save(str(path))
    return models


def read(path: Path) -> dict[str, np.ndarray]:
    """What the file says of each sample, by name: entropy, prediction, members, …"""
    with h5py.File(path) as file:
        names = [name for name in ("distributions", "labels", "members") if name in file]
        return {**{name: values[:] for name, values in file["uncertainty"].items()},
                **{name: file[name][:] for name in names}}


def measure(seed: int, folder: Path, build: Path) -> dict[str, Any]:
    models = prepare(seed, folder)
    job = [build / "fod-generate", "--data", folder / "x.npy", "--labels", folder / "y.npy",
           "--threads", 1]
    at_once = [word for path in models for word in ("--model", path)]
    run(*job, *at_once, "--keep-members", "--out", folder / "at_once.h5")
    for path in models:
        run(*job, "--model", path, "--out", path.with_suffix(".h5"))
    run(build / "fod", "ensemble", folder / "joined.h5",
        *[path.with_suffix(".h5") for path in models], "--keep-members")

    ensemble, joined = read(folder / "at_once.h5"), read(folder / "joined.h5")
    single = read(models[0].with_suffix(".h5"))
    wrong = ensemble["prediction"] != ensemble["labels"]
    single_wrong = single["prediction"] != single["labels"]
    return {"seed": seed, "samples": len(wrong), "errors": int(wrong.sum()),
            "accuracy": float(1 - wrong.mean()), "member_accuracy": float(1 - single_wrong.mean()),
            "auroc": {name: float(roc_auc_score(wrong, ensemble[name])) for name in MEASURES},
            "auroc_of_a_member": float(roc_auc_score(single_wrong, single["entropy"])),
            "agree": ensemble.keys() == joined.keys() and all(
                np.array_equal(values, joined[name]) for name, values in ensemble.items())}


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
    print(f"{found['errors']} errors in {found['samples']} images: "
          f"accuracy {found['accuracy']:.3f}, of one member {found['member_accuracy']:.3f}")
    print("\nAUROC for telling errors")
    for name, value in found["auroc"].items():
        print(f"  {name:20}{value:6.3f}")
    print(f"  {'entropy, one member':20}{found['auroc_of_a_member']:6.3f}  (its own errors)")
    print(f"\none job and fod ensemble agree to the last bit: {'yes' if found['agree'] else 'NO'}")


if __name__ == "__main__":
    main()
