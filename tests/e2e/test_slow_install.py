"""cmake --install, a tree that was moved, and a user's project built against it."""

import os
import re
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest
import torch
from conftest import ROOT, h5rows, run_command

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGE = (ROOT / "tools/docs/file-format.md").read_text(encoding="utf-8")
ROOT_USER = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def check(done):
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done


def from_readme(pattern):
    """A command of the README's section on programs of a user's."""
    section = re.search(r"## In a program of your own\n(.*?)\n## ", README, re.DOTALL)[1]
    found = re.findall(pattern, section, re.MULTILINE)
    assert len(found) == 1, section
    return found[0].split("#")[0].strip()


@pytest.fixture(scope="module")
def tree(build, tmp_path_factory):
    """An installed tree, by the README's command, moved from where it was installed."""
    folder = tmp_path_factory.mktemp("tree")
    (folder / "build").mkdir()
    (folder / "build/release").symlink_to(build)
    check(run_command(["bash", "-ec", from_readme("^cmake --install .*$")], 60,
                      {"HOME": str(folder)}, cwd=folder))
    (folder / "fod").rename(folder / "moved")
    return folder / "moved"


@pytest.fixture(scope="module")
def consumer(tree, tmp_path_factory):
    """The project of tests/consumer, copied to where nothing of this project is, and built."""
    folder = tmp_path_factory.mktemp("consumer")
    shutil.copytree(ROOT / "tests/consumer", folder / "mine")
    shutil.copytree(ROOT / "jobs/examples", folder / "examples")
    (folder / "page_reader.cpp").write_text(re.search(r"```cpp\n(.*?)```", PAGE, re.DOTALL)[1])
    (folder / "fod").symlink_to(tree)
    nvcc = ROOT / ".venv/cuda/bin/nvcc"
    toolkit = ([f"-DCMAKE_CUDA_COMPILER={nvcc}", f"-DCUDA_TOOLKIT_ROOT_DIR={nvcc.parents[1]}"]
               if nvcc.exists() else [])
    command = " ".join([from_readme("^cmake -S .*$"), f"-DEXAMPLES={folder / 'examples'}", "-G Ninja",
                        f"-DPAGE_READER={folder / 'page_reader.cpp'}", "-DCMAKE_BUILD_TYPE=Release",
                        f"-DTorch_DIR={torch.utils.cmake_prefix_path}/Torch",
                        "'-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror'", *toolkit])
    check(run_command(["bash", "-ec", command], 120, {"HOME": str(folder)}, cwd=folder))
    check(run_command(["cmake", "--build", str(folder / "build-mine"), "--parallel",
                       str(os.cpu_count())], 600))
    return folder / "build-mine"


def test_the_installed_programs_run_where_they_were_moved_to(tree, digits, tmp_path):
    for program in ("fod", "fod-generate"):
        assert check(run_command([str(tree / "bin" / program), "--version"], 60)).stdout.strip()
    job = [str(tree / "bin/fod-generate"), "--model", str(digits / "digits_model.pt"), "--data",
           str(digits / "images.npy"), "--max-samples", "200", "--threads", "1", "--device", "cpu"]
    check(run_command([*job, "--out", str(tmp_path / "r.h5")], 60, ROOT_USER))
    check(run_command([str(tree / "bin/fod"), "verify", str(tmp_path / "r.h5")], 60))
    (tmp_path / "own.py").write_text("import torch\ndef model(x):\n    return x.flatten(1)[:, :3]\n")
    job[2] = "python:own:model"
    check(run_command([*job, "--out", str(tmp_path / "p.h5")], 120, ROOT_USER, cwd=tmp_path))
    assert h5rows(tmp_path / "p.h5").shape == (200, 3)


def test_nothing_in_the_tree_names_the_place_it_was_built_in(tree, build):
    texts = [path for path in tree.rglob("*") if path.suffix in {".cmake", ".py", ".sh", ".toml"}]
    assert any(path.name == "fodConfig.cmake" for path in texts)
    for path in texts:
        assert str(ROOT) not in path.read_text() and str(tree.parent / "fod/") not in path.read_text()


def test_the_python_module_is_installed(tree, digits, tmp_path):
    code = "import fod_torch; print(fod_torch.output_dataloader.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "PYTHONPATH": str(tree / "share/fod")})
    assert done.stdout == "output_dataloader\n", done.stderr


def test_a_program_without_torch_reads_a_result(run, consumer, digits, tmp_path):
    out = tmp_path / "r.h5"
    check(run("fod-generate", "--model", digits / "digits_model.pt", "--data", digits / "images.npy",
              "--threads", 1, "--out", out))
    done = check(run_command([str(consumer / "read_result"), str(out), "0", "1796"], 60))
    lines = done.stdout.splitlines()
    rows = h5rows(out)
    assert lines[0] == "1797 samples, 10 classes"
    assert float(lines[1].split()[-1]) == pytest.approx(h5rows(out, "uncertainty/entropy").mean(),
                                                        abs=1e-6)
    for line, row in zip(lines[2:], (0, 1796)):
        index, *values = line.replace(":", "").split()
        assert int(index) == row
        assert np.array_equal(np.array(values, np.float32), rows[row])
    linked = run_command(["ldd", str(consumer / "read_result")], 60).stdout
    assert "libtorch" not in linked and "libhdf5" in linked
    refused = run_command([str(consumer / "read_result"), str(out), "1797"], 60)
    assert refused.returncode == 2 and "No distribution for index 1797" in refused.stderr


def test_the_reader_of_the_page_on_the_file_format(run, consumer, digits, tmp_path):
    out = tmp_path / "r.h5"
    check(run("fod-generate", "--model", digits / "digits_model.pt", "--data", digits / "images.npy",
              "--layers", "fc1", "--correlation-threshold", "0.3", "--threads", 1, "--out", out))
    said = check(run_command([str(consumer / "page_reader"), str(out)], 60)).stdout
    with h5py.File(out) as file:
        layer, entropy = file["groups/fc1"], file["uncertainty/entropy"][:]
        members = layer["members"][:layer["offsets"][1]].tolist()
        assert members and said == (f"1797 samples, 10 classes, group 0: {members}\nleast sure of "
                                    f"sample {entropy.argmax()}: {entropy.max():.4f} nats\n")
    (tmp_path / "no.h5").write_text("")
    refused = run_command([str(consumer / "page_reader"), str(tmp_path / "no.h5")], 60)
    assert refused.returncode == 1 and "no.h5" in refused.stderr


def test_ranks_of_a_users_program_share_its_dataset(consumer, tmp_path):
    files = []
    for ranks in (1, 3):
        out = tmp_path / f"{ranks}.h5"
        done = check(run_command(["mpirun", "--oversubscribe", "-n", str(ranks),
                                  str(consumer / "ranks"), str(out)], 120, ROOT_USER))
        assert sum(int(line.split()[4]) for line in done.stdout.splitlines()) == 500
        files.append(out)
    x = (np.arange(500)[:, None] + np.arange(6)).astype(np.float32) / np.float32(100)
    expected = torch.from_numpy(x * 10).softmax(1).numpy()
    assert np.abs(h5rows(files[0]) - expected).max() < 1e-6
    assert np.array_equal(h5rows(files[0]), h5rows(files[1]))
    with h5py.File(files[1]) as file:
        assert file.attrs["complete"] == 1 and file["labels"][7] == 1


def test_soft_targets_beat_hard_labels(consumer, digits):
    """The example of knowledge distillation, over five seeds; measured 0.89 against 0.94."""
    done = check(run_command([str(consumer / "distill"), *(str(digits / name) for name in
                              ("digits_model.pt", "images.npy", "labels.npy"))], 300))
    print(done.stdout)
    *seeds, total = done.stdout.splitlines()
    assert len(seeds) == 5
    for line in seeds:
        words = line.replace(",", "").replace(";", "").split()
        first, last = float(words[words.index("KL") + 1]), float(words[-1])
        assert last < first / 5
    words = total.replace(",", "").split()
    hard, soft = float(words[2]), float(words[5])
    lower = float(words[words.index("%:") + 1])
    assert hard < 0.93 and soft - hard > 0.02 and lower > 0, total
