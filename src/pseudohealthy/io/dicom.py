"""From DICOM to NIfTI: by dcm2niix, and without a word of the header."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pseudohealthy.errors import ConfigError, ImageError, require
from pseudohealthy.io.dicom_series import Series, choose_series, find_series, is_dicom
from pseudohealthy.io.names import is_nifti
from pseudohealthy.io.volume import read_volume, write_volume
from pseudohealthy.io.walk import files_below

_OPTIONS = (
    *("-b", "n"),  # no sidecar: it would carry dates and descriptions
    *("-x", "i"),  # neither cropped nor rotated
    *("-g", "i"),  # whatever the user's ~/.dcm2nii.ini says
    *("-w", "2"),  # volumes of one name get suffixes: overwriting would hide that there are several
    *("-z", "n", "-f", "series"),
)


def as_nifti(inputs: Sequence[Path], folder: Path, series: str | None = None) -> list[Path]:
    """Convert the inputs that are DICOM; the others pass through.

    Args:
        inputs: DICOM folders or files, and anything else.
        folder: Where the NIfTI files go, as `series-<8 hex of the SHA-256 of the Series Instance UID>.nii.gz`.
        series: Which series of a folder with several: its number, UID or such a name.

    Returns:
        A path for each input, but one for all files of one series.

    Raises:
        CohortError: A folder has several series and none is named.
        ConfigError: A series is named and no input is DICOM.
        ImageError: No MR images, or dcm2niix makes no single sound volume of them.
        MissingExtraError: The extra [dicom] is not installed.
    """
    return converted(locate(inputs, series), folder)


def locate(inputs: Sequence[Path], series: str | None = None) -> list[Path | Series]:
    """Find the series that inputs mean, reading headers alone; see `as_nifti`.

    A folder is DICOM where it holds DICOM files and, at any depth, no NIfTI file: a dataset may keep its raw scans. A
    file stands for the files of its series in its folder.
    """
    found: list[Path | Series] = []
    for path in map(Path, inputs):
        if path.is_file() and not is_nifti(path) and is_dicom(path):
            if not any(path in other.files for other in found if isinstance(other, Series)):
                uids = {one.uid for one in find_series([path])}
                siblings = [one for one in find_series(path.parent.iterdir()) if one.uid in uids]
                found.append(choose_series(siblings, series, path))
        elif path.is_dir() and not any(map(is_nifti, files := files_below(path))) and any(map(is_dicom, files)):
            found.append(choose_series(find_series(files), series, path))
        else:
            found.append(path)
    if series is not None and not any(isinstance(one, Series) for one in found):
        raise ConfigError(
            f"--series {series}",
            found="no DICOM folder among the inputs",
            needed="one, to choose a series of",
            fix="Leave --series out, or check the paths.",
        )
    return found


def series_of(located: Sequence[Path | Series]) -> dict[str, Series]:
    """Case name -> the series that it comes from."""
    return {one.name: one for one in located if isinstance(one, Series)}


def converted(located: Sequence[Path | Series], folder: Path) -> list[Path]:
    """Convert what is a series; see `as_nifti`."""
    return [_convert(one, folder) if isinstance(one, Series) else one for one in located]


def _convert(series: Series, folder: Path) -> Path:
    program = require("dcm2niix", "dicom").bin
    target = folder / f"{series.name}.nii.gz"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".dicom-") as scratch:
        source, out = Path(scratch, "in"), Path(scratch, "out")
        source.mkdir()
        out.mkdir()
        for number, file in enumerate(series.files):  # the chosen series alone, and no name of the user's files
            _link(file.resolve(), source / f"{number:06d}.dcm")
        answer = subprocess.run([program, *_OPTIONS, "-o", str(out), str(source)], capture_output=True)
        volumes = sorted(file for file in out.iterdir() if is_nifti(file))
        _refuse_unless_one(series, volumes, answer.returncode)
        try:
            volume = read_volume(volumes[0])
            if volume.shape[2] != series.images:
                found = f"a volume of {volume.shape[2]} slices, converted from {series.images} images"
                raise _incomplete(series, found)
            # Read and written by ourselves: geometry and voxels go on, text and times of the header do not.
            made = Path(scratch, target.name)
            write_volume(volume, made)
            if not target.is_file() or target.read_bytes() != made.read_bytes():  # a resumed run touches nothing
                made.replace(target)
        except ImageError as error:
            raise ImageError(_subject(series), found=error.found, needed=error.needed, fix=error.fix) from error
    return target


def _refuse_unless_one(series: Series, volumes: Sequence[Path], code: int) -> None:
    if any("_Eq" in file.name or "_Tilt" in file.name for file in volumes):
        raise ImageError(
            _subject(series),
            found="slices at unequal distances or sheared against each other",
            needed="parallel slices at equal distances: anything else would have to be resampled",
            fix="Check that no slice is missing; or resample it with a tool of your choice, and pass the NIfTI file.",
        )
    if len(volumes) > 1:
        raise ImageError(
            _subject(series),
            found=f"{len(volumes)} volumes in one series (echoes, phases, or slices of several orientations)",
            needed="one",
            fix="Convert it with dcm2niix, and pass the NIfTI file that is wanted.",
        )
    if not volumes:
        raise _incomplete(series, f"that dcm2niix makes no image of it (it ended with code {code})")


def _incomplete(series: Series, found: str) -> ImageError:
    return ImageError(
        _subject(series),
        found=found,
        needed="a complete series of MR images",
        fix="Copy it again from the scanner or archive, or run dcm2niix on it to see what it says.",
    )


def _subject(series: Series) -> str:
    return f"DICOM series {series}"


def _link(file: Path, link: Path) -> None:
    try:
        link.symlink_to(file)
    except OSError:  # Windows, without the right to
        shutil.copyfile(file, link)
