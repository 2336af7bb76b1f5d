"""Files that are either whole or absent: written under a temporary name, then renamed."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable
from glob import escape
from pathlib import Path

from pseudohealthy.errors import ImageError, OutputError

_CHUNK_BYTES = 1 << 20
_BEGUN = frozenset(("config.yaml", "provenance.json", "log.txt", "shards", "dicom"))  # what runs write first


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file under a temporary name beside `path`, then rename it; its folder is made where absent.

    Raises:
        OutputError: The folder cannot be written or the disk is full; nothing half-written is left.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(content)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error


def remove_unfinished(path: Path) -> None:
    """Remove what killed processes left of a file under temporary names; only where no other process writes it."""
    for leftover in path.parent.glob(f".{escape(path.name)}.*.tmp"):
        leftover.unlink(missing_ok=True)


def cannot_write(path: str | Path, error: OSError) -> OutputError:
    """What the user is told when a file cannot be written."""
    return OutputError(
        path,
        found=f"that it cannot be written ({error.strerror or error})",
        needed="a writable folder with free space",
        fix="Free some space or choose another output folder.",
    )


def write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 text file, whole or not at all.

    Raises:
        OutputError: See `write_bytes`.
    """
    write_bytes(path, text.encode())


def write_json(path: str | Path, obj: object) -> None:
    """Write a JSON file (keys in the order given, indent 1), whole or not at all.

    Raises:
        ValueError: `obj` holds NaN or an infinity: undefined is null (rule 5).
        OutputError: See `write_bytes`.
    """
    write_text(path, json.dumps(obj, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def new_output_folder(path: str | Path, *, overwrite: bool = False, resume: bool = False) -> Path:
    """Make an output folder, or accept an empty one.

    Args:
        path: The folder.
        overwrite: Accept a folder with files in it; files of the same name will be replaced.
        resume: Accept a folder that a run has begun, to be continued.

    Returns:
        The folder, which exists and can be written.

    Raises:
        OutputError: It is a file, is not empty, holds no run to be continued, or cannot be written.
    """
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise OutputError(path, found="a file", needed="a folder", fix="Choose another output folder.")
    if resume:
        refuse_foreign(path)
    elif path.is_dir() and not overwrite and next(path.iterdir(), None) is not None:
        raise OutputError(
            path,
            found="a folder with files in it",
            needed="an empty or new folder",
            fix="Choose another one. Where the command has them, --overwrite replaces files in it, --resume continues.",
        )
    write_bytes(path / ".writable", b"")  # permission bits do not tell: read-only mounts, access lists, quotas
    (path / ".writable").unlink(missing_ok=True)  # by another process that enters the folder now
    return path


def refuse_input(path: str | Path, inputs: Iterable[str | Path]) -> None:
    """Refuse an output folder that is an input: its table and description would be replaced.

    Raises:
        OutputError: It is one.
    """
    path = Path(path)
    if any(Path(one).resolve() == path.resolve() for one in inputs):
        raise OutputError(path, found="an input", needed="a folder beside it", fix="Choose another output folder.")


def refuse_foreign(path: Path) -> None:
    """Refuse to go on in a folder that no run has begun: a dataset that was given for the output folder.

    Raises:
        OutputError: It has files in it, and none of what a run writes first.
    """
    there = {file.name for file in path.iterdir()} if path.is_dir() else set()
    there = {name for name in there if name[0] != "." and not name.endswith((".out", ".err"))}  # those a scheduler's
    if there and there.isdisjoint(_BEGUN) and not any(name.startswith("seed-") for name in there):
        raise OutputError(
            path,
            found=f"a folder that no run has begun ({sorted(there)[0]}, ...)",
            needed="the output folder of the run to go on with, or a new one",
            fix="Check the path. Where the command has it, --overwrite writes into any folder.",
        )


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal.

    Raises:
        ImageError: It cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with Path(path).open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        reason = f"that it cannot be read ({error.strerror or error})"
        raise ImageError(path, found=reason, needed="a readable file", fix="Check it.") from error
    return digest.hexdigest()
