"""The assembler: parts in any order, to parts in order."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis import LogPart
from aiotravis.follow_log import assembler as assembler_module
from aiotravis.follow_log.assembler import MAX_MISSING, LogAssembler, of_last_run
from aiotravis.resources.logs import LAST


def part(number: int | str, *, final: bool = False) -> LogPart:
    return LogPart(number=number, content=f"<{number}>", final=final)


@given(st.integers(1, 40), st.integers(), st.integers(0, 30))
def test_parts_in_any_order_are_returned_once_and_in_order(count: int, seed: int, repeats: int) -> None:
    draw = random.Random(seed)
    parts = [part(n, final=n == count - 1) for n in range(count)]
    arriving = parts + [draw.choice(parts) for _ in range(repeats)]
    draw.shuffle(arriving)
    assembler = LogAssembler()
    returned: list[LogPart] = []
    for one in arriving:
        returned += assembler.add([one])
        assert len(assembler._held) <= count - len(returned)
    assert returned == parts
    assert assembler.complete
    assert assembler.missing == ()
    assert assembler.flush() == []


@given(st.integers(2, 60), st.sets(st.integers(0, 59)))
def test_missing_parts_are_listed_exactly(count: int, lost: set[int]) -> None:
    lost = {number for number in lost if number < count - 1}
    assembler = LogAssembler()
    there = [part(n, final=n == count - 1) for n in range(count) if n not in lost]
    returned = assembler.add(there)
    assert assembler.missing == tuple(sorted(lost))
    assert assembler.complete is (not lost)
    assert returned + assembler.flush() == there


def test_a_final_part_that_arrives_early_does_not_complete_the_log() -> None:
    assembler = LogAssembler()
    assert assembler.add([part(2, final=True)]) == []
    assert (assembler.missing, assembler.complete, assembler.last_number) == ((0, 1), False, -1)
    assert assembler.add([part(0), part(1)]) == [part(0), part(1), part(2, final=True)]
    assert assembler.complete


def test_the_servers_notice_implies_no_gap_and_comes_last() -> None:
    assembler = LogAssembler()
    notice = part(LAST, final=True)
    assert assembler.add([notice, part(0), notice, part(1)]) == [part(0), part(1)]
    assert (assembler.missing, assembler.complete) == ((), False)
    assert assembler.flush() == [notice]
    assert assembler.flush() == []


def test_pieces_of_a_split_part_follow_it() -> None:
    assembler = LogAssembler()
    assert assembler.add([part("0.2", final=True), part(0)]) == [part(0)]
    assert (assembler.missing, assembler.complete) == ((0,), False)
    assert assembler.add([part("0.1")]) == [part("0.1"), part("0.2", final=True)]
    assert assembler.complete
    assert assembler.add([part("1"), part("1.1"), part(2)]) == [part("1"), part("1.1"), part(2)]


def test_an_invalid_number_is_ignored() -> None:
    assert LogAssembler().add([part("x"), part(-1), part("1.x")]) == []


def test_a_huge_gap_is_listed_up_to_a_limit() -> None:
    assembler = LogAssembler()
    assembler.add([part(10**9)])
    assert assembler.missing == tuple(range(MAX_MISSING))


@st.composite
def cut_texts(draw: st.DrawFn) -> tuple[str, list[LogPart]]:
    """Draw a text and its parts, some of them split into pieces, the last one final."""
    chunks = draw(st.lists(st.lists(st.text(max_size=5), min_size=1, max_size=3), min_size=1, max_size=15))
    parts = [
        LogPart(number=f"{number}.{piece}" if piece else number, content=content)
        for number, pieces in enumerate(chunks)
        for piece, content in enumerate(pieces)
    ]
    parts[-1] = LogPart(number=parts[-1].number, content=parts[-1].content, final=True)
    return "".join(text for pieces in chunks for text in pieces), parts


@given(cut_texts(), st.randoms(use_true_random=False), st.booleans())
def test_parts_cut_anywhere_make_up_the_text(
    cut: tuple[str, list[LogPart]], draw: random.Random, with_notice: bool
) -> None:
    text, parts = cut
    arriving = parts + draw.choices(parts, k=5) + ([part(LAST, final=True)] if with_notice else [])
    draw.shuffle(arriving)
    assembler = LogAssembler()
    returned = assembler.add(arriving)
    assert "".join(one.content or "" for one in returned) == text
    assert (assembler.complete, assembler.missing, assembler._held) == (True, (), {})
    assert [one.number for one in assembler.flush()] == ([LAST] if with_notice else [])


@given(cut_texts())
def test_parts_in_reverse_order_make_up_the_text(cut: tuple[str, list[LogPart]]) -> None:
    text, parts = cut
    assembler = LogAssembler()
    returned: list[LogPart] = []
    for one in reversed(parts):
        assert not assembler.complete
        returned += assembler.add([one])
    assert "".join(one.content or "" for one in returned) == text
    assert assembler.complete


@given(st.lists(st.integers(0, 12), max_size=40), st.integers(0, 12))
def test_position_gaps_and_completeness_are_right_at_every_step(numbers: list[int], last: int) -> None:
    assembler, seen = LogAssembler(), set[int]()
    for number in numbers:
        assembler.add([part(number, final=number == last)])
        seen.add(number)
        reached = next(n for n in range(14) if n not in seen) - 1
        assert assembler.last_number == reached
        assert set(assembler._held) == {(n, 0) for n in seen if n > reached}, "only parts out of order are held"
        assert assembler.missing == tuple(n for n in range(max(seen)) if n not in seen)
        assert assembler.complete is (last in seen and reached == last)


def test_of_two_parts_with_one_number_the_first_wins() -> None:
    assembler = LogAssembler()
    first, second = LogPart(number=1, content="first"), LogPart(number="1", content="second")
    assert assembler.add([first, second]) == []
    assert assembler.add([part(0), second]) == [part(0), first]
    assert assembler.add([second, LogPart(number="1.0", content="third")]) == []


def test_an_empty_final_part_waits_for_the_parts_before_it() -> None:
    assembler = LogAssembler()
    end = LogPart(number=3, content="", final=True)
    assert assembler.add([part(0), end]) == [part(0)]
    assert (assembler.complete, assembler.missing) == (False, (1, 2))
    assert assembler.add([part(2)]) == []
    assert assembler.add([part(1)]) == [part(1), part(2), end]
    assert (assembler.complete, assembler.missing) == (True, ())


def test_without_parts_nothing_is_returned() -> None:
    assembler = LogAssembler()
    assert (assembler.last_number, assembler.complete, assembler.missing, assembler.flush()) == (-1, False, (), [])


@pytest.mark.parametrize("number", ["9" * 5000, "1." + "9" * 5000])
def test_a_number_of_five_thousand_digits_is_ignored(number: str) -> None:
    assert LogAssembler().add([part(number)]) == []


def test_a_gap_between_pieces_holds_back_later_parts() -> None:
    assembler = LogAssembler()
    assert assembler.add([part(0), part("0.2"), part(1)]) == [part(0)]
    assert assembler.missing == (0,)
    assert assembler.add([part("0.1")]) == [part("0.1"), part("0.2"), part(1)]


def test_a_gap_between_later_pieces_holds_back_later_parts() -> None:
    assembler = LogAssembler()
    assert assembler.add([part(0), part("0.1"), part("0.3"), part(1)]) == [part(0), part("0.1")]
    assert assembler.add([part("0.2")]) == [part("0.2"), part("0.3"), part(1)]
    assert len(assembler._held_pieces) <= 1


def test_a_final_part_of_an_earlier_run_that_arrives_late_is_no_end() -> None:
    assembler = LogAssembler()
    assembler.add([part(0), part(1), part(2)])
    assert assembler.add([part(1, final=True)]) == []
    assert (assembler.has_final, assembler.complete) == (False, False)
    assert assembler.add([part(3, final=True)]) == [part(3, final=True)]
    assert assembler.complete


def test_parts_behind_the_final_part_make_it_one_of_them() -> None:
    assembler = LogAssembler()
    assembler.add([part(0, final=True)])
    assert (assembler.complete, assembler.has_gap) == (True, False)
    assert assembler.add([part(1), part(2, final=True)]) == [part(1), part(2, final=True)]
    assert assembler.complete


def test_a_log_may_begin_at_part_1() -> None:
    assembler = LogAssembler()
    assert assembler.add([part(1), part(2)]) == []
    assert assembler.begin_at_one() == [part(1), part(2)]
    assert (assembler.missing, assembler.late_piece) == ((), False)
    assert assembler.add([part(3, final=True)]) == [part(3, final=True)]
    assert assembler.complete
    assert assembler.add([part(0)]) == []
    assert assembler.late_piece


def test_part_1_is_not_the_first_once_part_0_was_returned() -> None:
    assembler = LogAssembler()
    assert assembler.add([part(0), part(2)]) == [part(0)]
    assert assembler.begin_at_one() == []
    assert (assembler.missing, assembler.last_number) == ((1,), 0)


def test_parts_behind_a_gap_are_held_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembler_module, "MAX_HELD_PARTS", 5)
    assembler = LogAssembler()
    for number in range(1, 100):
        assembler.add([part(number)])
    assert assembler.held == 5
    assert assembler.add([part(0)]) == [part(number) for number in range(6)]
    assert assembler.add([part(number) for number in range(99, 6, -1)]) == []
    assert assembler.held == 5
    assert assembler.add([part(6)]) == [part(number) for number in range(6, 12)]
    # What the server lists is in memory anyway.
    assembler.add([part(number) for number in range(20, 99)], bounded=False)
    assert assembler.held == 79


def test_long_parts_behind_a_gap_are_held_up_to_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembler_module, "MAX_HELD_CHARACTERS", 1000)
    assembler = LogAssembler()
    for number in range(1, 50):
        assembler.add([LogPart(number=number, content="x" * 100)])
        assembler.add([LogPart(number=f"{number}.1", content="x" * 100)])
    assert assembler.held == 10
    assembler.add([LogPart(number=number, content="x" * 300) for number in range(60, 50, -1)])
    assert sum(map(len, assembler.held_texts())) <= 1000
    assert len(assembler.add([part(0)])) == 11
    assert assembler.flush() == []


def test_a_late_piece_is_detected() -> None:
    assembler = LogAssembler()
    assembler.add([part(0), part(1)])
    assert not assembler.late_piece
    assert assembler.add([part("0.1")]) == []
    assert assembler.late_piece


def test_flushed_parts_are_not_returned_again() -> None:
    assembler = LogAssembler()
    assembler.add([part(2), part(LAST)])
    assert assembler.flush() == [part(2), part(LAST)]
    assert assembler.add([part(0), part(2), part(LAST)]) == []
    assert assembler.flush() == []


@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), max_size=30))
def test_accept_next_does_the_same_as_add(numbers: list[tuple[int, bool]]) -> None:
    short, long = LogAssembler(), LogAssembler()
    for number, final in numbers:
        part = LogPart(number=number, content=str(number), final=final)
        given = [part] if short.accept_next(part) else short.add([part])
        assert given == long.add([part])
        assert (short.last_number, short.complete, short.has_gap, short.missing) == (
            long.last_number, long.complete, long.has_gap, long.missing,
        )  # fmt: skip


def test_a_number_that_comes_again_with_another_text_begins_another_run() -> None:
    old = [LogPart(number=number, content=f"old {number}") for number in range(3)]
    new = [LogPart(number=number, content=f"new {number}") for number in range(3)]
    assert of_last_run([]) == []
    assert of_last_run([*old, old[1]]) == old
    assert of_last_run([*old, *new]) == new
    assert of_last_run([old[0], new[1], new[0], new[1]]) == [new[0], new[1]]
    assert of_last_run([old[0], old[1], new[1], new[0], new[2]]) == [new[1], new[0], new[2]]
    assert of_last_run([*old, *new, *old[:1]]) == old[:1]
