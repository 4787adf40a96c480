"""File names: this tool's, or with --pytorch-names the older one's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Names:
    pytorch: bool

    @property
    def _prefix(self) -> str:
        return "pytorch_" if self.pytorch else ""

    def heatmap(self, slug: str) -> str:
        return f"{self._prefix}groups_heatmap_{slug}.png"

    def scatter(self, slug: str) -> str:
        return f"{self._prefix}groups_scatter_{slug}.png"

    @property
    def all_layers(self) -> str:
        return f"{self._prefix}all_layers_heatmap.png"

    @property
    def dashboard(self) -> str:
        return "pytorch_interactive_dashboard.html" if self.pytorch else "dashboard.html"

    def report(self, ending: str) -> str:
        return f"{self._prefix}neuron_group_analysis_report.{ending}"
