"""From a scan to its anomaly score and mask: reconstruct, segment, fuse, and back to the scan's own grid.

A scan's result depends on the scan and the model alone: noise maps follow from the model's seed, slices are batched
within the scan, so it scores the same alone, in a cohort, or in another order (rule 7).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from pseudohealthy import __version__
from pseudohealthy.data.slices import SliceBatch, generator
from pseudohealthy.io.cohort import Case
from pseudohealthy.models.detectors import DETECTORS
from pseudohealthy.prepare.scan import PreparedScan
from pseudohealthy.score.fusion import anomaly_score
from pseudohealthy.score.lesions import lesion_table
from pseudohealthy.score.maps import anomaly_map
from pseudohealthy.score.median import median_in_mask
from pseudohealthy.score.thresholds import Threshold
from pseudohealthy.stages.compute import computing, ready
from pseudohealthy.stages.model_folder import Model
from pseudohealthy.stages.prediction import Prediction
from pseudohealthy.stages.processor import best_device, refuse_precision
from pseudohealthy.stages.reference import Reference
from pseudohealthy.stages.slabs import covering
from pseudohealthy.stages.tensors import to_zyx

CHUNK = 16
"""Slices a network call, or as many slabs as they make up. Part of the result's last digits, so not an option."""

Map = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Reconstructions:
    """What Stage I makes of a scan, on the model grid.

    Attributes:
        views: All reconstructions that the score averages, (view, z, y, x).
        mean: Their mean x^, (z, y, x).
        unsupervised: The deviation from it, x~ in [0, 1], (z, y, x).
    """

    views: torch.Tensor
    mean: Map
    unsupervised: Map


@dataclass(frozen=True, eq=False)
class Branches:
    """What the networks make of a scan, on the model grid, (z, y, x).

    Attributes:
        reconstruction: Mean pseudo-healthy reconstruction x^, intensity scale of the model.
        unsupervised: x~, in [0, 1].
        supervised: y^, in [0, 1]; None for the unsupervised model.
    """

    reconstruction: Map
    unsupervised: Map
    supervised: Map | None


class Inference:
    """A model on the best device, ready to score prepared scans.

    Args:
        model: It is left as it is.
        precision: One of `compute.PRECISIONS`.
    """

    def __init__(self, model: Model, precision: str = "fp32") -> None:
        self.device, self.precision = best_device(), precision
        refuse_precision(precision, self.device)
        self.model = ready(model, self.device)
        self._reference = Reference(self.model, model.reference)
        self._reconstruction = Reference(self.model, "reconstruction")

    def reconstruct(self, prepared: PreparedScan) -> Reconstructions:
        """Stage I on a prepared scan. Slices without brain are 0."""
        x, mask = to_zyx(prepared.image.data), to_zyx(prepared.mask.data)
        parts, own = [], None
        with computing(self.device, self.precision):
            for batch in _chunks(x, mask, self.device):
                rows = batch.position.cpu()
                views = self._reconstruction.views(batch, generator(self.model.seed, "predict"))
                parts.append((rows, views[:, :, 0].float().cpu()))
                found = self.model.reconstructor.anomaly_map(batch.x, batch.mask, generator(self.model.seed, "predict"))
                if found is not None:
                    own = np.zeros_like(x) if own is None else own
                    own[rows.numpy()] = found[:, 0].float().cpu().numpy()
        whole = torch.zeros(len(parts[0][1]), *x.shape)
        for positions, views in parts:
            whole[:, positions] = views
        x_hat = whole.mean(dim=0).numpy()
        return Reconstructions(whole, x_hat, self._unsupervised(x, whole.numpy(), mask, own))

    def branches(self, prepared: PreparedScan, made: Reconstructions | None = None) -> Branches:
        """Reconstruction and both branches of a prepared scan.

        The segmenter runs once for each reconstruction (each t) and its maps are averaged (paper, section 3.3), or, if
        the recipe says so, once on their mean. Where the slabs that it sees overlap, they are averaged too.

        Args:
            prepared: The scan.
            made: `reconstruct(prepared)`, where a model with the same reconstructor has made it already.
        """
        if made is None:
            made = self.reconstruct(prepared)
        supervised = None
        if self.model.segmenter is not None:
            x, mask = to_zyx(prepared.image.data), to_zyx(prepared.mask.data)
            total, times = torch.zeros(x.shape), torch.zeros(len(x), 1, 1)
            with computing(self.device, self.precision):
                for batch in _chunks(x, mask, self.device, self.model.segmenter.slab):
                    rows = batch.position.cpu()
                    views = made.views[:, rows][:, :, None].to(self.device)
                    total.index_add_(0, rows, self._segmented(batch, views)[:, 0].cpu())
                    times.index_add_(0, rows, torch.ones(len(rows), 1, 1))
            supervised = (total / times.clamp_min(1)).numpy()
        return Branches(made.mean, made.unsupervised, supervised)

    def _segmented(self, batch: SliceBatch, views: torch.Tensor) -> torch.Tensor:
        segmenter = self.model.segmenter
        if segmenter is None:
            raise TypeError("this model has no segmenter")
        if not segmenter.uses_residual:
            probability: torch.Tensor = segmenter(batch.x, None).float().sigmoid()
            return probability * batch.mask
        if self.model.reference != "reconstruction":
            views = self._reference.views(batch, generator(self.model.seed, "predict"))
        if self.model.recipe.score.segmented == "mean":
            views = views.mean(dim=0, keepdim=True)
        probabilities = segmenter.views(batch.x, batch.x - views).float().sigmoid()
        return probabilities.mean(dim=0) * batch.mask

    def _unsupervised(self, x: Map, views: Map, mask: NDArray[np.bool_], own: Map | None) -> Map:
        """x~, from the method's own map where it has one; the median filter is the same for all."""
        settings = self.model.recipe.score
        deviation = anomaly_map(settings.map, x, views, mask) if own is None else own
        return np.clip(median_in_mask(deviation, mask, settings.median_voxels), 0, 1).astype(np.float32)

    def rows(self, prepared: PreparedScan, branches: Branches, *, baselines: bool = True) -> dict[str, Map]:
        """Every score that this model can give, by its row in tables: baselines, each branch, and their fusion."""
        model = self.model
        rows: dict[str, Map] = {}
        if baselines:
            x, mask = to_zyx(prepared.image.data), to_zyx(prepared.mask.data)
            for name, make in DETECTORS.items():
                rows[name] = make(model.population).map(x, mask, generator(model.seed, name))
            rows[model.reconstructor_row] = branches.unsupervised
        if branches.supervised is not None:
            rows[model.segmenter_row] = branches.supervised
        rows[model.row] = self.score(branches)
        return rows

    def score(self, branches: Branches) -> Map:
        """The model's own anomaly score (paper, appendix D)."""
        fused = anomaly_score(branches.unsupervised, branches.supervised, self.model.recipe.score.beta)
        return np.asarray(fused, np.float32)

    def predict(
        self,
        prepared: PreparedScan,
        threshold: Threshold,
        case: Case | None = None,
        branches: Branches | None = None,
    ) -> Prediction:
        """Score a prepared scan, unless its `branches` are known already, and bring everything to its native grid."""
        timings: dict[str, float] = {}
        if branches is None:
            with timed(timings, "reconstruct"):
                made = self.reconstruct(prepared)
            with timed(timings, "segment"):
                branches = self.branches(prepared, made)
        with timed(timings, "to native grid"):
            score = prepared.to_native(to_zyx(self.score(branches)))
            reconstruction = prepared.to_native(to_zyx(branches.reconstruction))
            unsupervised = prepared.to_native(to_zyx(branches.unsupervised))
            supervised = None if branches.supervised is None else prepared.to_native(to_zyx(branches.supervised))
        brain = prepared.native_mask.data
        mask = score.like((score.data > threshold.value) & brain)
        intensities = np.where(brain, prepared.scale.undo(reconstruction.data), 0).astype(np.float32)
        return Prediction(
            case=case,
            scan=prepared.native,
            brain_mask=prepared.native_mask,
            reconstruction=reconstruction.like(intensities),
            score=score,
            unsupervised=unsupervised,
            supervised=supervised,
            mask=mask,
            threshold=threshold,
            lesions=tuple(lesion_table(mask.data, score.data, score.affine)),
            coverage=prepared.coverage,
            timings_s=timings,
            model={
                "row": self.model.row,
                "version": __version__,
                "noise seed": str(self.model.seed),
                "precision": self.precision,
                "healthy scans learned from": str(self.model.population.n),
                **_of_stage_2(self.model),
            },
            warnings=_warnings(prepared, self.model),
        )


def _of_stage_2(model: Model) -> dict[str, str]:
    """What its segmenter has been shown; whether it finds anything else is another question."""
    if model.segmenter is None:
        return {}
    shown = {"annotated scans learned from": str(len(model.trained_on.get("segmenter", {})))}
    painted = len(model.trained_on.get("painted", {}))
    if painted:
        shown[f"healthy scans painted on ({model.recipe.supervision.synthetic})"] = str(painted)
    return shown


def score_with(inferences: Sequence[Inference], prepared: PreparedScan) -> list[tuple[Branches, dict[str, Map]]]:
    """Branches and rows of one scan under several models that share Stage I, which runs once.

    The baselines are among the rows of the first model alone, and each row is given once: the unsupervised one is that
    of every model.
    """
    made = inferences[0].reconstruct(prepared)
    scored: list[tuple[Branches, dict[str, Map]]] = []
    given: set[str] = set()
    for number, inference in enumerate(inferences):
        branches = inference.branches(prepared, made)
        rows = inference.rows(prepared, branches, baselines=number == 0)
        scored.append((branches, {row: score for row, score in rows.items() if row not in given}))
        given |= rows.keys()
    return scored


@contextmanager
def timed(timings_s: dict[str, float], phase: str) -> Iterator[None]:
    """Add the seconds of a block to a phase."""
    begun = time.perf_counter()
    try:
        yield
    finally:
        timings_s[phase] = timings_s.get(phase, 0.0) + time.perf_counter() - begun


def _chunks(x: Map, mask: NDArray[np.bool_], device: torch.device, slab: int = 1) -> Iterator[SliceBatch]:
    slabs, together = covering(np.asarray(mask.any(axis=(1, 2))), slab), max(1, CHUNK // slab)
    for start in range(0, len(slabs), together):
        rows = slabs[start : start + together].ravel()
        images, masks = torch.from_numpy(x[rows])[:, None], torch.from_numpy(mask[rows])[:, None]
        no_lesion, none_ignored = torch.zeros_like(images), torch.zeros_like(masks)
        yield SliceBatch(images, masks, no_lesion, none_ignored, torch.from_numpy(rows)).to(device)


def _warnings(prepared: PreparedScan, model: Model) -> tuple[str, ...]:
    notes = list(prepared.native.warnings)
    if prepared.coverage < 0.95:
        notes.append(
            f"{100 * (1 - prepared.coverage):.0f} % of the brain lie outside the model grid's field and score 0."
        )
    if not model.reconstructor.reconstructs:
        notes.append(
            f"The method {model.reconstructor_row} reconstructs nothing: the pseudo-healthy image is the scan itself."
        )
    return tuple(notes)
