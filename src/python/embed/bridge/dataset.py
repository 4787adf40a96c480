"""A dataset of the user's, as columns of equal samples."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from fod_bridge import fields, loading, rows
from fod_bridge.errors import Refusal, failure, flush

EQUAL = "give all samples one shape and type: pad, crop or convert them in the dataset"


def resolve(spec: str) -> Any:
    """The dataset object; a factory is called once."""
    value = loading.find(spec)
    if inspect.isclass(value) or inspect.isroutine(value) or (
            callable(value) and not hasattr(value, "__len__") and not hasattr(value, "__iter__")):
        if not loading.is_factory(value):
            needed = [p.name for p in loading.parameters_of(value) or [] if loading.is_required(p)]
            raise Refusal(True, f"{spec} is no dataset", "it needs " + ", ".join(needed),
                          "write a function without parameters that returns the dataset")
        value = loading.make(spec, value)
    return value


def storage(kind: str) -> Any:
    return np.dtype(np.uint16 if kind == "bfloat16" else kind)


class Dataset:
    def __init__(self, spec: str) -> None:
        self.spec = spec
        value = resolve(spec)
        self.collate = None
        if rows.is_dataloader(value):
            value, self.collate = rows.of_loader(spec, value)
        self.source = rows.source_of(spec, value)
        self.size = len(self.source)
        self.notes = [self.source.note] if self.source.note else []
        self.first: dict[str, fields.Leaf] = {}
        self.labelled = False
        self.cached: tuple[int, int] | None = None
        self.columns: list[Any] = []
        if self.size > 0:
            self.look_at_first()

    @property
    def fields(self) -> list[tuple[str, str, tuple[int, ...]]]:
        """Path, type and shape of each."""
        return [(path, leaf.type, leaf.shape) for path, leaf in self.first.items()]

    @property
    def label_field(self) -> str:
        return list(self.first)[-1] if self.labelled else ""

    @property
    def note(self) -> str:
        return "; ".join(self.notes)

    def look_at_first(self) -> None:
        sample = self.source.get(0, 1, usage=True)[0]
        if self.collate is not None:
            batch = self.collated([sample], 0, usage=True)
            self.labelled = fields.is_labelled(batch, (1,))
            found = self.flat(batch, "sample 0", usage=True)
            leaves = {path: fields.Leaf(leaf.type, leaf.array[0])
                      for path, leaf in self.batch_leaves(found, 0, 1).items()}
        else:
            self.labelled = fields.is_labelled(sample)
            found = self.flat(sample, "sample 0", usage=True)
            leaves = found.leaves
        if not leaves:
            raise Refusal(True, f"{self.spec} has no arrays",
                          f"sample 0 is a {type(sample).__name__}",
                          "give tensors, arrays or numbers, or a tuple or dict of them")
        empty = [path for path, leaf in leaves.items() if leaf.array.size == 0]
        if empty:
            raise Refusal(True, f"{self.spec} has samples without elements",
                          f"sample 0 has {self.called(empty[0])} of shape "
                          f"{leaves[empty[0]].shape}", "give samples of one element at least")
        self.first = leaves
        self.notes += [f"field {self.called(path)} is left out: a {kind} is no array of numbers"
                       for path, kind in found.left_out.items()]

    def flat(self, sample: Any, name: str, usage: bool) -> fields.Sample:
        try:
            return fields.flatten(sample, self.labelled)
        except BaseException as error:
            raise failure(usage, f"{name} of {self.spec} cannot be read as arrays", error,
                          "give NumPy arrays, tensors or numbers") from None

    def called(self, path: str) -> str:
        return path or "an array"

    def collated(self, samples: list[Any], begin: int, usage: bool) -> Any:
        try:
            return self.collate(samples)  # type: ignore[misc]
        except BaseException as error:
            raise failure(usage, f"collate_fn of {self.spec} failed on samples {begin} to "
                          f"{begin + len(samples)}", error, "mend it") from None
        finally:
            flush()

    def batch_leaves(self, batch: fields.Sample, begin: int, end: int) -> dict[str, fields.Leaf]:
        for path, leaf in batch.leaves.items():
            if leaf.shape[:1] != (end - begin,):
                raise Refusal(begin == 0, f"collate_fn of {self.spec} gave {self.called(path)} of "
                              f"shape {leaf.shape} for {end - begin} samples",
                              "the first extent must be that of the samples", "mend it")
        return batch.leaves

    def different(self, name: str, leaves: dict[str, fields.Leaf]) -> Refusal:
        for path, first in self.first.items():
            if path not in leaves:
                return Refusal(False, f"{name} of {self.spec} has no {self.called(path)}",
                               "sample 0 has " + ", ".join(map(self.called, self.first)), EQUAL)
            leaf = leaves[path]
            if (leaf.type, leaf.shape) != (first.type, first.shape):
                return Refusal(False, f"{name} of {self.spec} has {self.called(path)} of shape "
                               f"{leaf}", f"sample 0 has {first}", EQUAL)
        extra = [self.called(path) for path in leaves if path not in self.first]
        return Refusal(False, f"{name} of {self.spec} has {', '.join(extra)}",
                       "sample 0 has " + ", ".join(map(self.called, self.first)), EQUAL)

    def stack(self, samples: list[Any], begin: int) -> list[Any]:
        """A column per field."""
        columns = [np.empty((len(samples), *leaf.shape), storage(leaf.type))
                   for leaf in self.first.values()]
        expected = [(path, leaf.type, leaf.shape) for path, leaf in self.first.items()]
        for row, sample in enumerate(samples):
            leaves = self.flat(sample, f"sample {begin + row}", usage=False).leaves
            if len(leaves) != len(expected):
                raise self.different(f"sample {begin + row}", leaves)
            for column, (path, kind, shape) in zip(columns, expected):
                leaf = leaves.get(path)
                if leaf is None or leaf.type != kind or leaf.shape != shape:
                    raise self.different(f"sample {begin + row}", leaves)
                column[row] = leaf.array
        return columns

    def stack_collated(self, samples: list[Any], begin: int) -> list[Any]:
        end = begin + len(samples)
        batch = self.flat(self.collated(samples, begin, usage=False), f"samples {begin} to {end}",
                          usage=False)
        leaves = self.batch_leaves(batch, begin, end)
        rows_of = {path: fields.Leaf(leaf.type, leaf.array[0]) for path, leaf in leaves.items()}
        if {p: (leaf.type, leaf.shape) for p, leaf in rows_of.items()} != \
                {p: (leaf.type, leaf.shape) for p, leaf in self.first.items()}:
            raise self.different(f"each of samples {begin} to {end}", rows_of)
        return [leaves[path].array for path in self.first]

    def approach(self, sample: int, seconds: float) -> bool:
        """Passes samples before this one for some time; true once it is next."""
        if self.cached is not None and self.cached[0] == sample:
            return True  # another field of samples that are here already
        try:
            return self.source.approach(sample, seconds)
        finally:
            flush()

    def read(self, field: int, begin: int, end: int, memory: memoryview) -> None:
        """Copies samples of a field; those read last are kept for the other fields."""
        if begin == end:
            return
        if self.cached != (begin, end):
            self.cached = None
            try:
                samples = self.source.get(begin, end, usage=False)
            finally:
                flush()
            make = self.stack if self.collate is None else self.stack_collated
            self.columns = make(samples, begin)
            self.cached = (begin, end)
        column = self.columns[field]
        out = np.frombuffer(memory, dtype=column.dtype.newbyteorder("=")).reshape(column.shape)
        out[...] = column
