"""Runs fod-generate for the benchmark of the whole job, and what it is compared with."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py

import job_models
import job_peers

BUILD = Path(os.environ.get("FOD_BUILD", "build/release")).resolve()
MPIRUN = ["mpirun", "--oversubscribe", "--bind-to", "none"]
ENVIRONMENT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
LOADERS = ["0", "2", "slices"]
LONGEST_JSON = 5_000_000  # numbers: json.dump takes 700 ns for each


@dataclass
class Job:
    """What one run of fod-generate took, in seconds, and what it recorded."""

    wall: float
    seconds: dict[str, float]
    peak: int
    bytes: int
    provenance: dict[str, Any]

    @property
    def loop(self) -> float:
        return self.seconds["loop"]

    @property
    def job(self) -> float:
        """From the first batch to the final name."""
        return self.loop + self.seconds["finish"]

    def spread(self) -> str:
        """Slowest rank over fastest, if that is on record."""
        for key, value in self.provenance.items():
            values = json.loads(value) if isinstance(value, str) and value[:1] == "[" else value
            if "rank" in key and isinstance(values, list) and len(values) > 1 and all(
                    isinstance(v, float) and v > 0 for v in values):
                return f"{key}: slowest over fastest {max(values) / min(values):.2f}"
        return "times of single ranks are not on record"


@dataclass
class Times:
    """The least of each of several measurements."""

    least: dict[str, float] = field(default_factory=dict)

    def add(self, measured: dict[str, float]) -> None:
        for name, seconds in measured.items():
            self.least[name] = min(seconds, self.least.get(name, seconds))

    def __getitem__(self, name: str) -> float:
        return self.least[name]

    def __contains__(self, name: str) -> bool:
        return name in self.least


@dataclass(frozen=True)
class Setting:
    """A case on so many ranks."""

    case: str
    samples: int
    ranks: int = 1
    threads: int = 1


class Runner:
    def __init__(self, folder: Path, device: str) -> None:
        self.folder = folder
        self.device = device
        self.environment = {**os.environ, **ENVIRONMENT}

    def inputs(self, of: Setting) -> dict[str, Any]:
        """Model, data and batch size, as peers take them."""
        case = job_models.CASES[of.case]
        return {"model": str(job_models.make_model(of.case, self.folder)),
                "data": str(job_models.make_data(of.case, of.samples, self.folder)),
                "batch": case.batch_size(self.device), "device": self.device,
                "threads": of.threads, "ranks": of.ranks}

    def command(self, of: Setting, *flags: object, out: Path | None = None) -> list[str]:
        inputs = self.inputs(of)
        program = [str(BUILD / "fod-generate"), "--model", inputs["model"], "--data",
                   inputs["data"], "--threads", of.threads, "--batch-size", inputs["batch"],
                   "--device", self.device, "--no-progress", *flags]
        if out is not None:
            program += ["--overwrite", "--out", out]
        launcher = [*MPIRUN, "-n", of.ranks] if of.ranks > 1 else []
        return [str(word) for word in (*launcher, *program)]

    def fod(self, of: Setting, *flags: object, **variables: str) -> Job:
        out = self.folder / "result.h5"
        command = self.command(of, *flags, out=out)
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True,
                              env={**self.environment, **variables})
        wall = time.perf_counter() - start
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
        with h5py.File(out) as file:
            group = file["provenance"]
            provenance = {key: getattr(value, "tolist", lambda v=value: v)()
                          for key, value in group.attrs.items()}
            provenance |= {key: value[()].tolist() for key, value in group.items()
                           if value.dtype.kind in "if"}
            size = sum(file[path].nbytes for path in ("distributions", "sample_ids", "row_status"))
            size += sum(values.nbytes for values in file["uncertainty"].values())
        seconds = {key.removeprefix("seconds_"): float(value)
                   for key, value in provenance.items() if key.startswith("seconds_")}
        finish = re.search(r"proof and finish ([0-9.]+) s", done.stdout)
        seconds.setdefault("finish", float(finish.group(1)) if finish else 0.0)
        out.unlink()
        return Job(wall, seconds, int(provenance["peak_anonymous_bytes"]), size, provenance)

    def clocked(self, of: Setting, *flags: object) -> tuple[Job, dict[str, float]]:
        """A run, and seconds of its slowest rank inside of the calls that write and sync rows."""
        library, log = self.folder / "write_clock.so", self.folder / "write_clock"
        if not library.exists():
            source = Path(__file__).with_name("write_clock.c")
            subprocess.run(["cc", "-shared", "-fPIC", "-O2", str(source), "-o", str(library),
                            "-ldl", "-lpthread"], check=True)
        job = self.fod(of, *flags, LD_PRELOAD=str(library), WRITE_CLOCK=str(log))
        lines = [[float(word) for word in line.split()] for line in log.read_text().splitlines()]
        log.unlink()
        _, written, synced = max((line for line in lines if line[0] > job.bytes / 2 / of.ranks),
                                 key=lambda line: line[1] + line[2])
        return job, {"in write": written, "in fsync": synced, "in both": written + synced}

    def peer(self, of: Setting, loaders: list[str], with_json: bool = False) -> dict[str, float]:
        """Forward alone, reader alone, and the job in Python by each loader."""
        options = {**self.inputs(of), "settings": loaders, "out": str(self.folder / "peer"),
                   "gather": str(self.folder / "part"), "json": with_json}
        waits = 1 + len(loaders) * (2 if of.ranks > 1 else 1)
        measured = job_peers.slowest("peer", options, waits)
        for left in [*self.folder.glob("peer.*"), *self.folder.glob("part-*")]:
            left.unlink()
        return measured

    def limits(self, of: Setting) -> dict[str, float]:
        return job_peers.slowest("limits", self.inputs(of))

    def raw(self, size: int, ranks: int) -> dict[str, float]:
        out = self.folder / "raw"
        measured = job_peers.slowest("raw", {"bytes": size, "ranks": ranks, "out": str(out)})
        out.unlink(missing_ok=True)
        return measured

    def load(self, of: Setting) -> dict[str, float]:
        return job_peers.slowest("load", self.inputs(of))

    def until_plan(self, of: Setting) -> float:
        """Seconds from exec until --dry-run prints the plan: models are loaded and probed then."""
        start = time.perf_counter()
        command = self.command(of, "--dry-run", out=self.folder / "dry.h5")
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=self.environment) as process:
            process.stdout.read(1)
            seconds = time.perf_counter() - start
            process.stdout.read()
        if process.returncode != 0:
            raise RuntimeError("--dry-run failed")
        return seconds

    def launch(self, ranks: int) -> float:
        """Of mpirun alone."""
        if ranks == 1:
            return 0.0
        start = time.perf_counter()
        subprocess.run([*MPIRUN, "-n", str(ranks), "true"], check=True, env=self.environment)
        return time.perf_counter() - start


def file_system(folder: Path) -> str:
    """Its type, as `stat -f` names it."""
    done = subprocess.run(["stat", "-f", "-c", "%T", str(folder)], capture_output=True, text=True)
    return done.stdout.strip() or "unknown"
