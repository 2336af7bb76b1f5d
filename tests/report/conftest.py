"""A made prediction with a lesion at a known place, and a reader of pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

from pseudohealthy.io.cohort import Case
from pseudohealthy.io.volume import Volume
from pseudohealthy.score.lesions import lesion_table
from pseudohealthy.score.thresholds import Threshold
from pseudohealthy.stages.prediction import Prediction

LEFT_MM, LESION_RADIUS_MM = (-38.0, 20.0, 12.0), 14.0
VOID = {"meta", "img", "source", "br", "link", "input"}
MakePrediction = Callable[..., tuple[Prediction, Volume]]


@dataclass
class Page(HTMLParser):
    """What a test asks of a page: its addresses, table rows, texts, and whether its tags close."""

    html: str
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    rows: list[dict[str, object]] = field(default_factory=list)
    text: str = ""
    open: list[str] = field(default_factory=list)
    table: str = ""
    metric: str = ""
    scripts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.text += " "
        self.tags.append((tag, named))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.table = named.get("id") or ""
        if tag == "tbody":
            self.metric = named.get("data-metric") or ""
        if tag == "tr" and "data-row" in named:
            self.rows.append({"table": self.table, "metric": self.metric, "row": named["data-row"], "cells": []})
        if tag in ("data", "abbr") and self.open[-2:-1] == ["td"] and self.rows and not self.is_dagger(named):
            value = float(named["value"] or "") if tag == "data" else None
            self.rows[-1]["cells"].append((value, named.get("title")))

    def handle_endtag(self, tag: str) -> None:
        self.text += " "
        assert self.open, f"</{tag}> without a start"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "script" in self.open:
            self.scripts.append(data)
        elif "style" not in self.open:
            self.text += data

    @staticmethod
    def is_dagger(attributes: dict[str, str | None]) -> bool:
        return (attributes.get("title") or "").startswith("Not above")

    @property
    def addresses(self) -> list[str]:
        return [
            value
            for _, attributes in self.tags
            for name, value in attributes.items()
            if name in ("src", "href", "srcset", "action", "data", "poster") and value is not None
        ]

    def cells(self, table: str, row: str, metric: str = "") -> list[tuple[float | None, str | None]]:
        found = [one for one in self.rows if (one["table"], one["row"], one["metric"]) == (table, row, metric)]
        assert len(found) == 1
        return found[0]["cells"]  # type: ignore[return-value]


def open_page(path: Path) -> Page:
    """Read a page and check what holds for each: tags close, and nothing is loaded from elsewhere."""
    html = path.read_text(encoding="utf-8")
    page = Page(html)
    assert page.open == []
    links = {str(tag[1]["href"]) for tag in page.tags if tag[0] == "a"}
    assert all(address.startswith(("data:image/", "#")) for address in page.addresses if address not in links)
    assert all(link.startswith("#") or (path.parent / unquote(link)).is_file() for link in links)
    for lost in ("http://", "https://", "@import", "url("):
        assert lost not in html
    policy = next(tag["content"] for _, tag in page.tags if tag.get("http-equiv") == "Content-Security-Policy")
    assert str(policy).startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")
    runs = [tag for tag in page.tags if tag[0] == "script" and "type" not in tag[1]]
    assert ("script-src" in str(policy)) == bool(runs)
    assert "'unsafe-eval'" not in str(policy)
    assert "script-src 'unsafe-inline'" not in str(policy)
    targets = {attributes.get("id") for _, attributes in page.tags}
    assert {address[1:] for address in page.addresses if address.startswith("#")} <= targets
    assert all(attributes.get("alt") for tag, attributes in page.tags if tag == "img")
    headings = [int(tag[1]) for tag, _ in page.tags if tag in ("h1", "h2", "h3", "h4")]
    assert headings.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(headings))
    assert ("html", {"lang": "en"}) in page.tags
    return page


@pytest.fixture
def make_prediction(made_brain: Callable[..., Volume]) -> MakePrediction:
    """`make_prediction(axes, name=..., ...)` -> (Prediction, truth); the lesion is dark, in the patient's left."""

    def make(
        axes: object = (4.0, 4.0, 4.0),
        *,
        name: str = "sub-01",
        supervised: bool = True,
        found: bool = True,
        warnings: tuple[str, ...] = (),
        noise: float = 20.0,
    ) -> tuple[Prediction, Volume]:
        healthy = made_brain(axes, noise=noise)
        indices = np.indices(healthy.shape).reshape(3, -1)
        world = (healthy.affine[:3, :3] @ indices + healthy.affine[:3, 3:]).T.reshape(*healthy.shape, 3)
        truth = np.linalg.norm(world - LEFT_MM, axis=-1) < LESION_RADIUS_MM
        brain = healthy.data != 0
        scan = healthy.like(np.where(truth, 450, healthy.data).astype(np.float32))
        smooth = np.where(truth, 0.9 if found else 0.1, 0.2 + 0.1 * np.sin(world[..., 1] / 9)) * brain
        score = healthy.like(smooth.astype(np.float32))
        threshold = Threshold(0.5, "healthy", 4, "n = 4: no guarantee below 20 %", 1.0, 0.2)
        mask = healthy.like((score.data > threshold.value) & brain)
        prediction = Prediction(
            case=Case(name=name, image=Path(f"{name}_T1w.nii.gz"), brain_mask=None, lesion_mask=None, subject=name),
            scan=scan,
            brain_mask=healthy.like(brain),
            reconstruction=healthy,
            score=score,
            unsupervised=score,
            supervised=score if supervised else None,
            mask=mask,
            threshold=threshold,
            lesions=tuple(lesion_table(mask.data, score.data, score.affine)),
            coverage=0.982,
            timings_s={"reconstruct": 21.3, "segment": 6.25},
            model={"row": "sadm_res", "noise seed": "7"},
            warnings=warnings,
        )
        return prediction, healthy.like(truth)

    return make


@pytest.fixture
def read_page() -> Callable[[Path], Page]:
    """`read_page(path)` -> Page, after the checks that hold for each page."""
    return open_page
