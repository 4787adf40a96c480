"""What the whole job is compared with, each in a process of its own, since h5py brings an HDF5 of
its own and threads are set once:

limits   the model's forward alone over inputs that are in memory (on the device already), and the
         reader alone: contiguous batches out of a memory-mapped .npy
peer     both of these, then the job as one writes it in Python: DataLoader, inference_mode,
         softmax, gather; the results saved by h5py and by json
raw      the bytes of a result by pwrite and one fsync
load     torch.jit.load alone, then the first passes of that model: a probe of block 0

    python job_peers.py ROLE '{"model": …}'       prints one line of JSON

Ranks of a role wait for each other: each prints `ready` and goes on when it reads a line.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, Callable, Iterator

import numpy as np

Options = dict[str, Any]


def clock(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def wait_for_others() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


def load(options: Options):
    """The model on its device, as exact as fod's default."""
    import torch
    torch.set_num_threads(options["threads"])
    torch.set_grad_enabled(False)
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    device = torch.device(options["device"])
    return torch, device, torch.jit.load(options["model"], map_location=device).eval()


def synchronize(torch, device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def shard(options: Options) -> np.ndarray:
    """This rank's rows, memory-mapped. On disk they are in the page cache, as for all others."""
    rows = np.load(options["data"], mmap_mode="r")
    rank, ranks = options.get("rank", 0), options.get("ranks", 1)
    return rows[len(rows) * rank // ranks:len(rows) * (rank + 1) // ranks]


def as_input(torch, batch):
    """Pixels become floats, token ids stay."""
    return batch.float() if batch.dtype == torch.uint8 else batch


def warm_up(torch, device, model, rows: np.ndarray, size: int) -> None:
    batch = as_input(torch, torch.from_numpy(np.array(rows[:size])).to(device))
    with torch.inference_mode():
        for _ in range(3):
            model(batch)
    synchronize(torch, device)


def limits(options: Options, loaded: tuple | None = None) -> dict[str, float]:
    torch, device, model = loaded or load(options)
    rows, size = shard(options), options["batch"]
    begins = range(0, len(rows), size)
    warm_up(torch, device, model, rows, size)
    few = min(len(rows), max(size, 2**30 // max(1, rows[0].nbytes)))  # in memory, over and over
    there = as_input(torch, torch.from_numpy(np.array(rows[:few])).to(device))
    if len(there) < size:
        there = there.repeat((size, *[1] * (there.dim() - 1)))[:size]
    last = len(there) - size

    def forward() -> None:
        with torch.inference_mode():
            for begin in begins:  # batches are full, as fod's are
                at = min(begin % len(there), last)
                model(there[at:at + size])
        synchronize(torch, device)

    buffer = np.empty((size, *rows.shape[1:]), rows.dtype)

    def read() -> None:
        for begin in begins:
            batch = rows[begin:begin + size]
            np.copyto(buffer[:len(batch)], batch)

    wait_for_others()
    return {"forward": clock(forward), "reader": min(clock(read), clock(read))}


def loader_of(torch, rows: np.ndarray, setting: str, options: Options):
    """`0`, `2`: workers of a DataLoader over a map-style dataset. `slices`: batches cut from the
    array by a dataset that knows of batches."""
    size, pin = options["batch"], options["device"] != "cpu"

    class Samples(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return len(rows)

        def __getitem__(self, i: int):
            return torch.from_numpy(np.array(rows[i]))

    class Batches(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return -(-len(rows) // size)

        def __getitem__(self, i: int):
            return torch.from_numpy(np.array(rows[i * size:(i + 1) * size]))

    if setting == "slices":
        return torch.utils.data.DataLoader(Batches(), batch_size=None, pin_memory=pin)
    return torch.utils.data.DataLoader(Samples(), batch_size=size, num_workers=int(setting),
                                       pin_memory=pin, shuffle=False)


def distributions(torch, device, model, loader) -> np.ndarray:
    gathered = []
    with torch.inference_mode():
        for batch in loader:
            batch = as_input(torch, batch.to(device, non_blocking=True))
            gathered.append(torch.softmax(model(batch).float(), 1).cpu())
    return torch.cat(gathered).numpy()


def save_hdf5(options: Options, parts: list[np.ndarray]) -> None:
    import h5py
    with h5py.File(options["out"] + ".h5", "w") as file:
        rows = np.concatenate(parts) if len(parts) > 1 else parts[0]
        file["distributions"] = rows
        file["sample_ids"] = np.arange(len(rows))


def save_json(options: Options, rows: np.ndarray) -> None:
    document = {"meta": {"model_name": None},
                "distributions": {str(i): row for i, row in enumerate(rows.tolist())}}
    with open(options["out"] + ".json", "w", encoding="utf-8") as file:
        json.dump(document, file)


def peer(options: Options) -> dict[str, float]:
    """The limits, and seconds from the first batch to the saved HDF5 file, by setting."""
    torch, device, model = loaded = load(options)
    rows = shard(options)
    rank, ranks = options.get("rank", 0), options.get("ranks", 1)
    seconds = limits(options, loaded)
    own = np.empty(0)
    for setting in options["settings"]:
        wait_for_others()
        start = time.perf_counter()
        own = distributions(torch, device, model, loader_of(torch, rows, setting, options))
        if ranks > 1:  # rank 0 saves what the others hand over
            if rank > 0:
                np.save(f"{options['gather']}-{rank}.npy", own)
            wait_for_others()
        if rank == 0:
            parts = [own, *(np.load(f"{options['gather']}-{r}.npy") for r in range(1, ranks))]
            save_hdf5(options, parts)
            own = parts[0]
        seconds[setting] = time.perf_counter() - start
    if options.get("json"):
        seconds["json"] = clock(lambda: save_json(options, own))
    return seconds


def raw(options: Options) -> dict[str, float]:
    """This rank's share of so many bytes, into a file that has its size already."""
    rank, ranks, size = options.get("rank", 0), options.get("ranks", 1), options["bytes"]
    begin, end = size * rank // ranks, size * (rank + 1) // ranks
    piece = np.random.default_rng(0).bytes(min(end - begin, 16 << 20))
    file = os.open(options["out"], os.O_RDWR | os.O_CREAT)
    if rank == 0:
        os.ftruncate(file, 0)
        os.posix_fallocate(file, 0, size)
        os.fsync(file)
    wait_for_others()
    seconds: dict[str, float] = {}

    def write() -> None:
        for at in range(begin, end, len(piece)):
            os.pwrite(file, piece[:end - at], at)

    seconds["write"] = clock(write)
    seconds["fsync"] = clock(lambda: os.fsync(file))
    os.close(file)
    if rank == 0 and ranks == 1:
        os.unlink(options["out"])
    return seconds


def load_alone(options: Options) -> dict[str, float]:
    import torch  # noqa: F401  is not measured
    wait_for_others()
    loaded: list[Any] = []
    seconds = {"load": clock(lambda: loaded.extend(load(options)))}
    _, device, model = loaded
    rows, size = shard(options), options["batch"]
    batch = as_input(torch, torch.from_numpy(np.array(rows[:size])).to(device))

    def passes() -> None:  # element types, warming up, each batch, the same batch twice
        with torch.inference_mode():
            for _ in range(1 + 2 + -(-len(rows) // size) + 2):
                model(batch)
        synchronize(torch, device)

    return seconds | {"probe": clock(passes)}


# As fod-generate has it of itself: glibc keeps what layers free for the next batch. Without it
# Python's best loop takes 1.2 times as long for ResNet-50, one over a DataLoader 1.5 times for the
# transformer.
KEPT = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(512 << 20)}

ROLES: dict[str, Callable[[Options], dict[str, float]]] = {
    "limits": limits, "peer": peer, "raw": raw, "load": load_alone}


def results(role: str, options: Options, waits: int) -> list[dict[str, float]]:
    """Runs a role in `ranks` processes that begin together; what each of them measured."""
    import subprocess
    ranks = options.get("ranks", 1)
    threads = str(options.get("threads", 1))
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, **KEPT}
    processes = [
        subprocess.Popen([sys.executable, __file__, role, json.dumps({**options, "rank": rank})],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        for rank in range(ranks)]
    for _ in range(waits):
        for process in processes:
            if process.stdout.readline().strip() != "ready":
                process.wait()
                raise RuntimeError(f"{role} failed with {process.returncode}")
        for process in processes:
            process.stdin.write("\n")
            process.stdin.flush()
    texts = [process.communicate()[0] for process in processes]
    return [json.loads(text.strip().splitlines()[-1]) for text in texts]


def slowest(role: str, options: Options, waits: int = 1) -> dict[str, float]:
    """By what was measured, the time of the slowest process."""
    all_ranks: Iterator[dict[str, float]] = iter(results(role, options, waits))
    joined = dict(next(all_ranks))
    for one in all_ranks:
        joined = {key: max(value, one.get(key, 0.0)) for key, value in joined.items()}
    return joined


if __name__ == "__main__":
    print(json.dumps(ROLES[sys.argv[1]](json.loads(sys.argv[2]))))
