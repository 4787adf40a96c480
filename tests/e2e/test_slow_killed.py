"""Killed at any moment: no final file or a complete one, and in the end the same bytes as without
any disturbance, on other numbers of ranks, with no covered block computed again."""

from __future__ import annotations

import random

import kill_jobs
import pytest
from kill_jobs import PHASES, Kill, Killer, flags, folder  # noqa: F401


@pytest.fixture(scope="module")
def undisturbed(build, folder, flags):
    """The result of a job that nobody killed, and the calls of its two ranks."""
    killer = Killer(build, flags, folder / "r.h5")
    calls = killer.calls(2, folder / "calls")
    expected = kill_jobs.everything(folder / "r.h5")
    (folder / "r.h5").rename(folder / "expected.h5")
    return expected, calls


@pytest.mark.parametrize("who", ["rank", "all", "launcher"])
@pytest.mark.parametrize("phase", PHASES)
def test_killed_in_each_phase(build, flags, tmp_path, undisturbed, phase, who):
    expected, calls = undisturbed
    killer = Killer(build, flags, tmp_path / "r.h5")
    rank, call = kill_jobs.moments_of(calls, phase, who)
    assert killer.kill(2, Kill(who, rank, call))
    kill_jobs.left_as_promised(killer.out)
    kill_jobs.resume(killer, 3 if who == "rank" else 1)
    kill_jobs.same(expected, killer.out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.h5"]


@pytest.mark.parametrize("seed", range(2))
def test_killed_again_and_again(build, flags, tmp_path, undisturbed, seed):
    """Two requeues in a row and more, on 3, 1, 2, … ranks."""
    expected, calls = undisturbed
    killer = Killer(build, flags, tmp_path / "r.h5")
    choice = random.Random(seed)
    for life, ranks in enumerate([2, 3, 1, 2]):
        kill = Kill(choice.choice(["rank", "all"]), choice.randrange(ranks),
                    choice.randrange(1, len(calls[0]) // 2))
        killer.kill(ranks, kill, *(["--resume"] if life > 0 else []))
        kill_jobs.left_as_promised(killer.out)
    kill_jobs.resume(killer, 2)
    kill_jobs.same(expected, killer.out)
