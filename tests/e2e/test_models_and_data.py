"""Every kind of data and every form of output, against PyTorch on the same."""

import gzip
import struct

import h5py
import numpy as np
import pytest

import models


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def generate(run, tmp_path):
    """Runs the job; the rows of its result."""

    def job(model, *data, ranks=2, **kwargs):
        out = tmp_path / "r.h5"
        words = [word for spec in data for word in ("--data", spec)]
        extra = [str(word) for word in kwargs.pop("flags", [])]
        done = run("fod-generate", "--model", model, *words, "--out", out, "--overwrite", *extra,
                   ranks=ranks)
        assert done.returncode == 0, done.stderr
        verified = run("fod", "verify", out, ranks=None)
        assert verified.returncode == 0, verified.stdout
        with h5py.File(out) as file:
            return file["distributions"][:], done.stdout

    return job


def close(rows, expected, tolerance=1e-6):
    np.testing.assert_allclose(rows, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("form,flags", [
    ("logits", []), ("probs", []), ("half_probs", []), ("double", []),
    ("logits", ["--output-mode", "logits"]), ("probs", ["--output-mode", "probs"]),
    ("probs", ["--output-mode", "logits"])])
def test_output_modes(generate, folder, form, flags):
    path = models.save(models.Shaped(form), folder / f"{form}.pt")
    x = models.data(folder / "x4.npy", (150, 4))
    rows, _ = generate(path, folder / "x4.npy", flags=flags)
    out = models.forward(path, x).double().numpy()
    plain = "probs" in form and "logits" not in flags
    expected = out / out.sum(1, keepdims=True) if plain else models.softmax(out)
    close(rows, expected)
    if form == "probs" and plain:  # kept bit for bit
        batches = np.concatenate([models.forward(path, np.concatenate([x, x])[i:i + 64]).numpy()
                                  for i in range(0, 150, 64)])[:150]
        close(rows, batches, 1e-7)


def test_sigmoid(generate, folder):
    path = models.save(models.Shaped("column"), folder / "column.pt")
    x = models.data(folder / "xs.npy", (70, 4))
    rows, _ = generate(path, folder / "xs.npy", flags=["--output-mode", "sigmoid"])
    positive = 1 / (1 + np.exp(-models.forward(path, x).double().numpy()))
    close(rows, np.concatenate([1 - positive, positive], axis=1))


@pytest.mark.parametrize("model,key,scale", [
    (models.Dict, "logits", 1), (models.Dict, "features", 2),
    (models.Tuple, "0", 2), (models.Tuple, "1.inner", 1)])
def test_output_key(generate, folder, model, key, scale):
    path = models.save(model(), folder / "keyed.pt")
    x = models.data(folder / "xk.npy", (70, 4))
    rows, _ = generate(path, folder / "xk.npy", flags=["--output", key])
    out = models.forward(path, x)
    for part in key.split("."):
        out = out[int(part) if part.isdigit() else part]
    close(rows, models.softmax(out.numpy()))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint8", "int8", "int16",
                                   "int32", "int64", "uint16", "bool"])
def test_npy_types(generate, folder, dtype):
    path = models.save(models.Shaped("logits"), folder / "types.pt")
    values = np.random.default_rng(3).integers(0, 2 if dtype == "bool" else 100, (70, 4))
    np.save(folder / "types.npy", values.astype(dtype))
    rows, said = generate(path, folder / "types.npy")
    close(rows, models.softmax(models.forward(path, values.astype(np.float32)).numpy()))
    assert (f"{dtype} is given to the model as float32" in said) == (dtype != "float32")


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_npy_versions(generate, folder, version):
    path = models.save(models.Shaped("logits"), folder / "versions.pt")
    x = np.random.default_rng(4).standard_normal((10, 4)).astype(np.float32)
    with open(folder / "v.npy", "wb") as file:
        np.lib.format.write_array(file, x, version=version)
    rows, _ = generate(path, folder / "v.npy")
    close(rows, models.softmax(models.forward(path, x).numpy()))


def test_hdf5(generate, folder):
    path = models.save(models.Shaped("logits"), folder / "hdf5.pt")
    x = np.random.default_rng(5).standard_normal((100, 4)).astype(np.float32)
    with h5py.File(folder / "x.h5", "w") as file:
        file["a/b"] = x
        file.create_dataset("packed", data=x, chunks=(7, 4), compression="gzip")
        file["half"] = x.astype(np.float16)
    expected = models.softmax(models.forward(path, x).numpy())
    for name in ("/a/b", "/packed"):
        rows, _ = generate(path, f"{folder / 'x.h5'}:{name}")
        close(rows, expected)
    rows, _ = generate(path, f"{folder / 'x.h5'}:/half")
    close(rows, models.softmax(models.forward(path, x.astype(np.float16).astype(np.float32)).numpy()))


@pytest.mark.parametrize("packed", [False, True])
def test_idx(generate, run, folder, packed, tmp_path):
    """MNIST's format, images and labels."""
    path = models.save(models.Linear(12, 4), folder / "idx.pt")
    images = np.random.default_rng(6).integers(0, 256, (90, 3, 4)).astype(np.uint8)
    labels = (np.arange(90) % 4).astype(np.uint8)
    ending = ".gz" if packed else ""
    files = {"train-images-idx3-ubyte": struct.pack(">BBBBIII", 0, 0, 8, 3, 90, 3, 4) + images.tobytes(),
             "train-labels-idx1-ubyte": struct.pack(">BBBBI", 0, 0, 8, 1, 90) + labels.tobytes()}
    for name, content in files.items():
        (tmp_path / (name + ending)).write_bytes(gzip.compress(content) if packed else content)
    rows, _ = generate(path, tmp_path / f"train-images-idx3-ubyte{ending}", flags=[
        "--labels", tmp_path / f"train-labels-idx1-ubyte{ending}", "--normalize", "mean=128,std=64"])
    scaled = (images.astype(np.float32) - 128) / 64
    close(rows, models.softmax(models.forward(path, scaled).numpy()))
    with h5py.File(tmp_path / "r.h5") as file:
        np.testing.assert_array_equal(file["labels"][:], labels)


def test_several_inputs(generate, folder):
    path = models.save(models.TwoInputs(), folder / "two.pt")
    left = models.data(folder / "left.npy", (70, 4), seed=7)
    right = models.data(folder / "right.npy", (70, 4), seed=8)
    a, b = f"left={folder / 'left.npy'}", f"right={folder / 'right.npy'}"
    rows, _ = generate(path, a, b)
    close(rows, models.softmax(models.forward(path, left, right).numpy()))
    swapped, _ = generate(path, a, b, flags=["--input", "right,left"])
    close(swapped, models.softmax(models.forward(path, right, left).numpy()))


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "int16"])
def test_tokens_stay_integers(generate, folder, dtype):
    path = models.save(models.Tokens(), folder / "tokens.pt")
    tokens = np.random.default_rng(9).integers(0, 20, (70, 5))
    np.save(folder / "tokens.npy", tokens.astype(dtype))
    rows, _ = generate(path, folder / "tokens.npy")
    close(rows, models.softmax(models.forward(path, tokens).numpy()))


def test_normalize_per_channel(generate, folder):
    path = models.save(models.Conv(), folder / "channels.pt")
    x = models.data(folder / "channels.npy", (70, 3, 5, 5))
    mean, std = np.array([0.1, -0.2, 0.3]), np.array([1.5, 0.5, 2.0])
    rows, _ = generate(path, folder / "channels.npy",
                       flags=["--normalize", "mean=0.1,-0.2,0.3,std=1.5,0.5,2"])
    scaled = (x - mean[:, None, None].astype(np.float32)) / std[:, None, None].astype(np.float32)
    close(rows, models.softmax(models.forward(path, scaled).numpy()))


def test_hdf5_links_into_other_files_are_not_followed(run, folder, tmp_path):
    path = models.save(models.Shaped("logits"), folder / "links.pt")
    with h5py.File(tmp_path / "there.h5", "w") as file:
        file["x"] = np.zeros((10, 4), np.float32)
    with h5py.File(tmp_path / "here.h5", "w") as file:
        file["x"] = h5py.ExternalLink("there.h5", "/x")
    job = run("fod-generate", "--model", path, "--data", f"{tmp_path}/here.h5:/x", "--out",
              tmp_path / "r.h5")
    assert job.returncode == 2, job.stdout
    assert "link into another file" in job.stderr


@pytest.mark.parametrize("scheme,label_bytes", [("cifar10", 1), ("cifar100", 2)])
def test_cifar(generate, folder, tmp_path, scheme, label_bytes):
    """The binary version: a file, and a folder of training files in their order."""
    path = models.save(models.Conv(), folder / "cifar.pt")
    random = np.random.default_rng(10)
    images = random.integers(0, 256, (90, 3, 32, 32)).astype(np.uint8)
    labels = random.integers(0, 5, (90, label_bytes)).astype(np.uint8)
    records = np.concatenate([labels, images.reshape(90, -1)], axis=1)
    names = ["data_batch_1.bin", "data_batch_2.bin"] if label_bytes == 1 else ["train.bin"]
    for name, part in zip(names, np.split(records, [50]) if label_bytes == 1 else [records]):
        part.tofile(tmp_path / name)
    records.tofile(tmp_path / "all.bin")
    scaled = (images.astype(np.float32) - 128) / 64
    expected = models.softmax(models.forward(path, scaled).numpy())
    for place in (tmp_path / "all.bin", tmp_path):
        rows, _ = generate(path, f"{scheme}:{place}", flags=[
            "--labels", f"{scheme}:{place}", "--normalize", "mean=128,std=64"])
        close(rows, expected)
        with h5py.File(tmp_path / "r.h5") as file:
            np.testing.assert_array_equal(file["labels"][:], labels[:, -1])


def test_concat(generate, folder):
    """Joined along the first extent of a sample, at the place of the first; order as named."""
    path = models.save(models.Linear(4 * 3, 5), folder / "concat.pt")
    a = models.data(folder / "ca.npy", (70, 1, 3), seed=11)
    b = models.data(folder / "cb.npy", (70, 3, 3), seed=12)
    for names, parts in (("a,b", [a, b]), ("b,a", [b, a])):
        rows, _ = generate(path, f"a={folder / 'ca.npy'}", f"b={folder / 'cb.npy'}",
                           flags=["--concat", names])
        joined = np.concatenate(parts, axis=1)
        close(rows, models.softmax(models.forward(path, joined).numpy()))
    two = models.save(models.TwoInputs(), folder / "concat_two.pt")
    left = models.data(folder / "cl.npy", (70, 3), seed=14)
    one = models.data(folder / "c1.npy", (70, 1), seed=15)
    right = models.data(folder / "cr.npy", (70, 4), seed=13)
    rows, _ = generate(two, f"r={folder / 'cr.npy'}", f"l={folder / 'cl.npy'}",
                       f"one={folder / 'c1.npy'}", flags=["--input", "l,one,r", "--concat", "l,one"])
    joined = np.concatenate([left, one], axis=1)
    close(rows, models.softmax(models.forward(two, joined, right).numpy()))
