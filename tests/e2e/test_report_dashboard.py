"""The dashboard in real headless Chromium: filters, sorting, and the way from groups to samples."""

from __future__ import annotations

from pathlib import Path

import browser
import h5py
import numpy as np
import pytest
import report_files
from report_files import Planted
from reports import LAYERS, job, job_with_everything, reported
from selenium.webdriver.common.keys import Keys

ROWS = "#samples-table tbody tr"
PAGE = 25
DETAIL_IN_SIGHT = "document.querySelector('#group-detail').getBoundingClientRect().top < innerHeight"


@pytest.fixture(scope="module")
def result(run, digits, tmp_path_factory) -> Path:
    path = job_with_everything(run, digits, tmp_path_factory.mktemp("dashboard") / "r.h5")
    reported(path, "--out", path.parent / "out", "--data", digits / "images.npy", "--dpi", 40)
    return path


@pytest.fixture(scope="module")
def file(result):
    with h5py.File(result) as opened:
        yield opened


@pytest.fixture(scope="module")
def chromium():
    with browser.opened() as page:
        yield page


@pytest.fixture
def page(chromium, result):
    chromium.driver.get_log("browser")
    chromium.driver.get_log("performance")
    chromium.prefer("light")
    chromium.open(result.parent / "out" / "dashboard.html")
    yield chromium
    chromium.quiet()


def ids(page) -> list[int]:
    return [int(text) for text in page.attributes(ROWS, "data-id")]


def sort(page, key: str) -> str:
    """By a click on a head; how the column is sorted then."""
    page.click(f'#samples-table th[data-key="{key}"] button')
    return page.attributes(f'#samples-table th[data-key="{key}"]', "aria-sort")[0]


def ordered(values: np.ndarray, down: bool) -> list[int]:
    return np.lexsort((np.arange(len(values)), -values if down else values)).tolist()


def test_the_head_says_what_the_file_is(page, file):
    assert page.texts("h1") == ["digits_cnn"]
    facts = dict(zip(page.texts("#facts dt"), page.texts("#facts dd:nth-of-type(1)")))
    assert facts["samples"] == "1,797" and facts["classes"] == "10" and facts["layers"] == "3"
    assert facts["accuracy"] == f"{file['metrics'].attrs['accuracy']:.2%}"
    assert {"ECE", "mean entropy", "groups", "events"} <= set(facts)
    assert "--mc-dropout" in page.texts("#notes")[0]
    for target in page.attributes("#links a", "href"):
        assert page.run("return Boolean(document.querySelector(arguments[0]))", target)
    for chart in ("reliability", "entropy", "heatmap", "points", "skills", "spans", "against"):
        assert page.run(f"return document.querySelectorAll('#chart-{chart} .main-svg').length") > 0


def test_the_table_is_sorted_by_any_head(page, file):
    entropy, confidence = (file[f"uncertainty/{key}"][()] for key in ("entropy", "confidence"))
    expected = ordered(entropy, True)
    assert ids(page) == expected[:PAGE] and page.texts("#sample-count") == ["1,797 samples"]
    assert sort(page, "entropy") == "ascending"
    assert ids(page) == ordered(entropy, False)[:PAGE]
    assert sort(page, "confidence") == "ascending"
    assert ids(page) == ordered(confidence, False)[:PAGE]
    assert sort(page, "confidence") == "descending"
    assert ids(page) == ordered(confidence, True)[:PAGE]
    assert sort(page, "id") == "ascending" and ids(page) == list(range(PAGE))
    assert sort(page, "id") == "descending" and ids(page) == list(range(1796, 1796 - PAGE, -1))
    assert sort(page, "prediction") == "ascending"
    assert ids(page) == ordered(file["uncertainty/prediction"][()], False)[:PAGE]
    assert page.attributes('#samples-table th[aria-sort="ascending"]', "data-key") == ["prediction"]


def test_pages_hold_all_samples_once(page, file):
    seen = ids(page)
    assert not page.run("return document.getElementById('page-back').disabled") is False
    for _ in range(71):
        page.click("#page-next")
        seen += ids(page)
    assert len(seen) == 1797 and sorted(seen) == list(range(1797))
    assert seen == ordered(file["uncertainty/entropy"][()], True)
    assert page.texts("#page-told") == ["page 72 of 72"]
    assert page.run("return document.getElementById('page-next').disabled")


def test_the_table_obeys_the_keyboard(page, file):
    head = '#samples-table th[data-key="confidence"] button'
    page.run("document.querySelector(arguments[0]).focus()", head)
    page.key(head, Keys.ENTER)
    assert ids(page) == ordered(file["uncertainty/confidence"][()], False)[:PAGE]
    assert page.run("return document.activeElement.closest('th').dataset.key") == "confidence"
    page.key(head, Keys.SPACE)
    assert ids(page) == ordered(file["uncertainty/confidence"][()], True)[:PAGE]
    page.key(f"{ROWS}:nth-child(3) a", Keys.ENTER)
    assert page.run("return location.hash") == f"#sample-{ids(page)[2]}"


def test_samples_are_filtered(page, file):
    prediction, label = file["uncertainty/prediction"][()], file["labels"][()]
    entropy = file["uncertainty/entropy"][()]
    order = ordered(entropy, True)
    page.click("#wrong-filter")
    wrong = [i for i in order if prediction[i] != label[i]]
    assert ids(page) == wrong[:PAGE]
    assert page.texts("#sample-count") == [f"{len(wrong)} of 1,797 samples"]
    assert len(page.texts(f"{ROWS} td.wrong")) == 2 * len(ids(page))
    page.click("#wrong-filter")
    page.choose("#class-filter", "3")
    threes = [i for i in order if prediction[i] == 3]
    assert ids(page) == threes[:PAGE]
    assert page.texts("#sample-count") == [f"{len(threes)} of 1,797 samples"]
    page.choose("#class-filter", "")
    page.type("#id-filter", "179")
    assert sorted(ids(page)) == [179, *range(1790, 1797)]
    page.type("#id-filter", "99999")
    assert ids(page) == [] and page.texts("#page-told") == ["page 1 of 1"]


def test_groups_are_filtered_by_layer_and_sorted(page, file):
    counts = {name: len(file[f"groups/{name}/group_id"]) for name in LAYERS}
    groups = "#groups-table tbody tr"
    assert len(page.texts(groups)) == sum(counts.values())
    for name in LAYERS:
        page.choose("#layer-filter", name)
        stored = file[f"groups/{name}"]
        assert [int(i) for i in page.attributes(groups, "data-group")] == stored["group_id"][
            ()].tolist()
        assert set(page.texts(f"{groups} td:nth-child(2)")) == {name}
        assert page.run("return location.hash") == f"#layer-{name}"
        assert name in page.texts("#layer-cards h3")[0]
        assert len(page.texts("#group-filter option")) == counts[name] + 1
        page.click('#groups-table th[data-key="cohesion"] button')
        order = np.lexsort((stored["group_id"][()], -stored["cohesion"][()]))
        assert [int(i) for i in page.attributes(groups, "data-group")] == stored["group_id"][
            ()][order].tolist()
        page.click('#groups-table th[data-key="id"] button')
    page.choose("#layer-filter", "")
    assert len(page.texts(groups)) == sum(counts.values())


def test_from_a_group_to_its_samples_and_back(page, file):
    """The list is NumPy's answer; every link leads to what it names."""
    for name in LAYERS:
        center = file[f"groups/{name}/group_center"][()]
        for column, group in enumerate(file[f"groups/{name}/group_id"][()]):
            page.click(f"#groups-table a[href='#group-{group}']")
            order = np.lexsort((np.arange(1797), -np.abs(center[:, column])))[:50]
            assert ids(page) == order[:PAGE].tolist()
            assert page.texts("#sample-count") == ["50 of 50 samples"]
            shown = page.texts(f"{ROWS} td:last-child")
            assert shown == [f"{center[i, column]:.3f}".replace("-", "−") for i in order[:PAGE]]
            assert page.attributes("#groups-table tr[aria-selected='true']", "id") == [
                f"group-{group}"]
            links = page.attributes("#drivers a", "href")
            assert links == [f"#sample-{i}" for i in order[:18]]
    page.click("#drivers a:nth-child(2)")
    sample = order[1]
    assert page.run("return location.hash") == f"#sample-{sample}"
    assert page.attributes(f"{ROWS}[aria-selected='true']", "id") == [f"sample-{sample}"]
    assert page.texts("#sample-detail h3") == [f"Sample {sample}"]
    back = page.attributes("#driven a", "href")
    assert f"#group-{group}" in back
    page.click("#driven a:first-child")
    assert page.attributes("#groups-table tr[aria-selected='true']", "id") == [back[0][1:]]
    page.until(DETAIL_IN_SIGHT)
    page.click("#driver-chip button")
    assert page.texts("#sample-count") == ["1,797 samples"] and not page.shown("#driver-chip")
    page.run("history.back()")
    page.until(f"location.hash === '#sample-{sample}'")


def test_addresses_lead_to_what_they_name(page, result):
    dashboard = result.parent / "out" / "dashboard.html"
    page.open(dashboard, "#sample-1234")
    assert page.attributes(f"{ROWS}[aria-selected='true']", "id") == ["sample-1234"]
    assert page.texts("#sample-detail h3") == ["Sample 1234"]
    page.open(dashboard, "#group-1")
    assert page.texts("#group-detail h3") == ["Group 1"]
    page.until(DETAIL_IN_SIGHT)
    page.open(dashboard, "#layer-fc1")
    assert page.attributes("#layer-strip a[aria-current='true']", "id") == ["layer-fc1"]
    page.open(dashboard, "#sample-99999999")
    assert len(ids(page)) == PAGE
    for target in set(page.attributes("a[href^='#']", "href")):
        page.run("history.replaceState(null, '', arguments[0]);"
                 "dispatchEvent(new PopStateEvent('popstate'))", target)
        assert page.run("return Boolean(document.getElementById(arguments[0].slice(1)))", target)


def test_a_click_into_the_maps_chooses_the_group(page, file):
    page.choose("#layer-filter", "conv2")
    page.run("document.getElementById('chart-points').emit('plotly_click', {points: [{customdata: "
             "arguments[0]}]})", 3)
    assert page.texts("#group-detail h3") == ["Group 3"]


def test_dark_and_light(page, result):
    ground = "return getComputedStyle(document.body).backgroundColor"
    ink = "return getComputedStyle(document.body).color"
    assert page.run(ground) == "rgb(245, 246, 248)" and page.run(ink) == "rgb(27, 31, 36)"
    page.click("#theme")
    assert page.run(ground) == "rgb(14, 17, 22)" and page.run(ink) == "rgb(232, 234, 237)"
    axis = "return document.querySelector('#chart-entropy .xtick text').style.fill"
    assert page.run(axis) == "rgb(156, 166, 177)"
    page.prefer("dark")
    page.open(result.parent / "out" / "dashboard.html")
    assert page.run(ground) == "rgb(14, 17, 22)"


@pytest.mark.parametrize("width", [1400, 700, 400])
def test_nothing_sticks_out(result, width):
    with browser.opened(width=1400) as page:
        page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False})
        page.open(result.parent / "out" / "dashboard.html", "#group-0")
        assert page.run("return document.documentElement.scrollWidth") <= width
        page.quiet()


def test_charts_are_as_wide_as_their_cards(result):
    """As it opens, without a change of the window's size that would mend it."""
    wide = """return [...document.querySelectorAll('.plot')].filter((place) => {
        const chart = place.querySelector('svg.main-svg');
        return !chart || Math.abs(chart.clientWidth - place.clientWidth) > 1
            || Math.abs(chart.clientHeight - place.clientHeight) > 1;
    }).map((place) => place.id)"""
    with browser.opened(width=1400) as page:
        for anchor in ("", "#group-0"):
            page.open(result.parent / "out" / "dashboard.html", anchor)
            assert page.run("return document.querySelectorAll('.plot').length") >= 4
            assert page.run(wide) == []
        page.quiet()


def test_epistemic_uncertainty_is_a_column(run, digits, chromium, tmp_path):
    path = job(run, digits, tmp_path / "r.h5", "--mc-dropout", 5)
    reported(path, "--out", tmp_path / "out", "--dpi", 40)
    chromium.open(tmp_path / "out" / "dashboard.html")
    assert sort(chromium, "epistemic") == "descending"
    with h5py.File(path) as file:
        assert ids(chromium) == ordered(file["uncertainty/epistemic"][()], True)[:PAGE]
    assert not chromium.shown("#layers")
    chromium.quiet()


ODD = {
    "bare": {"labels": False},
    "empty": {"size": 0, "labels": False},
    "no group": {"layers": (Planted("fc", (), 9),)},
    "odd names": {"layers": (Planted("a/b <i>&c", (3,), 9), Planted("日本.語", (4, 3), 9))},
    "no correlation": {"layers": (Planted("fc", (5, 3), 9),), "keep": ()},
    "large ids": {"size": 40, "ids": np.arange(40) + 2**40},
}


@pytest.mark.parametrize("case", ODD)
def test_odd_files_are_shown_too(chromium, tmp_path, case):
    settings = ODD[case]
    path = report_files.write(tmp_path / "r.h5", **settings)
    reported(path, "--out", tmp_path / "out", "--dpi", 40)
    chromium.open(tmp_path / "out" / "dashboard.html")
    assert len(ids(chromium)) == min(PAGE, settings.get("size", 500))
    assert chromium.shown("#layers") == ("layers" in settings)
    for link in chromium.attributes("#groups-table a", "href"):
        chromium.click(f"#groups-table a[href='{link}']")
        assert chromium.texts("#group-detail h3") == [f"Group {link.split('-')[1]}"]
    if case == "large ids":
        assert min(ids(chromium)) >= 2**40
    chromium.quiet()
