"""Minutes of a training over several sessions."""

from __future__ import annotations

from pathlib import Path

import pytest

from pseudohealthy.stages.stopwatch import FILE, minutes_of, timed


def test_interrupted_sessions_count_and_a_session_that_vanished_makes_the_sum_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter([0.0, 60.0, 100.0, 280.0, 0.0, 60.0])
    monkeypatch.setattr("pseudohealthy.stages.stopwatch.time.monotonic", lambda: next(now))
    with pytest.raises(KeyboardInterrupt), timed(tmp_path):
        raise KeyboardInterrupt
    assert minutes_of(tmp_path) == pytest.approx(1)
    with timed(tmp_path):
        assert minutes_of(tmp_path) is None  # what a killed process would leave
    assert minutes_of(tmp_path) == pytest.approx(4)
    (tmp_path / FILE).write_text('{"minutes": null}')
    with timed(tmp_path):
        pass
    assert minutes_of(tmp_path) is None
