#!/usr/bin/env python3
"""Moments on the CPU. Per block of 4,096 samples, centring and integers included: how many times as
fast as LibTorch's X^T X in float32, which is the least of what would be needed (floors: 1.35 at
1,024 neurons, 1.5 at 4,096). End to end: 20,000 samples of 4,096 neurons to correlations, against
gathering the batches and numpy.corrcoef (floor: 1), whose result ours is held to. Exit 1 under a
floor.

    cmake --build build/release --target bench_moments
    FOD_BUILD=build/release python tests/bench/bench_moments.py [--rounds 7] [--threads 1 2]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

FLOORS = {1024: 1.35, 4096: 1.5}
BLOCK = 4096
SAMPLES, NEURONS, BATCH = 20_000, 4096, 64
PROGRAM = Path(os.environ.get("FOD_BUILD", "build/release")) / "bench_moments"
GATHER = """
import sys, time
import numpy as np
x = np.fromfile(sys.argv[1], np.float32).reshape(-1, int(sys.argv[2]))
batches = [np.array(x[k:k + int(sys.argv[3])]) for k in range(0, len(x), int(sys.argv[3]))]
start = time.perf_counter()
r = np.corrcoef(np.concatenate(batches), rowvar=False)
print(time.perf_counter() - start)
r.tofile(sys.argv[4])
"""


def ours(*arguments: object) -> dict[str, list[float]]:
    done = subprocess.run([str(PROGRAM), *map(str, arguments)], check=True, capture_output=True)
    return json.loads(done.stdout)


def bench_block(neurons: int, rows: int, threads: int, rounds: int) -> float:
    times = ours("block", neurons, rows, threads, rounds)
    mine, theirs = min(times["ours"]), min(times["torch"])
    print(f"block of {rows} x {neurons}, {threads} threads: {1000 * mine:.1f} ms, LibTorch "
          f"{1000 * theirs:.1f} ms, {theirs / mine:.2f} times as fast", flush=True)
    return theirs / mine


def correlated(path: Path) -> None:
    generator = np.random.default_rng(1)
    factors = generator.standard_normal((SAMPLES, 20), np.float32)
    x = factors @ generator.standard_normal((20, NEURONS), np.float32)
    x += 4 * generator.standard_normal((SAMPLES, NEURONS), np.float32)
    (x * np.float32(0.3) + np.linspace(-50, 50, NEURONS, dtype=np.float32)).tofile(path)


def bench_job(folder: Path, threads: int, rounds: int) -> float:
    data, mine, theirs = folder / "x.f32", folder / "ours.f64", folder / "numpy.f64"
    correlated(data)
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": str(threads),
                   "MKL_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
    seconds: list[tuple[float, float]] = []
    for _ in range(rounds):
        own = ours("file", data, SAMPLES, NEURONS, BATCH, threads, 1, mine)["ours"][0]
        gathered = subprocess.run(
            [sys.executable, "-c", GATHER, str(data), str(NEURONS), str(BATCH), str(theirs)],
            check=True, capture_output=True, env=environment)
        seconds.append((own, float(gathered.stdout)))
    error = np.abs(np.fromfile(mine) - np.fromfile(theirs)).max()
    own, other = (min(times) for times in zip(*seconds))
    print(f"{SAMPLES} x {NEURONS} to correlations, {threads} threads: {own:.2f} s, gathering and "
          f"numpy.corrcoef {other:.2f} s, {other / own:.2f} times as fast; largest difference "
          f"{error:.1e}", flush=True)
    return other / own if error < 1e-6 else 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="the least of so many counts")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--skip-job", action="store_true", help="leave out the end-to-end part")
    arguments = parser.parse_args()
    failed: list[str] = []

    def hold(name: str, ratio: float, floor: float) -> None:
        if ratio < floor:
            failed.append(f"{name}: {ratio:.2f} is under {floor}")

    for threads in arguments.threads:
        for neurons, floor in FLOORS.items():
            # Short ones more often: on a busy machine few of them run undisturbed.
            rounds = arguments.rounds * 4096 // neurons
            ratio = bench_block(neurons, BLOCK, threads, rounds)
            hold(f"{neurons} neurons, {threads} threads", ratio, floor)
        bench_block(4096, BATCH, threads, arguments.rounds)  # no floor: for information
    if not arguments.skip_job:
        with tempfile.TemporaryDirectory() as folder:
            threads = max(arguments.threads)
            ratio = bench_job(Path(folder), threads, min(arguments.rounds, 5))
            hold("end to end", ratio, 1.0)
    for line in failed:
        print(line)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
