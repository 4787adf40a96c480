"""Groups against the model's uncertainty, and what their events tell."""

from __future__ import annotations

import math

import numpy as np
from matplotlib import pyplot
from matplotlib.figure import Figure

from . import style
from .drivers import Activity
from .events import Events
from .layers import Group, Layer, short_names, shortened
from .style import Theme

MOST_ROWS = 36
MOST_LINES = 4


def strongest(layers: list[Layer], most: int) -> list[tuple[Layer, int]]:
    """Groups by |corr_entropy|, the largest first; those without it by their order, last."""
    all_ = [(layer, place) for layer in layers for place in range(len(layer.groups))]

    def size(one: tuple[Layer, int]) -> float:
        value = one[0].groups[one[1]].figures["corr_entropy"]
        return -abs(value) if math.isfinite(value) else 1.0

    return sorted(all_, key=size)[:most]


def against_entropy(layers: list[Layer], activity: dict[str, Activity], theme: Theme) -> Figure:
    """Correlations of groups' activity with entropy, confidence and error; and mean entropy by
    activity, where that is in the file."""
    rows = strongest(layers, MOST_ROWS)
    total = sum(len(layer.groups) for layer in layers)
    lines = [(layer, place) for layer, place in rows if layer.name in activity][:MOST_LINES]
    figure = pyplot.figure(figsize=(13 if lines else 8.5, max(5.4, 1.9 + 0.27 * len(rows))))
    told = "" if len(rows) == total else f"  ·  {len(rows)} of {total:,} groups"
    style.titled(figure, "Groups and uncertainty",
                 f"correlation of a group's activity with the sample's figures{told}")
    height = figure.get_figheight()
    bottom = 0.62 / height
    share = (0.16, 0.38) if lines else (0.25, 0.7)
    axes = figure.add_axes((share[0], bottom, share[1], style.top_of(figure, 1.25) - bottom))
    y = np.arange(len(rows))
    kinds = (("corr_entropy", "entropy", theme.blue, "o"),
             ("corr_confidence", "confidence", style.HUES[2], "s"),
             ("corr_error", "error", theme.orange, "D"))
    for key, name, color, shape in kinds:
        values = np.array([layer.groups[place].figures[key] for layer, place in rows])
        if np.isfinite(values).any():
            axes.plot(values, y, ls="", marker=shape, ms=6, color=color, label=name)
    axes.axvline(0, color=theme.soft, lw=1)
    names = dict(zip((layer.name for layer in layers),
                     short_names([layer.name for layer in layers], 20), strict=True))
    axes.set_yticks(y, [f"{names[layer.name]}  {layer.groups[place].id}" for layer, place in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    reach = max(0.1, 1.15 * max(abs(limit) for limit in axes.get_xlim()))
    axes.set_xlim(-min(reach, 1.02), min(reach, 1.02))
    axes.set_xlabel("correlation")
    axes.grid(axis="both")
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=3, handletextpad=0.2,
                columnspacing=1.2)
    if lines:
        top = style.top_of(figure, 1.25)
        tall = min(3.6 / height, top - bottom - 0.75 / height)  # the legend lies below
        right = figure.add_axes((0.63, top - tall, 0.34, tall))
        _by_activity(right, lines, activity, names, theme)
    return figure


def _by_activity(axes, lines: list[tuple[Layer, int]], activity: dict[str, Activity],
                 names: dict[str, str], theme: Theme) -> None:
    for number, (layer, place) in enumerate(lines):
        values = activity[layer.name].entropy[place]
        axes.plot(np.arange(1, len(values) + 1), values, marker=style.MARKERS[number], ms=5, lw=1.8,
                  color=style.hue(number, theme),
                  label=f"{names[layer.name]}  {layer.groups[place].id}")
    least = min(activity[layer.name].samples for layer, _ in lines)
    axes.set_title("Mean entropy by activity", pad=8)
    axes.set_xticks(range(1, 11))
    axes.set_xlabel(f"tenth of {least:,} samples, least active first")
    axes.set_ylabel("mean entropy (nats)")
    axes.margins(y=0.12)
    axes.grid(axis="y")
    axes.legend(loc="upper left", ncols=2, handlelength=1.6, columnspacing=1.6,
                bbox_to_anchor=(-0.02, -0.55 / (axes.get_position().height
                                                * axes.figure.get_figheight())))


def skills(events: Events, theme: Theme) -> Figure:
    """Per layer, which categories its events have, against the samples' own shares."""
    order = np.argsort([-layer.events for layer in events.layers], kind="stable")
    kept = [events.layers[i] for i in sorted(order[:MOST_ROWS].tolist())]
    categories = events.categories
    tallies = [("all samples", kept[0].category_samples)] if kept else []
    tallies += [(layer.name, layer.by_category) for layer in kept if layer.events]
    total = sum(tally for _, tally in tallies)
    shown = [int(c) for c in np.argsort(-total, kind="stable") if total[c] > 0][:7]
    figure = pyplot.figure(figsize=(11, 2.2 + 0.42 * len(tallies)))
    style.titled(figure, "Skills: what learning events are about",
                 f"{events.total:,} events over samples {events.begin:,} to {events.end - 1:,}; "
                 "shares of each layer's events, against those of the samples")
    height = figure.get_figheight()
    axes = figure.add_axes((0.17, 0.95 / height, 0.8, style.top_of(figure, 1.0) - 0.95 / height))
    names = [categories[c] for c in shown]
    rest = [c for c in range(len(categories)) if c not in shown and total[c] > 0]
    for row, (_, tally) in enumerate(tallies):
        whole = max(int(tally.sum()), 1)
        parts = [tally[c] / whole for c in shown] + ([tally[rest].sum() / whole] if rest else [])
        left = 0.0
        for number, part in enumerate(parts):
            color = style.HUES[number] if number < len(shown) else theme.quiet
            axes.barh(row, part, left=left, height=0.72, color=color, edgecolor=theme.paper, lw=1)
            if part > 0.05:
                axes.text(left + part / 2, row, f"{part:.0%}", ha="center", va="center", fontsize=9,
                          color="#FFFFFF" if number in (0, 2, 5, 6) else "#1B1F24")
            left += part
    labels = short_names([name for name, _ in tallies[1:]], 22)
    axes.set_yticks(range(len(tallies)), [tallies[0][0], *labels])
    axes.set_ylim(len(tallies) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xticks([])
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    handles = [pyplot.Rectangle((0, 0), 1, 1, color=style.HUES[i]) for i in range(len(shown))]
    if rest:
        handles.append(pyplot.Rectangle((0, 0), 1, 1, color=theme.quiet))
        names.append(f"{len(rest)} others")
    figure.legend(handles, [shortened(name, 24) for name in names], loc="lower left",
                  bbox_to_anchor=(0.16, 0.02), ncols=min(len(names), 4), handlelength=1,
                  handleheight=1, columnspacing=1.4)
    return figure


def over_samples(layers: list[Layer], events: Events, theme: Theme) -> Figure:
    """Per group: how its events are spread over the samples, and the loss where it is active."""
    rows: list[tuple[Layer, Group]] = [(layer, group) for layer in layers for group in layer.groups
                                       if group.id in events.groups]
    rows.sort(key=lambda row: -events.groups[row[1].id].events)
    total = len(rows)
    chosen = {row[1].id for row in rows[:MOST_ROWS]}
    rows = [(layer, group) for layer in layers for group in layer.groups if group.id in chosen]
    found = [events.groups[group.id] for _, group in rows]
    loss = any(math.isfinite(one.loss_active) for one in found)
    figure = pyplot.figure(figsize=(12 if loss else 8.5, max(3.6, 2.0 + 0.3 * len(rows))))
    told = "" if len(rows) == total else f"  ·  the {len(rows)} groups of most events, of {total:,}"
    style.titled(figure, "Learning events of groups",
                 "a group is active in a sample when its activity exceeds the layer's mean by half "
                 f"a standard deviation{told}")
    height = figure.get_figheight()
    bottom, top = 0.75 / height, style.top_of(figure, 1.3)
    axes = figure.add_axes((0.15 if loss else 0.22, bottom, 0.36 if loss else 0.62, top - bottom))
    counts = np.array([one.by_span for one in found], float)
    image = axes.imshow(counts, cmap="cividis", aspect="auto", vmin=0,
                        vmax=max(float(counts.max(initial=0)), 1))
    axes.set_title("Events by tenth of the samples")
    names = dict(zip((layer.name for layer in layers),
                     short_names([layer.name for layer in layers], 20), strict=True))
    axes.set_yticks(range(len(rows)), [f"{names[layer.name]}  {group.id}" for layer, group in rows])
    axes.set_xticks(range(counts.shape[1]), [str(i + 1) for i in range(counts.shape[1])])
    axes.set_xlabel(f"tenth of samples {events.begin:,} to {events.end - 1:,}")
    axes.tick_params(length=0)
    bar = figure.add_axes((0.525 if loss else 0.86, bottom, 0.012, top - bottom))
    figure.colorbar(image, cax=bar)
    bar.tick_params(length=0)
    for spine in (*axes.spines.values(), *bar.spines.values()):
        spine.set_visible(False)
    if loss:
        _losses(figure.add_axes((0.63, bottom, 0.34, top - bottom)), found, theme)
    return figure


def _losses(axes, found, theme: Theme) -> None:
    y = np.arange(len(found))
    active = np.array([one.loss_active for one in found])
    others = np.array([one.loss_inactive for one in found])
    axes.hlines(y, active, others, color=theme.line, lw=3)
    axes.plot(others, y, ls="", marker="o", ms=7, color=theme.quiet, label="group not active")
    axes.plot(active, y, ls="", marker="D", ms=7, color=theme.orange, label="group active")
    axes.set_title("Mean loss")
    axes.set_yticks(y, [])
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.set_xlabel("mean loss")
    axes.grid(axis="both")
    axes.legend(loc="lower right", bbox_to_anchor=(1.02, 0.99), ncols=2, handletextpad=0.2,
                columnspacing=1.2)
