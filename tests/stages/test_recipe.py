import pytest
import yaml

from pseudohealthy.errors import ConfigError
from pseudohealthy.stages.recipe import as_dict, as_yaml, load_recipe, recipe_from
from pseudohealthy.stages.shipped import shipped


def test_every_shipped_recipe_loads_and_reads_back_what_it_writes():
    assert {"demo", "paper", "small", "smoke"} <= set(shipped())
    for name in shipped():
        recipe = load_recipe(name)
        assert recipe_from(as_dict(recipe), "test") == recipe
        assert yaml.safe_load(as_yaml(recipe)) == as_dict(recipe)


def test_paper_recipe_holds_the_published_numbers():
    recipe = load_recipe("paper")
    assert recipe.reconstructor.settings.widths == (128, 256, 256)
    assert recipe.reconstructor.settings.test_steps == (250, 500, 750)
    assert (recipe.reconstructor_training.steps, recipe.reconstructor_training.learning_rate) == (19200, 1e-4)
    assert (recipe.segmenter_training.steps, recipe.segmenter_training.learning_rate) == (7200, 5e-5)
    assert (recipe.score.beta, recipe.score.median_voxels) == (0.5, 5)


def test_overrides_change_one_key_and_nothing_else():
    plain = load_recipe("small")
    changed = load_recipe("small", ["score.beta=0.3", "reconstructor.settings.test_steps=[100, 200]"])
    assert changed.score.beta == 0.3
    assert changed.reconstructor.settings.test_steps == (100, 200)
    assert changed.segmenter == plain.segmenter


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour: red", "colour"),
        ("score: {beta: warm}", "beta"),
        ("score: {betta: 0.5}", "betta"),
        ("reconstructor_training: {steps: many}", "steps"),
        ("reconstructor: {method: gan}", "cddpm"),
        ("segmenter: {method: unet, settings: {depth: 3}}", "depth"),
        ("segmenter: {settings: {widths: [16, 32, 64, 128], unshuffle: 4}}", "multiples of 32.*80 x 96"),
        ("reconstructor: {settings: {widths: [8, 8, 8, 8, 8], unshuffle: 2}}", "multiples of 32"),
        ("reconstructor: {method: disyre, settings: {widths: [8, 8, 8, 8, 8], unshuffle: 2}}", "multiples of 32"),
        ("reconstructor: {method: ae, settings: {widths: [8, 8, 8, 8, 8]}}", "multiples of 32"),
        ("reconstructor: {method: vae, settings: {widths: [8, 8, 8, 8, 8]}}", "multiples of 32"),
        ("reconstructor: {method: dae, settings: {widths: [8, 8, 8, 8, 8, 8]}}", "multiples of 32"),
        ("reconstructor: {method: pii, settings: {unet: [8, 8, 8, 8, 8, 8]}}", "multiples of 32"),
        ("reconstructor: {method: draem, settings: {reconstructive: [8, 8, 8, 8, 8, 8]}}", "multiples of 32"),
        ("reconstructor: {method: draem, settings: {discriminative: [8, 8, 8, 8, 8, 8]}}", "multiples of 32"),
        ("reconstructor: {method: fae, settings: {zoom: 1}}", "multiples of 32"),
        ("reconstructor: {method: fae, settings: {zoom: 3}}", "multiples of 32"),
        ("segmenter: {method: nnunet_2d, settings: {features: [8, 8, 8, 8, 8, 8]}}", "multiples of 32"),
        ("segmenter: {method: nnunet_3d, settings: {features: [8, 8, 8, 8, 8, 8]}}", "multiples of 32"),
        ("{reconstructor: {method: ae}, score: {map: mahalanobis}}", "score.map: found 'mahalanobis' with one"),
        ("reconstructor_training: {batch_size: 16, accumulate: 3}", "batch_size 16 is no multiple of accumulate 3"),
        ("grid: tiny", "small"),
        ("space: mars", "brainbox"),
        ("- a list", "mapping"),
        ("a: [", "YAML"),
    ],
)
def test_a_wrong_recipe_is_refused_with_the_culprit_named(tmp_path, text, said):
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        load_recipe(path)


@pytest.mark.parametrize("method", ["draem", "pii", "disyre", "fae", "rd"])
def test_who_has_a_map_of_its_own_may_have_any_score(method):
    assert load_recipe("small", [f"reconstructor={{method: {method}}}", "score.map=mahalanobis"]).score.map


def test_an_unknown_recipe_lists_the_shipped_ones():
    with pytest.raises(ConfigError, match="paper, people, small, smoke"):
        load_recipe("papper")


def test_an_override_without_value_is_refused():
    with pytest.raises(ConfigError, match="KEY=VALUE"):
        load_recipe("small", ["score.beta"])


@pytest.mark.parametrize(
    ("overrides", "subject"),
    [
        (["score.beta=0.3", "foo.bar=1"], "--set foo.bar=1"),
        (["score.map=lpips", "augment.gamma=0"], "--set score.map=lpips: score.map"),
        (["augment=x"], "--set augment=x: augment"),
        (["reconstructor.settings=3"], "--set reconstructor.settings=3: reconstructor.settings"),
        (["reconstructor.method=[cddpm]"], "--set reconstructor.method=[cddpm]: reconstructor.method"),
        (["reconstructor.method=ae", "reconstructor.settings={latent: 0}"], None),
    ],
)
def test_an_override_that_is_wrong_is_the_subject(overrides, subject):
    with pytest.raises(ConfigError) as caught:
        load_recipe("small", overrides)
    assert caught.value.subject == (subject or " ".join(f"--set {override}" for override in overrides))


def test_a_recipe_that_is_wrong_without_its_overrides_is_the_subject_itself(tmp_path):
    (tmp_path / "recipe.yaml").write_text("colour: red")
    with pytest.raises(ConfigError, match="colour") as caught:
        load_recipe(tmp_path / "recipe.yaml", ["score.beta=0.3"])
    assert caught.value.subject == str(tmp_path / "recipe.yaml")


@pytest.mark.parametrize(
    "override",
    [
        *("reconstructor.settings.widths=[48, 96]", "reconstructor.settings.noise_scale=.nan"),
        *("segmenter.settings.widths=[8]", "segmenter.settings.widths=[36, 64]", "segmenter.settings.prior=0"),
        *(
            "reconstructor={method: dae, settings: {widths: [36]}}",
            "reconstructor={method: disyre, settings: {blocks: 0}}",
        ),
        *("reconstructor_training.weight_decay=.inf", "reconstructor_training.seed=9223372036854775808"),
        "augment.mirror=-0.1",
    ],
)
def test_settings_that_nothing_can_be_made_of_are_refused(override):
    with pytest.raises(ConfigError):
        load_recipe("small", [override])
