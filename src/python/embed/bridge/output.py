"""The class scores in what a model returned, as a torch tensor. Words as src/model/output.cpp."""

from __future__ import annotations

import collections.abc
from typing import Any

import numpy as np
import torch

from fod_bridge.errors import Refusal

# These words are known to users of an older tool.
NO_TENSOR = "Model must return a torch.Tensor (logits or probs)."


def entries(value: Any) -> dict[str, Any]:
    """Entries of a dict, tuple or list by the names that --output takes."""
    if isinstance(value, collections.abc.Mapping):
        return {str(key): entry for key, entry in value.items() if isinstance(key, (str, int))}
    if isinstance(value, (tuple, list)):
        named = {str(i): entry for i, entry in enumerate(value)}
        return {**named, **dict(zip(getattr(value, "_fields", ()), value))}
    return {}


def step_into(value: Any, name: str) -> Any:
    known = entries(value)
    if name in known:
        return known[name]
    raise Refusal(True, f"the model's output has no entry '{name}'",
                  "it has " + ", ".join(known) if known else f"it is a {type(value).__name__}",
                  "name one of its entries with --output")


def refuse(value: Any) -> Refusal:
    names = ", ".join(entries(value)) if not is_numbers(value) else ""
    kind = "a list of numbers" if is_numbers(value) else f"a {type(value).__name__}"
    return Refusal(True, NO_TENSOR, f"it returned {kind}",
                   f"name the entry with the class scores with --output, one of {names}"
                   if names else "return the class scores")


def is_numbers(value: Any) -> bool:
    """A list of numbers, or of such lists."""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, (int, float))


def from_numpy(array: Any) -> torch.Tensor:
    if array.dtype.hasobject or array.dtype.kind in "USV":
        raise refuse(array)
    # Torch takes neither read-only memory nor foreign byte orders nor backward steps.
    return torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("="), order="C"))


def from_tensorflow(value: Any) -> torch.Tensor:
    import tensorflow  # the value comes from there

    try:
        return torch.from_dlpack(tensorflow.experimental.dlpack.to_dlpack(value))
    except Exception:  # graph tensors and types without a counterpart in DLPack
        return from_numpy(np.asarray(value))


def to_tensor(value: Any) -> torch.Tensor:
    """Without a copy where possible."""
    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, (np.ndarray, np.generic)):
        return from_numpy(value)
    module = type(value).__module__.partition(".")[0]
    if module == "tensorflow" and hasattr(value, "numpy"):
        return from_tensorflow(value)
    if hasattr(value, "__dlpack__"):
        return torch.from_dlpack(value)
    if module != "builtins" and hasattr(value, "__array__"):
        return from_numpy(np.asarray(value))
    raise refuse(value)


def dense(tensor: torch.Tensor) -> torch.Tensor:
    """Row-major, without history, in memory that DLPack can name."""
    if tensor.is_complex() or tensor.is_quantized:
        raise Refusal(True, f"the model returns elements of type {tensor.dtype}",
                      "class scores are floating point numbers", "convert them in the model")
    if tensor.layout != torch.strided:
        tensor = tensor.to_dense()
    if tensor.device.type not in ("cpu", "cuda"):
        tensor = tensor.cpu()
    return tensor.detach().resolve_neg().contiguous()


def select(output: Any, key: str) -> torch.Tensor:
    """key: dotted path through dicts, tuples and lists; empty takes the output itself."""
    value = output
    for name in key.split(".") if key else []:
        value = step_into(value, name)
    return dense(to_tensor(value))
