"""Getting and revoking a token: section 3.21 of the facts."""

import base64
import re
from dataclasses import replace
from typing import Unpack
from urllib.parse import parse_qs, urlsplit

from tests.conformance.scene import Scene, scene
from tests.conformance.tables import (
    NOTHING,
    V21,
    AnswerCheck,
    Check,
    Row,
    RowOptions,
    calls,
    equals,
    keys,
)
from tests.conftest import TOKEN
from tests.raw import Raw, ask

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
GITHUB = f"github-{TOKEN}"
LOCAL, FOREIGN = "http://localhost:8080/", "https://evil.example.org/"
SITE = "https://travis-ci.org"
HOME = f"{SITE}/"


def sign_in(status: int, body: bytes | Check | None, github_token: str = GITHUB, **more: Unpack[RowOptions]) -> Row:
    row = Row(status, "/auth/github", body, method="POST", token=None, json={"github_token": github_token})
    return replace(row, **more)


def newcomer(found: Scene) -> None:
    found.server.world.github_logins["of-somebody-new"] = "newcomer"


def handshake(
    status: int, target: str, body: bytes | None = None, *, state: str = "same", **more: Unpack[RowOptions]
) -> Row:
    """Return the row of a return from GitHub with a code, and with the state of the cookie or another one."""
    kept = f"abc:::{target}"
    given = kept if state == "same" else state
    path = f"/auth/handshake/github?code={GITHUB}&state={given}"
    row = Row(status, path, body, token=None, headers={"Cookie": f"travis.state-github={kept}"})
    return replace(row, **more)


def goes_to(expected: str) -> AnswerCheck:
    return lambda answer, _: answer.headers["location"] == expected


def to_github(answer: Raw, target: str) -> bool:
    """Return whether the answer redirects to GitHub, with the state of the cookie and the target."""
    location = urlsplit(answer.headers["location"])
    state = parse_qs(location.query)["state"][0]
    kept = answer.headers["set-cookie"]
    return (
        location.hostname == "github.com"
        and state.endswith(f":::{target}")
        and kept.startswith("travis.state-github=")
        and state.partition(":::")[0] in kept
    )


def posts_token(answer: Raw, _: Scene) -> bool:
    page = answer.body.decode()
    names = re.findall(r'name="(\w+)"', page)
    return (
        f'method="post" action="{LOCAL}"' in page
        and names == ["token", "user", "storage"]
        and f'value="{TOKEN}"' in page
        and "submit()" in page
    )


ROWS: dict[str, Row] = {
    "3.21 POST /auth/github": sign_in(200, equals({"access_token": TOKEN})),
    "3.21 POST /auth/github, form": Row(
        200, "/auth/github", equals({"access_token": TOKEN}), method="POST", token=None, headers=FORM,
        data=f"github_token={GITHUB}".encode(),
    ),
    "3.21 POST /auth/github, com": sign_in(200, keys("access_token"), mode="com-private"),
    "3.21 no token": Row(
        422, "/auth/github", equals({"error": "Must pass 'github_token' parameter"}), method="POST", token=None,
        json={},
    ),
    "3.21 a bad token": sign_in(403, b"not a Travis user", "bad"),
    "3.21 a token that GitHub does not resolve": sign_in(401, b"could not resolve github token", "unresolved-1"),
    "3.21 too few scopes": sign_in(303, NOTHING, "narrow-1", kind=None, answer_is=goes_to("/too-few-scopes")),
    "3.21 starts a sync": sign_in(200, keys("access_token"), after=lambda found: found.sarah.is_syncing),
    "3.21 creates an unknown user": sign_in(
        200, keys("access_token"), "of-somebody-new", before=newcomer,
        after=lambda found: "newcomer" in {user.login for user in found.server.world.users.values()},
    ),
    "3.21 GET /auth/handshake": Row(
        302, f"/auth/handshake?redirect_uri={LOCAL}", NOTHING, None, token=None,
        answer_is=lambda answer, _: to_github(answer, LOCAL),
    ),
    "3.21 GET /auth/handshake/provider": Row(
        302, f"/auth/handshake/github?redirect_uri={LOCAL}", NOTHING, None, token=None,
        answer_is=lambda answer, _: to_github(answer, LOCAL),
    ),
    "3.21 origin is as good": Row(
        302, f"/auth/handshake?origin={LOCAL}", NOTHING, None, token=None, answer_is=lambda answer,
        _: to_github(answer, LOCAL),
    ),
    "3.21 redirect_to is not read": Row(
        302, f"/auth/handshake?redirect_to={LOCAL}", NOTHING, None, token=None,
        answer_is=lambda answer, _: to_github(answer, SITE),
    ),
    "3.21 a page that posts the token": handshake(200, LOCAL, kind="text/html", answer_is=posts_token),
    "3.21 the state is another": handshake(302, LOCAL, NOTHING, state="other", kind=None, answer_is=goes_to(HOME)),
    "3.21 the state is another, in 2014": handshake(400, LOCAL, b"state mismatch", state="other", age="2014"),
    "3.21 a target that is not allowed": handshake(401, FOREIGN, b"target URI not allowed"),
    "3.21 a target that is not allowed, in 2014": handshake(
        302, FOREIGN, NOTHING, age="2014", kind=None, answer_is=goes_to(FOREIGN),
    ),
    "3.21 a target on a low port": handshake(401, "http://localhost:80/", b"target URI not allowed"),
    "3.21 a target of Travis": handshake(200, "https://app.travis-ci.org/", kind="text/html"),
    "3.21 a target of Travis without TLS": handshake(401, "http://app.travis-ci.org/", b"target URI not allowed"),
    "3.21 GET /auth/post_message": Row(200, "/auth/post_message", None, "text/html", token=None),
    "3.21 GET /auth/authorize": Row(501, "/auth/authorize", None, "text/plain", token=None),
    "3.21 POST /auth/access_token": Row(501, "/auth/access_token", None, "text/plain", method="POST", token=None),
    "3.21 GET /logout": Row(
        200, "/logout?access_token={token}", lambda body: body["user"]["login"] == "sarah", token=None,
        after=lambda found: found.server.world.by_token(TOKEN) is None,
    ),
    "3.21 GET /logout with only a header": Row(
        200, "/logout", NOTHING, after=lambda found: found.server.world.by_token(TOKEN) is found.sarah,
    ),
    "3.21 GET /logout, nobody, org": Row(403, "/logout", b"access denied", token=None),
    "3.21 GET /logout, nobody, com": Row(401, "/logout", NOTHING, token=None, mode="com"),
    "3.21 GET /logout, nobody, com, v2.1": Row(401, "/logout", b"access denied", token=None, mode="com", accept=V21),
}  # fmt: skip

test_a_request_has_the_answer_of_travis = calls(ROWS)


async def test_a_github_token_gives_the_same_token_again() -> None:
    async with scene() as found:
        body = {"github_token": "of-somebody-new"}
        newcomer(found)
        given = [(await ask(found.server, "/auth/github", method="POST", json=body)).json for _ in range(2)]
    assert given[0] == given[1]


# The temporary GitHub token, step by step


def _basic(password: str = "open sesame") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"sarah:{password}".encode()).decode()}


async def github(found: Scene, method: str, path: str, json: object = None, **headers: str) -> Raw:
    found.sarah.password = "open sesame"
    return await ask(
        found.server, path, method=method, json=json, endpoint=found.server.github_url,
        headers={**_basic(), **{name.replace("_", "-"): value for name, value in headers.items()}},
    )  # fmt: skip


WANTED = {"scopes": ["read:org"], "note": "temporary token"}


async def test_step_1_creates_a_token() -> None:
    async with scene() as found:
        made = await github(found, "POST", "/authorizations", WANTED)
    assert made.status == 201
    assert {"id", "url", "token", "scopes", "note"} <= set(made.json)
    assert (made.json["scopes"], made.json["note"]) == (["read:org"], "temporary token")


async def test_step_1a_requests_the_second_factor() -> None:
    async with scene() as found:
        found.sarah.one_time_password = "123456"
        asked = await github(found, "POST", "/authorizations", WANTED)
        given = await github(found, "POST", "/authorizations", WANTED, X_GitHub_OTP="123456")
    assert asked.status == 401
    assert asked.headers["x-github-otp"].startswith("required;")
    assert given.status == 201


async def test_step_1b_refuses_a_second_token_with_the_same_note() -> None:
    async with scene() as found:
        first = await github(found, "POST", "/authorizations", WANTED)
        second = await github(found, "POST", "/authorizations", WANTED)
        listed = await github(found, "GET", "/authorizations")
        gone = await github(found, "DELETE", f"/authorizations/{first.json['id']}")
        third = await github(found, "POST", "/authorizations", WANTED)
    assert (second.status, second.json["errors"][0]["code"]) == (422, "already_exists")
    assert [(one["id"], one["note"]) for one in listed.json] == [(first.json["id"], "temporary token")]
    assert (gone.status, gone.body, third.status) == (204, b"", 201)


async def test_steps_2_and_3_exchange_the_token_and_delete_it() -> None:
    async with scene() as found:
        made = (await github(found, "POST", "/authorizations", WANTED)).json
        body = {"github_token": made["token"]}
        exchanged = await ask(found.server, "/auth/github", method="POST", json=body)
        deleted = await github(found, "DELETE", f"/authorizations/{made['id']}")
        after = await ask(found.server, "/auth/github", method="POST", json=body)
    assert (exchanged.status, exchanged.json) == (200, {"access_token": TOKEN})
    assert deleted.status == 204
    assert (after.status, after.body) == (403, b"not a Travis user")
