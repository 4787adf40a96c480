#!/usr/bin/env python3
"""fod export and fod import against Python's json and orjson, in one run, in turns, the least of
several rounds. Exit 1 under a floor.

    cmake --build build/release --target fod
    FOD_BUILD=build/release python tests/bench/bench_convert.py [--rounds 5] [--folder /dev/shm]

What is compared: all that `fod` does once it has started (reading HDF5, laying out, writing; it starts
in 10 ms) with what a Python program does that has started and has its arrays in memory already, and
so reads no HDF5: `json.dump` of lists into a file;
`orjson.dumps` of arrays (OPT_SERIALIZE_NUMPY, its fastest way) and one `write`. Exact export stands
against float32 rows widened to float64, which gives the same numbers; `--float32` against the same
float32 rows. `fod import` stands against `json.load` and `orjson.loads`, which leave Python objects,
and (the floor) against orjson with what it takes to have the same: `numpy.array`, float32, an HDF5
file.

One core: everything is pinned to one, and seconds are those of the processor (user and system), so
that other programs on the machine do not count. By the clock, whole processes: two threads on two
cores against one on one core (and, without a floor, the same without start and end); and a file against
the formatter alone, which is the same export with one formatting thread into /dev/null (one more
thread reads and writes beside it, on a core that is free). Files are in memory (/dev/shm), where fsync
takes no time: it is outside of all ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
import orjson

FOD = Path(os.environ.get("FOD_BUILD", "build/release")).resolve() / "fod"
SIZES = [(100_000, 10), (20_000, 1000)]
FLOORS = {"exact, times json.dump": 20.0, "exact, times orjson": 1.0,
          "--float32, times orjson": 1.5, "two threads, times one": 1.7,
          "file, of no file": 0.8, "import, times orjson": 2.0}
MEMORY_LIMIT = 256_000_000


def rows_of(samples: int, classes: int) -> np.ndarray:
    logits = np.random.default_rng(1).normal(0, 3, (samples, classes)).astype(np.float32)
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (shifted / shifted.sum(axis=1, keepdims=True)).astype(np.float32)


class Run:
    """One run of `fod`: seconds by the clock and of the processor, and its report."""

    def __init__(self, *arguments: object, core: int | None = None):
        Path(str(arguments[2])).unlink(missing_ok=True)  # what it frees is not its time
        start = time.perf_counter()
        child = subprocess.Popen(
            [str(FOD), *map(str, arguments), "--overwrite", "--json"], stdout=subprocess.PIPE,
            preexec_fn=None if core is None else lambda: os.sched_setaffinity(0, {core}))
        text = child.communicate()[0]
        self.clock = time.perf_counter() - start
        if child.returncode != 0:
            sys.exit(f"fod failed with {child.returncode}")
        self.report = json.loads(text)
        phases = self.report.get("seconds")
        self.processor = (phases["read"] + phases["form"] + phases["write"] if phases
                          else self.report["processor_seconds"])


def seconds_to_nowhere(result: Path) -> float:
    """By the clock, of an export whose text nobody takes."""
    with open(os.devnull, "wb") as nowhere:
        start = time.perf_counter()
        subprocess.run([str(FOD), "export", str(result), "-", "--threads", "1"], stdout=nowhere,
                       check=True)
        return time.perf_counter() - start


def processor_seconds(work) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


class Peers:
    def __init__(self, folder: Path, rows: np.ndarray):
        self.out = folder / "peer.out"
        self.float32 = {str(i): row for i, row in enumerate(rows)}
        self.float64 = {str(i): row for i, row in enumerate(rows.astype(np.float64))}
        self.rows = rows

    def orjson_dump(self, distributions: dict) -> None:
        document = {"meta": {"model_name": "m"}, "distributions": distributions}
        self.out.unlink(missing_ok=True)
        with open(self.out, "wb") as file:
            file.write(orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY))

    def json_dump(self) -> float:
        lists = {key: row.tolist() for key, row in self.float64.items()}
        document = {"meta": {"model_name": "m"}, "distributions": lists}

        def work() -> None:
            with open(self.out, "w", encoding="utf-8") as file:
                json.dump(document, file, ensure_ascii=False)
        return processor_seconds(work)

    def load(self, path: Path, loads, finish: bool) -> None:
        document = loads(path.read_bytes())
        if finish:
            array = np.array(list(document["distributions"].values())).astype(np.float32)
            ids = np.array([int(key) for key in document["distributions"]])
            with h5py.File(self.out, "w") as file:
                file["distributions"], file["sample_ids"] = array, ids


def least(rounds: list[dict[str, float]], key: str) -> float:
    return min(one[key] for one in rounds)


def bench(samples: int, classes: int, folder: Path, rounds: int) -> dict[str, float]:
    rows = rows_of(samples, classes)
    source, result, out = folder / "in.json", folder / "r.h5", folder / "out.json"
    peers = Peers(folder, rows)
    peers.orjson_dump(peers.float64)
    os.rename(peers.out, source)
    Run("import", source, result)
    times: list[dict[str, float]] = []
    for number in range(rounds):
        one: dict[str, float] = {}
        one["exact"] = Run("export", result, out, "--threads", 1, core=0).processor
        one["orjson64"] = processor_seconds(lambda: peers.orjson_dump(peers.float64))
        one["float32"] = Run("export", result, out, "--float32", "--threads", 1,
                             core=0).processor
        one["orjson32"] = processor_seconds(lambda: peers.orjson_dump(peers.float32))
        one["import"] = Run("import", source, folder / "i.h5", "--threads", 1, core=0).processor
        one["loads"] = processor_seconds(lambda: peers.load(source, orjson.loads, False))
        one["loads, array, HDF5"] = processor_seconds(
            lambda: peers.load(source, orjson.loads, True))
        if number == 0:  # slow, and far from its floor
            one["json.dump"] = peers.json_dump()
            one["json.load"] = processor_seconds(lambda: peers.load(source, json.loads, False))
        else:
            one["json.dump"], one["json.load"] = times[0]["json.dump"], times[0]["json.load"]
        single = Run("export", result, out, "--threads", 1, core=1)
        double = Run("export", result, out, "--threads", 2)
        for name, run in (("one", single), ("two", double)):
            one[name], one[name + ", once started"] = run.clock, run.report["seconds"]["clock"]
        one["file"] = Run("export", result, out, "--threads", 1).clock
        one["no file"] = seconds_to_nowhere(result)
        times.append(one)
    t = {key: least(times, key) for key in times[0]}
    print(f"{samples} x {classes}, ns per number: " + ", ".join(
        f"{key} {1e9 * value / rows.size:.1f}" for key, value in t.items()), flush=True)
    return {"exact, times json.dump": t["json.dump"] / t["exact"],
            "exact, times orjson": t["orjson64"] / t["exact"],
            "--float32, times orjson": t["orjson32"] / t["float32"],
            "two threads, times one": t["one"] / t["two"],
            "two threads, times one, once started":
                t["one, once started"] / t["two, once started"],
            "file, of no file": t["no file"] / t["file"],
            "import, times json.load alone": t["json.load"] / t["import"],
            "import, times orjson.loads alone": t["loads"] / t["import"],
            "import, times orjson": t["loads, array, HDF5"] / t["import"]}


# In a small process between: a child's peak starts with what its parent holds.
MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""


def peak_of(*arguments: object) -> int:
    """Peak resident bytes of a run of `fod`."""
    done = subprocess.run([sys.executable, "-c", MEASURE, str(FOD), *map(str, arguments),
                           "--threads", "2", "--overwrite"], check=True, capture_output=True)
    return int(done.stdout)


def bench_memory(folder: Path, samples: int, classes: int) -> int:
    """Peak resident bytes of both ways, whose text is many times the limit or nearly so."""
    source, result = folder / "big.json", folder / "big.h5"
    rows = rows_of(10_000, classes).astype(np.float64)
    with open(source, "wb") as file:
        file.write(b'{"meta": {}, "distributions": {')
        for start in range(0, samples, len(rows)):
            text = orjson.dumps({str(start + i): row for i, row in enumerate(rows)},
                                option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
            file.write((b", " if start else b"") + text)
        file.write(b"}}")
    size = source.stat().st_size
    peaks = [peak_of("import", source, result)]
    peaks += [peak_of("export", result, folder / f"out.{ending}", "--all")
              for ending in ("json", "csv", "npy")]
    print(f"{samples} x {classes} ({size / 1e6:.0f} MB of JSON), peak MB resident: import, export "
          f"to JSON, CSV, npy: {', '.join(f'{peak / 1e6:.0f}' for peak in peaks)}", flush=True)
    return max(peaks)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="the least of so many")
    parser.add_argument("--folder", default="/dev/shm", help="where files are put")
    arguments = parser.parse_args()
    failed: list[str] = []
    for samples, classes in SIZES:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            ratios = bench(samples, classes, Path(folder), arguments.rounds)
        for name, ratio in ratios.items():
            floor = FLOORS.get(name)
            print(f"  {name}: {ratio:.2f}" + (f" (floor {floor})" if floor else ""), flush=True)
            if floor and ratio < floor:
                failed.append(f"{samples} x {classes}: {name}: {ratio:.2f} is under {floor}")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for samples, classes in ((100_000, 10), (1_000_000, 10), (50_000, 1000)):
            peak = bench_memory(Path(folder), samples, classes)
            if peak > MEMORY_LIMIT:
                failed.append(f"{samples} x {classes}: {peak} bytes resident at the peak")
    for line in failed:
        print(line)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
