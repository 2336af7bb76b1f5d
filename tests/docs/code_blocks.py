"""Runs the code blocks of a documentation page, so that no page shows what does not work.

Every fenced block of a page is run, in the page's order, in one empty folder: ``python`` blocks share one namespace;
in ``bash`` blocks each line is a `pseudohealthy` command that must end with exit code 0; in ``console`` blocks the
commands stand after ``$``, and every line below is expected among what the command printed, in this order, where
``...`` stands for anything. Other languages are text. A comment that readers do not see says what differs:

    <!-- test: setup
    PYTHON                                          run at this place, in the page's folder and namespace
    -->
    <!-- test: skip because REASON -->              the next block is not run; REASON is printed, and the block counted
    <!-- test: replace `TEXT` with `OTHER` -->      the next block is run with OTHER for TEXT (fewer steps, less data)
    <!-- test: exit 2 -->                           the next block's last command ends with this exit code
    <!-- test: save as NAME -->                     the next block's text, of any language, becomes this file

What this module does not understand is an error, never passed over: another comment, shell command or language.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest import mock

PYTHON, COMMANDS = {"python", "py"}, {"bash", "sh", "console"}
TEXT = {"", "text", "yaml", "json", "toml", "tsv", "csv", "bibtex", "mermaid", "make", "diff"}
MARKUP = re.compile(
    r"^ *(?P<fence>`{3,}|~{3,}) *(?P<language>[\w+-]*)[^\n]*\n(?P<code>.*?)^ *(?P=fence)[`~]* *$"
    r"|^ *<!-- *test:(?P<comment>.*?)-->",
    re.DOTALL | re.MULTILINE,
)
LEFT_OVER = re.compile(r"^ *(```|~~~)|<!-- *test", re.MULTILINE)


class PageError(Exception):
    """A page's block or comment cannot be understood, or did not do what the page says."""


@dataclass(frozen=True)
class Block:
    """One code block: where it stands, its text, and what its comments say about it."""

    page: Path
    line: int
    language: str
    code: str
    skip: str = ""
    exit_code: int = 0
    save_as: str = ""
    replacements: tuple[tuple[str, str], ...] = field(default=())

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def read_blocks(page: Path) -> list[Block]:
    """All blocks of a page that are run, saved or skipped, in order; the text of `replace` comments is replaced."""
    text = page.read_text(encoding="utf-8")
    if left_over := LEFT_OVER.search(MARKUP.sub("", text)):
        raise PageError(f"{page}: '{left_over[0].strip()}' begins a block or comment that has no end")
    nothing = said = Block(page, 0, "", "")
    blocks = []
    for found in MARKUP.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        if found["fence"]:
            block = replace(said, line=line, language=found["language"], code=textwrap.dedent(found["code"]))
            blocks += [_replaced(block)] if _concerns(block) else []
            said = nothing
        elif found["comment"].lstrip().startswith("setup\n"):
            code = textwrap.dedent(found["comment"].split("\n", 1)[1])
            blocks.append(Block(page, line, "python", code))
        else:
            said = _understood(said, found["comment"].strip(), f"{page}:{line}")
    if said != nothing:
        raise PageError(f"{page}: no block follows the last comment")
    return blocks


def _understood(said: Block, comment: str, place: str) -> Block:
    if match := re.fullmatch(r"skip because (.+)", comment, re.DOTALL):
        return replace(said, skip=" ".join(match[1].split()))
    if match := re.fullmatch(r"replace `(.+)` with `(.*)`", comment):
        return replace(said, replacements=(*said.replacements, (match[1], match[2])))
    if match := re.fullmatch(r"exit (\d+)", comment):
        return replace(said, exit_code=int(match[1]))
    if match := re.fullmatch(r"save as (\S+)", comment):
        return replace(said, save_as=match[1])
    raise PageError(f"{place}: cannot understand the comment '{comment}'")


def _concerns(block: Block) -> bool:
    if block.language not in PYTHON | COMMANDS | TEXT:
        raise PageError(f"{block}: cannot run '{block.language}'; a text has one of {sorted(TEXT)}")
    return block.language not in TEXT or block.save_as != ""


def _replaced(block: Block) -> Block:
    code = block.code
    for text, other in block.replacements:
        if text not in code:
            raise PageError(f"{block}: the block has no '{text}' to replace")
        code = code.replace(text, other)
    return replace(block, code=code)


def call_main(arguments: Sequence[str]) -> tuple[int, str]:
    """Run the command line in this process; returns its exit code and what it printed."""
    from pseudohealthy.cli import main

    printed = io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["pseudohealthy", *arguments]),
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
    ):
        try:
            code = main()
        except SystemExit as end:
            code = end.code
    return code if isinstance(code, int) else int(code is not None), printed.getvalue()


def run_block(block: Block, namespace: dict[str, object], call: Callable[[Sequence[str]], tuple[int, str]]) -> None:
    """Run one block in the current folder.

    Raises:
        PageError: A command ended with another exit code, or printed something else, than the page says.
    """
    if block.save_as:
        Path(block.save_as).write_text(block.code, encoding="utf-8")
    elif block.language in PYTHON:
        exec(compile("\n" * block.line + block.code, block.page, "exec"), namespace)
    else:
        commands = list(_commands(block))
        for number, (command, expected) in enumerate(commands, 1):
            code, printed = call(command)
            needed = block.exit_code if number == len(commands) else 0
            if code != needed:
                raise PageError(f"{block}: '{shlex.join(command)}' ended with {code}, needed {needed}:\n{printed}")
            _compare(f"{block}: '{shlex.join(command)}'", expected, printed)


def _commands(block: Block) -> list[tuple[list[str], list[str]]]:
    commands: list[tuple[list[str], list[str]]] = []
    for line in block.code.replace("\\\n", " ").splitlines():
        if block.language == "console" and not line.startswith("$ "):
            if commands and line.strip():
                commands[-1][1].append(line)
            continue
        words = shlex.split(line.removeprefix("$ "), comments=True)
        if not words:
            continue
        if words[0] != "pseudohealthy" or {"|", ">", "<", "&&", "||", ";"} & set(words):
            raise PageError(f"{block}: only plain `pseudohealthy` commands are run here, not '{line}'")
        commands.append((words[1:], []))
    return commands


def _compare(what: str, expected: Sequence[str], printed: str) -> None:
    rest = iter(printed.splitlines())
    for line in expected:
        pattern = ".*".join(re.escape(" ".join(part.split())) for part in line.strip().split("..."))
        if not any(re.fullmatch(pattern, " ".join(candidate.split())) for candidate in rest):
            raise PageError(f"{what} did not print '{line.strip()}' where the page shows it:\n{printed}")
