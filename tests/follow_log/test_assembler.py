"""Parts in any order, to text in order."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis import LogPart
from aiotravis.follow_log.assembler import MAX_MISSING, LogAssembler
from aiotravis.resources.logs import LAST


def part(number: int | str, *, final: bool = False) -> LogPart:
    return LogPart(number=number, content=f"<{number}>", final=final)


@given(st.integers(1, 40), st.integers(), st.integers(0, 30))
def test_any_order_and_any_repeats_give_each_part_once_in_order(count: int, seed: int, repeats: int) -> None:
    draw = random.Random(seed)
    parts = [part(n, final=n == count - 1) for n in range(count)]
    arriving = parts + [draw.choice(parts) for _ in range(repeats)]
    draw.shuffle(arriving)
    assembler = LogAssembler()
    given_parts: list[LogPart] = []
    for one in arriving:
        given_parts += assembler.add([one])
        assert len(assembler._held) <= count - len(given_parts)
    assert given_parts == parts
    assert assembler.complete
    assert assembler.missing == ()
    assert assembler.flush() == []


@given(st.integers(2, 60), st.sets(st.integers(0, 59)))
def test_what_is_missing_is_named_exactly(count: int, lost: set[int]) -> None:
    lost = {number for number in lost if number < count - 1}
    assembler = LogAssembler()
    there = [part(n, final=n == count - 1) for n in range(count) if n not in lost]
    given_parts = assembler.add(there)
    assert assembler.missing == tuple(sorted(lost))
    assert assembler.complete is (not lost)
    assert given_parts + assembler.flush() == there


def test_an_early_end_is_not_the_whole() -> None:
    assembler = LogAssembler()
    assert assembler.add([part(2, final=True)]) == []
    assert (assembler.missing, assembler.complete, assembler.last_number) == ((0, 1), False, -1)
    assert assembler.add([part(0), part(1)]) == [part(0), part(1), part(2, final=True)]
    assert assembler.complete


def test_the_servers_notice_waits_for_nothing_and_comes_last() -> None:
    assembler = LogAssembler()
    notice = part(LAST, final=True)
    assert assembler.add([notice, part(0), notice, part(1)]) == [part(0), part(1)]
    assert (assembler.missing, assembler.complete) == ((), False)
    assert assembler.flush() == [notice]
    assert assembler.flush() == []


def test_pieces_of_a_split_part_come_after_it() -> None:
    assembler = LogAssembler()
    assert assembler.add([part("0.2", final=True), part(0)]) == [part(0)]
    assert (assembler.missing, assembler.complete) == ((0,), False)
    assert assembler.add([part("0.1")]) == [part("0.1"), part("0.2", final=True)]
    assert assembler.complete
    assert assembler.add([part("1"), part("1.1"), part(2)]) == [part("1"), part("1.1"), part(2)]


def test_a_number_that_is_none_is_left_out() -> None:
    assert LogAssembler().add([part("x"), part(-1), part("1.x")]) == []


def test_a_hole_of_any_size_is_named_in_bounds() -> None:
    assembler = LogAssembler()
    assembler.add([part(10**9)])
    assert assembler.missing == tuple(range(MAX_MISSING))


@st.composite
def cut_texts(draw: st.DrawFn) -> tuple[str, list[LogPart]]:
    """A text, and its parts as some server would cut them: some split into pieces, the last one final."""
    chunks = draw(st.lists(st.lists(st.text(max_size=5), min_size=1, max_size=3), min_size=1, max_size=15))
    parts = [
        LogPart(number=f"{number}.{piece}" if piece else number, content=content)
        for number, pieces in enumerate(chunks)
        for piece, content in enumerate(pieces)
    ]
    parts[-1] = LogPart(number=parts[-1].number, content=parts[-1].content, final=True)
    return "".join(text for pieces in chunks for text in pieces), parts


@given(cut_texts(), st.randoms(use_true_random=False), st.booleans())
def test_any_cutting_comes_out_as_the_text(
    cut: tuple[str, list[LogPart]], draw: random.Random, with_notice: bool
) -> None:
    text, parts = cut
    arriving = parts + draw.choices(parts, k=5) + ([part(LAST, final=True)] if with_notice else [])
    draw.shuffle(arriving)
    assembler = LogAssembler()
    given_parts = assembler.add(arriving)
    assert "".join(one.content or "" for one in given_parts) == text
    assert (assembler.complete, assembler.missing, assembler._held) == (True, (), {})
    assert [one.number for one in assembler.flush()] == ([LAST] if with_notice else [])


@given(cut_texts())
def test_the_same_backwards_one_by_one(cut: tuple[str, list[LogPart]]) -> None:
    text, parts = cut
    assembler = LogAssembler()
    given_parts: list[LogPart] = []
    for one in reversed(parts):
        assert not assembler.complete
        given_parts += assembler.add([one])
    assert "".join(one.content or "" for one in given_parts) == text
    assert assembler.complete


@given(st.lists(st.integers(0, 12), max_size=40), st.integers(0, 12))
def test_at_every_moment_it_knows_where_it_stands(numbers: list[int], last: int) -> None:
    assembler, seen = LogAssembler(), set[int]()
    for number in numbers:
        assembler.add([part(number, final=number == last)])
        seen.add(number)
        reached = next(n for n in range(14) if n not in seen) - 1
        assert assembler.last_number == reached
        assert set(assembler._held) == {(n, 0) for n in seen if n > reached}, "only what is out of order"
        assert assembler.missing == tuple(n for n in range(max(seen)) if n not in seen)
        assert assembler.complete is (last in seen and reached >= last)


def test_of_two_parts_with_one_number_the_first_wins() -> None:
    assembler = LogAssembler()
    first, second = LogPart(number=1, content="first"), LogPart(number="1", content="second")
    assert assembler.add([first, second]) == []
    assert assembler.add([part(0), second]) == [part(0), first]
    assert assembler.add([second, LogPart(number="1.0", content="third")]) == []


def test_an_empty_final_part_that_overtakes_waits_for_the_others() -> None:
    assembler = LogAssembler()
    end = LogPart(number=3, content="", final=True)
    assert assembler.add([part(0), end]) == [part(0)]
    assert (assembler.complete, assembler.missing) == (False, (1, 2))
    assert assembler.add([part(2)]) == []
    assert assembler.add([part(1)]) == [part(1), part(2), end]
    assert (assembler.complete, assembler.missing) == (True, ())


def test_a_job_without_parts_leaves_nothing() -> None:
    assembler = LogAssembler()
    assert (assembler.last_number, assembler.complete, assembler.missing, assembler.flush()) == (-1, False, (), [])


@pytest.mark.parametrize("number", ["9" * 5000, "1." + "9" * 5000])
def test_a_number_of_five_thousand_digits_is_left_out(number: str) -> None:
    assert LogAssembler().add([part(number)]) == []


def test_a_known_hole_between_pieces_holds_back_what_follows() -> None:
    assembler = LogAssembler()
    assert assembler.add([part(0), part("0.2"), part(1)]) == [part(0)]
    assert assembler.missing == (0,)
    assert assembler.add([part("0.1")]) == [part("0.1"), part("0.2"), part(1)]


def test_a_hole_between_later_pieces_holds_back_too() -> None:
    assembler = LogAssembler()
    assert assembler.add([part(0), part("0.1"), part("0.3"), part(1)]) == [part(0), part("0.1")]
    assert assembler.add([part("0.2")]) == [part("0.2"), part("0.3"), part(1)]
    assert len(assembler._held_pieces) <= 1


def test_a_final_part_that_was_none_is_taken_back() -> None:
    assembler = LogAssembler()
    assembler.add([part(0, final=True)])
    assembler.reopen()
    assert (assembler.complete, assembler.has_gap) == (False, False)
    assert assembler.add([part(1), part(2, final=True)]) == [part(1), part(2, final=True)]
    assert assembler.complete


def test_a_piece_that_comes_too_late_is_noticed() -> None:
    assembler = LogAssembler()
    assembler.add([part(0), part(1)])
    assert not assembler.late_piece
    assert assembler.add([part("0.1")]) == []
    assert assembler.late_piece


def test_after_the_rest_was_given_it_is_not_given_again() -> None:
    assembler = LogAssembler()
    assembler.add([part(2), part(LAST)])
    assert assembler.flush() == [part(2), part(LAST)]
    assert assembler.add([part(0), part(2), part(LAST)]) == []
    assert assembler.flush() == []


@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), max_size=30))
def test_the_short_way_does_what_the_long_one_does(numbers: list[tuple[int, bool]]) -> None:
    short, long = LogAssembler(), LogAssembler()
    for number, final in numbers:
        part = LogPart(number=number, content=str(number), final=final)
        given = [part] if short.accept_next(part) else short.add([part])
        assert given == long.add([part])
        assert (short.last_number, short.complete, short.has_gap, short.missing) == (
            long.last_number, long.complete, long.has_gap, long.missing,
        )  # fmt: skip
