"""The arrays in one sample of a dataset, by their path: "x", "image.left", "0"."""

from __future__ import annotations

import collections.abc
import sys
from typing import Any, NamedTuple

import numpy as np

TYPES = {"bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
         "float16", "bfloat16", "float32", "float64"}


class Leaf(NamedTuple):
    """An array. NumPy has no bfloat16: its bits are carried as uint16."""

    type: str
    array: Any

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.array.shape)

    def __str__(self) -> str:
        return f"{self.shape} {self.type}"


def is_number_list(value: Any) -> bool:
    """A list of numbers, or of such lists: an array, not several fields."""
    return isinstance(value, list) and len(value) > 0 and all(
        isinstance(entry, (bool, int, float, np.number)) or is_number_list(entry)
        for entry in value)


def is_tensor(value: Any) -> bool:
    """Of torch, subclasses included."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def from_torch(tensor: Any) -> Leaf:
    torch = _torch()
    tensor = tensor.detach().cpu()
    if tensor.layout != torch.strided:
        tensor = tensor.to_dense()
    tensor = tensor.as_subclass(torch.Tensor)
    if str(tensor.dtype) == "torch.bfloat16":
        return Leaf("bfloat16", tensor.contiguous().view(dtype=torch.uint16).numpy())
    return from_numpy(tensor.resolve_neg().numpy())


def _torch() -> Any:
    import torch  # the sample's own library, so it is there already

    return torch


def from_numpy(array: Any) -> Leaf:
    if array.dtype.name == "bfloat16":  # of ml_dtypes, as JAX has it
        return Leaf("bfloat16", array.view(np.uint16))
    return Leaf(array.dtype.name, array)


def to_leaf(value: Any) -> Leaf | None:
    """None for what is no array of numbers."""
    if isinstance(value, (np.ndarray, np.generic, bool, int, float)) or is_number_list(value):
        try:
            leaf = from_numpy(np.asarray(value))
        except ValueError:  # lists of unequal length
            return None
    elif is_tensor(value):
        leaf = from_torch(value)
    elif hasattr(value, "__array__") or hasattr(value, "__array_interface__"):
        leaf = from_numpy(np.asarray(value))  # PIL, TensorFlow, JAX
    elif hasattr(value, "__dlpack__"):
        leaf = from_numpy(np.from_dlpack(value))
    else:
        return None
    return leaf if leaf.type in TYPES else None


def entries(value: Any) -> list[tuple[str, Any]] | None:
    """Of a dict, tuple or list; None for anything else."""
    if isinstance(value, collections.abc.Mapping):
        return [(str(key), entry) for key, entry in value.items()]
    if isinstance(value, (tuple, list)) and not is_number_list(value):
        names = getattr(value, "_fields", None) or [str(i) for i in range(len(value))]
        return list(zip(names, value))
    return None


class Sample(NamedTuple):
    leaves: dict[str, Leaf]   # by path; the path of a lone array is empty
    left_out: dict[str, str]  # what is no array, by path: its type


def collect(value: Any, path: str, sample: Sample) -> None:
    parts = entries(value)
    if parts is not None:
        for name, part in parts:
            collect(part, f"{path}.{name}" if path else name, sample)
        return
    leaf = to_leaf(value)
    if path in sample.leaves:
        raise ValueError(f"two arrays of the sample have the name '{path}'")
    if leaf is not None:
        sample.leaves[path] = leaf
    else:
        sample.left_out[path] = type(value).__name__


def is_labelled(value: Any, label_shape: tuple[int, ...] = ()) -> bool:
    """An (input, class index) pair; label_shape: (1,) for a collated batch of one."""
    if not isinstance(value, (tuple, list)) or len(value) != 2 or is_number_list(value):
        return False
    label = None if isinstance(value[1], bool) or entries(value[1]) else to_leaf(value[1])
    return label is not None and label.shape == label_shape and "int" in label.type


def flatten(value: Any, labelled: bool) -> Sample:
    """labelled: the sample is an (input, class index) pair. Then the input keeps the paths that it
    has by itself, and the class index comes last, as "1" or, if the input has that, "label"."""
    sample = Sample({}, {})
    if labelled and isinstance(value, (tuple, list)) and len(value) == 2:
        collect(value[0], "", sample)
        collect(value[1], "label" if "1" in sample.leaves else "1", sample)
    else:
        collect(value, "", sample)
    return sample
