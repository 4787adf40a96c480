"""Other frameworks behind the `python:` door, on two ranks: importing TensorFlow alone takes
seconds, so these are slow."""

import numpy as np
import pytest

import python_doors as doors
from test_slow_python_door import EXPECTED, close, job, labels, rows, x_npy  # noqa: F401


def require(*packages):
    for package in packages:
        pytest.importorskip(package)


@pytest.mark.parametrize("framework,package", [("jax", "jax"), ("onnx", "onnxruntime"),
                                               ("tensorflow", "tensorflow"), ("keras", "keras")])
def test_frameworks(rows, framework, package):  # noqa: F811
    require(package)
    close(rows(f"{framework}_model", timeout=180), EXPECTED)


def test_scikit_learn(rows):  # noqa: F811
    require("sklearn")
    expected = doors.sklearn_model()(__import__("torch").from_numpy(doors.X))
    close(rows("sklearn_model", timeout=120), expected)


def test_tf_data(rows, tmp_path):  # noqa: F811
    require("tensorflow")
    close(rows("net", data="tf_data", timeout=180), EXPECTED)
    np.testing.assert_array_equal(labels(tmp_path)[0], doors.LABELS)


def test_a_model_and_data_of_several_frameworks_in_one_job(rows):  # noqa: F811
    require("tensorflow", "jax")
    close(rows("jax_model", data="tf_data", timeout=180), EXPECTED)


@pytest.mark.parametrize("data,words", [
    ("tf_data_unknown", ["length of python:python_doors:tf_data_unknown is not known", "unknown",
                         "assert_cardinality"]),
    ("tf_data_shuffled", ["does not go through its samples in order", "shuffle()"])])
def test_refused_tf_data(job, data, words):  # noqa: F811
    require("tensorflow")
    done = job("net", data=data, ranks=None, timeout=120)
    assert done.returncode == 2, done.stderr
    for word in words:
        assert word in done.stderr


def test_packages_that_bring_their_own_libraries(rows):  # noqa: F811
    require("PIL")
    close(rows("other_wheels", timeout=120), EXPECTED)


def test_jax_without_a_tpu(job, tmp_path):  # noqa: F811
    require("jax")
    done = job("jax_model", "--device", "tpu", ranks=2, timeout=180)
    assert done.returncode == 2, done.stderr
    assert "Unable to initialize backend 'tpu'" in done.stderr
    assert "leave --device tpu out" in done.stderr
    assert not (tmp_path / "r.h5").exists()


def test_same_bytes_for_any_number_of_ranks_with_jax(rows):  # noqa: F811
    require("jax")
    found = [rows("jax_model", data="pairs", ranks=ranks, timeout=180) for ranks in (1, 2, 3)]
    assert all(part.tobytes() == found[0].tobytes() for part in found)
