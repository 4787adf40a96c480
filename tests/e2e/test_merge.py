"""Shards of any number of ranks, and jobs over ranges, joined in any order, are the file that one
job writes: rows, ledger, sums, groups, their activity and events, to the last bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import group_data
import h5py
import layer_jobs
import models
import numpy as np
import pytest
from layer_jobs import done
from merging import everything, merged, ranged, same_results, sharded, shards_of
from program import FOD, fod

SAMPLES = 300


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("merge")
    random = np.random.default_rng(5)
    models.data(folder / "images.npy", (SAMPLES, 3, 5, 7))
    models.save(layer_jobs.Grid(), folder / "grid.pt")
    models.save(layer_jobs.Grid(), folder / "other.pt", seed=4)
    labels = random.integers(0, 5, SAMPLES)
    labels[7] = -1  # not known
    np.save(folder / "labels.npy", labels)
    np.save(folder / "votes.npy", random.integers(0, 4, (SAMPLES, 5)))
    values, _ = group_data.planted(SAMPLES)
    np.save(folder / "x.npy", np.ascontiguousarray(values[:, :90]))
    models.save(group_data.Features(90), folder / "features.pt")
    np.save(folder / "category.npy", random.integers(0, 3, SAMPLES))
    (folder / "loss.txt").write_text("".join(f"{float(x)!r}\n" for x in random.gamma(2.0, 1.0, SAMPLES)))
    words = ["Calculate the sum of two numbers.", "Why must it be true?", "hello there"]
    (folder / "texts.txt").write_text("".join(words[i % 3] + "\n" for i in range(SAMPLES)))
    return folder


def job(folder, *flags, model="grid.pt", data="images.npy"):
    return [folder / model, folder / data, "--batch-size", 7,
            *[str(flag).format(folder) for flag in flags]]


def one(run, out, job, *flags, ranks=2):
    done(run, *job[:2], out, *job[2:], *flags, ranks=ranks)
    return out


ROWS = {
    "labels": ([2, 5], ["--labels", "{0}/labels.npy", "--keep-logits"]),
    "counts": ([1], ["--labels", "{0}/votes.npy", "--transform", "temperature=2"]),
    "ensemble": ([3], ["--model", "{0}/other.pt", "--weights", "2,1", "--keep-members",
                       "--keep-logits"]),
}


@pytest.mark.parametrize("all_ranks,flags", ROWS.values(), ids=ROWS)
def test_rows(run, folder, tmp_path, all_ranks, flags):
    task = job(folder, *flags)
    one(run, tmp_path / "one.h5", task)
    for ranks in all_ranks:
        out = tmp_path / f"{ranks}.h5"
        merged(out, sharded(run, out, ranks, task), seed=ranks)
        same_results(tmp_path / "one.h5", out)


METHODS = {
    "clusters": ["--correlation-threshold", 0.4, "--keep-moments"],
    "auto": ["--correlation-threshold", "auto", "--min-group-size", 4],
    "kmeans": ["--group-method", "kmeans", "--n-groups", "auto", "--seed", 11],
    "signed": ["--group-method", "kmeans", "--n-groups", 7, "--signed", "--seed", -3],
    "hierarchy": ["--group-method", "hierarchical", "--correlation-threshold", 0.35],
    "ward": ["--group-method", "hierarchical", "--n-groups", 9, "--linkage", "ward"],
    "legacy": ["--legacy", "--correlation-threshold", 0.7],
    "alone": ["--no-distributions", "--keep-activations", "--keep-moments"],
}


@pytest.mark.parametrize("flags", METHODS.values(), ids=METHODS)
def test_groups(run, folder, tmp_path, flags):
    task = job(folder, "--layers", "features", *flags, model="features.pt", data="x.npy")
    one(run, tmp_path / "one.h5", task)
    out = tmp_path / "r.h5"
    files = sharded(run, out, 3, task)
    for file in files:
        with h5py.File(file, "r") as shard:
            assert list(shard["groups/features"]) == ["moments"]
    merged(out, files)
    same_results(tmp_path / "one.h5", out)
    with h5py.File(out, "r") as file:
        assert len(file["groups/features/group_id"]) > 1


EVENTS = {
    "categories": ["--group-patterns", "--categories", "{0}/category.npy", "--loss",
                   "{0}/loss.txt"],
    "texts": ["--texts", "{0}/texts.txt"],
    "patterns": ["--group-patterns", "--keep-moments"],
}
LAYERS = ["--layers", "conv,fc", "--correlation-threshold", 0.3, "--min-group-size", 2, "--labels",
          "{0}/labels.npy"]


@pytest.mark.parametrize("flags", EVENTS.values(), ids=EVENTS)
def test_what_groups_do_in_kept_activations(run, folder, tmp_path, flags):
    task = job(folder, *LAYERS, "--keep-activations", *flags)
    one(run, tmp_path / "one.h5", task)
    out = tmp_path / "r.h5"
    said = merged(out, sharded(run, out, 3, task))
    same_results(tmp_path / "one.h5", out)
    assert "left out" not in said and "conv: " in said
    if "--categories" in flags:
        parts = ranged(run, tmp_path / "part.h5", [":100", "100:101", "101:"], task)
        merged(tmp_path / "ranges.h5", parts, seed=2)
        same_results(tmp_path / "one.h5", tmp_path / "ranges.h5")


def test_what_cannot_be_made_is_said(run, folder, tmp_path):
    task = job(folder, *LAYERS, "--group-patterns", "--loss", "{0}/loss.txt")
    out = tmp_path / "r.h5"
    ended = done(run, *task[:2], out, *task[2:], "--shards", ranks=2)
    assert "is left out, since it needs --keep-activations" in ended.stdout
    said = merged(out, shards_of(out, 2))
    assert "left out: --group-patterns and the events, since the activations were not kept" in said
    plain = job(folder, *LAYERS)
    one(run, tmp_path / "one.h5", plain)
    same_results(tmp_path / "one.h5", out)
    # What users say of the samples is not where it was.
    loss = tmp_path / "loss.txt"
    loss.write_text((folder / "loss.txt").read_text())
    task = job(folder, *LAYERS, "--keep-activations", "--group-patterns", "--loss", loss)
    files = sharded(run, tmp_path / "s.h5", 2, task)
    loss.unlink()
    said = merged(tmp_path / "s.h5", files)
    assert "left out: the events, since what they follow from cannot be read again" in said
    assert str(loss) in said
    with h5py.File(tmp_path / "s.h5", "r") as file:
        assert "events" not in file and "group_center" in file["groups/fc"]
        assert str(loss) in file["provenance/merge_left_out"][0].decode()


def test_shards_and_ranges_together(run, folder, tmp_path):
    """The dataset is cut twice: some of it by ranges, one of these by ranks."""
    task = job(folder, *LAYERS, "--keep-moments", "--max-samples", 290)
    one(run, tmp_path / "one.h5", task, ranks=3)
    files = ranged(run, tmp_path / "part.h5", [":50", "200:"], task)
    files += sharded(run, tmp_path / "s.h5", 3, task, "--range", "50:200")
    merged(tmp_path / "r.h5", files, seed=3)
    same_results(tmp_path / "one.h5", tmp_path / "r.h5")
    with h5py.File(tmp_path / "r.h5", "r") as file:
        provenance = file["provenance"]
        samples = provenance["merged_samples"][()]
        assert samples[0, 0] == 0 and samples[-1, 1] == 290
        assert (samples[1:, 0] == samples[:-1, 1]).all()
        assert provenance.attrs["ranks"] == 6 == len(provenance["hosts"])
        assert len(set(provenance["merged_creations"][()])) == 5
        with h5py.File(tmp_path / "one.h5", "r") as whole:
            for name in ("data_hash", "model_hash", "output_mode_evidence"):
                assert provenance.attrs[name] == whole["provenance"].attrs[name]
            settings = "provenance/settings"
            assert list(file[settings][()]) == list(whole[settings][()])


@pytest.mark.parametrize("samples,ranks", [(15, 5), (3, 3), (0, 2)])
def test_shards_without_samples(run, folder, tmp_path, samples, ranks):
    layers = LAYERS if samples else ["--labels", "{0}/labels.npy"]
    task = job(folder, *layers, "--max-samples", samples)
    one(run, tmp_path / "one.h5", task, ranks=1)
    out = tmp_path / "r.h5"
    merged(out, sharded(run, out, ranks, task))
    same_results(tmp_path / "one.h5", out)


def test_parts_of_a_dataset_can_be_joined_in_steps(run, folder, tmp_path):
    task = job(folder, *LAYERS)
    one(run, tmp_path / "one.h5", task)
    files = ranged(run, tmp_path / "part.h5", [":70", "70:140", "140:"], task)
    merged(tmp_path / "two.h5", files[:2], "--allow-partial")
    done(run, *task[:2], tmp_path / "range.h5", *task[2:], "--range", ":140", ranks=2)
    same_results(tmp_path / "range.h5", tmp_path / "two.h5")
    merged(tmp_path / "r.h5", [files[2], tmp_path / "two.h5"])
    same_results(tmp_path / "one.h5", tmp_path / "r.h5")


def test_meta_is_that_of_all(run, folder, tmp_path):
    task = job(folder, "--labels", "{0}/labels.npy", "--meta", "auto", "--meta", "num_classes=mine",
               "--model-name", "m")
    one(run, tmp_path / "one.h5", task)
    out = tmp_path / "r.h5"
    merged(out, sharded(run, out, 3, task))
    same_results(tmp_path / "one.h5", out, but=("meta",))
    metas = [json.loads(everything(path)["meta"]) for path in (tmp_path / "one.h5", out)]
    for meta in metas:
        del meta["timestamp"]
    assert list(metas[0].items()) == list(metas[1].items())
    assert metas[0]["num_samples"] == SAMPLES and metas[0]["num_classes"] == "mine"


def test_the_other_commands_know_shards(run, folder, tmp_path):
    out = tmp_path / "r.h5"
    files = sharded(run, out, 2, job(folder, *LAYERS))
    info = fod("info", files[1])
    assert b"shard 1 of 2: groups are found by fod merge" in info.stdout
    assert json.loads(fod("info", files[1], "--json").stdout)["shard"] == [1, 2]
    for command in (("groups", files[0]), ("compare", *files)):
        refusal = fod(*command)
        assert refusal.returncode == 2
        assert b"it is a shard: groups are found by fod merge" in refusal.stderr
    report = json.loads(merged(out, files, "--json"))
    assert [tuple(file["shard"]) for file in report["files"]] == [(0, 2), (1, 2)]
    assert report["samples"] == [0, SAMPLES] and report["layers"]["fc"]["groups"] > 0
    assert json.loads(fod("info", out, "--json").stdout)["shard"] is None
    refusal = fod("merge", "--help")
    assert b"fod merge R.h5 R.*-of-00008.h5" in refusal.stdout
    # A job that goes on with the result finds it complete.
    again = done(run, *job(folder, *LAYERS)[:2], out, *job(folder, *LAYERS)[2:], "--resume", ranks=3)
    assert "is complete already" in again.stdout


def memory_of(out, files):
    """Bytes that a merge took at most, by a small process: a child counts from its parent's size."""
    code = ("import resource, subprocess, sys; "
            "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
    ended = subprocess.run([sys.executable, "-I", "-c", code, FOD, "merge", out, *files], check=True,
                           capture_output=True, text=True, timeout=60)
    return int(ended.stdout) * 1024


def test_memory_does_not_grow_with_the_samples(run, tmp_path):
    models.save(group_data.Features(16, 10), tmp_path / "m.pt")
    random = np.random.default_rng(0)
    peaks = []
    for samples in (10_000, 200_000):
        x = random.standard_normal((samples, 16)).astype(np.float32)
        x[:, 1:4] = x[:, :1] + 0.1 * x[:, 1:4]
        np.save(tmp_path / "x.npy", x)
        out = tmp_path / f"{samples}.h5"
        files = sharded(run, out, 2, [tmp_path / "m.pt", tmp_path / "x.npy", "--batch-size", 512,
                                      "--layers", "features", "--keep-activations",
                                      "--group-patterns"])
        peaks.append(memory_of(out, files))
        assert os.path.getsize(out) > 100 * samples
    assert peaks[0] > 12e6 and peaks[1] - peaks[0] < 6e6, peaks
