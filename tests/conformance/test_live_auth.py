"""Which channels ``POST /pusher/auth`` signs, and for which callers: section 7.7 of the facts."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest

from aiotravis.testing import Mode
from tests.conformance.live import Scene, connect, covers, rows, signed, travis
from tests.conftest import TOKEN
from tests.raw import V2, Raw, ask

SOCKET = "8123.55021"
JOSH = "another-token"


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        channel: May hold ``{sarah}``, ``{public}``, ``{private}``, ``{public_job}``, ``{private_job}``.
        signed: Whether Sarah, Josh, and somebody without a token get a signature.
    """

    channel: str
    signed: tuple[bool, bool, bool]
    mode: Mode = "org"
    accept: str = V2


NOBODY, SARAH, BOTH, ALL = (False, False, False), (True, False, False), (True, True, False), (True, True, True)
V21 = "application/vnd.travis-ci.2.1+json"

ROWS = {
    "private-user-ID": Row("private-user-{sarah}", SARAH),
    "private-user-ID, unknown": Row("private-user-99999", NOBODY),
    "private-repo-ID, public": Row("private-repo-{public}", SARAH),
    "private-repo-ID, private": Row("private-repo-{private}", SARAH),
    "private-repo-ID, unknown": Row("private-repo-99999", NOBODY),
    "private-job-ID, public, org": Row("private-job-{public_job}", ALL),
    "private-job-ID, public, com under 2.1": Row("private-job-{public_job}", ALL, "com", V21),
    "private-job-ID, public, com under 2": Row("private-job-{public_job}", BOTH, "com"),
    "private-job-ID, public, com for private repositories": Row("private-job-{public_job}", SARAH, "com-private"),
    "private-job-ID, public, Enterprise": Row("private-job-{public_job}", SARAH, "enterprise"),
    "private-job-ID, private": Row("private-job-{private_job}", SARAH),
    "private-job-ID, unknown": Row("private-job-99999", NOBODY),
    "other private-TYPE-N": Row("private-build-1", NOBODY),
    "private without a number": Row("private-user-sarah", NOBODY),
    "non-private": Row("repo-{public}", ALL),
    "non-private, whatever it is": Row("no-such-thing", ALL),
}


def named(scene: Scene, channel: str) -> str:
    public, private = (one.build(quiet=True).jobs[0] for one in (scene.public, scene.private))
    return channel.format(
        sarah=scene.sarah.id, public=scene.public.id, private=scene.private.id, public_job=public.id,
        private_job=private.id,
    )  # fmt: skip


async def authorize(scene: Scene, body: object, *, token: str | None = TOKEN, accept: str = V2) -> Raw:
    return await ask(scene.server, "/pusher/auth", method="POST", token=token, accept=accept, json=body)


@rows("7.7", ROWS)
async def test_a_channel_is_signed_for_permitted_users(row: Row) -> None:
    async with travis(mode=row.mode) as scene:
        channel = named(scene, row.channel)
        for token, right in zip((TOKEN, JOSH, None), row.signed, strict=True):
            body = {"socket_id": SOCKET, "channels": [channel]}
            answer = await authorize(scene, body, token=token, accept=row.accept)
            assert answer.status == 200
            assert answer.json == {"channels": {channel: signed(SOCKET, channel)} if right else {}}, token


@covers("7.7", "what is refused is missing", "all refused")
async def test_refused_channels_are_missing_without_an_error() -> None:
    async with travis() as scene:
        mine, other = f"private-user-{scene.sarah.id}", f"private-user-{scene.josh.id}"
        answer = await authorize(scene, {"socket_id": SOCKET, "channels": [other, mine, "private-x-1", "repo-82"]})
        assert (answer.status, list(answer.json["channels"])) == (200, [mine, "repo-82"])
        answer = await authorize(scene, {"socket_id": SOCKET, "channels": [other]})
        assert (answer.status, answer.json) == (200, {"channels": {}})


@covers("7.7", "a form")
async def test_a_form_is_accepted() -> None:
    async with travis() as scene:
        channels = [f"private-user-{scene.sarah.id}", "repo-82"]
        form = urlencode([("socket_id", SOCKET), *(("channels[]", channel) for channel in channels)]).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await ask(scene.server, "/pusher/auth", method="POST", token=TOKEN, headers=headers, data=form)
    assert answer.json == {"channels": {channel: signed(SOCKET, channel) for channel in channels}}


@dataclass(frozen=True)
class Bad:
    """A body that causes a server error."""

    body: dict[str, Any] = field(default_factory=dict[str, Any])


BODIES = {
    "missing channels": Bad({"socket_id": SOCKET}),
    "channels that are no list": Bad({"socket_id": SOCKET, "channels": "private-user-201"}),
    "malformed socket_id": Bad({"socket_id": "8123", "channels": ["repo-82"]}),
    "socket_id with a tail": Bad({"socket_id": "8123.55021:private-user-202", "channels": ["repo-82"]}),
    "no socket_id": Bad({"channels": ["repo-82"]}),
    "the standard fields of Pusher": Bad({"socket_id": SOCKET, "channel_name": "private-user-201"}),
}


@rows("7.7", BODIES)
async def test_an_invalid_body_is_a_server_error(row: Bad) -> None:
    async with travis() as scene:
        assert (await authorize(scene, row.body)).status == 500


@pytest.mark.parametrize(("mode", "statuses"), [("org", (404, 404)), ("com", (200, 401)), ("enterprise", (200, 401))])
@covers("7.7", "before April 2018", "before September 2017")
async def test_old_servers_need_a_token_and_org_has_no_such_route(mode: Mode, statuses: tuple[int, int]) -> None:
    async with travis(mode=mode, live_mode="2017") as scene:
        body = {"socket_id": SOCKET, "channels": ["repo-82"]}
        answers = [await authorize(scene, body, token=token) for token in (TOKEN, None)]
        assert tuple(answer.status for answer in answers) == statuses


@pytest.mark.parametrize("secure", [False, True])
@covers("7.7", "the signature opens the channel")
async def test_a_signed_channel_can_be_subscribed(secure: bool) -> None:
    async with travis(secure=secure) as scene, connect(scene.server) as socket:
        channels = [f"private-user-{scene.sarah.id}", f"private-job-{scene.job().id}"]
        answer = await authorize(scene, {"socket_id": socket.socket_id, "channels": channels})
        for channel in channels:
            confirmed = await socket.subscribe(channel, answer.json["channels"][channel])
            assert json.loads(confirmed)["event"] == "pusher_internal:subscription_succeeded"


@covers("7.7", "counts as POST for the rate rules")
async def test_signing_counts_as_a_post() -> None:
    async with travis(rate_rules=True, clock=lambda: 1_400_000_000.0) as scene:
        body: dict[str, object] = {"socket_id": SOCKET, "channels": []}
        statuses = [(await authorize(scene, body, token=None)).status for _ in range(51)]
    assert statuses == [200] * 50 + [403]
