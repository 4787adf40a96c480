#!/usr/bin/env python3
"""The whole job against what limits it, in one run on this machine: the model's forward alone
(torch.jit, inference_mode, the same threads and batches, inputs in memory), the reader alone
(memory-mapped .npy to contiguous batches), raw pwrite, torch.jit.load, and the same job written in
Python (DataLoader, softmax, gather, h5py, json; the best of its settings).

    FOD_BUILD=build/release python tests/bench/bench_job.py [--quick] [--only mlp,write] [--json F]
    python tests/bench/bench_job.py --device cuda

fod's time is its loop's: reading, forward, softmax, entropy, checksums, writing, fsync of rows and
marks, reading all of it back; against Python, with the finish (metadata, fsync, rename) on top.
Python neither syncs nor reads back. Every figure is the least of --repeat measurements, taken in
turns. Exit 1 under a floor, which is printed as MISSED.

rows     mlp cnn resnet18 resnet50 transformer k1000 k50000   a model on one rank
         json            K = 10 with the JSON form at the end, against json.dump
         taps            five layers of a ResNet-50 watched, against none
         write           a model that costs nothing and 1,000 classes, against raw pwrite and fsync
         weak strong     one and two ranks of one thread (on a GPU: two GPUs)
         start probe     exec to first batch over torch.jit.load and the probe's passes; block 0 over
                         forwards of it
         memory          peak anonymous memory of a rank at N and 10 N samples
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable

import torch

import job_models
from job_run import LOADERS, LONGEST_JSON, Runner, Setting, Times, file_system
from job_table import Report

MODELS = ["mlp", "cnn", "resnet18", "resnet50", "transformer", "k1000", "k50000"]
ALLOWED = 0.85             # of what limits the job, in every row
OF_LIMIT = {"resnet50": 0.95}
WEAK = 0.95
PEER = 1.0                 # times as fast as the best of Python's settings
TAPS = 1.15                # times as long
RAW = 0.9
START = 0.5                # seconds a rank
MEMORY = 1.05


class Bench:
    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        self.quick: bool = arguments.quick
        self.device: str = arguments.device
        self.repeat: int = arguments.repeat or (2 if self.quick else 3)
        self.threads = arguments.threads or len(os.sched_getaffinity(0))
        self.run = Runner(folder, self.device)
        self.report = Report()
        self.repeated: dict[str, float] = {}

    def samples(self, case: str) -> int:
        kind = "cuda" if self.device == "cuda" else "quick" if self.quick else "cpu"
        few = 10 if self.quick and kind == "cuda" else 1
        return job_models.CASES[case].samples[kind] // few

    def setting(self, case: str, ranks: int = 1, threads: int = 0, times: int = 1) -> Setting:
        return Setting(case, self.samples(case) * times, ranks, threads or self.threads)

    def model(self, case: str) -> None:
        of = self.setting(case)
        times, notes = Times(), []
        loaders = LOADERS
        for _ in range(self.repeat):
            job = self.run.fod(of)
            times.add({"loop": job.loop, "job": job.job})
            times.add(self.run.peer(of, loaders))
            loaders = [min(LOADERS, key=times.least.__getitem__)]
        best = loaders[0]
        limit = max(times["forward"], times["reader"])
        usual = min(times["0"], times["2"])
        row = self.report.row(case, of, times, best)
        over = 1e9 * (times["loop"] - times["forward"])
        notes.append(f"{over / of.samples:,.0f} ns per sample and {over * 4 / job.bytes:.2f} ns "
                     f"per number over the forward alone; {job.bytes / 1e6:,.0f} MB of result")
        notes.append(f"a DataLoader over samples takes {usual / times['job']:.2f} times as long as "
                     f"fod ({usual / limit:.2f} times the limit)")
        row.hold("of the limit (forward or reader)", limit / times["loop"],
                 max(ALLOWED, OF_LIMIT.get(case, 0.0)))
        row.hold(f"times as fast as Python ({best})", times[best] / times["job"], PEER)
        row.note(*notes)

    def json(self) -> None:
        few = min(self.samples("mlp"), LONGEST_JSON // 100)
        of = Setting("mlp", few, 1, self.threads)
        times = Times()
        for _ in range(self.repeat):
            flags = ("--json", self.run.folder / "result.json")
            times.add({"fod": self.run.fod(of, *flags).job})
            measured = self.run.peer(of, ["slices"], with_json=True)
            times.add({"python": measured["slices"] + measured["json"]})
        row = self.report.row("json", of, times)
        row.hold("times as fast as Python (slices, json.dump)",
                 times["python"] / times["fod"], PEER)
        (self.run.folder / "result.json").unlink()

    def taps(self) -> None:
        of = self.setting("resnet50")
        times = Times()
        for _ in range(self.repeat):
            times.add({"without": self.run.fod(of).loop})
            job = self.run.fod(of, "--layers", job_models.TAPS)
            times.add({"with": job.loop, "groups": job.seconds.get("groups", 0.0)})
        row = self.report.row("taps", of, times)
        row.hold(f"times as long with {job_models.TAPS}", times["with"] / times["without"], TAPS,
                 at_most=True)
        row.note(f"groups of neurons found in {times['groups']:.2f} s after the loop, not counted")

    def write(self) -> None:
        most = 1 if self.device == "cuda" else 2
        for ranks in range(1, most + 1):
            of = self.setting("write", ranks, 1)
            times = Times()
            for _ in range(max(3, self.repeat)):
                job, calls = self.run.clocked(of)
                times.add({"loop": job.loop, **calls})
                written = self.run.raw(job.bytes, ranks)
                times.add({**written, "raw": written["write"] + written["fsync"]})
                times.add({"reader": self.run.limits(of)["reader"]})
            row = self.report.row("write", of, times)
            row.hold("of raw pwrite and fsync, inside of fod's calls",
                     times["raw"] / times["in both"], RAW)
            row.hold("of raw pwrite and fsync, the whole loop", times["raw"] / times["loop"], None)
            row.note(f"{job.bytes / 1e6:,.0f} MB: fod {job.bytes / times['loop'] / 1e6:,.0f} MB/s "
                     f"with reading the inputs ({times['reader']:.2f} s alone) and reading back, "
                     f"raw {job.bytes / times['raw'] / 1e6:,.0f} MB/s, of which fsync "
                     f"{times['fsync']:.2f} of {times['raw']:.2f} s")

    def scaling(self, weak: bool) -> None:
        if self.device == "cuda" and torch.cuda.device_count() < 2:
            self.report.skip("weak" if weak else "strong", "two ranks need two GPUs")
            return
        for case in ("cnn", "resnet18"):
            one = self.setting(case, 1, 1)
            two = self.setting(case, 2, 1, times=2 if weak else 1)
            times = Times()
            spread = ""
            for _ in range(self.repeat):
                for key, of in (("1", one), ("2", two)):
                    job = self.run.fod(of)
                    times.add({f"fod {key}": job.loop, f"job {key}": job.job})
                    times.add({f"forward {key}": self.run.limits(of)["forward"]})
                spread = job.spread()
                measured = self.run.peer(two, ["slices"])
                times.add({"python 2": measured["slices"]})
            share = 1 if weak else 2
            own = times["forward 1"] / times["forward 2"] / share
            row = self.report.row("weak" if weak else "strong", two, times)
            row.hold("efficiency of two ranks", times["fod 1"] / times["fod 2"] / share,
                     WEAK if weak else None)
            row.hold("times as fast as two Python processes (slices)",
                     times["python 2"] / times["job 2"], PEER)
            row.note(f"two forwards alone, side by side, have {own:.2f} on this machine; {spread}")

    def start(self) -> None:
        case = "start"
        job_models.CASES[case] = job_models.Case(
            job_models.CASES["resnet50"].make, (3, 32, 32), "uint8",
            job_models.sizes(4, 4, 4), {"cpu": 1, "cuda": 1})
        for ranks in (1,) if self.device == "cuda" else (1, 2):
            of = Setting(case, 4, ranks, 1)
            times = Times()
            for _ in range(max(5, self.repeat)):
                measured = self.run.load(of)
                times.add({"exec to plan": self.run.until_plan(of), "mpirun": self.run.launch(ranks),
                           **measured})
            over = times["exec to plan"] - times["load"] - times["probe"] - times["mpirun"]
            row = self.report.row("start", of, times)
            row.hold("seconds over torch.jit.load, the probe's passes"
                     + (" and mpirun" if ranks > 1 else ""), over, START, at_most=True)
            row.note("ResNet-50-shaped on one sample of 32 x 32 at a time; the probe's passes, with "
                     "TorchScript's profiling and optimising, as Python measures them")

    def probe(self) -> None:
        for case in ("mlp", "resnet18"):
            whole = self.setting(case)
            batch = job_models.CASES[case].batch_size(self.device)
            least = Setting(case, batch, 1, self.threads)
            block = min(4096, max(batch, -(-whole.samples // 256) // batch * batch))
            times = Times()
            for _ in range(self.repeat):
                times.add({"plan": self.run.until_plan(whole),
                           "plan of a batch": self.run.until_plan(least),
                           "forward": self.run.limits(Setting(case, block, 1, self.threads))
                           ["forward"]})
            row = self.report.row("probe", whole, times)
            more = times["plan"] - times["plan of a batch"]
            row.note(f"block 0 has {block} samples in {-(-block // batch)} batches: probing it "
                     f"takes {max(0.0, more):.3f} s more than one batch, a forward of it "
                     f"{times['forward']:.3f} s")

    def memory(self) -> None:
        peaks = []
        for times in (1, 10):
            of = Setting("mlp", self.samples("mlp") // 10 * times, 2 if self.device == "cpu" else 1,
                         1)
            peaks.append(self.run.fod(of).peak)
        row = self.report.row("memory", of, Times())
        row.hold("of the peak at a tenth of the samples", peaks[1] / peaks[0], MEMORY, at_most=True)
        row.note(f"peak anonymous memory of a rank: {peaks[0] / 1e6:.1f} and "
                 f"{peaks[1] / 1e6:.1f} MB")

    def rows(self) -> dict[str, Callable[[], None]]:
        models = {case: lambda case=case: self.model(case) for case in MODELS}
        return {**models, "json": self.json, "taps": self.taps, "write": self.write,
                "weak": lambda: self.scaling(True), "strong": lambda: self.scaling(False),
                "start": self.start, "probe": self.probe, "memory": self.memory}


def about(bench: Bench) -> dict[str, Any]:
    where = file_system(bench.run.folder)
    device = torch.cuda.get_device_name(0) if bench.device == "cuda" else "CPU"
    return {"cores": len(os.sched_getaffinity(0)), "load": round(os.getloadavg()[0], 1),
            "device": device, "threads": bench.threads, "torch": torch.__version__,
            "files": f"{bench.run.folder} ({where})", "repeat": bench.repeat,
            "quick": bench.quick}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="rows, separated by commas")
    parser.add_argument("--quick", action="store_true", help="fewer samples; two of each")
    parser.add_argument("--repeat", type=int, help="the least of so many counts (3)")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, help="of one rank (all cores)")
    parser.add_argument("--folder", type=Path, help="where files lie; TMPDIR by default")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench_job_", dir=arguments.folder))
    try:
        bench = Bench(arguments, folder)
        rows = bench.rows()
        chosen = arguments.only.split(",") if arguments.only else list(rows)
        if unknown := [name for name in chosen if name not in rows]:
            parser.error(f"no row {', '.join(unknown)}; there are {', '.join(rows)}")
        told = about(bench)
        print(", ".join(f"{key} {value}" for key, value in told.items()), flush=True)
        start = time.perf_counter()
        for name in chosen:
            rows[name]()
            if name in job_models.CASES:  # millions of rows take room
                for left in folder.glob("*.npy"):
                    left.unlink()
        print(f"{time.perf_counter() - start:.0f} s in all")
        if arguments.json:
            arguments.json.write_text(json.dumps({**told, "rows": bench.report.as_json()}, indent=1))
        return 1 if bench.report.missed() else 0
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
