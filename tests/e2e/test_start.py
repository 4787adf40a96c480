"""What a rank loads when it starts, since every job waits for it."""

from __future__ import annotations

import re
from pathlib import Path

import models
import pytest
import torch
from conftest import ROOT, run_command

FABRIC = ["/sys/class/infiniband", "/sys/class/cxi", "/dev/hfi1_0", "/dev/ipath", "/dev/kgni0"]
OF_A_GPU = {"libtorch_cuda", "libcublas", "libcublasLt", "libcudnn", "libnccl", "libcusparse"}
PSM = {"libpsm2", "libpsm_infinipath"}


@pytest.fixture()
def loaded(run, tmp_path: Path):
    """Names of the libraries that a small job on the CPU loads, with `variables` set."""
    model = models.save(torch.nn.Linear(4, 3), tmp_path / "m.pt")
    models.data(tmp_path / "x.npy", (5, 4))

    def names(**variables: str) -> set[str]:
        job = run("fod-generate", "--model", model, "--data", tmp_path / "x.npy", "--out",
                  tmp_path / "r.h5", "--overwrite", "--device", "cpu", ranks=None,
                  env={"LD_DEBUG": "files", "LD_DEBUG_OUTPUT": str(tmp_path / "log"), **variables})
        assert job.returncode == 0, job.stderr
        text = "".join(part.read_text(errors="replace") for part in tmp_path.glob("log.*"))
        for part in tmp_path.glob("log.*"):
            part.unlink()
        found = set(re.findall(r"calling init: \S*/([^/\s.]+)\.so", text))
        assert "libtorch_cpu" in found
        return found

    return names


def test_a_rank_on_the_cpu_loads_nothing_of_a_gpu(loaded) -> None:
    assert not loaded() & OF_A_GPU


@pytest.mark.skipif(any(Path(trace).exists() for trace in FABRIC), reason="there is a fabric")
def test_nobody_waits_for_a_network_that_is_not_there(loaded) -> None:
    assert not loaded() & PSM


def test_what_the_user_says_of_the_network_is_taken(loaded) -> None:
    if not any(Path("/usr/lib").rglob("mca_mtl_psm2.so")):
        pytest.skip("this Open MPI has no component for Omni-Path")
    assert PSM <= loaded(OMPI_MCA_pml="^monitoring")
    assert "libpsm2" in loaded(OMPI_MCA_mtl="psm2,ofi")


def test_ranks_on_several_nodes_leave_the_network_to_open_mpi(loaded) -> None:
    if not any(Path("/usr/lib").rglob("mca_mtl_psm2.so")):
        pytest.skip("this Open MPI has no component for Omni-Path")
    # A lone process, told that there are others elsewhere; Open MPI itself asks its launcher.
    assert "libpsm2" in loaded(OMPI_COMM_WORLD_SIZE="2", OMPI_COMM_WORLD_LOCAL_SIZE="1")


def test_functions_that_only_a_gpu_needs_are_found(build: Path) -> None:
    names = {name for file in ("kernels/cublas.cpp", "nccl/nccl.cpp")
             for name in re.findall(r"function<decltype\((\w+)\)>",
                                    (ROOT / "src" / file).read_text())}
    assert {"cublasSgemm_v2_64", "ncclAllReduce"} < names
    program = str(build / "tests" / "fod_gpu_functions")
    done = run_command([program, *sorted(names)], timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    done = run_command([program, "ncclNoSuchThing"], timeout=60)
    assert done.returncode == 1
    assert "no library has ncclNoSuchThing" in done.stderr
    assert "--device cpu" in done.stderr
