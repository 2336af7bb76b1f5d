"""The chosen cases of an evaluation as files, `gallery.json` and `pictures/`: a page can be made again from them."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pseudohealthy.errors import CohortError
from pseudohealthy.io.files import write_bytes, write_json
from pseudohealthy.report.canvas import Picture
from pseudohealthy.report.gallery import GalleryCase
from pseudohealthy.score.thresholds import Threshold

_TABLE = "gallery.json"
_PICTURE = ("mime", "width_px", "height_px", "alt")
_CASE = ("title", "test_set", "caption", "row", "metrics", "place")


def write_gallery(folder: Path, cases: Sequence[GalleryCase]) -> None:
    """Write the cases and their pictures, and remove pictures that an earlier call has left and this one does not have.

    Raises:
        ValueError: A case has no picture yet.
        OutputError: The folder cannot be written.
    """
    before = {one["picture"]["file"] for one in _table(folder)} if (folder / _TABLE).is_file() else set()
    told = []
    for number, case in enumerate(cases, start=1):
        if case.picture is None:
            raise ValueError(f"{case.title} has not been drawn")
        file = f"pictures/case-{number}.{case.picture.mime.removeprefix('image/')}"
        write_bytes(folder / file, case.picture.content)
        picture = {"file": file} | {key: getattr(case.picture, key) for key in _PICTURE}
        page = None if case.page is None else Path(os.path.relpath(case.page, folder)).as_posix()
        told.append(
            {key: getattr(case, key) for key in _CASE}
            | {"threshold": dataclasses.asdict(case.threshold), "picture": picture, "page": page}
        )
    write_json(folder / _TABLE, told)
    for file in before - {one["picture"]["file"] for one in told}:
        (folder / file).unlink(missing_ok=True)


def read_gallery(folder: Path) -> list[GalleryCase]:
    """Read what `write_gallery` wrote; none where there is no `gallery.json`.

    Raises:
        CohortError: A file is missing or is something else.
    """
    return [_case(folder, one) for one in _table(folder)] if (folder / _TABLE).is_file() else []


def _table(folder: Path) -> list[dict[str, Any]]:
    """The entries; each picture has a name that lies in `pictures/`."""
    try:
        entries = json.loads((folder / _TABLE).read_text(encoding="utf-8"))
        if all(re.fullmatch(r"pictures/\w[\w.-]*", one["picture"]["file"]) for one in entries):
            return list(entries)
        problem = "a picture that does not lie in pictures/"
    except (OSError, ValueError, TypeError, KeyError) as error:
        problem = f"{type(error).__name__}: {error}"
    raise _other(folder, problem)


def _case(folder: Path, entry: Mapping[str, Any]) -> GalleryCase:
    try:
        about = entry["picture"]
        picture = Picture((folder / about["file"]).read_bytes(), **{key: about[key] for key in _PICTURE})
        page = None if entry["page"] is None else folder / entry["page"]
        threshold = Threshold.from_dict(entry["threshold"])
        return GalleryCase(**{key: entry[key] for key in _CASE}, threshold=threshold, picture=picture, page=page)
    except (OSError, TypeError, KeyError) as error:
        raise _other(folder, f"{type(error).__name__}: {error}") from error


def _other(folder: Path, problem: str) -> CohortError:
    return CohortError(
        folder / _TABLE,
        found=problem,
        needed="the table of pictures that 'evaluate' wrote, with its pictures",
        fix="Copy the whole folder, or evaluate again.",
    )
