"""What each row of a table cost and learned: parameters, minutes, validation loss before and after its training."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from pseudohealthy.io.files import write_json

FILE = "methods.json"


@dataclass(frozen=True)
class Trained:
    """One row.

    Attributes:
        row: Its name.
        parameters: Of all networks that its score needs, frozen ones included.
        minutes: Of their trainings; None where they are not known.
        untrained_loss: Validation loss of its last network before the first step; None where that is not known, and
            for rows that join two networks and have no loss of their own.
        loss: The same of the network that is used.
    """

    row: str
    parameters: int
    minutes: float | None
    untrained_loss: float | None
    loss: float | None

    @property
    def fall(self) -> float | None:
        """The share of the validation loss that the training took away; None where it is not known."""
        if self.untrained_loss is None or self.loss is None or not self.untrained_loss:
            return None
        return 1 - self.loss / self.untrained_loss


def pooled(rows: Iterable[Trained]) -> list[Trained]:
    """The means over seeds, folds and directions, one for each row."""
    groups: dict[str, list[Trained]] = {}
    for row in rows:
        groups.setdefault(row.row, []).append(row)
    return [
        Trained(
            name,
            group[0].parameters,
            _mean([row.minutes for row in group]),
            _mean([row.untrained_loss for row in group]),
            _mean([row.loss for row in group]),
        )
        for name, group in groups.items()
    ]


def write_trained(rows: Sequence[Trained], folder: Path) -> None:
    """Write `methods.json`: row -> parameters, minutes, losses, and the fall of the loss."""
    write_json(folder / FILE, {row.row: {**dataclasses.asdict(row), "fall": row.fall} for row in rows})


def read_trained(folder: Path) -> list[Trained]:
    """Read what `write_trained` wrote; nothing where there is no such file."""
    path = folder / FILE
    stored = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return [Trained(**{key: value for key, value in one.items() if key != "fall"}) for one in stored.values()]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None
