"""What rows, metrics and verdicts are called on a page, in the words of a reader who knows scans but not this code."""

from __future__ import annotations

from dataclasses import dataclass

BASELINES = ("constant", "threshold", "threshold_dark", "zmap", "zmap_dark")
CONTROLS = ("healthy", "sham")

ROWS = {
    "constant": "the same score everywhere",
    "threshold": "brightness itself, no network",
    "threshold_dark": "darkness itself, no network",
    "zmap": "distance from the mean healthy brain, no network",
    "zmap_dark": "the same, darker than healthy only",
    "cddpm": "reconstruction alone, saw no lesion",
    "ddpm": "as cddpm, without the condition",
    "ddpm_gaussian": "as ddpm, with white noise",
    "ddpm_pyramid": "as ddpm, with white noise of every grain",
    "pddpm": "as ddpm, restored patch by patch",
    "ae": "autoencoder, saw no lesion",
    "vae": "variational autoencoder, saw no lesion",
    "dae": "denoising autoencoder, saw no lesion",
    "fae": "autoencoder of a pre-trained network's features",
    "rd": "a student of a pre-trained network's features",
    "draem": "finds anomalies that were painted on healthy scans: noise-shaped texture",
    "pii": "the same: seamless patches of other people",
    "disyre": "restores painted anomalies step by step, saw no lesion",
    "unet": "segmentation network, scan only",
    "unet_res": "segmentation network, scan and residual",
    "unet_draem": "unet that learned from synthetic anomalies alone",
    "sadm_draem": "reconstruction joined with unet_draem",
    "nnunet_2d": "segmentation network after nnU-Net, scan only",
    "nnunet_3d": "the same in 3-D, on slabs of neighbouring slices",
    "sadm": "reconstruction joined with unet",
    "sadm_res": "reconstruction joined with unet_res",
    "unet_res_input": "control: the scan in the reconstruction's place",
    "sadm_res_input": "control: reconstruction joined with unet_res_input",
    "unet_res_population": "control: the mean healthy brain in the reconstruction's place",
    "sadm_res_population": "control: reconstruction joined with unet_res_population",
    "unet_res_draem": "unet_res that learned from synthetic anomalies alone",
    "sadm_res_draem": "reconstruction joined with unet_res_draem",
    "unet_draem_mixed": "unet that learned from annotated scans and synthetic anomalies",
    "sadm_draem_mixed": "reconstruction joined with unet_draem_mixed",
    "unet_res_draem_mixed": "unet_res that learned from annotated scans and synthetic anomalies",
    "sadm_res_draem_mixed": "reconstruction joined with unet_res_draem_mixed",
}
"""Row of a results table -> what it is. Rows that are not here stand under their own name."""


@dataclass(frozen=True)
class Metric:
    """A metric on a page.

    Attributes:
        label: Its short name.
        meaning: One sentence.
        unit: Unit, or empty.
        decimals: Digits after the point.
        higher_is_better: Whether the highest value of a column is marked as the best; None marks none, because the
            metric can be had by marking everything or nothing.
        at_threshold: It needs a stored threshold.
        lesions_only: It asks for lesions, and means nothing in healthy and sham scans.
        needs: What it needs to be defined.
    """

    label: str
    meaning: str
    unit: str = ""
    decimals: int = 3
    higher_is_better: bool | None = True
    at_threshold: bool = False
    lesions_only: bool = False
    needs: str = "no scan of this set has a lesion"


METRICS = {
    "dice_oracle": Metric(
        "⌈Dice⌉",
        "The highest overlap (Dice) that any threshold could reach, chosen scan by scan with the truth in hand. "
        "An upper bound: nobody can have this threshold in practice.",
        lesions_only=True,
    ),
    "auprc": Metric(
        "AUPRC",
        "Area under the precision-recall curve over the voxels of the brain: does the score rank lesion above the "
        "rest? A constant score gets the lesion's share of the brain, often 0.01 to 0.05.",
        lesions_only=True,
    ),
    "dice": Metric(
        "Dice",
        "Overlap of mask and truth at the stored threshold, which was found without the test scans: "
        "1 is perfect, 0 is none.",
        at_threshold=True,
        lesions_only=True,
    ),
    "lesion_sensitivity": Metric(
        "Lesions found",
        "Share of the true lesions (at least 0.1 ml) of which at least a tenth is marked at the stored threshold.",
        higher_is_better=None,
        at_threshold=True,
        lesions_only=True,
        needs="no scan of this set has a lesion of at least 0.1 ml",
    ),
    "image_auroc": Metric(
        "Scan AUROC",
        "Chance that a scan of this set has more volume above the threshold than a healthy scan; 0.5 is a coin.",
        at_threshold=True,
        needs="it compares this set with the healthy scans",
    ),
    "fp_ml": Metric(
        "False positive volume",
        "Volume marked outside the truth, a scan. In healthy scans everything that is marked is false; sham scans have "
        "a painted region of healthy intensity, and what is marked outside it counts here.",
        unit="ml",
        decimals=2,
        higher_is_better=None,
        at_threshold=True,
        needs="not measured",
    ),
    "fp_clear_slices_ml": Metric(
        "False positive volume in slices without lesion",
        "Volume marked in the slices of a patient that have no lesion at all, a scan.",
        unit="ml",
        decimals=2,
        higher_is_better=None,
        at_threshold=True,
        lesions_only=True,
        needs="no scan of this set has a lesion and a slice without one",
    ),
    "false_lesions": Metric(
        "False findings",
        "Marked pieces of at least 0.1 ml that touch no true lesion, a scan.",
        decimals=1,
        higher_is_better=None,
        at_threshold=True,
        needs="not measured",
    ),
    "auroc": Metric("AUROC", "Chance that a voxel of the lesion scores higher than another voxel of the brain."),
    "excess_over_twin": Metric(
        "Excess over the twin",
        "Mean score inside a painted region minus the score of the same brain, unpainted, at the same place.",
        needs="there is no unpainted twin",
    ),
}


def metric_label(name: str) -> str:
    """Short name of a metric, its key where it has none."""
    return METRICS[name].label if name in METRICS else name
