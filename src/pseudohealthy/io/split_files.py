"""Files that say which case is on which side: our table, nnU-Net's `splits_final.json`, MONAI's datalist."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pseudohealthy.errors import CohortError, OutputError
from pseudohealthy.io.cohort import Cohort, relative_path, write_cohort
from pseudohealthy.io.files import write_json
from pseudohealthy.io.table import is_table, read_table, write_table

FORMATS = ("table", "nnunet", "monai")
_SUFFIXES = {"table": (".tsv", ".csv"), "nnunet": (".json",), "monai": (".json",)}
_EXAMPLES = {"table": "cohort.tsv", "nnunet": "splits_final.json", "monai": "datalist.json"}
_MONAI_KEYS = {"train": "training"}  # the other splits go by their own names
_SPLIT_OF_KEY = {"training": "train", "val": "validation", "testing": "test"}


@dataclass(frozen=True)
class Entry:
    """One line of a split file.

    Attributes:
        name: What the file calls the scan: a case, a path, a subject.
        split: One of io's splits.
    """

    name: str
    split: str


def checked_format(path: Path, given: str | None = None) -> str:
    """Return the format of a file to be written: the one that is given, else the one that its name stands for.

    Raises:
        OutputError: The file exists, or its name does not fit.
    """
    by_name = "table" if is_table(path) else "nnunet" if path.name == "splits_final.json" else "monai"
    kind = given or by_name
    if path.exists():
        fix = "Name a file in it." if path.is_dir() else "Remove it or choose another --out."
        found = "a folder" if path.is_dir() else "a file"
        raise OutputError(path, found=found, needed="the name of a new file", fix=fix)
    if path.suffix.lower() not in _SUFFIXES[kind]:
        kinds = [given] if given else list(FORMATS)
        endings = dict.fromkeys(ending for one in kinds for ending in _SUFFIXES[one])
        raise OutputError(
            path,
            found=f"a name with the ending '{path.suffix}'" if path.suffix else "a name without an ending",
            needed=f"a name that ends in {' or '.join(endings)}" + (f" for --format {given}" if given else ""),
            fix=f"For example: {', '.join(f'--out {_EXAMPLES[one]}' for one in kinds)}",
        )
    return kind


def write_split(cohort: Cohort, path: str | Path) -> None:
    """Write the table of `case` and `split` that `apply_split` reads.

    Raises:
        OutputError: It cannot be written.
    """
    write_table(Path(path), ["case", "split"], ({"case": case.name, "split": case.split} for case in cohort))


def write_division(cohort: Cohort, path: Path, kind: str) -> None:
    """Write a divided cohort.

    Args:
        cohort: Cases with a split, or with the column `fold`.
        path: The file.
        kind: One of `FORMATS`: a cohort table, `splits_final.json` (the names of the cases of `train` and `annotated`,
            and of `validation`; test and calibration are not in it), or a MONAI datalist (`training`, `validation`,
            `test`, ...; paths relative to the file).

    Raises:
        OutputError: It cannot be written.
    """
    if kind == "table":
        write_cohort(cohort, path)
    elif kind == "nnunet":
        write_json(path, _nnunet(cohort))
    else:
        write_json(path, _monai(cohort, path.parent))


def _nnunet(cohort: Cohort) -> list[dict[str, list[str]]]:
    fold_of = {case.name: fold for case in cohort if (fold := case.columns.get("fold", ""))}
    if not fold_of:
        train = [case.name for case in cohort if case.split in ("train", "annotated")]
        return [{"train": train, "val": [case.name for case in cohort.split("validation")]}]
    return [
        {
            "train": [name for name, fold in fold_of.items() if fold != number],
            "val": [name for name, fold in fold_of.items() if fold == number],
        }
        for number in sorted(set(fold_of.values()), key=int)
    ]


def _monai(cohort: Cohort, folder: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {"training": [], "validation": [], "test": []}
    for case in cohort:
        entry: dict[str, Any] = {"case": case.name, "image": relative_path(case.image, folder)}
        if case.lesion_mask is not None:
            entry["label"] = relative_path(case.lesion_mask, folder)
        fold = case.columns.get("fold", "")
        if fold:
            found["training"].append(entry | {"fold": int(fold)})
        else:
            found.setdefault(_MONAI_KEYS.get(case.split, case.split), []).append(entry)
    return {key: entries for key, entries in found.items() if entries or key in ("training", "validation", "test")}


def read_json_split(path: Path, fold: int | None = None) -> list[Entry]:
    """Read `splits_final.json` or a MONAI datalist, by its content.

    Args:
        path: The file.
        fold: Which fold is for validation; may be left out where there is one division alone.

    Raises:
        CohortError: Neither of the two, or folds of which none was chosen.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CohortError(
            path, found=f"that it cannot be read ({error})", needed="a JSON file", fix="Check the path."
        ) from error
    if isinstance(content, list) and content and all(_is_fold(item) for item in content):
        chosen = content[int(_chosen(path, fold, [str(number) for number in range(len(content))]))]
        return [
            Entry(name, split) for key, split in (("train", "train"), ("val", "validation")) for name in chosen[key]
        ]
    if isinstance(content, dict) and any(isinstance(value, list) for value in content.values()):
        return _read_monai(path, content, fold)
    raise CohortError(
        path,
        found="JSON that is no split",
        needed='nnU-Net\'s [{"train": [...], "val": [...]}] or MONAI\'s {"training": [{"image": ...}], ...}',
        fix="Check the file.",
    )


def _is_fold(item: object) -> bool:
    return isinstance(item, dict) and all(
        isinstance(item.get(key), list) and all(isinstance(name, str) for name in item[key]) for key in ("train", "val")
    )


def _chosen(path: Path, fold: int | None, folds: Sequence[str]) -> str:
    if not folds:
        raise CohortError(path, found="no folds", needed="folds, to choose one", fix="Leave --fold out.")
    if fold is None and len(folds) == 1:
        return folds[0]
    if str(fold) not in folds:
        raise CohortError(
            path,
            found=f"{len(folds)} folds" + ("" if fold is None else f", and no fold {fold}"),
            needed=f"the number of one of {', '.join(folds)}",
            fix=f"Choose the fold that is for validation: --fold {folds[0]}",
        )
    return str(fold)


def _in_order(folds: Iterable[object]) -> list[str]:
    return sorted({str(fold) for fold in folds}, key=lambda fold: (len(fold), fold))  # 9 before 10


def _read_monai(path: Path, content: Mapping[str, Any], fold: int | None) -> list[Entry]:
    entries = []
    lists = {key: value for key, value in content.items() if isinstance(value, list)}
    folds = _in_order(item["fold"] for item in lists.get("training", []) if isinstance(item, dict) and "fold" in item)
    chosen = _chosen(path, fold, folds) if folds or fold is not None else None
    for key, items in lists.items():
        split = _SPLIT_OF_KEY.get(key, key)
        for item in items:
            image = item.get("case") or item.get("image") if isinstance(item, dict) else item
            if not isinstance(image, str):
                continue  # `modality`, `labels` and others that a datalist may hold besides scans
            beside = (path.parent / image).resolve()
            in_fold = isinstance(item, dict) and chosen is not None and str(item.get("fold")) == chosen
            entries.append(Entry(str(beside) if beside.is_file() else image, "validation" if in_fold else split))
    return entries


def apply_split(cohort: Cohort, path: str | Path, fold: int | None = None) -> Cohort:
    """Set the split of each case from a table with the columns `case` and `split`, or `case` and `fold`.

    Args:
        cohort: The cases.
        path: The table.
        fold: Which fold is for validation; the others are for training. Who is in no fold has the split of its row.

    Raises:
        CohortError: A case is missing from the table or has no split there, or it names one twice or an unknown one; or
            it has folds of which none was chosen.
    """
    path = Path(path)
    rows = read_table(path, required=["case", "split"] if fold is None else ["case"])
    folds = _in_order(row["fold"] for row in rows if row.get("fold"))
    by_fold = fold is not None or (folds and not all(row["split"] for row in rows))
    chosen = _chosen(path, fold, folds) if by_fold else None
    split_of = {row["case"]: _side(row, chosen) for row in rows}
    listed = [row["case"] for row in rows]
    known = {case.name for case in cohort}
    twice = sorted({name for name in listed if listed.count(name) > 1})
    for problem, names in (
        ("no row for", sorted(known - set(listed))),
        ("an unknown case,", sorted(set(listed) - known)),
        ("two rows for", twice),
        ("no split for", [name for name, split in split_of.items() if not split]),
    ):
        if names:
            raise CohortError(
                path,
                found=f"{problem} {names[0]}" + (f" and {len(names) - 1} others" if len(names) > 1 else ""),
                needed="one row for each case of the cohort",
                fix="Make the split table from this cohort.",
            )
    return Cohort(replace(case, split=split_of[case.name]) for case in cohort)


def _side(row: Mapping[str, str], chosen: str | None) -> str:
    if chosen is None or not row["fold"]:
        return row.get("split", "")
    return "validation" if row["fold"] == chosen else "train"
