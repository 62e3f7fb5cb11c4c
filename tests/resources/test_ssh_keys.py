"""SSH keys: requests and decoded responses."""

from aiotravis.resources.ssh_keys import SshKeys
from tests.samples import Scripted


async def test_the_private_key_is_sent_and_never_shown() -> None:
    transport = Scripted(b'{"ssh_key":{"id":82,"description":null,"fingerprint":"ef:39"}}')
    keys = SshKeys(transport)
    assert (await keys.update(82, "PEM")).fingerprint == "ef:39"
    assert (await keys.get(82)).description is None
    await keys.delete(82)
    assert [(call.method, call.target) for call in transport.calls] == [
        ("PATCH", "/settings/ssh_key/82"), ("GET", "/settings/ssh_key/82"), ("DELETE", "/settings/ssh_key/82"),
    ]  # fmt: skip
    assert transport.calls[0].body == b'{"ssh_key":{"value":"PEM"}}'
    assert "PEM" not in repr(transport.calls[0])
