"""Claims that are fixed before the test scans are seen, and their test: one family, one unit, one metric.

The unit is the person (`persons.py`), the test is paired and one-sided (`permutation.py`), the chance of any false
finding among the claims of the family is at most 5 % (Holm). What is not a claim of the family gets an interval and no
p. `verdicts.py` describes each set by itself; here it is decided.

One pathology is annotated, the others never are. The five claims are those of the paper (section 4) in the form that
can be decided: AUPRC on the scans' own grid, no threshold, one number a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from pseudohealthy.evaluate.permutation import holm, sign_flip_p
from pseudohealthy.evaluate.persons import PersonValues, person_differences
from pseudohealthy.evaluate.statistics import Estimate, bootstrap_mean
from pseudohealthy.evaluate.table import CaseResult

LEVEL = 0.05
UNSEEN_MARGIN = 0.03  # AUPRC that fusion may cost on the mean of the unseen pathologies
LEAST_PERSONS = 12  # below it the test finds large effects alone, and its silence would be read as an answer

Kind = Literal["superiority", "non-inferiority", "description"]
Judgement = Literal["holds", "not shown", "fails", "described"]


@dataclass(frozen=True)
class Claim:
    """A difference between two rows that is claimed, or only to be described.

    Attributes:
        name: Its short name, such as `claim 1`.
        first: Row that is claimed to be higher, or not much lower.
        second: Row to compare with.
        sets: Test sets; the mean over them is compared.
        metric: Metric, higher being better.
        margin: Non-inferiority: how much `first` may lose. 0 for the others.
        kind: `superiority` (difference above 0), `non-inferiority` (above -margin), `description` (no test).
        sentence: The claim in words.

    Raises:
        ValueError: No set, one of them twice, or a margin that does not go with the kind.
    """

    name: str
    first: str
    second: str
    sets: tuple[str, ...]
    metric: str = "auprc"
    margin: float = 0.0
    kind: Kind = "superiority"
    sentence: str = field(kw_only=True)

    def __post_init__(self) -> None:
        if not self.sets or len(set(self.sets)) < len(self.sets):
            raise ValueError(f"{self.name}: no test set, or one twice: {self.sets}")
        if (self.margin > 0) != (self.kind == "non-inferiority") or self.margin < 0:
            raise ValueError(f"{self.name}: a margin of {self.margin:g} in a claim of {self.kind}")


@dataclass(frozen=True)
class ClaimResult:
    """What the test scans say to a claim.

    Attributes:
        claim: The claim.
        effect: Mean of `first - second` over persons; None without persons.
        ci: Its 95 % interval; None with fewer than two persons.
        n: Persons.
        left_out: Persons who lack one of the sets or rows.
        p: One-sided p; None where nothing is tested.
        p_holm: The same, adjusted over the family.
        verdict: `holds`: p_holm <= 0.05; `fails`: the interval lies wholly on the wrong side of the bound; else
            `not shown`. `described`: not tested by design.
    """

    claim: Claim
    effect: float | None
    ci: tuple[float, float] | None
    n: int
    left_out: int
    p: float | None
    p_holm: float | None
    verdict: Judgement

    @property
    def sentence(self) -> str:
        """The verdict in one line, and why there is no p where there is none."""
        effect = "no value" if self.effect is None else f"{self.effect:+.3f}"
        interval = "no interval" if self.ci is None else f"95 % CI {self.ci[0]:+.3f} to {self.ci[1]:+.3f}"
        persons = f"n = {self.n} persons" + (f", {self.left_out} left out" if self.left_out else "")
        return (
            f"{self.claim.name}: {self.claim.sentence}: {self.verdict} "
            f"({self.claim.metric} {effect}, {interval}, {persons}; {self.test})."
        )

    @property
    def test(self) -> str:
        """The p values, or why there are none."""
        if self.claim.kind == "description":
            return "described, not tested"
        if self.p is None or self.p_holm is None:
            return f"no p: fewer than {LEAST_PERSONS} persons"
        return f"one-sided p {p_text(self.p)}, Holm {p_text(self.p_holm)}"


def claims_of(known: str, unseen: Sequence[str]) -> tuple[Claim, ...]:
    """The five claims that an experiment is judged by; four where no person has a pathology that was never annotated.

    Args:
        known: Test set of the annotated pathology.
        unseen: Test sets of the same people, with pathologies that were never annotated.

    Raises:
        ValueError: A set twice.
    """
    here, never, every = (known,), tuple(unseen), (known, *unseen)
    transfer = f"on the mean of the unseen pathologies sadm_res loses less than {UNSEEN_MARGIN:g} to cddpm"
    alone = "the reconstruction alone, cddpm, is above zmap, the distance from the mean healthy brain without a network"
    of_every = "on the mean of all lesion sets" if unseen else f"on {known}"
    family = [
        Claim(
            "claim 1",
            "sadm_res",
            "cddpm",
            here,
            sentence=f"on the annotated pathology ({known}) sadm_res is above cddpm",
        )
    ]
    if never:
        family += [
            Claim(
                "claim 2", "sadm_res", "cddpm", never, margin=UNSEEN_MARGIN, kind="non-inferiority", sentence=transfer
            )
        ]
    family += [
        Claim(
            "claim 3",
            "sadm_res_draem",
            "cddpm",
            every,
            sentence=f"without any annotation sadm_res_draem is above cddpm {of_every}",
        ),
        Claim("claim 4", "unet_res", "unet", every, sentence=f"the residual helps: unet_res is above unet {of_every}"),
        Claim("claim 5", "cddpm", "zmap", every, sentence=f"{alone}, {of_every}"),
    ]
    return tuple(family)


def descriptions_of(known: str, unseen: Sequence[str]) -> tuple[Claim, ...]:
    """Claims 6 and 7 of the paper, as differences with intervals and no p.

    Claim 6 (appendix D: beta has a broad plateau, and little of it brings most of the transfer) needs the rows
    `beta=0.0`, `beta=0.1`, `beta=0.3`, `beta=0.5` and `beta=0.7` of one model in the table.

    Args:
        known: Test set of the annotated pathology.
        unseen: Test sets of the same people, with pathologies that were never annotated; there may be none.

    Raises:
        ValueError: A set twice.
    """
    here, never, every = (known,), tuple(unseen), (known, *unseen)
    steps = (
        ("claim 6a", "beta=0.3", "beta=0.5", every, "plateau: beta 0.3 against 0.5, mean of all lesion sets"),
        ("claim 6b", "beta=0.7", "beta=0.5", every, "plateau: beta 0.7 against 0.5, mean of all lesion sets"),
        ("claim 6c", "beta=0.1", "beta=0.0", never, "transfer: beta 0.1 against 0, mean of the unseen pathologies"),
        ("claim 6d", "beta=0.5", "beta=0.1", never, "transfer: beta 0.5 against 0.1, mean of the unseen pathologies"),
        ("claim 7", "sadm_res", "unet_res", here, f"what fusion costs on the annotated pathology ({known})"),
    )
    return tuple(
        Claim(name, first, second, sets, kind="description", sentence=text)
        for name, first, second, sets, text in steps
        if sets
    )


def test_claims(cases: Sequence[CaseResult], claims: Sequence[Claim], seed: int) -> list[ClaimResult]:
    """Test a family of claims on the scans' own grid: one result for each, in their order, whatever the table lacks.

    Args:
        cases: The per-case table.
        claims: The whole family, and what is described beside it.
        seed: Seed of the bootstrap and of the drawn sign patterns.

    Raises:
        ValueError: Two claims of one name.
    """
    if len({claim.name for claim in claims}) < len(claims):
        raise ValueError("two claims of one name")
    differences = [person_differences(cases, each.first, each.second, each.sets, each.metric) for each in claims]
    ps = [_p(claim, found, seed) for claim, found in zip(claims, differences, strict=True)]
    results = []
    for claim, found, p, p_holm in zip(claims, differences, ps, holm(ps), strict=True):
        estimate = bootstrap_mean(list(found.values.values()), list(found.values), seed)
        results.append(
            ClaimResult(
                claim,
                estimate.mean,
                estimate.interval,
                estimate.subjects,
                found.left_out,
                p,
                p_holm,
                _judge(claim, estimate, p_holm),
            )
        )
    return results


def p_text(p: float) -> str:
    """A p value as it is printed: `0.0123`, `< 0.0001`."""
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"


def _p(claim: Claim, found: PersonValues, seed: int) -> float | None:
    if claim.kind == "description" or len(found.values) < LEAST_PERSONS:
        return None
    return sign_flip_p([value + claim.margin for value in found.values.values()], seed)


def _judge(claim: Claim, estimate: Estimate, p_holm: float | None) -> Judgement:
    if claim.kind == "description":
        return "described"
    if estimate.high is not None and estimate.high <= -claim.margin:
        return "fails"
    return "holds" if p_holm is not None and p_holm <= LEVEL else "not shown"
