"""`fod ensemble` against the job over all models, to the last bit, and against NumPy; what it
refuses; what damage and kills leave behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import models
import numpy as np
import pytest
from conftest import h5rows
from merging import flip, same_results
from program import FOD, dumps, fod, preloaded
from test_ensembles import check_decomposition, entropy

SAMPLES, CLASSES = 333, 11
FAULTS = FOD.parent / "tests" / "libfod_faults.so"


def job(run, folder: Path, out: Path, numbers: tuple[int, ...], *flags: object,
        data: str = "x.npy", batch: int = 16) -> Path:
    chosen = [flag for n in numbers for flag in ("--model", folder / f"m{n}.pt")]
    if "--no-distributions" not in flags:  # rows far from 0 and 1, so that means have no near ties
        flags = ("--transform", "temperature=20", *flags)
    done = run("fod-generate", *chosen, "--data", folder / data, "--out", out, "--threads", 1,
               "--batch-size", batch, *flags, ranks=None, timeout=60)
    assert done.returncode == 0, done.stderr
    return out


def joined(out: Path, files, *flags: object) -> dict:
    """Makes an ensemble, which is valid."""
    done = fod("ensemble", out, *files, "--json", *flags)
    assert done.returncode == 0, done.stderr
    verdict = fod("verify", out)
    assert verdict.returncode == 0, verdict.stdout
    return json.loads(done.stdout)


def refused(out: Path, files, *words: str, flags: tuple = ()) -> None:
    done = fod("ensemble", out, *files, *flags)
    message = done.stderr.decode()
    assert done.returncode == 2 and message.startswith("fod: ") and message.count("\n") == 1, message
    for word in words:
        assert word in message, message
    assert not [path for path in out.parent.iterdir() if path.name.startswith(out.name)]


def imported(path: Path, p: np.ndarray, ids=None, model: str | None = None) -> Path:
    source = path.with_suffix(".json")
    ids = range(len(p)) if ids is None else ids
    source.write_bytes(dumps({"meta": {"model_name": model} if model else {}, "distributions": {
        str(i): row.tolist() for i, row in zip(ids, p)}}))
    done = fod("import", source, path)
    assert done.returncode == 0, done.stderr
    source.unlink()
    return path


def dirichlet(seed: int, samples: int = 50, classes: int = 4) -> np.ndarray:
    """Rows of float64 whose digits float32 has not."""
    return np.random.default_rng(seed).dirichlet(np.full(classes, 0.8), samples)


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory):
    """Files of single models a1.h5 to a3.h5 over data with one row that is not finite, without it
    b1.h5 to b3.h5."""
    folder = tmp_path_factory.mktemp("files")
    x = models.data(folder / "x.npy", (SAMPLES, 67))
    x[[5, 200]] = np.nan
    np.save(folder / "bad.npy", x)
    np.save(folder / "y.npy", np.arange(SAMPLES) % CLASSES)
    for number in (1, 2, 3):
        models.save(models.Linear(), folder / f"m{number}.pt", number)
        job(run, folder, folder / f"b{number}.h5", (number,), "--labels", folder / "y.npy",
            "--model-name", f"net {number}", "--meta", "auto")
        job(run, folder, folder / f"a{number}.h5", (number,), "--allow-nonfinite", data="bad.npy")
    return folder


@pytest.mark.parametrize("weights", [None, "2,1,1", "0.3,0,5"])
def test_the_bytes_of_the_job_over_all_models(run, folder, tmp_path, weights):
    flags = ["--keep-members", *(["--weights", weights] if weights else [])]
    whole = job(run, folder, tmp_path / "whole.h5", (1, 2, 3), "--labels", folder / "y.npy", *flags)
    report = joined(tmp_path / "r.h5", [folder / f"b{n}.h5" for n in (1, 2, 3)], *flags)
    same_results(whole, tmp_path / "r.h5", but=("meta",))
    for name in ("distributions", "members", "uncertainty/epistemic", "ledger/checksums"):
        assert h5rows(whole, name).tobytes() == h5rows(tmp_path / "r.h5", name).tobytes()
    given = np.array([float(w) for w in (weights or "1,1,1").split(",")])
    check_decomposition(tmp_path / "r.h5", given / given.sum())
    with h5py.File(whole) as a, h5py.File(tmp_path / "r.h5") as b:
        for key in ("weights", "data_hash"):
            assert a["provenance"].attrs[key] == b["provenance"].attrs[key]
    assert [m["weight"] for m in report["members"]] == pytest.approx(list(given / given.sum()))
    assert report["metrics"]["accuracy"] == h5py.File(whole)["metrics"].attrs["accuracy"]


def test_rows_that_are_not_finite(run, folder, tmp_path):
    whole = job(run, folder, tmp_path / "whole.h5", (1, 2), "--allow-nonfinite", data="bad.npy")
    report = joined(tmp_path / "r.h5", [folder / "a1.h5", folder / "a2.h5"])
    same_results(whole, tmp_path / "r.h5", but=("meta",))
    assert report["metrics"]["nonfinite_rows"] == 2
    assert h5rows(tmp_path / "r.h5", "row_status")[[5, 6, 200]].tolist() == [1, 0, 1]


def test_members_of_members(run, folder, tmp_path):
    """MC dropout and ensembles are flattened, weights multiplied."""
    pair = joined(tmp_path / "pair.h5", [folder / "b1.h5", folder / "b2.h5"], "--keep-members",
                  "--weights", "3,1")
    assert [m["weight"] for m in pair["members"]] == [0.75, 0.25]
    report = joined(tmp_path / "r.h5", [tmp_path / "pair.h5", folder / "b3.h5"], "--keep-members",
                    "--weights", "1,3")
    assert [(m["weight"], m["member"], m["of"]) for m in report["members"]] == [
        (0.1875, 0, 2), (0.0625, 1, 2), (0.75, 0, 1)]
    assert "the 2 members of" in report["notes"][0]
    check_decomposition(tmp_path / "r.h5", np.array([0.1875, 0.0625, 0.75]))
    flat = joined(tmp_path / "flat.h5", [folder / f"b{n}.h5" for n in (1, 2, 3)],
                  "--keep-members", "--weights", "0.1875,0.0625,0.75")
    assert flat["notes"] == []
    for name in ("distributions", "members", "uncertainty/aleatoric", "uncertainty/epistemic",
                 "uncertainty/disagreement", "uncertainty/entropy"):
        assert h5rows(tmp_path / "r.h5", name).tobytes() == h5rows(tmp_path / "flat.h5",
                                                                   name).tobytes()
    joined(tmp_path / "lost.h5", [folder / "b1.h5", folder / "b2.h5"])
    refused(tmp_path / "o.h5", [tmp_path / "lost.h5", folder / "b3.h5"],
            "is an ensemble of 2 whose members were not kept", "--keep-members")
    alone = joined(tmp_path / "again.h5", [tmp_path / "pair.h5"])  # its members are two
    assert [m["weight"] for m in alone["members"]] == [0.75, 0.25]


@pytest.mark.parametrize("kinds", [("f8", "f8"), ("f4", "f8"), ("f4", "f4")])
def test_imported_files(tmp_path, kinds):
    p = [dirichlet(seed) for seed in (1, 2)]
    p = [row.astype(np.float32).astype(np.float64) if kind == "f4" else row
         for row, kind in zip(p, kinds)]
    ids = np.random.default_rng(0).permutation(900)[:50]
    files = [imported(tmp_path / f"{n}.h5", row, ids) for n, row in enumerate(p)]
    joined(tmp_path / "r.h5", files, "--weights", "1,3", "--keep-members")
    wide = "f8" in kinds
    found = h5rows(tmp_path / "r.h5")
    assert found.dtype == (np.float64 if wide else np.float32)
    mean = 0.25 * p[0] + 0.75 * p[1]
    np.testing.assert_allclose(found, mean, rtol=0, atol=1e-15 if wide else 1e-7)
    assert h5rows(tmp_path / "r.h5", "sample_ids").tolist() == ids.tolist()
    np.testing.assert_array_equal(h5rows(tmp_path / "r.h5", "members"),
                                  np.stack(p, axis=1).astype(found.dtype))
    aleatoric = 0.25 * entropy(p[0]) + 0.75 * entropy(p[1])
    for name, values in {"entropy": entropy(mean), "aleatoric": aleatoric,
                         "epistemic": entropy(mean) - aleatoric}.items():
        np.testing.assert_allclose(h5rows(tmp_path / "r.h5", f"uncertainty/{name}"), values,
                                   rtol=0, atol=1e-6, err_msg=name)


def test_another_order_of_rows(tmp_path):
    p = [dirichlet(seed) for seed in (1, 2)]
    order = np.random.default_rng(3).permutation(50)
    a = imported(tmp_path / "a.h5", p[0], 7 * np.arange(50))
    b = imported(tmp_path / "b.h5", p[1], 7 * np.arange(50))
    c = imported(tmp_path / "c.h5", p[1][order], 7 * order)
    straight = joined(tmp_path / "r.h5", [a, b], "--keep-members")
    mixed = joined(tmp_path / "s.h5", [a, c], "--keep-members")
    assert straight["notes"] == [] and "are put in the order of" in mixed["notes"][0]
    for name in ("distributions", "sample_ids", "members", "uncertainty/disagreement"):
        assert h5rows(tmp_path / "r.h5", name).tobytes() == h5rows(tmp_path / "s.h5",
                                                                   name).tobytes()
    flip(c, "distributions", 40)
    refused(tmp_path / "o.h5", [a, c], "c.h5 is damaged", "the checksum of /distributions differs")


def test_other_samples(tmp_path):
    p = dirichlet(1)
    a = imported(tmp_path / "a.h5", p)
    other = imported(tmp_path / "other.h5", p, [*range(49), 60])
    refused(tmp_path / "o.h5", [a, other], "do not hold the same samples (sample 49 is in", "a.h5")
    refused(tmp_path / "o.h5", [other, a], "do not hold the same samples (sample 49 is in", "a.h5")
    fewer = imported(tmp_path / "fewer.h5", p[:20])
    refused(tmp_path / "o.h5", [a, fewer], "do not hold the same samples (50 in one, 20 in")
    wider = imported(tmp_path / "wider.h5", dirichlet(1, classes=5))
    refused(tmp_path / "o.h5", [a, wider], "wider.h5 has 5 classes", "has 4")


def test_other_data(run, folder, tmp_path):
    refused(tmp_path / "o.h5", [folder / "b1.h5", folder / "a2.h5"],
            "were made from different data (the first difference is in samples 0:16)",
            "--allow-other-data")
    report = joined(tmp_path / "r.h5", [folder / "b1.h5", folder / "a2.h5"], "--allow-other-data")
    assert "was made from other data than" in report["notes"][0]
    assert report["metrics"]["nonfinite_rows"] == 2
    # Blocks that are cut elsewhere tell nothing; rows are joined all the same.
    other = job(run, folder, tmp_path / "other.h5", (2,), batch=50)
    report = joined(tmp_path / "s.h5", [folder / "b1.h5", other], "--keep-members")
    assert "could not be compared" in report["notes"][0]
    check_decomposition(tmp_path / "s.h5", np.array([0.5, 0.5]))
    part = job(run, folder, tmp_path / "part.h5", (2,), "--range", "0:160")
    refused(tmp_path / "o.h5", [folder / "b1.h5", part], "do not hold the same samples")
    mine = job(run, folder, tmp_path / "mine.h5", (1,), "--range", "0:160")
    joined(tmp_path / "t.h5", [mine, part])
    np.testing.assert_array_equal(h5rows(tmp_path / "t.h5", "sample_ids"), np.arange(160))


def test_labels(run, folder, tmp_path):
    with_none = job(run, folder, tmp_path / "none.h5", (2,))
    for files in ([folder / "b1.h5", with_none], [with_none, folder / "b1.h5"]):
        out = tmp_path / f"r{files[0].name}"
        joined(out, files)
        np.testing.assert_array_equal(h5rows(out, "labels"), np.arange(SAMPLES) % CLASSES)
    np.save(tmp_path / "other.npy", np.where(np.arange(SAMPLES) == 77, 3,
                                             np.arange(SAMPLES) % CLASSES))
    np.save(tmp_path / "counts.npy", np.eye(CLASSES, dtype=np.int64)[np.arange(SAMPLES) % CLASSES])
    other = job(run, folder, tmp_path / "other.h5", (2,), "--labels", tmp_path / "other.npy")
    refused(tmp_path / "o.h5", [folder / "b1.h5", other],
            "have other labels (that of sample 77 is 0 in", "and 3 in")
    counts = job(run, folder, tmp_path / "counts.h5", (2,), "--labels", tmp_path / "counts.npy")
    refused(tmp_path / "o.h5", [folder / "b1.h5", counts], "have labels of different kinds")
    joined(tmp_path / "c.h5", [counts, with_none.rename(tmp_path / "n.h5")])
    np.testing.assert_array_equal(h5rows(tmp_path / "c.h5", "labels"),
                                  np.load(tmp_path / "counts.npy"))


def test_what_it_says_of_itself(run, folder, tmp_path):
    sources = [folder / "b1.h5", folder / "b2.h5"]
    joined(tmp_path / "r.h5", sources)
    with h5py.File(tmp_path / "r.h5") as file, h5py.File(sources[0]) as first:
        meta, before = json.loads(file["meta"][()]), json.loads(first["meta"][()])
        accuracy = file["metrics"].attrs["accuracy"]
        own = file["provenance"]
        told = [json.loads(text) for text in own["ensemble_sources"].asstr()]
        assert list(own["ensemble_files"].asstr()) == [str(path) for path in sources]
        assert own.attrs["model"] == f"{folder / 'm1.pt'}, {folder / 'm2.pt'}"
        assert own.attrs["merged_by"].startswith("fod ensemble ")
        assert [t["data_hash"] for t in told] == 2 * [own.attrs["data_hash"]]
        assert [t["model"] for t in told] == [str(folder / f"m{n}.pt") for n in (1, 2)]
    assert list(meta) == list(before) and list(meta)[0] == "model_name"
    assert meta.pop("model_name") == "net 1 + net 2" and meta.pop("accuracy") == accuracy
    del before["model_name"], before["accuracy"]
    assert meta == before
    layered = job(run, folder, tmp_path / "layered.h5", (1,), "--layers", "first",
                  "--keep-activations", "--keep-logits")
    text = fod("ensemble", tmp_path / "s.h5", layered, folder / "b2.h5").stdout.decode()
    for what in ("left out: groups of neurons", "left out: kept activations", "left out: logits"):
        assert what in text
    assert "333 samples, 11 classes, 2 members" in text and "net 2" in text
    with h5py.File(tmp_path / "s.h5") as file:
        assert not {"groups", "activations", "logits", "members"} & set(file)
        assert json.loads(file["meta"][()])["model_name"] == "layered.h5 + net 2"
    merge = fod("merge", tmp_path / "m.h5", tmp_path / "r.h5")
    assert merge.returncode == 2 and b"does not say how it was made" in merge.stderr


@pytest.mark.parametrize("weights,words", [
    ("1", "there are 1 for 2 files"), ("1,2,3", "there are 3 for 2 files"), ("0,0", "not all 0"),
    ("1,-1", "one number from 0"), ("1,nan", "one number from 0"), ("1,1e31", "one number from 0")])
def test_weights_that_make_no_sense(folder, tmp_path, weights, words):
    refused(tmp_path / "o.h5", [folder / "b1.h5", folder / "b2.h5"], "cannot use --weights", words,
            flags=(f"--weights={weights}",))


def test_what_is_no_input(run, folder, tmp_path):
    out = tmp_path / "o.h5"
    b1, b2 = folder / "b1.h5", folder / "b2.h5"
    refused(out, [], "there is nothing to make an ensemble of", "fod ensemble OUT.h5 A.h5 B.h5")
    refused(out, [b1], "one model alone is no ensemble")
    refused(out, [b1, b1], "are the same file", "--weights makes one count more")
    refused(out, [b1, tmp_path / "no.h5"], "no.h5 does not exist")
    refused(out, [b1, folder], "is no result file (it is a folder)")
    refused(out, [b1, folder / "x.npy"], "is no result file (it is a .npy array")
    (tmp_path / "j.json").write_text("{}")
    refused(out, [b1, tmp_path / "j.json"], "it looks like JSON", "`fod import`")
    inside = tmp_path / "inside.h5"
    inside.write_bytes(b1.read_bytes())
    done = fod("ensemble", inside, inside, b2, "--overwrite")
    assert done.returncode == 2 and b"is both an input and the output" in done.stderr
    assert inside.read_bytes() == b1.read_bytes()
    done = fod("ensemble", inside, b1, b2)
    assert done.returncode == 2 and b"--overwrite" in done.stderr
    joined(inside, [b1, b2], "--overwrite")
    groups = tmp_path / "g.h5"
    job(run, folder, groups, (1,), "--no-distributions", "--layers", "first")
    refused(out, [groups, b1], "g.h5 holds no distributions")
    with h5py.File(inside, "r+") as file:
        file.attrs["complete"] = 0
        file["ledger/done"][3] = 0
    refused(out, [b1, inside], "is not complete", "20 of 21 blocks are done")


@pytest.mark.parametrize("dataset", ["distributions", "row_status", "labels",
                                     "uncertainty/entropy", "uncertainty/prediction"])
def test_a_bit_that_flipped(folder, tmp_path, dataset):
    copy = tmp_path / "copy.h5"
    copy.write_bytes((folder / "b2.h5").read_bytes())
    with h5py.File(copy) as file:
        width = file[dataset].nbytes // len(file[dataset])
    flip(copy, dataset, 100 * width)
    refused(tmp_path / "o.h5", [folder / "b1.h5", copy], "copy.h5 is damaged",
            f"samples 96:112: the checksum of /{dataset} differs")


def test_an_id_that_flipped(folder, tmp_path):
    copy = tmp_path / "copy.h5"
    copy.write_bytes((folder / "b2.h5").read_bytes())
    flip(copy, "sample_ids", 100 * 8)  # it reads 96, which is there twice then
    refused(tmp_path / "o.h5", [folder / "b1.h5", copy], "do not hold the same samples",
            "(sample 96 is in", "copy.h5 alone")


@pytest.mark.parametrize("fault", [
    "kill:write:out.h5.partial.new:3", "kill:rename:out.h5.partial:1",
    "kill:write:out.h5.partial:40", "kill:write:out.h5.partial:200", "kill:fsync:out.h5.partial:4",
    "kill:rename:out.h5:2"])
def test_killed(folder, tmp_path, fault):
    out, files = tmp_path / "out.h5", [folder / "b1.h5", folder / "b2.h5"]
    env = {**os.environ, **preloaded(FAULTS), "FOD_FAULT": fault}
    ended = subprocess.run([FOD, "ensemble", out, *files], capture_output=True, timeout=60, env=env)
    if ended.returncode == 0:  # it has fewer such calls
        assert fod("verify", out).returncode == 0 and not fault.endswith((":1", ":3"))
        return
    assert ended.returncode == -9 and not out.exists()
    joined(out, files)  # begins anew, without being asked to
    assert [path.name for path in tmp_path.iterdir()] == ["out.h5"]


def test_a_full_disk(folder, tmp_path):
    out, files = tmp_path / "out.h5", [folder / "b1.h5", folder / "b2.h5"]
    env = {**os.environ, **preloaded(FAULTS), "FOD_FAULT": "ENOSPC:write:out.h5.partial:30"}
    ended = subprocess.run([FOD, "ensemble", out, *files], capture_output=True, timeout=60, env=env)
    assert ended.returncode == 2 and ended.stderr.startswith(b"fod: ")
    assert not list(tmp_path.iterdir())


PEAK = """
import resource, subprocess, sys
ended = subprocess.run(sys.argv[1:])
print(ended.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak(*command) -> int:
    """Largest resident memory of a command, in kB."""
    done = subprocess.run([sys.executable, "-c", PEAK, *map(str, command)], capture_output=True,
                          text=True, timeout=120)
    code, kilobytes = done.stdout.split()[-2:]
    assert code == "0", done.stderr
    return int(kilobytes)


def test_memory_does_not_grow_with_the_samples(run, tmp_path):
    most = {}
    for samples in (4_000, 60_000):
        models.data(tmp_path / "x.npy", (samples, 8))
        files = []
        for seed in (1, 2):
            models.save(models.Linear(8, 200), tmp_path / "m1.pt", seed)
            files.append(job(run, tmp_path, tmp_path / f"{samples}-{seed}.h5", (1,), batch=256))
        out = tmp_path / f"{samples}.h5"
        most[samples] = (peak(FOD, "ensemble", out, *files, "--keep-members"),
                         peak(FOD, "select", out, "--by", "margin", "--top", 100))
    for small, large in zip(most[4_000], most[60_000]):  # 48 MB per file against 3.2 MB
        assert large < small + 16_000, most
