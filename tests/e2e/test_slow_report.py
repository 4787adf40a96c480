"""A report of a million samples and of 4,096 neurons, and one of many layers: in minutes, with modest
memory, a small page, and words that say what is a sample."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import browser
import h5py
import numpy as np
import pytest
import report_files
from report_files import Planted
from reports import payload, reported

SAMPLES = 1_000_000
NEURONS = 4096
SIZES = (600, 400, 300, *[60] * 20, *[12] * 17)


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Path:
    """Groups of a factor model; the correlations are those of the first samples."""
    path = tmp_path_factory.mktemp("large") / "r.h5"
    layer = Planted("transformer.h.11.mlp.c_fc", SIZES, NEURONS)
    report_files.write(path, 2000, classes=10, layers=(layer,))
    random = np.random.default_rng(3)
    with h5py.File(path, "r+") as file:
        for name in ("sample_ids", "distributions", "row_status", "uncertainty", "labels",
                     f"groups/{layer.name}/group_center"):
            del file[name]
        p = report_files.distributions(SAMPLES, 10)
        file["sample_ids"], file["distributions"] = np.arange(SAMPLES), p
        file["labels"] = (p.cumsum(1) < random.random((SAMPLES, 1))).sum(1).clip(0, 9)
        file["uncertainty/entropy"] = report_files.entropy_of(p).astype(np.float32)
        file["uncertainty/confidence"] = p.max(1)
        file["uncertainty/prediction"] = p.argmax(1).astype(np.int32)
        file["uncertainty/epistemic"] = random.random(SAMPLES).astype(np.float32)
        center = file.create_dataset(f"groups/{layer.name}/group_center", (SAMPLES, len(SIZES)), "f4")
        for begin in range(0, SAMPLES, 100_000):
            center[begin:begin + 100_000] = random.standard_normal((100_000, len(SIZES)))
        file.attrs["dataset_size"] = SAMPLES
    return path


def test_a_million_samples_and_4096_neurons(large, tmp_path):
    begin = time.monotonic()
    done = reported(large, "--out", tmp_path / "out", timeout=900)
    seconds = time.monotonic() - begin
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    page = tmp_path / "out" / "dashboard.html"
    print(f"{seconds:.0f} s, {peak:.0f} MB at most, page of {page.stat().st_size / 1e6:.1f} MB")
    assert seconds < 300 and peak < 1500
    assert page.stat().st_size < 20e6
    assert "report: " in done.stderr  # it says what it is at
    given = payload(page)
    samples = given["samples"]
    assert samples["total"] == SAMPLES and samples["rows"] <= 25_000
    assert samples["note"].startswith("A selection of 20,000 of 1,000,000 samples")
    layer = given["layers"][0]
    assert layer["heat"]["values"]["shape"] == [160, 160] and layer["heat"]["neurons"] == NEURONS
    assert layer["points"]["neurons"]["shape"] == [1500]
    assert layer["points"]["alive"] == NEURONS
    with h5py.File(large) as file:
        center = file["groups/transformer.h.11.mlp.c_fc/group_center"]
        entropy = file["uncertainty/entropy"][()]
        with browser.opened() as chromium:
            chromium.open(page)
            shown = chromium.attributes("#samples-table tbody tr", "data-id")
            top = np.lexsort((np.arange(SAMPLES), -entropy))[:25]
            assert [int(i) for i in shown] == top.tolist()
            assert "A selection of 20,000" in chromium.texts("#samples-note")[0]
            assert "A sample of 1,500 of 4,096 neurons" in " ".join(chromium.texts("figure p"))
            for group in (0, 39):
                chromium.click(f"#groups-table a[href='#group-{group}']")
                size = np.abs(center[:, group])
                expected = np.lexsort((np.arange(SAMPLES), -size))[:25]
                shown = chromium.attributes("#samples-table tbody tr", "data-id")
                assert [int(i) for i in shown] == expected.tolist()
            chromium.quiet()


def test_sixty_layers_of_many_groups(tmp_path):
    """2,400 groups: the page lists the largest of each layer and stays small."""
    layers = tuple(Planted(f"blocks.{i}.mlp.activation", (9, *[3] * 39), 256) for i in range(60))
    path = report_files.write(tmp_path / "r.h5", 600, layers=layers)
    reported(path, "--out", tmp_path / "out", "--dpi", 60, timeout=1200)
    page = tmp_path / "out" / "dashboard.html"
    given = payload(page)
    assert page.stat().st_size < 20e6 and len(given["groups"]) == 60 * 33
    assert "2,400 groups" in " ".join(note["what"] for note in given["notes"])
    assert len(list((tmp_path / "out").glob("groups_heatmap_*.png"))) == 60
    with browser.opened() as chromium:
        chromium.open(page, "#group-2361")
        assert chromium.texts("#group-detail h3") == ["Group 2361"]
        assert len(chromium.texts("#groups-table tbody tr")) == 60 * 33
        chromium.choose("#layer-filter", "blocks_59_mlp_activation")
        assert len(chromium.texts("#groups-table tbody tr")) == 33
        chromium.quiet()
