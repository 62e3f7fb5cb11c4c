"""Odd arguments of every call: refused by the name of the argument, or sent as they are; never a builtin error."""

import contextlib
import inspect
import json
import math
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import aiohttp
import anyio
import pytest

from aiotravis import Build, Job, LiveOptions, Travis, errors
from aiotravis._http import ApiRequest, ApiResponse, Sink
from aiotravis._validation import display
from aiotravis.rate_limits.memory import MemoryLimiter
from aiotravis.testing import TravisServer
from tests.conftest import TOKEN

SHA = "a" * 40

FOLDER = tempfile.gettempdir()

GOOD: Mapping[str, Any] = {
    "repo": 1, "repos": [1], "build": 2, "builds": [2], "job": 3, "jobs": [3], "branch": "main", "number": 5,
    "log_id": 6, "user": 7, "request": 8, "name": "NAME", "value": "v", "env_var": "a-b", "username": "u", "key": "k",
    "description": "d", "status": "passed", "github_token": "t", "redirect_uri": "https://x/", "content": "language: c",
    "socket_id": "1.1", "channels": ["repo-1"], "locale": "en", "folder": FOLDER,
}  # fmt: skip
"""A good value for each argument that a call needs."""

ODD: list[Any] = [
    None, True, False, 0, -1, 1.5, math.nan, 10**400, 10**5000, "", " ", "x", "..", ".", "a/..", "a/b/c", "../b",
    "a\x00b",
    "\ud800", "a/\udfff", "a/b\x00", "a\nb", "\r\n", "\x1b[2J", "\u202e", "%2e%2e", "9" * 5000, "²", "x" * 70_000,
    b"x", b"\xff", [], [None], ["\ud800"], ["a\x00"], [10**5000], (1, "x"), {}, {"a": object()}, object(), Build, len,
    Job(id=1), Build(id=1), Path("x"), iter([1]), {1}, "http://[::1", "http://x:y/", "https://", lambda: 1,
]  # fmt: skip

FURTHER: Mapping[str, Mapping[str, Any]] = {
    "env_vars.update": {"value": "v"},
    "settings.update": {"build_pushes": True},
    "repos.badge": {"repo": "a/b"},
}
"""What a call needs beside these."""


class Sent(Exception):
    """A request would have been sent."""

    def __init__(self, request: ApiRequest) -> None:
        super().__init__(request.method)
        self.request = request


class Spy:
    """A transport that sends nothing."""

    waiting = 0

    async def send(self, request: ApiRequest, sink: Sink | None = None) -> ApiResponse:
        raise Sent(request)


def calls(travis: Travis) -> Iterator[tuple[str, Callable[..., Any]]]:
    for name, resource in vars(travis).items():
        if not name.startswith("_") and name != "live":
            for method_name, method in inspect.getmembers(resource, inspect.ismethod):
                if not method_name.startswith("_"):
                    yield f"{name}.{method_name}", method


def arguments() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, method in calls(Travis(TOKEN)):
        parameters = [one for one in inspect.signature(method).parameters.values() if one.kind != one.VAR_KEYWORD]
        # Any text that the file system takes can be a folder.
        found += [(name, one.name) for one in parameters if one.name != "folder"]
    return found


ARGUMENTS = arguments()


def spied() -> Travis:
    travis = Travis(TOKEN)
    for name, resource in vars(travis).items():
        if not name.startswith("_") and name != "live":
            resource._transport = Spy()
    return travis


async def run(call: Callable[..., Any], **arguments: Any) -> None:
    result = call(**arguments)
    if hasattr(result, "__anext__"):
        with contextlib.suppress(StopAsyncIteration):
            await cast("AsyncIterator[object]", result).__anext__()
    elif inspect.isawaitable(result):
        await cast("Awaitable[object]", result)


def check_error(error: errors.UsageError, argument: str) -> None:
    assert error.argument == argument, error
    assert len(str(error)) < 400
    assert str(error).isprintable()


def check_request(request: ApiRequest) -> None:
    """Check that a request can be sent as it is, and stays on its path."""
    request.target.encode("ascii")
    assert not {".", ".."} & set(request.path.split("/"))
    assert request.path.isprintable()
    assert "\x00" not in request.path
    assert "%00" not in request.target
    if request.body is not None:
        json.loads(request.body)


@pytest.mark.parametrize(("call", "argument"), ARGUMENTS, ids=[f"{call}-{argument}" for call, argument in ARGUMENTS])
async def test_an_odd_argument_is_refused_by_name_or_can_be_sent(call: str, argument: str) -> None:
    travis = spied()
    method = dict(calls(travis))[call]
    needed = [one.name for one in inspect.signature(method).parameters.values() if one.default is one.empty]
    good = {**{name: GOOD[name] for name in needed if name in GOOD}, **FURTHER.get(call, {})}
    for value in ODD:
        try:
            await run(method, **{**good, argument: value})
        except Sent as sent:
            check_request(sent.request)
        except errors.UsageError as error:
            check_error(error, argument)


IDS = {"repo", "build", "job", "log_id", "user", "request", "older_than"}


@pytest.mark.parametrize(("call", "argument"), [pair for pair in ARGUMENTS if pair[1] in IDS])
@pytest.mark.parametrize(
    "value",
    [True, False, 0, -1, 1.0, "1", 10**400, 10**5000, "\ud800/x", object()],
    ids=lambda value: display(value)[:20].split(" at ")[0],
)
async def test_what_is_no_id_is_no_id(call: str, argument: str, value: object) -> None:
    await refused(call, argument, value)


async def refused(call: str, argument: str, value: object) -> str:
    method = dict(calls(spied()))[call]
    needed = [one.name for one in inspect.signature(method).parameters.values() if one.default is one.empty]
    good = {**{name: GOOD[name] for name in needed if name in GOOD}, **FURTHER.get(call, {})}
    with pytest.raises(errors.UsageError) as info:
        await run(method, **{**good, argument: value})
    assert info.value.argument == argument
    return str(info.value)


@pytest.mark.parametrize("branch", [".", "..", "", " ", "a\x00", "\ud800", None, 5, b"main", "a,b", "v1.xml"])
async def test_a_branch_is_a_name_that_stays_on_its_path(branch: object) -> None:
    await refused("branches.get", "branch", branch)


@pytest.mark.parametrize("branch", ["main", "a/b", "...", ".a", "a..b", "%2e%2e", "ünï", "a b", "\x1b", "x" * 500])
async def test_any_other_branch_is_asked_for(branch: str) -> None:
    with pytest.raises(Sent) as info:
        await spied().branches.get(1, branch)
    check_request(info.value.request)


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        ("accounts.list", "all"), ("hooks.list", "all"), ("builds.recent", "running"),
        ("builds.list", "exclude_config"), ("jobs.get", "include_log_id"),
        ("jobs.many", "include_log_id"), ("jobs.many", "missing_ok"),
        ("builds.many", "missing_ok"), ("repos.many", "missing_ok"), ("logs.parts", "content"),
        ("logs.download", "overwrite"), ("env_vars.create", "public"), ("env_vars.set", "public"),
        ("env_vars.update", "public"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", ["false", "no", 0, 1, []])
async def test_a_switch_is_true_or_false_and_no_text(call: str, argument: str, value: object) -> None:
    assert "must be True or False" in await refused(call, argument, value)


@pytest.mark.parametrize("value", [object(), "\ud800", {"a": "\udfff"}, {object(): 1}, [[lambda: 1]], 1j])
async def test_a_setting_that_json_does_not_have_is_refused_by_its_name(value: Any) -> None:
    with pytest.raises(errors.UsageError, match="build_pushes must be a value that JSON has") as info:
        await spied().settings.update(1, build_pushes=value)
    assert info.value.argument == "build_pushes"


def recursive() -> list[object]:
    value: list[object] = []
    value.append(value)
    return value


REQUESTS: list[tuple[str, dict[str, Any]]] = [
    *(("method", {"method": method}) for method in ("", "GE T", "GET\r\n", "G\xcb T", None, 5, b"GET", "GET/")),
    *(
        ("path", {"path": path})
        for path in (
            "", "x", "//x", "/a b", "/a?b", "/a#b", "/a\nb", "/a\x00", "/\ud800", "/..", "/../x", "/a/..", "/a/../b",
            "/.", "/a/./b", "/%2e%2e/x", "/%2E./x", "/.%2e", "/a\\b", "/%", "/%zz", "/a\x7f", None, 5, b"/x", "http://x/",
        )
    ),
    *(
        ("query", {"query": query})
        for query in ("a=b", 5, [1], [("a",)], [("a", "b", "c")], {"a": None}, {"a": 1.5}, {1: object()},
                      {"a": "\ud800"}, {"a\x00": "b"}, {"a": True}, [("a", b"b")], {"a": ["b"]})
    ),
    *(
        ("headers", {"headers": headers})
        for headers in ("a", 5, [("a", "b")], {"a": None}, {"a b": "c"}, {"": "c"}, {"a:": "c"}, {"a": "b\r\nc: d"},
                        {"a": "b\nc"}, {"a": "b\x00"}, {"a": "\ud800"}, {"ä": "b"}, {b"a": "b"}, {"a": b"b"},
                        {"a": ["b"]}, {"a\n": "b"}, {"a": "\x7f"}, {5: object()})
    ),
    *(
        ("json", {"json": value})
        for value in (object(), {1, object()}, "\ud800", {"a": "\udfff"}, recursive(), {object(): 1}, Travis,
                      {"a": [lambda: 1]}, 1j)
    ),
    *(("body", {"body": body}) for body in ("x", 5, ["x"], {"a": 1}, bytearray(b"x"))),
    ("body", {"body": b"x", "json": 1}),
    *(("accept", {"accept": accept}) for accept in ("", " ", "a\r\nb", "\ud800", "ä", 5, b"text/plain")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("argument", "odd"), REQUESTS, ids=[f"{name}-{place}" for place, (name, _) in enumerate(REQUESTS)]
)
async def test_an_odd_request_is_refused_by_the_name_of_its_argument(argument: str, odd: dict[str, Any]) -> None:
    async with Travis(TOKEN, endpoint="http://127.0.0.1:1") as travis:
        with pytest.raises(errors.UsageError) as info:
            await cast("Any", travis).request(**{"method": "GET", "path": "/x", **odd})
    assert info.value.argument == argument
    assert info.value.__context__ is None


async def test_good_requests_of_all_forms_are_sent() -> None:
    async with Travis(TOKEN, endpoint="http://127.0.0.1:1", attempts=1) as travis:
        for arguments in (
            {"path": "/repo/a%2Fb/x.y/..z"},
            {"path": "/ünï"},
            {"query": {"limit": 5, "a": ""}},
            {"query": [("ids[]", "1"), ["ids[]", "2"]]},
            {"query": iter([("a", "ü")])},
            {"headers": {"X-Any": "\tä b", "Travis-API-Version": 3}},
            {"json": {"a": [None, 1.5, "ü"]}},
            {"json": None},
            {"body": b"\x00"},
            {"accept": "text/plain"},
            {"method": "patch"},
        ):
            with pytest.raises(errors.RequestError, match="no connection"):
                await cast("Any", travis).request(
                    **{"method": "GET", "path": "/x", **cast("dict[str, Any]", arguments)}
                )


ENDPOINTS: list[Any] = [
    None, 5, True, b"https://host", "", " ", "host", "//host", "ftp://host", "https:/host", "https:host", "https://",
    "https:///x", "https://:443", "https://host:port", "https://host:0", "https://host:99999", "https://host:-1",
    "https://user:s3cr3t@host", "https://s3cr3t@host", "https://@host", "https://host?a=s3cr3t", "https://host/?", "https://host/#",
    "https://host#s3cr3t", "https://ho st", "https://ho\nst", "https://host\x00", "https://\x00", "https://host/\x00",
    "https://\ud800", "https://host/\udfff", "https://[::1", "https://::1", "https://[::1]x", "https://[x]", "https://ho%73t",
    "https://host\\@evil", "https://host\\x", "https://<host>", "https://a..b/../x", "https://host/..", "https://host/a/../b",
    "https://host/%2e%2e", "https://host/a b", "https://host/%", "https://host/%zz", "https://host\u202e", "https://ho\u200bst",
    "https://host:s3cr3t", "javascript:alert(1)", "file:///etc/passwd", "https://host|x", "https://{host}", 'https://"host"',
    "wss://host", "https://host\x1b[2J", "https://ho\tst",
]  # fmt: skip


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=ascii)
def test_an_odd_endpoint_is_refused_and_not_quoted(endpoint: Any) -> None:
    with pytest.raises(errors.UsageError, match=r"^endpoint ") as info:
        Travis(TOKEN, endpoint=endpoint)
    assert info.value.argument == "endpoint"
    assert info.value.__context__ is None
    assert str(info.value).isprintable()
    assert "s3cr3t" not in str(info.value)


@pytest.mark.parametrize(
    ("spelling", "usual"),
    [
        ("https://API.Travis-CI.com", "https://api.travis-ci.com"),
        ("HTTPS://api.travis-ci.com", "https://api.travis-ci.com"),
        ("https://api.travis-ci.com:443", "https://api.travis-ci.com"),
        ("https://api.travis-ci.com/", "https://api.travis-ci.com"),
        ("https://api.travis-ci.com.", "https://api.travis-ci.com"),
        ("https://api.travis-ci.com:443///", "https://api.travis-ci.com"),
        ("https://API.travis-ci.com.:0443/", "https://api.travis-ci.com"),
        ("http://Travis.Example.org:80/API/", "http://travis.example.org/API"),
        ("http://travis.example.org:443", "http://travis.example.org:443"),
        ("https://travis.example.org:8443/api", "https://travis.example.org:8443/api"),
        ("http://[::1]:80/", "http://[::1]"),
        ("http://[FE80::A]:3000", "http://[fe80::a]:3000"),
        ("https://bücher.example", "https://bücher.example"),
        ("http://a_b", "http://a_b"),
        (" https://api.travis-ci.com/\r\n", "https://api.travis-ci.com"),
    ],
)
def test_an_endpoint_has_one_spelling_and_its_identity_one_limiter(spelling: str, usual: str) -> None:
    one, other = Travis(TOKEN, endpoint=spelling), Travis(TOKEN, endpoint=usual)
    assert one.endpoint == other.endpoint == usual
    limiter, same = one._transport.limiter, other._transport.limiter
    assert isinstance(limiter, MemoryLimiter)
    assert isinstance(same, MemoryLimiter)
    assert limiter.shared is same.shared


TOKENS: list[Any] = [
    "", " ", "with space", '"quoted"', "'q'", "new\nline", "\n", "ta\tb", "schlüssel", "\ud800", "nul\x00",
    "\x1b[2J", "\x7f", 7, True, b"token", ["token"], object,
]  # fmt: skip


@pytest.mark.parametrize("token", TOKENS, ids=ascii)
def test_an_odd_token_is_refused_and_not_quoted(token: Any) -> None:
    with pytest.raises(errors.UsageError, match=r"^token ") as info:
        Travis(token)
    assert info.value.argument == "token"
    assert not isinstance(token, str) or not token.strip() or token not in str(info.value)


@pytest.mark.parametrize("margin", ["\n", "\r\n", " ", "\t"])
async def test_the_newline_after_a_token_is_not_sent(server: TravisServer, margin: str) -> None:
    async with Travis(f"{margin}{TOKEN}{margin}", endpoint=f"{server.endpoint}{margin}") as travis:
        await travis.users.me()
        await travis.with_options(token=f"{TOKEN}{margin}").users.me()


NO_SWITCHES: list[object] = ["no", 0, []]

SETTINGS: list[dict[str, Any]] = [
    *({"user_agent": value} for value in ("", " ", "ä", "a\r\nb", "\ud800", 5, b"x")),
    *({"connect_timeout": value} for value in (0, -1, None, "3", True, 10**400, math.nan)),
    *({"read_timeout": value} for value in (0, -1, None, "3", True, 10**5000, math.inf)),
    *({"max_response": value} for value in (0, -1, None, "3", True, 1.5)),
    *({"attempts": value} for value in (0, -1, None, "3", True, 1.5)),
    *({"restart_patience": value} for value in (-1, None, "3", True, math.nan)),
    *({"log_patience": value} for value in (-1, None, "3", True, math.nan)),
    *({"strict": value} for value in ("no", 0, None)),
    *({"trust_env": value} for value in ("no", 0, None)),
    *({"rate_limits": value} for value in NO_SWITCHES),
    *({"ssl": value} for value in ("no", 0, None, object())),
    *({"session": value} for value in ("no", 0, object(), aiohttp.ClientSession)),
    *({"live": value} for value in ("no", 0, object(), LiveOptions)),
    *({"trace_configs": value} for value in ("no", 0, None, object(), [object()], [aiohttp.TraceConfig])),
    *({"middlewares": value} for value in ("no", 0, None, object(), [object()], ["x"])),
]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: next(iter(setting)))
def test_an_odd_setting_is_refused_by_its_name(setting: dict[str, Any]) -> None:
    (name,) = setting
    with pytest.raises(errors.UsageError, match=name) as info:
        Travis(endpoint="http://localhost", **setting)
    assert info.value.argument == name


@pytest.mark.parametrize("folder", [None, "", " ", "a\x00b", "\ud800", 5, b"x", ["x"]])
async def test_a_folder_is_a_path(folder: object) -> None:
    await refused("logs.download", "folder", folder)


FLOWS: list[tuple[str, str, dict[str, Any]]] = [
    *(("wait_for_build", "build", {"build": value}) for value in (True, "1", 10**5000, None, "\ud800")),
    *(("wait_for_job", "job", {"job": value}) for value in (True, "1", 10**5000, None, "\ud800")),
    *(("follow_log", "job", {"job": value}) for value in (True, "1", 10**5000, None, "\ud800")),
    *(("follow_log", "after", {"job": 1, "after": value}) for value in (True, "1", 10**5000, Build(id=1), Job(id=2))),
    *(
        ("wait_for_commit", "sha", {"repo": 1, "sha": value})
        for value in (None, "", "xyz", "\ud800", 10**5000, b"a" * 40)
    ),
    *(("wait_for_commit", "branch", {"repo": 1, "sha": SHA, "branch": value}) for value in ("", "\ud800", 5, "a\x00")),
    *(
        ("wait_for_commit", "event_type", {"repo": 1, "sha": SHA, "event_type": value})
        for value in ("x", 5, object(), "\ud800")
    ),
    *(("sign_in", "login", {"login": value, "password": "p"}) for value in (None, "", "a:b", "\ud800", 5)),
    *(("sign_in", "password", {"login": "l", "password": value}) for value in (None, "", "\ud800", 5, "a\x00")),
    *(("sign_in", "note", {"login": "l", "password": "p", "note": value}) for value in (None, "", "\ud800", 5)),
]


@pytest.mark.parametrize(
    ("flow", "argument", "odd"), FLOWS, ids=[f"{flow}-{name}-{n}" for n, (flow, name, _) in enumerate(FLOWS)]
)
async def test_an_odd_argument_of_a_flow_is_refused_by_name(flow: str, argument: str, odd: dict[str, Any]) -> None:
    async with Travis(TOKEN, endpoint="http://127.0.0.1:1", attempts=1) as travis:
        with pytest.raises(errors.UsageError) as info, anyio.fail_after(5):
            await run(getattr(travis, flow), **odd)
    assert info.value.argument == argument
