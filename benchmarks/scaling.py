"""What training and prediction cost, and how that grows.

    python benchmarks/scaling.py WHAT --out FOLDER      measures, into FOLDER/WHAT.tsv
    python benchmarks/scaling.py overlap --out FOLDER [--repeats N] [--quick]
    python benchmarks/scaling.py page --out FOLDER      writes docs/performance-scaling.md from these tables

`loader`: share of a training step that goes into slices and augmentation. `phases`: a prediction's reading, computing
and writing. `voxels`: one prediction, by the voxels of the scan (the MNI152 brain, resampled). `volumes`: cohorts of 1
to 64 copies. `batch`: a training step, by its slices. `overlap`: four scans of 1 mm, read and written beside computing
or one after the other, in turns.

Each point is a process of its own with one thread. Seconds are those of the processor (user and system), so that what
else runs on the machine changes them little; those of `overlap` are the clock's, with one thread of the networks and
with two, so that it wants an idle machine. Networks have random weights: they cost what trained ones do.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import numpy as np
import torch
from scipy import ndimage

import pseudohealthy.report.case_page  # noqa: F401  # what `predict` imports late is not its cost here
from pseudohealthy.cli import main as run
from pseudohealthy.data.slices import SliceStore
from pseudohealthy.io.cohort import Case
from pseudohealthy.io.table import read_table, write_table
from pseudohealthy.io.templates import load_template
from pseudohealthy.io.volume import Volume, write_volume
from pseudohealthy.models.population import Population
from pseudohealthy.models.reconstructors import RECONSTRUCTORS
from pseudohealthy.models.segmenters import SEGMENTERS
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.prepare.scan import prepare_scan
from pseudohealthy.score.thresholds import given_threshold
from pseudohealthy.stages import train_reconstructor, train_segmenter
from pseudohealthy.stages.infer import Inference
from pseudohealthy.stages.model_folder import Model, save_model
from pseudohealthy.stages.recipe import Recipe, load_recipe
from pseudohealthy.stages.reference import Reference
from pseudohealthy.stages.tensors import to_zyx
from pseudohealthy.workflows.prediction_files import Wanted, write_prediction
from pseudohealthy.workflows.prediction_steps import read_scan

SPACINGS_MM = (3.0, 2.0, 1.5, 1.0)
COHORTS = (1, 4, 16, 64)
BATCHES = (4, 8, 16, 32)
WARM, STEPS, SCANS = 1, 3, 4
THRESHOLD = "0.9"  # of untrained networks: little is marked, and nothing is calibrated


def brain(spacing_mm: float) -> Volume:
    """The MNI152 brain at another voxel size."""
    template = load_template("mni152")
    image = template.t1.data * template.brain_mask.data
    finer = ndimage.zoom(image, 1 / spacing_mm, order=1)
    affine = template.t1.affine.copy()
    affine[:3, :3] *= spacing_mm
    return Volume(finer.astype(np.float32), affine)


def untrained(recipe: Recipe) -> Model:
    """Both stages with random weights."""
    torch.manual_seed(0)
    one, two = recipe.reconstructor, recipe.segmenter
    shape = GRIDS[recipe.grid].shape[::-1]
    networks = RECONSTRUCTORS[one.method][1](one.settings), SEGMENTERS[two.method][1](two.settings)
    population = Population(np.zeros(shape, np.float32), np.ones(shape, np.float32), 1)
    return Model(recipe, *(network.eval().requires_grad_(False) for network in networks), population, 0, {})


def measured(work: Callable[[], object]) -> dict[str, float]:
    """Do something in a process of its own: processor seconds, wall seconds, peak memory in MB.

    It is a fork of this one, so that the imports are neither waited for nor counted.
    """
    begun = time.perf_counter()
    process = os.fork()
    if not process:
        status = 1
        try:
            status = int(work() or 0)
        finally:
            os._exit(status)
    _, status, usage = os.wait4(process, 0)
    if status:
        raise SystemExit(f"a measurement ended with {status}")
    wall_s = time.perf_counter() - begun
    return {"cpu_s": usage.ru_utime + usage.ru_stime, "wall_s": wall_s, "peak_mb": usage.ru_maxrss / 1024}


def predicted(model: Path, scans: Path, out: Path) -> dict[str, float]:
    """Cost of one `predict`, and of its start: the same command once more, when all is done."""
    command = ["predict", str(model), str(scans), "--out", str(out), "--threshold", THRESHOLD, "--quiet"]
    cost = measured(lambda: run(command))
    return {**cost, "start_cpu_s": measured(lambda: run([*command, "--resume"]))["cpu_s"]}


def voxels() -> Iterator[dict[str, float]]:
    """One scan, finer and finer."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        save_model(untrained(load_recipe("demo")), folder / "model")
        for spacing_mm in SPACINGS_MM:
            scan, name = brain(spacing_mm), f"{spacing_mm:g}"
            write_volume(scan, folder / f"{name}.nii.gz")
            cost = predicted(folder / "model", folder / f"{name}.nii.gz", folder / f"out-{name}")
            yield {"spacing_mm": spacing_mm, "voxels": scan.data.size, **cost}


def volumes() -> Iterator[dict[str, float]]:
    """More and more copies of one scan."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        save_model(untrained(load_recipe("coarse")), folder / "model")
        scan = brain(4.0)
        for count in COHORTS:
            scans = folder / f"scans-{count}"
            for number in range(count):
                write_volume(scan, scans / f"sub-{number:02d}_T1w.nii.gz")
            yield {"volumes": count, **predicted(folder / "model", scans, folder / f"out-{count}")}


def phases() -> Iterator[dict[str, float]]:
    """Reading, computing and writing of a prediction: what could at best be gained by doing all at once."""
    model, wanted = untrained(load_recipe("demo")), Wanted(given_threshold(float(THRESHOLD)))
    inference = Inference(model)
    with TemporaryDirectory() as scratch:
        for spacing_mm in SPACINGS_MM[1::2]:
            case = Case(f"scan-{spacing_mm:g}", Path(scratch, f"scan-{spacing_mm:g}.nii.gz"))
            write_volume(brain(spacing_mm), case.image)
            clock = [time.process_time()]
            scan = read_scan(case, model)
            clock.append(time.process_time())
            prediction = inference.predict(scan.prepared, wanted.threshold, case)
            clock.append(time.process_time())
            write_prediction(prediction, Path(scratch, "out"), wanted, lesion=scan.lesion)
            clock.append(time.process_time())
            read_s, compute_s, write_s = np.diff(clock)
            yield {"spacing_mm": spacing_mm, "read_s": read_s, "compute_s": compute_s, "write_s": write_s}


def batch() -> Iterator[dict[str, float]]:
    """A step of each stage, by the number of slices; each point is a process, for its memory."""
    for stage in ("reconstructor", "segmenter"):
        for size in BATCHES:
            with TemporaryDirectory() as scratch:
                seconds = Path(scratch, "seconds")
                cost = measured(lambda stage=stage, size=size, out=seconds: one_step(stage, size, out))
                yield {"stage": stage, "batch_size": size, "step_cpu_s": float(seconds.read_text()), **cost}


def loader() -> Iterator[dict[str, float]]:
    """What a step of the demo's recipe spends before the networks see a slice; medians."""
    for stage in ("reconstructor", "segmenter"):
        with TemporaryDirectory() as scratch, timed_parts(stage) as spent:
            whole = step_seconds(stage, load_recipe("demo", ["supervision.synthetic=draem"]), Path(scratch), spent)
        parts = {name: float(np.median(seconds[WARM:])) for name, seconds in spent.items()}
        before = parts["slices"] + parts["augmentation"]
        row = {f"{name}_ms": 1000 * value for name, value in parts.items()}
        yield {"stage": stage, **row, "step_ms": 1000 * whole, "share_percent": 100 * before / whole}


@contextmanager
def timed_parts(stage: str) -> Iterator[dict[str, list[float]]]:
    """Processor seconds of each call of what makes a batch, and of the noise, which the diffusion models draw."""
    module = train_reconstructor if stage == "reconstructor" else train_segmenter
    drawer = (train_reconstructor.Sampler, "draw") if stage == "reconstructor" else (train_segmenter.Batches, "draw")
    noise = (RECONSTRUCTORS["cddpm"][1], "noise")
    spent: dict[str, list[float]] = {}
    with contextmanager(_patched)(spent, {"slices": drawer, "augmentation": (module, "augment"), "noise": noise}):
        yield spent


def _patched(spent: dict[str, list[float]], places: dict[str, tuple[object, str]]) -> Iterator[None]:
    def clocked(function: Callable[..., object], name: str) -> Callable[..., object]:
        def run(*args: object, **options: object) -> object:
            begun = time.process_time()
            try:
                return function(*args, **options)
            finally:
                spent.setdefault(name, []).append(time.process_time() - begun)

        return run

    patches = [mock.patch.object(of, what, clocked(getattr(of, what), name)) for name, (of, what) in places.items()]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()


def step_seconds(stage: str, recipe: Recipe, folder: Path, spent: dict[str, list[float]] | None = None) -> float:
    """Median processor seconds of a training step, on copies of one brain."""
    grid = GRIDS[recipe.grid]
    scan = prepare_scan(brain(2.0), grid, None, recipe.space)
    store = SliceStore.create(folder / "slices", SCANS, grid.shape[::-1])
    image, mask = to_zyx(scan.image.data), to_zyx(scan.mask.data)
    for row in range(SCANS):
        store.put(row, image, mask, np.zeros_like(mask))
    model = untrained(recipe)
    if stage == "reconstructor":
        network: torch.nn.Module = model.reconstructor
        loss = train_reconstructor.loss_of(store, recipe)
    else:
        network = model.segmenter
        batches = train_segmenter.Batches({"healthy": store}, recipe)
        loss = train_segmenter.loss_of(batches, Reference(model, "reconstruction"), recipe)
    optimiser = torch.optim.AdamW(network.train().requires_grad_(True).parameters())
    seconds = []
    for step in range(WARM + STEPS):
        begun = time.process_time()
        optimiser.zero_grad()
        loss(network, step).backward()
        optimiser.step()
        seconds.append(time.process_time() - begun)
    return float(np.median(seconds[WARM:]))


def one_step(stage: str, size: int, out: Path) -> None:
    """What `batch` starts: a few steps, and their seconds into a file."""
    keys = [f"{each}_training.batch_size={size}" for each in ("reconstructor", "segmenter")]
    recipe = load_recipe("demo", [*keys, "supervision.synthetic=draem"])
    with TemporaryDirectory() as scratch:
        out.write_text(str(step_seconds(stage, recipe, Path(scratch))))


def measure(name: str, rows: Iterator[dict[str, float]], out: Path) -> None:
    """Write a table, row by row, so that a run that is stopped keeps what it has."""
    done: list[dict[str, str]] = []
    for row in rows:
        done.append({key: f"{value:.5g}" if isinstance(value, float) else str(value) for key, value in row.items()})
        print(done[-1], flush=True)
        write_table(out / f"{name}.tsv", list(done[0]), done)


def read(out: Path, name: str, **where: str) -> dict[str, np.ndarray]:
    """Columns of numbers of a table that was measured."""
    rows = [row for row in read_table(out / f"{name}.tsv") if all(row[key] == value for key, value in where.items())]
    numbers = [key for key in rows[0] if key != "stage"]
    return {key: np.array([float(row[key]) for row in rows]) for key in numbers}


def exponent(x: Sequence[float], y: Sequence[float]) -> float:
    """K of y ~ x^k, by least squares of the logarithms."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def main() -> None:
    """Measure, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("loader", "phases", "voxels", "volumes", "batch", "overlap", "page"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--repeats", type=int, default=5, help="pairs of `overlap`; the page tells medians (default: 5)"
    )
    parser.add_argument("--quick", action="store_true", help="`overlap` on small scans and networks: does it run?")
    args = parser.parse_args()
    kinds = {"loader": loader, "phases": phases, "voxels": voxels, "volumes": volumes, "batch": batch}
    torch.set_num_threads(1)
    if args.what == "page":
        from scaling_page import write_page

        write_page(args.out)
    elif args.what == "overlap":
        from scaling_overlap import overlap

        measure(args.what, overlap(args.repeats, *(("smoke", 4.0) if args.quick else ())), args.out)
    else:
        measure(args.what, kinds[args.what](), args.out)


if __name__ == "__main__":
    main()
