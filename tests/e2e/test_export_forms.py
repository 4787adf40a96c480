"""`fod export` as JSON, CSV and NumPy arrays against h5py and Python's own readers and writers."""

import csv
import json
import os
import signal
import subprocess

import h5py
import models
import numpy as np
import pytest
from conftest import h5rows
from program import FOD, dumps, fod
from torch import nn

SAMPLES, FEATURES, CLASSES = 333, 6, 3


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(FEATURES, 12)
        self.fc2 = nn.Linear(12, CLASSES)

    def forward(self, x):
        return self.fc2(self.fc1(x).tanh())


@pytest.fixture(scope="module")
def full(run, tmp_path_factory):
    """A result file with everything that a row can have, and groups."""
    folder = tmp_path_factory.mktemp("full")
    models.data(folder / "x.npy", (SAMPLES, FEATURES))
    np.save(folder / "y.npy", np.arange(SAMPLES) % CLASSES)
    out = folder / "r.h5"
    for seed in (1, 2):
        models.save(Net(), folder / f"{seed}.pt", seed)
    done = run("fod-generate", "--model", folder / "1.pt", "--model", folder / "2.pt", "--data",
               folder / "x.npy", "--labels", folder / "y.npy", "--keep-members", "--keep-logits",
               "--out", out, "--threads", 1, ranks=None)
    assert done.returncode == 0, done.stderr
    grouped = folder / "g.h5"
    done = run("fod-generate", "--model", folder / "1.pt", "--data", folder / "x.npy", "--layers",
               "fc1", "--correlation-threshold", "0.3", "--out", grouped, "--threads", 1,
               ranks=None)
    assert done.returncode == 0, done.stderr
    return {"members": out, "groups": grouped}


def imported(folder, rows, ids=None):
    """A result file of these rows."""
    rows = np.asarray(rows, np.float64).tolist()
    ids = range(len(rows)) if ids is None else ids
    document = {"meta": {}, "distributions": {str(i): row for i, row in zip(ids, rows)}}
    (folder / "in.json").write_bytes(dumps(document))
    done = fod("import", folder / "in.json", folder / "r.h5", "--lenient", "--overwrite")
    assert done.returncode == 0, done.stderr
    return folder / "r.h5", document


def export(result, out, *flags):
    done = fod("export", result, out, "--overwrite", *flags)
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in out.parent.iterdir() if p.name.endswith(".tmp")) == []
    return out


def softmax_rows(samples, classes, seed=1, dtype=np.float32):
    logits = np.random.default_rng(seed).normal(0, 3, (samples, classes))
    return models.softmax(logits).astype(dtype)


def in_file(path, name):
    """As Python has it: float32 widened."""
    return h5rows(path, name).tolist()


def test_all_as_json(full, tmp_path):
    document = json.loads(export(full["members"], tmp_path / "o.json", "--all").read_bytes())
    ids = [str(i) for i in in_file(full["members"], "sample_ids")]
    for name in ("distributions", "members", "logits"):
        assert document[name] == dict(zip(ids, in_file(full["members"], name)))
    for name in ("labels", "row_status"):
        assert document[name] == in_file(full["members"], name)
    with h5py.File(full["members"]) as file:
        names = set(file["uncertainty"])
    assert names == set(document["uncertainty"]) and "epistemic" in names
    for name in names:
        assert document["uncertainty"][name] == in_file(full["members"], "uncertainty/" + name)
    assert list(document)[:2] == ["meta", "distributions"] and "groups" not in document


def test_all_is_laid_out_as_python_does_and_is_imported_again(full, tmp_path):
    for result in full.values():
        out = export(result, tmp_path / "o.json", "--all")
        assert dumps(json.loads(out.read_bytes())) == out.read_bytes()
        assert fod("import", out, tmp_path / "again.h5", "--overwrite").returncode == 0
        assert np.array_equal(h5rows(tmp_path / "again.h5"), h5rows(result))


def test_groups_as_fod_groups_gives_them(full, tmp_path):
    told = json.loads(fod("groups", full["groups"], "--json").stdout)
    assert told["layers"]["fc1"]["groups"]
    document = json.loads(export(full["groups"], tmp_path / "o.json", "--all").read_bytes())
    assert document["groups"] == told
    export(full["groups"], tmp_path / "o.npy", "--all")
    assert json.loads((tmp_path / "o_groups.json").read_bytes()) == told


def read_csv(path):
    with open(path, newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    return head, rows


def test_csv(full, tmp_path):
    path = full["members"]
    head, rows = read_csv(export(path, tmp_path / "o.csv"))
    assert head == ["id", "p0", "p1", "p2", "label", "prediction", "entropy"]
    columns = dict(zip(head, zip(*rows)))
    for name, dataset in (("id", "sample_ids"), ("label", "labels"),
                          ("prediction", "uncertainty/prediction")):
        assert [int(v) for v in columns[name]] == in_file(path, dataset)
    values = [[float(v) for v in row[1:4]] for row in rows]
    assert values == in_file(path, "distributions")
    assert [row[1:4] for row in rows] == [[repr(v) for v in row] for row in values]
    assert [float(v) for v in columns["entropy"]] == in_file(path, "uncertainty/entropy")
    assert (tmp_path / "o.csv").read_bytes().count(b"\r\n") == SAMPLES + 1

    head, rows = read_csv(export(path, tmp_path / "o.csv", "--all"))
    members = np.array(in_file(path, "members"))
    at = head.index("members_1_p2")
    assert [float(row[at]) for row in rows] == members[:, 1, 2].tolist()
    assert {"epistemic", "confidence", "row_status", "logits_0_p0"} <= set(head)
    assert len(set(map(len, rows))) == 1 and len(rows[0]) == len(head) == len(set(head))


def test_class_names_in_csv(tmp_path):
    result, _ = imported(tmp_path, [[0.25, 0.5, 0.25]])
    names = ['a,"b"', "zwei\r\nzeilen", "日本 😀"]
    with h5py.File(result, "r+") as file:
        file["provenance"].create_dataset("class_names", data=names, dtype=h5py.string_dtype())
    head, rows = read_csv(export(result, tmp_path / "o.csv"))
    assert head[1:4] == names
    assert rows[0][:4] == ["0", "0.25", "0.5", "0.25"]


def test_npy(full, tmp_path):
    path = full["members"]
    export(path, tmp_path / "o.npy")
    assert sorted(os.listdir(tmp_path)) == ["o.npy"]
    report = json.loads(fod("export", path, tmp_path / "o.npy", "--all", "--overwrite",
                            "--json").stdout)
    assert sorted(report["files"]) == sorted(str(p) for p in tmp_path.iterdir())
    assert report["bytes"] == sum(p.stat().st_size for p in tmp_path.iterdir())
    with h5py.File(path) as file:
        datasets = {name: file[name][()] for name in ("labels", "members", "logits", "sample_ids",
                                                      "row_status")}
        datasets |= {name: file["uncertainty"][name][()] for name in file["uncertainty"]}
        datasets[""] = file["distributions"][()]
    assert len(os.listdir(tmp_path)) == len(datasets)
    for name, expected in datasets.items():
        array = np.load(tmp_path / (f"o_{name}.npy" if name else "o.npy"))
        assert array.dtype == expected.dtype and array.shape == expected.shape
        assert array.tobytes() == expected.tobytes()


@pytest.mark.parametrize("ending", ["json", "csv", "npy"])
@pytest.mark.parametrize("flags", [[], ["--float32"]])
def test_bytes_do_not_depend_on_threads(tmp_path, ending, flags):
    result, _ = imported(tmp_path, softmax_rows(20_000, 11), ids=range(7, 60_007, 3))
    outputs = [export(result, tmp_path / f"{threads}.{ending}", "--threads", threads, *flags)
               .read_bytes() for threads in (1, 2, 3)]
    assert outputs[0] == outputs[1] == outputs[2] and len(outputs[0]) > 800_000


def test_files_do_not_depend_on_threads_of_import(tmp_path):
    _, document = imported(tmp_path, softmax_rows(30_000, 12))
    document["distributions"]["17000"][3] = 0.1  # a finding in the middle
    document["distributions"]["17001"] = [1.0]
    (tmp_path / "in.json").write_text(json.dumps(document, indent=1))
    told, contents = [], []
    for threads in (1, 2, 3):
        done = fod("import", tmp_path / "in.json", tmp_path / f"{threads}.h5", "--lenient",
                   "--threads", threads)
        told.append(done.stderr)
        contents.append(export(tmp_path / f"{threads}.h5", tmp_path / "o.json").read_bytes())
    del document["distributions"]["17001"]
    assert told[0] == told[1] == told[2]
    line = 4 + 17_000 * 14
    assert f"sample 17000 (line {line}, column 3): the sum is".encode() in told[0]
    assert f"sample 17001 (line {line + 14}, column 3): 1 values".encode() in told[0]
    assert contents[0] == contents[1] == contents[2] == dumps(document)


@pytest.mark.parametrize("classes", [1, 2, 3])
@pytest.mark.parametrize("samples", [1, 2, 5000])
def test_few_classes(tmp_path, samples, classes):
    rows = softmax_rows(samples, classes)
    result, document = imported(tmp_path, rows.astype(float).tolist())
    assert export(result, tmp_path / "o.json").read_bytes() == dumps(document)
    assert np.array_equal(np.load(export(result, tmp_path / "o.npy")), rows)
    _, lines = read_csv(export(result, tmp_path / "o.csv"))
    assert [[float(v) for v in line[1:classes + 1]] for line in lines] == rows.astype(float).tolist()


def test_no_samples(tmp_path):
    result, document = imported(tmp_path, [])
    assert export(result, tmp_path / "o.json", "--all").read_bytes().startswith(
        dumps(document)[:-1])
    assert np.load(export(result, tmp_path / "o.npy", "--all")).shape == (0, 0)
    head, rows = read_csv(export(result, tmp_path / "o.csv"))
    assert head[0] == "id" and rows == []


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_longer_than_a_slice(tmp_path, dtype):
    rows = softmax_rows(4, 60_000, dtype=dtype).astype(np.float64)
    rows /= rows.sum(axis=1, keepdims=True) if dtype is np.float64 else 1
    result, document = imported(tmp_path, rows.tolist())
    assert h5rows(result).dtype == dtype
    assert export(result, tmp_path / "o.json", "--threads", 2).read_bytes() == dumps(document)
    assert np.array_equal(np.load(export(result, tmp_path / "o.npy")), rows)
    single = np.load(export(result, tmp_path / "o.npy", "--float32"))
    assert single.dtype == np.float32 and np.array_equal(single, rows.astype(np.float32))


def test_float64_after_much_float32(tmp_path):
    rows = softmax_rows(40_000, 5).astype(np.float64)
    rows[39_000] = [0.1, 0.2, 0.3, 0.2, 0.2]
    result, document = imported(tmp_path, rows.tolist())
    assert h5rows(result).dtype == np.float64
    assert export(result, tmp_path / "o.json").read_bytes() == dumps(document)


def test_ten_million_float32_bit_patterns_as_python_writes_them(tmp_path):
    random = np.random.default_rng(11)
    width, seen = 1000, 0
    for part in range(5):
        bits = random.integers(0, 2**32, 1_900_000, dtype=np.uint32)
        special = np.concatenate([
            random.integers(0, 2**24, 40_000).astype(np.float32),             # whole numbers
            random.integers(0, 2**24, 40_000).astype(np.float32) / 2,         # halves
            random.integers(1, 2**23, 19_000, dtype=np.uint32).view(np.float32),  # denormals
            np.array([np.nan, np.inf, -np.inf, 0.0, -0.0] * 200, np.float32)])
        with np.errstate(invalid="ignore"):
            values = np.concatenate([bits.view(np.float32), special]).astype(np.float64)
        rows = values.reshape(-1, width).tolist()
        result, document = imported(tmp_path, rows)
        out = export(result, tmp_path / "o.json", "--threads", 1 + part % 3)
        assert out.read_bytes() == (tmp_path / "in.json").read_bytes()
        seen += values.size
    assert seen == 10_000_000


def test_a_closed_pipe_ends_quietly(tmp_path):
    result, _ = imported(tmp_path, softmax_rows(20_000, 10))
    child = subprocess.Popen([str(FOD), "export", str(result), "-"], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    child.stdout.read(10)
    child.stdout.close()
    told = child.stderr.read()
    assert child.wait(timeout=30) not in (0, -signal.SIGSEGV) and told.count(b"\n") <= 1
    assert b"Broken pipe" in told


def test_a_full_disk_leaves_nothing(tmp_path):
    result, _ = imported(tmp_path, softmax_rows(5000, 10))
    os.remove(tmp_path / "in.json")
    for ending in ("json", "csv", "npy"):
        done = subprocess.run(["bash", "-c", 'ulimit -f 100; exec "$@"', "-", str(FOD), "export",
                               str(result), str(tmp_path / f"o.{ending}"), "--all"],
                              capture_output=True, timeout=60)
        assert done.returncode == 2 and b"nothing is left behind" in done.stderr
        assert os.listdir(tmp_path) == ["r.h5"]


def test_what_is_there_is_kept(tmp_path):
    result, _ = imported(tmp_path, softmax_rows(10, 3))
    (tmp_path / "o_entropy.npy").write_bytes(b"mine")
    done = fod("export", result, tmp_path / "o.npy", "--all")
    assert done.returncode == 2 and b"o_entropy.npy is there already" in done.stderr
    assert (tmp_path / "o_entropy.npy").read_bytes() == b"mine"
    assert sorted(os.listdir(tmp_path)) == ["in.json", "o_entropy.npy", "r.h5"]
    done = fod("export", result, tmp_path / "o.txt")
    assert done.returncode == 2 and b"end it in .json, .csv or .npy" in done.stderr


def test_progress_is_shown_when_asked_for(tmp_path):
    result, _ = imported(tmp_path, softmax_rows(10, 3))
    assert fod("export", result, tmp_path / "o.json").stderr == b""
    assert fod("export", result, tmp_path / "o.json", "--overwrite", "--progress").returncode == 0
