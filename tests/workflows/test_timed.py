"""How long work takes is told from a clock: here one that the work itself moves on."""

from __future__ import annotations

import pytest
import torch

from pseudohealthy.config import TrainingSettings
from pseudohealthy.workflows.experiments import timed as timed_file
from pseudohealthy.workflows.experiments.forecast import Work, told
from pseudohealthy.workflows.experiments.plans import load_any_plan
from pseudohealthy.workflows.experiments.timed import Timed, timed, timed_step


class Clock:
    """Work of so many seconds a slice and so many besides, the first time with one more."""

    def __init__(self, a_slice_s: float, besides_s: float = 0.0) -> None:
        self.now, self.asked = 0.0, []
        self._a_slice_s, self._besides_s = a_slice_s, besides_s

    def perf_counter(self) -> float:
        return self.now

    def work(self, slices: int) -> None:
        self.now += self._besides_s + slices * self._a_slice_s + (0.0 if self.asked else 1.0)
        self.asked.append(slices)


@pytest.mark.parametrize(
    ("clock", "expected", "asked"),
    [
        (Clock(0.01, 0.04), Timed(0.04 + 0.32, whole=True), [1, 1, 4, 4, 16, 16, 32, 32]),
        (Clock(0.001, 0.5), Timed(0.5 + 0.032, whole=True), [1, 1, 4, 4, 16, 16, 32, 32]),  # as on a GPU
        (Clock(0.2), Timed(6.4, whole=False), [1, 1, 4, 4]),
        (Clock(10.0), Timed(11.0 * 32, whole=False), [1]),
    ],
)
def test_short_work_is_timed_whole_and_long_work_by_fewer_slices(monkeypatch, clock, expected, asked) -> None:
    monkeypatch.setattr(timed_file, "time", clock)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    found = timed(clock.work, 32)
    assert (found.seconds, found.whole) == (pytest.approx(expected.seconds), expected.whole)
    assert clock.asked == asked


def test_a_long_step_never_sees_its_whole_batch_and_every_step_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, seen = Clock(2.0), []
    monkeypatch.setattr(timed_file, "time", clock)

    def loss_of(batch_size):
        def loss(network, step):
            clock.work(batch_size)
            seen.append((batch_size, step))
            return network(torch.ones(batch_size, 1)).mean()

        return loss

    found = timed_step(torch.nn.Linear(1, 1), loss_of, TrainingSettings(batch_size=32))
    assert found == Timed(64.0, whole=False)
    assert seen == [(1, 0), (1, 1)]


def test_the_table_marks_what_was_told_from_fewer_slices_and_says_so_in_its_last_line() -> None:
    short, long = (
        Work(row, 1_000_000, 3600, 5, Timed(seconds, whole=seconds < 3), 0, 0.0)
        for row, seconds in (("ae", 1.5), ("cddpm", 60.0))
    )
    lines = told(load_any_plan("paper"), [short, long])
    assert [line.split() for line in lines[1:3]] == [
        ["ae", "1.00", "M", "3600", "5", "1.500", "7.50"],
        ["cddpm", "1.00", "M", "3600", "5", "~60.000", "300.00"],
    ]
    assert lines[3].startswith("About 307.5 hours of training")
    assert "fewer slices" in lines[3]
    assert "fewer slices" not in told(load_any_plan("paper"), [short])[-1]
