"""PyTorch: `model` is an nn.Module, `make` a factory of one, `DigitsModel` a class that needs no
parameters, `logits` a function of a batch."""

import torch
from train_digits import DigitsNet

from doors import weights


class DigitsModel(DigitsNet):
    """The network with its trained weights."""

    def __init__(self) -> None:
        super().__init__()
        self.load_state_dict({name: torch.from_numpy(values)
                              for name, values in weights.load().items()})
        self.eval()


def make() -> torch.nn.Module:
    return DigitsModel()


model = make()


def logits(images: torch.Tensor) -> torch.Tensor:
    return model.to(images.device)(images)
