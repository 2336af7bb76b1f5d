"""What a run was begun with, and how what it is to be resumed with differs: in words, for the error that refuses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

_MOST = 3  # differences that an error spells out
_ABSENT = "absent"


def recipe_changes(begun: str, now: str) -> list[str]:
    """Keys whose values differ between two recipes or plans.

    Args:
        begun: `config.yaml` of the run, as text.
        now: The same of this call.

    Returns:
        `score.beta was 0.5 and is 0.3`, one a dotted key; `absent` stands for a key that one side does not have.
    """
    before, after = _dotted(yaml.safe_load(begun)), _dotted(yaml.safe_load(now))
    return [
        f"{key} was {before.get(key, _ABSENT)} and is {after.get(key, _ABSENT)}"
        for key in dict.fromkeys((*before, *after))
        if before.get(key) != after.get(key)
    ]


def scan_changes(begun: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Scans, or masks, that differ between two calls, by SHA-256: `sub-01 was not there`, `sub-02 is missing`, ..."""
    return [
        f"{name} {'was not there' if name not in begun else 'is missing' if name not in now else 'is another'}"
        for name in dict.fromkeys((*begun, *now))
        if begun.get(name) != now.get(name)
    ]


def spelt_out(changes: list[str]) -> str:
    """The first changes, and how many there are besides."""
    more = [f"{len(changes) - _MOST} more"] if len(changes) > _MOST else []
    return ", ".join(changes[:_MOST] + more)


def _dotted(content: Any, prefix: str = "") -> dict[str, str]:
    """Nested keys as dotted ones, values as YAML on one line."""
    if isinstance(content, Mapping) and content:
        inner = [_dotted(value, f"{prefix}{key}.") for key, value in content.items()]
        return {key: value for part in inner for key, value in part.items()}
    text = yaml.safe_dump(content, default_flow_style=True, width=float("inf")).removesuffix("...\n")
    return {prefix.removesuffix("."): text.strip()}
