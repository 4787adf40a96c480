"""ONNX Runtime over digits.onnx, which weights.write_onnx puts beside the weights."""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch

from doors import weights

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(str(weights.place().with_name("digits.onnx")), options,
                                       providers=["CPUExecutionProvider"])


def logits(images: torch.Tensor) -> npt.NDArray[np.float32]:
    outputs: Any = session.run(["logits"], {"x": images.cpu().numpy()})
    return outputs[0]
