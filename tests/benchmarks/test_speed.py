"""The program that measures speed: what it compares with gives the package's own score, and it runs."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import speed
import torch
from speed_parts.straightforward import straightforward
from speed_parts.switches import GRID, KEPT, KEPT_FOR_EACH, NOT_KEPT
from speed_parts.untrained import untrained

from conftest import make_brain
from pseudohealthy.prepare.model_grid import ModelGrid
from pseudohealthy.prepare.scan import PreparedScan, prepare_scan
from pseudohealthy.stages.infer import Inference
from pseudohealthy.stages.recipe import load_recipe

VIEWS = replace(load_recipe("smoke").reconstructor.settings, test_steps=(250, 750))
FEW_SLICES = ModelGrid("few slices", (80, 96, 3), 2.0)


def scan() -> PreparedScan:
    return prepare_scan(make_brain((5.0, 5.0, 5.0)), FEW_SLICES)


@pytest.mark.parametrize("segmented", ["each", "mean"])
def test_the_score_is_that_of_the_straightforward_loop(segmented):
    recipe = load_recipe("smoke")
    recipe = replace(recipe, score=replace(recipe.score, segmented=segmented))
    recipe = replace(recipe, reconstructor=replace(recipe.reconstructor, settings=VIEWS))
    model, prepared = untrained(recipe), scan()
    inference = Inference(model)
    fast, slow = inference.score(inference.branches(prepared)), straightforward(model, prepared)
    assert slow.std() > 0.05
    np.testing.assert_allclose(fast, slow, atol=1e-4)


@pytest.mark.parametrize("name", [*KEPT, *KEPT_FOR_EACH, *NOT_KEPT])
def test_no_switch_changes_the_score(name):
    inference, prepared = Inference(untrained(load_recipe("smoke"))), scan()
    usual = inference.score(inference.branches(prepared))
    with {**KEPT, **KEPT_FOR_EACH, **NOT_KEPT}[name](inference):
        switched = inference.score(inference.branches(prepared))
    np.testing.assert_allclose(switched, usual, atol=1e-4)


@pytest.mark.parametrize("name", GRID)
def test_no_switch_changes_the_scan(name):
    usual = scan()
    with GRID[name](Inference(untrained(load_recipe("smoke")))):
        switched = scan()
    np.testing.assert_allclose(switched.image.data, usual.image.data, atol=1e-5)
    np.testing.assert_array_equal(switched.mask.data, usual.mask.data)


def test_it_writes_its_table(tmp_path: Path):
    before = torch.get_num_threads()
    speed.main(["roofline", "train", "predict", "--quick", "--size", "smoke", "--out", str(tmp_path)])
    assert torch.get_num_threads() == before
    with (tmp_path / "speed.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert {row["part"] for row in rows} == {"roofline", "train", "gain", "predict"}
    assert all(float(row["value"]) > 0 for row in rows)
    table = (tmp_path / "speed.md").read_text(encoding="utf-8")
    assert all(f"| {row['what']} | {row['value']} |" in table for row in rows)
