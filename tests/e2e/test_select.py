"""`fod select` against NumPy: every criterion, ties, classes, ids that are left out, what is
refused."""

from __future__ import annotations

import json

import h5py
import models
import numpy as np
import pytest
from program import dumps, fod

SAMPLES, CLASSES = 700, 5


def rows(seed: int = 0, samples: int = SAMPLES) -> np.ndarray:
    """Distributions of which many are equal, so that ties are met."""
    random = np.random.default_rng(seed)
    p = random.dirichlet(np.full(CLASSES, 0.7), samples)
    return p[random.integers(0, samples, samples)]


def imported(path, p: np.ndarray, ids, *flags: str) -> None:
    source = path.with_suffix(".json")
    source.write_bytes(dumps({"meta": {}, "distributions": {
        str(i): row.tolist() for i, row in zip(ids, p)}}))
    done = fod("import", source, path, *flags)
    assert done.returncode == 0, done.stderr


def add_labels(path, labels: np.ndarray) -> None:
    """As a job writes them, but without a checksum: `fod select` does not ask for it."""
    with h5py.File(path, "r+") as file:
        file["labels"] = labels.astype(np.int64)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """A file, its ids in an order of chance, and its rows."""
    path = tmp_path_factory.mktemp("select") / "r.h5"
    p = rows()
    ids = np.random.default_rng(1).permutation(10 * SAMPLES)[:SAMPLES]
    imported(path, p, ids)
    return path, ids, p


def scores(p: np.ndarray, by: str) -> np.ndarray:
    """The larger the more useful, as float32 where the file has float32."""
    if by == "entropy":
        return -np.sum(p * np.log(np.where(p > 0, p, 1)), axis=1)
    top = np.sort(p, axis=1)
    return -top[:, -1] if by == "confidence" else -(top[:, -1] - top[:, -2])


def expected(ids, values, count: int) -> list[int]:
    """The first so many by value, largest first, then by id."""
    order = np.lexsort((ids, -values))
    return ids[order][:count].tolist()


def chosen(*arguments) -> list[int]:
    done = fod("select", *arguments)
    assert done.returncode == 0, done.stderr
    return [int(line) for line in done.stdout.split()]


@pytest.mark.parametrize("by", ["entropy", "margin", "confidence"])
@pytest.mark.parametrize("least", [False, True])
@pytest.mark.parametrize("count", [1, 37, SAMPLES])
def test_against_numpy(result, by, least, count):
    path, ids, p = result
    values = scores(p, by)
    values = values.astype(np.float32).astype(np.float64) if by != "margin" else values
    if least:
        values = -values
    found = chosen(path, "--by", by, "--top", count, *(["--least"] if least else []))
    # Equal rows come by id; rows whose scores differ by rounding alone may be either way round.
    np.testing.assert_allclose(
        [values[list(ids).index(i)] for i in found],
        [values[list(ids).index(i)] for i in expected(ids, values, count)], rtol=0, atol=1e-6)
    assert len(set(found)) == count
    document = json.loads(fod("select", path, "--by", by, "--top", count, "--json",
                              *(["--least"] if least else [])).stdout)
    assert document["ids"] == found and document["by"] == by
    assert (document["samples"], document["candidates"]) == (SAMPLES, SAMPLES)
    for sample in document["selected"]:
        row = p[list(ids).index(sample["id"])]
        assert sample["prediction"] == row.argmax()
        sign = 1 if by == "entropy" else -1
        assert sample["score"] == pytest.approx(sign * scores(row[None], by)[0], abs=1e-6)
    keys = [(s["score"] if (by == "entropy") == least else -s["score"], s["id"])
            for s in document["selected"]]
    assert keys == sorted(keys)  # by score, then by id


def test_ties_go_by_id(tmp_path):
    p = np.full((300, 4), 0.25)
    ids = np.random.default_rng(3).permutation(300)
    imported(tmp_path / "r.h5", p, ids)
    for by in ("entropy", "margin", "confidence"):
        for flags in ([], ["--least"]):
            assert chosen(tmp_path / "r.h5", "--by", by, "--top", 20, *flags) == list(range(20))


def test_per_class(result):
    path, ids, p = result
    prediction = p.argmax(axis=1)
    document = json.loads(fod("select", path, "--by", "margin", "--top", 9, "--per-class",
                              "--json").stdout)
    for k in range(CLASSES):
        mine = prediction == k
        want = expected(ids[mine], scores(p[mine], "margin"), 9)
        assert [s["id"] for s in document["selected"] if s["prediction"] == k] == want
    values = [s["score"] for s in document["selected"]]
    assert values == sorted(values)
    counts = np.bincount(prediction, minlength=CLASSES)
    many = int(counts.max())
    done = fod("select", path, "--top", many, "--per-class")
    assert len(done.stdout.split()) == SAMPLES
    assert (f"{(counts < many).sum()} classes predicted for fewer than {many} samples".encode()
            in done.stderr)


@pytest.mark.parametrize("form", ["txt", "npy", "json"])
def test_rounds_chain(result, tmp_path, form):
    path, ids, _ = result
    whole = chosen(path, "--top", 90)
    rounds, flags = [], []
    for number in range(3):
        out = tmp_path / f"round{number}.{form}"
        done = fod("select", path, "--top", 30, "--out", out, *flags)
        assert done.returncode == 0, done.stderr
        assert f"{out}: 30 ids of {SAMPLES - 30 * number} samples, by entropy\n".encode() \
            == done.stdout
        flags += ["--exclude", out]
        if form == "npy":
            found = np.load(out)
            assert found.dtype == np.int64 and found.shape == (30,)
            rounds += found.tolist()
        elif form == "json":
            rounds += json.loads(out.read_text())["ids"]
        else:
            rounds += [int(line) for line in out.read_text().splitlines()]
    assert rounds == whole
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"round{n}.{form}" for n in range(3)]
    rest = fod("select", path, "--top", SAMPLES, *flags, "--json")
    document = json.loads(rest.stdout)
    assert set(document["ids"]) == set(ids.tolist()) - set(whole)
    assert document["excluded"] == 90
    assert b"700 samples were asked for, 610 are there: all of them are given" in rest.stderr
    assert document["notes"] == ["700 samples were asked for, 610 are there: all of them are given"]


def test_ids_that_others_wrote(result, tmp_path):
    path, ids, _ = result
    first = chosen(path, "--top", 10)
    files = []
    for kind in (np.int16, np.uint16, np.int32, np.uint32, np.uint64, np.int64):
        files.append(tmp_path / f"{kind.__name__}.npy")
        np.save(files[-1], np.array(first, kind))
    (tmp_path / "a.txt").write_text("# of last week\n" + "\r\n".join(f"  {i} " for i in first) +
                                    " # the last\n\n")
    (tmp_path / "a.json").write_text(json.dumps(first))
    after = chosen(path, "--top", 20)[10:]
    for file in [*files, tmp_path / "a.txt", tmp_path / "a.json"]:
        assert chosen(path, "--top", 10, "--exclude", file) == after, file
    np.save(tmp_path / "negative.npy", np.array([-1, -5], np.int8))
    done = fod("select", path, "--exclude", tmp_path / "negative.npy")
    assert b"2 of the ids to be excluded are not in the file" in done.stderr
    assert done.returncode == 0 and len(done.stdout.split()) == 10


@pytest.mark.parametrize("name,content,words", [
    ("a.txt", b"1\n2\nthree\n", b"line 3 is no whole number: three"),
    ("a.txt", b"1\n2.5\n", b"line 2 is no whole number: 2.5"),
    ("a.txt", b"99999999999999999999\n", b"line 1 is no whole number"),
    ("a.json", b'{"selected": []}', b'it has no "ids"'),
    ("a.json", b'{"ids": 3}', b"its ids are no list"),
    ("a.json", b'[1, "2"]', b"entry 1 is no whole number"),
    ("a.json", b"[1, 2", b"parse error"),
])
def test_files_that_hold_no_ids(result, tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    done = fod("select", result[0], "--exclude", tmp_path / name, "--out", tmp_path / "o.txt")
    assert done.returncode == 2 and words in done.stderr and done.stderr.count(b"\n") == 1
    assert b"one per line, .npy or .json" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_arrays_that_hold_no_ids(result, tmp_path):
    for number, array in enumerate((np.zeros(3), np.zeros((2, 2), np.int64),
                                    np.zeros(3, ">i8"), np.array(["a"]))):
        np.save(tmp_path / f"{number}.npy", array)
        done = fod("select", result[0], "--exclude", tmp_path / f"{number}.npy")
        assert done.returncode == 2 and b"not a list of (little-endian) integers" in done.stderr
    whole = tmp_path / "cut.npy"
    np.save(whole, np.arange(50))
    whole.write_bytes(whole.read_bytes()[:-3])
    assert b"it is truncated" in fod("select", result[0], "--exclude", whole).stderr
    missing = fod("select", result[0], "--exclude", tmp_path / "none.txt")
    assert missing.returncode == 2 and b"none.txt" in missing.stderr


def test_what_has_a_label(tmp_path):
    p = rows(5, 60)
    imported(tmp_path / "r.h5", p, range(60))
    for flag in ("--labelled", "--unlabelled"):
        done = fod("select", tmp_path / "r.h5", flag)
        assert done.returncode == 2 and b"has no labels (so " + flag.encode() in done.stderr
    labels = np.where(np.arange(60) % 3 == 0, 2, -1)
    add_labels(tmp_path / "r.h5", labels)
    with_one = chosen(tmp_path / "r.h5", "--labelled", "--top", 20)
    assert sorted(with_one) == np.flatnonzero(labels >= 0).tolist()
    without = chosen(tmp_path / "r.h5", "--unlabelled", "--top", 40)
    assert sorted(without) == np.flatnonzero(labels < 0).tolist()
    document = json.loads(fod("select", tmp_path / "r.h5", "--json").stdout)
    assert {s["label"] for s in document["selected"]} <= {None, 2}
    table = fod("select", tmp_path / "r.h5", "--table").stdout.decode().splitlines()
    assert table[2].split() == ["rank", "id", "entropy", "prediction", "label"]
    assert [line.split()[1] for line in table[3:]] == [str(i) for i in document["ids"]]
    both = fod("select", tmp_path / "r.h5", "--labelled", "--unlabelled")
    assert both.returncode == 2


def test_rows_without_figures(result, tmp_path):
    """A file that says no more than its rows gives the same."""
    path, _, _ = result
    bare = tmp_path / "bare.h5"
    bare.write_bytes(path.read_bytes())
    with h5py.File(bare, "r+") as file:
        del file["uncertainty"]
    for by in ("entropy", "margin", "confidence"):
        args = ("--by", by, "--top", 200, "--json")
        one = json.loads(fod("select", path, *args).stdout)
        two = json.loads(fod("select", bare, *args).stdout)
        assert two["ids"] == one["ids"] and two["selected"] == one["selected"], by


def test_bad_rows_are_left_out(tmp_path):
    p = rows(2, 50)
    p[7] = np.nan
    p[9, 0] = np.inf
    imported(tmp_path / "r.h5", p, range(50), "--lenient")
    with h5py.File(tmp_path / "r.h5", "r+") as file:
        assert file["row_status"][:].sum() == 2
        file["row_status"][11] = 2
    done = fod("select", tmp_path / "r.h5", "--top", 60)
    assert {int(i) for i in done.stdout.split()} == set(range(50)) - {7, 9, 11}
    assert b"3 samples left out, not finite or not readable" in done.stderr
    assert b"60 samples were asked for, 47 are there" in done.stderr


def test_what_is_refused(result, tmp_path):
    path, _, _ = result
    for by in ("epistemic", "disagreement"):
        done = fod("select", path, "--by", by)
        assert done.returncode == 2 and done.stdout == b""
        assert f"cannot be ranked by {by} (it holds one model".encode() in done.stderr
        assert b"`fod ensemble`" in done.stderr
    assert b"--by" in fod("select", path, "--by", "entropie").stderr
    assert fod("select", path, "--top", 0).returncode == 2
    out = tmp_path / "ids.txt"
    out.write_text("mine")
    done = fod("select", path, "--out", out)
    assert done.returncode == 2 and b"pass --overwrite" in done.stderr and out.read_text() == "mine"
    assert fod("select", path, "--out", out, "--overwrite", "--top", 3).returncode == 0
    assert len(out.read_text().split()) == 3
    done = fod("select", path, "--out", tmp_path / "ids.csv")
    assert done.returncode == 2 and b"end it in .txt, .npy or .json" in done.stderr
    with h5py.File(tmp_path / "p.h5", "w") as target, h5py.File(path) as source:
        for name in source:
            source.copy(name, target)
        target.attrs.update(source.attrs)
        target.attrs["complete"] = 0
    assert b"is not complete" in fod("select", tmp_path / "p.h5").stderr
    assert {p.name for p in tmp_path.iterdir()} == {"ids.txt", "p.h5"}


def test_files_of_jobs(run, tmp_path):
    """Epistemic and disagreement of an ensemble; the number of ranks leaves no trace."""
    models.data(tmp_path / "x.npy", (400, 67))
    for seed in (1, 2):
        models.save(models.Linear(), tmp_path / f"{seed}.pt", seed)
    for ranks in (1, 3):
        done = run("fod-generate", "--model", tmp_path / "1.pt", "--model", tmp_path / "2.pt",
                   "--data", tmp_path / "x.npy", "--out", tmp_path / f"{ranks}.h5", "--threads", 1,
                   ranks=ranks)
        assert done.returncode == 0, done.stderr
    for by in ("epistemic", "disagreement", "entropy"):
        with h5py.File(tmp_path / "1.h5") as file:
            values = file[f"uncertainty/{by}"][:].astype(np.float64)
        found = chosen(tmp_path / "1.h5", "--by", by, "--top", 50)
        assert found == expected(np.arange(400), values, 50)
        assert found == chosen(tmp_path / "3.h5", "--by", by, "--top", 50)
