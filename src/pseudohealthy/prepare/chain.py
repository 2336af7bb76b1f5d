"""From a raw scan to a prepared one: brain mask, bias field, registration, intensities, one interpolation.

Every step is told with its parameters, and all that is needed to go back is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.io.templates import load_template
from pseudohealthy.io.volume import Volume
from pseudohealthy.prepare.bias_field import MOST_LEVELS, BiasField, find_bias_field
from pseudohealthy.prepare.brain_mask import brain_mask, is_stripped, island_warnings
from pseudohealthy.prepare.intensity import CEILING, IntensityScale, fit_scale
from pseudohealthy.prepare.output_grid import OutputGrid, around_box, around_template
from pseudohealthy.prepare.register import ENGINES, register
from pseudohealthy.prepare.registration import Registration, refuse_untrusted
from pseudohealthy.prepare.space import brainbox
from pseudohealthy.prepare.strip import STRIPPERS, find_brain, installed
from pseudohealthy.prepare.whole_head import strip_head

OUTPUT_SPACES = ("native", "brainbox", "template")
_CUT = 0.02  # share of the brain's voxels of a face's slice: a brain that ends at the edge is cut there


@dataclass(frozen=True)
class ChainSettings:
    """How raw scans are prepared; a recipe in `configs/prepare/` sets some of it.

    Attributes:
        strip: Tool for whole heads, or `auto`: the first that is installed. Given masks and stripped scans need none.
        bias_field_levels: Levels of N4, 0 to 4; 0 leaves the scan as it is, since N4 takes large lesions for bias
            (`prepare/bias_field.py`).
        space: `native` (the scan's own grid), `brainbox` (its brain's box scaled to the MNI brain's) or `template`.
        template: `mni152`, or the path of a stripped template.
        engine: What registers: `simpleitk`, or `ants` where it is installed.
        spacing_mm: Edge of the cubic voxels; not used in `native`.
        field_mm: Field of view, right-left, front-back, up-down; not used in `native`.
    """

    strip: str = "auto"
    bias_field_levels: int = 0
    space: str = "template"
    template: str = "mni152"
    engine: str = "simpleitk"
    spacing_mm: float = 1.0
    field_mm: tuple[float, float, float] = (160.0, 192.0, 160.0)

    def __post_init__(self) -> None:
        for key, value, known in (
            ("strip", self.strip, ("auto", *STRIPPERS)),
            ("space", self.space, OUTPUT_SPACES),
            ("engine", self.engine, ENGINES),
        ):
            if value not in known:
                raise ValueError(f"{key} '{value}', which is none of {', '.join(known)}")
        if not 0 <= self.bias_field_levels <= MOST_LEVELS:
            raise ValueError(f"bias_field_levels {self.bias_field_levels}, which is not from 0 to {MOST_LEVELS}")
        if not 0.1 <= self.spacing_mm <= 10:
            raise ValueError(f"spacing_mm {self.spacing_mm:g}, which is not from 0.1 to 10")
        if min(self.field_mm) < 8 * self.spacing_mm or max(self.field_mm) > 512:
            raise ValueError(f"field_mm {self.field_mm}, of which one is below 8 voxels or above 512 mm")


@dataclass(frozen=True, eq=False)
class PreparedRaw:
    """A prepared scan, and the way back.

    Attributes:
        image: Float32 in [0, 1.5], 0 outside the brain.
        mask: Bool, its brain.
        native_mask: Bool, the brain on the scan's own grid.
        outline: Bool, the brain that the prepared one should fill: the template's, or its own.
        space: Name of the space for file names: `orig`, `brainbox`, or the template's.
        target_from_world: Scan's world mm -> the space's mm (4, 4); the identity in `orig`.
        bias_field: What was divided out; None where nothing was.
        scale: The scan's intensities (without bias field) <-> [0, 1.5].
        steps: What was done: step -> parameters and results, in order, ready for JSON.
        warnings: Sentences about what a user should look at.
        grid: Where the prepared scan lies; None on its own grid.
    """

    image: Volume
    mask: Volume
    native_mask: Volume
    outline: Volume
    space: str
    target_from_world: NDArray[np.float64]
    bias_field: BiasField | None
    scale: IntensityScale
    steps: Mapping[str, Mapping[str, Any]]
    warnings: tuple[str, ...]
    grid: OutputGrid | None

    def carry(self, mask: Volume) -> Volume:
        """Bring a mask (bool) from the scan's grid to the prepared one, as a fraction cut at one half."""
        return mask if self.grid is None else self.grid.onto(mask, self.target_from_world, 1)


def prepare_raw(scan: Volume, settings: ChainSettings, given_mask: Volume | None = None) -> PreparedRaw:
    """Prepare one raw scan.

    Args:
        scan: T1w scan: a whole head, or stripped with a background of 0; any storage order.
        settings: What to do.
        given_mask: Brain mask on the scan's grid.

    Raises:
        ImageError: No plausible brain, no contrast, or a registration that cannot be trusted.
        MissingExtraError: A tool is not installed.
    """
    template = load_template(settings.template) if settings.space == "template" else None
    steps: dict[str, Mapping[str, Any]] = {"read": _facts(scan)}
    source, mask = _brain(scan, settings, given_mask)
    steps["brain_mask"] = {"source": source, "volume_ml": round(float(mask.data.sum()) * mask.voxel_ml, 1)}
    levels = settings.bias_field_levels
    bias = find_bias_field(scan, mask, levels) if levels else None
    even = scan if bias is None else bias.remove(scan)
    steps["bias_field"] = {"method": "N4", "levels": levels} if levels else {"method": "none"}
    found = None if template is None else register(even, mask, template, settings.engine)
    if template is not None and found is not None:
        steps["registration"] = {"template": template.name, "engine": settings.engine, **_quality(found)}
        fix = "Look at the scan and its brain mask; give a better mask, or another --strip tool."
        refuse_untrusted(found, scan, template.name, fix, source if source in STRIPPERS else "")
    scale = fit_scale(even, mask)
    steps["intensity"] = {"zero": scale.zero, "one": scale.one, "ceiling": CEILING}
    scaled = even.like(scale.apply(even.data) * mask.data)
    if settings.space == "native":
        steps["resample"] = {"space": "orig"}
        told = tuple(_warnings(scan, mask, 1.0))
        return PreparedRaw(scaled, mask, mask, mask, "orig", np.eye(4), bias, scale, steps, told, None)
    if template is not None and found is not None:
        grid = around_template(template, settings.field_mm, settings.spacing_mm)
        target = found.template_from_world
    else:
        grid = around_box(settings.field_mm, settings.spacing_mm)
        target = brainbox(scan, mask)
    image, brain = grid.onto(scaled, target, 3), grid.onto(mask, target, 1)
    coverage = grid.coverage(mask, target)
    voxels = {"shape": grid.grid.shape, "spacing_mm": grid.grid.spacing_mm}
    steps["resample"] = {"space": grid.space, **voxels, "coverage": coverage}
    return PreparedRaw(
        image=image.like(np.clip(image.data, 0, CEILING) * brain.data),
        mask=brain,
        native_mask=mask,
        outline=brain if template is None else grid.onto(template.brain_mask, np.eye(4), 1),
        space=grid.space,
        target_from_world=target,
        bias_field=bias,
        scale=scale,
        steps=steps,
        warnings=(*_warnings(scan, mask, coverage), *(() if found is None else found.warnings)),
        grid=grid,
    )


def _facts(scan: Volume) -> dict[str, Any]:
    return {"shape": scan.shape, "spacing_mm": [round(mm, 4) for mm in scan.spacing_mm], "affine": scan.affine.tolist()}


def _brain(scan: Volume, settings: ChainSettings, given: Volume | None) -> tuple[str, Volume]:
    """Where the mask comes from, and the mask."""
    if given is not None:
        return "given", brain_mask(scan, given)
    if is_stripped(scan):
        return "background of 0", brain_mask(scan)
    tool = installed() if settings.strip == "auto" else settings.strip
    if settings.space == "template":  # whether the mask fits a brain shows when it is registered
        return tool, brain_mask(scan, find_brain(scan, tool))
    return tool, strip_head(scan, tool)


def _quality(found: Registration) -> dict[str, Any]:
    words = ("template_from_world", "problems", "warnings")
    numbers = {key: value for key, value in asdict(found).items() if key not in words}
    return {key: np.round(value, 4).tolist() for key, value in numbers.items()}


def _warnings(scan: Volume, mask: Volume, coverage: float) -> Iterator[str]:
    yield from scan.warnings
    yield from island_warnings(mask)
    sides = (("left", "right"), ("back", "front"), ("lower", "upper"))
    upright = mask.canonical().data
    for axis, names in enumerate(sides):
        slices = upright.sum(axis=tuple(other for other in range(3) if other != axis))
        for end, name in zip((0, -1), names, strict=True):
            if slices[end] > _CUT * upright.sum():
                yield f"the brain reaches the {name} edge of the scan: what lies beyond is not there"
    if coverage < 0.999:
        yield f"{1 - coverage:.1%} of the brain lies outside the prepared field of view"
    thickest = max(scan.spacing_mm)
    if thickest > 3:
        yield f"voxels are {thickest:.1f} mm thick: structures thinner than that are lost or blurred"
