"""Messages say what was found, what is needed and what to do; missing extras name the line that installs them."""

from __future__ import annotations

import json
import pickle

import pytest

from pseudohealthy import errors
from pseudohealthy.errors import InputError, MissingExtraError, PartialFailure, require


def test_a_message_says_subject_found_needed_and_fix() -> None:
    error = InputError("scan.nii", found="2 axes", needed="3 axes", fix="Convert the whole series.")
    assert str(error) == "scan.nii: found 2 axes; needed 3 axes. Convert the whole series."


def test_every_error_of_a_user_ends_with_exit_code_2() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ValueError)]
    assert len(kinds) >= 8
    assert {kind.exit_code for kind in kinds} == {2}


def test_a_partial_failure_counts_and_names_the_cases() -> None:
    failure = PartialFailure({"sub-01": "no brain", "sub-07": "all zero"}, done=3)
    assert failure.exit_code == 3
    assert str(failure) == "2 of 5 cases failed: sub-01 (no brain); sub-07 (all zero)"


def test_require_gives_the_module_or_one_line_that_installs_the_extra() -> None:
    assert require("json", "prepare") is json
    with pytest.raises(MissingExtraError, match=r"pip install 'pseudohealthy\[dicom\]'") as failure:
        require("no_such_module", "dicom")
    assert "\n" not in str(failure.value)


def test_an_error_survives_the_way_out_of_another_process() -> None:
    error = errors.ImageError("scan.nii", found="2 axes", needed="3 axes", fix="Convert the whole series.")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is errors.ImageError
    assert (str(again), again.fix) == (str(error), error.fix)
