"""One item ahead: order, how many are alive, and how it ends."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest

from pseudohealthy.workflows.ahead import ahead, in_turn


class Item:
    """Can be looked for after it is gone."""

    def __init__(self, number: int) -> None:
        self.number = number


def test_the_next_item_is_worked_on_while_the_caller_looks_at_the_last():
    begun = [threading.Event() for _ in range(4)]

    def work(number: int) -> int:
        begun[number].set()
        return number

    with ahead(work, range(4)) as results:
        for number in range(3):
            assert next(results) == number
            assert begun[number + 1].wait(10)
            assert not begun[-1].is_set() or number == 2
        assert list(results) == [3]


@pytest.mark.parametrize("row", [ahead, in_turn])
@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_results_come_in_order(row, count):
    with row(lambda number: number**2, range(count)) as results:
        assert list(results) == [number**2 for number in range(count)]


@pytest.mark.parametrize("row", [ahead, in_turn])
def test_rows_feed_each_other_and_never_hold_more_than_two_items_of_a_kind(row):
    made: list[weakref.ref[Item]] = []
    changed: list[weakref.ref[Item]] = []
    most = [0, 0]

    def noted(refs: list[weakref.ref[Item]], kind: int, number: int) -> Item:
        item = Item(number)
        refs.append(weakref.ref(item))
        most[kind] = max(most[kind], sum(ref() is not None for ref in refs))
        return item

    with (
        row(lambda number: noted(made, 0, number), range(20)) as items,
        row(lambda item: item.number, (noted(changed, 1, item.number + 100) for item in items)) as numbers,
    ):
        assert list(numbers) == list(range(100, 120))
    assert max(most) <= 2


def test_an_item_is_given_up_after_the_work_on_it_though_the_next_is_not_there_yet():
    gone = []

    def items() -> Iterator[Item]:
        for number in range(3):
            item = Item(number)
            given_up = threading.Event()
            weakref.finalize(item, given_up.set)
            yield item
            del item
            gone.append(given_up.wait(5))

    with ahead(lambda item: item.number, items()) as numbers:
        assert list(numbers) == [0, 1, 2]
    assert gone == [True] * 3


def until_error(row: AbstractContextManager[Iterator[object]]) -> tuple[list[object], Exception | None]:
    """The results before an error, and the error."""
    taken: list[object] = []
    try:
        with row as results:
            for each in results:
                taken.append(each)
    except Exception as error:
        return taken, error
    return taken, None


@pytest.mark.parametrize("row", [ahead, in_turn])
def test_an_error_of_the_work_comes_after_the_results_before_it_and_nothing_is_begun_after_it(row):
    begun = []

    def work(number: int) -> int:
        begun.append(number)
        return 1 // (2 - number)

    taken, error = until_error(row(work, range(9)))
    assert isinstance(error, ZeroDivisionError)
    assert taken == [0, 1]
    assert begun == [0, 1, 2]


@pytest.mark.parametrize("row", [ahead, in_turn])
def test_an_error_of_the_items_comes_after_the_results_before_it(row):
    def items() -> Iterator[int]:
        yield from (1, 2)
        raise ZeroDivisionError

    taken, error = until_error(row(str, items()))
    assert isinstance(error, ZeroDivisionError)
    assert taken == ["1", "2"]


def test_what_has_begun_is_ended_and_no_thread_is_left_when_the_caller_is_interrupted():
    before, going, ended = threading.active_count(), threading.Event(), []

    def work(number: int) -> int:
        if number == 1:
            going.set()
            threading.Event().wait(0.2)
        ended.append(number)
        return number

    def interrupted() -> None:
        with ahead(work, range(9)) as results:
            next(results)
            going.wait(10)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert ended == [0, 1]
    assert threading.active_count() == before
