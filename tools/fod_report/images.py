"""The inputs of single samples as pictures, from what `--data` names."""

from __future__ import annotations

import gzip
import importlib
import os
import sys
from pathlib import Path
from typing import Any, Callable

import h5py
import numpy as np

from .problem import Problem

ENDINGS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".webp")


class Images:
    """`count` samples; `take(index)` gives one as an array."""

    def __init__(self, count: int, take: Callable[[int], np.ndarray]) -> None:
        self.count = count
        self.take = take


def open_images(spec: str) -> Images:
    """x.npy, x.h5:/path, IDX (.gz too), cifar10:FILE, cifar100:FILE, a folder CLASS/image, or
    python:module:callable (a map-style dataset). @throws Problem"""
    try:
        if spec.startswith("python:"):
            return _python(spec)
        if spec.startswith(("cifar10:", "cifar100:")):
            return _cifar(spec)
        if Path(spec).is_dir():
            return _folder(Path(spec))
        path, _, inside = spec.partition(":")
        if inside:
            file = h5py.File(path, "r")
            return _array(file[inside], spec)
        if spec.endswith(".npy"):
            return _array(np.load(spec, mmap_mode="r", allow_pickle=False), spec)
        return _idx(spec)
    except Problem:
        raise
    except Exception as error:  # of any reader: files are as they are
        raise _unreadable(spec, f"{type(error).__name__}: {error}") from None


def _unreadable(spec: str, why: str) -> Problem:
    return Problem(f"--data {spec} cannot be read", why, "name the data that fod-generate was given "
                   "(x.npy, x.h5:/path, IDX, cifar10:FILE, a folder of images, python:module:name)")


def _array(values: Any, spec: str) -> Images:
    if not hasattr(values, "shape") or len(values.shape) < 1 or values.dtype.kind not in "fiub":
        raise _unreadable(spec, "no array of numbers")
    return Images(int(values.shape[0]), lambda index: np.asarray(values[index]))


def _idx(spec: str) -> Images:
    opener = gzip.open if spec.endswith(".gz") else open
    with opener(spec, "rb") as file:
        head = file.read(4)
        if len(head) < 4 or head[:3] != b"\0\0\x08":
            raise _unreadable(spec, "neither npy nor IDX of bytes")
        shape = np.frombuffer(file.read(4 * head[3]), ">u4").astype(int)
        values = np.frombuffer(file.read(), np.uint8)
    if len(shape) < 1 or len(values) != np.prod(shape):
        raise _unreadable(spec, "an IDX file that lacks its bytes")
    return _array(values.reshape(shape), spec)


def _cifar(spec: str) -> Images:
    kind, _, path = spec.partition(":")
    labels = 1 if kind == "cifar10" else 2
    names = [Path(path)]
    if Path(path).is_dir():
        names = (sorted(Path(path).glob("data_batch_*.bin")) if labels == 1
                 else [Path(path) / "train.bin"])
    rows = np.concatenate([np.fromfile(name, np.uint8) for name in names])
    if not len(rows) or len(rows) % (3072 + labels):
        raise _unreadable(spec, "no whole records of CIFAR")
    return _array(rows.reshape(-1, 3072 + labels)[:, labels:].reshape(-1, 3, 32, 32), spec)


def _folder(folder: Path) -> Images:
    """In torchvision's order: classes, then paths below each."""
    from PIL import Image

    paths = []
    for kind in sorted(entry for entry in os.listdir(folder) if (folder / entry).is_dir()):
        for root, folders, files in sorted(os.walk(folder / kind, followlinks=True)):
            folders.sort()
            paths += [Path(root) / name for name in sorted(files)
                      if name.lower().endswith(ENDINGS[:3])]
    if not paths:
        raise _unreadable(str(folder), "no class/image.jpg in it")

    def take(index: int) -> np.ndarray:
        with Image.open(paths[index]) as image:
            image.draft("RGB", (256, 256))
            image = image.convert("RGB")
            image.thumbnail((160, 160))
            return np.asarray(image)

    return Images(len(paths), take)


def _python(spec: str) -> Images:
    _, _, rest = spec.partition(":")
    module, _, name = rest.partition(":")
    sys.path.insert(0, os.getcwd())
    made = getattr(importlib.import_module(module), name)
    factory = isinstance(made, type) or (callable(made) and not hasattr(made, "__getitem__"))
    dataset = made() if factory else made
    dataset = getattr(dataset, "dataset", dataset)  # of a DataLoader

    def take(index: int) -> np.ndarray:
        sample = dataset[index]
        while isinstance(sample, (tuple, list, dict)):
            sample = next(iter(sample.values())) if isinstance(sample, dict) else sample[0]
        return np.asarray(sample)

    return Images(len(dataset), take)


def as_picture(values: np.ndarray) -> np.ndarray | None:
    """(H, W) or (H, W, 3), float32; None if the sample is no image."""
    x = np.asarray(values)
    if x.ndim == 3 and x.shape[0] in (1, 3, 4) and x.shape[2] not in (1, 3, 4):
        x = np.moveaxis(x, 0, 2)
    elif x.ndim == 3 and x.shape[0] in (1, 3) and min(x.shape[1:]) > 4:
        x = np.moveaxis(x, 0, 2)
    if x.ndim == 3 and x.shape[2] == 1:
        x = x[:, :, 0]
    if x.ndim == 3 and x.shape[2] == 4:
        x = x[:, :, :3]
    good = (x.ndim == 2 or (x.ndim == 3 and x.shape[2] == 3)) and min(x.shape[:2]) > 3
    return x.astype(np.float32) if good and x.dtype.kind in "fiub" else None


def scale_of(pictures: list[np.ndarray], kind: np.dtype) -> tuple[float, float]:
    """What is drawn black and white: 0 and 255 for bytes that use that range, else 0 and 1 for
    values in it, else the smallest and largest of these."""
    low = min((float(np.nanmin(one)) for one in pictures), default=0)
    high = max((float(np.nanmax(one)) for one in pictures), default=1)
    if np.dtype(kind) == np.uint8 and high > 127:
        return 0.0, 255.0
    if low >= 0 and 0.5 < high <= 1:
        return 0.0, 1.0
    return (low, high) if high > low else (low, low + 1)


def check_fits(images: Images, ids: np.ndarray, spec: str) -> None:
    """@throws Problem if the result has samples that the data have not"""
    if len(ids) and int(ids.max()) >= images.count:
        raise Problem(f"--data {spec} is of another dataset", f"it has {images.count:,} samples, and "
                      f"the result has sample {int(ids.max()):,}", "name the data of the job")


def pictures_of(images: Images, ids: np.ndarray, spec: str) -> list[np.ndarray] | None:
    """Values 0..1 of these samples; None if they are no images. @throws Problem"""
    found = []
    kind = np.dtype(np.float32)
    for one in ids.tolist():
        try:
            raw = images.take(one)
        except Exception as error:  # of any reader: files are as they are
            raise _unreadable(spec, f"sample {one}: {type(error).__name__}: {error}") from None
        picture = as_picture(raw)
        if picture is None:
            return None
        kind = raw.dtype
        found.append(picture)
    low, high = scale_of(found, kind)
    return [np.clip(np.nan_to_num((one - low) / (high - low)), 0, 1) for one in found]


def fitted(picture: np.ndarray, side: int) -> np.ndarray:
    """(side, side, 3) bytes: the picture as large as fits, whole, on a grey ground."""
    from PIL import Image

    image = Image.fromarray((picture * 255 + 0.5).astype(np.uint8)).convert("RGB")
    factor = side / max(image.size)
    size = tuple(max(1, round(extent * factor)) for extent in image.size)
    how = Image.Resampling.NEAREST if factor > 1 else Image.Resampling.LANCZOS
    paper = Image.new("RGB", (side, side), (128, 128, 128))
    paper.paste(image.resize(size, how), ((side - size[0]) // 2, (side - size[1]) // 2))
    return np.asarray(paper)
