"""A cohort divided by group, or as a file says, with the same brain never on two sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pseudohealthy.errors import CohortError, ConfigError
from pseudohealthy.io.bids import discover
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.io.lesions import read_lesion_mask
from pseudohealthy.io.match_cases import apply_entries
from pseudohealthy.io.paper_splits import is_paper_split, paper_cohort, read_paper_splits
from pseudohealthy.io.split_files import apply_split, read_json_split
from pseudohealthy.io.splits import fold_by_group, refuse_leaks, split_by_group, without_folds
from pseudohealthy.io.table import is_table
from pseudohealthy.io.volume import read_volume
from pseudohealthy.workflows.same_brains import SameBrains, find_same_brains, refuse_same_brains

Pairs = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Applied:
    """A cohort divided as files say.

    Attributes:
        cohort: The cases that the files name, each with its split.
        dropped: A sentence for each row that was not used.
        missing: Names for which there is no case.
        left_out: Cases that no file names.
    """

    cohort: Cohort
    dropped: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def sentences(self) -> list[str]:
        """What was not used."""
        said = [f"dropped: {sentence}" for sentence in self.dropped]
        return [*said, f"left out, because no file names them: {', '.join(self.left_out)}"] if self.left_out else said


def divide(
    cohort: Cohort,
    seed: int,
    *,
    shares: Mapping[str, float] | None = None,
    folds: int | None = None,
    stratify: Sequence[str] = (),
    same: SameBrains | None = None,
) -> Cohort:
    """Divide a cohort by shares or into folds.

    Args:
        cohort: The cases.
        seed: Another seed, another division.
        shares: Split -> share.
        folds: How many, instead of shares.
        stratify: Columns in which the sides are to be alike. `lesion_ml` is measured where it is not given.
        same: Pairs of cases that hold the same brain: they stay together.

    Raises:
        CohortError: See `split_by_group` and `fold_by_group`.
        ImageError: A lesion mask cannot be used.
    """
    if "lesion_ml" in stratify:
        cohort = with_lesion_ml(cohort)
    pairs: Pairs = [(pair.first, pair.second) for pair in same.pairs] if same else []
    if folds is not None:
        return fold_by_group(cohort, folds, seed, stratify, pairs)
    return split_by_group(cohort, shares or {}, seed, stratify, pairs)


def with_lesion_ml(cohort: Cohort) -> Cohort:
    """Add the column `lesion_ml` where a case does not have it: 0 without a lesion mask."""

    def measured(case_index: int) -> str:
        case = cohort[case_index]
        if case.lesion_mask is None:
            return "0"
        image = read_volume(case.image)
        mask = read_lesion_mask(case, image)
        return f"{mask.lesion.data.sum() * image.voxel_ml if mask else 0:.3f}"

    return Cohort(
        case
        if case.columns.get("lesion_ml")
        else replace(case, columns={**case.columns, "lesion_ml": measured(number)})
        for number, case in enumerate(cohort)
    )


def apply_files(inputs: Sequence[Path], files: Mapping[Path, str], fold: int | None = None) -> Applied:
    """Divide what the inputs hold as files say.

    Args:
        inputs: What `discover` takes; or, for the paper's files, the folder below which their paths lie.
        files: A table with `case` and `split` or `fold`, a `splits_final.json`, a MONAI datalist, or several of the
            paper's tables together. File -> split where the paper's file's name does not tell it, else "".
        fold: Which fold of a file is for validation.

    Raises:
        CohortError: A file that is none of these, names that fit no case or several.
        ConfigError: Several files that are not the paper's, or a fold of the paper's.
        LeakError: A subject, mask source, label map or scan on two sides.
    """
    papers = [path for path in files if is_paper_split(path)]
    if not papers and len(files) > 1:
        raise ConfigError(
            "--from", found=f"{len(files)} files", needed="one, or the paper's tables", fix="Give one file."
        )
    if papers and fold is not None:
        raise ConfigError(
            "--fold", found="the paper's tables, each of one fold", needed="a file of all", fix="Leave --fold out."
        )
    applied = _paper(inputs, files) if papers else _other(discover(inputs), next(iter(files)), fold)
    refuse_leaks(applied.cohort.sides())
    return replace(applied, cohort=without_folds(applied.cohort))  # a fold of the inputs' own is not of this division


def _other(cohort: Cohort, path: Path, fold: int | None) -> Applied:
    if is_table(path):
        return Applied(apply_split(cohort, path, fold))
    return _matched(cohort, apply_entries(cohort, read_json_split(path, fold), str(path)))


def _paper(inputs: Sequence[Path], files: Mapping[Path, str]) -> Applied:
    rows, dropped = read_paper_splits(files)
    folder = inputs[0] if len(inputs) == 1 and inputs[0].is_dir() else None
    laid_out, missing = paper_cohort(rows, folder) if folder else (Cohort([]), [])
    if len(laid_out):
        return Applied(laid_out, tuple(dropped), tuple(missing))
    cohort = discover(inputs)
    source = ", ".join(path.name for path in files)
    applied = _matched(cohort, apply_entries(cohort, [row.entry for row in rows], source))
    return replace(applied, dropped=tuple(dropped))


def _matched(cohort: Cohort, found: tuple[Cohort, list[str]]) -> Applied:
    used, missing = found
    named = {case.name for case in used}
    return Applied(used, (), tuple(missing), tuple(case.name for case in cohort if case.name not in named))


def compare(cohort: Cohort, advance: Callable[[], None], *, fixed: bool) -> SameBrains:
    """Find the same brain under two names.

    Args:
        cohort: The cases.
        advance: Called after each scan.
        fixed: The cases have their side already: the same brain on two sides is refused.

    Raises:
        LeakError: It is.
    """
    same = find_same_brains(cohort, advance)
    if fixed:
        refuse_same_brains(cohort, same.pairs)
    return same


def shares_from(words: Sequence[str]) -> dict[str, float]:
    """`train=0.7 test=0.3` -> {"train": 0.7, "test": 0.3}.

    Raises:
        ConfigError: Something else.
    """
    shares = {}
    for item in words:
        name, _, share = item.partition("=")
        if name in shares:
            raise ConfigError(
                f"--share {item}", found=f"{name} twice", needed="each side once", fix="Leave one of the two out."
            )
        try:
            shares[name] = float(share)
        except ValueError as error:
            raise ConfigError(
                f"--share {item}", found="no number", needed="NAME=SHARE", fix="For example: --share train=0.8 test=0.2"
            ) from error
    return shares


def files_from(words: Sequence[str]) -> dict[Path, str]:
    """`a.csv b.csv=test` -> {a.csv: "", b.csv: "test"}.

    Raises:
        CohortError: No such file.
    """
    files = {}
    for word in words:
        name, _, split = word.rpartition("=")
        path, split = (Path(name), split) if name and not Path(word).is_file() else (Path(word), "")
        if not path.is_file():
            raise CohortError(path, found="no such file", needed="a split file", fix="Check the path.")
        files[path] = split
    return files


def sizes(cohort: Cohort) -> dict[str, int]:
    """How many cases each side, or fold, has."""
    folds = Counter(fold for case in cohort if (fold := case.columns.get("fold", "")))
    if folds:
        return {f"fold {fold}": folds[fold] for fold in sorted(folds, key=int)}
    return {name: len(side) for name, side in cohort.sides().items()}
