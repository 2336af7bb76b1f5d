"""Where a command that keeps no log tells how far it is."""

import logging
import sys


class Console:
    """The terminal."""

    @property
    def interactive(self) -> bool:
        """Whether a person watches."""
        return sys.stderr.isatty() and logging.getLogger("pseudohealthy").isEnabledFor(logging.INFO)

    def log(self, message: str) -> None:
        """Tell a line."""
        logging.getLogger("pseudohealthy").info("%s", message)
