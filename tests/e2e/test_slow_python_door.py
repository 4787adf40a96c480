"""Models and datasets in Python: what they give is what plain Python gives, and every way to get
them wrong has its message."""

import platform
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

import models
import python_doors as doors

HERE = Path(__file__).resolve().parent
LOGITS = doors.X.astype(np.float64) @ doors.W
EXPECTED = models.softmax(LOGITS)


@pytest.fixture(scope="module")
def x_npy(tmp_path_factory):
    path = tmp_path_factory.mktemp("door") / "x.npy"
    np.save(path, doors.X)
    return path


@pytest.fixture
def job(run, tmp_path, x_npy):
    """job("net", data="map_style") runs python_doors' net; data may be several --data values."""

    def start(model, *flags, data=None, ranks=2, env=None, timeout=60):
        model = model if ":" in model or "/" in model else f"python:python_doors:{model}"
        data = [str(x_npy)] if data is None else [data] if isinstance(data, str) else data
        data = [spec if "/" in spec or ":" in spec else f"python:python_doors:{spec}"
                for spec in data]
        words = [word for spec in data for word in ("--data", spec)]
        return run("fod-generate", "--model", model, *words, "--out", tmp_path / "r.h5",
                   "--overwrite", "--threads", 1, *flags, ranks=ranks, timeout=timeout,
                   env={"PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1", **(env or {})})

    return start


@pytest.fixture
def rows(job, run, tmp_path):
    """The rows of a job that must succeed."""

    def result(*args, **kwargs):
        done = job(*args, **kwargs)
        assert done.returncode == 0, done.stderr
        verified = run("fod", "verify", tmp_path / "r.h5", ranks=None)
        assert verified.returncode == 0, verified.stdout
        with h5py.File(tmp_path / "r.h5") as file:
            np.testing.assert_array_equal(file["sample_ids"][:], np.arange(doors.SIZE))
            return file["distributions"][:]

    return result


def close(found, expected, tolerance=1e-6):
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def labels(folder):
    with h5py.File(folder / "r.h5") as file:
        return file["labels"][:], file["metrics"].attrs["accuracy"]


@pytest.mark.parametrize("model", ["net", "Net", "make_net", "calls", "make_callable", "plain",
                                   "double"])
def test_models(rows, model):
    close(rows(model), EXPECTED)


@pytest.mark.parametrize("model,key", [("as_dict", "logits"), ("as_dict", "deep.list.1"),
                                       ("as_tuple", "1"), ("as_tuple", "logits")])
def test_output_key(rows, model, key):
    close(rows(model, "--output", key, ranks=None), EXPECTED)


def test_weights_are_part_of_the_fingerprint(rows, tmp_path):
    hashes = []
    for seed in (0, 0, 1):
        rows("seeded", ranks=None, env={"DOOR_SEED": str(seed)})
        with h5py.File(tmp_path / "r.h5") as file:
            hashes.append(file["provenance"].attrs["model_hash"])
    assert hashes[0] == hashes[1] != hashes[2]


def test_prints_appear(job):
    done = job("make_net", ranks=None)
    assert done.returncode == 0, done.stderr
    assert "made by a factory" in done.stdout


@pytest.mark.parametrize("model,words", [
    ("as_numbers", ["Model must return a torch.Tensor (logits or probs).", "a list of numbers"]),
    ("as_text", ["Model must return a torch.Tensor (logits or probs).", "a str"]),
    ("as_dict", ["Model must return a torch.Tensor (logits or probs).", "a dict",
                 "--output, one of logits, deep"]),
    ("number", ["is no model", "it is a int"]),
    ("Needs", ["cannot be made without arguments", "it needs classes"]),
    ("two", ["the model takes 2 inputs (left, right)", "--data gives 1"]),
    ("nett", ["has no 'nett'", "did you mean 'net'?"]),
    ("fails_always", ["KeyError: 'never'", "in fails_always", "traceback"]),
    ("python:nowhere:net", ["there is no module 'nowhere'", "searched were", "PYTHONPATH"]),
    ("python:python_doors", ["python:module:callable"]),
    ("python:python_doors.py:net", ["is a file, not a module's name"])])
def test_refusals(job, tmp_path, model, words):
    done = job(model, ranks=None)
    assert done.returncode == 2, done.stderr
    for word in words:
        assert word in done.stderr
    assert not list(tmp_path.glob("r.h5*"))


def test_missing_output_entry(job):
    done = job("as_dict", "--output", "deep.lists", ranks=None)
    assert done.returncode == 2
    assert "the model's output has no entry 'lists' (it has list)" in done.stderr


def test_import_error_inside_of_the_module(job, tmp_path):
    (tmp_path / "lame.py").write_text("import not_installed_anywhere\n")
    (tmp_path / "wrong.py").write_text("def f(x:\n")
    (tmp_path / "leaves.py").write_text("import sys\nsys.exit(0)\n")
    env = {"PYTHONPATH": str(tmp_path)}
    done = job("python:lame:net", ranks=2, env=env)
    assert done.returncode == 2
    assert done.stderr.count("No module named 'not_installed_anywhere'") == 1  # once for the job
    assert "lame.py:1" in done.stderr and "-m pip install" in done.stderr
    done = job("python:wrong:f", ranks=None, env=env)
    assert done.returncode == 2 and "SyntaxError" in done.stderr and "wrong.py" in done.stderr
    done = job("python:leaves:f", ranks=None, env=env)
    assert done.returncode == 2 and "SystemExit" in done.stderr


def test_exception_in_the_middle(job, tmp_path):
    done = job("fails_late", "--batch-size", 16, ranks=2)
    assert done.returncode == 4, done.stderr
    assert "rank 1: samples 192 to 208" in done.stderr
    assert "ValueError: this sample | is too much" in done.stderr
    assert "in inner_step" in done.stderr and "in fails_late" in done.stderr
    assert done.stderr.count("ValueError: this sample") == 1
    assert (tmp_path / "r.h5.partial").exists() and not (tmp_path / "r.h5").exists()


def test_out_of_memory_goes_on_with_less(rows):
    close(rows("small_memory"), EXPECTED)


def test_same_bytes_for_any_number_of_ranks(rows, tmp_path):
    found = [rows("net", data="tensors", ranks=ranks) for ranks in (1, 2, 3)]
    assert all(part.tobytes() == found[0].tobytes() for part in found)


# --- The interpreter ---


def test_wrong_interpreters(job, tmp_path):
    done = job("net", ranks=None, env={"FOD_PYTHON_EXECUTABLE": str(tmp_path / "none")})
    assert done.returncode == 2 and "there is no Python interpreter" in done.stderr
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "python").write_text("")
    (tmp_path / "venv" / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.7.1\n")
    done = job("net", ranks=None, env={"VIRTUAL_ENV": str(tmp_path / "venv")})
    assert done.returncode == 2
    assert "has version 3.7" in done.stderr and "VIRTUAL_ENV" in done.stderr


@pytest.fixture
def other_torch(tmp_path):
    """A folder with what importlib takes for torch 2.5.0."""
    folder = tmp_path / "other"
    (folder / "torch-2.5.0.dist-info").mkdir(parents=True)
    (folder / "torch-2.5.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: torch\nVersion: 2.5.0\n")
    return folder


def test_another_torch_is_refused(job, other_torch, x_npy, tmp_path):
    env = {"PYTHONPATH": f"{other_torch}:{HERE}"}
    done = job("net", ranks=None, env=env)
    assert done.returncode == 2, done.stderr
    assert "has torch 2.5.0" in done.stderr and torch.__version__.split("+")[0] in done.stderr
    # Data must not bring it in either.
    path = models.save(models.Linear(4, 3), tmp_path / "m.pt")
    done = job(str(path), data="map_style", ranks=None, env=env)
    assert done.returncode == 2, done.stderr
    assert "has torch 2.5.0" in done.stderr and "import torch" in done.stderr
    # The same version, but another file.
    copy = other_torch / "torch"
    copy.mkdir()
    (copy / "__init__.py").write_text("raise AssertionError('imported')\n")
    (other_torch / "torch-2.5.0.dist-info" / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: torch\nVersion: {torch.__version__}\n")
    done = job("net", ranks=None, env=env)
    assert done.returncode == 2
    assert "another copy of torch" in done.stderr and "AssertionError" not in done.stderr


def test_missing_library(job, tmp_path):
    done = job("net", ranks=None, env={"FOD_PYTHON_LIBRARY": str(tmp_path / "none.so")})
    assert done.returncode == 2
    assert "embedded Python is missing" in done.stderr and "python3-dev" in done.stderr


def test_a_job_without_python_needs_none(build):
    def needed(file):
        return subprocess.run(["ldd", str(build / file)], capture_output=True, text=True,
                              check=True).stdout

    for program in ("fod-generate", "fod"):
        assert "libpython" not in needed(program) and "libtorch_python" not in needed(program)
    assert "libtorch" not in needed("libfod_python.so")
    assert "libpython" in needed("libfod_python.so")


def test_tpu_is_for_jax_alone(job, tmp_path):
    path = models.save(models.Linear(4, 3), tmp_path / "m.pt")
    done = job(str(path), "--device", "tpu", ranks=None)
    assert done.returncode == 2 and "a TPU is reached only through JAX" in done.stderr


# --- Datasets ---


@pytest.mark.parametrize("data,labelled", [
    ("map_style", False), ("array", False), ("pairs", True), ("tensors", True), ("loader", True),
    ("Stream", True), ("stream_loader", True)])
def test_datasets(rows, tmp_path, data, labelled):
    close(rows("net", data=data), EXPECTED)
    with h5py.File(tmp_path / "r.h5") as file:
        assert ("labels" in file) == labelled
    if labelled:
        found, accuracy = labels(tmp_path)
        np.testing.assert_array_equal(found, doors.LABELS)
        assert accuracy == pytest.approx((EXPECTED.argmax(1) == doors.LABELS).mean())


def test_collate_fn_is_used(rows, tmp_path):
    close(rows("net", data="collating_loader"), models.softmax(LOGITS / 2))
    np.testing.assert_array_equal(labels(tmp_path)[0], doors.LABELS)


def test_nested_fields(rows, job, tmp_path):
    close(rows("two", "--input", "image.left,image.right", "--labels", "label", data="Nested"),
          models.softmax(np.zeros((doors.SIZE, 3))))
    np.testing.assert_array_equal(labels(tmp_path)[0], doors.LABELS)
    # The labels' field is no input, and text is no field.
    assert rows("two", "--labels", "label", data="Nested", ranks=None).shape == (doors.SIZE, 3)
    done = job("two", "--labels", "label", "--dry-run", data="Nested", ranks=None)
    assert "field name is left out: a str is no array of numbers" in done.stdout
    close(rows("two", "--input", "b.image.right,a", data=["a=python:python_doors:array",
                                                          "b=python:python_doors:Nested"],
               ranks=None), models.softmax(LOGITS * 1.5))
    done = job("two", "--input", "image.left,image.middle", data="Nested", ranks=None)
    assert done.returncode == 2
    assert "'image.middle', which is no input" in done.stderr and "image.right" in done.stderr


def test_labels_from_elsewhere(rows, tmp_path):
    for spec in ("python:python_doors:class_indices", "python:python_doors:pairs"):
        rows("net", "--labels", spec, data="map_style", ranks=None)
        np.testing.assert_array_equal(labels(tmp_path)[0], doors.LABELS)


def test_types(rows):
    half = torch.from_numpy(doors.X).bfloat16().double().numpy()
    close(rows("halves", data="Mixed", ranks=None),
          models.softmax((doors.X.astype(np.float64) + half) @ doors.W))


def test_iterables_say_what_they_cost(job):
    done = job("net", "--dry-run", data="Stream", ranks=None)
    assert "each rank reads the iterable from its start" in done.stdout


def test_early_end(job, tmp_path):
    done = job("net", "--batch-size", 16, data="ShortStream", ranks=2)
    assert done.returncode == 4, done.stderr
    assert "generated 250 distributions, but dataset length is 300." in done.stderr
    assert (tmp_path / "r.h5.partial").exists()


@pytest.mark.parametrize("data,words", [
    ("Ragged", ["sample 200", "has an array of shape (3,) float32", "sample 0 has (4,) float32"]),
    ("Broken", ["sample 200", "OSError: the disk is gone", "in __getitem__"])])
def test_samples_that_cannot_be_used(job, tmp_path, data, words):
    done = job("net", "--batch-size", 16, data=data, ranks=2)
    assert done.returncode == 4, done.stderr
    for word in ["rank 1", *words]:
        assert word in done.stderr
    assert (tmp_path / "r.h5.partial").exists()


@pytest.mark.parametrize("data,words", [
    ("shuffled_loader", ["does not go through its dataset in order", "RandomSampler"]),
    ("generator", ["length of python:python_doors:generator is not known", "generator"]),
    ("number", ["is no dataset", "int"]),
    ("Scores", ["is no dataset", "features, logits"])])
def test_refused_datasets(job, data, words):
    done = job("net", data=data, ranks=None)
    assert done.returncode == 2, done.stderr
    for word in words:
        assert word in done.stderr


def test_the_interpreter_is_recorded(rows, tmp_path):
    rows("net", data="pairs", ranks=None)
    with h5py.File(tmp_path / "r.h5") as file:
        assert file["provenance"].attrs["python"] == platform.python_version()
        assert file["provenance"].attrs["labels"] == "1"
