#!/usr/bin/env python3
"""Trains a small CNN with dropout on scikit-learn's digits (1,797 real images of 8x8 pixels) in
seconds, the same one every time, and writes what a job needs into a folder: digits_model.pt
(TorchScript), images.npy (float32, 0..1), images_u8.npy (uint8, 0..16) and labels.npy (int64).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

GOOD = 0.97  # accuracy below which something is wrong with the training


class DigitsNet(nn.Module):
    """Two convolutions, dropout and two linear layers: (N, 1, 8, 8) to logits (N, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(0.25)
        self.fc1 = nn.Linear(32 * 4 * 4, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.conv1(x))
        x = self.pool(torch.relu(self.conv2(x)))
        x = self.dropout(torch.flatten(x, 1))
        x = self.dropout(torch.relu(self.fc1(x)))
        return self.fc2(x)


def make_digits_net() -> nn.Module:
    """An untrained model, for tools/export_model.py and tests."""
    torch.manual_seed(0)
    return DigitsNet().eval()


def train(images: torch.Tensor, labels: torch.Tensor, epochs: int) -> nn.Module:
    torch.manual_seed(0)
    torch.set_num_threads(1)  # the number of threads changes last bits
    model = DigitsNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimizer.step()
        schedule.step()
    return model.eval()


@torch.no_grad()
def accuracy(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    return (model(images).argmax(1) == labels).float().mean().item()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--epochs", type=int, default=25)
    arguments = parser.parse_args()

    digits = load_digits()
    raw = digits.images.astype(np.uint8)[:, None]
    images, labels = (raw / np.float32(16)).astype(np.float32), digits.target.astype(np.int64)
    learned, held_out = train_test_split(np.arange(len(labels)), test_size=0.25, random_state=0,
                                         stratify=labels)
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    model = train(x[learned], y[learned], arguments.epochs)

    unseen, whole = accuracy(model, x[held_out], y[held_out]), accuracy(model, x, y)
    print(f"accuracy: {unseen:.4f} on {len(held_out)} images held out, {whole:.4f} on all {len(y)}")
    if min(unseen, whole) < GOOD:
        print(f"train_digits: the model is too bad (at least {GOOD} was expected): "
              f"train longer with --epochs, now {arguments.epochs}", file=sys.stderr)
        return 1
    arguments.out.mkdir(parents=True, exist_ok=True)
    np.save(arguments.out / "images.npy", images)
    np.save(arguments.out / "images_u8.npy", raw)
    np.save(arguments.out / "labels.npy", labels)
    torch.jit.script(model).save(str(arguments.out / "digits_model.pt"))  # last: it marks the end
    print(f"wrote digits_model.pt, images.npy, images_u8.npy and labels.npy to {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
