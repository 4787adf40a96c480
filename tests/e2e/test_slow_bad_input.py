"""Bad input of every kind: a clear message once, exit code 2, nothing written, in time; on one and
on two ranks."""

import os
import pickle
import struct
import subprocess

import h5py
import numpy as np
import pytest
import torch

import models

RANKS = [1, 2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, digits):
    folder = tmp_path_factory.mktemp("bad")
    for form in ("logits", "probs", "1d", "column", "3d", "fewer", "int"):
        models.save(models.Shaped(form), folder / f"{form}.pt")
    for name, model in (("dict", models.Dict()), ("tuple", models.Tuple()), ("text", models.Text()),
                        ("two", models.TwoInputs()), ("tokens", models.Tokens()),
                        ("conv", models.Conv())):
        models.save(model, folder / f"{name}.pt")
    x = models.data(folder / "x.npy", (100, 4))
    models.data(folder / "x99.npy", (99, 4))
    models.data(folder / "wide.npy", (100, 6))
    models.data(folder / "images.npy", (100, 1, 9, 9))
    np.save(folder / "y.npy", np.zeros(100, np.int64))
    np.save(folder / "y99.npy", np.zeros(99, np.int64))
    np.save(folder / "y7.npy", np.full(100, 7))
    np.save(folder / "complex.npy", x.astype(np.complex64))
    np.save(folder / "objects.npy", np.array([{}] * 100, dtype=object), allow_pickle=True)
    np.save(folder / "fortran.npy", np.asfortranarray(x))
    np.save(folder / "scalar.npy", np.float32(3))
    np.save(folder / "nan.npy", np.full((100, 4), np.nan, np.float32))
    good = (folder / "x.npy").read_bytes()
    (folder / "cut.npy").write_bytes(good[:-100])
    (folder / "garbage.npy").write_bytes(b"garbage" * 100)
    (folder / "table.csv").write_text("1,2\n")
    np.savez(folder / "many.npz", x=x)
    with h5py.File(folder / "x.h5", "w") as file:
        file["x"] = x
        file["strings"] = np.array([b"a"] * 100)
    (folder / "cut.h5").write_bytes((folder / "x.h5").read_bytes()[:900])
    model = (folder / "logits.pt").read_bytes()
    (folder / "cut.pt").write_bytes(model[:len(model) // 2])
    (folder / "garbage.pt").write_bytes(b"garbage" * 100)
    (folder / "empty.pt").write_bytes(b"")
    torch.save(models.Shaped("logits").state_dict(), folder / "checkpoint.pt")
    (folder / "pickle.pt").write_bytes(pickle.dumps([1, 2]))
    torch.save(models.Shaped("logits").state_dict(), folder / "old.pth",
               _use_new_zipfile_serialization=False)
    torch.save(models.Shaped("logits"), folder / "module.bin")
    header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    (folder / "m.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    (folder / "existing.h5").write_bytes(b"precious")
    return folder


# (flags with {} for the folder, what the message must say)
TABLE = {
    "missing model": ("--model {}/no.pt --data {}/x.npy", ["no.pt", "No such file"]),
    "garbage model": ("--model {}/garbage.pt --data {}/x.npy", ["cannot load", "garbage.pt", "torch.jit.script"]),
    "truncated model": ("--model {}/cut.pt --data {}/x.npy", ["cut.pt", "truncated"]),
    "empty model": ("--model {}/empty.pt --data {}/x.npy", ["empty.pt", "empty"]),
    "checkpoint": ("--model {}/checkpoint.pt --data {}/x.npy", ["pickled checkpoint", "torch.jit.script"]),
    "old checkpoint": ("--model {}/old.pth --data {}/x.npy", ["old.pth", "pickle", "torch.jit.script"]),
    "pickled module": ("--model {}/module.bin --data {}/x.npy", ["module.bin", "pickled checkpoint", "torch.jit.script"]),
    "safetensors": ("--model {}/m.safetensors --data {}/x.npy", ["safetensors", "no program", "torch.jit.script"]),
    "another model": (f"--model {{}}/logits.pt --data {{}}/x.npy --model-sha256 {'0' * 64}", ["logits.pt", "--model-sha256", "0" * 64]),
    "another plugin": (f"--model plugin:{{}}/x.npy --data {{}}/x.npy --model-sha256 {'0' * 64}", ["x.npy", "--model-sha256", "0" * 64]),
    "pickle": ("--model {}/pickle.pt --data {}/x.npy", ["pickle", "torch.jit.script"]),
    "model is a folder": ("--model {} --data {}/x.npy", ["cannot read"]),
    "missing data": ("--model {}/logits.pt --data {}/no.npy", ["no.npy", "No such file"]),
    "garbage data": ("--model {}/logits.pt --data {}/garbage.npy", ["garbage.npy"]),
    "truncated data": ("--model {}/logits.pt --data {}/cut.npy", ["cut.npy", "truncated", "1600", "1500"]),
    "pickled data": ("--model {}/logits.pt --data {}/objects.npy", ["objects.npy", "object"]),
    "complex data": ("--model {}/logits.pt --data {}/complex.npy", ["complex"]),
    "fortran order": ("--model {}/logits.pt --data {}/fortran.npy", ["Fortran", "ascontiguousarray"]),
    "scalar": ("--model {}/logits.pt --data {}/scalar.npy", ["scalar.npy"]),
    "csv": ("--model {}/logits.pt --data {}/table.csv", ["table.csv", "npy"]),
    "npz": ("--model {}/logits.pt --data {}/many.npz", ["many.npz", "numpy.save"]),
    "truncated hdf5": ("--model {}/logits.pt --data {}/cut.h5:/x", ["cut.h5"]),
    "hdf5 without a path": ("--model {}/logits.pt --data {}/x.h5", ["x.h5", ":/"]),
    "hdf5 without that object": ("--model {}/logits.pt --data {}/x.h5:/y", ["/y", "x.h5"]),
    "hdf5 of strings": ("--model {}/logits.pt --data {}/x.h5:/strings", ["strings"]),
    "truncated cifar": ("--model {}/conv.pt --data cifar10:{}/garbage.npy", ["garbage.npy", "cifar10", "3073"]),
    "folder without cifar": ("--model {}/conv.pt --data cifar10:{}", ["data_batch_1.bin"]),
    "another width": ("--model {}/logits.pt --data {}/wide.npy", ["(64, 6)", "4"]),
    "another number of channels": ("--model {}/conv.pt --data {}/images.npy", ["(64, 1, 9, 9)", "[7, 3, 3, 3]"]),
    "floats for tokens": ("--model {}/tokens.pt --data {}/x.npy", ["float32", "(64, 4)"]),
    "fewer labels": ("--model {}/logits.pt --data {}/x.npy --labels {}/y99.npy", ["99", "100"]),
    "missing labels": ("--model {}/logits.pt --data {}/x.npy --labels {}/no.npy", ["no.npy"]),
    "lengths differ": ("--model {}/two.pt --data a={}/x.npy --data b={}/x99.npy", ["a", "100", "b", "99"]),
    "one input for two": ("--model {}/two.pt --data {}/x.npy", ["2 inputs (left, right)"]),
    "two inputs for one": ("--model {}/logits.pt --data a={}/x.npy --data b={}/x.npy", ["1 input (x)", "a, b"]),
    "unknown input": ("--model {}/two.pt --data left={}/x.npy --data right={}/x.npy --input left,rihgt", ["rihgt", "left", "right"]),
    "concat of an unknown input": ("--model {}/logits.pt --data a={}/x.npy --data b={}/wide.npy --concat a,c", ["--concat", "'c'", "a, b"]),
    "concat of other types": ("--model {}/logits.pt --data a={}/x.npy --data b={}/y.npy --concat a,b", ["float32 (4,)", "int64 ()"]),
    "1-d output": ("--model {}/1d.pt --data {}/x.npy", ["(64,)", "(64, K)"]),
    "one column": ("--model {}/column.pt --data {}/x.npy", ["(64, 1)", "--output-mode sigmoid"]),
    "3-d output": ("--model {}/3d.pt --data {}/x.npy", ["(64, 2, 3)", "(64, K)"]),
    "fewer rows": ("--model {}/fewer.pt --data {}/x.npy", ["(63, 3)", "64"]),
    "integer output": ("--model {}/int.pt --data {}/x.npy", ["int64", "floating point"]),
    "sigmoid of several": ("--model {}/logits.pt --data {}/x.npy --output-mode sigmoid", ["(64, 3)", "(64, 1)"]),
    "probs that are none": ("--model {}/logits.pt --data {}/x.npy --output-mode probs", ["sample 0", "--output-mode logits"]),
    "dict output": ("--model {}/dict.pt --data {}/x.npy", ["Model must return a torch.Tensor (logits or probs).", "logits, features"]),
    "tuple output": ("--model {}/tuple.pt --data {}/x.npy", ["Model must return a torch.Tensor (logits or probs).", "--output"]),
    "text output": ("--model {}/text.pt --data {}/x.npy", ["Model must return a torch.Tensor (logits or probs).", "str"]),
    "no such entry": ("--model {}/dict.pt --data {}/x.npy --output logit", ["'logit'", "logits, features"]),
    "entry of a tensor": ("--model {}/logits.pt --data {}/x.npy --output a", ["'a'"]),
    "nothing finite": ("--model {}/logits.pt --data {}/nan.npy", ["NaN"]),
    "missing folder": ("--model {}/logits.pt --data {}/x.npy --out {}/no/r.h5", ["no/r.h5", "does not exist"]),
    "output is a folder": ("--model {}/logits.pt --data {}/x.npy --out {}", ["it is a folder"]),
    "unwritable folder": ("--model {}/logits.pt --data {}/x.npy --out /proc/r.h5", ["/proc/r.h5"]),
    "existing output": ("--model {}/logits.pt --data {}/x.npy --out {}/existing.h5", ["existing.h5", "--overwrite"]),
    "existing json": ("--model {}/logits.pt --data {}/x.npy --json {}/existing.h5", ["existing.h5", "--overwrite"]),
    "json in a missing folder": ("--model {}/logits.pt --data {}/x.npy --json {}/no/r.json", ["no/r.json", "does not exist"]),
    "temperature of probabilities": ("--model {}/probs.pt --data {}/x.npy --transform temperature=2", ["temperature", "logits"]),
    "unknown transform": ("--model {}/logits.pt --data {}/x.npy --transform tempreature=2", ["did you mean temperature?"]),
    "temperature too late": ("--model {}/logits.pt --data {}/x.npy --transform smooth=0.1 --transform temperature=2", ["logits", "after"]),
    "smoothing out of range": ("--model {}/logits.pt --data {}/x.npy --transform smooth=1.5", ["0 to 1"]),
    "misspelt flag": ("--model {}/logits.pt --data {}/x.npy --bath-size 3", ["--bath-size", "did you mean --batch-size?"]),
    "missing flag": ("--data {}/x.npy", ["--model"]),
    "bad number": ("--model {}/logits.pt --data {}/x.npy --batch-size many", ["--batch-size"]),
    "bad range": ("--model {}/logits.pt --data {}/x.npy --range 9:3", ["9:3"]),
    "range beyond": ("--model {}/logits.pt --data {}/x.npy --range 200:300", ["200", "100"]),
    "bad meta": ("--model {}/logits.pt --data {}/x.npy --meta a:={{", ["--meta"]),
    "missing meta file": ("--model {}/logits.pt --data {}/x.npy --meta @{}/no.json", ["no.json"]),
    "bad normalize": ("--model {}/logits.pt --data {}/x.npy --normalize mean=1", ["--normalize"]),
    "normalize of other channels": ("--model {}/logits.pt --data {}/x.npy --normalize mean=1,2,std=1,2", ["2 values", "(4,)"]),
    "no gpu": ("--model {}/logits.pt --data {}/x.npy --device cuda:4095", ["GPU"]),
    "tpu": ("--model {}/logits.pt --data {}/x.npy --device tpu", ["JAX"]),
    "unknown device": ("--model {}/logits.pt --data {}/x.npy --device npu", ["npu"]),
    "missing config": ("--config {}/no.toml --model {}/logits.pt --data {}/x.npy", ["no.toml"]),
}


@pytest.mark.parametrize("ranks", RANKS)
@pytest.mark.parametrize("case", TABLE)
def test_message(run, folder, tmp_path, case, ranks):
    flags, expected = TABLE[case]
    words = flags.format(*[folder] * flags.count("{}")).split()
    if "--out" not in words:
        words += ["--out", str(tmp_path / "r.h5")]
    before = sorted(os.listdir(folder))
    job = run("fod-generate", *words, ranks=ranks)
    assert job.returncode == 2, job.stderr
    lines = [line for line in job.stderr.splitlines() if line.startswith("fod-generate:")]
    assert len(lines) == 1, job.stderr  # once for the job, in one line
    for words in expected:
        assert words in lines[0]
    assert os.listdir(tmp_path) == []
    assert sorted(os.listdir(folder)) == before
    assert (folder / "existing.h5").read_bytes() == b"precious"


@pytest.mark.parametrize("ranks", RANKS)
def test_labels_out_of_range_are_named(run, folder, tmp_path, ranks):
    job = run("fod-generate", "--model", folder / "logits.pt", "--data", folder / "x.npy",
              "--labels", folder / "y7.npy", "--out", tmp_path / "r.h5", ranks=ranks)
    assert job.returncode == 2, job.stderr
    assert "sample 0 has label 7" in job.stderr
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("ranks", RANKS)
def test_no_room_is_refused_before_anything_is_written(run, folder, tmp_path, ranks):
    """On a file system of 64 kB (mounting one takes root)."""
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], check=True)
    try:
        model = models.save(models.Linear(4, 5000), tmp_path / "many.pt")
        for extra in ([], ["--dry-run"]):
            job = run("fod-generate", "--model", model, "--data", folder / "x.npy", "--out",
                      small / "r.h5", *extra, ranks=ranks)
            assert job.returncode == 2, job.stdout
            assert "left" in job.stderr and "make room" in job.stderr
        assert os.listdir(small) == []
    finally:
        subprocess.run(["umount", small], check=True)
