#!/usr/bin/env python3
"""How fod-generate scales: a model whose constants are measured here on 1 and 2 ranks, checked on 8
and 32 (which share this machine's cores), and then applied to thousands of ranks.

    FOD_BUILD=build/release python tests/bench/scale.py [--quick] [--json F]
        [--rate 2500] [--classes 1000] [--model-mb 100] [--neurons 2048,1024] [--storage 100]

The stand-in for a network is tests/plugins/slow_model.c, which naps. Of N samples in B-sized batches
and b-sized blocks (b <= 4,096) on P ranks, each of r = ceil(N/b/P) blocks, S bytes of model, n
neurons in a layer; q = max(1, ranks per core), 1 where each rank has a core; L = ceil(log2 P):

    launch  = exec + mpirun + (q - 1) cpu_launch    programs and libraries start, MPI, the end
    start   = open + agree L + S (load + bcast) + (q - 1) cpu_start     data, model, what ranks agree
    probe   = b / rate                              each rank runs block 0
    create  = block_new N/b                         rank 0 makes the file and its ledger
    loop    = r (b/rate + (block + batch b/B + row b) q) + close + settle L
                                                    the last: collective close, proof, sums
    rank 0  = message P (1/max(0.1, P/1000) + 1/5)  its share of the time, for reports and beats
    reduce  = sum over layers of 16 n^2 reduce + meet L    products of even and of odd blocks
    finish  = last + last_agree L                   rank 0 writes metadata, syncs, renames

`cpu_` is processor time of a rank, of its start by byte of the model. What writing costs on shared
storage cannot be measured here: bytes / --storage (GB/s) is printed as a phase of its own, once for
writing and once for the proof, which reads everything back. Launching thousands of processes is the
launcher's: `launch` holds for one node. Other work on this machine spoils the check: ranks that
share cores need all of them.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import nn

from job_run import BUILD, ENVIRONMENT, MPIRUN

BLOCK, BLOCKS, BATCH, NAP = 4096, 256, 16, 0.02
CORES = len(os.sched_getaffinity(0))
OFF = 1.5  # a prediction may be off by this factor, or by what follows
SECONDS = 0.5
ROW = 21   # bytes of a row beside its distribution


@dataclass
class Run:
    """Seconds of a run, by stage; `cpu` is of one rank."""

    launch: float
    start: float
    loop: float
    finish: float
    cpu: float


class Heavy(nn.Module):
    """Parameters that cost nothing but their bytes."""

    def __init__(self, megabytes: int) -> None:
        super().__init__()
        self.big = nn.Parameter(torch.zeros(megabytes * 250_000))
        self.head = nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(x)


class Bench:
    def __init__(self, folder: Path, rounds: int) -> None:
        self.folder = folder
        self.rounds = rounds

    def data(self, samples: int, value: float) -> Path:
        """Rows whose first value makes the stand-in nap (from 16 on) or not."""
        path = self.folder / f"x{samples}-{value:g}.npy"
        if not path.exists():
            rows = np.lib.format.open_memmap(path, "w+", np.float32, (samples, 2))
            rows[:, 0] = value
            rows.flush()
        return path

    def heavy(self, megabytes: int) -> str:
        path = self.folder / f"m{megabytes}.pt"
        if not path.exists():
            torch.jit.script(Heavy(megabytes).eval()).save(str(path))
        return str(path)

    def once(self, ranks: int, samples: int, batch: int, nap: float, model: str) -> Run:
        if not model:
            library = BUILD / "tests" / "plugins" / "libfod_slow_model.so"
            model = f"plugin:{library}?{self.folder},{1000 * nap:.0f},none,-1"
        out = self.folder / "r.h5"
        launcher = [*MPIRUN, "-n", str(ranks)] if ranks > 1 else []
        command = [*launcher, str(BUILD / "fod-generate"), "--model", model, "--data",
                   str(self.data(samples, 100 if nap > 0 else 0)), "--batch-size", str(batch),
                   "--threads", "1", "--device", "cpu", "--output-mode", "logits", "--no-progress",
                   "--overwrite", "--out", str(out)]
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True,
                              env={**os.environ, **ENVIRONMENT})
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
        with h5py.File(out) as file:
            told = file["provenance"].attrs
            first, loop = float(told["seconds_start"]), float(told["seconds_loop"])
        finish = float(re.search(r"proof and finish ([0-9.]+) s", done.stdout).group(1))
        cpu = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / ranks
        return Run(wall - first - loop - finish, first, loop, finish, cpu)

    def run(self, ranks: int, samples: int, batch: int, nap: float = 0, model: str = "") -> Run:
        """The least of some rounds, stage by stage."""
        all_runs = [self.once(ranks, samples, batch, nap, model) for _ in range(self.rounds)]
        return Run(*(min(getattr(one, name) for one in all_runs)
                     for name in Run.__dataclass_fields__))

    def mpi(self, ranks: int) -> dict[str, float]:
        program = self.folder / "mpi_costs"
        if not program.exists():
            subprocess.run(["mpicc", "-O2", "-std=c11", "-D_GNU_SOURCE",
                            str(Path(__file__).with_name("mpi_costs.c")), "-o", str(program)],
                           check=True)
        done = subprocess.run([*MPIRUN, "-n", str(ranks), str(program)], check=True, text=True,
                              capture_output=True, env={**os.environ, **ENVIRONMENT})
        return {name: float(value) for name, value in map(str.split, done.stdout.splitlines())}


def block_of(samples: int, batch: int) -> int:
    """Samples of a block, as fod cuts them."""
    share = -(-samples // BLOCKS)
    return max(1, min(BLOCK, share) // batch) * batch


def fit(bench: Bench, quick: bool) -> dict[str, float]:
    """The constants, from 1 and 2 ranks."""
    one, two = bench.run(1, BATCH, BATCH), bench.run(2, BATCH, BATCH)
    c = {"exec": one.launch, "mpirun": max(0.0, two.launch - one.launch),
         "open": one.start, "agree": max(0.0, two.start - one.start),
         "close": one.loop, "settle": max(0.0, two.loop - one.loop),
         "last": one.finish, "last_agree": max(0.0, two.finish - one.finish),
         "cpu_launch": two.cpu}
    # Many rows, many batches, many blocks: what each of them costs.
    many = 400_000 if quick else 4_000_000
    shapes = [(4096, 1), (many // 64, 1), (many, 64), (many, 1024), (many // 4, 256)]
    runs = [(samples, batch, bench.run(1, samples, batch)) for samples, batch in shapes]
    counts = np.array([[-(-s // block_of(s, b)), -(-s // b), s] for s, b, _ in runs], float)
    seconds = np.array([max(0.0, run.loop - one.loop) for _, _, run in runs])
    weights = 1 / (0.02 + seconds)  # relative errors count
    found = nonnegative(counts * weights[:, None], seconds * weights)
    c |= dict(zip(("block", "batch", "row"), found))
    big = runs[2]
    c["block_new"] = max(0.0, big[2].start - one.start) / -(-big[0] // block_of(big[0], big[1]))
    megabytes = 50 if quick else 200
    light = bench.run(1, BATCH, BATCH, model=bench.heavy(1))
    heavy = bench.run(1, BATCH, BATCH, model=bench.heavy(megabytes))
    both = bench.run(2, BATCH, BATCH, model=bench.heavy(megabytes))
    bytes_more = (megabytes - 1) * 1e6
    c["load"] = max(0.0, heavy.start - light.start) / bytes_more
    c["bcast"] = max(0.0, both.start - heavy.start - c["agree"]) / bytes_more
    c["cpu_start"] = max(0.0, heavy.cpu - light.cpu) / bytes_more  # for each byte
    c |= bench.mpi(2)
    return c


def nonnegative(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Least squares with no coefficient below zero, by leaving out those that would be."""
    use = list(range(a.shape[1]))
    while True:
        found = np.linalg.lstsq(a[:, use], b, rcond=None)[0]
        if (found >= 0).all():
            break
        use.pop(int(found.argmin()))
    full = np.zeros(a.shape[1])
    full[use] = found
    return full


def phases(c: dict[str, float], ranks: int, samples: int, batch: int, rate: float,
           cores: float = math.inf, model_bytes: float = 0, neurons: list[int] | None = None,
           ) -> dict[str, float]:
    """Seconds of each phase, by the formula above."""
    q, steps = max(1.0, ranks / cores), math.ceil(math.log2(ranks)) if ranks > 1 else 0
    block = min(samples, block_of(samples, batch))
    blocks = -(-samples // block)
    mine = -(-blocks // ranks)
    work = c["block"] + c["batch"] * block / batch + c["row"] * block
    layers = sum(16 * n * n * c["reduce"] + 4 * c["meet"] * steps for n in neurons or [])
    return {
        "launch": c["exec"] + (c["mpirun"] if ranks > 1 else 0) + (q - 1) * c["cpu_launch"],
        "start": c["open"] + c["agree"] * steps
        + model_bytes * (c["load"] + (c["bcast"] if ranks > 1 else 0) + (q - 1) * c["cpu_start"]),
        "probe": block / rate,
        "create": c["block_new"] * blocks,
        "loop": mine * (block / rate + work * q) + c["close"] + c["settle"] * steps,
        "reduce": layers if ranks > 1 else 0.0,
        "finish": c["last"] + c["last_agree"] * steps}


def check(bench: Bench, c: dict[str, float], quick: bool) -> bool:
    """More ranks than were fitted, against the formula. The stand-in naps, so ranks that share a
    core nap side by side."""
    samples = 4096 if quick else 8192
    good = True
    for ranks in (1, 2, 8, 32):
        measured = bench.run(ranks, samples, BATCH, NAP)
        told = phases(c, ranks, samples, BATCH, BATCH / NAP, CORES)
        told["start"] += told["create"] + told["probe"] + 4 * NAP  # and warming up
        line = []
        for name in ("launch", "start", "loop", "finish"):
            ours, theirs = told[name], getattr(measured, name)
            far = max(ours, theirs) > OFF * min(ours, theirs) and abs(ours - theirs) > SECONDS
            good = good and not far
            line.append(f"{name} {theirs:.2f} (predicted {ours:.2f}){' OFF' if far else ''}")
        print(f"{ranks:3} ranks{'' if ranks > 2 else ' (fitted on)'}: {', '.join(line)}", flush=True)
    return good


def table(c: dict[str, float], arguments: argparse.Namespace) -> list[dict[str, float]]:
    neurons = [int(word) for word in arguments.neurons.split(",") if word]
    rows = []
    names: list[str] = []
    for samples in (10**6, 10**8, 10**9):
        for ranks in (1, 8, 64, 512, 4096):
            seconds = phases(c, ranks, samples, 64, arguments.rate,
                             model_bytes=1e6 * arguments.model_mb, neurons=neurons)
            row_bytes = samples * (4 * arguments.classes + ROW)
            seconds["storage"] = 2 * row_bytes / (1e9 * arguments.storage)
            total = sum(seconds.values())
            busy = c["message"] * ranks * (1 / max(0.1, ranks / 1000) + 0.2)
            if not names:
                names = list(seconds)
                print("  samples  ranks " + "".join(f"{name:>10}" for name in names) +
                      "     total  efficiency  rank 0 for messages")
            ideal = samples / arguments.rate / ranks
            print(f"{samples:9.0e}  {ranks:5} " +
                  "".join(f"{seconds[name]:10.2f}" for name in names) +
                  f"{total:10.1f}  {ideal / total:10.2f}  {100 * busy:.2f} %", flush=True)
            rows.append({"samples": samples, "ranks": ranks, **seconds, "total": total})
    return rows


def sentence(rows: list[dict[str, float]], arguments: argparse.Namespace) -> str:
    """What breaks first, in words."""
    last = rows[-1]
    parts = {key: value for key, value in last.items()
             if key not in ("samples", "ranks", "total", "loop")}
    worst, second, *_ = sorted(parts, key=lambda name: -parts[name])
    why = {"storage": "the one file's storage, which takes every row and gives it back for the "
                      "proof: --shards spreads it over files and disks, and `fod merge` proves it "
                      "again",
           "probe": "the probe, since each rank runs block 0 by itself: more samples to a rank, "
                    "or a smaller block",
           "launch": "the start of programs and libraries, which is the launcher's",
           "start": "loading and broadcasting the model",
           "create": "rank 0 making the ledger", "finish": "what rank 0 writes of all ranks",
           "reduce": "the sums of layers"}
    least = block_of(10**6, 64)
    return (f"At {last['ranks']:,} ranks and {last['samples']:.0e} samples what breaks first beside "
            f"the loop ({last['loop']:.0f} s) is {why[worst]} ({parts[worst]:.1f} s); then "
            f"{why[second]} ({parts[second]:.1f} s). Work is dealt in blocks: a million samples "
            f"have {-(-10**6 // least)} of them, and ranks beyond that have nothing to do.")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one of each, fewer samples")
    parser.add_argument("--rate", type=float, default=2500, help="samples/s of a rank's forward")
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--model-mb", type=float, default=100)
    parser.add_argument("--neurons", default="256,512,1024,2048,2048", help="of watched layers")
    parser.add_argument("--storage", type=float, default=100, help="GB/s of the file system")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scale_") as folder:
        print(f"{CORES} cores, load {os.getloadavg()[0]:.1f}", flush=True)
        bench = Bench(Path(folder), 1 if arguments.quick else 3)
        constants = fit(bench, arguments.quick)
        print("constants, in seconds: " +
              ", ".join(f"{name} {value:.3g}" for name, value in constants.items()), flush=True)
        good = check(bench, constants, arguments.quick)
    print(f"\n{arguments.rate:,.0f} samples/s a rank, {arguments.classes} classes, a model of "
          f"{arguments.model_mb:.0f} MB, layers of {arguments.neurons} neurons, storage of "
          f"{arguments.storage:.0f} GB/s; seconds:")
    rows = table(constants, arguments)
    print("\n" + sentence(rows, arguments))
    if not good:
        print("MISSED: the formula is off where it was checked")
    if arguments.json:
        arguments.json.write_text(json.dumps({"constants": constants, "rows": rows}, indent=1))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
