"""From a template to one file that opens offline: styles inlined, pictures embedded, every name escaped."""

from __future__ import annotations

import base64
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from pseudohealthy import __version__
from pseudohealthy.io.files import write_text
from pseudohealthy.report.canvas import Picture


def write_page(path: Path, template: str, **content: Any) -> None:
    """Fill a template of `report/assets` and write it, whole or not at all.

    Args:
        path: The HTML file.
        template: `case.html.j2` or `results.html.j2`.
        content: The template's variables.

    Raises:
        OutputError: The file cannot be written.
    """
    write_text(path, _environment().get_template(template).render(version=__version__, **content))


def data_uri(picture: Picture) -> str:
    """The picture itself as an address, so that the page needs no other file."""
    return f"data:{picture.mime};base64,{base64.b64encode(picture.content).decode()}"


def asset(name: str) -> str:
    """A file of `report/assets`, as it is."""
    return resources.files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(asset),
        autoescape=True,
        undefined=jinja2.StrictUndefined,  # a variable that is missing is an error, not an empty place
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["training_style"] = Markup(asset("training.css"))
    environment.globals["cases_style"] = Markup(asset("cases.css"))
    environment.globals["viewer_style"] = Markup(asset("viewer.css"))
    environment.globals["style"] = Markup(asset("page.css"))
    environment.filters["data_uri"] = data_uri
    return environment
