"""Plain findings from the per-case table: what the page says beneath it.

Every comparison is a paired difference between two rows on the same scans, with a 95 % interval over subjects, judged
by its interval and not by its mean. A row is compared with `constant` by AUPRC: by the oracle Dice no score can lose,
because marking the whole brain is one of the thresholds that it may choose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pseudohealthy.evaluate.persons import scan_values
from pseudohealthy.evaluate.statistics import FEWEST_RESAMPLED, Estimate, bootstrap_mean, paired_difference
from pseudohealthy.evaluate.table import CaseResult, in_range

UNSEEN_MARGIN = 0.03  # oracle Dice that fusion may cost on a pathology that was never annotated
SHAM_TOLERANCE = 0.02  # of the score's range, that painting a lesion of healthy intensity may add inside it

PAIRS = (
    ("claim 3: without any annotation sadm_res_draem is above cddpm", "sadm_res_draem", "cddpm"),
    ("claim 4: the residual helps, unet_res is above unet", "unet_res", "unet"),
    ("control: unet_res is above itself with the scan in the reconstruction's place", "unet_res", "unet_res_input"),
    (
        "control: unet_res is above itself with the mean healthy brain in the reconstruction's place",
        "unet_res",
        "unet_res_population",
    ),
)
"""(claim, first row, second row), asked of every test set with lesions (paper, section 4, and our controls)."""

Finding = Literal["holds", "fails", "undecided", "not informative"]


@dataclass(frozen=True)
class Verdict:
    """One claim, tested on one test set.

    Attributes:
        claim: What is claimed, in words.
        test_set: Where.
        metric: Metric of the effect.
        effect: Mean difference over subjects; None where no pair is defined.
        ci: Its 95 % interval; None with fewer than two subjects.
        n: Subjects.
        verdict: `holds` or `fails`: the whole interval is on one side; else `undecided`; `not informative`: a
            comparison with a method that is not above the population's z-map.
        note: What else has to be said; may be empty.
    """

    claim: str
    test_set: str
    metric: str
    effect: float | None
    ci: tuple[float, float] | None
    n: int
    verdict: Finding
    note: str = ""

    @property
    def sentence(self) -> str:
        """The verdict in one line."""
        effect = "no value" if self.effect is None else f"{self.effect:+.3f}"
        interval = "no interval" if self.ci is None else f"95 % CI {self.ci[0]:+.3f} to {self.ci[1]:+.3f}"
        note = f" {self.note}" if self.note else ""
        return (
            f"{self.test_set}: {self.claim}: {self.verdict} ({self.metric} {effect}, {interval}, n = {self.n}).{note}"
        )


def compare(
    cases: Sequence[CaseResult],
    claim: str,
    first: str,
    second: str,
    test_set: str,
    *,
    metric: str = "dice_oracle",
    above: float = 0.0,
    seed: int = 0,
    grid: str = "native",
) -> Verdict | None:
    """Is `first - second` above `above` on the scans of a test set that both rows have?

    Args:
        cases: The per-case table.
        claim: The claim in words.
        first: Row that is claimed to be higher.
        second: Row to compare with.
        test_set: Test set.
        metric: Metric to compare.
        above: The claim holds where the interval's lower end exceeds this.
        seed: Seed of the resampling.
        grid: Grid of the metrics.

    Returns:
        The verdict, or None where one of the rows has no scan in the test set.
    """
    a, b = scan_values(cases, first, test_set, metric, grid), scan_values(cases, second, test_set, metric, grid)
    shared = [scan for scan in a if scan in b]
    if not shared:
        return None
    subjects = [subject for subject, _ in shared]
    estimate = paired_difference([a[scan] for scan in shared], [b[scan] for scan in shared], subjects, seed)
    return _verdict(claim, test_set, metric, estimate, above)


def findings(
    cases: Sequence[CaseResult],
    known: Sequence[str],
    unseen: Sequence[str],
    *,
    sham: str = "sham",
    seed: int = 0,
    grid: str = "native",
) -> list[Verdict]:
    """Every claim that the table can answer; claims whose rows are absent are left out.

    Args:
        cases: The per-case table.
        known: Test sets of the annotated pathology.
        unseen: Test sets of pathologies that were never annotated.
        sham: Test set of painted masks with nothing to find.
        seed: Seed of the resampling.
        grid: Grid of the metrics.
    """

    def ask(
        name: str, claim: str, first: str, second: str, metric: str = "dice_oracle", above: float = 0.0
    ) -> Verdict | None:
        return compare(cases, claim, first, second, name, metric=metric, above=above, seed=seed, grid=grid)

    found: list[Verdict | None] = []
    rows = list(dict.fromkeys(case.row for case in cases if case.row != "constant"))
    for name in known:
        found.append(ask(name, "claim 1: on the annotated pathology sadm_res is above cddpm", "sadm_res", "cddpm"))
    for name in unseen:
        claim = f"claim 2: on an unseen pathology sadm_res loses at most {UNSEEN_MARGIN:g} to cddpm"
        transfer = ask(name, claim, "sadm_res", "cddpm", above=-UNSEEN_MARGIN)
        found.append(_if_informative(transfer, ask(name, "", "cddpm", "zmap")))
    for name in (*known, *unseen):
        found += [ask(name, claim, first, second) for claim, first, second in PAIRS]
        found += [ask(name, f"{row} is above a constant map", row, "constant", metric="auprc") for row in rows]
        for row in rows:
            above_zmap = ask(name, f"{row} is above zmap", row, "zmap") if row != "zmap" else None
            found.append(_if_informative(above_zmap, above_zmap) if row == "cddpm" else above_zmap)
        fusion = ask(name, "fusion is above unet_res alone", "sadm_res", "unet_res")
        if fusion is not None and fusion.verdict == "fails":
            fusion = replace(fusion, note="Fusion loses to unet_res alone.")
        found.append(fusion)
    found += [_sham(cases, row, sham, seed, grid) for row in rows]
    return [verdict for verdict in found if verdict is not None]


def _sham(cases: Sequence[CaseResult], row: str, sham: str, seed: int, grid: str) -> Verdict | None:
    """Does the method find the paint? Against the unpainted twin where it is known, else against the brain's rest."""
    for metric, highest, of, note in (
        ("excess_over_twin", SHAM_TOLERANCE, "its score there without paint", ""),
        ("auroc", 0.5 + SHAM_TOLERANCE, "chance", "There is no unpainted twin: the difference may be the tissue's."),
    ):
        values = scan_values(cases, row, sham, metric, grid)
        estimate = bootstrap_mean(list(values.values()), [subject for subject, _ in values], seed)
        if estimate.mean is not None:
            claim = f"{row} does not find paint of healthy intensity, within {SHAM_TOLERANCE:g} of {of}"
            finds = _verdict(claim, sham, metric, in_range(metric, estimate), highest)
            opposite: dict[Finding, Finding] = {"holds": "fails", "fails": "holds"}
            return replace(finds, verdict=opposite.get(finds.verdict, finds.verdict), note=note)
    return None


def _verdict(claim: str, test_set: str, metric: str, estimate: Estimate, above: float) -> Verdict:
    finding: Finding = "undecided"
    spread = estimate.low != estimate.high or estimate.subjects >= FEWEST_RESAMPLED  # a few equal values have none
    if spread and estimate.low is not None and estimate.low > above:
        finding = "holds"
    elif spread and estimate.high is not None and estimate.high <= above:
        finding = "fails"
    return Verdict(claim, test_set, metric, estimate.mean, estimate.interval, estimate.subjects, finding)


def _if_informative(verdict: Verdict | None, above_zmap: Verdict | None) -> Verdict | None:
    """Say `not informative` where cddpm is not shown to be above zmap; a transfer that fails still fails."""
    if verdict is None or above_zmap is None or above_zmap.verdict == "holds":
        return verdict
    fails = verdict.verdict == "fails" and verdict is not above_zmap
    finding: Finding = "fails" if fails else "not informative"
    return replace(verdict, verdict=finding, note="cddpm is not shown to be above zmap on this set.")
