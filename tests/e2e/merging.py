"""Shards and ranges of jobs, joined by `fod merge`, and how a result is compared with another."""

from __future__ import annotations

import random
from pathlib import Path

import h5py
import numpy as np

import group_data
from layer_jobs import done
from program import fod


def everything(path: Path) -> dict[str, object]:
    """All datasets and attributes of a result file, but for what says where it comes from."""
    found = {key: value for key, value in group_data.everything(path, "/").items()
             if not key.startswith("provenance")}
    with h5py.File(path, "r") as file:
        return found | {f"@{key}": value for key, value in file.attrs.items() if key != "creation"}


def same_results(left: Path, right: Path, but: tuple[str, ...] = ()) -> None:
    """Equal to the last bit, all of it."""
    one, two = everything(left), everything(right)
    for key in but:
        del one[key], two[key]
    group_data.same(one, two)


def shards_of(out: Path, ranks: int) -> list[Path]:
    return [out.with_name(f"{out.stem}.{rank:05d}-of-{ranks:05d}.h5") for rank in range(ranks)]


def sharded(run, out: Path, ranks: int, job, *flags: object, **settings) -> list[Path]:
    """A job with a file per rank; each is valid by itself."""
    done(run, *job[:2], out, *job[2:], "--shards", *flags, ranks=ranks, **settings)
    files = shards_of(out, ranks)
    for file in files:
        verdict = fod("verify", file)
        assert verdict.returncode == 0, verdict.stdout
    assert not out.exists()
    return files


def ranged(run, out: Path, ranges: list[str], job, **settings) -> list[Path]:
    """A job per range, each on another number of ranks."""
    files = []
    for number, samples in enumerate(ranges):
        files.append(out.with_name(f"{out.stem}-{number}.h5"))
        done(run, *job[:2], files[-1], *job[2:], "--range", samples, ranks=1 + number % 2, **settings)
    return files


def merged(out: Path, files: list[Path], *flags: object, seed: int = 0) -> str:
    """Joins the files in an order of chance. What it says."""
    shuffled = random.Random(seed).sample(files, len(files))
    result = fod("merge", out, *shuffled, *flags)
    assert result.returncode == 0, result.stderr.decode()
    assert fod("verify", out).returncode == 0
    return result.stdout.decode()


def refused(out: Path, files: list, *words: str, flags: tuple = (), gone: bool = True) -> str:
    """Nothing is written, and the message says these words."""
    result = fod("merge", out, *files, *flags)
    message = result.stderr.decode()
    assert result.returncode == 2 and message.startswith("fod: "), message
    assert message.count("\n") == 1
    for word in words:
        assert word in message, message
    if gone:
        left = [path.name for path in out.parent.iterdir() if path.name.startswith(out.name)]
        assert not left, left
    return message


def flip(path: Path, dataset: str, byte: int = 0) -> None:
    """Flips a bit of a dataset where it lies in the file."""
    with h5py.File(path, "r") as file:
        offset = file[dataset].id.get_offset()
    with open(path, "r+b") as file:
        file.seek(offset + byte)
        value = file.read(1)[0]
        file.seek(offset + byte)
        file.write(bytes([value ^ 4]))


def saved(path: Path, values: np.ndarray) -> Path:
    np.save(path, values)
    return path
