"""What a user is told when something is wrong: found, needed, what to do.

Every error that a user can cause is an `InputError`. The command line prints its text as the last line on stderr,
without a traceback, and ends with `exit_code`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType


class InputError(ValueError):
    """Bad input or usage: nothing was written (exit code 2).

    Args:
        subject: The file, folder, argument or setting that is wrong.
        found: What was found there.
        needed: What would be right.
        fix: What the user can do, as a sentence.
    """

    exit_code = 2

    def __init__(self, subject: str | Path, *, found: str, needed: str, fix: str) -> None:
        self.subject, self.found, self.needed, self.fix = str(subject), found, needed, fix
        super().__init__(f"{subject}: found {found}; needed {needed}. {fix}")

    def __reduce__(self) -> tuple[Callable[..., InputError], tuple[type[InputError], dict[str, str]]]:
        """An error of a worker process has to reach its parent; exceptions with keywords do not by themselves."""
        return _remade, (type(self), {key: getattr(self, key) for key in ("subject", "found", "needed", "fix")})


def _remade(kind: type[InputError], said: dict[str, str]) -> InputError:
    return kind(**said)


class ImageError(InputError):
    """An image cannot be read, or its shape, geometry or values cannot be used."""


class CohortError(InputError):
    """A cohort table, dataset folder or split cannot be used."""


class LeakError(CohortError):
    """The same subject, lesion-mask source or label map is on two sides of a split (rule 6)."""


class ConfigError(InputError):
    """A recipe or setting is unknown or of the wrong type."""


class ModelFolderError(InputError):
    """A model folder is incomplete, changed after it was written, or of another kind than needed."""


class OutputError(InputError):
    """The output folder cannot be written or is not empty."""


class MissingExtraError(InputError):
    """An optional dependency is not installed."""


class PartialFailure(Exception):
    """Some cases failed and the others were written (exit code 3).

    Args:
        failures: Case name -> one-line reason.
        done: How many cases were written.
    """

    exit_code = 3

    def __init__(self, failures: Mapping[str, str], done: int) -> None:
        self.failures = dict(failures)
        names = "; ".join(f"{case} ({reason})" for case, reason in self.failures.items())
        super().__init__(f"{len(self.failures)} of {len(self.failures) + done} cases failed: {names}")


def require(module: str, extra: str) -> ModuleType:
    """Import an optional dependency, or say how to install it.

    Raises:
        MissingExtraError: `module` is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"package '{module}'",
            found="that it is not installed",
            needed=f"the extra [{extra}]",
            fix=f"Run: pip install 'pseudohealthy[{extra}]'",
        ) from error
