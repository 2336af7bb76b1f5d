"""The command line answers at once: what computes is imported inside the command that needs it."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {"torch", "nibabel", "nilearn", "pytorch_lightning", "lightning", "monai", "scipy", "sklearn", "matplotlib"}

PROGRAM = """
import sys
from pseudohealthy.cli import main
sys.argv = ["pseudohealthy", "--help"]
try:
    code = main()
except SystemExit as end:
    code = end.code
print("\\nimported:", *sys.modules)
sys.exit(code)
"""


def test_help_imports_nothing_heavy() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    text, imported = run.stdout.split("\nimported:")
    assert "usage" in text.lower()
    assert HEAVY & set(imported.split()) == set()
