"""What `fod merge` refuses, in exact words; what damage, kills and failures leave behind."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import group_data
import h5py
import layer_jobs
import models
import numpy as np
import pytest
from conftest import run_command
from layer_jobs import done
from merging import everything, flip, merged, ranged, refused, same_results, sharded, shards_of
from program import FOD, fod, preloaded
from torch import Tensor, nn

SAMPLES = 200
FAULTS = FOD.parent / "tests" / "libfod_faults.so"


class FailsAt(nn.Module):
    """Cannot take one sample as long as it is asked not to."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Identity()
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        if bool((x[:, 0] > 900).any()):
            raise RuntimeError("the sensor is wet")
        return self.head(self.features(x))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("refusals")
    x = layer_jobs.correlated(SAMPLES)
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", np.arange(SAMPLES) % 3)
    other = x.copy()
    other[0] += 1
    np.save(folder / "other.npy", other)
    models.save(group_data.Features(8, 3), folder / "m.pt")
    models.save(group_data.Features(8, 3), folder / "m2.pt", seed=9)
    models.save(FailsAt(), folder / "fails.pt")
    return folder


def job(folder, *flags, model="m.pt", data="x.npy"):
    return [folder / model, folder / data, "--batch-size", 8, *flags]


GROUPS = ["--layers", "features", "--keep-activations", "--group-patterns"]


@pytest.fixture(scope="module")
def parts(run, folder, tmp_path_factory):
    """Three shards, and the one file that they are."""
    out = tmp_path_factory.mktemp("parts") / "r.h5"
    task = job(folder, *GROUPS)
    files = sharded(run, out, 3, task)
    done(run, *task[:2], out.with_name("one.h5"), *task[2:], ranks=2)
    return files


@pytest.fixture
def copies(parts, tmp_path):
    return [Path(shutil.copy(part, tmp_path)) for part in parts]


def test_gaps_overlaps_and_duplicates(run, folder, parts, copies, tmp_path):
    out = tmp_path / "out.h5"
    refused(out, [], "there is nothing to merge", "write `fod merge R.h5 R.*-of-*.h5`")
    refused(out, [parts[2], parts[0]], "samples 72:136 are missing",
            "none of the files holds them; shard 1 of 3 was not given",
            "give the files that hold them too\n")
    refused(out, [parts[0]], "samples 72:200 are missing", "shards 1, 2 of 3 were not given",
            "pass --allow-partial for a file without them")
    refused(out, [parts[1]], "samples 0:72, 136:200 are missing")
    refused(out, [parts[2], parts[0]], "samples 72:136 are missing", flags=("--allow-partial",))
    refused(out, [*parts, copies[1]], "are the same file", "both are shard 1 of 3 of one job",
            "give each file once")
    refused(out, [*parts, parts[0]], "are the same file")
    ranges = ranged(run, tmp_path / "part.h5", ["72:144"], job(folder, *GROUPS))
    message = refused(out, [*parts, *ranges], "overlap", "both hold samples 72:136",
                      "leave one of them out")
    assert str(parts[1]) in message and str(ranges[0]) in message
    refused(out, [parts[0], *ranges, parts[2]], "overlap", "both hold samples 136:144")
    refused(parts[0], parts, "is both an input and the output", gone=False)
    refused(parts[0], parts, "is both an input and the output", flags=("--overwrite",), gone=False)
    refused(tmp_path / "nowhere" / "r.h5", parts, "the folder", "does not exist", gone=False)
    merged(out, parts)
    refused(out, parts, "is there already", "pass --overwrite", gone=False)
    merged(out, parts, "--overwrite")


DIFFERENT = {
    "model": ({"model": "m2.pt"}, [], "the model (a checksum) is xxh3:"),
    "data": ({"data": "other.npy"}, [], "the data (a checksum of its first block) is"),
    "labels": ({}, ["--labels", "{}/y.npy"], "--labels is"),
    "seed": ({}, ["--seed", 3], "--seed is"),
    "threshold": ({}, ["--correlation-threshold", 0.5],
                  "--correlation-threshold is 0.59999999999999998 in"),
    "precision": ({}, ["--precision", "bf16"], "--precision is fp32 in"),
    "samples": ({}, ["--max-samples", 199], "the number of samples is 200 in"),
    "logits": ({}, ["--keep-logits"], "--keep-logits is not given in"),
    "transform": ({}, ["--transform", "smooth=0.1"], "--transform is not given in"),
}


@pytest.mark.parametrize("where,flags,words", DIFFERENT.values(), ids=DIFFERENT)
def test_files_of_another_job(run, folder, parts, tmp_path, where, flags, words):
    flags = [str(flag).format(folder) for flag in flags]
    files = ranged(run, tmp_path / "part.h5", ["72:"], job(folder, *GROUPS, *flags, **where))
    message = refused(tmp_path / "out.h5", [parts[0], *files], "are not parts of one result", words,
                      "merge files that were made with the same model, data and flags")
    assert str(parts[0]) in message and str(files[0]) in message


def test_what_is_no_part(run, folder, parts, copies, tmp_path):
    out = tmp_path / "out.h5"
    refused(out, [*parts[:2], tmp_path / "no.h5"], "no.h5 does not exist", "check the path")
    (tmp_path / "text.h5").write_text("hello")
    refused(out, [*parts, tmp_path / "text.h5"], "text.h5 is no result file")
    with h5py.File(tmp_path / "plain.h5", "w") as file:
        file["x"] = [1]
    refused(out, [*parts, tmp_path / "plain.h5"], "plain.h5 is no result file of fod")
    with h5py.File(copies[1], "r+") as file:
        file.attrs["schema"] = 2
    refused(out, [parts[0], copies[1], parts[2]], "has schema 2", "use the version of fod")
    (tmp_path / "j.json").write_text('{"meta": {}, "distributions": {"0": [0.5, 0.5]}}')
    assert fod("import", tmp_path / "j.json", tmp_path / "j.h5").returncode == 0
    refused(out, [tmp_path / "j.h5"], "j.h5 does not say how it was made", "it was imported")
    one = parts[0].with_name("one.h5")
    refused(out, [one], "holds no moments of its layers", "use the file as it is")
    # A job that has not finished, by its own name and by that of the result.
    unfinished = tmp_path / "u.00001-of-00002.h5"
    with h5py.File(copies[2], "r+") as file:
        file.attrs["complete"] = 0
        file["ledger/done"][2] = 0
    partial = copies[2].rename(f"{unfinished}.partial")
    refused(out, [parts[0], partial], "is not complete", "7 of 8 blocks are done",
            "run its job again with --resume, then merge")
    refused(out, [parts[0], unfinished], "u.00001-of-00002.h5 does not exist",
            "its job has not finished", "--resume")


@pytest.mark.parametrize("dataset", ["distributions", "sample_ids", "row_status",
                                     "activations/features", "uncertainty/entropy",
                                     "groups/features/moments/even_products",
                                     "groups/features/moments/scale"])
def test_a_bit_that_flipped(copies, tmp_path, dataset):
    with h5py.File(copies[1], "r") as file:
        width = file[dataset].nbytes // len(file[dataset])
    flip(copies[1], dataset, 20 * width)
    message = refused(tmp_path / "out.h5", copies, str(copies[1]))
    if "moments" in dataset:
        assert "is damaged" in message and "/groups/features/moments" in message
    else:
        assert f"samples 88:96: the checksum of /{dataset} differs" in message
    assert fod("verify", copies[1]).returncode == 1


def killed(out, files, *where):
    """A merge under a fault."""
    env = {**os.environ, **preloaded(FAULTS), "FOD_FAULT": ":".join(map(str, where))}
    return subprocess.run([FOD, "merge", out, *files], capture_output=True, text=True, timeout=60,
                          env=env)


@pytest.mark.parametrize("call,place", [
    ("write:out.h5.partial.new", 1), ("write:out.h5.partial.new", 9), ("rename:out.h5.partial", 1),
    ("write:out.h5.partial", 60), ("write:out.h5.partial", 150), ("write:out.h5.partial", 300),
    ("write:undo", 1), ("fsync:out.h5.partial", 4), ("fsync:out.h5.partial", 7),
    ("rename:out.h5", 3), ("rename:out.h5", 2)])
def test_a_merge_that_is_killed(parts, tmp_path, call, place):
    out = tmp_path / "out.h5"
    ended = killed(out, parts, "kill", *call.split(":"), place)
    if ended.returncode == 0:  # it has fewer such calls
        assert place > 1 and fod("verify", out).returncode == 0
        return
    assert ended.returncode == -9 and not out.exists()
    merged(out, parts)  # begins anew, without being asked to
    same_results(parts[0].with_name("one.h5"), out)
    left = {path.name for path in tmp_path.iterdir()} - {"out.h5"}
    assert not left


def test_a_merge_that_fails(parts, tmp_path):
    out = tmp_path / "out.h5"
    for where in (("ENOSPC", "write", "out.h5.partial", 80), ("EIO", "fsync", "out.h5.partial", 3)):
        ended = killed(out, parts, *where)
        assert ended.returncode == 2 and ended.stderr.startswith("fod: "), ended
        assert not out.exists() and not list(tmp_path.glob("*.partial"))
    merged(out, parts)


def test_the_partial_file_of_a_job_is_not_replaced(run, folder, parts, tmp_path):
    out = tmp_path / "r.h5"
    env = {**preloaded(FAULTS), "FOD_FAULT": "kill:fsync:r.h5.partial:6"}
    ended = run("fod-generate", "--model", folder / "m.pt", "--data", folder / "x.npy", "--out", out,
                "--batch-size", 8, "--checkpoint-interval", 0, ranks=None, env=env)
    assert ended.returncode == -9 and Path(f"{out}.partial").exists()
    refused(out, parts, "r.h5.partial is there already", "pass --resume to go on", gone=False)
    merged(out, parts, "--overwrite")


def shard_job(run, folder, out, *flags, model="m.pt", data="x.npy", ranks=3, env=None):
    return run("fod-generate", "--model", folder / model, "--data", folder / data, "--out", out,
               "--batch-size", 8, "--threads", 1, "--shards", *flags, ranks=ranks, env=env,
               timeout=60)


@pytest.mark.parametrize("rank,fault", [
    (1, "kill:write:r.00001-of-00003.h5.partial:40"), (2, "kill:rename:r.00002-of-00003.h5:2"),
    (0, "kill:fsync:r.00000-of-00003.h5.partial:5")])
def test_a_shard_that_is_killed_and_resumed(run, folder, parts, tmp_path, rank, fault):
    out = tmp_path / "r.h5"
    flags = [*GROUPS, "--checkpoint-interval", 0]
    ended = shard_job(run, folder, out, *flags, env={**preloaded(FAULTS), "FOD_FAULT": fault})
    assert ended.returncode != 0
    files = shards_of(out, 3)
    assert not files[rank].exists()
    refusal = shard_job(run, folder, out, *flags)
    assert refusal.returncode == 2 and "pass --resume to go on" in refusal.stderr
    other = shard_job(run, folder, out, *flags, "--resume", ranks=2)
    assert other.returncode == 2 and not (tmp_path / "r.00000-of-00002.h5.lock").exists()
    assert "shards of another number of ranks are there (r.0000" in other.stderr
    assert "this job has 2 ranks): start it on 3 ranks with --resume" in other.stderr
    again = shard_job(run, folder, out, *flags, "--resume")
    assert again.returncode == 0, again.stderr
    merged(out, files)
    same_results(parts[0].with_name("one.h5"), out)
    once_more = shard_job(run, folder, out, *flags, "--resume")
    assert "all shards of" in once_more.stdout and "complete already" in once_more.stdout
    shutil.rmtree(f"{files[0]}.partial.state", ignore_errors=True)
    assert {path.name for path in tmp_path.iterdir()} == {"r.h5", *(file.name for file in files)}


def test_a_rank_that_fails_stops_all_and_keeps_progress(run, folder, tmp_path):
    x = np.load(folder / "x.npy")
    x[150, 0] = 1000
    np.save(tmp_path / "x.npy", x)
    out = tmp_path / "r.h5"
    flags = ["--checkpoint-interval", 0, "--layers", "features"]
    ended = run("fod-generate", "--model", folder / "fails.pt", "--data", tmp_path / "x.npy", "--out",
                out, "--batch-size", 8, "--threads", 1, "--shards", *flags, ranks=3, timeout=60)
    assert ended.returncode == 4 and "rank 2: " in ended.stderr
    assert "the sensor is wet" in ended.stderr and ended.stderr.count("fod-generate: ") == 1
    assert "progress is kept in" in ended.stderr and "of-00003.h5.partial" in ended.stderr
    assert all(Path(f"{file}.partial").exists() for file in shards_of(out, 3))
    x[150, 0] = 1
    np.save(tmp_path / "x.npy", x)
    again = run("fod-generate", "--model", folder / "fails.pt", "--data", tmp_path / "x.npy", "--out",
                out, "--batch-size", 8, "--threads", 1, "--shards", "--resume", *flags, ranks=3,
                timeout=60)
    assert again.returncode == 0, again.stderr
    assert "had been done by an earlier job" in again.stdout
    merged(out, shards_of(out, 3))


def test_rows_that_are_not_finite(run, folder, tmp_path):
    x = np.load(folder / "x.npy")
    x[[5, 150], 1] = np.nan
    np.save(tmp_path / "x.npy", x)
    out = tmp_path / "r.h5"
    ended = run("fod-generate", "--model", folder / "m.pt", "--data", tmp_path / "x.npy", "--out", out,
                "--batch-size", 8, "--threads", 1, "--shards", ranks=2)
    assert ended.returncode == 4 and "2 samples have no finite output: 5, 150" in ended.stderr
    task = [folder / "m.pt", tmp_path / "x.npy", "--batch-size", 8, "--allow-nonfinite"]
    files = sharded(run, out, 2, task, "--resume")
    merged(out, files)
    done(run, *task[:2], tmp_path / "one.h5", *task[2:])
    same_results(tmp_path / "one.h5", out)
    assert everything(out)["metrics@nonfinite_rows"] == 2


def test_ranks_whose_shards_would_not_fit(folder, tmp_path, build):
    """Nodes with other numbers of cores: it is said before, not after."""
    def rank(threads):
        return ["-n", "1", str(build / "fod-generate"), "--model", str(folder / "m.pt"), "--data",
                str(folder / "x.npy"), "--shards", "--out", str(tmp_path / "r.h5"), "--threads",
                str(threads)]
    ended = run_command(["mpirun", "--oversubscribe", *rank(1), ":", *rank(2)], 60,
                        {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"})
    assert ended.returncode == 2
    assert "could not be merged (--threads is 1 on rank 0, and 2 on rank 1)" in ended.stderr
    assert not list(tmp_path.iterdir())


def test_what_does_not_go_with_shards(run, folder, tmp_path):
    out = tmp_path / "r.h5"
    refusal = shard_job(run, folder, out, "--json", tmp_path / "r.json")
    assert refusal.returncode == 2 and not list(tmp_path.iterdir())
    assert "--json does not go with --shards" in refusal.stderr
    assert "`fod merge`, then write the JSON with `fod export`" in refusal.stderr
    plan = shard_job(run, folder, out, "--dry-run", *GROUPS[:2])
    assert "r.00002-of-00003.h5" in plan.stdout and "`fod merge` joins them" in plan.stdout
    listing = run("fod-generate", "--model", folder / "m.pt", "--data", folder / "x.npy", "--shards",
                  "--list-layers")
    assert "with --shards their groups are found by `fod merge`" in listing.stdout
    assert not list(tmp_path.iterdir())
