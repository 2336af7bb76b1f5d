"""Recipes: short YAML files, shipped by name or given by path. Their schema is built from the settings classes."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from operator import attrgetter
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentError, ArgumentParser, Namespace

from pseudohealthy.config import (
    AugmentSettings,
    CalibrationSettings,
    MethodChoice,
    ScoreSettings,
    SupervisionSettings,
    TrainingSettings,
)
from pseudohealthy.data.anomalies import ANOMALIES
from pseudohealthy.errors import ConfigError
from pseudohealthy.models.reconstructors import RECONSTRUCTORS, Reconstructor
from pseudohealthy.models.segmenters import SEGMENTERS
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.prepare.space import SPACES
from pseudohealthy.score.mahalanobis import refuse_one_view
from pseudohealthy.score.maps import SCORES, VIEW_SCORES
from pseudohealthy.stages.shipped import shipped


@dataclass(frozen=True)
class Recipe:
    """Everything that two stages need to know, resolved.

    Attributes:
        grid: Model grid (`prepare/model_grid.py`).
        space: Model space (`prepare/space.py`).
        reconstructor: Stage I network and its settings.
        reconstructor_training: Stage I optimisation.
        segmenter: Stage II network and its settings.
        segmenter_training: Stage II optimisation.
        augment: Random changes of training slices, of both stages.
        supervision: What Stage II learns from.
        score: The anomaly score.
        calibration: The `healthy` threshold.
    """

    grid: str
    space: str
    reconstructor: MethodChoice
    reconstructor_training: TrainingSettings
    segmenter: MethodChoice
    segmenter_training: TrainingSettings
    augment: AugmentSettings
    supervision: SupervisionSettings
    score: ScoreSettings
    calibration: CalibrationSettings


SHARED: dict[str, type] = {
    "reconstructor_training": TrainingSettings,
    "segmenter_training": TrainingSettings,
    "augment": AugmentSettings,
    "supervision": SupervisionSettings,
    "score": ScoreSettings,
    "calibration": CalibrationSettings,
}
_SEE = "See docs/reference/recipe.md."


def load_recipe(name: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe and apply overrides.

    Args:
        name: A shipped recipe's name, or the path of a YAML file.
        overrides: `key=value` with dotted keys, such as `reconstructor_training.steps=10`.

    Raises:
        ConfigError: No such recipe, unknown key, wrong type, unknown method.
    """
    path = _path(name)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            path, found=f"that it cannot be read ({error})", needed="UTF-8 text", fix="Check the file."
        ) from error
    content = _yaml(text, str(path)) or {}
    if not isinstance(content, Mapping):
        raise ConfigError(path, found="no keys", needed="a YAML mapping", fix="See the shipped recipes for examples.")
    changed = reduce(_overridden, overrides, dict(content))
    try:
        return recipe_from(changed, str(path))
    except ConfigError:
        recipe_from(content, str(path))  # what is wrong without the overrides, too, is the recipe's own fault
        return recipe_from(changed, _at_fault(content, overrides))


def recipe_from(content: Mapping[str, Any], subject: str) -> Recipe:
    """Check a recipe's content against the schema.

    Args:
        content: As read from YAML or from a model folder.
        subject: What to call it in an error.
    """
    _refuse_values_for_keys(content, subject)
    stage_1 = _method(content, "reconstructor", RECONSTRUCTORS, "cddpm", subject)
    stage_2 = _method(content, "segmenter", SEGMENTERS, "unet_res", subject)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--grid", type=str, default="small")
    parser.add_argument("--space", type=str, default="brainbox")
    for stage, method, settings in (
        ("reconstructor", stage_1, RECONSTRUCTORS[stage_1][0]),
        ("segmenter", stage_2, SEGMENTERS[stage_2][0]),
    ):
        parser.add_argument(f"--{stage}.method", type=str, default=method)
        parser.add_class_arguments(settings, f"{stage}.settings")
    for key, settings in SHARED.items():
        parser.add_class_arguments(settings, key)
    try:
        parsed = parser.instantiate_classes(parser.parse_object(dict(content)))
    except (ArgumentError, KeyError, TypeError, ValueError) as error:
        problem = " ".join(str(error).split())
        foreign = re.search(r"Group '(\w+)\.settings' does not accept option '([\w.]+)'", problem)
        if foreign:
            stage, method = foreign[1], {"reconstructor": stage_1, "segmenter": stage_2}[foreign[1]]
            raise ConfigError(
                subject,
                found=f"{stage}.settings.{foreign[2]}, which the method {method} does not have",
                needed="settings of the method",
                fix="Correct the name. Where a recipe has settings of another method, replace both together: "
                f"--set '{stage}={{method: {method}}}'",
            ) from error
        raise ConfigError(subject, found=problem, needed="keys, types and values of a recipe", fix=_SEE) from error
    for key, names in (
        ("grid", GRIDS),
        ("space", SPACES),
        ("score.map", (*SCORES, *VIEW_SCORES)),
        ("supervision.synthetic", ("none", *ANOMALIES)),
    ):
        chosen = attrgetter(key)(parsed)
        if chosen not in names:
            raise _unknown(f"{subject}: {key}", chosen, names)
    for stage in ("reconstructor", "segmenter"):
        refuse_uneven(f"{subject}: {stage}.settings", parsed[stage].settings, parsed.grid)
    network, made = RECONSTRUCTORS[stage_1][1], parsed.reconstructor.settings
    own_map = getattr(network, "anomaly_map", None) is not Reconstructor.anomaly_map
    if parsed.score.map == "mahalanobis" and not own_map:  # told now, not after the training
        unsaid = 1 if getattr(network, "views", None) is Reconstructor.views else 2
        views = len(getattr(made, "test_steps", ())) or getattr(made, "test_samples", unsaid)
        refuse_one_view(f"{subject}: score.map", views)
    return Recipe(
        grid=parsed.grid,
        space=parsed.space,
        reconstructor=MethodChoice(stage_1, parsed.reconstructor.settings),
        segmenter=MethodChoice(stage_2, parsed.segmenter.settings),
        **{key: parsed[key] for key in SHARED},
    )


def _refuse_values_for_keys(content: Mapping[str, Any], subject: str) -> None:
    """Refuse `score: 3`, which jsonargparse would tell in its own terms."""
    for key in (*SHARED, "reconstructor.settings", "segmenter.settings"):
        value: Any = content
        for part in key.split("."):
            value = value.get(part, {}) if isinstance(value, Mapping) else {}
        if not isinstance(value, Mapping):
            raise ConfigError(f"{subject}: {key}", found=f"the value {value!r}", needed="keys with values", fix=_SEE)


def refuse_uneven(subject: str, settings: Any, grid: str) -> None:
    """Refuse networks whose levels do not divide the grid's slices: what is halved could not be joined again."""
    multiple = getattr(settings, "slice_multiple", 1)
    others = [key for key in ("unshuffle", "zoom") if hasattr(settings, key)]
    x, y, _ = GRIDS[grid].shape
    if x % multiple or y % multiple:
        raise ConfigError(
            subject,
            found=f"levels that need slices of multiples of {multiple}",
            needed=f"levels that divide {x} x {y}, the slices of the grid '{grid}'",
            fix=f"Give fewer levels{''.join(f', or another {key}' for key in others)}.",
        )


def as_dict(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain YAML/JSON content that `recipe_from` reads back."""
    plain: dict[str, Any] = _plain(dataclasses.asdict(recipe))
    return plain


def as_yaml(recipe: Recipe) -> str:
    """The recipe as YAML text."""
    return yaml.safe_dump(as_dict(recipe), sort_keys=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping | Namespace):
        return {key: _plain(item) for key, item in dict(value).items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def _path(name: str | Path) -> Path:
    recipes = shipped()
    if str(name) in recipes:
        return recipes[str(name)]
    path = Path(name)
    if not path.is_file():
        raise ConfigError(
            f"recipe '{name}'",
            found="neither a shipped recipe nor a file",
            needed=f"one of {', '.join(recipes)}, or the path of a YAML file",
            fix="Check the name.",
        )
    return path


def _yaml(text: str, subject: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        problem = " ".join(str(error).replace('in "<unicode string>", ', "in ").split())
        raise ConfigError(
            subject, found=f"text that is not YAML ({problem})", needed="a YAML value", fix="Correct it."
        ) from error


def _overridden(content: Mapping[str, Any], override: str) -> dict[str, Any]:
    key, equals, value = override.partition("=")
    subject = f"--set {override}"
    if not equals:
        raise ConfigError(subject, found="no '='", needed="KEY=VALUE", fix="For example: --set score.beta=0.3")
    return _put(content, key.split("."), _yaml(value, subject))


def _at_fault(content: Mapping[str, Any], overrides: Sequence[str]) -> str:
    """The override without which the recipe would be right, as it was given; all of them where it takes several."""
    for number, override in enumerate(overrides):
        with suppress(ConfigError):
            recipe_from(reduce(_overridden, [*overrides[:number], *overrides[number + 1 :]], dict(content)), "")
            return f"--set {override}"
    return " ".join(f"--set {override}" for override in overrides)


def _put(content: Mapping[str, Any], keys: Sequence[str], value: Any) -> dict[str, Any]:
    first, *others = keys
    inner = content.get(first)
    return {**content, first: _put(inner if isinstance(inner, Mapping) else {}, others, value) if others else value}


def _method(content: Mapping[str, Any], stage: str, table: Mapping[str, object], default: str, subject: str) -> str:
    section = content.get(stage) or {}
    method = section.get("method", default) if isinstance(section, Mapping) else section
    if not isinstance(method, str) or method not in table:
        raise _unknown(f"{subject}: {stage}.method", method, table)
    return method


def _unknown(subject: str, found: object, names: Iterable[str]) -> ConfigError:
    return ConfigError(subject, found=f"'{found}'", needed=f"one of {', '.join(names)}", fix="Check the spelling.")
