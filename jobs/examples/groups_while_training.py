#!/usr/bin/env python3
"""Groups of neurons while a network learns: when do they form, and do they stay?

    .venv/bin/python jobs/examples/groups_while_training.py [--seed 0] [--json FILE] [--build DIR]

A small network learns scikit-learn's digits. Before the first epoch and after every third it is
exported, and `fod-generate --layers relu` finds the groups of hidden neurons that fire together on
images that it does not learn from, by average linkage, in which no single neuron decides. `fod
compare` matches the groups over the series.

Printed per epoch: accuracy; groups, and neurons in them; stability (agreement of the groups that
two halves of the images give); agreement with the groups of the next epoch looked at, and of the
last one (adjusted Rand index: 1 the same groups, 0 as by chance). Then how many groups are stable,
emerging, vanishing or transient over the series.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

EPOCHS, EVERY, LEARNED, NEURONS, LAYER = 15, 3, 900, 64, "relu"
PHASES = ("stable", "emerging", "vanishing", "transient")


def run(program: Path, *arguments: object) -> str:
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{program.name} failed (exit code {done.returncode}):\n{done.stderr}")
    return done.stdout


def groups_of(model: nn.Module, epoch: int, folder: Path, build: Path) -> Path:
    """The result file of one epoch."""
    result = folder / f"epoch{epoch:02}.h5"
    torch.jit.script(model.eval()).save(str(folder / "m.pt"))
    model.train()
    run(build / "fod-generate", "--model", folder / "m.pt", "--data", folder / "x.npy", "--labels",
        folder / "y.npy", "--threads", 1, "--layers", LAYER, "--group-method", "hierarchical",
        "--correlation-threshold", 0.6, "--model-epoch", epoch, "--out", result)
    return result


def train(seed: int, folder: Path, build: Path) -> dict[int, Path]:
    """Trains, and returns the result files by epoch."""
    digits = load_digits()
    images, labels = (digits.data / 16).astype(np.float32), digits.target
    order = np.random.default_rng(seed).permutation(len(labels))
    learned, others = order[:LEARNED], order[LEARNED:]
    np.save(folder / "x.npy", images[others])
    np.save(folder / "y.npy", labels[others])
    x, y = torch.from_numpy(images[learned]), torch.from_numpy(labels[learned])

    torch.manual_seed(seed)
    model = nn.Sequential(OrderedDict(hidden=nn.Linear(64, NEURONS), relu=nn.ReLU(),
                                      out=nn.Linear(NEURONS, 10)))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    series = {0: groups_of(model, 0, folder, build)}
    for epoch in range(1, EPOCHS + 1):
        for batch in torch.randperm(LEARNED).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
            optimizer.step()
        if epoch % EVERY == 0:
            series[epoch] = groups_of(model, epoch, folder, build)
    return series


def measure(seed: int, folder: Path, build: Path) -> dict[str, Any]:
    series = train(seed, folder, build)

    def compare(*files: Path) -> dict[str, Any]:
        return json.loads(run(build / "fod", "compare", *files, "--json"))["layers"][LAYER]

    whole, last = compare(*series.values()), series[EPOCHS]
    to_next = {one["from"]: one["ari"] for one in whole["comparisons"]
               if one["to"] == one["from"] + 1}  # the others are with the first file
    epochs = []
    for i, (epoch, path) in enumerate(series.items()):
        with h5py.File(path) as file:
            layer = file["groups"][LAYER]
            accuracy, stability = file["metrics"].attrs["accuracy"], layer.attrs["stability"]
            sizes = layer["size"][:]
        [to_last] = compare(path, last)["comparisons"]
        epochs.append({
            "epoch": epoch, "accuracy": float(accuracy), "groups": len(sizes),
            "neurons": int(sizes.sum()), "stability": None if math.isnan(stability) else stability,
            "to_next": to_next.get(i), "to_last": to_last["ari"]})
    phases = Counter(one["learning_phase"] for one in whole["lineages"])
    return {"seed": seed, "epochs": epochs, "phases": {phase: phases[phase] for phase in PHASES}}


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
    print("epoch  accuracy  groups  neurons  stability  to next  to last")
    for one in found["epochs"]:
        stability, to_next = ("-" if one[key] is None else f"{one[key]:.2f}"
                              for key in ("stability", "to_next"))
        print(f"{one['epoch']:5}{one['accuracy']:10.3f}{one['groups']:8}{one['neurons']:9}"
              f"{stability:>11}{to_next:>9}{one['to_last']:9.2f}")
    print("groups: " + ", ".join(f"{count} {phase}" for phase, count in found["phases"].items()))


if __name__ == "__main__":
    main()
