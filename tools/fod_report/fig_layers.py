"""Pictures of a layer: its correlations in the order of its groups, and its neurons as points."""

from __future__ import annotations

import math

import numpy as np
from matplotlib import pyplot
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from . import style
from .embedding import Embedding
from .layers import Layer, short_names, shortened
from .matrix import Matrix
from .style import Theme


def describe(layer: Layer) -> str:
    """Its figures in one line."""
    grouped = layer.neurons - len(layer.ungrouped) - len(layer.dead)
    count = len(layer.groups)
    parts = [f"{layer.neurons:,} neurons",
             f"{grouped:,} in {count:,} group{'' if count == 1 else 's'}" if count else
             "no group found"]
    if len(layer.dead):
        parts.append(f"{len(layer.dead):,} dead")
    if layer.method:
        parts.append(layer.method)
    if math.isfinite(layer.stability):
        parts.append(f"stability {layer.stability:.2f}")
    return "  ·  ".join(parts)


def heatmap(layer: Layer, matrix: Matrix, theme: Theme) -> Figure:
    width, height = 9.6, 9.0
    figure = pyplot.figure(figsize=(width, height))
    style.titled(figure, shortened(layer.name, 50), describe(layer))
    axes = figure.add_axes((0.05, 0.055, 7.75 / width, 7.75 / height))
    image = _draw(axes, matrix, theme)
    _frames(axes, matrix, theme)
    _group_strip(axes, layer, matrix, theme)
    axes.set_xlabel("neurons in the order of their groups")
    _color_bar(figure, image, theme)
    if matrix.origin:
        figure.text(0.02, 0.012, matrix.origin[0].upper() + matrix.origin[1:], fontsize=8.5,
                    color=theme.soft)
    return figure


def _draw(axes, matrix: Matrix, theme: Theme):
    size = len(matrix.group)  # of which the values may be means
    image = axes.imshow(matrix.values, extent=(0, size, size, 0), cmap=theme.diverging, vmin=-1, vmax=1,
                        interpolation="nearest" if len(matrix.values) < 600 else "antialiased",
                        interpolation_stage="data", aspect="auto")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color(theme.line)
    return image


def _color_bar(figure, image, theme: Theme) -> None:
    """In the upper right corner."""
    width, height = figure.get_size_inches()
    bar = figure.add_axes((1 - 2.1 / width, 1 - 0.4 / height, 1.8 / width, 0.13 / height))
    figure.colorbar(image, cax=bar, orientation="horizontal", ticks=[-1, 0, 1])
    bar.set_xticklabels(["−1", "correlation", "1"])
    bar.tick_params(length=0, labelsize=8.5, pad=3)
    for spine in bar.spines.values():
        spine.set_visible(False)


def _frames(axes, matrix: Matrix, theme: Theme, width: float = 1.1) -> None:
    size = len(matrix.group)
    for place, begin, end in matrix.blocks:
        if place >= 0 and (end - begin) / size > 0.008:
            axes.add_patch(Rectangle((begin, begin), end - begin, end - begin,
                                     fill=False, lw=width, ec=theme.ink, joinstyle="miter"))


def _group_strip(axes, layer: Layer, matrix: Matrix, theme: Theme) -> None:
    """Colours at the left; names at the right, as many as find room."""
    size = len(matrix.group)
    free = -1.0
    for place, begin, end in matrix.blocks:
        color = style.hue(place, theme) if place >= 0 else theme.line
        axes.add_patch(Rectangle((-0.028, 1 - end / size), 0.016, (end - begin) / size, lw=0,
                                 transform=axes.transAxes, clip_on=False, fc=color))
        middle = (begin + end) / 2 / size
        if place < 0 and (end - begin) / size < 0.02:
            continue
        if middle - free < 0.03:
            continue
        free = middle
        name = {-1: f"in none ({end - begin:,})", -2: f"dead ({end - begin:,})"}.get(
            place, "" if place < 0 else f"group {layer.groups[place].id} ({end - begin:,})")
        axes.text(1.015, 1 - middle, name, transform=axes.transAxes, va="center", fontsize=8.5,
                  color=theme.ink if place >= 0 else theme.soft, clip_on=False)


def scatter(layer: Layer, embedding: Embedding, theme: Theme) -> Figure:
    figure = pyplot.figure(figsize=(12, 6.2))
    shown, alive = len(embedding.neurons), layer.neurons - len(layer.dead)
    told = describe(layer)
    if shown < alive:
        told += f"  ·  a sample of {shown:,} of {alive:,} neurons"
    style.titled(figure, shortened(layer.name, 80), told)
    height = style.top_of(figure, 1.35) - 0.12
    share = embedding.explained
    panels = [(embedding.pca, "PCA", f"first component ({share[0]:.0%})",
               f"second component ({share[1]:.0%})"), (embedding.tsne, "t-SNE", "", "")]
    for column, (points, title, x, y) in enumerate(panels):
        axes = figure.add_axes((0.06 + 0.405 * column, 0.12, 0.36, height))
        axes.set_title(title)
        axes.set_xlabel(x)
        axes.set_ylabel(y, labelpad=2)
        if points is None:
            axes.text(0.5, 0.5, f"t-SNE needs six neurons, {shown} are alive", ha="center",
                      va="center", transform=axes.transAxes, color=theme.soft)
        else:
            _points(axes, embedding, points, theme)
        axes.grid(column == 0)
        if column == 1:
            axes.set_xticks([])
            axes.set_yticks([])
    _legend(figure, layer, embedding, theme)
    figure.text(0.02, 0.015, "Near each other: neurons that fire together, with the same or with "
                "opposite sign (kernel: squared correlation).", fontsize=8.5, color=theme.soft)
    return figure


def _points(axes, embedding: Embedding, points: np.ndarray, theme: Theme) -> None:
    size = 46 if len(points) < 150 else 24 if len(points) < 600 else 12
    for place in [-1, *sorted(set(embedding.group.tolist()) - {-1})]:
        own = embedding.group == place
        axes.scatter(points[own, 0], points[own, 1], s=size if place >= 0 else 0.6 * size,
                     marker=style.marker(place), color=style.hue(place, theme), lw=0.4,
                     edgecolors=theme.paper, alpha=0.95 if place >= 0 else 0.7)
    axes.margins(0.07)


def _legend(figure, layer: Layer, embedding: Embedding, theme: Theme, most: int = 20) -> None:
    handles, names = [], []
    for place, group in enumerate(layer.groups[:most]):
        handles.append(pyplot.Line2D([], [], ls="", marker=style.marker(place), ms=7,
                                     color=style.hue(place, theme)))
        names.append(f"group {group.id} ({group.size:,})")
    if len(layer.groups) > most:
        handles.append(pyplot.Line2D([], [], ls=""))
        names.append(f"and {len(layer.groups) - most:,} more")
    if (embedding.group == -1).any():
        handles.append(pyplot.Line2D([], [], ls="", marker="o", ms=5, color=theme.quiet))
        names.append("in none")
    figure.legend(handles, names, loc="upper left", handletextpad=0.3, labelspacing=0.45,
                  bbox_to_anchor=(0.845, style.top_of(figure, 1.2)))


MOST_PANELS = 64


def all_layers(layers: list[Layer], matrices: list[Matrix], theme: Theme) -> Figure:
    """One small heatmap per layer."""
    shown = list(zip(layers, matrices, strict=True))[:MOST_PANELS]
    columns = min(len(shown), 4 if len(shown) <= 12 else math.ceil(math.sqrt(len(shown))))
    rows = math.ceil(len(shown) / columns)
    cell = 3.4 if columns <= 4 else 13.6 / columns
    figure = pyplot.figure(figsize=(max(columns * cell, 6.4), rows * (cell + 0.25) + 0.75))
    width, height = figure.get_size_inches()
    told = f"{len(layers)} layers" if len(layers) > 1 else "1 layer"
    if len(shown) < len(layers):
        told = f"the first {len(shown)} of {len(layers)} layers"
    style.titled(figure, "Correlations in all layers", f"{told}, neurons in the order of their "
                 "groups")
    image = None
    chars = int(cell * 9.5) if columns <= 4 else int(cell * 11)
    left = (width - columns * cell) / 2
    names = short_names([layer.name for layer, _ in shown], chars)
    for place, (_, matrix) in enumerate(shown):
        row, column = divmod(place, columns)
        axes = figure.add_axes(((left + column * cell + 0.08 * cell) / width,
                                1 - (1.05 + row * (cell + 0.25) + 0.88 * cell) / height,
                                0.84 * cell / width, 0.84 * cell / height))
        image = _draw(axes, matrix, theme)
        _frames(axes, matrix, theme, 0.8)
        axes.set_title(names[place], fontsize=9.5 if columns <= 4 else 7.5,
                       pad=4)
    if image is not None:
        _color_bar(figure, image, theme)
    return figure
