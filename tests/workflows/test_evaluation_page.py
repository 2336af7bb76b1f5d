"""The page of an evaluation is made from its files alone, and the same page again."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from pseudohealthy.errors import CohortError
from pseudohealthy.evaluate import claims as protocol
from pseudohealthy.evaluate.claims import claims_of
from pseudohealthy.evaluate.counts import read_counts
from pseudohealthy.report.likeness import Likeness
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.workflows.evaluate_cohort import CasePages, evaluate_cohort
from pseudohealthy.workflows.evaluation_page import write_evaluation_page
from pseudohealthy.workflows.results import write_results

MADE_FROM = {"page.json", "cases.tsv", "counts.tsv", "results.json", "verdicts.json", "claims.json", "gallery.json"}


@pytest.fixture(scope="module")
def evaluated(fitted, tmp_path_factory):
    """An evaluation with everything that a page may have."""
    out = tmp_path_factory.mktemp("evaluated")
    cohort = fitted.cohort.split("test")
    evaluation = evaluate_cohort([fitted.load()], cohort, pages=CasePages(out / "pages"))
    claims = protocol.test_claims(evaluation.cases, claims_of("ball", ["box"]), 0)
    words = {"title": "A <test>", "known": ["ball"], "unseen": ["box"], "facts": {"A": "b"}, "notes": ("A note.",)}
    with RunFolder.open(out, overwrite=True) as run:
        write_results(
            run, evaluation, **words, claims=claims, likeness={"ball": Likeness("near-unseen", 0.1, 0.2, 0.3)}
        )
    return out, evaluation


def test_the_page_made_anew_is_the_same_and_needs_its_files_alone(evaluated, tmp_path) -> None:
    out, _ = evaluated
    for name in (*MADE_FROM, "pages", "pictures"):
        source = out / name
        shutil.copytree(source, tmp_path / name) if source.is_dir() else shutil.copy(source, tmp_path)
    write_evaluation_page(tmp_path)
    assert (tmp_path / "report.html").read_bytes() == (out / "report.html").read_bytes()
    shutil.rmtree(tmp_path / "pages")  # then nothing leads there
    write_evaluation_page(tmp_path)
    assert "pages/" in (out / "report.html").read_text()
    assert "pages/" not in (tmp_path / "report.html").read_text()


def test_a_file_that_is_broken_is_named(evaluated, tmp_path) -> None:
    out, _ = evaluated
    folder = shutil.copytree(out, tmp_path / "copy")
    for name, content in (("page.json", "{}"), ("results.json", "["), ("claims.json", '[{"claim": 1}]')):
        before = (folder / name).read_text()
        (folder / name).write_text(content)
        with pytest.raises(CohortError, match=name):
            write_evaluation_page(folder)
        (folder / name).write_text(before)


def test_pages_are_those_of_the_gallery_or_of_every_scan(evaluated, fitted, tmp_path) -> None:
    out, evaluation = evaluated
    shown = {one.title for one in evaluation.gallery}
    assert {page.stem for page in (out / "pages").iterdir()} == set(evaluation.pages) == shown
    assert set(json.loads((out / "page.json").read_text())["pages"].values()) == {
        f"pages/{name}.html" for name in shown
    }
    one = fitted.cohort.split("test")[:1]
    every = evaluate_cohort([fitted.load()], type(fitted.cohort)(one), pages=CasePages(tmp_path, every=True))
    assert [page.name for page in tmp_path.iterdir()] == [f"{one[0].name}.html"]
    assert every.pages == {one[0].name: tmp_path / f"{one[0].name}.html"}
    assert evaluate_cohort([fitted.load()], type(fitted.cohort)(one)).pages == {}


def test_counts_say_what_the_table_says_at_the_stored_threshold(evaluated) -> None:
    out, evaluation = evaluated
    counts = read_counts(out / "counts.tsv")
    native = [case for case in evaluation.cases if case.grid == "native"]
    assert [(one.row, one.case, one.subject) for one in counts] == [(c.row, c.case, c.subject) for c in native]
    for one, case in zip(counts, native, strict=True):
        assert one.lesion * one.voxel_ml == pytest.approx(case.metrics["lesion_ml"])
        assert (np.diff(one.tp) <= 0).all()
        assert (np.diff(one.fp) <= 0).all()
