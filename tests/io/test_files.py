import errno
import hashlib
import json
import os
from pathlib import Path

import pytest

from pseudohealthy.errors import CohortError, OutputError
from pseudohealthy.io.files import new_output_folder, sha256, write_json, write_text
from pseudohealthy.io.walk import files_below


def test_text_is_written_whole_into_a_new_folder(tmp_path):
    write_text(tmp_path / "a" / "b" / "note.txt", "Größe 5 ml\n")
    assert (tmp_path / "a" / "b" / "note.txt").read_bytes() == "Größe 5 ml\n".encode()
    assert len(list((tmp_path / "a" / "b").iterdir())) == 1


def test_json_keeps_its_order_and_ends_with_a_line(tmp_path):
    write_json(tmp_path / "a.json", {"z": 1, "a": [0.5, None]})
    assert (tmp_path / "a.json").read_text() == '{\n "z": 1,\n "a": [\n  0.5,\n  null\n ]\n}\n'


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_refuses_what_json_cannot_say(value, tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"dice": value})
    assert not (tmp_path / "a.json").exists()


def test_failed_rename_keeps_the_old_file_and_removes_the_new(tmp_path, monkeypatch):
    write_json(tmp_path / "a.json", 1)

    def refuse(self, target):
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OutputError, match="Disk quota exceeded"):
        write_json(tmp_path / "a.json", 2)
    assert json.loads((tmp_path / "a.json").read_text()) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_output_folder_is_made_or_taken_when_empty(tmp_path):
    assert new_output_folder(tmp_path / "new" / "out").is_dir()
    assert new_output_folder(tmp_path / "new" / "out") == tmp_path / "new" / "out"
    assert list((tmp_path / "new" / "out").iterdir()) == []


def test_folder_with_files_needs_leave(tmp_path):
    (tmp_path / "old.txt").write_text("old")
    with pytest.raises(OutputError, match="a folder with files in it") as caught:
        new_output_folder(tmp_path)
    assert "Where the command has them, --overwrite replaces files in it, --resume continues" in caught.value.fix
    assert new_output_folder(tmp_path, overwrite=True) == tmp_path
    assert [path.name for path in tmp_path.iterdir()] == ["old.txt"]


def test_only_what_a_run_has_begun_is_gone_on_with(tmp_path):
    assert new_output_folder(tmp_path / "new", resume=True).is_dir()
    (tmp_path / "sub-01").mkdir()
    with pytest.raises(OutputError, match="a folder that no run has begun") as caught:
        new_output_folder(tmp_path, resume=True)
    assert "--overwrite" in caught.value.fix
    (tmp_path / "config.yaml").write_text("")
    assert new_output_folder(tmp_path, resume=True) == tmp_path


def test_file_and_unwritable_place_are_no_output_folders(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="found a file"):
        new_output_folder(tmp_path / "file")
    with pytest.raises(OutputError, match="cannot be written"):
        new_output_folder(tmp_path / "file" / "out")


def test_sha256_is_that_of_the_whole_content(tmp_path):
    content = bytes(range(256)) * 9000  # more than two chunks
    (tmp_path / "a").write_bytes(content)
    assert sha256(tmp_path / "a") == hashlib.sha256(content).hexdigest()
    (tmp_path / "b").write_bytes(b"abc")
    assert sha256(tmp_path / "b") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_folder_that_cannot_be_read_is_not_passed_over(tmp_path, monkeypatch):
    def walk(folder, *, followlinks, onerror):
        onerror(PermissionError(errno.EACCES, "Permission denied", str(folder / "derivatives")))
        return iter(())

    monkeypatch.setattr(os, "walk", walk)  # permissions do not stop root
    with pytest.raises(CohortError, match="derivatives: found a folder that cannot be read"):
        files_below(tmp_path)
