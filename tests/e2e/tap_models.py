"""Models of many kinds whose layers tests look at. Each factory has a name of its own, so that the
python: door can make it too; weights are seeded by the name."""

from __future__ import annotations

import zlib
from typing import Dict, List, Tuple

import torch
from torch import Tensor, nn

BATCH = 6


class Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)  # called twice
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.conv2(y)
        y += x  # in place, on a layer's output
        return self.relu(y)


class Cnn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 5, 3)
        self.blocks = nn.Sequential(Residual(5), Residual(5))
        self.pool = nn.MaxPool2d(2)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(5 * 9, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.drop(self.pool(self.blocks(self.stem(x))).flatten(1)))


class Changed(nn.Module):
    """All its layers' outputs are changed in place afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(7, 8)
        self.relu = nn.ReLU(inplace=True)
        self.second = nn.Linear(8, 8)
        self.third = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.first(x))
        z = self.second(y)
        z += 1
        z[:, 0] = 0
        out = self.third(z)
        out.mul_(2)
        return out


class Volume(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(2, 4, 2)
        self.norm = nn.GroupNorm(2, 4)
        self.act = nn.GELU()
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.act(self.norm(self.conv(x))).mean(dim=[2, 3, 4]))


class Signal(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(2, 4, 3)
        self.norm = nn.BatchNorm1d(4)
        self.act = nn.ReLU()
        self.pool = nn.AdaptiveAvgPool1d(2)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.pool(self.act(self.norm(self.conv(x)))).flatten(1))


class Recurrent(nn.Module):
    def __init__(self, kind: str, batch_first: bool, both: bool = False) -> None:
        super().__init__()
        make = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[kind]
        self.rnn = make(4, 5, num_layers=2, batch_first=batch_first, bidirectional=both)
        self.act = nn.Tanh()
        self.head = nn.Linear(10 if both else 5, 3)
        self.batch_first = batch_first

    def forward(self, x: Tensor) -> Tensor:
        y = self.rnn(x if self.batch_first else x.transpose(0, 1))[0]
        y = self.head(self.act(y))
        return y.mean(1 if self.batch_first else 0)


class Encoder(nn.Module):
    def __init__(self, batch_first: bool) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=batch_first)
        self.table = nn.Linear(4, 8)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 3)
        self.batch_first = batch_first

    def forward(self, x: Tensor) -> Tensor:
        y = self.table(x if self.batch_first else x.transpose(0, 1))
        return self.head(self.norm(self.encoder(y)).mean(1 if self.batch_first else 0))


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(11, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        y = self.table(tokens)
        return self.head(self.attention(y, y, y)[0].mean(1))


class Loop(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(7, 7) for _ in range(3)])
        self.acts = nn.ModuleDict({"relu": nn.ReLU(inplace=True)})
        self.unused = nn.Linear(7, 7)
        self.head = nn.Linear(7, 3)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = self.acts["relu"](layer(x))
        return self.head(x)


class Twice(nn.Module):
    """One layer by two names, and one that is called again."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(7, 7)
        self.same = self.fc
        self.head = nn.Linear(7, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.fc(x))
        x = torch.relu(self.same(x))
        return self.head(torch.relu(self.fc(x)))


class Inner(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(7, 7)

    def helper(self, x: Tensor) -> Tensor:
        return self.layer(x) + 1

    def forward(self, x: Tensor) -> Dict[str, Tensor]:
        return {"b": self.helper(x), "a": self.layer(x)}


class Pair(nn.Module):
    def forward(self, x: Tensor) -> Tuple[List[Tensor], Tensor]:
        return [x * 2, x * 3], x


class Whole(nn.Module):
    def forward(self, x: Tensor) -> int:
        return x.size(0)


class Flow(nn.Module):
    """Control flow, methods, outputs of several parts, and of none."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Inner()
        self.pair = Pair()
        self.whole = Whole()
        self.step = nn.Linear(7, 7)
        self.other = nn.Linear(7, 7)
        self.argmax = Argmax()
        self.head = nn.Linear(7, 3)

    def forward(self, x: Tensor, rounds: int = 3) -> Tensor:
        x = self.inner(x)["b"]
        x = self.pair(x)[0][1]
        i = 0
        while i < rounds:
            x = torch.tanh(self.step(x))
            i += 1
        if self.whole(x) > 1000:
            x = self.other(x)
        else:
            x = x + self.argmax(x).unsqueeze(1)
        return self.head(x)


class Argmax(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.argmax(1)


class Last(nn.Module):
    """Channels last, inside of a class of its own, as in ConvNeXt."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 6, 2, stride=2)
        self.norm = nn.LayerNorm(6)
        self.mix = nn.Sequential(nn.Linear(6, 6), nn.GELU())
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.mix(self.norm(self.patch(x).permute(0, 2, 3, 1))).mean(dim=[1, 2]))


@torch.jit.interface
class Step(nn.Module):
    def forward(self, input: Tensor) -> Tensor:
        pass


class Dispatch(nn.Module):
    """Which layer is called is known only when it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = nn.ModuleList([nn.Linear(7, 7), nn.Linear(7, 7)])
        self.head = nn.Linear(7, 3)

    def forward(self, x: Tensor) -> Tensor:
        for i in range(2):
            step: Step = self.steps[i]
            x = step.forward(x)
        return self.head(x)


def made(name: str, model: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.4)
    return model.eval()


def mlp() -> nn.Module:
    return made("mlp", nn.Sequential(nn.Linear(7, 9), nn.ReLU(inplace=True), nn.Dropout(),
                                     nn.Linear(9, 3)))


def cnn() -> nn.Module:
    return made("cnn", Cnn())


def channels_last() -> nn.Module:
    return made("channels_last", Cnn()).to(memory_format=torch.channels_last)


def changed() -> nn.Module:
    return made("changed", Changed())


def volume() -> nn.Module:
    return made("volume", Volume())


def signal() -> nn.Module:
    return made("signal", Signal())


def lstm() -> nn.Module:
    return made("lstm", Recurrent("lstm", True))


def lstm_time_first() -> nn.Module:
    return made("lstm_time_first", Recurrent("lstm", False))


def gru_both() -> nn.Module:
    return made("gru_both", Recurrent("gru", False, True))


def rnn() -> nn.Module:
    return made("rnn", Recurrent("rnn", True))


def encoder() -> nn.Module:
    return made("encoder", Encoder(True))


def encoder_time_first() -> nn.Module:
    return made("encoder_time_first", Encoder(False))


def attention() -> nn.Module:
    return made("attention", Attention())


def loop() -> nn.Module:
    return made("loop", Loop())


def twice() -> nn.Module:
    return made("twice", Twice())


def flow() -> nn.Module:
    return made("flow", Flow())


def last() -> nn.Module:
    return made("last", Last())


def double() -> nn.Module:
    return made("double", nn.Sequential(nn.Linear(7, 5), nn.Linear(5, 3))).double()


def wrapped() -> nn.Module:
    return nn.DataParallel(mlp())


def compiled() -> nn.Module:
    return torch.compile(mlp(), backend="eager")


def dispatch() -> nn.Module:
    return made("dispatch", Dispatch())


def scripted() -> nn.Module:
    return torch.jit.script(mlp())


def scripted_part() -> nn.Module:
    return nn.Sequential(torch.jit.script(mlp()), nn.Linear(3, 3)).eval()


def plain(x: Tensor) -> Tensor:
    return x[:, :3]


# Shape of one sample; the sequences are as long as the batch, which must not be confused.
SHAPES = {"mlp": (7,), "cnn": (3, 8, 8), "channels_last": (3, 8, 8), "changed": (7,),
          "volume": (2, 4, 3, 5), "signal": (2, 9), "lstm": (BATCH, 4),
          "lstm_time_first": (BATCH, 4), "gru_both": (BATCH, 4), "rnn": (5, 4),
          "encoder": (BATCH, 4), "encoder_time_first": (BATCH, 4), "attention": (5,), "loop": (7,),
          "twice": (7,), "flow": (7,), "last": (3, 8, 8), "double": (7,)}


def sample_batch(name: str) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    if name == "attention":
        return torch.randint(0, 11, (BATCH, 5), generator=generator)
    return torch.randn(BATCH, *SHAPES[name], generator=generator)
