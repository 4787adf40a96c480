"""Models and data of the benchmark of the whole job: seeded random weights, which take as long as
trained ones. Each case says how many samples a run has on the CPU, with --quick, and on a GPU."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np
import torch
import torchvision
from torch import Tensor, nn


class Mlp(nn.Module):
    def __init__(self, features: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.first = nn.Linear(features, hidden)
        self.head = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.first(x)))


class SmallCnn(nn.Module):
    """Of the size that MNIST is given, 1x28x28."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.head = nn.Linear(32 * 7 * 7, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = torch.max_pool2d(torch.relu(self.conv2(x)), 2)
        return self.head(x.flatten(1))


class Block(nn.Module):
    """Attention and a feed-forward part, each before a layer norm."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.join = nn.Linear(width, width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        n, tokens, width = x.shape
        parts = self.qkv(x).reshape(n, tokens, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4).unbind(0)
        seen = nn.functional.scaled_dot_product_attention(q, k, v)
        x = self.norm1(x + self.join(seen.transpose(1, 2).reshape(n, tokens, width)))
        return self.norm2(x + self.down(torch.relu(self.up(x))))


class Transformer(nn.Module):
    def __init__(self, vocabulary: int, tokens: int, width: int = 128, layers: int = 2) -> None:
        super().__init__()
        self.table = nn.Embedding(vocabulary, width)
        self.places = nn.Parameter(torch.zeros(tokens, width))
        self.blocks = nn.Sequential(*(Block(width, 4) for _ in range(layers)))
        self.head = nn.Linear(width, 10)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.blocks(self.table(tokens) + self.places).mean(1))


class Identity(nn.Module):
    """Costs nothing: what is left is reading, softmax and writing."""

    def forward(self, x: Tensor) -> Tensor:
        return x


@dataclass(frozen=True)
class Case:
    """A model with data. `samples` are of a run, by kind of run."""

    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    dtype: str
    samples: dict[str, int]  # "cpu", "quick", "cuda"
    batch: dict[str, int]    # "cpu", "cuda"
    vocabulary: int = 0      # of token ids

    def batch_size(self, device: str) -> int:
        return self.batch[device]


def sizes(cpu: int, quick: int, cuda: int) -> dict[str, int]:
    return {"cpu": cpu, "quick": quick, "cuda": cuda}


SMALL = {"cpu": 64, "cuda": 1024}
IMAGES = {"cpu": 8, "cuda": 128}
IMAGE = (3, 224, 224)

CASES: dict[str, Case] = {
    "mlp": Case(lambda: Mlp(64, 512, 10), (64,), "float32",
                sizes(1_000_000, 200_000, 10_000_000), SMALL),
    "cnn": Case(SmallCnn, (1, 28, 28), "float32", sizes(40_000, 8_000, 500_000), SMALL),
    "resnet18": Case(lambda: torchvision.models.resnet18(weights=None), IMAGE, "uint8",
                     sizes(128, 48, 16_384), IMAGES),
    "resnet50": Case(lambda: torchvision.models.resnet50(weights=None), IMAGE, "uint8",
                     sizes(80, 32, 8_192), IMAGES),
    "transformer": Case(lambda: Transformer(5000, 64), (64,), "int64",
                        sizes(16_000, 3_000, 400_000), SMALL, vocabulary=5000),
    "k1000": Case(lambda: Mlp(256, 512, 1000), (256,), "float32",
                  sizes(100_000, 30_000, 1_000_000), SMALL),
    "k50000": Case(lambda: Mlp(64, 128, 50_000), (64,), "float32",
                   sizes(6_000, 2_000, 60_000), SMALL),
    "write": Case(Identity, (1000,), "float32", sizes(200_000, 60_000, 1_000_000), SMALL),
}

TAPS = "layer1,layer2,layer3,layer4,avgpool"  # 256, 512, 1024, 2048 and 2048 neurons


def make_model(name: str, folder: Path) -> Path:
    """The scripted model in eval mode, made once in the folder."""
    path = folder / f"{name}.pt"
    if not path.exists():
        torch.manual_seed(0)
        torch.jit.script(CASES[name].make().eval()).save(str(path))
    return path


def make_data(name: str, samples: int, folder: Path) -> Path:
    """So many rows of seeded random data, made once in the folder. Repeats after 4,096 rows: what
    values are is no matter, and drawing millions takes long."""
    case = CASES[name]
    path = folder / f"{name}-{samples}.npy"
    if path.exists():
        return path
    generator = np.random.default_rng(1)
    count = min(samples, 4096)
    shape = (count, *case.shape)
    if case.vocabulary:
        some = generator.integers(0, case.vocabulary, shape, np.int64)
    elif case.dtype == "uint8":
        some = generator.integers(0, 256, shape, np.uint8)
    else:
        some = generator.standard_normal(shape, np.float32)
    out = np.lib.format.open_memmap(path, "w+", some.dtype, (samples, *case.shape))
    for begin in range(0, samples, count):
        end = min(samples, begin + count)
        out[begin:end] = some[:end - begin]
    out.flush()
    return path
