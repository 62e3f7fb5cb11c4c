"""The beginning of a log as a fingerprint."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis.follow_log import prefix as prefix_module
from aiotravis.follow_log.prefix import LogPrefix

texts = st.text(st.characters(exclude_categories=()), max_size=20)


@given(st.lists(texts, max_size=9), texts, texts, st.sampled_from([1, 5, 1000]))
def test_a_text_begins_with_what_was_taken_or_it_does_not(pieces: list[str], rest: str, other: str, fold: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prefix_module, "FOLD", fold)
        prefix = LogPrefix()
        for piece in pieces:
            prefix.add(piece)
        whole = "".join(pieces)
        assert prefix.length == len(whole)
        assert prefix.begins(whole)
        assert prefix.begins(whole + rest)
        assert prefix.begins(other) is other.startswith(whole)
        prefix.add(rest)
        assert prefix.begins(whole + rest)
        assert prefix.begins(whole) is (not rest)
