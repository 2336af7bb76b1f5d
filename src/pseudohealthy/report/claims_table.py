"""The claims that were fixed beforehand, as rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pseudohealthy.evaluate.claims import ClaimResult, p_text
from pseudohealthy.report.cells import NONE, signed
from pseudohealthy.report.names import metric_label

_MARKS = {"holds": "✓", "fails": "✗", "not shown": "?", "described": "·"}


@dataclass(frozen=True)
class ClaimRow:
    """One claim, everything as text.

    Attributes:
        name: `Claim 1`.
        text: The claim in words.
        about: Metric, and the bound that the effect has to exceed.
        effect: Mean difference over persons.
        interval: Its 95 % interval; empty where there is none.
        p: One-sided p, or a dash.
        p_holm: The same, adjusted over the family.
        why: Why there is no p; empty where there is one.
        n: Persons.
        left_out: Persons who lack a set.
        mark: Sign of the verdict.
        word: The verdict.
        sentence: All of it in one line.
    """

    name: str
    text: str
    about: str
    effect: str
    interval: str
    p: str
    p_holm: str
    why: str
    n: int
    left_out: int
    mark: str
    word: str
    sentence: str

    @property
    def kind(self) -> str:
        """The word as a style's name."""
        return self.word.replace(" ", "-")


def claim_rows(results: Sequence[ClaimResult]) -> list[ClaimRow]:
    """The rows, in the order of the results."""
    return [_row(result) for result in results]


def _row(result: ClaimResult) -> ClaimRow:
    claim = result.claim
    about = f"by {metric_label(claim.metric)}"
    if claim.kind != "description":
        about += f", claimed: above {signed(-claim.margin, 2) if claim.margin else '0'}"
    return ClaimRow(
        name=claim.name[:1].upper() + claim.name[1:],
        text=claim.sentence,
        about=about,
        effect=NONE if result.effect is None else signed(result.effect),
        interval="" if result.ci is None else f"{signed(result.ci[0])} to {signed(result.ci[1])}",
        p=NONE if result.p is None else p_text(result.p),
        p_holm=NONE if result.p_holm is None else p_text(result.p_holm),
        why="" if result.p is not None else result.test,
        n=result.n,
        left_out=result.left_out,
        mark=_MARKS[result.verdict],
        word=result.verdict,
        sentence=result.sentence,
    )
