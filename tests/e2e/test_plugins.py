"""Models in shared libraries of the user's: the example against the same CNN in TorchScript, and
every way in which a plugin can be wrong."""

import os
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

import models

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def plugins(build):
    return build / "tests" / "plugins"


@pytest.fixture(scope="module")
def weights(digits):
    """The digits model's parameters, as the example wants them."""
    state = torch.jit.load(str(digits / "digits_model.pt")).state_dict()
    path = digits / "w.bin"
    path.write_bytes(b"".join(tensor.numpy().tobytes() for tensor in state.values()))
    return path


def generate(run, model, data, out, *flags, ranks=1, **kwargs):
    return run("fod-generate", "--model", model, "--data", data, "--out", out, *flags, ranks=ranks,
               **kwargs)


@pytest.fixture(scope="module")
def jobs(run, plugins, weights, digits, tmp_path_factory):
    """Result files: of TorchScript, and of the plugin on 1, 2 and 3 ranks."""
    folder = tmp_path_factory.mktemp("plugins")
    spec = f"plugin:{plugins}/libfod_example_cnn.so?weights={weights}"
    files = []
    for name, model, ranks in (("torch", digits / "digits_model.pt", 1), ("p1", spec, 1),
                               ("p2", spec, 2), ("p3", spec, 3)):
        files.append(folder / f"{name}.h5")
        job = generate(run, model, digits / "images.npy", files[-1], "--labels",
                       digits / "labels.npy", ranks=ranks)
        assert job.returncode == 0, job.stderr
        assert run("fod", "verify", files[-1], ranks=None).returncode == 0
    return files


def test_the_example_agrees_with_torchscript(jobs):
    with h5py.File(jobs[0]) as expected, h5py.File(jobs[1]) as file:
        a, b = expected["distributions"][:], file["distributions"][:]
        np.testing.assert_allclose(b, a, rtol=0, atol=1e-5)
        np.testing.assert_array_equal(b.argmax(1), a.argmax(1))
        np.testing.assert_array_equal(file["sample_ids"][:], np.arange(1797))
        assert file["metrics"].attrs["accuracy"] == expected["metrics"].attrs["accuracy"] > 0.95


def test_ranks_do_not_change_a_bit(jobs):
    found = []
    for path in jobs[1:]:
        with h5py.File(path) as file:
            found.append([file[name][()].tobytes() for name in
                          ("distributions", "sample_ids", "uncertainty/entropy", "ledger/checksums")])
    assert found[0] == found[1] == found[2]


def test_the_library_is_what_is_hashed(run, plugins, weights, digits, jobs, tmp_path):
    copy = tmp_path / "libother.so"
    copy.write_bytes((plugins / "libfod_example_cnn.so").read_bytes() + b"\0")  # loads all the same
    job = generate(run, f"plugin:libother.so?weights={weights}", digits / "images.npy",
                   tmp_path / "r.h5", "--max-samples", 10, ranks=2, cwd=tmp_path)  # without a slash
    assert job.returncode == 0, job.stderr
    hashes = []
    for path in (*jobs, tmp_path / "r.h5"):
        with h5py.File(path) as file:
            hashes.append(file["provenance"].attrs["model_hash"])
    assert len(set(hashes)) == 3
    assert hashes[1] == hashes[2] == hashes[3]


def test_integers_reach_a_plugin_as_floats(run, plugins, weights, digits, tmp_path):
    job = generate(run, f"plugin:{plugins}/libfod_example_cnn.so?weights={weights}",
                   digits / "images_u8.npy", tmp_path / "r.h5", "--normalize", "mean=0,std=16",
                   "--labels", digits / "labels.npy")
    assert job.returncode == 0, job.stderr
    assert "uint8 is given to the model as float32" in job.stdout
    with h5py.File(tmp_path / "r.h5") as file:
        assert file["metrics"].attrs["accuracy"] > 0.95


@pytest.mark.parametrize("library,options,expected", [
    ("libnone.so", "", ["libnone.so", "No such file"]),
    ("libfod_no_plugin.so", "", ["no function fod_plugin_abi_version"]),
    ("libfod_no_model.so", "", ["no function fod_model_describe"]),
    ("libfod_example_transform.so", "", ["no function fod_model_open"]),
    ("libfod_other_version.so", "", ["version 42", "version 1"]),
    ("libfod_example_cnn.so", "", ["the options are weights=FILE"]),
    ("libfod_example_cnn.so", "weights=/dev/null", ["not this model's weights", "/dev/null"]),
    ("libfod_misbehaving.so", "open", ["(no such network)"]),
    ("libfod_misbehaving.so", "forward", ["the network is tired"]),
    ("libfod_misbehaving.so", "output", ["is missing"]),
    ("libfod_misbehaving.so", "device", ["GPU 3", "runs on the CPU"]),
    ("libfod_misbehaving.so", "strides", ["strides are (1, 64)"]),
    ("libfod_misbehaving.so", "offset", ["byte_offset is 2"]),
    ("libfod_misbehaving.so", "data", ["its pointer is null"]),
    ("libfod_misbehaving.so", "type", ["24 bits"]),
    ("libfod_misbehaving.so", "1d", ["(64,)", "(64, K)"]),
])
def test_what_is_wrong_is_said_before_anything_is_written(run, plugins, tmp_path, library, options,
                                                          expected):
    data = tmp_path / "in" / "x.npy"
    data.parent.mkdir()
    models.data(data, (100, 4))
    out = tmp_path / "out"
    out.mkdir()
    job = generate(run, f"plugin:{plugins}/{library}?{options}", data, out / "r.h5", ranks=2)
    assert job.returncode == 2, job.stderr
    lines = [line for line in job.stderr.splitlines() if line.startswith("fod-generate:")]
    assert len(lines) == 1, job.stderr
    for words in expected:
        assert words in lines[0]
    assert os.listdir(out) == []


def test_a_text_file_is_no_library(run, tmp_path):
    models.data(tmp_path / "x.npy", (100, 4))
    (tmp_path / "libtext.so").write_text("not a library\n" * 100)
    job = generate(run, "plugin:libtext.so", "x.npy", tmp_path / "r.h5", cwd=tmp_path)
    assert job.returncode == 2, job.stderr
    assert "libtext.so" in job.stderr and "ELF" in job.stderr


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_failure_in_the_loop_ends_the_job_with_its_text(run, plugins, tmp_path, ranks):
    values = models.data(tmp_path / "x.npy", (1000, 4))
    values[960] = 101  # first of a batch, long after block 0
    np.save(tmp_path / "x.npy", values)
    job = generate(run, f"plugin:{plugins}/libfod_misbehaving.so?late", tmp_path / "x.npy",
                   tmp_path / "r.h5", ranks=ranks)
    assert job.returncode == 4, job.stderr
    assert "the network is tired" in job.stderr
    assert not (tmp_path / "r.h5").exists()


def test_a_plugin_that_behaves(run, plugins, tmp_path):
    values = models.data(tmp_path / "x.npy", (1000, 4))
    job = generate(run, f"plugin:{plugins}/libfod_misbehaving.so", tmp_path / "x.npy",
                   tmp_path / "r.h5", ranks=2)
    assert job.returncode == 0, job.stderr
    with h5py.File(tmp_path / "r.h5") as file:
        np.testing.assert_allclose(file["distributions"][:], models.softmax(values), atol=1e-6)


@pytest.mark.parametrize("compiler,standard", [("cc", "c99"), ("cc", "c11"), ("c++", "c++11"),
                                               ("c++", "c++20")])
def test_the_header_is_plain_c(compiler, standard, tmp_path):
    source = tmp_path / ("a.c" if compiler == "cc" else "a.cpp")
    dlpack = tmp_path / "dlpack" / "dlpack.h"  # of the plugin's own, included first
    dlpack.parent.mkdir()
    header = (ROOT / "include" / "fod" / "plugin_abi.h").read_text()
    structs = header.split("#ifndef DLPACK_DLPACK_H_")[1].split("#endif")[0]
    dlpack.write_text(f"#ifndef DLPACK_DLPACK_H_\n#define DLPACK_DLPACK_H_\n#include <stdint.h>\n"
                      f"{structs}\n#endif\n")
    for first in ("", "#include <dlpack/dlpack.h>\n"):
        source.write_text(first + '#include "fod/plugin_abi.h"\n#include "fod/plugin_abi.h"\n'
                          "int fod_plugin_abi_version(void) { return FOD_PLUGIN_ABI_VERSION; }\n")
        done = subprocess.run([compiler, f"-std={standard}", "-Wall", "-Wextra", "-pedantic",
                               "-Werror", "-fsyntax-only", "-I", ROOT / "include", "-I", tmp_path,
                               source], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
