"""Jobs that are told to stop, or whose ranks die, fail or hang: how they end, what they say, and what
is left."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from conftest import living_in
from interrupted import SIGNALS, Job, messages, until
from program import preloaded

SAMPLES, BATCH = 1600, 16  # 100 blocks of one batch each
HERE = Path(__file__).resolve().parent
HOST = socket.gethostname()
GO_ON = "progress is kept in {}; start the same command with --resume to go on"
STALL = 2  # seconds


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The first value of a sample is its index."""
    path = tmp_path_factory.mktemp("signals") / "x.npy"
    x = np.random.default_rng(5).standard_normal((SAMPLES, 8)).astype(np.float32)
    x[:, 0] = np.arange(SAMPLES)
    np.save(path, x)
    return path


@pytest.fixture
def start(build, data, tmp_path):
    """A job with the slow model in C, which starts fast, or one in Python by name."""
    def job(ranks, *flags, nap=100, fault="none,0", python=None, **settings):
        model = (f"python:slow_models:{python}" if python else
                 f"plugin:{build}/tests/plugins/libfod_slow_model.so?{tmp_path},{nap},{fault}")
        if "--data" not in flags:
            flags = ("--data", data, *flags)
        settings["env"] = {"PYTHONPATH": str(HERE), **settings.get("env", {})}
        return Job(build, tmp_path, ranks, "--model", model, *flags, **settings)

    return job


def blocks_done(job):
    with h5py.File(job.partial) as file:
        assert file.attrs["complete"] == 0
        return int(file["ledger/done"][:].sum())


def check_stopped(run, job, done, why="", codes=(3,)):
    """In order, with progress kept: said once, the file closed, the lock gone."""
    assert done.returncode in codes, done.stderr
    assert messages(done) == [f"fod-generate: stopped by {why}: {GO_ON.format(job.partial)}"]
    assert sorted(path.name for path in job.folder.glob("r.h5*")) == ["r.h5.partial"]
    assert 0 < blocks_done(job) < SAMPLES // BATCH
    shown = run("fod", "info", job.partial, "--json", ranks=None)
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["complete"] is False
    verified = run("fod", "verify", job.partial, ranks=None)
    assert verified.returncode == 1 and "complete" in verified.stdout + verified.stderr


@pytest.mark.parametrize("number,whom", [(signal.SIGTERM, [0]), (signal.SIGUSR1, [1]),
                                         (signal.SIGINT, [0, 1])])
def test_a_signal_to_ranks_stops_the_job_in_order(run, start, number, whom):
    with start(2) as job:
        job.reach("loop.0", "loop.1")
        time.sleep(0.3)
        job.send(number, *whom)
        done = job.end()
    name = signal.Signals(number).name
    told = [line for line in messages(done) if "received it" in line]
    first = next(rank for rank in whom if f"rank {rank} received it" in "".join(told))
    check_stopped(run, job, done, f"{name} (rank {first} received it)")


def test_usr1_to_the_launcher_reaches_the_ranks(run, start):
    """As SLURM's --signal=USR1@120 sends it to a step."""
    with start(2) as job:
        job.reach("loop.0", "loop.1")
        time.sleep(0.3)
        job.send(signal.SIGUSR1, "mpirun")
        done = job.end()
    first = "0" if "rank 0 received it" in done.stderr else "1"
    check_stopped(run, job, done, f"SIGUSR1 (rank {first} received it)")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_launcher_is_told_to_stop(start, number):
    """It kills the ranks two seconds later; they have saved by then."""
    with start(2) as job:
        job.reach("loop.0", "loop.1")
        time.sleep(0.3)
        job.send(number, "mpirun")
        done = job.end()
    assert done.returncode != 0
    assert len(messages(done)) <= 1 and all("stopped by" in line for line in messages(done))
    assert not job.out.exists() and 0 < blocks_done(job) < SAMPLES // BATCH


@pytest.mark.parametrize("number", SIGNALS)
def test_a_single_process_stops_in_order(run, start, number):
    with start(None) as job:
        job.reach("loop.0")
        time.sleep(0.3)
        job.send(number, 0)
        done = job.end()
    check_stopped(run, job, done, signal.Signals(number).name)


@pytest.mark.parametrize("model", ["naps", "deaf"])
def test_python_does_not_take_the_signals_away(run, start, model):
    """Neither the interpreter nor a user's module that handles them itself."""
    with start(None, python=model) as job:
        job.reach("loop.0")
        time.sleep(0.6)
        job.send(signal.SIGINT, 0)
        done = job.end()
    check_stopped(run, job, done, "SIGINT")


@pytest.mark.parametrize("ranks,whom", [(None, 0), (2, 1)])
def test_a_stop_before_the_file_is_created(start, ranks, whom):
    with start(ranks, fault=f"load,{whom}") as job:
        job.reach(f"loading.{whom}")
        job.send(signal.SIGTERM, whom)
        done = job.end()
    assert done.returncode == 3, done.stderr
    why = "" if ranks is None else f" (rank {whom} received it)"
    assert messages(done) == [f"fod-generate: stopped by SIGTERM{why}: nothing was written"]
    assert list(job.folder.glob("r.h5*")) == []


def test_a_stop_while_groups_are_found(start, tmp_path):
    """K-means over so many neurons takes seconds; all blocks are done before."""
    x = np.random.default_rng(6).standard_normal((SAMPLES, 801)).astype(np.float32)
    x[:, 0] = np.arange(SAMPLES)
    np.save(tmp_path / "wide.npy", x)
    with start(None, "--data", tmp_path / "wide.npy", "--layers", "features", "--group-method",
               "kmeans", "--n-groups", "auto", python="wide") as job:
        job.reach("last.0")
        time.sleep(0.7)
        job.send(signal.SIGTERM, 0)
        done = job.end(60)
    assert done.returncode == 3, done.stderr
    assert messages(done) == [f"fod-generate: stopped by SIGTERM: {GO_ON.format(job.partial)}"]
    assert blocks_done(job) == SAMPLES // BATCH


@pytest.fixture
def slow_end(build):
    """The last step of a job takes its time."""
    return {**preloaded(f"{build}/tests/plugins/libfod_slow_rename.so"), "FOD_SLOW_RENAME": "1"}


@pytest.mark.parametrize("ranks,whom", [(None, [0]), (2, [1]), (2, ["mpirun"])])
def test_a_stop_while_the_job_is_finished_comes_too_late(run, start, slow_end, ranks, whom):
    with start(ranks, nap=0, env=slow_end) as job:
        job.reach("finishing")
        job.send(signal.SIGUSR1, *whom)
        done = job.end()
    assert done.returncode == 0, done.stderr
    assert messages(done) == []
    assert [path.name for path in job.folder.glob("r.h5*")] == ["r.h5"]
    assert run("fod", "verify", job.out, ranks=None).returncode == 0


@pytest.mark.parametrize("ranks", [None, 2])
def test_a_second_signal_ends_the_job_at_once(start, ranks):
    """Also in a batch that takes long."""
    with start(ranks, "--checkpoint-interval", 0, nap=60_000) as job:
        job.reach("loop.0")
        job.send(signal.SIGTERM, 0)
        time.sleep(0.1)
        job.send(signal.SIGTERM, 0)  # the same request, come by another way
        time.sleep(1)
        assert job.process.poll() is None
        begin = time.monotonic()
        job.send(signal.SIGTERM, 0)
        done = job.end(8)
        assert time.monotonic() - begin < 8
    assert done.returncode == 3, done.stderr
    assert messages(done) == []
    assert not job.out.exists() and blocks_done(job) == 1  # block 0 takes no nap


@pytest.mark.parametrize("whom", [0, 1, "mpirun"])
def test_a_death_takes_the_job_down(start, whom):
    with start(2, "--checkpoint-interval", 0) as job:
        job.reach("loop.0", "loop.1")
        time.sleep(0.3)
        session = job.process.pid
        begin = time.monotonic()
        job.send(signal.SIGKILL, whom)
        until(lambda: not living_in(session), "all ranks have ended", 10)
        assert time.monotonic() - begin < 10
        done = job.end()
    assert done.returncode not in (0, 3), done.stderr
    assert not job.out.exists() and 0 < blocks_done(job) < SAMPLES // BATCH


@pytest.mark.parametrize("whom", [0, 1])
def test_a_death_while_others_wait_for_the_rank(start, slow_end, whom):
    """Rank 1 waits in a collective while rank 0 publishes."""
    with start(2, nap=0, env={**slow_end, "FOD_SLOW_RENAME": "20"}) as job:
        job.reach("finishing")
        session = job.process.pid
        job.send(signal.SIGKILL, whom)
        until(lambda: not living_in(session), "all ranks have ended", 10)
        done = job.end()
    assert done.returncode not in (0, 3), done.stderr
    assert not job.out.exists()


def test_a_rank_that_fails_takes_the_job_down(start):
    with start(2, fault="throw,1") as job:
        job.reach("loop.1")
        begin = time.monotonic()
        done = job.end(10)
        assert time.monotonic() - begin < 10
    assert done.returncode == 4, done.stderr
    assert len(messages(done)) == 1 and "rank 1" in messages(done)[0]
    assert "the network is tired" in messages(done)[0]
    assert 0 < blocks_done(job) < SAMPLES // BATCH


def check_stalled(done, rank, words):
    assert done.returncode == 4, done.stderr
    assert len(messages(done)) == 1, done.stderr
    assert messages(done)[0].startswith(f"fod-generate: rank {rank} on {HOST} {words} since ")
    assert "--resume" in messages(done)[0]


@pytest.mark.parametrize("whom", [0, 1])
def test_a_stopped_rank_is_found_and_named(start, whom):
    with start(2, "--stall-timeout", STALL, "--checkpoint-interval", 0) as job:
        job.reach("loop.0", "loop.1")
        time.sleep(0.3)
        begin = time.monotonic()
        job.send(signal.SIGSTOP, whom)
        done = job.end()
        assert time.monotonic() - begin > STALL
    check_stalled(done, whom, "gives no sign of life")
    assert 0 < blocks_done(job) < SAMPLES // BATCH


@pytest.mark.parametrize("whom", [0, 1])
def test_a_stopped_rank_is_found_while_others_wait_for_it(start, slow_end, whom):
    """Rank 0 publishes, rank 1 waits in a collective."""
    with start(2, "--stall-timeout", STALL, nap=0, env={**slow_end, "FOD_SLOW_RENAME": "20"}) as job:
        job.reach("finishing")
        job.send(signal.SIGSTOP, whom)
        done = job.end()
    check_stalled(done, whom, "gives no sign of life")
    assert not job.out.exists()


@pytest.mark.parametrize("ranks,whom", [(None, 0), (2, 0), (2, 1)])
def test_a_forward_that_hangs_is_found_and_named(start, ranks, whom):
    with start(ranks, "--stall-timeout", STALL, "--checkpoint-interval", 0,
               fault=f"hang,{whom}") as job:
        job.reach(f"hung.{whom}")
        done = job.end()
    check_stalled(done, whom, "makes no progress")
    assert 0 < blocks_done(job) < SAMPLES // BATCH


def test_python_that_hangs_with_its_lock_held_is_found(start):
    with start(2, "--stall-timeout", STALL, python="hangs") as job:
        job.reach("hung.1")
        done = job.end()
    check_stalled(done, 1, "makes no progress")


def test_slow_loading_is_no_stall(start):
    """Nor is a pause of the whole job, as a batch system or a laptop's lid makes it."""
    with start(2, "--stall-timeout", 1, "--max-samples", 640, fault="load,1") as job:
        job.reach("loading.1", "loop.0", "loop.1")
        pids = [job.pid(0), job.pid(1)]
        for number, pause in [(signal.SIGSTOP, 3), (signal.SIGCONT, 0)]:
            for pid in pids:
                os.kill(pid, number)
            time.sleep(pause)
        done = job.end()
    assert done.returncode == 0, done.stderr
    assert messages(done) == [] and job.out.exists()


def test_a_long_way_to_the_first_sample_is_no_stall(start):
    """The last rank passes half of the iterable before it has a batch."""
    with start(2, "--stall-timeout", 1, "--data", "python:slow_models:Stream", nap=0) as job:
        done = job.end(40)
    assert done.returncode == 0, done.stderr
    assert messages(done) == [] and job.out.exists()


def test_the_timeout_has_bounds(run, data, tmp_path):
    done = run("fod-generate", "--model", "m.pt", "--data", data, "--out", tmp_path / "r.h5",
               "--stall-timeout", 0, ranks=None)
    assert done.returncode == 2 and "--stall-timeout" in done.stderr
