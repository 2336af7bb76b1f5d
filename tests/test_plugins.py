"""A new method is what would be one file, and one line in a table: it trains, predicts and is a row like any other.

Each class or function below is the whole of such a file; the line is the `monkeypatch.setitem` of its test.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from conftest import make_brain
from pseudohealthy.data.anomalies import ANOMALIES
from pseudohealthy.errors import ModelFolderError
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.models.detectors import DETECTORS
from pseudohealthy.models.population import Population
from pseudohealthy.models.reconstructors import RECONSTRUCTORS, Reconstructor
from pseudohealthy.models.segmenters import SEGMENTERS, Segmenter
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.prepare.scan import PreparedScan, prepare_scan
from pseudohealthy.score.maps import SCORES
from pseudohealthy.score.median import median_in_mask
from pseudohealthy.score.thresholds import given_threshold
from pseudohealthy.stages.calibrate import calibrate
from pseudohealthy.stages.infer import Inference
from pseudohealthy.stages.model_folder import Model, load_model, save_model
from pseudohealthy.stages.recipe import Recipe, load_recipe
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.stages.supervision import Supervision
from pseudohealthy.stages.tensors import to_zyx
from pseudohealthy.stages.train_reconstructor import train_reconstructor
from pseudohealthy.stages.train_segmenter import train_segmenter
from pseudohealthy.workflows.evaluate_cohort import evaluate_cohort

STEPS = "{steps: 2, batch_size: 2, validate_every_steps: 2, precision: 32-true, learning_rate: 0.01}"


@dataclass(frozen=True)
class BlurSettings:
    edge: int = 3


class Blur(Reconstructor):
    """The slice through one learned kernel."""

    def __init__(self, settings: BlurSettings) -> None:
        super().__init__()
        self.kernel = nn.Conv2d(1, 1, settings.edge, padding="same", bias=False)

    def loss(self, x: Tensor, rng: torch.Generator) -> Tensor:
        return (self.reconstruct(x, rng) - x).abs().mean()

    def reconstruct(self, x: Tensor, rng: torch.Generator) -> Tensor:
        return self.kernel(x)


@dataclass(frozen=True)
class LogisticSettings:
    bias: float = -3.0


class Logistic(Segmenter):
    """Logistic regression on scan and residual."""

    uses_residual = True

    def __init__(self, settings: LogisticSettings) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.tensor([0.0, 0.0, settings.bias]))

    def forward(self, x: Tensor, residual: Tensor | None) -> Tensor:
        assert residual is not None
        return self.weights[0] * x + self.weights[1] * residual + self.weights[2]


class Darkness:
    """Scores what is dark, whatever the population looks like."""

    def __init__(self, population: Population) -> None:
        self.top = float(population.mean.max())

    def map(self, x: NDArray[np.float32], mask: NDArray[np.bool_], rng: torch.Generator) -> NDArray[np.float32]:
        return np.where(mask, np.clip(1 - x / self.top, 0, 1), 0).astype(np.float32)


def squares(x: Tensor, mask: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """A grey square in the middle of each slice."""
    label = torch.zeros_like(x)
    label[..., 40:56, 32:48] = 1.0
    label = label * mask
    return torch.where(label > 0, 0.5, x), label


def squared(x: NDArray[np.floating], x_hat: NDArray[np.floating], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Squared difference."""
    return np.where(mask, (x - x_hat) ** 2, 0).astype(np.float32)


def recipe(folder: Path, text: str) -> Recipe:
    path = folder / "recipe.yaml"
    path.write_text(f"reconstructor_training: {STEPS}\nsegmenter_training: {STEPS}\n{text}\n")
    return load_recipe(path)


@pytest.fixture
def scan() -> PreparedScan:
    return prepare_scan(make_brain((5.0, 5.0, 5.0)), GRIDS["small"])


def rows_of(model: Model, scan: PreparedScan) -> dict[str, NDArray[np.float32]]:
    inference = Inference(model)
    return inference.rows(scan, inference.branches(scan))


def test_reconstructor(tmp_path, monkeypatch, made_cohort, scan):
    monkeypatch.setitem(RECONSTRUCTORS, "blur", (BlurSettings, Blur))
    chosen = recipe(tmp_path, "reconstructor: {method: blur, settings: {edge: 5}}")
    with RunFolder.open(tmp_path / "run") as run:
        train_reconstructor(made_cohort.split("train"), made_cohort.split("validation"), chosen, run)
    model = load_model(tmp_path / "run" / "model")
    assert model.row == "blur"
    assert isinstance(model.reconstructor, Blur)
    assert model.reconstructor.kernel.weight.shape == (1, 1, 5, 5)
    assert list(rows_of(model, scan)) == ["constant", "threshold", "threshold_dark", "zmap", "zmap_dark", "blur"]
    x, mask = (torch.from_numpy(to_zyx(part.data)) for part in (scan.image, scan.mask))
    expected = functional.conv2d(x[:, None], model.reconstructor.kernel.weight, padding=2)[:, 0] * mask
    made = Inference(model).branches(scan).reconstruction
    np.testing.assert_allclose(made, expected.detach().numpy(), atol=1e-5)


def test_segmenter(tmp_path, monkeypatch, fitted, scan):
    monkeypatch.setitem(SEGMENTERS, "logistic", (LogisticSettings, Logistic))
    chosen = recipe(tmp_path, "segmenter: {method: logistic, settings: {bias: -1.0}}")
    cohort = fitted.cohort
    scans = Supervision(Cohort(()), cohort.split("annotated"), cohort.split("validation"))
    with RunFolder.open(tmp_path / "run") as run:
        train_segmenter(load_model(fitted.stage_1), scans, chosen, run)
    model = load_model(tmp_path / "run" / "model")
    assert (model.row, model.segmenter_row) == ("sadm_logistic", "logistic")
    assert isinstance(model.segmenter, Logistic)
    assert not torch.equal(model.segmenter.weights, torch.tensor([0.0, 0.0, -1.0]))  # it has learned
    rows = rows_of(model, scan)
    assert list(rows)[-2:] == ["logistic", "sadm_logistic"]
    (calibrated,) = calibrate([model], cohort.split("calibration"))
    cases = evaluate_cohort([calibrated], cohort.split("test")[:1]).cases
    assert {"logistic", "sadm_logistic"} <= {case.row for case in cases}


def test_detector(monkeypatch, fitted):
    monkeypatch.setitem(DETECTORS, "darkness", Darkness)
    test = fitted.cohort.split("test")[:1]
    with pytest.raises(ModelFolderError, match=r"no threshold .* for darkness .*Run 'pseudohealthy calibrate"):
        evaluate_cohort([fitted.load()], test)
    (model,) = calibrate([load_model(fitted.stage_1)], fitted.cohort.split("calibration"))
    found = {case.row: case.metrics for case in evaluate_cohort([model], test).cases if case.grid == "native"}
    assert list(found) == ["constant", "threshold", "threshold_dark", "zmap", "zmap_dark", "darkness", "cddpm"]
    assert found["darkness"]["auroc"] > found["constant"]["auroc"]  # the ball is dark


def test_anomaly_generator(tmp_path, monkeypatch, fitted):
    painted: list[float] = []

    def watched(x: Tensor, mask: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        slices, label = squares(x, mask, rng)
        painted.append(float(label.sum()))
        return slices, label

    monkeypatch.setitem(ANOMALIES, "squares", watched)
    chosen = recipe(tmp_path, "segmenter: {settings: {widths: [8, 16]}}\nsupervision: {synthetic: squares}")
    scans = Supervision(fitted.cohort.split("train"), Cohort(()), fitted.cohort.split("validation"))
    with RunFolder.open(tmp_path / "run") as run:
        model = train_segmenter(load_model(fitted.stage_1), scans, chosen, run)
    assert model.row == "sadm_res_squares"
    assert load_model(tmp_path / "run" / "model").recipe.supervision.synthetic == "squares"
    assert model.trained_on["segmenter"] == {}
    assert len(painted) == 3  # the validation slices, and a batch a step
    assert all(painted)


def test_score(tmp_path, monkeypatch, fitted, scan):
    monkeypatch.setitem(SCORES, "squared", squared)  # type: ignore[arg-type]
    chosen = recipe(tmp_path, "score: {map: squared, median_voxels: 3}")
    model = load_model(fitted.stage_1)
    save_model(replace(model, recipe=replace(model.recipe, score=chosen.score)), tmp_path / "model")
    inference = Inference(load_model(tmp_path / "model"))
    branches = inference.branches(scan)
    x, mask = to_zyx(scan.image.data), to_zyx(scan.mask.data)
    expected = median_in_mask((x - branches.reconstruction) ** 2, mask, 3)
    np.testing.assert_allclose(branches.unsupervised, np.clip(expected, 0, 1), atol=1e-6)
    found = inference.predict(scan, given_threshold(0.1), branches=branches)
    np.testing.assert_array_equal(found.score.data, found.unsupervised.data)
    monkeypatch.delitem(SCORES, "squared")  # type: ignore[arg-type]
    with pytest.raises(ModelFolderError, match="squared"):
        load_model(tmp_path / "model")
