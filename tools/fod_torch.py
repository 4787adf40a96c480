"""Training in PyTorch on the distributions of a result file (or of its JSON form).

    from fod_torch import load_distributions, output_dataloader

    distributions, meta = load_distributions("train.h5")
    loader = output_dataloader(train_set, distributions, batch_size=64, shuffle=True)
    for inputs, labels, targets in loader:
        loss = torch.nn.functional.kl_div(student(inputs).log_softmax(-1), targets,
                                          reduction="batchmean")

Needs h5py, NumPy and PyTorch; nothing is compiled. Rows of a result file are read when they are asked
for, so that its size does not matter, in every worker process of a DataLoader alike.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

__all__ = ["Distributions", "FirstOrderDataset", "load_distributions", "output_dataloader",
           "output_fo_dataloader"]

UNREADABLE = 2  # in /row_status: the sample's input could not be read, so that it has no row


class Distributions(Mapping[int, "list[float]"]):
    """Distributions by sample id, as a dict of lists is used: `distributions[7]`, `len`, iteration,
    `in`, `.items()`. What a file holds stays there until it is asked for.

    ids: (N,) the samples that have a distribution, in the file's order.
    rows: array (N,K) of them, memory-mapped where the file allows it.
    """

    def __init__(self, ids: np.ndarray, rows: Any) -> None:
        self.ids = np.asarray(ids, dtype=np.int64)
        self.rows = rows
        steps = np.diff(self.ids)
        self._is_run = bool(np.all(steps == 1))
        self._order = None if self._is_run or np.all(steps > 0) else np.argsort(self.ids)
        ascending = self.ids if self._order is None else self.ids[self._order]
        twice = np.flatnonzero(np.diff(ascending) == 0)
        if twice.size:
            raise ValueError(f"sample {ascending[twice[0]]} has two distributions: see where the ids "
                             "come from")

    @property
    def num_classes(self) -> int:
        return int(self.rows.shape[1])

    def place(self, sample: int) -> int:
        """Row of a sample. KeyError if it has none."""
        at = self._find(sample)
        if at < 0:
            raise KeyError(f"No distribution for index {sample}.")
        return at

    def array(self, sample: int) -> np.ndarray:
        """The distribution of a sample as an array (K,), in the type that is stored."""
        return np.array(self.rows[self.place(sample)])

    def tensor(self, sample: int) -> torch.Tensor:
        """The distribution of a sample as a float32 tensor (K,)."""
        return torch.from_numpy(self.array(sample).astype(np.float32, copy=False))

    def __getitem__(self, sample: int) -> list[float]:
        return self.array(sample).tolist()

    def __contains__(self, sample: object) -> bool:
        return isinstance(sample, (int, np.integer)) and self._find(int(sample)) >= 0

    def __iter__(self) -> Iterator[int]:
        return (int(sample) for sample in self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    def _find(self, sample: int) -> int:
        if self._is_run:
            at = int(sample) - int(self.ids[0]) if len(self.ids) else -1
            return at if at < len(self.ids) else -1
        at = int(np.searchsorted(self.ids, sample, sorter=self._order))
        if at == len(self.ids):
            return -1
        at = at if self._order is None else int(self._order[at])
        return at if self.ids[at] == sample else -1


class FileRows:
    """Rows of a dataset of an HDF5 file, opened anew in each process: neither a handle of HDF5 nor a
    copy of the rows passes from one to the other."""

    def __init__(self, path: Path, name: str, kept: np.ndarray | None = None) -> None:
        self._path = path
        self._name = name
        self._kept = kept  # row numbers; None for all
        with h5py.File(path) as file:
            stored = file[name]
            self._offset = stored.id.get_offset()  # None: chunked, by another program
            self._stored_shape = stored.shape
            self.dtype = stored.dtype
        self.shape = (self._stored_shape[0] if kept is None else len(kept), *self._stored_shape[1:])
        self._rows: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_rows": None}

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, at: Any) -> np.ndarray:
        if self._rows is None:
            self._rows = self._open()
        return np.asarray(self._rows[at if self._kept is None else self._kept[at]])

    def _open(self) -> Any:
        if self._offset is None or 0 in self._stored_shape:
            with h5py.File(self._path) as file:
                return file[self._name][()]
        return np.memmap(self._path, self.dtype, "r", self._offset, self._stored_shape)


class FirstOrderDataset(Dataset):
    """A dataset whose samples come with their distributions: (input, label, distribution) of samples
    (input, label, …), else (input, distribution). The distribution is a float32 tensor (K,).

    base_dataset: map-style; its sample i belongs to the distribution of id i.
    distributions: by id, from `load_distributions`, or a dict of sequences.
    input_getter: takes the input out of a sample; by default the first entry of a tuple or list.

    Warns if there are not as many distributions as samples. Asking for a sample that has none is a
    KeyError that names it.
    """

    def __init__(self, base_dataset: Any, distributions: Mapping[int, Iterable[float]],
                 input_getter: Callable[[Any], Any] | None = None) -> None:
        if not isinstance(distributions, Mapping):
            raise TypeError(f"distributions are {type(distributions).__name__}, not a mapping of ids: "
                            "give what load_distributions(path) returns first")
        self.base_dataset = base_dataset
        self.distributions = distributions
        self.input_getter = input_getter
        if len(distributions) != len(base_dataset):
            warnings.warn(f"[FirstOrderDataset] distributions count {len(distributions)} does not "
                          f"match dataset length {len(base_dataset)}.", stacklevel=2)

    def __len__(self) -> int:
        return len(self.base_dataset)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(f"sample {index} of {len(self)}")
        distribution = self._distribution(at)
        sample = self.base_dataset[at]
        is_sequence = isinstance(sample, (list, tuple))
        if self.input_getter is not None:
            model_input = self.input_getter(sample)
        else:
            model_input = sample[0] if is_sequence and len(sample) > 0 else sample
        if is_sequence and len(sample) >= 2:
            return model_input, sample[1], distribution
        return model_input, distribution

    def _distribution(self, at: int) -> torch.Tensor:
        if isinstance(self.distributions, Distributions):
            return self.distributions.tensor(at)
        found = self.distributions.get(at)
        if found is None:
            raise KeyError(f"No distribution for index {at}.")
        return torch.as_tensor(found, dtype=torch.float32)


def output_dataloader(base_dataset: Any, distributions: Mapping[int, Iterable[float]], *,
                      batch_size: int = 64, shuffle: bool = False, num_workers: int = 0,
                      pin_memory: bool = False, input_getter: Callable[[Any], Any] | None = None,
                      **options: Any) -> DataLoader:
    """A DataLoader over a `FirstOrderDataset`. `options` go to the DataLoader: generator, collate_fn,
    drop_last, … Shuffling is safe: a distribution follows its sample's index."""
    dataset = FirstOrderDataset(base_dataset, distributions, input_getter)
    return DataLoader(dataset, batch_size=batch_size, shuffle=shuffle, num_workers=num_workers,
                      pin_memory=pin_memory, **options)


output_fo_dataloader = output_dataloader


def load_distributions(path: str | Path) -> tuple[Distributions, dict[str, Any]]:
    """Distributions and metadata of a result file (.h5) or of its JSON form (.json).

    Samples whose input could not be read (--skip-bad) have no distribution. Warns of rows that are
    not finite (--allow-nonfinite). FileNotFoundError, or ValueError for a file that is not complete
    or not of this kind.
    """
    path = Path(path)
    if not path.exists():
        partial = path.with_name(path.name + ".partial")
        remedy = (f"; {partial.name} is there: its job has not finished, run it again with --resume"
                  if partial.exists() else "")
        raise FileNotFoundError(f"{path} does not exist{remedy}")
    return read_json(path) if path.suffix == ".json" else read_hdf5(path)


def read_hdf5(path: Path) -> tuple[Distributions, dict[str, Any]]:
    if not h5py.is_hdf5(path):
        raise ValueError(f"{path} is no HDF5 file: give a result of fod-generate, or JSON that ends in "
                         ".json")
    with h5py.File(path) as file:
        if "distributions" not in file or "sample_ids" not in file:
            raise ValueError(f"{path} holds no distributions: it is no result of fod-generate, or was "
                             "made with --no-distributions")
        if not file.attrs.get("complete", 0):
            raise ValueError(f"{path} is not complete: let its job finish, or run it again with "
                             "--resume")
        ids = file["sample_ids"][()]
        status = file["row_status"][()] if "row_status" in file else np.zeros(len(ids), np.uint8)
        meta = json.loads(file["meta"].asstr()[()]) if "meta" in file else {}
    kept = None if np.all(status != UNREADABLE) else np.flatnonzero(status != UNREADABLE)
    not_finite = ids[status == 1]
    if len(not_finite):
        warnings.warn(f"{path}: {len(not_finite)} distributions are not finite, the first that of "
                      f"sample {not_finite[0]}", stacklevel=3)
    return Distributions(ids if kept is None else ids[kept], FileRows(path, "distributions", kept)), meta


def read_json(path: Path) -> tuple[Distributions, dict[str, Any]]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        rows = document["distributions"]
        ids = np.array([int(key) for key in rows], dtype=np.int64)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not JSON of distributions ({error}): expected "
                         '{"meta": {…}, "distributions": {"0": [0.1, 0.9], …}}') from error
    classes = len(next(iter(rows.values()), []))
    for key, row in rows.items():
        if not isinstance(row, list) or len(row) != classes:
            raise ValueError(f"{path}: sample {key} is no list of {classes} numbers, as the first one "
                             "is: see what `fod import` says of the file")
    try:
        values = np.array(list(rows.values()), dtype=np.float64).reshape(len(ids), classes)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} holds what is no number ({error}): see what `fod import` says of "
                         "it") from error
    return Distributions(ids, values), document.get("meta") or {}
