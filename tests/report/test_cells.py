import pytest

from pseudohealthy.report.cells import column, lesion_sets, number, size_of, test_sets

test_sets.__test__ = False  # a function of the package, not a test


def results():
    return {
        "sadm_res": {
            "tumour": {
                "n": 4,
                "dice_oracle": 0.7123456,
                "dice_oracle_ci": [0.61, 0.8],
                "dice_oracle_n": 3,
                "fp_ml": 2.345,
            },
            "healthy": {"n": 5, "dice_oracle": None, "dice": None, "fp_ml": 0.25, "fp_ml_ci": [0.0, 0.5]},
        },
        "cddpm": {"tumour": {"n": 4, "dice_oracle": 0.3, "dice_oracle_ci": None, "dice": None, "fp_ml": 1.0}},
        "zmap": {
            "tumour": {"n": 4, "dice_oracle": 0.4, "dice_oracle_ci": [0.2, 0.6]},
            "sham": {"n": 2, "dice_oracle": 0.1, "auprc": 0.1, "image_auroc": 0.5},
        },
    }


def test_a_cell_holds_the_exact_number_its_interval_and_over_how_many_scans():
    cell = column(results(), "tumour", "dice_oracle")["sadm_res"]
    assert cell.value == 0.7123456
    assert (cell.text, cell.interval) == ("0.712", "0.610\N{EN DASH}0.800")
    assert cell.title == "Mean of 3 scans"
    alone = column(results(), "tumour", "dice_oracle")["cddpm"]
    assert alone.interval == ""
    assert alone.title == "Mean of 4 scans; no interval with fewer than two subjects"


def test_the_best_of_a_column_is_marked_and_what_does_not_beat_a_baseline_too():
    cells = column(results(), "tumour", "dice_oracle")
    assert {row: cell.best for row, cell in cells.items()} == {"sadm_res": True, "cddpm": False, "zmap": False}
    assert {row: cell.beaten for row, cell in cells.items()} == {"sadm_res": False, "cddpm": True, "zmap": False}


def test_a_baseline_can_be_the_best_and_equals_are_not_marked():
    made = {row: {"stroke": {"n": 2, "auprc": value}} for row, value in {"cddpm": 0.2, "zmap": 0.5}.items()}
    assert column(made, "stroke", "auprc")["zmap"].best
    made["cddpm"]["stroke"]["auprc"] = 0.5
    assert not any(cell.best for cell in column(made, "stroke", "auprc").values())
    assert column(made, "stroke", "auprc")["cddpm"].beaten


def test_a_metric_that_marking_nothing_would_win_has_no_best():
    assert not any(cell.best or cell.beaten for cell in column(results(), "tumour", "fp_ml").values())


@pytest.mark.parametrize(
    ("row", "test_set", "metric", "why"),
    [
        ("sadm_res", "healthy", "dice", "Not shown: there is nothing to find in healthy scans"),
        ("zmap", "sham", "dice_oracle", "Not shown: there is nothing to find in sham scans"),
        ("zmap", "tumour", "dice", "Not defined: this row has no stored threshold"),
        ("cddpm", "tumour", "dice", "Not defined: no scan of this set has a lesion"),
        ("sadm_res", "healthy", "image_auroc", "Not defined: it compares this set with the healthy scans"),
        ("cddpm", "healthy", "fp_ml", "Not measured: this row was not run on this set"),
    ],
)
def test_a_missing_number_is_a_dash_with_the_reason(row, test_set, metric, why):
    cell = column(results(), test_set, metric)[row]
    assert (cell.value, cell.text, cell.interval, cell.best) == (None, "\N{EN DASH}", "", False)
    assert cell.title == why


def test_zero_is_a_number_and_not_missing():
    cell = column({"unet": {"ms": {"n": 1, "dice_oracle": 0.0, "dice_oracle_ci": [0.0, 0.0]}}}, "ms", "dice_oracle")[
        "unet"
    ]
    assert (cell.value, cell.text, cell.interval) == (0.0, "0.000", "0.000\N{EN DASH}0.000")


def test_sets_keep_their_order_and_controls_have_nothing_to_find():
    assert test_sets(results()) == ["tumour", "healthy", "sham"]
    assert lesion_sets(results()) == ["tumour"]
    assert size_of(results(), "healthy") == 5


def test_minus_signs_are_minus_signs():
    assert number(-0.1234) == "\N{MINUS SIGN}0.123"
    assert number(12.345, 1) == "12.3"
