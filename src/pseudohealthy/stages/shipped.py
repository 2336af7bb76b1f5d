"""Short YAML files that fill a dataclass: shipped by name in a folder of `configs/`, or given by path."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import yaml
from jsonargparse import ArgumentError, ArgumentParser

from pseudohealthy.errors import ConfigError

T = TypeVar("T")


def shipped(folder: str = "") -> dict[str, Path]:
    """Names and files of the package's `configs/`, or of a folder in it."""
    inside = Path(str(resources.files("pseudohealthy") / "configs" / folder))
    return {path.stem: path for path in sorted(inside.glob("*.yaml"), key=lambda path: path.stem)}


def load(kind: type[T], folder: str, what: str, name: str | Path, given: Mapping[str, Any] | None = None) -> T:
    """Read a file and fill a dataclass with it.

    Args:
        kind: The dataclass: its fields are the keys.
        folder: Where in `configs/` the shipped ones lie.
        what: What to call it in errors, such as `plan`.
        name: A shipped one's name, or the path of a YAML file.
        given: Keys that replace those of the file.

    Raises:
        ConfigError: No such file, unknown key, wrong type, or a value that the dataclass refuses.
    """
    known = shipped(folder)
    path = known.get(str(name), Path(name))
    if not path.is_file():
        raise ConfigError(
            f"{what} '{name}'",
            found=f"neither a shipped {what} nor a file",
            needed=f"one of {', '.join(known)}, or the path of a YAML file",
            fix="Check the name.",
        )
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(kind, "content")
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(content, Mapping):
            raise TypeError("no keys")
        filled: T = parser.instantiate_classes(parser.parse_object({"content": {**content, **(given or {})}})).content
    except yaml.YAMLError as error:
        where = " ".join(str(error).replace('in "<unicode string>", ', "in ").split())
        raise ConfigError(path, found=f"text that is not YAML ({where})", needed="YAML", fix="Correct it.") from error
    except (ArgumentError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            path,
            found=" ".join(str(error).split()).replace("content.", "").replace("Group 'content'", f"A {what}"),
            needed=f"the keys, types and values of a {what}",
            fix=f"See the shipped ones for examples: {', '.join(known)}.",
        ) from error
    return filled
