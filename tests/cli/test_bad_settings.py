"""Wrong recipes, plans, options and usage end with exit code 2 and one clear line; nothing is written."""

from __future__ import annotations

import pytest
import yaml

from bad_scans import write_brain
from pseudohealthy.cli import main

RECIPES = {
    "unknown key": ("colour: red", "colour"),
    "unknown inner key": ("score: {betta: 0.5}", "betta"),
    "wrong type": ("reconstructor_training: {steps: many}", "steps"),
    "unknown method": ("reconstructor: {method: gan}", "needed one of cddpm"),
    "unknown grid": ("grid: tiny", "needed one of paper, small"),
    "unknown score": ("score: {map: lpips}", "needed one of ssim, ssim_ensemble, absolute"),
    "unknown noise": ("reconstructor: {settings: {noise: pink}}", "simplex, gaussian"),
    "unknown generator": ("supervision: {synthetic: cutout}", "needed one of none, draem, blobs"),
    "no steps": ("reconstructor_training: {steps: 0}", "steps"),
    "no slices in a batch": ("segmenter_training: {batch_size: 0}", "batch_size"),
    "negative seed": ("segmenter_training: {seed: -1}", "seed"),
    "weight outside [0, 1]": ("score: {beta: 1.5}", "beta"),
    "median of an even edge": ("score: {median_voxels: 4}", "median_voxels"),
    "unknown passes": ("score: {segmented: twice}", "segmented"),
    "share outside (0, 1)": ("calibration: {alpha: 1.0}", "alpha"),
    "negative volume": ("calibration: {max_healthy_ml: -1}", "max_healthy_ml"),
    "widths that cannot be normalised": ("reconstructor: {settings: {widths: [30, 50]}}", "widths (30, 50)"),
    "no widths": ("reconstructor: {settings: {widths: []}}", "widths ()"),
    "a width of nothing": ("segmenter: {settings: {widths: [0, 8]}}", "widths (0, 8)"),
    "no pixels": ("reconstructor: {settings: {unshuffle: 0}}", "unshuffle 0 is not 1 or more"),
    "no blocks": ("reconstructor: {method: ddpm, settings: {blocks: 0}}", "blocks 0 is not 1 or more"),
    "a loss without bounds": ("reconstructor: {method: vae, settings: {beta: .inf}}", "beta inf is not 0 or more"),
    "noise without bounds": ("reconstructor: {method: dae, settings: {noise_sd: .inf}}", "noise_sd inf is not above 0"),
    "a gradient without bounds": ("reconstructor: {method: draem, settings: {focus: 0.5}}", "focus 0.5 is neither 0"),
    "a weight that is no number": ("reconstructor: {method: draem, settings: {ssim_weight: .nan}}", "ssim_weight nan"),
    "no condition": ("reconstructor: {settings: {condition: 0}}", "condition 0 is not 1 or more"),
    "probability above 1": ("augment: {gamma: 3}", "gamma 3 is not a probability in [0, 1]"),
    "share above 1": ("supervision: {synthetic_share: 7}", "synthetic_share 7 is not in [0, 1]"),
    "share below 0": ("supervision: {lesion_slice_share: -1}", "lesion_slice_share -1 is not in [0, 1]"),
    "negative norm": ("segmenter_training: {gradient_clip: -1}", "gradient_clip -1 is not 0 or more"),
    "a value for a section": ("score: 3", "recipe.yaml: score: found the value 3; needed keys with values"),
    "a list": ("- steps", "a YAML mapping"),
    "not YAML": ("a: [", "text that is not YAML"),
    "another method's setting": (
        "reconstructor: {method: dae, settings: {blocks: 1}}",
        "which the method dae does not",
    ),
}


@pytest.mark.parametrize("kind", RECIPES)
def test_a_wrong_recipe_is_refused(kind, tmp_path, fitted, refuse):
    text, said = RECIPES[kind]
    (tmp_path / "recipe.yaml").write_text(text)
    arguments = ("train", "reconstructor", "--data", fitted.table, "--config", tmp_path / "recipe.yaml")
    refuse(*arguments, "--out", tmp_path / "out", said=said)


def test_a_recipe_that_is_no_text_is_refused(tmp_path, fitted, refuse):
    (tmp_path / "recipe.yaml").write_bytes(b"\xff\xfe\x00\x80")
    arguments = ("train", "reconstructor", "--data", fitted.table, "--config", tmp_path / "recipe.yaml")
    refuse(*arguments, "--out", tmp_path / "out", said="that it cannot be read")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("train", "reconstructor", "--data", "DATA", "--config", "smok", "--out", "OUT"), "people, small, smoke"),
        (("train", "reconstructor", "--data", "DATA", "--set", "colour=red", "--out", "OUT"), "colour"),
        (("train", "reconstructor", "--data", "DATA", "--set", "score.beta", "--out", "OUT"), "KEY=VALUE"),
        (("train", "reconstructor", "--data", "DATA", "--set", "score.beta=[", "--out", "OUT"), "not YAML"),
        (
            ("train", "reconstructor", "--data", "DATA", "--set", "foo.bar=1", "--out", "OUT"),
            "pseudohealthy: --set foo.bar=1: found",
        ),
        (
            ("train", "reconstructor", "--data", "DATA", "--set", "score=3", "--out", "OUT"),
            "--set score=3: score: found the value 3; needed keys",
        ),
        (
            (
                *("train", "segmenter", "--reconstructor", "MODEL", "--data", "DATA"),
                "--synthetic",
                "cut",
                "--out",
                "OUT",
            ),
            "--synthetic: found 'cut'; needed one of none, draem, blobs",
        ),
        (("predict", "MODEL", "SCAN", "--out", "OUT", "--threshold", "high"), "neither a policy nor a number"),
        (("predict", "MODEL", "SCAN", "--out", "OUT", "--threshold", "1.5"), "a number in [0, 1)"),
        (("predict", "MODEL", "SCAN", "--out", "OUT", "--threshold", "nan"), "a number in [0, 1)"),
        (("predict", "MODEL", "SCAN", "--out", "OUT", "--threshold", "lesion"), "no 'lesion' threshold"),
        (("predict", "BARE", "SCAN", "--out", "OUT"), "no 'healthy' threshold (stored: none); needed a calibrated"),
        (("evaluate", "BARE", "DATA", "--out", "OUT"), "no threshold of the policy 'healthy'"),
        (("evaluate", "MODEL", "DATA", "--out", "OUT", "--threshold", "lesion"), "no threshold of the policy 'lesion'"),
        (("calibrate", "MODEL", "DATA", "--alpha", "1"), "a share between 0 and 1"),
        (("calibrate", "MODEL", "DATA", "--alpha", "nan"), "a share between 0 and 1"),
        (("calibrate", "MODEL", "DATA", "--max-healthy-ml", "-1"), "0 or more"),
        (("calibrate", "MODEL", "DATA", "--max-healthy-ml", "inf"), "found inf; needed 0 or more"),
        (("calibrate", "MODEL", "DATA", "--max-healthy-ml", "nan"), "found nan; needed 0 or more"),
        (("evaluate", "MODEL", "DATA", "--out", "OUT", "--known", "bal"), "--known: found bal; needed test sets with"),
        (("evaluate", "MODEL", "DATA", "--out", "OUT", "--known", "ball", "healthy"), "(there are: ball)"),
        (("simulate", "OUT", "--pathology", "flu"), "some of healthy"),
        (("simulate", "OUT", "--n", "0"), "at least 1"),
        (("simulate", "OUT", "--group", "stroke:2:test", "--n", "5", "--split", "test"), "found --n and --split"),
        (("split", "DATA", "--out", "/", "--share", "train=0.5", "test=0.5"), "found a folder; needed the name of"),
        (("simulate", "OUT", "--group", "flu:2:train"), "some of healthy"),
        (("simulate", "OUT", "--group", "stroke"), "KIND:N:SPLIT"),
        (("simulate", "OUT", "--group", "stroke:0:test"), "KIND:N:SPLIT"),
        (("simulate", "OUT", "--group", "stroke:2:exam"), "one of train, annotated"),
        (("simulate", "OUT", "--spacing-mm", "9"), "0.5 to 4 mm"),
        (("simulate", "OUT", "--spacing-mm", "nan"), "0.5 to 4 mm"),
        (("simulate", "OUT", "--split", "exam"), "one of train, annotated"),
        (("simulate", "OUT", "--seed", "-1"), "seed: found -1"),
        (("demo", "--smoke", "--out", "OUT", "--seed", "-1"), "--seed: found -1"),
        (("demo", "--smoke", "--out", "OUT", "--seed", "9" * 20), "--seed: found 9999"),
        (("split", "DATA", "--out", "OUT.tsv", "--share", "train=most"), "no number"),
        (("split", "DATA", "--out", "OUT.tsv", "--share", "train=nan", "test=0.5", "--trust-names"), "found train nan"),
        (("split", "DATA", "--out", "OUT.tsv", "--share", "train=.3", "train=.5", "test=.5"), "found train twice"),
        (("split", "DATA", "--out", "OUT.tsv", "--share", "test=1", "--seed", "-1"), "--seed: found -1"),
        (("split", "DATA", "--out", "OUT.tsv", "--share", "test=1", "--fold", "0"), "--fold: found no --from"),
        (("split", "DATA", "--out", "OUT.tsv", "--from", "X.tsv", "--stratify", "age"), "--stratify: found --from"),
        (("split", "DATA", "--out", "OUT.tsv", "--from", "X.tsv", "--seed", "1"), "--seed: found --from"),
        (("split", "DATA", "--out", "OUT.tsv", "--share", "train=0.5"), "sum to 1"),
        (("split", "DATA", "--out", "OUT.tsv", "--share", "train=0.5", "exam=0.5"), "sum to 1"),
        (("split", "DATA", "--out", "OUT.txt", "--share", "train=0.5", "test=0.5"), "--out cohort.tsv"),
        (("split", "DATA", "--out", "SCAN", "--share", "train=0.5", "test=0.5"), "found a file"),
        (("benchmark", "claims", "--out", "OUT"), "paper, paper-atlas, semi-real, semi-real-all, smoke, virtual"),
        (("benchmark", "SCAN", "--out", "OUT"), "values of a plan"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_wrong_settings_are_refused(arguments, said, tmp_path, fitted, refuse):
    scan = write_brain(tmp_path / "scan.nii.gz")
    model = fitted.copy_of_model(tmp_path / "model")
    places = {"MODEL": model, "BARE": fitted.uncalibrated, "DATA": fitted.table, "SCAN": scan, "OUT": tmp_path / "out"}
    places |= {f"OUT{end}": tmp_path / f"out{end}" for end in (".tsv", ".txt")}
    refuse(*(places.get(word, word) for word in arguments), said=said)


PLAN = {
    "recipe": "smoke",
    "groups": [
        {"pathology": "healthy", "n": 1, "split": "train"},
        {"pathology": "healthy", "n": 1, "split": "validation"},
        {"pathology": "tumour", "n": 1, "split": "annotated"},
        {"pathology": "healthy", "n": 1, "split": "calibration"},
        {"pathology": "tumour", "n": 1, "split": "calibration"},
        {"pathology": "stroke", "n": 1, "split": "test"},
    ],
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"colour": "red"}, "colour"),
        ({"groups": "many"}, "groups"),
        ({"hosts": "oasis"}, "found groups and hosts that say what kind of plan it is; needed one of groups, hosts"),
        ({"recipe": "smok"}, "recipe 'smok'"),
        ({"groups": [*PLAN["groups"], {"pathology": "flu", "n": 1}]}, "'flu'"),
        ({"groups": [*PLAN["groups"], {"pathology": "ms", "n": 1, "split": "exam"}]}, "'exam'"),
        ({"segmenters": ["unet", "vnet"]}, "segmenters 'vnet', which is none of unet, unet_res"),
        ({"segmenters": []}, "no segmenters"),
        ({"references": ["mirror"]}, "references 'mirror', which is none of"),
        ({"synthetic": "cutout"}, "synthetic 'cutout', which is none of none, draem, blobs"),
        ({"seeds": [1, -1]}, "seeds (1, -1)"),
        ({"seeds": [1, 1]}, "seeds (1, 1)"),
        ({"unseen": ["strok"]}, "unseen 'strok', of which no group has scans of the split 'test'"),
        ({"groups": PLAN["groups"][1:]}, "no healthy scans of the split 'train'"),
        ({"groups": PLAN["groups"][:3]}, "no healthy scans of the split 'calibration'"),
        ({"groups": PLAN["groups"][:4]}, "no annotated scans of the split 'calibration'"),
        ({"groups": PLAN["groups"][:5]}, "no scans of the split 'test'"),
    ],
    ids=str,
)
def test_a_wrong_plan_is_refused_before_anything_is_simulated(change, said, tmp_path, refuse, monkeypatch):
    monkeypatch.setattr("pseudohealthy.virtual.cohort.make_scan", lambda *_: pytest.fail("simulates"))
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(PLAN | change))
    refuse("benchmark", tmp_path / "plan.yaml", "--out", tmp_path / "out", said=said)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("predikt",),
        ("predict",),
        ("predict", "model", "scan.nii.gz"),
        ("train",),
        ("train", "reconstructor", "--out", "out"),
        ("simulate", "out", "--n", "many"),
        ("evaluate", "model", "data", "--out", "out", "--threshold", "0.3"),
        ("demo", "--fast"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_refused_by_the_parser(arguments, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert ": error: " in capsys.readouterr().err.splitlines()[-1]
    assert not list(tmp_path.iterdir())
