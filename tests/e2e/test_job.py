"""What a job does besides its rows: meta, configuration files, plans, locks, failures on the way."""

import json
import os
import re
import signal
import subprocess
import time

import h5py
import numpy as np
import pytest

import models
from program import PATIENCE
from pseudo_terminal import shown


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("job")
    models.save(models.Shaped("logits"), folder / "m.pt")
    models.data(folder / "x.npy", (300, 4))
    return folder


@pytest.fixture
def generate(run, folder, tmp_path):
    def job(*flags, ranks=2, model="m.pt", data="x.npy", **kwargs):
        return run("fod-generate", "--model", folder / model, "--data", folder / data, "--out",
                   tmp_path / "r.h5", *flags, ranks=ranks, **kwargs)

    return job


def meta_of(path):
    with h5py.File(path) as file:
        return file["meta"].asstr()[()]


def test_meta_has_model_name_first_and_keeps_order(generate, tmp_path):
    (tmp_path / "more.json").write_text('{"z": [1, 2.50, null], "a": {"b": "ü"}}')
    job = generate("--meta", "k=v", "--meta", "n:=1e2", "--meta", f"@{tmp_path}/more.json",
                   "--model-epoch", 3)
    assert job.returncode == 0, job.stderr
    expected = {"model_name": None, "model_epoch": 3, "k": "v", "n": 100.0, "z": [1, 2.5, None],
                "a": {"b": "ü"}}
    assert meta_of(tmp_path / "r.h5") == json.dumps(expected, ensure_ascii=False)


def test_meta_model_name_is_replaced_in_place(generate, tmp_path):
    assert generate("--meta", "a=1", "--meta", "model_name=mine").returncode == 0
    assert meta_of(tmp_path / "r.h5") == '{"model_name": "mine", "a": "1"}'


def test_meta_auto_adds_what_is_known(generate, folder, tmp_path):
    np.save(folder / "y.npy", np.arange(300) % 3)
    assert generate("--meta", "auto", "--labels", folder / "y.npy").returncode == 0
    meta = json.loads(meta_of(tmp_path / "r.h5"))
    with h5py.File(tmp_path / "r.h5") as file:
        accuracy = file["metrics"].attrs["accuracy"]
        assert accuracy == np.mean(file["uncertainty/prediction"][:] == np.arange(300) % 3)
    assert list(meta) == ["model_name", "framework", "device", "timestamp", "output_mode",
                          "batch_size", "num_samples", "num_classes", "torch_version", "accuracy"]
    assert meta["framework"] == "pytorch" and meta["num_samples"] == 300
    assert meta["num_classes"] == 3 and meta["accuracy"] == accuracy


def test_a_configuration_file_is_read_and_the_line_wins(run, folder, tmp_path):
    (tmp_path / "job.toml").write_text(
        f'model = "{folder}/m.pt"\ndata = ["{folder}/x.npy"]\nbatch-size = 32\n'
        f'out = "{tmp_path}/r.h5"\nmodel-name = "from file"\n')
    job = run("fod-generate", "--config", tmp_path / "job.toml", "--batch-size", 16)
    assert job.returncode == 0, job.stderr
    with h5py.File(tmp_path / "r.h5") as file:
        assert file.attrs["batch_size"] == 16
    assert json.loads(meta_of(tmp_path / "r.h5"))["model_name"] == "from file"


def test_dry_run_prints_the_plan_and_writes_nothing(generate, tmp_path):
    job = generate("--dry-run", ranks=3)
    assert job.returncode == 0, job.stderr
    for words in ("300 samples", "3 classes", "rank 2", "HDF5", "JSON", "free", "blocks    5"):
        assert words in job.stdout
    assert os.listdir(tmp_path) == []


def test_max_samples_and_range(generate, tmp_path):
    assert generate("--max-samples", 100).returncode == 0
    with h5py.File(tmp_path / "r.h5") as file:
        assert len(file["distributions"]) == 100
    job = generate("--range", "100:200", "--overwrite")
    assert job.returncode == 0
    assert "cut at block boundaries: samples 128:256" in job.stdout
    with h5py.File(tmp_path / "r.h5") as file:
        np.testing.assert_array_equal(file["sample_ids"][:], np.arange(128, 256))


def test_no_samples_give_a_valid_empty_file(run, generate, folder, tmp_path):
    np.save(folder / "none.npy", np.zeros((0, 4), np.float32))
    job = generate("--json", tmp_path / "r.json", "--model-name", "m", data="none.npy")
    assert job.returncode == 0, job.stderr
    assert (tmp_path / "r.json").read_text() == '{"meta": {"model_name": "m"}, "distributions": {}}'
    assert run("fod", "verify", tmp_path / "r.h5", ranks=None).returncode == 0
    with h5py.File(tmp_path / "r.h5") as file:
        assert file["distributions"].shape == (0, 0)
        assert file.attrs["complete"] == 1


@pytest.mark.parametrize("ranks", [1, 2])
def test_rows_that_are_not_finite_are_named_and_progress_is_kept(run, generate, folder, tmp_path,
                                                                 ranks):
    x = np.load(folder / "x.npy")
    x[[70, 250]] = np.nan
    np.save(folder / "nan.npy", x)
    job = generate(data="nan.npy", ranks=ranks)
    assert job.returncode == 4, job.stderr
    assert "2 samples have no finite output: 70, 250" in job.stderr
    assert sorted(os.listdir(tmp_path)) == ["r.h5.partial"]
    with h5py.File(tmp_path / "r.h5.partial") as file:
        assert file["ledger/done"][:].all() and file.attrs["complete"] == 0
        np.testing.assert_array_equal(np.flatnonzero(file["row_status"][:]), [70, 250])
    again = generate(data="nan.npy", ranks=ranks)
    assert again.returncode == 2 and "5 of 5 blocks done" in again.stderr
    allowed = generate("--allow-nonfinite", "--overwrite", data="nan.npy", ranks=ranks)
    assert allowed.returncode == 0, allowed.stderr
    assert sorted(os.listdir(tmp_path)) == ["r.h5"]
    assert run("fod", "verify", tmp_path / "r.h5", ranks=None).returncode == 0


@pytest.mark.parametrize("ranks", [1, 2, 3])
@pytest.mark.parametrize("model,words", [
    (models.FailsLate, ["this sample is too much"]),
    (models.Switch, ["sample 290 has no probabilities", "--output-mode logits"])])
def test_a_failure_on_the_way_keeps_progress(generate, folder, tmp_path, model, words, ranks):
    models.save(model(), folder / "late.pt")
    x = np.load(folder / "x.npy")
    x[290, 0] = 1000
    np.save(folder / "late.npy", x)
    job = generate(model="late.pt", data="late.npy", ranks=ranks)
    assert job.returncode == 4, job.stderr
    lines = [line for line in job.stderr.splitlines() if line.startswith("fod-generate:")]
    assert len(lines) == 1
    for text in [*words, "progress is kept in"]:
        assert text in lines[0]
    if ranks > 1:
        assert f"rank {ranks - 1}" in lines[0]
    assert sorted(os.listdir(tmp_path)) == ["r.h5.partial"]


def test_two_jobs_on_one_output(build, generate, folder, tmp_path):
    """The second is refused, and the first one ends as if nothing had been."""
    models.data(folder / "large.npy", (400_000, 4))
    first = subprocess.Popen(
        [build / "fod-generate", "--model", folder / "m.pt", "--data", folder / "large.npy",
         "--out", tmp_path / "r.h5", "--batch-size", "2"], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while not (tmp_path / "r.h5.partial").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        first.send_signal(signal.SIGSTOP)  # in the middle of its work, for as long as we need
        second = generate("--overwrite", ranks=2)
        first.send_signal(signal.SIGCONT)
        assert second.returncode == 2, second.stderr
        assert "another job is writing" in second.stderr
        assert f"process {first.pid}" in second.stderr
        assert first.wait(timeout=120 * PATIENCE) == 0
    finally:
        first.kill()
        first.wait()
    with h5py.File(tmp_path / "r.h5") as file:
        assert file.attrs["complete"] == 1
    assert sorted(os.listdir(tmp_path)) == ["r.h5"]


def test_tasks_without_pmi_are_refused(build, generate):
    """As `srun` without PMI starts them: several tasks, each of which believes to be alone."""
    job = generate(ranks=None, env={"SLURM_NTASKS": "4", "SLURM_STEP_NUM_TASKS": "4"})
    assert job.returncode == 2
    assert "srun --mpi=pmix" in job.stderr
    assert generate(ranks=None, env={"SLURM_NTASKS": "1"}).returncode == 0


def test_progress_and_summary(generate):
    job = generate("--progress")
    assert job.returncode == 0
    for words in ("300 samples", "3 classes", "samples/s", "peak anonymous memory", "2 ranks"):
        assert words in job.stdout


def test_progress_is_one_line_on_a_terminal(build, folder, tmp_path):
    models.data(folder / "long.npy", (200_000, 4))
    code, text = shown(
        [build / "fod-generate", "--model", folder / "m.pt", "--data", folder / "long.npy", "--out",
         tmp_path / "r.h5", "--batch-size", "2"], 60 * PATIENCE, streams=("stderr",))
    assert code == 0
    lines = [line for line in text.split("\r") if "samples/s" in line]
    assert len(lines) >= 2
    for line in lines:
        assert re.search(r"[\d,]+/200,000 \(\d+ %\), [\d,]+ samples/s, .* left", line)
    assert "\n" not in "".join(lines[:-1])
    assert "200,000/200,000 (100 %)" in lines[-1]


def test_threads_are_recorded(generate, tmp_path):
    assert generate("--threads", 2).returncode == 0
    with h5py.File(tmp_path / "r.h5") as file:
        provenance = dict(file["provenance"].attrs)
        assert provenance["threads"] == 2 and provenance["ranks"] == 2
        assert file["provenance/shard_map"].shape == (2, 2)
        assert file["provenance/shard_map"][1, 1] == 300
        for key in ("model_hash", "data_hash", "output_mode_evidence", "precision", "seed"):
            assert key in provenance


def test_large_arrays_begin_with_a_stripe_of_the_file_system(generate, folder, tmp_path):
    np.save(folder / "many.npy", np.zeros((140_000, 4), np.float32))
    assert generate(data="many.npy").returncode == 0
    with h5py.File(tmp_path / "r.h5") as file:
        sizes = {name: file[name] for name in ("distributions", "sample_ids", "row_status")}
        assert sizes["sample_ids"].nbytes >= 2**20 > sizes["row_status"].nbytes
        for name in ("distributions", "sample_ids"):
            assert file[name].id.get_offset() % 2**20 == 0, name
