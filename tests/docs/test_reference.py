"""The reference pages list what the code has: every key of a recipe with its default, every option, every column."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import yaml
from code_blocks import call_main

from pseudohealthy.cli import COMMANDS
from pseudohealthy.data.anomalies import ANOMALIES
from pseudohealthy.data.noise import NOISES
from pseudohealthy.errors import ConfigError
from pseudohealthy.io.cohort import SPLITS, Case
from pseudohealthy.models.reconstructors import RECONSTRUCTORS
from pseudohealthy.models.segmenters import SEGMENTERS
from pseudohealthy.prepare.model_grid import GRIDS
from pseudohealthy.prepare.space import SPACES
from pseudohealthy.score.maps import SCORES, VIEW_SCORES
from pseudohealthy.stages.recipe import SHARED, recipe_from
from pseudohealthy.stages.shipped import shipped
from pseudohealthy.virtual.lesions import PATHOLOGIES
from pseudohealthy.workflows.experiments.methods import Methods
from pseudohealthy.workflows.experiments.plans import PLANS

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
RECIPE = (REFERENCE / "recipe.md").read_text(encoding="utf-8")
PLAN = (REFERENCE / "plan.md").read_text(encoding="utf-8")
COMMAND_PAGE = (REFERENCE / "commands.md").read_text(encoding="utf-8")

METHODS: Mapping[str, Mapping[str, tuple[type, Callable[[Any], Any]]]] = {
    "reconstructor": RECONSTRUCTORS,
    "segmenter": SEGMENTERS,
}
CHOICES: Mapping[str, Mapping[str, object]] = {
    "grid": GRIDS,
    "space": SPACES,
    "reconstructor.method": RECONSTRUCTORS,
    "segmenter.method": SEGMENTERS,
    **{f"reconstructor.settings of {method}.noise": NOISES for method in ("cddpm", "ddpm", "pddpm")},
    "score.map": {**SCORES, **VIEW_SCORES},
    "supervision.synthetic": ANOMALIES,
}
"""Keys whose value is a name in a table. A method's settings are keys `STAGE.settings of METHOD.KEY` here."""


def rows(text: str) -> dict[str, tuple[str, str]]:
    """Key -> (default, meaning) of the tables of a page; the headings name the sections that their tables belong to.

    A heading such as "`segmenter.settings` of `unet` and `unet_res`" is a section for each method.
    """
    found = {}
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        names, methods = (re.findall(r"`([\w.]+)`", half) for half in heading.partition(" of ")[::2])
        sections = [f"{name}{f' of {method}' if method else ''}." for name in names for method in methods or [""]]
        sections = sections or [""]
        for key, default, meaning in re.findall(r"^\| `(\w[\w.]*)` \| `([^|]*)` \|(.*)\|$", body, re.MULTILINE):
            found |= {f"{section}{key}": (default, meaning) for section in sections}
    return found


def defaults() -> dict[str, object]:
    """Key -> default of everything that a recipe may hold."""
    empty = recipe_from({}, "nothing")
    found: dict[str, object] = {"grid": empty.grid, "space": empty.space}
    classes = dict(SHARED)
    for stage, table in METHODS.items():
        found[f"{stage}.method"] = getattr(empty, stage).method
        for method, (settings, _) in table.items():
            classes[f"{stage}.settings of {method}"] = settings
    for section, settings in classes.items():
        found |= {f"{section}.{field.name}": field.default for field in dataclasses.fields(settings)}
    return found


def as_written(value: object) -> str:
    """A value as it stands in YAML, on one line."""
    plain = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(plain, default_flow_style=True, width=200).removesuffix("\n").removesuffix("\n...")


def test_the_recipe_page_lists_every_key_with_its_default_and_no_other() -> None:
    assert {key: default for key, (default, _) in rows(RECIPE).items()} == {
        key: as_written(default) for key, default in defaults().items()
    }


@pytest.mark.parametrize(("stage", "method"), [(stage, method) for stage, table in METHODS.items() for method in table])
def test_what_the_recipe_page_lists_is_a_recipe_that_equals_the_defaults(stage: str, method: str) -> None:
    content: dict[str, Any] = {}
    for key, (default, _) in rows(RECIPE).items():
        section, of, setting = key.partition(" of ")
        if of and section != f"{stage}.settings":
            continue
        if of and not setting.startswith(f"{method}."):
            continue
        *sections, last = f"{section}.{setting.partition('.')[2]}".split(".") if of else key.split(".")
        inner = content
        for name in sections:
            inner = inner.setdefault(name, {})
        inner[last] = yaml.safe_load(default)
    content[stage]["method"] = method
    assert recipe_from(content, "the page") == recipe_from({stage: {"method": method}}, "nothing")


def test_the_recipe_page_names_every_choice_of_a_key() -> None:
    listed = rows(RECIPE)
    for key, table in CHOICES.items():
        assert {name for name in table if f"`{name}`" not in listed[key][1]} == set(), key
    for section, settings in SHARED.items():
        for name, kind in get_type_hints(settings).items():
            key = f"{section}.{name}"
            missing = [choice for choice in get_args(kind) if f"`{choice}`" not in listed[key][1]]
            assert missing == [], key


def test_the_plan_page_lists_every_key_of_every_kind_with_its_default_and_no_other() -> None:
    found = {}
    for part in re.split(r"^## ", PLAN, flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        lines = re.findall(r"^\| `(\w+)` \|(?: `([^|`]+)`)? \|", body, re.MULTILINE)
        kind = re.search(r"\(`(\w+)`\)", heading)
        found[kind[1] if kind else ""] = {key: yaml.safe_load(default) if default else None for key, default in lines}
    shared = {field.name for field in dataclasses.fields(Methods)}
    expected = {"": {field.name: default_of(field) for field in dataclasses.fields(Methods)} | {"title": None}}
    for key, plan in PLANS.items():
        own = [field for field in dataclasses.fields(plan) if field.name not in shared]
        expected[key] = {field.name: default_of(field) for field in own}
    assert found == expected


def default_of(field: dataclasses.Field[Any]) -> object:
    """As YAML reads it; None where the plan needs a value."""
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    if field.default is dataclasses.MISSING:
        return None
    return list(field.default) if isinstance(field.default, tuple) else field.default


def test_the_pages_name_every_shipped_recipe_and_plan() -> None:
    assert {name for name in shipped() if f"`{name}`" not in RECIPE} == set()
    assert {name for name in shipped("benchmark") if name not in COMMAND_PAGE} == set()


def helps() -> dict[str, str]:
    """Command -> its help, as the page shows it."""
    block = r"^```console\n\$ pseudohealthy(.*?) --help\n(.*?)^```$"
    blocks = re.findall(block, COMMAND_PAGE, re.DOTALL | re.MULTILINE)
    return {command.strip(): text.rstrip() for command, text in blocks}


@pytest.mark.parametrize("command", helps())
def test_the_help_on_the_page_is_the_help_of_the_command(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    code, printed = call_main([*command.split(), "--help"])
    assert code == 0
    assert helps()[command].splitlines() == printed.rstrip().splitlines()


def test_the_page_has_every_command() -> None:
    stages = {"train": ["train reconstructor", "train segmenter"]}
    wanted = [full for name in COMMANDS for full in stages.get(name, [name])]
    assert list(helps()) == ["", *wanted]


def test_the_cohort_page_names_every_column_and_split() -> None:
    page = (REFERENCE / "cohort-table.md").read_text(encoding="utf-8")
    columns = {field.name for field in dataclasses.fields(Case)} - {"name", "columns"} | {"case"}
    assert {name for name in {*columns, *SPLITS} if f"`{name}`" not in page} == set()


def test_the_outputs_page_tells_each_virtual_pathology_s_volumes() -> None:
    page = (REFERENCE / "outputs.md").read_text(encoding="utf-8")
    for name, lesion in PATHOLOGIES.items():
        low, high = lesion.volume_ml
        assert f"| `{name}` | {f'{low:g}-{high:g}' if high else '0'} |" in page


@pytest.mark.parametrize("row", ["| `x` | `1` | a |\n| `y` | `[1, 2]` | b |", "no table"])
def test_rows_of_a_page_are_read(row: str) -> None:
    found = rows(
        f"# T\n## `a`, `b`\n{row}\n## The whole\n| `x` | `1` | c |\n## `s` of `m` and `n`\n| `y` | `2` | d |\n"
    )
    assert found.pop("x") == ("1", " c ")
    assert found.pop("s of m.y") == found.pop("s of n.y") == ("2", " d ")
    assert set(found) == ({"a.x", "b.x", "a.y", "b.y"} if "|" in row else set())


def test_an_unknown_key_is_refused_with_the_page_to_read() -> None:
    with pytest.raises(ConfigError, match=r"docs/reference/recipe\.md") as refused:
        recipe_from({"score": {"gamma": 1}}, "my.yaml")
    assert "gamma" in str(refused.value)
