"""Jobs that look at layers: models for them, a way to run them, and NumPy's idea of a neuron."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tap_models
import torch
from torch import Tensor, nn

HERE = Path(__file__).resolve().parent


def generate(run, model, data, out, *flags, ranks=None, cwd=None, threads=1, **settings):
    """With the models of this folder behind the python: door."""
    path = f"{HERE}:{cwd}" if cwd else str(HERE)
    return run("fod-generate", "--model", model, "--data", data, "--out", out, "--threads", threads,
               *flags, ranks=ranks, cwd=cwd, env={"PYTHONPATH": path}, **settings)


def done(*arguments, **settings):
    """The same, and it went well."""
    job = generate(*arguments, **settings)
    assert job.returncode == 0, job.stderr
    return job


def data_for(name: str, samples: int) -> np.ndarray:
    """Inputs of a model of tap_models."""
    random = np.random.default_rng(7)
    return random.standard_normal((samples, *tap_models.SHAPES[name])).astype(np.float32)


def is_spatial(model: str, layer: str) -> bool:
    """Channels come before positions in the layer's output."""
    return model in ("cnn", "channels_last", "signal", "volume") or layer == "patch"


def pooled(output: Tensor, how: str, spatial: bool, batch_axis: int = 0) -> np.ndarray:
    """(samples, neurons) in float64, by the definitions."""
    values = output.detach().to(torch.float64).numpy()
    if values.ndim > 2:
        values = np.moveaxis(values, batch_axis, 0)
    if values.ndim == 2 or how == "none":
        return values.reshape(len(values), -1)
    positions = tuple(range(2, values.ndim) if spatial else range(1, values.ndim - 1))
    return values.mean(positions) if how == "mean" else values.max(positions)


class Cast(nn.Module):
    """Of another type, which a layer passes on."""

    def __init__(self, short: bool) -> None:
        super().__init__()
        self.short = short
        self.cast = nn.Identity()
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = x.to(torch.float16) if self.short else x.to(torch.bfloat16)
        return self.head(self.cast(y).float())


class Pair(nn.Module):
    """Two layers with groups."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.first = nn.Identity()
        self.second = nn.Identity()
        self.head = nn.Linear(features, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.second(self.first(x).flip(1)))


class Masked(nn.Module):
    """NaN stays in a layer and does not reach the output."""

    def __init__(self, features: int = 8) -> None:
        super().__init__()
        self.features = nn.Identity()
        self.head = nn.Linear(features, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.nan_to_num(self.features(x), 0.0, 0.0, 0.0))


class Useless(nn.Module):
    """Returns what is no class scores."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form = form
        self.features = nn.Linear(8, 6)

    def forward(self, x: Tensor):
        y = self.features(x)
        return {"none": None, "list": [y, {"a": 3}], "int": y.argmax(1)}[self.form]


class Grid(nn.Module):
    """A convolution and a linear layer of odd widths."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 13, 3, padding=1)
        self.fc = nn.Linear(13, 37)
        self.head = nn.Linear(37, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.conv(x)).mean(dim=[2, 3])
        return self.head(torch.relu(self.fc(y)))


def slashed() -> nn.Module:
    """Names as of models that were converted from other frameworks."""
    model = nn.Sequential()
    model.add_module("a/b", nn.Linear(8, 3))
    return model


def useless_none() -> nn.Module:
    return tap_models.made("useless", Useless("none"))


def useless_list() -> nn.Module:
    return tap_models.made("useless", Useless("list"))


def useless_int() -> nn.Module:
    return tap_models.made("useless", Useless("int"))


def correlated(samples: int, neurons: int = 8, seed: int = 4) -> np.ndarray:
    """Every pair of neighbours belongs together."""
    random = np.random.default_rng(seed)
    factors = random.standard_normal((samples, neurons // 2)).repeat(2, 1)
    values = factors + 0.3 * random.standard_normal((samples, neurons))
    return values.astype(np.float32)


def same_groups(left: Path, right: Path) -> None:
    import group_data  # and h5py, which jobs with models of this file do without

    group_data.same(group_data.everything(left), group_data.everything(right))
