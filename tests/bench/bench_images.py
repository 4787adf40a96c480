#!/usr/bin/env python3
"""How long fod-generate takes for images, against Pillow and torchvision on one thread each: the
same photographs decoded, scaled to 256, cropped to 224. Prints the ratio, smaller is faster.

    FOD_BUILD=build/release python tests/bench/bench_images.py [--copies 60] [--rounds 5]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import skimage
import sklearn.datasets
import torch
from torch import Tensor, nn
from torchvision.datasets import ImageFolder
from torchvision.transforms import CenterCrop, Compose, PILToTensor, Resize

DATA = Path(skimage.__file__).parent / "data"
SETS = {
    "JPEG, 640 x 427": sorted((Path(sklearn.datasets.__file__).parent / "images").glob("*.jpg")),
    "JPEG, 1411 x 1411": [DATA / "retina.jpg"],
    "PNG, 512 x 512": [DATA / "astronaut.png", DATA / "ihc.png"],
}


class Mean(nn.Module):
    """Next to no work."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :2, 0, 0]


def by_pillow(folder: Path) -> float:
    torch.set_num_threads(1)
    dataset = ImageFolder(folder, transform=Compose([Resize(256), CenterCrop(224), PILToTensor()]))
    start = time.perf_counter()
    for image, _ in dataset:
        image[0, 0, 0].item()
    return time.perf_counter() - start


def by_fod(folder: Path, model: Path, out: Path) -> float:
    """Seconds of the loop, which reads every image once, runs the model and writes."""
    program = Path(os.environ.get("FOD_BUILD", "build/release")) / "fod-generate"
    subprocess.run([str(program), "--model", str(model), "--data", str(folder), "--resize", "256",
                    "--crop", "224", "--threads", "1", "--batch-size", "16", "--overwrite", "--out",
                    str(out)], check=True, stdout=subprocess.DEVNULL)
    with h5py.File(out) as file:
        return float(file["provenance"].attrs["seconds_loop"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=60, help="images of each set")
    parser.add_argument("--rounds", type=int, default=5, help="the least of so many counts")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        model = Path(name) / "m.pt"
        torch.jit.script(Mean()).save(str(model))
        for number, (title, photos) in enumerate(SETS.items()):
            folder = Path(name) / f"set{number}"
            (folder / "a").mkdir(parents=True)
            for i in range(arguments.copies):
                photo = photos[i % len(photos)]
                shutil.copy(photo, folder / "a" / f"{i:05}{photo.suffix}")
            rounds = [(by_fod(folder, model, Path(name) / "r.h5"), by_pillow(folder))
                      for _ in range(arguments.rounds)]
            ours, theirs = (1000 * min(times) / arguments.copies for times in zip(*rounds))
            print(f"{title}: fod-generate {ours:.2f} ms, Pillow {theirs:.2f} ms per image, "
                  f"ratio {ours / theirs:.2f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
