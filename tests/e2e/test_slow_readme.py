"""Every command of the README's sections on models, data, groups and shards, as it is printed there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import h5py
import images
import models
import numpy as np
import pytest
import torch
from conftest import ROOT
from torch import nn

README = (ROOT / "README.md").read_text(encoding="utf-8")
SECTIONS = "".join(part for part in re.split(r"^(?=## )", README, flags=re.MULTILINE)
                   if part.startswith(("## Models", "## Data", "## Neuron groups")))
COMMANDS = re.findall(r"```sh\n(.*?)```", SECTIONS, re.DOTALL)
SHARDS = re.findall(r"## Shards and merging\n.*?```sh\n(.*?)```", README, re.DOTALL)


class Small(nn.Module):
    """A classifier of images of any size."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x.mean(dim=[2, 3]))


class Bayesian(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight_mu = nn.Parameter(torch.zeros(10, 64))
        self.weight_rho = nn.Parameter(torch.zeros(10, 64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1) @ self.weight_mu.T


def write_data(folder: Path, digits: Path) -> None:
    x, y = np.load(digits / "images.npy"), np.load(digits / "labels.npy")
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", y)
    np.save(folder / "votes.npy", 5 * np.eye(10, dtype=np.int64)[y])
    with h5py.File(folder / "x.h5", "w") as file:
        file["train/images"] = x
    random = np.random.default_rng(0)
    np.save(folder / "w.npy", random.standard_normal((64, 10)).astype(np.float32))
    records = random.integers(0, 256, (200, 3073), dtype=np.uint8)
    records[:, 0] %= 10
    records.tofile(folder / "data_batch_1.bin")
    for i in range(20):
        images.flat(folder / "photos" / ("cat" if i % 2 else "dog") / f"{i}.jpg", 12 * i, (40, 30))
    (folder / "photos" / "cat" / "broken.jpg").write_bytes(b"\xff\xd8\xff")


def write_models(folder: Path, digits: Path) -> None:
    state = torch.jit.load(str(digits / "digits_model.pt")).state_dict()
    torch.save(state, folder / "state.pth")
    (folder / "my_model.py").write_text(
        "import torch\nfrom train_digits import DigitsNet\n\n"
        "def make():\n    model = DigitsNet()\n"
        "    model.load_state_dict(torch.load('state.pth'))\n    return model.eval()\n")
    (folder / "w.bin").write_bytes(b"".join(
        values.numpy().astype("<f4").tobytes() for values in state.values()))
    for name in ("cifar.pt", "photos.pt"):
        models.save(Small(), folder / name)
    models.save(Bayesian(), folder / "bayes.pt")
    for source in re.findall(r"```python\n(# my_\w+\.py\n.*?)```", SECTIONS, re.DOTALL):
        name = source.split("\n")[0].removeprefix("# ")
        (folder / name).write_text(source)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, digits, build):
    """A user's folder, in the checkout's place."""
    folder = tmp_path_factory.mktemp("user")
    for name in ("include", "tools", "tests"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "build").mkdir()
    (folder / "build" / "release").symlink_to(build)
    write_data(folder, digits)
    write_models(folder, digits)
    done = bash(folder, "python tools/export_model.py my_model:make --input-shape 64,1,8,8 "
                        "--out m.pt")
    assert done.returncode == 0, done.stderr
    return folder


def bash(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "tools"), "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1"}
    return subprocess.run(["bash", "-ec", command], cwd=folder, env=environment,
                          capture_output=True, text=True, timeout=400)


def test_every_door_has_its_command():
    assert len(COMMANDS) == 12
    for flag in ("m.pt2", "python:my_jax:logits", "plugin:libmine.so", "python:my_data:Dataset",
                 "--mc-dropout", "--posterior", "--data photos", "cifar10:", "x.h5:/train", "--layers"):
        assert any(flag in command for command in COMMANDS), flag


@pytest.mark.parametrize("index", range(len(COMMANDS)))
def test_command(folder, index):
    for name in ("r.h5", "ensemble.h5", "dropout.h5", "p.h5"):
        (folder / name).unlink(missing_ok=True)
    command = COMMANDS[index]
    if "export_model.py" in command:
        (folder / ("m.pt2" if "aoti" in command else "m.pt")).unlink(missing_ok=True)
    # Two jobs of one block write to the same name.
    command = command.replace("\nmpirun", "\nrm -f r.h5\nmpirun")
    done = bash(folder, command)
    assert done.returncode == 0, f"{command}\n{done.stderr[-3000:]}"
    for out in re.findall(r"--out (\S+\.h5)", COMMANDS[index]):
        verified = bash(folder, f"build/release/fod verify {out}")
        assert verified.returncode == 0, verified.stdout
    if "--posterior" in command:
        with h5py.File(folder / "p.h5") as file:
            assert set(file["weight"]) == {"mu", "rho", "sigma"}
    if "--data photos" in command:
        with h5py.File(folder / "r.h5") as file:
            assert sorted(file["row_status"][:]) == [0] * 20 + [2]
            assert [name.decode() for name in file["provenance/class_names"][:]] == ["cat", "dog"]
    if "--layers" in command:
        assert "conv2" in done.stdout and "cohesion" in done.stdout
        source = re.search(r"```python\n(import h5py\nwith[^`]*groups/[^`]*)```", SECTIONS)
        assert source is not None
        read = subprocess.run([sys.executable, "-c", source[1]], cwd=folder, capture_output=True,
                              text=True, timeout=60)
        assert read.returncode == 0 and "correlation_clustering" in read.stdout, read.stderr
    if "python:my_data" in command or "y.npy --out r.h5" in command:
        with h5py.File(folder / "r.h5") as file:
            assert file["metrics"].attrs["accuracy"] > 0.95


def test_shards_and_ranges_become_one(folder):
    assert len(SHARDS) == 1
    done = bash(folder, SHARDS[0])
    assert done.returncode == 0, done.stderr[-3000:]
    for out in ("s.h5", "parts.h5"):
        assert bash(folder, f"build/release/fod verify {out}").returncode == 0
        with h5py.File(folder / out) as file:
            assert len(file["sample_ids"]) == 1797 and len(file["groups/fc1/group_id"]) > 0
            assert file["metrics"].attrs["accuracy"] > 0.95
