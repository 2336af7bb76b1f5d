"""What the server does with a scan: what `pseudohealthy predict` does, in steps that a page can tell."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from pseudohealthy.io.bids import derivative, discover
from pseudohealthy.io.dicom import as_nifti
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.serve.jobs import Job
from pseudohealthy.stages.infer import Inference, timed
from pseudohealthy.stages.model_folder import Model
from pseudohealthy.stages.tensors import read_case
from pseudohealthy.workflows.predict_cohort import choose_threshold
from pseudohealthy.workflows.prediction_files import write_prediction


class Scorer:
    """A model that is ready, and scores one scan after another.

    Args:
        model: A calibrated model.
        strip: The tool that finds the brain in whole heads; None refuses them.
    """

    def __init__(self, model: Model, strip: str | None = None) -> None:
        self.model, self._strip = model, strip
        self._inference = Inference(model)

    def __call__(self, job: Job, tell: Callable[[str], None]) -> None:
        """Score the scan of a job; its files are written, and the scan is deleted.

        Raises:
            InputError: The scan cannot be used.
        """
        if job.scan is None:
            raise ValueError("this job has no scan")
        timings: dict[str, float] = {}
        with timed(timings, "read and prepare"):
            tell("reading")
            paths = as_nifti([job.scan], job.folder / "converted")
            case = discover(paths)[0]
            threshold = choose_threshold(self.model, job.threshold)
            tell("preparing")
            prepared = read_case(case, GRIDS[self.model.recipe.grid], self.model.recipe.space, self._strip)
        with timed(timings, "reconstruct"):
            tell("reconstructing")
            made = self._inference.reconstruct(prepared)
        with timed(timings, "segment"):
            tell("segmenting")
            branches = self._inference.branches(prepared, made)
        tell("measuring")
        prediction = self._inference.predict(prepared, threshold, case, branches)
        prediction.timings_s.update(timings)
        tell("writing")
        out = job.folder / "out"
        job.files = {"page": write_prediction(prediction, out)}
        for name, suffix in FILES.items():
            job.files[name] = derivative(out, case, suffix)
        _delete(job.scan, job.folder / "converted")


FILES = {
    "mask": "space-orig_label-L_mask.nii.gz",
    "score": "space-orig_label-L_probseg.nii.gz",
    "report": "space-orig_label-L_report.json",
}
"""Name in an address -> the end of the file's name."""


def _delete(*paths: Path) -> None:
    """Scans do not stay longer than they are needed."""
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
