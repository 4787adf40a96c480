"""What fod_dump_taps shows of models' layers, and what PyTorch's own hooks do."""

from __future__ import annotations

import ast
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterable

import numpy as np
import torch

HERE = Path(__file__).resolve().parent


@dataclass
class Seen:
    """A line of layers.tsv, and the values."""

    name: str
    aliases: list[str]
    type: str
    shape: tuple[int, ...]
    batch: int
    channel: int
    calls: int
    problem: str
    values: np.ndarray | None = None


def first_tensor(output: Any) -> torch.Tensor | None:
    if isinstance(output, torch.Tensor):
        return output
    if isinstance(output, dict):
        output = list(output.values())
    if isinstance(output, (tuple, list)):
        return first_tensor(output[0])
    return None


def hooked(model: torch.nn.Module, batch: torch.Tensor) -> list:
    """(name, first tensor, type) of all calls, in order, by PyTorch's hooks."""
    calls: list = []
    counts: dict[str, int] = {}

    def hook(name):
        def keep(module, _inputs, output):
            count = counts[name] = counts.get(name, 0) + 1
            tensor = first_tensor(output)
            calls.append((name if count == 1 else f"{name}#{count - 1}",
                          None if tensor is None else tensor.clone(), type(module).__name__))
        return keep

    handles = [module.register_forward_hook(hook(name))
               for name, module in model.named_modules() if name]
    types = {p.dtype for p in model.parameters()}
    with torch.inference_mode():
        model(batch.to(types.pop()) if batch.is_floating_point() else batch)
    for handle in handles:
        handle.remove()
    return calls


def load(folder: Path) -> list[Seen]:
    layers = []
    for line in (folder / "layers.tsv").read_text().splitlines():
        name, aliases, kind, _, shape, batch, channel, calls, problem = line.split("\t")
        layers.append(Seen(name, aliases.split(), kind, ast.literal_eval(shape), int(batch),
                           int(channel), int(calls), problem))
    for i, layer in enumerate([layer for layer in layers if not layer.problem]):
        layer.values = np.load(folder / f"{i}.npy")
    return layers


def dump(build: Path, folder: Path, jobs: Iterable[tuple[object, object, object]]) -> None:
    """Runs (model, data, output folder) one after another in one process."""
    done = subprocess.run(
        [build / "tests" / "fod_dump_taps"], text=True, capture_output=True, timeout=240,
        input="\n".join(" ".join(map(str, job)) for job in jobs), cwd=folder,
        env={**os.environ, "PYTHONPATH": str(HERE),
             "FOD_PYTHON_LIBRARY": str(build / "libfod_python.so")})
    assert done.returncode == 0, done.stderr


def rows_channels_positions(tensor: torch.Tensor, layer: Seen) -> np.ndarray:
    rest = [i for i in range(tensor.dim()) if i not in (layer.batch, layer.channel)]
    moved = tensor.permute(layer.batch, layer.channel, *rest)
    return moved.reshape(*moved.shape[:2], -1).float().numpy()
