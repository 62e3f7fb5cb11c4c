"""JSON as it is on the wire."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiotravis.testing.live.compact_json import compact


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, None, True], "b": {}}, '{"a":[1,null,true],"b":{}}'),
        ("größe ☃ 🚀", '"größe ☃ 🚀"'),
        ("\x1b[0m\r\n", '"\\u001b[0m\\r\\n"'),
        ("\u2028 </script>", '"\u2028 </script>"'),
        ("half \ud83d and \udc80", '"half \\ud83d and \\udc80"'),
    ],
)
def test_there_is_no_whitespace_and_no_escape_of_letters(value: object, text: str) -> None:
    assert compact(value) == text


@given(st.text(st.characters(codec=None)))
def test_every_text_can_be_encoded_and_decoded(text: str) -> None:
    assert json.loads(compact(text).encode()) == json.loads(json.dumps(text))
