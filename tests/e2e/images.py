"""Images of every kind, and models that tell what they were given."""

import struct
import zlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn


class Pixels(nn.Module):
    """Logits that say what the pixels are: 0, then every pixel / 64."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([torch.zeros(x.size(0), 1), x.flatten(1) / 64], dim=1)


class Mean(nn.Module):
    """Ten classes, told by how bright an image is."""

    def forward(self, x: Tensor) -> Tensor:
        level = x.flatten(1).mean(1, keepdim=True)
        return -torch.abs(level - 12 - 25 * torch.arange(10)[None, :]) / 25


def noise(height=24, width=30, channels=3, seed=0):
    """Random, but smooth enough for JPEG to keep."""
    small = np.random.default_rng(seed).integers(0, 256, (4, 5, channels)).astype(np.uint8)
    bands = [Image.fromarray(small[..., c]).resize((width, height), Image.BICUBIC)
             for c in range(channels)]
    return np.stack([np.asarray(band) for band in bands], axis=-1)


def flat(path, level, size=(20, 16)):
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = "PNG" if path.name.lower().endswith("png") else "JPEG"
    Image.new("RGB", size, (level, level, level)).save(path, kind)
    return path


def textured(path):
    """Writes a JPEG of 20 x 16 pixels; its bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise(16, 20)).save(path, quality=95)
    return path.read_bytes()


ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
         (1, 0, 2, 1)]


def write_png(path, values, bits=16, interlaced=False):
    """A PNG of (H, W, channels) values: what Pillow can not write, such as 16-bit colours, 1 to 4
    bits of gray, and interlacing. Channels: gray, with alpha, colour, with alpha."""
    height, width, channels = values.shape
    data = b""
    for top, left, down, right in ADAM7 if interlaced else [(0, 0, 1, 1)]:
        for row in values[top::down, left::right]:
            if row.size > 0:
                line = np.unpackbits(row.astype(">u2").view(np.uint8).reshape(-1, 2), axis=1)
                data += b"\0" + np.packbits(line[:, 16 - bits:].reshape(-1)).tobytes()
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, int(interlaced))),
              (b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks))
