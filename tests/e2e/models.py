"""Small models and data that the end-to-end tests share. Weights are seeded, not trained."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn


class Linear(nn.Module):
    """Logits of a GEMM with odd widths, where CPU libraries are most sensitive to threads."""

    def __init__(self, features: int = 67, classes: int = 11) -> None:
        super().__init__()
        self.first = nn.Linear(features, 131)
        self.second = nn.Linear(131, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(torch.relu(self.first(x.flatten(1))))


class Conv(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 7, 3, padding=1)
        self.head = nn.Linear(7, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.conv(x)).mean(dim=[2, 3]))


class Shaped(nn.Module):
    """Returns its logits in a form that is asked for."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form = form
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x)
        if self.form == "1d":
            return y[:, 0]
        if self.form == "column":
            return y[:, :1]
        if self.form == "3d":
            return y[:, None, :].repeat(1, 2, 1)
        if self.form == "fewer":
            return y[:-1]
        if self.form == "probs":
            return torch.softmax(y, 1)
        if self.form == "half_probs":
            return torch.softmax(y, 1).half()
        if self.form == "int":
            return y.argmax(1)[:, None].repeat(1, 3)
        if self.form == "double":
            return y.double()
        return y


class Dict(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        y = self.layer(x)
        return {"logits": y, "features": 2 * y}


class Tuple(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        y = self.layer(x)
        return 2 * y, {"inner": y}


class Text(nn.Module):
    def forward(self, x: Tensor) -> str:
        return "hello"


class TwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return self.layer(left - 0.5 * right)


class Tokens(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(20, 8)
        self.head = nn.Linear(8, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.table(tokens).mean(1))


class Switch(nn.Module):
    """Probabilities for the first samples, logits as soon as a sample's first value exceeds 100."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x)
        return torch.where(x[:, :1] > 100, y, torch.softmax(y, 1))


class FailsLate(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        if bool((x[:, 0] > 100).any()):
            raise RuntimeError("this sample is too much")
        return self.layer(x)


def save(model: nn.Module, path: Path, seed: int = 0) -> Path:
    """Seeds the weights, scripts and saves the model."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)
    torch.jit.script(model.eval()).save(str(path))
    return path


def data(path: Path, shape: tuple[int, ...], seed: int = 1) -> np.ndarray:
    """Saves and returns normal random float32 data."""
    values = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    np.save(path, values)
    return values


def softmax(logits: np.ndarray) -> np.ndarray:
    """In float64, by the textbook."""
    wide = logits.astype(np.float64)
    powers = np.exp(wide - wide.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def forward(path: Path, *inputs: np.ndarray) -> torch.Tensor:
    """What Python's own TorchScript gives for the whole dataset."""
    model = torch.jit.load(str(path)).eval()
    with torch.inference_mode():
        return model(*(torch.from_numpy(values) for values in inputs))
