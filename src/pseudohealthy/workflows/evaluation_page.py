"""The page of an evaluation from the files of its folder alone: no model, no scan."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pseudohealthy.errors import CohortError
from pseudohealthy.evaluate.claims import Claim, ClaimResult
from pseudohealthy.evaluate.counts import read_counts
from pseudohealthy.evaluate.table import read_cases
from pseudohealthy.evaluate.trained import read_trained
from pseudohealthy.evaluate.verdicts import Verdict
from pseudohealthy.io.files import write_json
from pseudohealthy.report.case_table import case_table
from pseudohealthy.report.cells import lesion_sets
from pseudohealthy.report.figures import curve_figures
from pseudohealthy.report.gallery import GalleryCase
from pseudohealthy.report.gallery_files import read_gallery
from pseudohealthy.report.leaderboard import leaderboard
from pseudohealthy.report.likeness import Likeness
from pseudohealthy.report.results_page import write_results_page

PAGE = "report.html"
WORDS = "page.json"


@dataclass(frozen=True)
class PageWords:
    """What the page of an evaluation says that does not follow from its tables; see `write_results_page`.

    Attributes:
        title: Title of the page.
        known: Test sets of the annotated pathology.
        unseen: Test sets of pathologies that were never annotated.
        facts: Short facts about the run.
        notes: What the page can and cannot show.
        caveat: A sentence beside every table; may be empty.
        likeness: Test set -> how like the annotated lesions its own are.
        pages: Case -> its page, relative to the folder.
    """

    title: str
    known: Sequence[str] = ()
    unseen: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    caveat: str = ""
    likeness: Mapping[str, Likeness] = field(default_factory=dict)
    pages: Mapping[str, str] = field(default_factory=dict)


def write_words(folder: Path, words: PageWords) -> None:
    """Write `page.json`."""
    write_json(folder / WORDS, dataclasses.asdict(words))


def is_evaluation(folder: Path) -> bool:
    """Whether a folder holds what the page of an evaluation is made of."""
    return all((folder / name).is_file() for name in (WORDS, "cases.tsv"))


def write_evaluation_page(folder: Path) -> Path:
    """Write `report.html` from the tables and pictures beside it.

    Links lead to those case pages that are there now.

    Returns:
        The page.

    Raises:
        CohortError: A file is missing, or is not what `evaluate` wrote.
        OutputError: The page cannot be written.
    """
    words = _read(folder / WORDS, _words)
    results = _read(folder / "results.json", dict)
    cases, claims = read_cases(folder / "cases.tsv"), _optional(folder / "claims.json", _claims, ())
    curves, counts = folder / "curves.tsv", folder / "counts.tsv"
    gallery = [_with_page(one) for one in read_gallery(folder)]
    pages = {case: page for case, page in words.pages.items() if (folder / page).is_file()}
    rest = [name for name in lesion_sets(results) if name not in (*words.known, *words.unseen)]
    write_results_page(
        folder / PAGE,
        title=words.title,
        results=results,
        verdicts=_optional(folder / "verdicts.json", _verdicts, ()),
        gallery=gallery,
        facts=words.facts,
        notes=words.notes,
        known=words.known,
        unseen=words.unseen,
        caveat=words.caveat,
        claims=claims,
        figures=curve_figures(
            cases,
            read_cases(curves) if curves.is_file() else (),
            claims,
            words.known,
            (*words.unseen, *rest),
            read_counts(counts) if counts.is_file() else (),
        ),
        likeness=words.likeness,
        board=leaderboard(results, read_trained(folder)),
        table=case_table(cases, (folder / "cases.tsv").read_bytes(), gallery[0].row if gallery else None, pages),
    )
    return folder / PAGE


def relative(pages: Mapping[str, Path], folder: Path) -> dict[str, str]:
    """Case -> the way from a folder to its page, as in an address."""
    return {case: Path(os.path.relpath(page, folder)).as_posix() for case, page in pages.items()}


def _with_page(case: GalleryCase) -> GalleryCase:
    return case if case.page is None or case.page.is_file() else dataclasses.replace(case, page=None)


def _words(stored: Mapping[str, Any]) -> PageWords:
    likeness = {name: Likeness(**one) for name, one in stored["likeness"].items()}
    return PageWords(**{**stored, "likeness": likeness})


def _verdicts(stored: Sequence[Mapping[str, Any]]) -> list[Verdict]:
    return [Verdict(**{**one, "ci": _pair(one["ci"])}) for one in stored]


def _claims(stored: Sequence[Mapping[str, Any]]) -> list[ClaimResult]:
    made = []
    for one in stored:
        claim = Claim(**{**one["claim"], "sets": tuple(one["claim"]["sets"])})
        rest = {key: value for key, value in one.items() if key not in ("claim", "ci", "sentence")}
        made.append(ClaimResult(claim=claim, ci=_pair(one["ci"]), **rest))
    return made


def _pair(ends: Sequence[float] | None) -> tuple[float, float] | None:
    return None if ends is None else (ends[0], ends[1])


def _optional(path: Path, made: Any, absent: Any) -> Any:
    return _read(path, made) if path.is_file() else absent


def _read(path: Path, made: Any) -> Any:
    """What a JSON file holds, given to `made`."""
    try:
        return made(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise CohortError(
            path,
            found=f"{type(error).__name__}: {error}",
            needed="the file that 'evaluate' wrote",
            fix="Copy the whole folder, or evaluate again.",
        ) from error
