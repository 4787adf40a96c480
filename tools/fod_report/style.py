"""How pictures look: colours that colour-blind readers tell apart, in light and in dark."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402
from matplotlib.colors import LinearSegmentedColormap  # noqa: E402

# Okabe and Ito (2008), "Color universal design", without black; yellow last, since it is faint.
HUES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8F7A4A", "#F0E442")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


@dataclass(frozen=True)
class Theme:
    name: str
    paper: str
    ink: str
    soft: str  # secondary text
    line: str
    quiet: str  # what is in no group
    blue: str
    orange: str

    @property
    def diverging(self) -> LinearSegmentedColormap:
        """Blue for -1, orange for 1; the middle is the paper, so that nothing looks like nothing."""
        low = ["#08306B", "#2171B5", "#9CC4E4"] if self.name == "light" else [
            "#9CCBFF", "#4A90D9", "#1D3E63"]
        high = ["#FBC58B", "#E0701A", "#7F2704"] if self.name == "light" else [
            "#6B3A12", "#E08A35", "#FFD3A1"]
        middle = "#FAFAF8" if self.name == "light" else "#14171D"
        colors = [low[0], low[1], low[2], middle, high[0], high[1], high[2]]
        map_ = LinearSegmentedColormap.from_list("fod_diverging", colors, 512)
        map_.set_bad(self.line)
        return map_


THEMES = {
    "light": Theme("light", "#FFFFFF", "#1B1F24", "#5B6570", "#DDE1E6", "#B4BBC3", "#0072B2",
                   "#D55E00"),
    "dark": Theme("dark", "#14171D", "#E8EAED", "#9AA4B0", "#2E353E", "#59636E", "#56B4E9",
                  "#F08A3C"),
}


def use(theme: Theme, dpi: int = 150) -> None:
    """For the figures that are made from now on."""
    matplotlib.rcdefaults()
    pyplot.rcParams.update({
        "figure.facecolor": theme.paper, "axes.facecolor": theme.paper,
        "savefig.facecolor": theme.paper, "text.color": theme.ink, "axes.labelcolor": theme.soft,
        "axes.edgecolor": theme.line, "xtick.color": theme.soft, "ytick.color": theme.soft,
        "axes.titlecolor": theme.ink, "grid.color": theme.line, "grid.linewidth": 0.8,
        "font.family": "DejaVu Sans", "font.size": 10, "axes.titlesize": 11,
        "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.titlepad": 10,
        "axes.labelsize": 10, "xtick.labelsize": 9, "ytick.labelsize": 9, "legend.fontsize": 9,
        "legend.frameon": False, "axes.spines.top": False, "axes.spines.right": False,
        "axes.axisbelow": True, "xtick.major.size": 3, "ytick.major.size": 3,
        "figure.dpi": 100, "savefig.dpi": dpi, "text.parse_math": False,
    })


def hue(place: int, theme: Theme) -> str:
    """Of a group, by its place in the layer; of what is in none."""
    return theme.quiet if place < 0 else HUES[place % len(HUES)]


def marker(place: int) -> str:
    """Another shape each time the hues are through."""
    return "o" if place < 0 else MARKERS[(place // len(HUES)) % len(MARKERS)]


def titled(figure, title: str, subtitle: str = "") -> None:
    """Title and a quieter line below it, flush left; room is left by `top_of`."""
    height = figure.get_figheight()
    figure.text(0.02, 1 - 0.16 / height, title, fontsize=14, fontweight="bold", va="top")
    if subtitle:
        figure.text(0.02, 1 - 0.48 / height, subtitle, fontsize=9.5, va="top",
                    color=matplotlib.rcParams["axes.labelcolor"])


def top_of(figure, inches: float = 1.1) -> float:
    """Where axes may begin, as a share of the figure's height."""
    return 1 - inches / figure.get_figheight()
