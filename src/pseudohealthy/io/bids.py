"""From what a user points at to a cohort, and from a case to the names of its outputs."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, NoReturn

from pseudohealthy.errors import CohortError
from pseudohealthy.io.cohort import FETCH, Case, Cohort, case_from_row, read_cohort
from pseudohealthy.io.datasets import find_dataset
from pseudohealthy.io.names import Name, is_nifti, parse_name
from pseudohealthy.io.table import is_table, read_table
from pseudohealthy.io.walk import files_below


def discover(inputs: Sequence[Path]) -> Cohort:
    """Find the scans: known datasets, BIDS or one of its subjects, plain folders of NIfTI files, files, tables, mixed.

    A dataset's `cohort.tsv` wins over what its folders hold. Brain masks (`*_desc-brain_mask`) and lesion masks
    (`*_label-L_mask`) attach to their scan; masks that a prediction wrote are never taken for truth. Of a known dataset
    (`io.datasets`) what is not read is counted in the cohort's notes, which are logged, too.

    Raises:
        CohortError: Nothing found, a scan or mask that cannot be assigned, two cases of one name, a malformed table.
    """
    notes: list[str] = []
    cases = [case for path in inputs for case in _cases(Path(path), notes)]
    if not cases:
        raise _no_scan([Path(path) for path in inputs])
    for note in notes:
        logging.getLogger("pseudohealthy").info("%s", note)
    return Cohort(cases, notes)


def _no_scan(inputs: Sequence[Path]) -> CohortError:
    """What is there instead."""
    packed = [file.name for path in inputs for file in sorted(path.glob("*")) if _is_archive(file)]
    deeper = [file for path in inputs if path.is_dir() for file in files_below(path) if is_nifti(file)]
    found, fix = "no scan", "Check the path; scans end in .nii or .nii.gz."
    if packed:
        found, fix = f"no scan, but {', '.join(packed[:3])}", _UNPACK
    elif deeper:
        found = f"no scan in it, but {len(deeper)} NIfTI files in folders below, which are not read"
        fix = "Name those folders or files, list them in a table, or arrange them as BIDS does."
    return CohortError(
        ", ".join(map(str, inputs)) or "the inputs",
        found=found,
        needed="a BIDS dataset with T1w scans, a folder of NIfTI files, or files",
        fix=fix,
    )


def derivative(out: Path, case: Case, suffix: str) -> Path:
    """Return where an output of a case belongs.

    Args:
        out: Output folder.
        case: `sub-01_ses-1` gives `out/sub-01/ses-1/anat/sub-01_ses-1_SUFFIX`, any other name `out/NAME_SUFFIX`.
        suffix: The rest of the name, for example `space-orig_label-L_mask.nii.gz`.
    """
    entities = parse_name(case.name).entities
    folders = [f"{key}-{entities[key]}" for key in ("sub", "ses") if key in entities]
    return Path(out, *folders, *(["anat"] if folders else []), f"{case.name}_{suffix}")


_UNPACK = "Unpack it (some datasets are encrypted: their how-to pages say how), then give the folder."


def _is_archive(path: Path) -> bool:
    return path.is_file() and path.name.lower().endswith((".tar", ".tgz", ".tar.gz", ".zip", ".7z", ".enc", ".gpg"))


def _cases(path: Path, notes: list[str]) -> list[Case]:
    if path.is_dir():
        if (path / "cohort.tsv").is_file():
            return list(read_cohort(path / "cohort.tsv"))
        if path.name.startswith("sub-"):  # one subject of a dataset
            everyone = [case for case in _cases(path.resolve().parent, []) if path.resolve() in case.image.parents]
            return everyone or _plain_cases(path)
        known = find_dataset(path)
        if known is not None:
            name, found = known
            notes += [f"{path} is taken for {name}; scans: {len(found.rows)}"]
            notes += [f"{name}: {note}" for note in found.notes]
            return [case_from_row(row, path, path) for row in found.rows]
        subjects = sorted(folder for folder in path.glob("sub-*") if folder.is_dir())
        return _bids_cases(path, subjects, notes) if subjects else _plain_cases(path)
    if path.is_file() and is_table(path):
        return list(read_cohort(path))
    if path.is_file() and is_nifti(path):
        return [_case(path, _masks(path.parent.iterdir()), {})]
    if path.is_symlink() and not path.exists():
        raise CohortError(path, found="a link to a file that is not there", needed="the file", fix=FETCH)
    raise CohortError(
        path,
        found=("a packed archive" if _is_archive(path) else "a file that is neither an image nor a table")
        if path.exists()
        else "no such file or folder",
        needed="a folder, a .nii or .nii.gz file, or a .tsv or .csv table",
        fix=_UNPACK if _is_archive(path) else "Check the path.",
    )


def _bids_cases(root: Path, subjects: list[Path], notes: list[str]) -> list[Case]:
    participants = _participants(root / "participants.tsv")
    unnamed = [folder.name for folder in subjects if folder.name not in participants]
    if participants and unnamed:
        names = ", ".join([*unnamed[:3], *(["..."] if len(unnamed) > 3 else [])])
        notes.append(f"participants.tsv has no row for {len(unnamed)} of {len(subjects)} subjects: {names}")
    cases = []
    for stray in filter(_is_t1w, sorted(root.iterdir())):
        _refuse_unassigned(stray, "sub-XX/anat")
    derived = defaultdict(list)  # one walk for all subjects
    for file in filter(is_nifti, files_below(root / "derivatives")):
        for part in set(file.relative_to(root).parts[:-1]):
            derived[part].append(file)
    for folder in subjects:
        files = [file for file in files_below(folder) if is_nifti(file)]
        masks = _masks([*files, *derived[folder.name]])
        for file in filter(_is_t1w, files):
            if f"sub-{parse_name(file).entities.get('sub')}" != folder.name:
                _refuse_unassigned(file, folder.name)
            cases.append(_case(file, masks, participants.get(folder.name, {})))
    return cases


def _participants(table: Path) -> dict[str, dict[str, str]]:
    """Subject -> its row; an id may lack the `sub-` that BIDS asks for."""
    rows = read_table(table, required=["participant_id"]) if table.is_file() else []
    return {f"sub-{row['participant_id'].removeprefix('sub-')}": row for row in rows}


def _is_t1w(file: Path) -> bool:
    return is_nifti(file) and file.name.lower().split(".nii")[0].endswith("t1w")


def _refuse_unassigned(file: Path, home: str) -> NoReturn:
    raise CohortError(
        file,
        found="a T1w scan that belongs to no subject's folder",
        needed=f"a name and place like {home}/{file.name if 'sub-' in file.name else 'sub-XX_T1w.nii.gz'}",
        fix="Move or rename it, or list the scans in cohort.tsv.",
    )


def _plain_cases(folder: Path) -> list[Case]:
    files = sorted(file for file in folder.iterdir() if is_nifti(file))
    scans = {file: parse_name(file) for file in files if parse_name(file).mask is None}
    for file in files:
        name = parse_name(file)
        if name.mask is not None and (
            name.mask == "other" or not any(name.belongs_to(scan) for scan in scans.values())
        ):
            raise CohortError(
                file,
                found="a mask that cannot be assigned to a scan",
                needed="<scan>_brain_mask.nii.gz or <scan>_lesion_mask.nii.gz",
                fix="Rename or move it, or list scans and masks in a table.",
            )
    masks = _masks(files)
    return [_case(file, masks, {}) for file in scans]


def _masks(files: Iterable[Path]) -> list[tuple[Path, Name]]:
    found = [(file, parse_name(file)) for file in files if is_nifti(file)]
    return [(file, name) for file, name in found if name.mask in ("brain", "lesion") and not _is_predicted(file)]


def _is_predicted(mask: Path) -> bool:
    """A mask with a report beside it is an output of `predict`."""
    return mask.with_name(mask.name.split(".nii")[0].removesuffix("_mask") + "_report.json").exists()


def _case(image: Path, masks: list[tuple[Path, Name]], participant: dict[str, str]) -> Case:
    name = parse_name(image)

    def mask_of(kind: Literal["brain", "lesion"]) -> str:
        files = [str(file.absolute()) for file, other in masks if other.mask == kind and other.belongs_to(name)]
        if len(files) > 1:
            raise CohortError(
                image,
                found=f"{len(files)} {kind} masks for one scan: {', '.join(files)}",
                needed="one",
                fix="Move the others away, or list the scan and its mask in a table.",
            )
        return files[0] if files else ""

    row = {key: value for key, value in participant.items() if key != "participant_id"}
    row |= {"image": str(image.absolute()), "brain_mask": mask_of("brain"), "lesion_mask": mask_of("lesion")}
    row["pathology"] = row.get("pathology") or row.get("group", "")
    row["case"] = name.case
    return case_from_row(row, image.parent, image)
