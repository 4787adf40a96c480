"""The trained weights of digits_model.pt, in forms that every framework reads.

    python -m doors.weights DIGITS_FOLDER     writes weights.npz and digits.onnx there
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

Weights = dict[str, npt.NDArray[np.float32]]


def write_weights(digits_folder: Path) -> Path:
    """weights.npz: float32 arrays named as in the state dict (conv1.weight, …, fc2.bias)."""
    model = torch.jit.load(str(digits_folder / "digits_model.pt"), map_location="cpu")
    path = digits_folder / "weights.npz"
    np.savez(path, **{name: values.numpy() for name, values in model.state_dict().items()})
    return path


def write_flat(npz: Path) -> Path:
    """The same as one run of little-endian float32 (.bin), in the order of the state dict, each
    array in C order: for readers that have no NumPy."""
    path = npz.with_suffix(".bin")
    path.write_bytes(b"".join(values.astype("<f4").tobytes() for values in load(npz).values()))
    return path


def write_onnx(npz: Path) -> Path:
    """digits.onnx beside the weights, by PyTorch's own exporter; any batch size."""
    from train_digits import DigitsNet

    model = DigitsNet().eval()
    model.load_state_dict({name: torch.from_numpy(values) for name, values in load(npz).items()})
    path = npz.with_name("digits.onnx")
    torch.onnx.export(model, (torch.zeros(2, 1, 8, 8),), str(path), input_names=["x"],
                      output_names=["logits"], dynamic_shapes=({0: torch.export.Dim("n")},),
                      external_data=False, verbose=False)
    return path


def place() -> Path:
    """Where the weights are, from the environment."""
    return Path(os.environ["FOD_DOORS_WEIGHTS"])


def load(path: Path | None = None) -> Weights:
    with np.load(path or place()) as file:
        return {name: file[name] for name in file.files}


if __name__ == "__main__":
    print(write_onnx(write_weights(Path(sys.argv[1]))))
