"""One command, one subcommand for each thing a user does.

Each file here is a command: `configure(parser)` names its options, `run(args)` does it. Only the chosen command's file
is imported, and heavy packages only inside `run`, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib
import io
import logging
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from pseudohealthy import __version__
from pseudohealthy.errors import InputError, PartialFailure

COMMANDS = {
    "demo": "virtual brains -> both stages -> known and unseen pathology -> page",
    "simulate": "write a virtual cohort as a BIDS dataset with lesion masks",
    "prepare": "raw scans -> brain mask, bias field, registration -> prepared scans",
    "check": "what is there in scans, and what is wrong with them, in a table",
    "split": "divide a cohort by subject into train, validation, ... and write the table",
    "train": "train the reconstructor (Stage I) or the segmenter (Stage II)",
    "calibrate": "find thresholds on scans that the model has not learned from",
    "predict": "score new scans: reconstruction, anomaly score, mask, page",
    "evaluate": "score annotated scans: per-case table, intervals, page",
    "benchmark": "a plan of cohorts, methods and seeds -> one table and page",
    "report": "make the page of an evaluation or of a training anew, from its files",
    "serve": "drop a scan into a browser, and look at the result there",
}

EPILOG = (
    "Exit codes: 0 done, 1 our bug, 2 bad input or usage (nothing written), 3 some cases failed (the others written), "
    "129/130/143 interrupted, 141 nobody reads the output. Research software, not a medical device."
)


_REFUSALS = {
    errno.EACCES: "found no permission; needed it. Change the permissions, or choose another place.",
    errno.EPERM: "found no permission; needed it. Change the permissions, or choose another place.",
    errno.ENAMETOOLONG: "found a name that is too long; needed at most 255 bytes. Choose a shorter one.",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    _open_streams()
    arguments = list(sys.argv[1:] if argv is None else argv)
    signal.signal(signal.SIGTERM, _on_signal)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # under nohup it is ignored
        signal.signal(signal.SIGHUP, _on_signal)
    args = _parse(arguments)
    logging.basicConfig(level=_level(args), format="%(message)s", stream=sys.stderr, force=True)
    _quiet_libraries()
    try:
        args.run(args)
        sys.stdout.flush()
    except BrokenPipeError:  # who reads has seen enough
        _drop_stdout()
        return 141
    except OSError as error:
        if error.filename is not None and error.errno in _REFUSALS:
            return _fail(f"{error.filename}: {_REFUSALS[error.errno]}", 2)
        if error.errno != errno.ENOSPC or error.filename is not None:  # what is printed has no name
            return _bug(error, args)
        _drop_stdout()
        return _fail("standard output: found no room left to write; needed some. Free the disk, or write elsewhere.", 2)
    except InputError as error:
        return _fail(str(error), error.exit_code)
    except PartialFailure as failure:
        return _fail(str(failure), failure.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except Exception as error:
        return _bug(error, args)
    return 0


def _bug(error: Exception, args: argparse.Namespace) -> int:
    if args.verbose:
        traceback.print_exception(error)
    return _fail(
        f"this is a bug in pseudohealthy {__version__}: {type(error).__name__}: {error}. "
        "Please report it with the output of the same command and -v.",
        1,
    )


def _open_streams() -> None:
    """Closed streams swallow what is told; characters that they cannot write are escaped."""
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - it lives as long as the process
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _drop_stdout() -> None:
    """Let what is still to be written go nowhere: Python writes it on its way out, and would complain."""
    with contextlib.suppress(OSError, ValueError):  # under tests it is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="pseudohealthy",
        description="Find what is abnormal in a brain MRI by comparing it with its pseudo-healthy reconstruction.",
        epilog=EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"pseudohealthy {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    chosen = next((word for word in arguments if word in COMMANDS), None)
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        if name == chosen:
            module = importlib.import_module(f"pseudohealthy.cli.{name}")
            command.set_defaults(run=getattr(module, "run", None))  # `train` names one for each stage
            module.configure(command)
            for leaf in _leaves(command):
                _add_common(leaf)
                leaf.set_defaults(parser=leaf)
    args, unknown = parser.parse_known_args(arguments, argparse.Namespace(arguments=arguments))
    if unknown:  # argparse would print the usage of `pseudohealthy` alone
        args.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    return args


def _leaves(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """The parser itself, or its subcommands where it has some."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return list(action.choices.values())
    return [parser]


def _add_common(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how much is told")
    group.add_argument("-v", "--verbose", action="store_true", help="details, and a traceback if something breaks")
    group.add_argument("-q", "--quiet", action="store_true", help="errors alone")


def _level(args: argparse.Namespace) -> int:
    if args.quiet:
        return logging.ERROR
    return logging.DEBUG if args.verbose else logging.INFO


def _quiet_libraries() -> None:
    """Let libraries speak only when something is wrong; what they do is told in our own lines."""
    for name in ("fsspec", "matplotlib", "nibabel", "nilearn", "PIL"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _fail(text: str, code: int) -> int:
    print(f"pseudohealthy: {' '.join(text.split())}", file=sys.stderr)
    return code


def _on_signal(signum: int, frame: object) -> None:
    """End at once: files are replaced as a whole, and trainings resume from their last checkpoint."""
    with contextlib.suppress(OSError):  # the terminal may be gone
        print(f"pseudohealthy: interrupted by {signal.Signals(signum).name}", file=sys.stderr)
    sys.exit(128 + signum)
