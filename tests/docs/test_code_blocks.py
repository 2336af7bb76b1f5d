"""The documentation's code blocks do what the pages say; and what runs them notices when they do not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from code_blocks import Block, PageError, call_main, read_blocks, run_block

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
SKIPPED = [block for page in PAGES for block in read_blocks(page) if block.skip]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
@pytest.mark.timeout(600)
def test_every_block_of_the_page_does_what_the_page_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in read_blocks(page):
        if not block.skip:
            run_block(block, namespace, call_main)


@pytest.mark.parametrize("block", SKIPPED, ids=lambda block: f"{block.page.relative_to(ROOT)}:{block.line}")
def test_a_block_that_is_not_run_says_why(block: Block) -> None:
    pytest.skip(f"{block.page.relative_to(ROOT)}:{block.line} is not run because {block.skip}")


class Recorder:
    """Stands for the command line: notes each call, prints the arguments, ends with 2 where one of them is `bad`."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def __call__(self, arguments: Sequence[str]) -> tuple[int, str]:
        self.calls.append(list(arguments))
        return 2 * ("bad" in arguments), "first\nran   " + " ".join(arguments) + "\nlast\n"


def write_page(folder: Path, text: str) -> Path:
    page = folder / "page.md"
    page.write_text(text, encoding="utf-8")
    return page


def run_page(folder: Path, text: str) -> tuple[dict[str, object], list[list[str]]]:
    namespace: dict[str, object] = {}
    recorder = Recorder()
    for block in read_blocks(write_page(folder, text)):
        run_block(block, namespace, recorder)
    return namespace, recorder.calls


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_python_blocks_share_a_namespace_in_order(tmp_path: Path) -> None:
    page = "# Title\n```python\na = 2\n```\ntext\n- item\n\n  ```py\n  if a:\n      b = a * 21\n  ```\n"
    assert run_page(tmp_path, page)[0]["b"] == 42


def test_a_failing_python_block_is_reported_at_its_line_of_the_page(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError) as failure:
        run_page(tmp_path, "one\n\n```python\na = 1\n\n1 / 0\n```\n")
    assert failure.traceback[-1].lineno + 1 == 6
    assert str(failure.traceback[-1].path).endswith("page.md")


def test_commands_are_split_as_the_shell_does_and_may_go_on_over_lines(tmp_path: Path) -> None:
    page = "```bash\n# a comment\npseudohealthy predict 'my model' \\\n  a.nii  # also\n\npseudohealthy check x\n```\n"
    assert run_page(tmp_path, page)[1] == [["predict", "my model", "a.nii"], ["check", "x"]]


def test_a_command_that_fails_fails_the_page_unless_the_page_says_so(tmp_path: Path) -> None:
    block = "```bash\npseudohealthy check bad\n```\n"
    with pytest.raises(PageError, match=r"page\.md:1: 'check bad' ended with 2, needed 0"):
        run_page(tmp_path, block)
    run_page(tmp_path, "<!-- test: exit 2 -->\n" + block)
    with pytest.raises(PageError, match="ended with 0, needed 2"):
        run_page(tmp_path, "<!-- test: exit 2 -->\n```bash\npseudohealthy check good\n```\n")


@pytest.mark.parametrize("shown", ["ran check ...", "first\nlast", "...check 1", "ran check 1"])
def test_a_console_block_shows_what_is_printed(tmp_path: Path, shown: str) -> None:
    assert run_page(tmp_path, f"```console\n$ pseudohealthy check 1\n{shown}\n```\n")[1] == [["check", "1"]]


@pytest.mark.parametrize("shown", ["ran check 2", "last\nfirst", "check 1", "ran"])
def test_a_console_block_that_shows_something_else_fails(tmp_path: Path, shown: str) -> None:
    with pytest.raises(PageError, match="did not print"):
        run_page(tmp_path, f"```console\n$ pseudohealthy check 1\n{shown}\n```\n")


def test_a_replacement_holds_for_the_next_block_alone(tmp_path: Path) -> None:
    block = "```bash\npseudohealthy train --steps 1000\n```\n"
    page = "<!-- test: replace `1000` with `2` -->\n<!-- test: replace `train` with `train reconstructor` -->\n"
    assert run_page(tmp_path, page + block + block)[1] == [
        ["train", "reconstructor", "--steps", "2"],
        ["train", "--steps", "1000"],
    ]


def test_setup_runs_where_it_stands_and_a_saved_text_becomes_a_file(tmp_path: Path) -> None:
    page = "<!-- test: setup\nn = 3\n-->\n<!-- test: save as a.yaml -->\n```yaml\nsteps: 4\n```\n"
    page += "```python\ntext = open('a.yaml').read() * n\n```\n```text\nnot run\n```\n"
    assert run_page(tmp_path, page)[0]["text"] == "steps: 4\n" * 3


def test_a_skipped_block_keeps_its_reason(tmp_path: Path) -> None:
    page = write_page(
        tmp_path, "<!-- test: skip because it takes\n  a day -->\n```bash\nmake demo\n```\n```python\n```\n"
    )
    assert [block.skip for block in read_blocks(page)] == ["it takes a day", ""]


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        ("```bash\nrm -r x\n```\n", "only plain `pseudohealthy` commands"),
        ("```bash\npseudohealthy check x > y\n```\n", "only plain `pseudohealthy` commands"),
        ("```powershell\nx\n```\n", "cannot run 'powershell'"),
        ("```python\na = 1\n", "no end"),
        ("<!-- test: exit 2\n", "no end"),
        ("<!-- test: skip -->\n```bash\n```\n", "cannot understand the comment 'skip'"),
        ("<!-- test: exit 2 -->\n", "no block follows"),
        ("<!-- test: replace `--z` with `b` -->\n```bash\npseudohealthy check\n```\n", "no '--z' to replace"),
        ("text <!-- test: exit 2 -->\n```bash\n```\n", "no end"),
    ],
)
def test_what_is_not_understood_is_an_error(tmp_path: Path, page: str, complaint: str) -> None:
    with pytest.raises(PageError, match=complaint):
        run_page(tmp_path, page)
