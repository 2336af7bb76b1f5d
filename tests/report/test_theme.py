import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from pseudohealthy.report.theme import MARKERS, THEMES

# linear RGB as seen without one kind of cone (Machado et al. 2009, severity 1)
SEEN_BY = {
    "all cones": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour):
    share = np.array(to_rgb(colour))
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    share = TO_XYZ @ np.clip(rgb, 0, 1) / [0.9505, 1.0, 1.089]
    x, y, z = np.where(share > 0.008856, np.cbrt(share), 7.787 * share + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))
@pytest.mark.parametrize("seen", SEEN_BY)
def test_series_can_be_told_apart_with_every_kind_of_cone(theme, seen):
    places = [lab(SEEN_BY[seen] @ linear(colour)) for colour in (*theme.series, theme.ink)]
    distances = [np.linalg.norm(one - other) for one, other in itertools.combinations(places, 2)]
    assert min(distances) > 20  # about 2 is the smallest difference that is seen side by side


@pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))
def test_every_series_stands_out_from_the_paper_and_has_a_mark_of_its_own(theme):
    paper = linear(theme.paper) @ TO_XYZ[1]
    for colour in theme.series:
        light, dark = sorted((linear(colour) @ TO_XYZ[1], paper), reverse=True)
        assert (light + 0.05) / (dark + 0.05) > 2.95  # WCAG asks for 3 of graphics
    assert len(set(MARKERS)) == len(theme.series) == len(set(theme.series))
