"""Models compiled by AOTInductor (.pt2) against the same weights in TorchScript, and every way in
which a package can be wrong. Each export takes the better part of a minute."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

import models

ROOT = Path(__file__).resolve().parents[2]
FACTORIES = """
import torch
import models
from train_digits import make_digits_net as digits
from torch import nn

class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, left, right):
        y = self.layer(left - 0.5 * right)
        return {"logits": y, "rest": (2 * y, [3 * y])}

class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x):
        return self.layer(x.reshape(64, 4))

def two():
    torch.manual_seed(1)
    return Two().eval()

def fixed():
    return Fixed().eval()
"""
# What tools/export_model.py does not make: a package for one batch size, and one without weights.
BY_HAND = """
import models, sys, torch
torch.manual_seed(2)
model = models.Shaped("logits").eval()
program = torch.export.export(model, (torch.rand(8, 4),))
torch.export.save(program, sys.argv[1] + "/program.pt2")
compile = torch._inductor.aoti_compile_and_package
compile(program, package_path=sys.argv[1] + "/eight.pt2")
compile(program, package_path=sys.argv[1] + "/weightless.pt2",
        inductor_configs={"aot_inductor.package_constants_in_so": False})
"""


def start(folder, *command):
    path = os.pathsep.join(map(str, (folder, ROOT / "tests" / "e2e", ROOT / "tools")))
    return subprocess.Popen([sys.executable, *map(str, command)], cwd=folder, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env={**os.environ, "PYTHONPATH": path})


def finish(process, timeout=600):
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    finally:
        process.kill()
    return process.returncode, stdout, stderr


def start_export(folder, factory, out, *flags):
    return start(folder, ROOT / "tools" / "export_model.py", factory, "--out", out, *flags)


def rewritten(source, target, change):
    """A copy of a package with its records changed: change(name, bytes) gives bytes, or None."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)


def with_metadata(key, value):
    def change(name, content):
        if name.endswith("_metadata.json"):
            return json.dumps({**json.loads(content), key: value}).encode()
        return content

    return change


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Packages, and what they are compared with."""
    folder = tmp_path_factory.mktemp("aoti")
    (folder / "factories.py").write_text(FACTORIES)
    (folder / "by_hand.py").write_text(BY_HAND)
    exports = [
        start_export(folder, "factories:digits", "cnn.pt2", "--format", "aoti", "--input-shape",
                     "1,1,8,8", "--layers", "conv2,dropout,fc1"),
        start_export(folder, "factories:two", "two.pt2", "--format", "aoti", "--input-shape", "3,4",
                     "--input-shape", "3,4"),
        start(folder, "by_hand.py", folder)]
    texts = []
    for export in exports:
        code, stdout, stderr = finish(export)
        assert code == 0, stderr
        texts.append(stdout)
    assert "layers conv2, dropout, fc1, dropout#1" in texts[0]
    assert start_export(folder, "factories:digits", "cnn.pt", "--input-shape", "1,1,8,8").wait(120) == 0
    random = np.random.default_rng(0)
    np.save(folder / "images.npy", random.random((451, 1, 8, 8)).astype(np.float32))
    models.data(folder / "left.npy", (150, 4), seed=1)
    models.data(folder / "right.npy", (150, 4), seed=2)
    np.save(folder / "wide.npy", np.zeros((100, 1, 9, 9), np.float32))
    whole = (folder / "cnn.pt2").read_bytes()
    (folder / "cut.pt2").write_bytes(whole[:len(whole) - 100])
    (folder / "cut_program.pt2").write_bytes((folder / "program.pt2").read_bytes()[:-100])
    directory = whole.rfind(b"PK\x01\x02")
    (folder / "damaged.pt2").write_bytes(whole[:directory] + b"XXXX" + whole[directory + 4:])
    middle = whole.find(b"\x7fELF") + 20000
    (folder / "flipped.pt2").write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) +
                                         whole[middle + 1:])
    for name, change in {
            "cuda": with_metadata("AOTI_DEVICE_KEY", "cuda"),
            "mystery": with_metadata("AOTI_DEVICE_KEY", ""),
            "sources": lambda name, content: None if name.endswith(".so") else content,
            "escape": lambda name, content: content,
            "text": lambda name, content: b"no code" * 999 if name.endswith(".so") else content,
            "twice": lambda name, content: content}.items():
        rewritten(folder / "cnn.pt2", folder / f"{name}.pt2", change)
    with zipfile.ZipFile(folder / "escape.pt2", "a") as file:
        file.writestr("escape/data/aotinductor/model/../../../evil", b"")
    with zipfile.ZipFile(folder / "twice.pt2", "a") as file:
        file.writestr("twice/data/aotinductor/other/x.so", b"")
    with zipfile.ZipFile(folder / "cnn.pt2") as old, \
            zipfile.ZipFile(folder / "packed.pt2", "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return folder


@pytest.fixture
def generate(run, folder, tmp_path):
    """Runs the job with a folder for temporary files of its own, in which nothing may be left."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()

    def job(model, *data, flags=(), ranks=1, env=None):
        words = [word for spec in data for word in ("--data", spec)]
        done = run("fod-generate", "--model", folder / model, *words, "--out", tmp_path / "r.h5",
                   "--overwrite", *flags, ranks=ranks, timeout=60, cwd=folder,
                   env={"TMPDIR": str(temporary), **(env or {})})
        assert not list(temporary.glob("fod-*"))
        return done

    return job


@pytest.fixture
def rows(generate, tmp_path):
    def job(*args, **kwargs):
        done = generate(*args, **kwargs)
        assert done.returncode == 0, done.stderr
        with h5py.File(tmp_path / "r.h5") as file:
            np.testing.assert_array_equal(file["sample_ids"][:], np.arange(len(file["sample_ids"])))
            return file["distributions"][:], file["ledger/checksums"][()].tobytes()

    return job


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_the_rows_are_those_of_torchscript(rows, batch):
    """451 samples: the last batch is never full. The taps are there, and not in the way."""
    flags = ["--batch-size", batch, "--threads", 1]
    expected, _ = rows("cnn.pt", "images.npy", flags=flags)
    found = [rows("cnn.pt2", "images.npy", flags=flags, ranks=ranks) for ranks in (1, 2, 3)]
    np.testing.assert_allclose(found[0][0], expected, rtol=0, atol=1e-6)
    assert found[0][0].shape == (451, 10)
    for other in found[1:]:
        assert other[0].tobytes() == found[0][0].tobytes()
        assert other[1] == found[0][1]


@pytest.mark.parametrize("key,scale", [("logits", 1), ("rest.0", 2), ("rest.1.0", 3)])
def test_dict_output_of_two_inputs(rows, folder, key, scale):
    found, _ = rows("two.pt2", "left=left.npy", "right=right.npy", flags=["--output", key], ranks=2)
    torch.manual_seed(1)
    layer = torch.nn.Linear(4, 3)
    left, right = (torch.from_numpy(np.load(folder / f"{name}.npy")) for name in ("left", "right"))
    with torch.inference_mode():
        logits = layer(left - 0.5 * right).numpy()
    np.testing.assert_allclose(found, models.softmax(scale * logits), rtol=0, atol=1e-6)


def test_the_batch_size_that_it_was_made_for(rows, folder):
    found, _ = rows("eight.pt2", "left.npy", flags=["--batch-size", 8])
    torch.manual_seed(2)
    model = models.Shaped("logits")
    with torch.inference_mode():
        expected = models.softmax(model(torch.from_numpy(np.load(folder / "left.npy"))).numpy())
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_integers_are_given_as_floats(rows, folder):
    values = np.random.default_rng(3).integers(0, 255, (70, 4)).astype(np.uint8)
    np.save(folder / "bytes.npy", values)
    found, _ = rows("eight.pt2", "bytes.npy", flags=["--batch-size", 8])
    np.save(folder / "floats.npy", values.astype(np.float32))
    assert found.tobytes() == rows("eight.pt2", "floats.npy", flags=["--batch-size", 8])[0].tobytes()


# (model and data, what the message must say)
TABLE = {
    "truncated": ("cut.pt2 images.npy", ["cut.pt2", "truncated"]),
    "truncated program": ("cut_program.pt2 left.npy", ["cut_program.pt2", "truncated"]),
    "damaged": ("damaged.pt2 images.npy", ["damaged.pt2", "directory"]),
    "packed again": ("packed.pt2 images.npy", ["compressed"]),
    "exported program": ("program.pt2 left.npy", ["torch.export.save", "aoti_compile_and_package"]),
    "sources alone": ("sources.pt2 images.npy", ["no compiled library"]),
    "several models": ("twice.pt2 images.npy", ["2 models"]),
    "a way out": ("escape.pt2 images.npy", ["out of place"]),
    "a changed byte": ("flipped.pt2 images.npy", ["checksum", ".so", "damaged"]),
    "text as library": ("text.pt2 images.npy", ["cannot load", "text.pt2", "ELF"]),
    "without weights": ("weightless.pt2 left.npy", ["its weights are not in the package"]),
    "for a GPU": ("cuda.pt2 images.npy", ["compiled for cuda", "--device cuda", "--device cpu"]),
    "for nothing known": ("mystery.pt2 images.npy", ["no known device"]),
    "fixed batch": ("eight.pt2 left.npy", ["batches of 64", "batches of 8", "--batch-size 8"]),
    "another image size": ("cnn.pt2 wide.npy", ["(64, 1, 9, 9)", "expected: 8, but got: 9"]),
    "too few inputs": ("two.pt2 left.npy", ["2 inputs (left, right)"]),
    "dict without --output": ("two.pt2 left=left.npy right=right.npy", ["logits, rest"]),
}


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("case", TABLE)
def test_message(generate, tmp_path, case, ranks):
    words, expected = TABLE[case]
    done = generate(*words.split(), ranks=ranks)
    assert done.returncode == 2, done.stderr
    lines = done.stderr.splitlines()
    ours = [line for line in lines if line.startswith("fod-generate:")]
    assert len(ours) == 1, done.stderr
    assert not any(line.startswith("Error:") for line in lines)  # as the library prints it
    for text in expected:
        assert text in ours[0]
    assert sorted(os.listdir(tmp_path)) == ["temporary"]


def test_a_lesser_processor(generate, folder):
    with zipfile.ZipFile(folder / "cnn.pt2") as file:
        made_for = next(json.loads(file.read(name)) for name in file.namelist()
                        if name.endswith("_metadata.json"))["AOTI_CPU_ISA"]
    if "AVX512" not in made_for:
        pytest.skip(f"this machine compiles for {made_for}")
    done = generate("cnn.pt2", "images.npy", env={"ATEN_CPU_CAPABILITY": "avx2"})
    assert done.returncode == 2, done.stdout
    assert "AVX512" in done.stderr and "AVX2" in done.stderr


@pytest.mark.parametrize("flags,expected", [
    (["--format", "aoti", "--layers", "conv3", "--out", "x.pt2"], ["no layer 'conv3'", "conv2"]),
    (["--format", "aoti", "--out", "x.pt"], ["does not end in .pt2"]),
    (["--format", "aoti", "--trace", "--out", "x.pt2"], ["--trace is for TorchScript"]),
    (["--layers", "conv1", "--out", "x.pt"], ["not needed for TorchScript"]),
])
def test_export_messages(folder, flags, expected):
    code, stdout, stderr = finish(start_export(folder, "factories:digits", "x", "--input-shape",
                                               "1,1,8,8", *flags))
    assert code == 2, stdout
    for text in expected:
        assert text in stderr
    assert not list(folder.glob("x.pt*"))


def test_a_model_of_one_batch_size_is_not_exported(folder):
    code, _, stderr = finish(start_export(folder, "factories:fixed", "f.pt2", "--format", "aoti",
                                          "--input-shape", "64,4"))
    assert code == 2
    assert "the model cannot be compiled" in stderr and "batch" in stderr
    assert not (folder / "f.pt2").exists()
