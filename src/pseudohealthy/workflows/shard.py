"""One of several processes that share a cohort: each case is in exactly one shard."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pseudohealthy.errors import ConfigError
from pseudohealthy.io.cohort import Cohort
from pseudohealthy.io.files import refuse_foreign


class Shard(NamedTuple):
    """Shard `number` of `of`, counted from 1."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read `I/N`.

        Raises:
            ConfigError: It is not of this form, or I is not in 1 to N.
        """
        part, _, parts = text.partition("/")
        if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
            raise ConfigError("--shard", found=text, needed="I/N with I from 1 to N", fix="For example: --shard 1/3")
        return cls(int(part), int(parts))

    def cases(self, cohort: Cohort) -> Cohort:
        """Its cases; which they are follows from the names in the cohort, not from their order."""
        mine = set(sorted(case.name for case in cohort)[self.number - 1 :: self.of])
        return Cohort(case for case in cohort if case.name in mine)


def folder_of(out: Path, shard: Shard | None, *, resume: bool) -> Path:
    """Folder of a process's log and provenance: `out`, or that of its shard, so that no two write the same files.

    What goes wrong in a shard leaves the files of the others alone.

    Raises:
        OutputError: A shard would go on in a folder that no run has begun.
    """
    if shard is not None and resume:
        refuse_foreign(out)
    return out if shard is None else out / "shards" / f"{shard.number}-of-{shard.of}"
