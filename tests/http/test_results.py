"""Lists of records, with those that could not be read beside them."""

import copy
import pickle
from collections.abc import Sequence

import aiotravis
from aiotravis import Results, Unreadable
from aiotravis._http import results_of, unreadable_of

ODD = Unreadable(excerpt='{"id":null}', reason="Expected `int`, got `null` - at `$.builds[3].id`")


def test_results_are_a_sequence_that_equals_tuples_and_lists() -> None:
    results = Results([1, 2, 3])
    assert isinstance(results, Sequence)
    assert results == (1, 2, 3) == results
    assert results == [1, 2, 3] == results
    assert results == [1, 2, 3]
    assert results == Results([1, 2, 3], [ODD])
    assert results != [1, 2]
    assert results != (1, 2)
    assert results != "123"
    assert (results[1], results[1:], len(results), 2 in results) == (2, (2, 3), 3, True)
    assert hash(results) == hash((1, 2, 3))
    assert not Results()
    assert repr(results) == "(1, 2, 3)"


def test_unreadable_records_travel_with_the_others() -> None:
    results = Results([1], [ODD])
    for one in (results, pickle.loads(pickle.dumps(results)), copy.copy(results), copy.deepcopy(results)):
        assert (one, one.unreadable, type(one)) == ((1,), (ODD,), Results)
    assert results_of(results) is results
    assert results_of((1,)).unreadable == ()
    assert unreadable_of(results) == (ODD,)
    assert unreadable_of([1]) == unreadable_of(Results([1])) == ()


def test_both_are_public() -> None:
    assert {"Results", "Unreadable"} <= set(aiotravis.__all__)
