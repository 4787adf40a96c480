"""The long form of test_slow_killed.py: every kind of end, eight times and more in each phase of a
job, whose lives are then ended again."""

from __future__ import annotations

import random

import kill_jobs
import pytest
from kill_jobs import PHASES, Kill, Killer, flags, folder  # noqa: F401
from test_slow_killed import undisturbed  # noqa: F401


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("who", ["rank", "all", "launcher"])
@pytest.mark.parametrize("phase", PHASES)
def test_killed_in_each_phase(build, flags, tmp_path, undisturbed, phase, who, seed):  # noqa: F811
    expected, calls = undisturbed
    killer = Killer(build, flags, tmp_path / "r.h5")
    rank, call = kill_jobs.moments_of(calls, phase, f"{who} {seed}")
    assert killer.kill(2, Kill(who, rank, call))
    kill_jobs.left_as_promised(killer.out)
    choice = random.Random(f"{phase} {who} {seed}")
    ranks = choice.choice([1, 2, 3])
    killer.kill(ranks, Kill("rank", choice.randrange(ranks), choice.randrange(1, 1500)), "--resume")
    kill_jobs.left_as_promised(killer.out)
    kill_jobs.resume(killer, choice.choice([1, 2, 3, 5]))
    kill_jobs.same(expected, killer.out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.h5"]
