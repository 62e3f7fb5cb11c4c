"""Stages, as live events contain them."""

import msgspec

from aiotravis import Stage, State


def test_a_stage_is_decoded() -> None:
    text = b'{"id":1,"build_id":2,"number":1,"name":"Test","state":"started","started_at":null,"finished_at":null}'
    stage = msgspec.json.decode(text, type=Stage)
    assert (stage.name, stage.state) == ("Test", State.STARTED)
