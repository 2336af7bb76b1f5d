"""A cohort of real brains with painted lesions, as a BIDS dataset with brain and lesion masks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pseudohealthy.errors import CohortError, InputError
from pseudohealthy.io.bids import derivative
from pseudohealthy.io.cohort import SPLITS, Case, Cohort, write_cohort
from pseudohealthy.io.names import parse_name
from pseudohealthy.io.splits import refuse_leaks
from pseudohealthy.io.volume import Volume, write_volume
from pseudohealthy.virtual.host_files import HostFiles
from pseudohealthy.virtual.host_paint import HOST_KINDS, paint_host
from pseudohealthy.virtual.host_place import Place, check_spacing, find_place, load_host
from pseudohealthy.virtual.mask_draws import draw_masks, enough
from pseudohealthy.virtual.painted_dataset import describe
from pseudohealthy.virtual.real_masks import RealMask, carry_lesion, find_masks, read_real_mask, without

GROUP = "group"
"""Column of a participants table: who is painted on belongs to it no longer."""


@dataclass(frozen=True)
class Wanted:
    """One scan of the cohort.

    Attributes:
        host: Name of its host's case.
        pathology: A name of `HOST_KINDS`.
        copy: Tells scans of one host and kind apart; a healthy scan has no copies.
        split: One of io's splits, or "" for none.
    """

    host: str
    pathology: str
    copy: int = 1
    split: str = ""

    def name(self) -> str:
        """The painted case's name: `sub-1000_ses-tumour1`, `sub-1000_ses-healthy`."""
        entities = parse_name(self.host).entities
        subject = entities.get("sub") or re.sub(r"[^A-Za-z0-9]", "", self.host)
        visit = entities.get("ses", "") + self.pathology + ("" if self.pathology == "healthy" else str(self.copy))
        return f"sub-{subject}_ses-{visit}"


def paint_cohort(
    out: Path,
    hosts: Sequence[HostFiles],
    wanted: Sequence[Wanted],
    seed: int,
    spacing_mm: float | None = None,
    masks: Mapping[str, Sequence[Path]] | None = None,
    advance: Callable[[], None] | None = None,
    exclude: Sequence[str] = (),
) -> Cohort:
    """Paint lesions on real healthy scans and write them; files of the same name are replaced.

    A painted scan is a function of (seed, host, pathology, copy) and of its real mask, if it has one. All scans of a
    host are alike, voxel by voxel, where no lesion reaches. No mask is used twice.

    Args:
        out: The dataset's root.
        hosts: Healthy scans; only those that are wanted are read.
        wanted: Which scans, in this order.
        seed: Of warps, lesions and noise, and of the masks' order.
        spacing_mm: Edge of a voxel, 0.5 to 4 mm; None for each scan's own. All scans come to lie on a new grid: see
            `HostGrid`.
        masks: Kind -> files and folders of real masks in MNI152 space.
        advance: Called after each scan.
        exclude: Sources, subjects (`patient26`), files or their stems whose masks must not be used.

    Returns:
        The cohort; its cases' subject is the host's. Columns: `seed`, `lesion_ml`, `twin` (name of the same host's
        healthy case, if it is in the cohort), `host`, `contrast`, `depth_mm` (see `PaintedHost`), and what the
        hosts' table says of the people, such as `age`.

    Raises:
        CohortError: Unknown host, a scan twice, a sham without its healthy twin, too few masks or none of a name that
            is excluded, or a host in which a lesion has no place.
        LeakError: A subject or scan on two sides of a split.
        InputError: Unknown pathology or split, a bad seed or spacing.
        ImageError: A file of a host or a mask cannot be used.
        OutputError: A file cannot be written. Before any other error nothing was written, but for a bad label map and
            for a lesion without a place.
    """
    of_name = {host.name: host for host in hosts}
    _check(of_name, wanted, seed, spacing_mm)
    real = without({kind: find_masks(places) for kind, places in (masks or {}).items()}, exclude)
    takers = {
        kind: [one for one in wanted if one.pathology == kind] for kind in HOST_KINDS if HOST_KINDS[kind].takes_mask
    }
    enough(real, {kind: len(scans) for kind, scans in takers.items() if scans})
    places = {name: find_place(of_name[name], spacing_mm) for name in dict.fromkeys(one.host for one in wanted)}
    mask_of: dict[Wanted, RealMask] = {}
    for kind, scans in takers.items():
        free = [mask for mask in real.get(kind, ()) if mask not in mask_of.values()]
        mask_of |= dict(zip(scans, draw_masks([places[s.host] for s in scans], kind, free, seed), strict=True))
    out = Path(out)
    describe(out, list(places.values()))
    cases: dict[Wanted, Case] = {}
    for name, place in places.items():
        own = [one for one in wanted if one.host == name]
        cases |= _paint_all(out, place, {one: mask_of.get(one) for one in own}, seed, advance)
    present = {case.name for case in cases.values()}
    cohort = Cohort(_with_twin(cases[one], one, present) for one in wanted)
    write_cohort(cohort, out / "cohort.tsv")
    return cohort


def _paint_all(
    out: Path, place: Place, wanted: Mapping[Wanted, RealMask | None], seed: int, advance: Callable[[], None] | None
) -> dict[Wanted, Case]:
    """Paint and write all scans of one host."""
    host = load_host(place, seed)
    cases = {}
    for one, mask in wanted.items():
        carried = None if mask is None else carry_lesion(read_real_mask(mask), place.grid)
        painted = paint_host(host, one.pathology, seed, f"{one.host} {one.pathology} {one.copy}", carried)
        if one.pathology != "healthy" and not painted.lesion_ml:
            raise CohortError(
                one.name(),
                found=f"no place for it: a lesion of 0 ml ({one.pathology})",
                needed="a host with the tissue that it lies in",
                fix=f"Look at the label map of {one.host}; "
                + ("paint this kind on another host." if mask is None else f"or leave the mask {mask.source} out."),
            )
        source = f"painted-{place.files.case.subject}-{one.pathology}-{one.copy}" if mask is None else mask.source
        has_lesion = one.pathology != "healthy"
        case = Case(
            name=one.name(),
            image=derivative(out, Case(one.name(), out), "T1w.nii.gz"),
            brain_mask=derivative(out / "derivatives/masks", Case(one.name(), out), "desc-brain_mask.nii.gz"),
            lesion_mask=derivative(out / "derivatives/lesions", Case(one.name(), out), "label-L_mask.nii.gz")
            if has_lesion
            else None,
            subject=place.files.case.subject,
            mask_source=source if has_lesion else "",
            label_map=place.files.label_map,
            split=one.split,
            pathology=one.pathology,
            columns={key: value for key, value in place.files.case.columns.items() if key != GROUP}
            | {
                "seed": str(seed),
                "host": one.host,
                "lesion_ml": f"{painted.lesion_ml:.3f}",
                "contrast": f"{painted.contrast:.4f}" if has_lesion else "",
                "depth_mm": f"{painted.depth_mm:.2f}" if has_lesion else "",
            },
        )
        files = ((case.image, painted.image), (case.brain_mask, host.canvas.brain), (case.lesion_mask, painted.mask))
        for path, data in files:
            if path is not None:
                write_volume(Volume(data, place.grid.affine), path)
        cases[one] = case
        if advance is not None:
            advance()
    return cases


def _with_twin(case: Case, one: Wanted, present: set[str]) -> Case:
    twin = Wanted(one.host, "healthy").name()
    columns = dict(case.columns) | {"twin": twin if case.lesion_mask is not None and twin in present else ""}
    return Case(**{**vars(case), "columns": columns})


def _check(hosts: Mapping[str, HostFiles], wanted: Sequence[Wanted], seed: int, spacing_mm: float | None) -> None:
    if not wanted:
        raise CohortError("cohort", found="no scans", needed="at least one", fix="Ask for one scan or more.")
    if seed < 0:
        raise InputError("seed", found=str(seed), needed="0 or more", fix="Choose another seed.")
    if spacing_mm is not None:
        check_spacing(spacing_mm)
    for one in wanted:
        for what, found, known in (
            ("pathology", one.pathology, HOST_KINDS),
            ("split", one.split, ("", *SPLITS)),
            ("host", one.host, hosts),
        ):
            if found not in known:
                choices = ", ".join(filter(None, list(known)[:12]))
                raise CohortError(what, found=f"'{found}'", needed=f"one of {choices}", fix="Check the spelling.")
    twice = [name for name, n in Counter(one.name() for one in wanted).items() if n > 1]
    if twice:
        of = dict.fromkeys(one.host for one in wanted if one.name() == twice[0])
        alike = f" ({', '.join(of)}: told apart by neither subject nor session)" if len(of) > 1 else ""
        raise CohortError(
            twice[0],
            found=f"this scan twice{alike}",
            needed="each once",
            fix="Leave one out, or rename it." if alike else "Give the scans of one host and kind copy numbers.",
        )
    hosts_of = {side: dict.fromkeys(one.host for one in wanted if one.split == side) for side in SPLITS}
    refuse_leaks({side: Cohort(hosts[name].case for name in names) for side, names in hosts_of.items()})
    names = {one.name() for one in wanted}
    for one in wanted:
        if one.pathology == "sham" and Wanted(one.host, "healthy").name() not in names:
            raise CohortError(
                one.name(),
                found="a sham without the healthy scan of the same host",
                needed="both: a sham is compared with its twin",
                fix=f"Ask for the healthy scan of {one.host}, too.",
            )
