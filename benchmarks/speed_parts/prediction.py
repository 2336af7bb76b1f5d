"""Seconds a volume, by phase; what each optimisation gains; the whole against the straightforward loop."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

from pseudohealthy.io.volume import Volume, read_volume, write_volume, write_volumes
from pseudohealthy.prepare.model_grid import GRIDS, ModelGrid
from pseudohealthy.prepare.scan import PreparedScan, prepare_scan
from pseudohealthy.report.case_page import write_case_page
from pseudohealthy.score.maps import anomaly_map
from pseudohealthy.score.median import median_in_mask
from pseudohealthy.score.thresholds import given_threshold
from pseudohealthy.stages.infer import Inference
from pseudohealthy.stages.model_folder import Model, load_model
from pseudohealthy.stages.processor import native_precision
from pseudohealthy.stages.recipe import load_recipe
from pseudohealthy.stages.tensors import to_zyx
from pseudohealthy.virtual.scan import make_scan
from speed_parts.measure import Row, Seconds, floating_point_operations, interleaved, peak_mb, ratio
from speed_parts.straightforward import straightforward
from speed_parts.switches import GRID, KEPT, KEPT_FOR_EACH, KEPT_IN_STAGE_1, KEPT_IN_STAGE_2, NOT_KEPT, Without
from speed_parts.untrained import untrained

THRESHOLD = given_threshold(0.5)
UNIT = "of a score in [0, 1]"


@dataclass(frozen=True, eq=False)
class Work:
    """What is measured.

    Attributes:
        size: The recipe.
        model: Its model.
        scan: A file.
        slices: Predict these many slices alone; None for all.
        repeats: Of each measurement.
        device: Where.
        roof: Operations per second in fp32.
    """

    size: str
    model: Model
    scan: Path
    slices: int | None
    repeats: int
    device: torch.device
    roof: float

    def prepared(self, slices: int | None = None) -> PreparedScan:
        """The scan on the model grid, or on a grid of a few of its slices."""
        grid, few = GRIDS[self.model.recipe.grid], slices or self.slices
        if few is not None:
            grid = ModelGrid(grid.name, (*grid.shape[:2], few), grid.spacing_mm)
        return prepare_scan(read_volume(self.scan), grid, None, self.model.recipe.space)


def rows(work: Work) -> Iterator[Row]:
    """All of it; of a size whose slices are few, the networks alone, and what a volume would take."""
    if work.slices is None:
        yield from phases(work)
        yield from gains(work)
        yield from of_the_whole(work)
    else:
        yield from extrapolated(work)


def phases(work: Work) -> Iterator[Row]:
    """Seconds and peak memory of each phase of `predict`, pages left out."""
    inference, volume, prepared = Inference(work.model), read_volume(work.scan), work.prepared()
    grid, space, score = prepared.grid, work.model.recipe.space, work.model.recipe.score
    made = inference.reconstruct(prepared)
    branches = inference.branches(prepared, made)
    prediction = inference.predict(prepared, THRESHOLD, branches=branches)
    x, mask, views = to_zyx(prepared.image.data), to_zyx(prepared.mask.data), made.views.numpy()
    deviation = anomaly_map(score.map, x, views, mask)
    with tempfile.TemporaryDirectory() as folder:

        def write() -> None:
            names = ("reconstruction", "score", "mask")
            paths = [Path(folder, f"{name}.nii.gz") for name in names]
            write_volumes([getattr(prediction, name) for name in names], paths)

        def write_one_by_one() -> None:
            for name in ("reconstruction", "score", "mask"):
                write_volume(getattr(prediction, name), Path(folder, f"{name}.nii.gz"))

        every: dict[str, Callable[[], object]] = {
            "read": lambda: read_volume(work.scan),
            "prepare": lambda: prepare_scan(volume, grid, None, space),
            "reconstruct": lambda: inference.reconstruct(prepared),
            "segment": lambda: inference.branches(prepared, made),
            "to native grid, mask, lesions": lambda: inference.predict(prepared, THRESHOLD, branches=branches),
            "write": write,
        }
        beside: dict[str, Callable[[], object]] = {
            "the page, in no phase": lambda: write_case_page(Path(folder, "page.html"), prediction)
        }
        apart: dict[str, Callable[[], object]] = {"write, one image after the other": write_one_by_one}
        inside: dict[str, Callable[[], object]] = {
            "reconstruct: of this the anomaly map": lambda: anomaly_map(score.map, x, views, mask),
            "reconstruct: of this the median": lambda: median_in_mask(deviation, mask, score.median_voxels),
        }
        seconds = interleaved(every | inside | beside | apart, work.repeats, work.device)
        for what in every | inside | beside:
            yield Row("predict", work.size, what, seconds[what].wall, "s", f"{seconds[what].cpu:.2f} s of processor")
        total = sum(seconds[what].wall for what in every), sum(seconds[what].cpu for what in every)
        yield Row("predict", work.size, "a volume, all phases", total[0], "s", f"{total[1]:.2f} s of processor")
        gain = seconds["write, one image after the other"].wall / seconds["write"].wall
        yield Row("gain", work.size, "images written side by side", gain, "times", "by the clock")
        for what, do in every.items():
            if (peak := peak_mb(do, work.device)) is not None:
                yield Row("predict", work.size, f"peak memory: {what}", peak, "MB", "of the whole process")
    operations = floating_point_operations(lambda: inference.branches(prepared))
    busy = sum(_busy(seconds[phase], work.device) for phase in ("reconstruct", "segment"))
    yield Row("predict", work.size, "operations of both networks", operations / 1e9, "GFLOP/volume", "counted")
    yield Row("predict", work.size, "networks, of the matrix rate", 100 * operations / busy / work.roof, "%")


def gains(work: Work) -> Iterator[Row]:
    """How many times as fast each optimisation makes the part that it touches."""
    inference, few = Inference(work.model), work.prepared(slices=16)
    recipe = work.model.recipe
    each = Inference(replace(work.model, recipe=replace(recipe, score=replace(recipe.score, segmented="each"))))
    whole = work.prepared()
    native = read_volume(work.scan)

    def there_and_back() -> None:
        prepare_scan(native, whole.grid, None, work.model.recipe.space).to_native(whole.image.data)

    def compare(what: str, before: Callable[[], object], after: Callable[[], object], note: str) -> Row:
        taken = interleaved({"before": before, "after": after}, work.repeats, work.device)
        return Row("gain", work.size, what, ratio(taken["before"], taken["after"], work.device), "times", note)

    both = _networks(inference, few)
    for what, context in KEPT.items():
        yield compare(what, _without(context, inference, both), both, "both networks, 16 slices, fp32")
    made = inference.reconstruct(few)
    segmented_each = "Stage II alone, 16 slices, fp32, each reconstruction segmented as in recipe paper"
    alone: tuple[tuple[dict[str, Without], Inference, Callable[[], object], str], ...] = (
        (KEPT_IN_STAGE_1, inference, lambda: inference.reconstruct(few), "Stage I, 16 slices, fp32"),
        (KEPT_IN_STAGE_2, inference, lambda: inference.branches(few, made), "Stage II, 16 slices, fp32"),
        (KEPT_FOR_EACH, each, lambda: each.branches(few, made), segmented_each),
    )
    for switches, of, part, note in alone:
        for what, context in switches.items():
            yield compare(what, _without(context, of, part), part, note)
    for what, context in NOT_KEPT.items():
        yield compare(f"not kept: {what}", both, _without(context, inference, both), "both networks, 16 slices, fp32")
    for what, context in GRID.items():
        yield compare(what, _without(context, inference, there_and_back), there_and_back, "prepare, and one map back")
    if native_precision(work.device) == "bf16-mixed":
        half = Inference(work.model, "bf16")
        yield compare("bf16 (a choice)", both, _networks(half, few), "both networks, 16 slices")
        apart = np.abs(inference.score(inference.branches(few)) - half.score(half.branches(few)))
        yield Row("parity", work.size, "bf16 against fp32, largest of 16 slices", float(apart.max()), UNIT)
    mask = to_zyx(whole.mask.data)
    values, edge = to_zyx(whole.image.data), work.model.recipe.score.median_voxels
    yield compare(
        "median at the brain's voxels alone",
        lambda: ndimage.median_filter(values * mask, edge, mode="constant"),
        lambda: median_in_mask(values, mask, edge),
        "against scipy's of the whole grid",
    )


def _networks(inference: Inference, prepared: PreparedScan) -> Callable[[], object]:
    return lambda: inference.branches(prepared)


def _without(context: Without, inference: Inference, do: Callable[[], object]) -> Callable[[], object]:
    def run() -> None:
        with context(inference):
            do()

    return run


def of_the_whole(work: Work) -> Iterator[Row]:
    """The score on the model grid, against the straightforward loop."""
    inference, prepared = Inference(work.model), work.prepared()
    for network in (work.model.reconstructor, work.model.segmenter):
        if network is not None:
            network.to(work.device)
    found: dict[str, np.ndarray] = {}

    def loop() -> None:
        found["loop"] = straightforward(work.model, prepared)

    def ours() -> None:
        found["ours"] = inference.score(inference.branches(prepared))

    seconds = interleaved({"loop": loop, "ours": ours}, min(work.repeats, 2), work.device)
    for who, what in (("straightforward loop", "loop"), ("this package", "ours")):
        note = f"{seconds[what].cpu:.2f} s of processor"
        yield Row("predict", work.size, f"score on the model grid, {who}", seconds[what].wall, "s", note)
    gain = ratio(seconds["loop"], seconds["ours"], work.device)
    yield Row("gain", work.size, "all against the straightforward loop", gain, "times", "reconstruct, segment, score")
    apart = float(np.abs(found["loop"] - found["ours"]).max())
    yield Row("parity", work.size, "largest difference from the straightforward loop", apart, UNIT)


def extrapolated(work: Work) -> Iterator[Row]:
    """Both networks on a few slices, once, and from it a volume."""
    inference, prepared = Inference(work.model), work.prepared()
    slices, all_slices = int(to_zyx(prepared.mask.data).any(axis=(1, 2)).sum()), GRIDS[work.model.recipe.grid].shape[2]
    operations = floating_point_operations(lambda: inference.branches(prepared))  # the warm-up, too
    begun = interleaved({"networks": lambda: inference.branches(prepared)}, 1, work.device)["networks"]
    note = f"{slices} slices, once, times {all_slices} / {slices}"
    yield Row("predict", work.size, "networks, a volume (extrapolated)", begun.wall * all_slices / slices, "s", note)
    yield Row("predict", work.size, "operations of both networks", operations / slices / 1e9, "GFLOP/slice", "counted")
    share = 100 * operations / _busy(begun, work.device) / work.roof
    yield Row("predict", work.size, "networks, of the matrix rate", share, "%")
    if (peak := peak_mb(lambda: inference.branches(prepared), work.device)) is not None:
        yield Row("predict", work.size, "peak memory: networks", peak, "MB", "of the whole process")


def model_and_scan(
    size: str, model: Path | None, scan: Path | None, folder: Path, spacing_mm: float
) -> tuple[Model, Path]:
    """What the user named, else random weights and a virtual person."""
    if scan is None:
        scan, made = folder / "virtual_T1w.nii.gz", make_scan(0, spacing_mm=spacing_mm).image
        write_volume(Volume(made.data.astype(np.float32), made.affine), scan)
    return load_model(model) if model is not None else untrained(load_recipe(size)), scan


def _busy(seconds: Seconds, device: torch.device) -> float:
    return seconds.cpu / torch.get_num_threads() if device.type == "cpu" else seconds.wall
