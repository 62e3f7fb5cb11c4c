"""Texts as length and checksum."""

from hypothesis import given
from hypothesis import strategies as st

from aiotravis.follow_log.prefix import LogPrefix

texts = st.text(st.characters(exclude_categories=()), max_size=20)


def prefix_of(*pieces: str) -> LogPrefix:
    prefix = LogPrefix()
    for piece in pieces:
        prefix.add(piece)
    return prefix


@given(st.lists(texts, max_size=9), texts)
def test_prefixes_are_equal_if_the_texts_are(pieces: list[str], other: str) -> None:
    prefix, whole = prefix_of(*pieces), "".join(pieces)
    assert prefix.length == len(whole)
    assert prefix == prefix_of(whole)
    assert (prefix == prefix_of(other)) is (other == whole)
    prefix.add(other)
    assert prefix == prefix_of(whole + other)
    assert (prefix == prefix_of(whole)) is (not other)
