"""Hooks: requests and decoded responses."""

from aiotravis.resources.hooks import Hooks
from tests.samples import Scripted

SAMPLE = b"""{"hooks":[{"id":82,"name":"b","owner_name":"a","description":null,"active":"true","private":false,
"admin":true}]}"""


async def test_a_hook_has_a_slug_and_active_can_be_a_string() -> None:
    transport = Scripted(SAMPLE)
    hook = (await Hooks(transport).list(all=True, owner_name="a", name="b"))[0]
    assert (hook.slug, hook.active) == ("a/b", True)
    assert transport.calls[0].query == (("all", "true"), ("owner_name", "a"), ("name", "b"))


async def test_enable_and_disable_send_a_put() -> None:
    transport = Scripted(b'{"result":true}')
    assert await Hooks(transport).enable(82)
    assert await Hooks(transport).disable(82)
    assert [(call.method, call.target, call.body) for call in transport.calls] == [
        ("PUT", "/hooks/82", b'{"hook":{"active":true}}'), ("PUT", "/hooks/82", b'{"hook":{"active":false}}'),
    ]  # fmt: skip
