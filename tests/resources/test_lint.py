"""Lint: requests and decoded responses."""

from aiotravis.resources.lint import Lint
from tests.samples import Scripted


async def test_warnings_can_have_a_key() -> None:
    transport = Scripted(b'{"lint":{"warnings":[{"key":["matrix"],"message":"odd"},{"key":[],"message":"x"}]}}')
    warnings = await Lint(transport).check("language: ruby")
    assert [(one.key, one.message) for one in warnings] == [(("matrix",), "odd"), ((), "x")]
    assert (transport.calls[0].method, transport.calls[0].body) == ("POST", b'{"content":"language: ruby"}')
