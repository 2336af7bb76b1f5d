"""The page of a training and the files that it is made from: `metrics.csv`, `training.json` and `pictures/`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.errors import CohortError
from pseudohealthy.io.files import write_bytes, write_json
from pseudohealthy.report.canvas import Picture
from pseudohealthy.report.tiles import tile_picture
from pseudohealthy.report.training_page import SliceOverTime
from pseudohealthy.report.training_page import write_training_page as write_page
from pseudohealthy.stages.watching import Scene

PAGE = "training.html"
SCENE = "training.json"


class TrainingPage:
    """Watches a training (`stages/watching.py`) and writes its page at each validation.

    Args:
        folder: The run folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, scene: Scene) -> None:
        """Keep what does not change, and the pictures of the same training, where it is resumed."""
        told = {
            "title": scene.title,
            "kind": scene.kind,
            "views": list(scene.views),
            "slices": len(scene.slices),
            "size_px": [scene.slices.shape[2], scene.slices.shape[1]],
            "steps": scene.steps,
            "moments": list(scene.moments),
        }
        path = self._folder / SCENE
        if not path.is_file() or _stored(path) != told:
            for old in self._folder.glob("pictures/slice-*_step-*.webp"):
                old.unlink()
        for number, (image, lesion) in enumerate(zip(scene.slices, scene.lesions, strict=True), start=1):
            self._keep(f"slice-{number}_scan", image[None], score=False)
            self._keep(f"slice-{number}_lesion", lesion[None].astype(np.float32), score=False)
        write_json(path, told)

    def see(self, step: int, maps: NDArray[np.float32]) -> None:
        """Keep the pictures of a moment."""
        score = _stored(self._folder / SCENE)["kind"] == "score"
        for number, views in enumerate(maps, start=1):
            self._keep(f"slice-{number}_step-{step:06d}", views, score=score)

    def validated(self) -> None:
        """Write the page again."""
        write_training_page(self._folder)

    def _keep(self, name: str, maps: NDArray[np.float32], *, score: bool) -> None:
        write_bytes(self._folder / "pictures" / f"{name}.webp", tile_picture(maps, score=score, alt="").content)


def is_training(folder: Path) -> bool:
    """Whether a folder holds what the page of a training is made of."""
    return all((folder / name).is_file() for name in (SCENE, "metrics.csv"))


def write_training_page(folder: Path) -> Path:
    """Write `training.html` from the files beside it. Pictures of moments that are not reached are left out.

    Returns:
        The page.

    Raises:
        CohortError: A file is not what `train` wrote.
        OutputError: The page cannot be written.
    """
    metrics = _metrics(folder / "metrics.csv")
    scene = _stored(folder / SCENE)
    try:
        reached = metrics["step"][-1] if metrics.get("step") else 0
        slices = [_slice(folder / "pictures", number, scene, reached) for number in range(1, scene["slices"] + 1)]
        write_page(
            folder / PAGE,
            title=str(scene["title"]),
            steps=int(scene["steps"]),
            metrics=metrics,
            slices=slices,
            reconstructs=scene["kind"] == "reconstruction",
        )
    except (KeyError, TypeError, FileNotFoundError) as error:
        raise _broken(folder / SCENE, error) from error
    return folder / PAGE


def _slice(pictures: Path, number: int, scene: Mapping[str, Any], reached: float) -> SliceOverTime:
    width, height = scene["size_px"]

    def picture(name: str, alt: str, tiles: int = 1) -> Picture:
        content = (pictures / f"slice-{number}_{name}.webp").read_bytes()
        return Picture(content, "image/webp", width, height * tiles, alt)

    fixed = {
        "Scan": picture("scan", f"Slice {number}"),
        "Lesion": picture("lesion", f"Lesion of slice {number}"),
    }
    views = list(scene["views"]) or [""]
    what = "Reconstruction" if scene["kind"] == "reconstruction" else "Map"
    moments = {
        step: picture(f"step-{step:06d}", f"{what} of slice {number} at step {step}", len(views))
        for step in scene["moments"]
        if step <= reached and (pictures / f"slice-{number}_step-{step:06d}.webp").is_file()
    }
    return SliceOverTime(f"Slice {number}", fixed, views, moments)


def _metrics(path: Path) -> dict[str, list[float]]:
    """Columns of `metrics.csv`; empty before the first validation."""
    try:
        lines = [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
        columns: Sequence[Sequence[float]] = [[float(cell) for cell in cells] for cells in zip(*lines[1:], strict=True)]
        return dict(zip(lines[0], map(list, columns), strict=True)) if len(lines) > 1 else {}
    except (OSError, ValueError) as error:
        raise _broken(path, error) from error


def _stored(path: Path) -> dict[str, Any]:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(stored, dict):
            return stored
        problem: Exception = TypeError("no table of names")
    except (OSError, ValueError) as error:
        problem = error
    raise _broken(path, problem)


def _broken(path: Path, error: Exception) -> CohortError:
    return CohortError(
        path,
        found=re.sub(r"\s+", " ", f"{type(error).__name__}: {error}"),
        needed="the file that 'train' wrote",
        fix="Copy the whole run folder.",
    )
