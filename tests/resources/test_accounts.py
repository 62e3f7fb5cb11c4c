"""Accounts: requests and decoded responses."""

from aiotravis.resources.accounts import Accounts
from tests.samples import Scripted

SAMPLE = b"""{"accounts":[{"id":267,"name":"Sven","login":"svenfuchs","type":"user","repos_count":3,"subscribed":true},
{"id":267,"name":null,"login":null,"type":"organization","repos_count":null,"avatar_url":"https://x"}]}"""


async def test_all_is_sent_only_when_true() -> None:
    transport = Scripted(SAMPLE)
    user, organization = await Accounts(transport).list()
    assert (user.login, user.type, user.repos_count, user.subscribed) == ("svenfuchs", "user", 3, True)
    assert (organization.login, organization.repos_count, organization.education) == (None, None, None)
    await Accounts(transport).list(all=True)
    assert [call.target for call in transport.calls] == ["/accounts", "/accounts?all=true"]
