from __future__ import annotations

import pytest

from made_cohort import write_made_cohort
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.stages.recipe import Recipe, load_recipe


@pytest.fixture(scope="session")
def made_cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return write_made_cohort(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="session")
def smoke() -> Recipe:
    return load_recipe("smoke")
