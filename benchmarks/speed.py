"""How fast training and prediction are, and what each optimisation gains: one program, one table.

    python benchmarks/speed.py [PART...] [--size small paper] [--threads N] [--repeats N] [--out DIR]
                               [--model DIR] [--scan FILE] [--quick]

PART is roofline, data, train, predict, or all of them. The table is printed as it grows and, with --out, written as
`speed.md` and `speed.tsv`. Without --model networks have random weights; without --scan a virtual person is predicted.
Size `paper` is measured on a few slices and extrapolated. It runs where the package does: on the GPU if there is one.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from speed_parts.measure import Row

PARTS = ("roofline", "data", "train", "predict")
FEW_SLICES = 8  # of recipe `paper`
FEW_SAMPLES = 2  # a training step of it
HEADER = ("part", "size", "what", "value", "unit", "note")


def measured(args: argparse.Namespace, device: torch.device) -> Iterator[Row]:
    """All rows that were asked for."""
    import torch
    from speed_parts import data_path, prediction, training
    from speed_parts.measure import Row, matrix_rate

    repeats = 1 if args.quick else args.repeats
    roof = matrix_rate(device, torch.float32, 4 * repeats)
    yield Row("roofline", "", "matrix product, fp32", roof / 1e9, "GFLOP/s", f"{torch.get_num_threads()} threads")
    if "roofline" in args.parts:
        rate = matrix_rate(device, torch.bfloat16, 4 * repeats)
        yield Row("roofline", "", "matrix product, bf16", rate / 1e9, "GFLOP/s", f"{torch.get_num_threads()} threads")
    if "data" in args.parts:
        yield from data_path.rows(repeats)
    for size in args.size:
        few = args.quick or size == "paper"
        if "train" in args.parts:
            yield from training.rows(size, FEW_SAMPLES if few else None, 1 if few else repeats, device, roof)
        if "predict" in args.parts:
            with tempfile.TemporaryDirectory() as folder:
                model, scan = prediction.model_and_scan(
                    size, args.model, args.scan, Path(folder), 3.0 if args.quick else 1.0
                )
                slices = 2 if args.quick else FEW_SLICES if few else None
                yield from prediction.rows(prediction.Work(size, model, scan, slices, repeats, device, roof))


def machine(device: torch.device) -> str:
    """Where it was measured, and how busy that was."""
    import torch

    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    return f"{name}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, {load}, torch {torch.__version__}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "CPU")


def write(out: Path, rows: Sequence[Row], where: str, command: str) -> None:
    """Write the table twice: to be read, and to be compared."""
    cells = [(row.part, row.size, row.what, f"{row.value:.3g}", row.unit, row.note) for row in rows]
    out.mkdir(parents=True, exist_ok=True)
    tsv = ["\t".join(HEADER), *("\t".join(line) for line in cells)]
    (out / "speed.tsv").write_text("\n".join(tsv) + "\n", encoding="utf-8")
    table = ["| " + " | ".join(line) + " |" for line in (HEADER, ("---",) * len(HEADER), *cells)]
    head = [f"`{command}`", "", f"{where}.", ""]
    (out / "speed.md").write_text("\n".join(head + table) + "\n", encoding="utf-8")


def main(given: Sequence[str]) -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (default: all)")
    parser.add_argument("--size", nargs="+", default=["small", "paper"], help="recipes (default: small paper)")
    parser.add_argument("--threads", type=int, help="of the processor (default: as PyTorch chooses)")
    parser.add_argument("--repeats", type=int, default=5, help="of each measurement (default: 5; the median is told)")
    parser.add_argument("--out", type=Path, help="folder for speed.md and speed.tsv")
    parser.add_argument("--model", type=Path, help="model folder to predict with (default: random weights)")
    parser.add_argument("--scan", type=Path, help="skull-stripped scan to predict (default: a virtual person)")
    parser.add_argument("--quick", action="store_true", help="once and on two slices: does it run?")
    args = parser.parse_args(given)
    args.parts = args.parts or list(PARTS)
    if unknown := set(args.parts) - set(PARTS):
        parser.error(f"unknown part {', '.join(sorted(unknown))}")
    if args.threads:
        for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # read when libraries load
            os.environ[variable] = str(args.threads)

    import torch

    from pseudohealthy.stages.processor import best_device

    if args.threads:
        torch.set_num_threads(args.threads)
    device = best_device()
    rows, where = [], machine(device)
    print(where)
    for row in measured(args, device):
        rows.append(row)
        print(f"{row.part}\t{row.size}\t{row.what}\t{row.value:.3g} {row.unit}\t{row.note}", flush=True)
        if args.out:
            write(args.out, rows, where, " ".join(["python benchmarks/speed.py", *given]))


if __name__ == "__main__":
    main(sys.argv[1:])
