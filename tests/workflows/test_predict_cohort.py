"""A cohort: what it leaves in memory, and that reading and writing beside computing change nothing else."""

from __future__ import annotations

import gc
import json
import os
import re
import signal
import subprocess
import sys
import threading
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pseudohealthy.errors import OutputError, PartialFailure
from pseudohealthy.io.cohort import Case, Cohort
from pseudohealthy.io.table import read_table
from pseudohealthy.score.thresholds import given_threshold
from pseudohealthy.stages.model_folder import load_model
from pseudohealthy.stages.prediction import Prediction
from pseudohealthy.stages.run_folder import RunFolder
from pseudohealthy.workflows import predict_cohort as module
from pseudohealthy.workflows import prediction_files, prediction_steps
from pseudohealthy.workflows.ahead import ahead, in_turn
from pseudohealthy.workflows.prediction_files import Wanted
from untrained_model import untrained

WANTED = Wanted(given_threshold(0.4))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained(tmp_path_factory.mktemp("untrained") / "model")


@pytest.fixture(autouse=True)
def cores_to_spare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever machine this is."""
    monkeypatch.setattr(module, "cores_to_spare", lambda device: True)


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages take most of the time of a small scan."""
    monkeypatch.setattr(prediction_files, "write_case_page", lambda path, *_: path.write_text("page"))


class Figure:
    """Refers to itself by its canvas, as a figure does, and holds the picture's voxels."""

    def __init__(self, voxels: np.ndarray) -> None:
        self.voxels, self.canvas = voxels, self


def test_no_scan_is_kept_until_python_happens_to_look_for_cycles(tmp_path, made_cohort, model, monkeypatch):
    figures: list[weakref.ref[Figure]] = []
    alive = []

    def write(prediction: Prediction, out: Path, *rest: object, **options: object) -> Path:
        alive.append(sum(figure() is not None for figure in figures))
        figures.append(weakref.ref(Figure(prediction.score.data)))
        return out / "page.html"

    monkeypatch.setattr(prediction_steps, "write_prediction", write)
    monkeypatch.setattr(module, "write_prediction_table", lambda *_: None)
    gc.disable()
    try:
        module.predict_cohort(load_model(model), made_cohort[:3], RunFolder(tmp_path), WANTED)
    finally:
        gc.enable()
    assert alive == [0, 0, 0]
    assert gc.get_freeze_count() == 0


@pytest.mark.usefixtures("short_pages")
def test_at_most_two_prepared_scans_and_two_predictions_are_alive(tmp_path, made_cohort, model, monkeypatch):
    made: dict[str, list[weakref.ref[object]]] = {"prepared": [], "prediction": []}
    most = {"prepared": 0, "prediction": 0}

    def note(kind: str, one: object) -> None:
        made[kind].append(weakref.ref(one))
        most[kind] = max(most[kind], sum(each() is not None for each in made[kind]))

    read, predict = prediction_steps.read_case, prediction_steps.Inference.predict

    def noted_read(*given: object) -> object:
        prepared = read(*given)
        note("prepared", prepared)
        return prepared

    def noted_predict(*given: object) -> object:
        prediction = predict(*given)
        note("prediction", prediction)
        return prediction

    monkeypatch.setattr(prediction_steps, "read_case", noted_read)
    monkeypatch.setattr(prediction_steps.Inference, "predict", noted_predict)
    gc.disable()
    try:
        module.predict_cohort(load_model(model), made_cohort[:6], RunFolder(tmp_path), WANTED)
    finally:
        gc.enable()
    assert len(made["prepared"]) == len(made["prediction"]) == 6
    assert most["prepared"] == 2
    assert most["prediction"] <= 2  # 2 only where writing is slower than computing


def without_times(content: bytes) -> bytes:
    """A page, report or log without the seconds that were taken."""
    for seconds in (rb"<dt>Time</dt><dd>.*?</dd>", rb'"timings_s": \{.*?\}', rb"\d{4}-\d\d-\d\d \S+", rb"\d+\.\d s$"):
        content = re.sub(seconds, b"", content, flags=re.DOTALL | re.MULTILINE)
    return content


def contents(out: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    files = sorted(path for path in out.rglob("*") if path.is_file())
    return {str(path.relative_to(out)): without_times(path.read_bytes()) for path in files}


def with_a_bad_one(cohort: Cohort, folder: Path) -> Cohort:
    """Three scans, of which the second is no image."""
    bad = folder / "bad.nii.gz"
    bad.write_bytes(b"no image")
    return Cohort([cohort[0], Case("sub-bad", bad), cohort[-1]])


def test_beside_computing_the_same_bytes_are_written_as_one_after_the_other(tmp_path, made_cohort, model, monkeypatch):
    cohort, names, counts = with_a_bad_one(made_cohort, tmp_path), [], []
    for way in (ahead, in_turn):
        monkeypatch.setattr(module, "ahead", way)
        out = tmp_path / way.__name__
        out.mkdir()
        counts.append([])
        with pytest.raises(PartialFailure, match="sub-bad") as failure:
            module.predict_cohort(
                load_model(model), cohort, RunFolder(out), WANTED, advance=lambda: counts[-1].append(1)
            )
        names.append(list(failure.value.failures))
    beside, one_by_one = contents(tmp_path / "ahead"), contents(tmp_path / "in_turn")
    assert beside == one_by_one
    assert [len(count) for count in counts] == [3, 3]
    assert names == [["sub-bad"], ["sub-bad"]]
    told = [line.split(":")[0].strip() for line in beside["log.txt"].decode().splitlines()]
    assert told == [case.name for case in cohort]
    rows = read_table(tmp_path / "ahead" / "predictions.tsv")
    assert [row["case"] for row in rows] == [case.name for case in cohort if case.name != "sub-bad"]


@pytest.mark.usefixtures("short_pages")
def test_finished_scans_are_left_and_told_in_their_turn(tmp_path, made_cohort, model):
    cohort = made_cohort[:3]
    first, run = Cohort(cohort[1:2]), RunFolder(tmp_path)
    module.predict_cohort(load_model(model), first, run, WANTED)
    page = tmp_path / f"{first[0].name}.html"
    before = page.stat().st_mtime_ns
    pages = module.predict_cohort(load_model(model), cohort, run, WANTED, resume=True)
    assert pages == [tmp_path / f"{case.name}.html" for case in cohort]
    assert page.stat().st_mtime_ns == before
    told = [line.split("  ", 1)[1] for line in (tmp_path / "log.txt").read_text().splitlines()[1:]]
    assert [line.split(":")[0] for line in told] == [case.name for case in cohort]
    assert ["done before" in line for line in told] == [False, True, False]


@pytest.mark.usefixtures("short_pages")
def test_scans_that_are_predicted_later_join_the_table(tmp_path, made_cohort, model):
    run = RunFolder(tmp_path)
    for number in range(2):
        module.predict_cohort(load_model(model), made_cohort[number : number + 1], run, WANTED, resume=True)
    rows = read_table(tmp_path / "predictions.tsv")
    assert [row["case"] for row in rows] == [case.name for case in made_cohort[:2]]
    other = Wanted(given_threshold(0.5))
    module.predict_cohort(load_model(model), made_cohort[:1], run, other, resume=True)
    assert [row["threshold"] for row in read_table(tmp_path / "predictions.tsv")] == ["0.5"]  # of one threshold


@pytest.mark.usefixtures("short_pages")
def test_a_scan_that_cannot_even_be_opened_stops_no_other(tmp_path, made_cohort, model):
    (tmp_path / "closed.nii.gz").mkdir()
    cohort = Cohort([Case("closed", tmp_path / "closed.nii.gz"), made_cohort[0]])
    with pytest.raises(PartialFailure, match=r"closed\.nii\.gz: found that it cannot be read"):
        module.predict_cohort(load_model(model), cohort, RunFolder(tmp_path), WANTED)
    assert (tmp_path / f"{made_cohort[0].name}.html").is_file()


@pytest.mark.parametrize("where", ["read_case", "predict", "write"])
@pytest.mark.usefixtures("short_pages")
def test_an_error_that_is_no_fault_of_a_scan_reaches_the_caller(tmp_path, made_cohort, model, monkeypatch, where):
    """The second scan breaks; the first is whole and told, the third is not there."""
    cohort, threads = made_cohort[:3], threading.active_count()
    kind = OutputError if where == "write" else ZeroDivisionError
    error = OutputError("disk", found="it full", needed="room", fix="Make some.") if where == "write" else kind()

    def broken(do: object) -> object:
        def run(*given: object, **options: object) -> object:
            case = next((getattr(one, "case", one) for one in given if isinstance(one, Case | Prediction)), None)
            if case == cohort[1]:
                raise error
            return do(*given, **options)

        return run

    if where == "predict":
        monkeypatch.setattr(prediction_steps.Inference, where, broken(prediction_steps.Inference.predict))
    else:
        name = "write_prediction" if where == "write" else where
        monkeypatch.setattr(prediction_steps, name, broken(getattr(prediction_steps, name)))
    with pytest.raises(kind):
        module.predict_cohort(load_model(model), cohort, RunFolder(tmp_path), WANTED)
    assert threading.active_count() == threads
    assert gc.get_freeze_count() == 0
    reports = sorted(path.name.partition("_")[0] for path in tmp_path.rglob("*_report.json"))
    assert reports == [cohort[0].name]
    assert (tmp_path / "log.txt").read_text().count(" lesions, ") == 1
    assert not list(tmp_path.rglob(".*.tmp"))


@pytest.mark.parametrize("wanted", [replace(WANTED, strip="deepbet"), WANTED])
@pytest.mark.usefixtures("short_pages")
def test_heads_to_strip_go_one_after_the_other(tmp_path, made_cohort, model, monkeypatch, wanted):
    readers = []
    read = prediction_steps.read_case

    def noted(*given: object) -> object:
        readers.append(threading.current_thread() is threading.main_thread())
        return read(*given)

    monkeypatch.setattr(prediction_steps, "read_case", noted)
    module.predict_cohort(load_model(model), made_cohort[:2], RunFolder(tmp_path), wanted)
    assert readers == [wanted.strip is not None] * 2


def test_where_networks_use_every_core_scans_go_one_after_the_other(tmp_path, made_cohort, model, monkeypatch):
    readers = []

    def noted(*given: object) -> object:
        readers.append(threading.current_thread() is threading.main_thread())
        return read_case(*given)

    read_case = prediction_steps.read_case
    monkeypatch.setattr(prediction_steps, "read_case", noted)
    monkeypatch.setattr(module, "cores_to_spare", lambda device: False)
    module.predict_cohort(load_model(model), made_cohort[:1], RunFolder(tmp_path), WANTED)
    assert readers == [True]


# Imports once. Each run interrupts itself while its third scan is computed and the second one's files are written: they
# wait for each other, and the files are written slowly enough that they are not yet there.
PROGRAM = """
import json, os, signal, sys, threading, time
from pseudohealthy.cli import main
from pseudohealthy.io import volume as files
from pseudohealthy.workflows import predict_cohort, prediction_files, prediction_steps

predict_cohort.cores_to_spare = lambda device: True
signal.signal(signal.SIGINT, signal.default_int_handler)  # the tests may run as a job that ignores it
predict, write, seen = prediction_steps.Inference.predict, files.write_volume, []
third, writing = threading.Event(), threading.Event()

def interrupted_at_third(*given):
    seen.append(given)
    if len(seen) == 3:
        third.set()
        writing.wait(60)
        os.kill(os.getpid(), kill)
    return predict(*given)

def slowly(volume, path):
    if "sub-01" in path.name:
        third.wait(60)
        writing.set()
        time.sleep(0.2)
    write(volume, path)

prediction_steps.Inference.predict, files.write_volume = interrupted_at_third, slowly
prediction_files.write_case_page = lambda path, *_: path.write_text("page")
for kill, arguments in json.loads(sys.argv[1]):
    process = os.fork()
    if not process:
        try:
            code = main(arguments)
        except SystemExit as end:
            code = end.code
        os._exit(code if threading.active_count() == 1 else 99)
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
"""


def test_an_interruption_leaves_whole_scans_alone_and_no_thread(tmp_path, made_cohort, model):
    cohort = made_cohort[:4]
    images, outs = [str(case.image) for case in cohort], [tmp_path / "terminated", tmp_path / "interrupted"]
    jobs = [
        (int(kill), ["predict", str(model), *images, "--out", str(out), "--threshold", "0.4"])
        for kill, out in zip((signal.SIGTERM, signal.SIGINT), outs, strict=True)
    ]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(jobs)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=120,
    )
    assert done.stdout.split() == ["143", "130"], done.stderr
    for out in outs:
        assert not list(out.rglob(".*.tmp"))
        begun = sorted({path.name.partition("_")[0] for path in out.rglob("*_T1w.nii.gz")})
        whole = sorted(path.name.partition("_")[0] for path in out.rglob("*_report.json"))
        assert begun == whole == sorted(case.name for case in cohort[:2])
        assert not (out / "predictions.tsv").exists()


@pytest.mark.parametrize("damaged", ["{", "[]", "{}"])
def test_a_damaged_report_is_that_of_an_unfinished_scan(damaged, tmp_path):
    case = Case("sub-01", tmp_path / "sub-01.nii.gz", subject="sub-01")
    report = prediction_files.derivative(tmp_path, case, prediction_files.REPORT)
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(damaged)
    assert not prediction_files.finished(tmp_path, case, {}, given_threshold(0.5))
    assert not prediction_files.made_by(tmp_path, case, "model", given_threshold(0.5))
