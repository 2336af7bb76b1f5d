"""Output folders that cannot be used, and a full disk, end with exit code 2 and one clear line; nothing is written."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fitted import Fitted
from pseudohealthy.cli import main


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda out: (out.mkdir(), (out / "mine.txt").write_text("keep me")), "a folder with files in it"),
        (lambda out: out.write_text("keep me"), "a file; needed a folder"),
    ],
    ids=["not empty", "a file"],
)
@pytest.mark.parametrize("command", ["predict", "evaluate", "train reconstructor", "simulate", "demo", "benchmark"])
def test_an_output_folder_that_is_in_use_is_refused(make, said, command, tmp_path, fitted, refuse):
    out = tmp_path / "out"
    make(out)
    refuse(*arguments_of(command, fitted, out), said=said)


@pytest.mark.parametrize("command", ["predict", "evaluate", "train reconstructor", "simulate", "split", "demo"])
def test_an_output_folder_that_cannot_be_written_is_refused(command, tmp_path, fitted, refuse):
    (tmp_path / "file").write_text("no folder can be made below a file, not even by root")
    refuse(*arguments_of(command, fitted, tmp_path / "file" / "out"), said="that it cannot be written")


def arguments_of(command: str, fitted: Fitted, out: Path) -> tuple[str | Path, ...]:
    """A command that would succeed, in its smallest form."""
    data = fitted.table
    return {
        "predict": ("predict", fitted.model, data, "--split", "test", "--out", out),
        "evaluate": ("evaluate", fitted.model, data, "--out", out),
        "train reconstructor": ("train", "reconstructor", "--data", data, "--config", "smoke", "--out", out),
        "simulate": ("simulate", out, "--n", "1", "--spacing-mm", "4"),
        "split": ("split", data, "--trust-names", "--share", "train=0.5", "test=0.5", "--out", out.with_suffix(".tsv")),
        "demo": ("demo", "--smoke", "--out", out),
        "benchmark": ("benchmark", "smoke", "--out", out),
    }[command]


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lets the disk be full for files whose name contains a text, whoever writes them."""

    def fill(name: str) -> None:
        def failing(function: Callable[..., object]) -> Callable[..., object]:
            def write(path: object, *args: object, **options: object) -> object:
                if name in Path(str(path)).name and not {"r", "rb"} & set(map(str, (*args, *options.values()))):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
                return function(path, *args, **options)

            return write

        for attribute in ("write_bytes", "open"):
            monkeypatch.setattr(Path, attribute, failing(getattr(Path, attribute)))
        if name == "slices":

            def full(*_: object) -> None:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            monkeypatch.setattr(os, "posix_fallocate", full)

    return fill


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("predict", ".writable"),
        ("predict", "config.yaml"),
        ("predict", "sub-08_space-orig_label-L_mask"),
        ("predict", "sub-08.html"),
        ("evaluate", "results.json"),
        ("evaluate", "report.html"),
        ("train reconstructor", "slices"),
        ("train reconstructor", "metrics.csv"),
        ("train reconstructor", "ckpt"),
        ("simulate", "desc-brain_mask"),
        ("split", "out.tsv"),
    ],
)
def test_a_full_disk_is_told_and_leaves_nothing(command, name, tmp_path, fitted, refuse, full_disk):
    full_disk(name)
    refuse(*arguments_of(command, fitted, tmp_path / "out"), said="No space left on device")


@pytest.mark.parametrize("name", ["sub-09.html", "sub-09_space-orig_label-L_mask", "log.txt", "predictions.tsv"])
def test_a_full_disk_does_not_cost_the_scans_that_are_finished(name, tmp_path, fitted, capsys, monkeypatch, full_disk):
    arguments = [str(word) for word in arguments_of("predict", fitted, tmp_path / "out")]
    full_disk(name)
    assert main(arguments) == 2
    monkeypatch.undo()
    assert "No space left on device" in capsys.readouterr().err.splitlines()[-1]
    page = tmp_path / "out" / "sub-08.html"
    before = page.stat().st_mtime_ns
    assert main([*arguments, "--resume"]) == 0
    assert page.stat().st_mtime_ns == before
    assert (tmp_path / "out" / "sub-09.html").is_file()


def test_a_full_disk_keeps_the_old_thresholds(tmp_path, fitted, refuse, full_disk):
    model = fitted.copy_of_model(tmp_path / "model")
    full_disk("calibration.json")
    refuse("calibrate", model, fitted.table, said="No space left on device")


def test_a_full_disk_does_not_cost_the_steps_of_a_training(tmp_path, fitted, capsys, monkeypatch, full_disk):
    out = tmp_path / "out"
    arguments = [str(word) for word in arguments_of("train reconstructor", fitted, out)]
    full_disk("reconstructor.safetensors")
    assert main(arguments) == 2
    monkeypatch.undo()
    assert "No space left on device" in capsys.readouterr().err.splitlines()[-1]
    assert not (out / "model" / "config.json").exists()
    assert main([*arguments, "--resume"]) == 0
    assert (out / "model" / "config.json").exists()
    assert "step 2/2" not in capsys.readouterr().err  # no step was taken again


@pytest.mark.parametrize("command", ["predict", "prepare", "train segmenter"])
def test_an_input_is_no_output_folder_whatever_is_asked(command, tmp_path, fitted, refuse):
    scans = tmp_path / "scans"
    scans.mkdir()
    (scans / "a.nii.gz").write_bytes(fitted.cohort[0].image.read_bytes())
    arguments = {
        "predict": ("predict", fitted.uncalibrated, scans, "--out", scans, "--threshold", "0.5"),
        "prepare": ("prepare", scans, scans),
        "train segmenter": (
            *("train", "segmenter", "--reconstructor", fitted.stage_1, "--data", fitted.table),
            *("--out", fitted.stage_1.parent, "--config", "smoke"),
        ),
    }[command]
    refuse(*arguments, "--overwrite", said="found an input; needed a folder beside it")


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENAMETOOLONG])
def test_what_the_system_refuses_is_no_bug(number, tmp_path, fitted, refuse, monkeypatch):
    def refused(*_: object) -> None:
        raise OSError(number, os.strerror(number), str(fitted.stage_1 / "config.json"))

    monkeypatch.setattr("pseudohealthy.stages.model_folder.load_model", refused)
    said = "found no permission" if number == errno.EACCES else "found a name that is too long"
    refuse("predict", fitted.stage_1, fitted.cohort[0].image, "--out", tmp_path / "out", said=said)
