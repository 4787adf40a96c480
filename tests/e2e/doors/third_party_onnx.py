"""Magika, Google's classifier of file types, as PyPI has it: an ONNX model that gives the
probabilities of 214 types from the first and the last 1,024 bytes of a file."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch

PADDING = 256  # stands for "no byte"


def model_path() -> Path:
    spec = importlib.util.find_spec("magika")
    assert spec and spec.origin, "the package magika is not installed: run tools/setup.sh"
    return next(Path(spec.origin).parent.glob("models/*/model.onnx"))


options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(str(model_path()), options,
                                       providers=["CPUExecutionProvider"])


def features(content: bytes) -> npt.NDArray[np.int32]:
    """The 2,048 inputs of a file: its ends without blanks, padded."""
    cut = np.full(2048, PADDING, np.int32)
    first = np.frombuffer(content[:4096].lstrip()[:1024], np.uint8)
    last = np.frombuffer(content[-4096:].rstrip()[-1024:], np.uint8)
    cut[:len(first)] = first
    cut[2048 - len(last):] = last
    return cut


def probabilities(files: torch.Tensor) -> npt.NDArray[np.float32]:
    """(N, 2048) features to (N, 214) probabilities."""
    outputs: Any = session.run(["target_label"], {"bytes": files.cpu().numpy().astype(np.int32)})
    return outputs[0]
