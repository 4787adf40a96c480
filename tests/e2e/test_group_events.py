"""Learning events through the whole job, against a recount in NumPy by the definition: a group is
active in a sample when its center exceeds mean + 0.5 sd of that sample's standardised activations
over the layer's live neurons."""

from __future__ import annotations

import json

import group_data
import h5py
import layer_jobs
import models
import numpy as np
import pytest
from conftest import h5rows
from layer_jobs import done, generate

SAMPLES = 700
NEURONS = 24
CATEGORIES = ["algebra", "grammar", "proof"]
SPANS = 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Activations with groups of 2 to 6 neurons, some with flipped signs, and dead neurons."""
    folder = tmp_path_factory.mktemp("events")
    random = np.random.default_rng(8)
    x = random.standard_normal((SAMPLES, NEURONS)).astype(np.float32)
    begin = 0
    for size in (6, 5, 4, 3):
        factor = random.standard_normal(SAMPLES)
        signs = np.where(np.arange(size) % 2 == 1, -1, 1)
        x[:, begin:begin + size] = factor[:, None] * signs + 0.4 * x[:, begin:begin + size]
        begin += size
    x[:, 20] = 3.5  # dead
    np.save(folder / "x.npy", 3 * x + 1)
    models.save(layer_jobs.Pair(NEURONS), folder / "m.pt")
    category = random.integers(-1, len(CATEGORIES), SAMPLES)
    loss = random.gamma(2.0, 1.0, SAMPLES)
    loss[::17] = np.nan
    names = [CATEGORIES[c] if c >= 0 else "" for c in category]
    (folder / "c.csv").write_text("sample,kind,loss\n" + "".join(
        f"{i},{name},{'' if np.isnan(value) else repr(float(value))}\n"
        for i, (name, value) in enumerate(zip(names, loss))))
    np.save(folder / "c.npy", np.where(category >= 0, category, np.nan))
    np.save(folder / "category.npy", category)
    np.save(folder / "loss.npy", loss)
    with h5py.File(folder / "c.h5", "w") as file:
        file["names"] = names
        file["loss"] = loss
    words = {0: "Calculate the sum of two numbers.", 1: "Translate this sentence, please.",
             2: "Why must it be true, therefore?", -1: "hello there"}
    (folder / "t.txt").write_text("".join(words[c] + "\n" for c in category))
    (folder / "rules.json").write_text(json.dumps({
        "categories": {"algebra": ["sum", "numbers"], "grammar": ["sentence"],
                       "proof": ["therefore"]}, "otherwise": "small talk"}))
    return folder


def job(run, folder, out, *flags, ranks=None):
    return done(run, folder / "m.pt", folder / "x.npy", out, "--layers", "first,second",
                "--batch-size", 16, *[str(flag).format(folder) for flag in flags], ranks=ranks)


def recount(path, name, x, category, loss):
    """All events of a layer: (sample, group within the layer, strength)."""
    x = x.astype(np.float64)
    with h5py.File(path, "r") as file:
        layer = file[f"groups/{name}"]
        offsets, members = layer["offsets"][()], layer["members"][()]
        loadings = layer["loadings"][()]
    alive = x.std(0) > 0
    z = (x - x.mean(0)) / np.where(alive, x.std(0), 1)
    mean, sd = z[:, alive].mean(1), z[:, alive].std(1)
    found = []
    for g in range(len(offsets) - 1):
        own = slice(offsets[g], offsets[g + 1])
        center = (z[:, members[own]] * np.where(loadings[own] < 0, -1, 1)).mean(1)
        assert abs(center - mean - 0.5 * sd).min() > 1e-5  # no sample is in doubt
        found += [(i, g, (center[i] - mean[i]) / sd[i])
                  for i in np.flatnonzero(center > mean + 0.5 * sd)]
    return found


def check(path, folder, names, category, loss):
    """/events, its summary and the groups' skills."""
    x = np.load(folder / "x.npy")
    with h5py.File(path, "r") as file:
        events = file["events"]
        assert [text.decode() for text in events["layers"][()]] == ["first", "second"]
        assert [text.decode() for text in events["categories"][()]] == names
        columns = {key: events[key][()] for key in
                   ("sample", "layer", "group", "strength", "category", "loss")}
        total = 0
        first_id = 0
        for number, (name, values) in enumerate((("first", x), ("second", x[:, ::-1]))):
            expected = recount(path, name, values, category, loss)
            total += len(expected)
            own = columns["layer"] == number
            ids = file[f"groups/{name}/group_id"][()]
            assert ids.tolist() == list(range(first_id, first_id + 4))
            by_key = {(sample, first_id + g): strength for sample, g, strength in expected}
            assert set(zip(columns["sample"][own], columns["group"][own])) == set(by_key)
            strengths = columns["strength"][own]
            assert (np.diff(strengths) <= 0).all()
            np.testing.assert_allclose(strengths, [by_key[key] for key in zip(
                columns["sample"][own], columns["group"][own])], rtol=1e-5, atol=1e-5)
            samples = columns["sample"][own]
            np.testing.assert_array_equal(columns["category"][own], category[samples])
            np.testing.assert_array_equal(columns["loss"][own],
                                          loss[samples].astype(np.float32))
            check_summary(events["summary"], number, first_id, expected, names, category, loss)
            skills = [text.decode() for text in file[f"groups/{name}/skill_category"][()]]
            for g in range(4):
                kinds = [category[i] for i, group, _ in expected if group == g]
                counts = np.bincount([k for k in kinds if k >= 0], minlength=len(names) or 1)
                assert skills[g] == (names[counts.argmax()] if names and counts.any() else "")
            first_id += 4
        assert events.attrs["total"] == events.attrs["kept"] == total > 1000


def check_summary(summary, number, first_id, expected, names, category, loss):
    layer, group = summary["layer"], summary["group"]
    assert (summary.attrs["sample_begin"], summary.attrs["sample_end"]) == (0, SAMPLES)
    slots = np.where(category < 0, len(names), category)
    assert layer["events"][number] == len(expected)
    assert layer["samples"][number] == SAMPLES
    np.testing.assert_array_equal(layer["category_samples"][number],
                                  np.bincount(slots, minlength=len(names) + 1))
    by_span = np.zeros((len(names) + 1, SPANS), int)
    for sample, _, _ in expected:
        by_span[slots[sample], sample * SPANS // SAMPLES] += 1
    np.testing.assert_array_equal(np.reshape(layer["category_by_span"][number], by_span.shape),
                                  by_span)
    known = np.isfinite(loss)
    if known.any():
        np.testing.assert_allclose(layer["mean_loss"][number],
                                   loss[known].astype(np.float32).mean(dtype=np.float64))
    else:
        assert np.isnan(layer["mean_loss"][number])
    for g in range(4):
        row = group["group_id"][()].tolist().index(first_id + g)
        samples = np.array([i for i, own, _ in expected if own == g])
        strengths = np.array([s for _, own, s in expected if own == g])
        assert group["events"][row] == len(samples)
        np.testing.assert_allclose(group["mean_strength"][row], strengths.mean(), rtol=1e-5)
        np.testing.assert_array_equal(group["by_span"][row],
                                      np.bincount(samples * SPANS // SAMPLES, minlength=SPANS))
        np.testing.assert_array_equal(group["by_category"][row],
                                      np.bincount(slots[samples], minlength=len(names) + 1))
        told = known[samples]
        if not known.any():
            assert np.isnan(group["corr_loss"][row]) and np.isnan(group["loss_active"][row])
            continue
        active = np.isin(np.arange(SAMPLES), samples)
        np.testing.assert_allclose(group["loss_active"][row], loss[active & known].mean(),
                                   rtol=1e-6)
        np.testing.assert_allclose(group["loss_inactive"][row], loss[~active & known].mean(),
                                   rtol=1e-6)
        np.testing.assert_allclose(
            group["corr_loss"][row],
            np.corrcoef(strengths[told], loss[samples][told])[0, 1], atol=1e-5)


ANNOTATIONS = {
    "csv": (["--categories", "{}/c.csv:kind", "--loss", "{}/c.csv:loss"], CATEGORIES, True),
    "npy": (["--categories", "{}/c.npy", "--loss", "{}/loss.npy"], ["0", "1", "2"], True),
    "h5": (["--categories", "{}/c.h5:/names", "--loss", "{}/c.h5:/loss"], CATEGORIES, True),
    "categories alone": (["--categories", "{}/c.h5:/names"], CATEGORIES, False),
    "loss alone": (["--loss", "{}/loss.npy"], [], True),
}


@pytest.mark.parametrize("kind", ANNOTATIONS)
def test_events_are_those_of_a_naive_recount(run, folder, tmp_path, kind):
    flags, names, has_loss = ANNOTATIONS[kind]
    told = job(run, folder, tmp_path / "r.h5", *flags, ranks=2)
    category = np.load(folder / "category.npy")
    loss = np.load(folder / "loss.npy")
    check(tmp_path / "r.h5", folder, names, category if names else np.full(SAMPLES, -1),
          loss if has_loss else np.full(SAMPLES, np.nan))
    assert f"{h5py.File(tmp_path / 'r.h5')['events'].attrs['total']:,} learning events" \
        in told.stdout
    assert run("fod", "verify", tmp_path / "r.h5", ranks=None).returncode == 0


def test_texts_become_categories_by_rules(run, folder, tmp_path):
    job(run, folder, tmp_path / "own.h5", "--texts", "{}/t.txt", "--rules", "{}/rules.json")
    category = np.load(folder / "category.npy")
    check(tmp_path / "own.h5", folder, [*CATEGORIES, "small talk"],
          np.where(category < 0, 3, category), np.full(SAMPLES, np.nan))
    job(run, folder, tmp_path / "built_in.h5", "--texts", "{}/t.txt")
    names = ["mathematical", "linguistic", "logical", "memory", "general"]
    check(tmp_path / "built_in.h5", folder, names, np.where(category < 0, 4, category),
          np.full(SAMPLES, np.nan))


def test_events_have_the_same_bytes_for_any_number_of_ranks(run, folder, tmp_path):
    """By a second pass, and from kept activations."""
    flags = ["--categories", "{}/c.csv:kind", "--loss", "{}/loss.npy", "--group-patterns"]
    job(run, folder, tmp_path / "1.h5", *flags)
    expected = [group_data.everything(tmp_path / "1.h5", root) for root in ("groups", "events")]
    for ranks, more in ((2, []), (3, []), (1, ["--keep-activations"]),
                        (3, ["--keep-activations"])):
        out = tmp_path / f"{ranks}{len(more)}.h5"
        job(run, folder, out, *flags, *more, ranks=ranks)
        for root, everything in zip(("groups", "events"), expected, strict=True):
            group_data.same(everything, group_data.everything(out, root))
        assert run("fod", "verify", out, ranks=None).returncode == 0


def test_events_of_a_part_of_the_data(run, folder, tmp_path):
    """--range counts its own samples, by the entries of those samples."""
    job(run, folder, tmp_path / "r.h5", "--range", "160:480", "--categories", "{}/c.csv:kind")
    with h5py.File(tmp_path / "r.h5", "r") as file:
        samples = file["events/sample"][()]
        assert samples.min() >= 160 and samples.max() < 480
        category = np.load(folder / "category.npy")
        np.testing.assert_array_equal(file["events/category"], category[samples])
        summary = file["events/summary"]
        assert (summary.attrs["sample_begin"], summary.attrs["sample_end"]) == (160, 480)
        assert summary["layer/samples"][()].tolist() == [320, 320]


def test_events_count_the_samples_that_count(run, folder, tmp_path):
    x = np.load(folder / "x.npy")
    bad = [5, 300]
    x[bad, 1] = np.nan
    np.save(tmp_path / "x.npy", x)
    files = []
    for more in ([], ["--keep-activations"]):
        files.append(tmp_path / f"{len(more)}.h5")
        done(run, folder / "m.pt", tmp_path / "x.npy", files[-1], "--layers", "first",
             "--no-distributions", "--allow-nonfinite", "--loss", folder / "loss.npy",
             "--group-patterns", *more, ranks=2)
        with h5py.File(files[-1], "r") as file:
            assert file["events/summary/layer/samples"][()].tolist() == [SAMPLES - 2]
            assert not np.isin(file["events/sample"], bad).any()
            assert np.isnan(file["groups/first/group_center"][()][bad]).all()
    for root in ("groups", "events"):
        group_data.same(*(group_data.everything(path, root) for path in files))


def test_a_layer_without_groups_has_no_events(run, folder, tmp_path):
    job(run, folder, tmp_path / "r.h5", "--categories", "{}/c.npy", "--group-patterns",
        "--correlation-threshold", 1.0, ranks=2)
    with h5py.File(tmp_path / "r.h5", "r") as file:
        assert file["events/sample"].shape == (0,) and file["events"].attrs["total"] == 0
        assert file["groups/first/offsets"][()].tolist() == [0]
        assert file["groups/first/dead"][()].tolist() == [20]
    assert run("fod", "verify", tmp_path / "r.h5", ranks=None).returncode == 0
    shown = run("fod", "groups", tmp_path / "r.h5", ranks=None)
    assert shown.returncode == 0, shown.stderr


def test_fod_shows_the_groups_and_events_of_a_job(run, folder, tmp_path):
    out = tmp_path / "r.h5"
    job(run, folder, out, "--categories", "{}/c.csv:kind", "--loss", "{}/loss.npy")
    table = run("fod", "groups", out, ranks=None)
    assert table.returncode == 0, table.stderr
    assert f"{out}: groups of 2 layers" in table.stdout
    assert "24: 18 in 4 groups, 5 in none, 1 dead" in table.stdout
    told = json.loads(run("fod", "groups", out, "--json", ranks=None).stdout)
    assert list(told["layers"]) == ["first", "second"]
    with h5py.File(out, "r") as file:
        assert f"{file['events'].attrs['total']:,} learning events" in table.stdout
        for name, layer in told["layers"].items():
            stored = file[f"groups/{name}"]
            assert layer["method"] == "correlation_clustering"
            assert layer["dead"] == stored["dead"][()].tolist() and len(layer["dead"]) == 1
            assert [g["group_id"] for g in layer["groups"]] == stored["group_id"][()].tolist()
            assert sum((g["neuron_indices"] for g in layer["groups"]), []) == \
                stored["members"][()].tolist()
            assert [g["size"] for g in layer["groups"]] == [6, 5, 4, 3]
            for figure in ("cohesion", "stability", "corr_entropy", "mean_activation"):
                assert [g[figure] for g in layer["groups"]] == stored[figure][()].tolist()
            assert [g["skill_category"] for g in layer["groups"]] == [
                text.decode() for text in stored["skill_category"][()]]
        assert told["events"]["total"] == file["events"].attrs["total"]
        assert told["events"]["categories"] == CATEGORIES


def test_fod_compares_two_jobs(run, folder, tmp_path):
    """A job against itself, and against one whose last group has come apart."""
    job(run, folder, tmp_path / "a.h5")
    job(run, folder, tmp_path / "b.h5", ranks=2)
    x = np.load(folder / "x.npy")
    x[:, 15:18] = np.random.default_rng(1).standard_normal((SAMPLES, 3))
    np.save(tmp_path / "x.npy", x)
    done(run, folder / "m.pt", tmp_path / "x.npy", tmp_path / "c.h5", "--layers", "first,second",
         "--batch-size", 16)
    told = run("fod", "compare", *(tmp_path / f"{name}.h5" for name in "abc"), "--json",
               "--layer", "first", ranks=None)
    assert told.returncode == 0, told.stderr
    layer = json.loads(told.stdout)["layers"]["first"]
    steps = layer["comparisons"]
    assert steps[0]["ari"] == 1 and len(steps[0]["matches"]) == 4
    assert all(match["jaccard"] == 1 for match in steps[0]["matches"])
    assert steps[1]["gone"] == [3] and steps[1]["new"] == [] and len(steps[1]["matches"]) == 3
    table = run("fod", "compare", tmp_path / "a.h5", tmp_path / "c.h5", ranks=None)
    assert table.returncode == 0, table.stderr
    assert "first" in table.stdout


REFUSED = {
    "fewer categories": (["--categories", "{}/c699.csv"], ["--categories has 699 entries", "700 samples"]),
    "more losses": (["--loss", "{}/loss701.npy"], ["--loss has 701 entries", "700 samples"]),
    "fewer texts": (["--texts", "{}/t699.txt"], ["--texts has 699 entries", "700 samples"]),
    "unknown column": (["--categories", "{}/c.csv:knid"], ["knid", "kind"]),
    "a loss that is no number": (["--loss", "{}/c.csv:kind"], ["is no number"]),
    "missing rules": (["--texts", "{}/t.txt", "--rules", "{}/none.json"], ["none.json", "No such file"]),
    "rules that are none": (["--texts", "{}/t.txt", "--rules", "{}/t.txt"], ["t.txt", "JSON"]),
    "rules of another shape": (["--texts", "{}/t.txt", "--rules", "{}/list.json"], ["list.json"]),
    "rules without texts": (["--rules", "{}/rules.json"], ["--rules needs --texts"]),
    "both": (["--texts", "{}/t.txt", "--categories", "{}/c.npy"], ["--categories does not go with --texts"]),
    "texts of numbers": (["--texts", "{}/c.npy"], ["c.npy", "array of numbers"]),
    "no such file": (["--categories", "{}/no.csv"], ["no.csv", "No such file"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(run, folder, tmp_path, case):
    (folder / "c699.csv").write_text("algebra\n" * 699)
    np.save(folder / "loss701.npy", np.zeros(701))
    (folder / "t699.txt").write_text("hello\n" * 699)
    (folder / "list.json").write_text('["sum"]')
    flags, words = REFUSED[case]
    failed = generate(run, folder / "m.pt", folder / "x.npy", tmp_path / "r.h5", "--layers",
                      "first", *[flag.format(folder) for flag in flags])
    assert failed.returncode == 2, failed.stderr
    lines = failed.stderr.splitlines()
    assert len(lines) == 1 and all(word in lines[0] for word in words), failed.stderr
    assert list(tmp_path.iterdir()) == []


def test_kept_rows_are_proven(run, folder, tmp_path):
    """A flipped bit in what the second pass wrote is found."""
    out = tmp_path / "r.h5"
    job(run, folder, out, "--group-patterns")
    assert h5rows(out, "groups/first/group_center").shape == (SAMPLES, 4)
    with h5py.File(out, "r+") as file:
        file["groups/second/group_center"][333, 1] += 1
    verdict = run("fod", "verify", out, ranks=None)
    assert verdict.returncode == 1
    assert "/groups/second/group_center" in verdict.stdout + verdict.stderr
