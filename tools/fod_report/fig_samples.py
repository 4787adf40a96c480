"""Pictures of the samples: reliability, entropy, the most uncertain images."""

from __future__ import annotations

import math

import numpy as np
from matplotlib import pyplot
from matplotlib.figure import Figure

from . import style
from .calibration import Reliability
from .samples import Samples
from .style import Theme


def reliability_diagram(bins: Reliability, theme: Theme) -> Figure:
    figure = pyplot.figure(figsize=(7, 7.4))
    count = int(bins.count.sum())
    style.titled(figure, "Reliability", f"expected calibration error {bins.ece:.4f}  ·  "
                 f"{len(bins.count)} bins of equal width  ·  {count:,} samples with a label")
    axes = figure.add_axes((0.11, 0.29, 0.85, style.top_of(figure, 1.25) - 0.29))
    width = 1 / len(bins.count)
    middle = bins.edges[:-1] + width / 2
    some = bins.count > 0
    axes.bar(middle[some], bins.accuracy[some], width * 0.92, color=theme.blue, label="accuracy")
    gap = bins.confidence - bins.accuracy
    axes.bar(middle[some], gap[some], width * 0.92, bottom=bins.accuracy[some], color="none",
             edgecolor=theme.orange, hatch="////", lw=1, label="gap to the mean confidence")
    axes.plot([0, 1], [0, 1], color=theme.soft, lw=1.2, ls=(0, (4, 3)), label="perfect calibration")
    axes.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="accuracy")
    axes.grid(axis="y")
    axes.tick_params(labelbottom=False)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=3, columnspacing=1.6)
    below = figure.add_axes((0.11, 0.085, 0.85, 0.17), sharex=axes)
    below.bar(middle, bins.count, width * 0.92, color=theme.quiet)
    below.set_yscale("symlog", linthresh=1)
    most = max(int(bins.count.max()), 1)
    ticks = [0, *[10**k for k in range(int(math.log10(most)) + 1)]]
    below.set_yticks(ticks, [f"{tick:,}" for tick in ticks])
    below.set_ylim(0, most * 2)
    below.minorticks_off()
    below.set(xlabel="confidence", ylabel="samples")
    below.grid(axis="y")
    return figure


def entropy_bins(entropy: np.ndarray, classes: int, bins: int = 40) -> np.ndarray:
    """Edges from 0 to ln K, or to the largest value if that is larger."""
    most = float(entropy.max(initial=0))
    return np.linspace(0, max(math.log(classes) if classes > 1 else 0, most, 1e-6), bins + 1)


def entropy_histogram(samples: Samples, classes: int, theme: Theme) -> Figure:
    values = samples.entropy[samples.good].astype(np.float64)
    edges = entropy_bins(values, classes)
    figure = pyplot.figure(figsize=(9, 5.2))
    mean = values.mean() if len(values) else math.nan
    style.titled(figure, "Entropy of the predictions",
                 f"mean {mean:.4f} nats, largest possible ln {classes} = "
                 f"{math.log(max(classes, 1)):.4f}  ·  {len(values):,} samples")
    axes = figure.add_axes((0.085, 0.13, 0.89, style.top_of(figure) - 0.13))
    if samples.correct is not None and samples.judged.any():
        right = samples.correct[samples.judged]
        of = samples.entropy[samples.judged]
        axes.hist([of[right], of[~right]], edges, stacked=True, color=[theme.blue, theme.orange],
                  label=[f"right ({int(right.sum()):,})", f"wrong ({int((~right).sum()):,})"],
                  rwidth=0.92)
        axes.legend(loc="upper right")
    else:
        axes.hist(values, edges, color=theme.blue, rwidth=0.92)
    axes.set_yscale("symlog", linthresh=1)
    axes.minorticks_off()
    most = max(int(np.histogram(values, edges)[0].max(initial=1)), 1)
    ticks = [0, *[10**k for k in range(int(math.log10(most)) + 1)]]
    axes.set_yticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.set(xlabel="entropy (nats)", ylabel="samples", xlim=(edges[0], edges[-1]),
             ylim=(0, most * 2))
    axes.grid(axis="y")
    return figure


def gallery(images: np.ndarray, captions: list[tuple[str, str, bool]], total: int,
            theme: Theme) -> Figure:
    """Images (m, H, W[, 3]) in 0..1, the most uncertain first; captions: id, what was said, and
    whether that was wrong."""
    columns = min(8, len(images))
    rows = math.ceil(len(images) / columns)
    cell = 1.55
    figure = pyplot.figure(figsize=(max(columns * cell + 0.3, 6.4), rows * (cell + 0.42) + 1.0))
    width, height = figure.get_size_inches()
    style.titled(figure, "Samples that the model is least sure of",
                 f"{len(images)} of {total:,} by entropy, the highest first; wrong ones in orange"
                 if any(wrong for _, _, wrong in captions) else
                 f"{len(images)} of {total:,} by entropy, the highest first")
    for place, (image, (name, told, wrong)) in enumerate(zip(images, captions, strict=True)):
        row, column = divmod(place, columns)
        x = 0.15 + column * cell + 0.06
        y = 0.88 + row * (cell + 0.42)
        axes = figure.add_axes((x / width, 1 - (y + cell - 0.12) / height, (cell - 0.12) / width,
                                (cell - 0.12) / height))
        axes.imshow(image, cmap="gray", vmin=0, vmax=1,
                    interpolation="nearest" if max(image.shape[:2]) <= 64 else "antialiased")
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_visible(True)
            spine.set_color(theme.orange if wrong else theme.line)
            spine.set_linewidth(2.2 if wrong else 1)
        figure.text(x / width, 1 - (y + cell - 0.06) / height, name, fontsize=9.5, va="top",
                    color=theme.soft)
        figure.text(x / width, 1 - (y + cell + 0.1) / height, told, fontsize=9.5, va="top",
                    color=theme.orange if wrong else theme.ink)
    return figure
