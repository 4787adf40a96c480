"""The table of the benchmark of the whole job, printed row by row."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from job_run import Setting, Times


@dataclass
class Floor:
    """A ratio, and what it has to reach; None: nothing."""

    what: str
    value: float
    floor: float | None
    at_most: bool

    @property
    def missed(self) -> bool:
        if self.floor is None:
            return False
        return self.value > self.floor if self.at_most else self.value < self.floor

    def __str__(self) -> str:
        text = f"{self.value:.2f} {self.what}"
        if self.floor is None:
            return text
        bound = f"at {'most' if self.at_most else 'least'} {self.floor:g}"
        return f"{text}: MISSED ({bound})" if self.missed else f"{text} ({bound})"


@dataclass
class Row:
    name: str
    setting: Setting
    seconds: dict[str, float]
    floors: list[Floor] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def hold(self, what: str, value: float, floor: float | None, at_most: bool = False) -> None:
        """Notes a ratio with its floor, and prints it."""
        self.floors.append(Floor(what, value, floor, at_most))
        print(f"    {self.floors[-1]}", flush=True)

    def note(self, *texts: str) -> None:
        self.notes += texts
        for text in texts:
            print(f"    {text}", flush=True)


class Report:
    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.skipped: dict[str, str] = {}

    def row(self, name: str, of: Setting, times: Times, best: str = "") -> Row:
        """Begins a row with all that was measured."""
        self.rows.append(Row(name, of, dict(times.least)))
        case = "" if of.case == name else f" {of.case},"
        ranks = f"{of.ranks} rank{'s' if of.ranks > 1 else ''} x {of.threads}"
        loaders = {"0": "Python, no workers", "2": "Python, 2 workers", "slices": "Python, slices"}
        figures = ", ".join(f"{loaders.get(key, key)}{'*' if key == best else ''} {value:.3f}"
                            for key, value in times.least.items())
        print(f"{name}:{case} {of.samples:,} samples, {ranks}"
              f"{'; seconds: ' if figures else ''}{figures}", flush=True)
        return self.rows[-1]

    def skip(self, name: str, why: str) -> None:
        self.skipped[name] = why
        print(f"{name}: left out ({why})", flush=True)

    def missed(self) -> list[Floor]:
        return [floor for row in self.rows for floor in row.floors if floor.missed]

    def as_json(self) -> list[dict[str, Any]]:
        return [{**asdict(row), "missed": [floor.what for floor in row.floors if floor.missed]}
                for row in self.rows]
