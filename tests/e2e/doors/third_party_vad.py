"""Silero's detector of speech, as PyPI has it: a TorchScript file that nobody here made. It takes
chunks of 512 samples at 16 kHz *and the rate as a number*, and remembers the chunk before."""

import importlib.util
from pathlib import Path

import torch


def model_path() -> Path:
    spec = importlib.util.find_spec("silero_vad")  # not imported: it would want torchaudio
    assert spec and spec.origin, "the package silero-vad is not installed: run tools/setup.sh"
    return Path(spec.origin).parent / "data" / "silero_vad.jit"


class Speech(torch.nn.Module):
    """(N, 512) chunks, each on its own, to the probabilities of noise and speech (N, 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.vad = torch.jit.load(str(model_path()), map_location="cpu")

    def forward(self, chunks: torch.Tensor) -> torch.Tensor:
        self.vad.reset_states()
        speech = self.vad(chunks, 16000)
        return torch.cat([1 - speech, speech], dim=1)


def make() -> torch.nn.Module:
    return Speech()
