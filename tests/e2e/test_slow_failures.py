"""What fails under a job: disks that are full, quotas, errors of devices, folders that go away. It
says which, ends with code 4 and goes on once that is mended; and the order in which rows, marks and
sums reach the disk."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
from pathlib import Path

import conftest
import h5py
import kill_jobs
import numpy as np
import pytest
import torch
from kill_jobs import Killer, flags, folder  # noqa: F401
from program import PATIENCE, fod, preloaded
from torch import nn


@pytest.fixture(scope="module")
def expected(build, folder, flags):
    killer = Killer(build, flags, folder / "expected.h5")
    killer.run(2)
    return kill_jobs.everything(killer.out)


def fail(killer: Killer, ranks: int, *flags: str, fault: str | None = None, **settings) -> str:
    """Runs a job that fails within its deadline with code 4. What it says: one line of ours."""
    job = killer.start(ranks, *flags, env={"FOD_FAULT": fault} if fault else {}, **settings)
    try:
        stdout, stderr = job.communicate(timeout=40 * PATIENCE)
    finally:
        conftest.kill_session(job.pid)
        # mpirun may end before a rank does that still writes.
        assert kill_jobs.wait_for(lambda: not conftest.living_in(job.pid)), "processes are left"
    lines = [line for line in stderr.splitlines() if line.startswith("fod-generate:")
             and "ended without giving it back" not in line]
    assert job.returncode == 4, stdout + stderr
    assert len(lines) == 1, stderr
    return lines[0]


# What fails, where, and the words that tell it.
FAULTS = {
    "a row is not written": ("EIO:write:r.h5.partial$:20:1",
                             ["rank 1", "cannot write rows", "Input/output error"]),
    "full disk under a row": ("ENOSPC:write:r.h5.partial$:20:0",
                              ["rank 0", "cannot write rows", "No space left on device"]),
    "quota": ("EDQUOT:write:r.h5.partial$:25:1", ["rank 1", "Disk quota exceeded"]),
    "rows do not reach the disk": ("EIO:fsync:r.h5.partial$:5:1",
                                   ["rank 1", "to the disk", "Input/output error"]),
    "full disk under moments": ("ENOSPC:write:moments-:30:1",
                                ["rank 1", "cannot save progress in", "moments-0-1.h5",
                                 "No space left on device"]),
    "moments get no name": ("EIO:rename:moments-:3:0", ["rank 0", "cannot rename", "moments-0-0"]),
    "it turns read-only": ("EROFS:any:r.h5:300:0", ["rank 0", "Read-only file system"]),
    "a file server's stale handle": ("ESTALE:write:r.h5:250:1", ["rank 1", "Stale file handle"]),
    "full disk under events": ("ENOSPC:write:events-:10:1", ["cannot save progress in", "events-"]),
    "full disk before closing": ("ENOSPC:write:undo:3:0", ["No space left on device", "undo"]),
    "the final name": ("EIO:rename:r.h5$:1:0", ["cannot rename", "Input/output error"]),
}


@pytest.mark.parametrize("name", FAULTS)
def test_injected_failure(build, flags, tmp_path, expected, name):
    fault, words = FAULTS[name]
    killer = Killer(build, flags, tmp_path / "r.h5")
    told = fail(killer, 2, fault=fault)
    for word in [*words, "--resume"]:
        assert word in told
    assert not killer.out.exists()
    kill_jobs.resume(killer, 3)
    kill_jobs.same(expected, killer.out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.h5"]


def writes_to(calls: list[str], file: str) -> list[int]:
    """Numbers, from 1, of a rank's writes to a file: on the rank that makes undo copies those since
    the last one, which finish the file."""
    since, writes = 0, 0
    for call in calls:
        if call.startswith("write") and call.endswith(file):
            writes += 1
        elif call.startswith("rename") and call.endswith("/undo"):
            since = writes
    return list(range(since + 1, writes + 1))


@pytest.mark.parametrize("file,rank", [("r.h5.partial", 0), ("moments-0-1.h5.new", 1)])
def test_a_single_write_that_fails(build, flags, tmp_path, expected, file, rank):
    """All else works, so that only who made that call can know: while finishing, while saving."""
    killer = Killer(build, flags, tmp_path / "r.h5")
    numbers = writes_to(killer.calls(2, tmp_path / "log")[rank], file)
    for log in tmp_path.glob("log.*"):
        log.unlink()
    assert len(numbers) > 100
    for number in numbers[2::len(numbers) // 8]:
        kill_jobs.forget(killer.out)
        told = fail(killer, 2, fault=f"once-ENOSPC:write:{file}$:{number}:{rank}")
        assert "No space left on device" in told
        assert not killer.out.exists()
        kill_jobs.resume(killer, 2)
        kill_jobs.same(expected, killer.out)


@pytest.mark.parametrize("fault,word", [("ENOSPC:allocate:partial:1:0", "No space left on device"),
                                        ("EDQUOT:write:partial.new:4:0", "Disk quota exceeded")])
def test_no_room_at_the_start_leaves_nothing(build, flags, tmp_path, fault, word):
    killer = Killer(build, flags, tmp_path / "r.h5")
    job = killer.start(2, env={"FOD_FAULT": fault})
    stdout, stderr = job.communicate(timeout=40 * PATIENCE)
    assert job.returncode == 2, stdout + stderr
    assert word in stderr and str(killer.out) in stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 3 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", place],
                             capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a tmpfs: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_full_disk(build, flags, small_disk, expected):
    """Rows are reserved at the start, so what the disk lacks room for is the moments."""
    killer = Killer(build, flags, small_disk / "r.h5")
    free = os.statvfs(small_disk)
    (small_disk / "other").write_bytes(bytes(free.f_bavail * free.f_frsize - 250_000))
    told = fail(killer, 2)
    assert "No space left on device" in told and "moments-" in told
    (small_disk / "other").unlink()
    kill_jobs.resume(killer, 1)
    kill_jobs.same(expected, killer.out)


def test_limit_on_file_size(build, flags, tmp_path):
    """RLIMIT_FSIZE: reserving says so, before anything is lost."""
    torch.jit.script(nn.Linear(20, 20_000)).save(str(tmp_path / "wide.pt"))  # 120 MB of rows
    killer = Killer(build, ["--model", str(tmp_path / "wide.pt"), *flags[2:6], "--threads", "1"],
                    tmp_path / "r.h5")

    def limit() -> None:  # with room for what MPI shares
        resource.setrlimit(resource.RLIMIT_FSIZE, (90 << 20, resource.RLIM_INFINITY))

    job = killer.start(2, env={}, preexec_fn=limit)
    stdout, stderr = job.communicate(timeout=40 * PATIENCE)
    assert job.returncode == 2, stdout + stderr
    assert "File too large" in stderr and "r.h5" in stderr
    assert not list(tmp_path.glob("r.h5*"))
    killer.run(2)


def test_the_folder_vanishes(build, flags, tmp_path, expected):
    """Renamed under the job while it runs, and back."""
    place = tmp_path / "place"
    place.mkdir()
    killer = Killer(build, flags, place / "r.h5")
    job = killer.start(2, env={"FOD_FAULT": "stop:write:r.h5.partial$:60:1"})
    try:
        assert kill_jobs.wait_for(lambda: kill_jobs.stopped_in(job.pid))
        place.rename(tmp_path / "elsewhere")
        for pid in kill_jobs.stopped_in(job.pid):
            os.kill(pid, 18)
        stdout, stderr = job.communicate(timeout=40 * PATIENCE)
    finally:
        conftest.kill_session(job.pid)
    assert job.returncode == 4, stdout + stderr
    assert "No such file or directory" in stderr and "place" in stderr
    (tmp_path / "elsewhere").rename(place)
    kill_jobs.resume(killer, 2)
    kill_jobs.same(expected, killer.out)


def test_a_flipped_bit_is_found_at_the_end_and_mended(build, flags, tmp_path, expected):
    """Rows that are not what was written, found when they are read back, are computed again."""
    killer = Killer(build, flags, tmp_path / "r.h5")
    assert killer.kill(2, kill_jobs.Kill("all", 1, 500))
    partial = tmp_path / "r.h5.partial"
    with h5py.File(partial) as file:
        done = np.flatnonzero(file["ledger/done"][()])
        at = file["distributions"].id.get_offset() + int(done[0]) * kill_jobs.BATCH * 7 * 4 + 5
    with partial.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 16]))
    told = fail(killer, 2, "--resume")
    first = int(done[0]) * kill_jobs.BATCH
    assert f"samples {first} to {first + kill_jobs.BATCH}" in told and "/distributions" in told
    assert "the checksum differs" in told and "--resume" in told
    assert "of 94 blocks 93 had been done" in killer.run(2, "--resume")
    kill_jobs.same(expected, killer.out)


def test_order_on_the_disk(build, flags, tmp_path):
    """Rows, then fsync, then their mark, then fsync, then the sums that cover the block: shown by
    the calls themselves."""
    killer = Killer(build, flags, tmp_path / "r.h5")
    calls = killer.calls(2, tmp_path / "calls")
    with h5py.File(killer.out) as file:
        sections = ["distributions", "sample_ids", "row_status", "labels", "uncertainty/entropy",
                    "uncertainty/confidence", "uncertainty/prediction"]
        places = {name: (file[name].id.get_offset(), file[name].dtype.itemsize
                         * int(np.prod(file[name].shape[1:]))) for name in sections}
        marks = file["ledger/done"].id.get_offset()
        blocks = len(file["ledger/done"])

    def block_of_row(offset: int) -> int | None:
        for begin, row in places.values():
            if begin <= offset < begin + row * kill_jobs.SAMPLES:
                return (offset - begin) // row // kill_jobs.BATCH
        return None

    marked = set()
    for of_rank in calls:
        unsynced: set[int] = set()  # blocks with rows that may not be on the disk
        unsynced_marks: set[int] = set()
        for call in of_rank:
            kind, offset, _, path = call.split(" ", 3)
            if path.endswith("r.h5.partial") and kind == "fsync":
                unsynced.clear()
                unsynced_marks.clear()
            elif path.endswith("r.h5.partial") and kind == "write":
                if marks <= int(offset) < marks + blocks:
                    block = int(offset) - marks
                    assert block not in unsynced, "a mark before its rows are on the disk"
                    unsynced_marks.add(block)
                    marked.add(block)
                elif (block := block_of_row(int(offset))) is not None:
                    unsynced.add(block)
            elif kind == "rename" and "moments-" in path:
                assert not unsynced_marks, "sums before the marks of their blocks"
    assert marked == set(range(blocks))


def test_more_than_two_gigabytes_per_rank(run, build, tmp_path):
    """Offsets and slices beyond 2^31."""
    free = shutil.disk_usage(tmp_path).free
    if free < 8 << 30:
        pytest.skip(f"needs 8 GB on the disk, {free >> 30} are free")
    torch.jit.script(nn.Linear(2, 1000)).save(str(tmp_path / "m.pt"))
    rows = 560_000
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((rows, 2))
            .astype(np.float32))
    done = run("fod-generate", "--model", tmp_path / "m.pt", "--data", tmp_path / "x.npy", "--out",
               tmp_path / "r.h5", "--threads", 1, "--batch-size", 1024, "--output-mode", "logits",
               ranks=1, timeout=400)
    assert done.returncode == 0, done.stderr
    with h5py.File(tmp_path / "r.h5") as file:
        assert file["distributions"].id.get_storage_size() > 2 << 30
        weight, bias = (torch.jit.load(str(tmp_path / "m.pt")).state_dict()[name]
                        for name in ("weight", "bias"))
        for begin in (0, 540_000, rows - 1000):  # before and beyond 2^31 bytes
            x = torch.from_numpy(np.load(tmp_path / "x.npy", mmap_mode="r")[begin:begin + 1000])
            wanted = torch.softmax(x @ weight.T + bias, 1).detach().numpy()
            np.testing.assert_allclose(file["distributions"][begin:begin + 1000], wanted, rtol=0,
                                       atol=1e-6)
    (tmp_path / "r.h5").unlink()


def test_a_job_that_died_is_named(build, flags, tmp_path):
    killer = Killer(build, flags, tmp_path / "r.h5")
    assert killer.kill(2, kill_jobs.Kill("all", 0, 400))
    lock = (tmp_path / "r.h5.lock").read_text()
    assert re.match(r"process \d+ on ", lock)
    job = killer.start(1, env={})
    _, stderr = job.communicate(timeout=40 * PATIENCE)
    assert job.returncode == 2
    for words in ("r.h5.partial is there already", lock, "blocks done", "--resume", "--overwrite"):
        assert words in stderr
    assert f"({lock}) ended without giving it back" in killer.run(1, "--resume")
    assert not (tmp_path / "r.h5.lock").exists()


@pytest.mark.parametrize("change,words", [
    (["--batch-size", "32"], ["--batch-size was 16, and is 32"]),
    (["--threads", "2"], ["--threads was 1, and is 2"]),
    (["--transform", "smooth=0.1"], ["--transform was not given, and is smooth=0.1"]),
    (["--layers", "2"], ["--layers was 0,2, and is 2"]),
    (["--range", "0:800"], ["--range was 0:1500, and is 0:800"]),
    (["--max-samples", "1400"], ["1500", "1400"]),
])
def test_other_settings_are_refused(build, folder, flags, tmp_path, change, words):
    killer = Killer(build, flags, tmp_path / "r.h5")
    assert killer.kill(2, kill_jobs.Kill("rank", 1, 400))
    before = kill_jobs.done_blocks(killer.out, layers=True)
    base = flags
    if change[0] in flags:
        at = flags.index(change[0])
        base = flags[:at] + flags[at + 2:]
    other = Killer(build, [*base, *change], killer.out)
    job = other.start(1, "--resume", env={})
    _, stderr = job.communicate(timeout=40 * PATIENCE)
    assert job.returncode == 2, stderr
    for word in words:
        assert word in stderr
    assert kill_jobs.done_blocks(killer.out, layers=True) == before
    # May it be overwritten, the job starts anew.
    assert "had been done" not in other.run(2, "--resume", "--overwrite")


def test_another_model_and_other_data_are_refused(build, folder, flags, tmp_path):
    killer = Killer(build, flags, tmp_path / "r.h5")
    assert killer.kill(2, kill_jobs.Kill("rank", 0, 400))
    model, data = tmp_path / "m2.pt", tmp_path / "x2.npy"
    torch.jit.script(nn.Sequential(nn.Linear(20, 48), nn.ReLU(), nn.Linear(48, 30), nn.ReLU(),
                                   nn.Linear(30, 7))).save(str(model))
    x = np.load(folder / "x.npy")
    x[3, 3] += 1
    np.save(data, x)
    for old, new, word in ((folder / "m.pt", model, "the model (a checksum) was xxh3:"),
                           (folder / "x.npy", data, "the data (a checksum of its first block)")):
        changed = [str(new) if flag == str(old) else flag for flag in flags]
        job = Killer(build, changed, killer.out).start(1, "--resume", env={})
        _, stderr = job.communicate(timeout=40 * PATIENCE)
        assert job.returncode == 2 and word in stderr, stderr


def test_resume_without_anything_and_with_all(build, flags, tmp_path, expected):
    killer = Killer(build, flags, tmp_path / "r.h5")
    assert "had been done" not in killer.run(2, "--resume")
    kill_jobs.same(expected, killer.out)
    modified = killer.out.stat().st_mtime_ns
    assert "is complete already: there is nothing to do" in killer.run(1, "--resume")
    assert killer.out.stat().st_mtime_ns == modified
    other = Killer(build, [*flags, "--seed", "5"], killer.out)
    job = other.start(1, "--resume", env={})
    _, stderr = job.communicate(timeout=40 * PATIENCE)
    assert job.returncode == 2 and "--seed was 0, and is 5" in stderr
    (tmp_path / "s.h5.partial").write_bytes(b"killed while it was created")
    broken = Killer(build, flags, tmp_path / "s.h5")
    assert "was ended while being created: starting anew" in broken.run(2, "--resume")
    kill_jobs.same(expected, broken.out)


@pytest.mark.parametrize("fault", ["write:x.h5.partial:1", "write:x.h5.partial:9",
                                   "fsync:x.h5.partial:3", "fsync:x.h5.partial:8",
                                   "rename:undo:1", "rename:x.h5$:1"])
def test_an_import_that_fails_leaves_nothing(build, folder, tmp_path, fault):
    rows = np.random.default_rng(0).dirichlet(np.ones(7), 200)
    text = {"meta": {}, "distributions": {str(i): row.tolist() for i, row in enumerate(rows)}}
    (folder / "in.json").write_text(json.dumps(text))
    made = fod("import", folder / "in.json", tmp_path / "x.h5", env={
        **os.environ, **preloaded(build / "tests" / "libfod_faults.so"),
        "FOD_FAULT": f"once-EIO:{fault}"})
    assert made.returncode != 0
    assert "Input/output error" in made.stderr.decode()
    assert not list(tmp_path.iterdir())
