"""Parts in any order, to text in order."""

import random

from hypothesis import given
from hypothesis import strategies as st

from aiotravis import LogPart
from aiotravis.flows.log_parts import MOST_MISSING, LogAssembler
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
    assert assembler.rest() == []


@given(st.integers(2, 60), st.sets(st.integers(0, 59)))
def test_what_is_missing_is_named_exactly(count: int, lost: set[int]) -> None:
    lost = {number for number in lost if number < count - 1}
    assembler = LogAssembler()
    there = [part(n, final=n == count - 1) for n in range(count) if n not in lost]
    given_parts = assembler.add(there)
    assert assembler.missing == tuple(sorted(lost))
    assert assembler.complete is (not lost)
    assert given_parts + assembler.rest() == there


def test_an_early_end_is_not_the_whole() -> None:
    assembler = LogAssembler()
    assert assembler.add([part(2, final=True)]) == []
    assert (assembler.missing, assembler.complete, assembler.given) == ((0, 1), False, -1)
    assert assembler.add([part(0), part(1)]) == [part(0), part(1), part(2, final=True)]
    assert assembler.complete


def test_the_servers_notice_waits_for_nothing_and_comes_last() -> None:
    assembler = LogAssembler()
    notice = part(LAST, final=True)
    assert assembler.add([notice, part(0), notice, part(1)]) == [part(0), part(1)]
    assert (assembler.missing, assembler.complete) == ((), False)
    assert assembler.rest() == [notice]
    assert assembler.rest() == []


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
    assert assembler.missing == tuple(range(MOST_MISSING))
