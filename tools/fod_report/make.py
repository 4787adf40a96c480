"""From a result file to all files of a report, in the order in which they are made."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from . import drivers as drive
from . import facts, fig_groups, fig_layers, fig_samples, legacy, payload, style
from .calibration import Reliability, reliability
from .choose import Chosen, choose, largest
from .drivers import Activity, Drivers
from .events import Events, read_events
from .images import Images, check_fits, fitted, open_images, pictures_of
from .layers import Layer, read_layers, short_names
from .matrix import Matrix, matrix_of, reduced
from .names import Names
from .output import Output
from .page import page
from .read import Result
from .samples import Samples, read_samples

MOST_GROUPS = 2_000  # in the dashboard
MOST_DRIVERS = 50  # per group
MOST_LOOKED_AT = 65_536  # samples, for entropy by activity
GALLERY = 32
PANEL = 320  # rows of a heatmap among others


@dataclass(frozen=True)
class Settings:
    out: Path
    data: str | None
    names: Names
    theme: str
    overwrite: bool
    seed: int
    dpi: int


class Progress:
    """Words on stderr, as soon as a report takes longer than a moment."""

    def __init__(self) -> None:
        self._next = time.monotonic() + 3

    def __call__(self, words: str) -> None:
        if time.monotonic() >= self._next:
            print(f"report: {words}", file=sys.stderr, flush=True)
            self._next = time.monotonic() + 3


@dataclass
class Made:
    """What is read and computed once, for pictures and dashboard alike."""

    result: Result
    samples: Samples
    bins: Reliability | None
    layers: list[Layer]
    events: Events | None
    activity: dict[str, Activity] = field(default_factory=dict)
    drivers: dict[str, list[Drivers | None]] = field(default_factory=dict)


def make(result: Result, settings: Settings) -> list[str]:
    """Writes everything; the names of the files. @throws Problem"""
    say = Progress()
    output = Output(settings.out, settings.overwrite)
    try:
        images = open_images(settings.data) if settings.data else None
        made = _read(result, settings, say)
        theme = style.THEMES[settings.theme]
        style.use(theme, settings.dpi)
        told = _layers(made, settings, output, theme, say)
        _samples(made, output, theme)
        _groups(made, output, theme)
        thumbs, why = _images(made, images, settings, output, theme, say)
        report = legacy.report(result, made.layers, made.events)
        output.write(settings.names.report("json"), legacy.as_json(report))
        output.write(settings.names.report("txt"), legacy.as_text(report))
        say("dashboard")
        _dashboard(made, told, thumbs, why, report, settings, output)
        output.publish()
    except BaseException:
        output.discard()
        raise
    return sorted(output.files)


def _read(result: Result, settings: Settings, say: Progress) -> Made:
    say("samples")
    samples = read_samples(result)
    bins = None
    if samples.correct is not None and samples.confidence is not None and samples.judged.any():
        which = samples.judged
        bins = reliability(samples.confidence[which], samples.correct[which])
    made = Made(result, samples, bins, read_layers(result), read_events(result))
    total = sum(len(layer.groups) for layer in made.layers)
    most = min(MOST_DRIVERS, max(5, 10_000 // max(1, total)))
    bare = [layer for layer in made.layers
            if layer.groups and not result.has(f"{layer.path}/group_center")]
    by_event = drive.from_events(result, most) if made.events and bare else {}
    for layer in made.layers:
        say(f"what drives the groups of {layer.name}")
        if not layer.groups:
            made.drivers[layer.name] = []
        elif result.has(f"{layer.path}/group_center"):
            made.drivers[layer.name] = list(drive.from_centers(result, layer, most))
            found = drive.entropy_by_activity(result, layer, samples, MOST_LOOKED_AT,
                                              settings.seed)
            if found is not None:
                made.activity[layer.name] = found
        else:
            made.drivers[layer.name] = [by_event.get(group.id) for group in layer.groups]
    return made


def _save(figure: Any, output: Output, name: str) -> None:
    from matplotlib import pyplot

    with output.writing():
        figure.savefig(output.path(name), metadata={"Software": None})
    pyplot.close(figure)


def _layers(made: Made, settings: Settings, output: Output, theme: style.Theme, say: Progress
            ) -> list[tuple[Matrix | None, Any]]:
    """Their pictures; small matrices and points for the dashboard."""
    from .embedding import MOST_POINTS, embed

    count = max(1, len(made.layers))
    points = min(MOST_POINTS, max(300, 15_000 // count))
    told = []
    for number, layer in enumerate(made.layers):
        say(f"layer {layer.name} ({number + 1} of {count})")
        matrix = matrix_of(made.result, layer, settings.seed)
        if matrix is None:
            told.append((None, None))
            continue
        _save(fig_layers.heatmap(layer, matrix, theme), output, settings.names.heatmap(layer.slug))
        points_of = embed(matrix, settings.seed, points)
        if points_of is not None:
            _save(fig_layers.scatter(layer, points_of, theme), output,
                  settings.names.scatter(layer.slug))
        told.append((reduced(matrix, PANEL), points_of))
    shown = [(layer, small) for layer, (small, _) in zip(made.layers, told, strict=True)
             if small is not None]
    if shown:
        _save(fig_layers.all_layers(*map(list, zip(*shown, strict=True)), theme), output,
              settings.names.all_layers)
    return told


def _samples(made: Made, output: Output, theme: style.Theme) -> None:
    if made.bins is not None:
        _save(fig_samples.reliability_diagram(made.bins, theme), output, "reliability_diagram.png")
    if made.samples.entropy is not None and made.samples.good.any():
        _save(fig_samples.entropy_histogram(made.samples, made.result.classes, theme), output,
              "entropy_histogram.png")


def _groups(made: Made, output: Output, theme: style.Theme) -> None:
    groups = [group for layer in made.layers for group in layer.groups]
    if any(np.isfinite(group.figures["corr_entropy"]) for group in groups):
        _save(fig_groups.against_entropy(made.layers, made.activity, theme), output,
              "group_entropy.png")
    if made.events is not None and made.events.total:
        if len(made.events.categories) > 1:
            _save(fig_groups.skills(made.events, theme), output, "skills.png")
        _save(fig_groups.over_samples(made.layers, made.events, theme), output,
              "group_events.png")


def _images(made: Made, images: Images | None, settings: Settings, output: Output,
            theme: style.Theme, say: Progress) -> tuple[dict[int, np.ndarray], str]:
    """The gallery; small pictures by row of the file, or why there are none."""
    if images is None:
        return {}, "Name the job's data by --data."
    samples = made.samples
    check_fits(images, samples.ids, settings.data)
    if samples.entropy is None:
        uncertain = np.empty(0, np.int64)
    else:
        uncertain = largest(samples.entropy, samples.good, 200)
    first = samples.ids[uncertain[:GALLERY]]
    pictures = pictures_of(images, first, settings.data)
    if pictures is None:
        return {}, "The inputs are no images."
    say("pictures of samples")
    side = max((max(one.shape[:2]) for one in pictures), default=32)
    if len(pictures):
        captions = [_caption(made, int(row)) for row in uncertain[:GALLERY]]
        _save(fig_samples.gallery(pictures, captions, len(samples.ids), theme), output,
              "uncertain_samples.png")
    side, most = (32, 2000) if side <= 32 else (64, 1000)
    wanted = dict.fromkeys(uncertain.tolist())
    lists = [one.rows for found in made.drivers.values() for one in found if one is not None]
    for place in range(MOST_DRIVERS):  # the strongest of each group before the next ones
        wanted.update(dict.fromkeys(int(rows[place]) for rows in lists if place < len(rows)))
    if len(samples.ids) <= most:
        wanted.update(dict.fromkeys(np.flatnonzero(samples.good).tolist()))
    rows = list(wanted)[:most]
    found = pictures_of(images, samples.ids[rows], settings.data)
    if found is None:
        return {}, "The inputs are no images."
    return {row: fitted(one, side) for row, one in zip(rows, found, strict=True)}, ""


def _caption(made: Made, row: int) -> tuple[str, str, bool]:
    samples = made.samples
    told = f"{samples.prediction[row]}"
    wrong = bool(samples.correct is not None and samples.judged[row] and not samples.correct[row])
    if wrong:
        told += f", is {samples.label[row]}"
    return (f"{samples.ids[row]}", f"{told}  ({samples.confidence[row]:.0%})", wrong)


def _dashboard(made: Made, told: list[tuple[Matrix | None, Any]], thumbs: dict[int, np.ndarray],
               why: str, report: dict[str, Any], settings: Settings, output: Output) -> None:
    result, samples = made.result, made.samples
    notes = facts.missing(result, samples, made.layers, made.events, why)
    total = sum(len(layer.groups) for layer in made.layers)
    share = MOST_GROUPS // max(1, len(made.layers)) if total > MOST_GROUPS else MOST_GROUPS
    if total > MOST_GROUPS:
        notes.append({"what": f"Of {total:,} groups the dashboard lists the {share} largest of each "
                      "layer.", "how": "All are in the JSON report."})
    numbers: list[list[int]] = []
    for layer in made.layers:
        begin = sum(map(len, numbers))
        numbers.append(list(range(begin, begin + min(share, len(layer.groups)))))
    lists = [one for layer, own in zip(made.layers, numbers, strict=True)
             for one in made.drivers[layer.name][:len(own)]]
    chosen: Chosen = choose(samples, [one.rows for one in lists if one], settings.seed)
    place_of = np.full(result.size, -1, np.int64)
    place_of[chosen.rows] = np.arange(len(chosen.rows))
    cells = 160 if len(made.layers) <= 60 else 80
    groups = [payload.group_data(layer.groups[k], number, made.activity.get(layer.name),
                                 made.drivers[layer.name][k], place_of, made.events)
              for number, layer in enumerate(made.layers) for k in range(len(numbers[number]))]
    shown = {row: tile for row, tile in thumbs.items() if place_of[row] >= 0}
    names = result.texts("provenance/class_names")
    model = str(result.meta.get("model_name") or result.provenance.get("model", "") or "a model")
    data = {
        "model": model, "file": Path(result.path).name, "made": report["pytorch_analysis"][
            "analysis_timestamp"],
        "facts": facts.figures(result, samples, made.bins, made.layers, made.events),
        "notes": notes, "classes": names if len(names) == result.classes else None,
        "layers": [payload.layer_data(layer, *one, made.events, own, cells, short)
                   for layer, one, own, short in zip(
                       made.layers, told, numbers, short_names(
                           [layer.name for layer in made.layers], 26), strict=True)],
        "groups": groups,
        "samples": payload.sample_data(result, samples, chosen,
                                       list(zip(made.layers, numbers, strict=True))),
        "reliability": payload.reliability_data(made.bins),
        "entropy": payload.entropy_data(samples, result.classes),
        "categories": made.events.categories if made.events else None,
        "spans": [made.events.begin, made.events.end] if made.events else None,
        "by": str(made.layers[0].attributes.get("by", "label")) if made.layers else "",
        "thumbs": payload.sprite(list(shown.values()), [int(place_of[row]) for row in shown],
                                 len(next(iter(shown.values())))) if shown else None}
    output.write(settings.names.dashboard, page(f"{model} · fod report", data))
