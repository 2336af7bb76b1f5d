import numpy as np
import pytest

from pseudohealthy.score.counts import THRESHOLDS, voxels_above


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_counts_what_a_mask_would_hold(dtype) -> None:
    scores = np.random.default_rng(0).random((7, 8, 9)).astype(dtype)
    scores.flat[:64] = THRESHOLDS  # on a threshold is not above it
    scores.flat[64:66] = 0, 1
    assert voxels_above(scores).tolist() == [np.count_nonzero(scores > dtype(value)) for value in THRESHOLDS]
    assert voxels_above(scores[:0]).tolist() == [0] * 64
    assert (len(THRESHOLDS), THRESHOLDS[0]) == (64, 0)
    assert (np.diff(THRESHOLDS) > 0).all()
