import pytest

from pseudohealthy.errors import CohortError
from pseudohealthy.io.table import read_table, write_table


@pytest.mark.parametrize("name", ["t.tsv", "t.csv", "t.CSV"])
def test_table_returns_as_written(name, tmp_path):
    rows = [{"case": "a", "note": 'says "so", twice\tthen'}, {"case": "b", "note": ""}]
    write_table(tmp_path / "x" / name.lower(), ["case", "note"], rows)
    assert read_table(tmp_path / "x" / name.lower()) == rows


def test_empty_values_are_written_as_bids_does(tmp_path):
    write_table(tmp_path / "t.tsv", ["case", "age"], [{"case": "a"}])
    assert (tmp_path / "t.tsv").read_text() == "case\tage\na\tn/a\n"


def test_tables_of_spreadsheets_are_read(tmp_path):
    (tmp_path / "t.csv").write_bytes("\ufeffcase , age\r\nä, N/A\r\n\r\n".encode())
    assert read_table(tmp_path / "t.csv") == [{"case": "ä", "age": ""}]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"name\tage\na\t5\n", "no column 'image' (columns: name, age)"),
        (b"", "no column 'image' (columns: none)"),
        (b"image\timage\na\tb\n", "column 'image' twice"),
        (b"image\tage\na\n", "1 values in row 2"),
        (b"image\n\xff\xfe\n", "cannot be read"),
        (b'image\n"a\n', "cannot be read"),
    ],
)
def test_malformed_table_is_refused(content, found, tmp_path):
    (tmp_path / "t.tsv").write_bytes(content)
    with pytest.raises(CohortError) as caught:
        read_table(tmp_path / "t.tsv", required=["image"])
    assert found in str(caught.value)


def test_missing_table_and_other_files_are_refused(tmp_path):
    with pytest.raises(CohortError, match="no such file"):
        read_table(tmp_path / "t.tsv")
    (tmp_path / "t.xlsx").write_bytes(b"")
    with pytest.raises(CohortError, match="a file that is no table"):
        read_table(tmp_path / "t.xlsx")
