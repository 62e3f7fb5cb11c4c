"""Proxies: from an argument, a session, the environment; and netrc files, which nobody reads."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import anyio
import pytest
from yarl import URL

from aiotravis import Travis, errors
from aiotravis._network.proxies import display_proxy, environment_proxy, proxy_secrets, validate_proxy
from aiotravis.live.protocol import Address
from aiotravis.testing import TravisServer
from tests.conftest import TOKEN
from tests.rest_faults.asking import JSON, kept, moved, told
from tests.wire import Answer, framed, wire

VARIABLES = [f"{name}_proxy" for name in ("http", "https", "ws", "wss", "all", "no")]

Environment = Callable[..., None]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Environment:
    """Return a function that sets variables; begin without proxies and without a netrc file."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("REQUEST_METHOD", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))

    def set_variables(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_variables


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({}, "https://api.travis-ci.com/x", None),
        ({"https_proxy": "http://p:1"}, "https://api.travis-ci.com/x", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1"}, "https://api.travis-ci.com/x", "http://p:1"),
        ({"https_proxy": "http://p:1"}, "http://api.travis-ci.com/x", None),
        ({"http_proxy": "http://p:1"}, "http://host/x", "http://p:1"),
        ({"https_proxy": "http://p:1"}, "wss://ws.pusherapp.com/app/key", "http://p:1"),
        ({"http_proxy": "http://p:1"}, "ws://host/app/key", "http://p:1"),
        ({"http_proxy": "http://p:1"}, "wss://host/app/key", None),
        ({"https_proxy": "p:3128"}, "https://host", "http://p:3128"),
        ({"https_proxy": "https://user:pa%40ss@p"}, "https://host", "https://user:pa%40ss@p"),
        ({"https_proxy": ""}, "https://host", None),
        ({"https_proxy": " http://p:1\n"}, "https://host", "http://p:1"),
        ({"https_proxy": "http://p:1", "no_proxy": "host"}, "https://host", None),
        ({"https_proxy": "http://p:1", "no_proxy": "*"}, "https://host", None),
        ({"https_proxy": "http://p:1", "no_proxy": ".example.org"}, "https://api.example.org", None),
        ({"https_proxy": "http://p:1", "NO_PROXY": "other, example.org"}, "wss://api.example.org/x", None),
        ({"https_proxy": "http://p:1", "no_proxy": "host:8443"}, "https://host:8443", None),
        ({"https_proxy": "http://p:1", "no_proxy": "host:443"}, "https://host", None),
        ({"https_proxy": "http://p:1", "no_proxy": "host:8443"}, "https://host", "http://p:1"),
        ({"http_proxy": "http://p:1", "no_proxy": "::1"}, "http://[::1]:80/", None),
        ({"http_proxy": "http://p:1", "no_proxy": "127.0.0.1"}, "http://127.0.0.1:9/", None),
        # A CGI program's Proxy header is no proxy.
        ({"HTTP_PROXY": "http://p:1", "REQUEST_METHOD": "GET"}, "http://host", None),
    ],
)
def test_the_environment_names_a_proxy(
    environment: Environment, variables: dict[str, str], url: str, proxy: str | None
) -> None:
    environment(**variables)
    assert environment_proxy(url) == proxy


ODD = [
    "", " ", "proxy:3128", "proxy", "//proxy:3128", "socks5://proxy:1080", "ftp://proxy", "http://", "http:///x",
    "http://proxy:port", "http://proxy:0", "http://proxy:99999", "http://pro xy", "http://pro\nxy", "http://[::1",
    "http://proxy\x00", "http://\ud800", "http://pröxy<>", 5, True, b"http://proxy", ["http://proxy"],
]  # fmt: skip


@pytest.mark.parametrize("proxy", ODD, ids=repr)
def test_what_is_no_proxy_is_refused_at_construction_and_not_quoted(proxy: Any) -> None:
    with pytest.raises(errors.UsageError, match=r"proxy must be the URL of an HTTP proxy") as info:
        Travis(proxy=proxy)
    assert info.value.argument == "proxy"
    secret = "".join(reversed("terc3s"))
    for url in (f"sarah:{secret}@proxy:3128", f"ftp://sarah:{secret}@proxy", f"http://proxy:{secret}"):
        with pytest.raises(errors.UsageError) as info:
            Travis(proxy=url)
        assert secret not in told(info.value)


@pytest.mark.parametrize("proxy", ["http://p", "https://p:1", "http://a:b@p:1", "http://[::1]:3128", "HTTP://P"])
def test_a_proxy_is_the_url_of_one(proxy: str) -> None:
    assert validate_proxy(proxy, "proxy") == proxy
    assert validate_proxy(None, "proxy") is None
    assert validate_proxy(URL("http://p:1"), "proxy") == "http://p:1"
    assert validate_proxy(f" {proxy}\n", "proxy") == proxy


@pytest.mark.parametrize("proxy", ["socks5://sarah:s3cret@p:1", "http://", "ftp://p", "http://p:x", "http://p:0"])
async def test_a_variable_that_is_no_proxy_is_named(environment: Environment, proxy: str) -> None:
    environment(https_proxy=proxy, http_proxy=proxy)
    async with Travis(endpoint="https://api.example.org", trust_env=True, attempts=1) as travis:
        with pytest.raises(errors.UsageError, match="https_proxy in the environment") as info:
            await travis.config.get()
    assert info.value.argument == "trust_env"
    assert "s3cret" not in told(info.value)


def test_a_proxy_is_shown_without_its_credentials() -> None:
    assert display_proxy("http://sarah:s3cret@p:1/x") == "http://p:1"
    assert proxy_secrets("http://sarah:s3%40cret@p:1") == ("s3@cret",)
    assert proxy_secrets("http://only-a-token@p") == ("only-a-token",)
    assert proxy_secrets("http://p") == ()


async def live_request(travis: Travis, *, tls: bool) -> None:
    """Try to open the live channel of a host that does not exist."""
    address = Address(key="key", host="live.invalid", port=443 if tls else 80, path="", tls=tls)
    with pytest.raises(OSError, match=r"live\.invalid"), anyio.fail_after(5):
        await travis._hub._connector.connect(address)


REFUSAL = kept(framed(b"no", status="502 No"))


@pytest.mark.parametrize("given", ["argument", "environment", "session"])
async def test_rest_and_the_live_channel_use_the_same_proxy(environment: Environment, given: str) -> None:
    async with wire(REFUSAL) as proxy:
        url = proxy.endpoint.replace("//", "//sarah:s3cret@")
        choices: dict[str, dict[str, Any]] = {"argument": {"proxy": url}, "environment": {"trust_env": True}}
        options = choices.get(given, {})
        if given == "environment":
            environment(http_proxy=url, https_proxy=url)
        session = aiohttp.ClientSession(proxy=url) if given == "session" else None
        async with Travis(TOKEN, endpoint="https://api.invalid", attempts=1, session=session, **options) as travis:
            with pytest.raises(errors.RequestError, match=f"the proxy {proxy.endpoint}: it refuses to connect"):
                await travis.config.get()
            for tls in (True, False):
                await live_request(travis, tls=tls)
        if session is not None:
            await session.close()
    lines = [head.partition(b"\r\n")[0].split(b"?")[0] for head in proxy.heads]
    assert lines == [
        b"CONNECT api.invalid:443 HTTP/1.1",
        b"CONNECT live.invalid:443 HTTP/1.1",
        b"GET http://live.invalid/app/key",
    ]
    basic = b"Proxy-Authorization: Basic " + base64.b64encode(b"sarah:s3cret")
    assert all(basic in head for head in proxy.heads)
    assert not any(TOKEN.encode() in head for head in proxy.heads)


async def test_a_session_of_ones_own_that_trusts_the_environment_lends_its_proxy(environment: Environment) -> None:
    async with wire(REFUSAL) as proxy:
        environment(http_proxy=proxy.endpoint, https_proxy=proxy.endpoint)
        async with (
            aiohttp.ClientSession(trust_env=True) as session,
            Travis(TOKEN, endpoint="https://api.invalid", session=session, attempts=1) as travis,
        ):
            with pytest.raises(errors.RequestError, match="the proxy"):
                await travis.config.get()
            await live_request(travis, tls=True)
    assert len(proxy.heads) == 2


async def test_no_proxy_holds_for_rest_and_the_live_channel(environment: Environment, server: TravisServer) -> None:
    environment(http_proxy="http://127.0.0.1:1", no_proxy="127.0.0.1")
    async with Travis(TOKEN, endpoint=server.endpoint, trust_env=True) as travis:
        assert (await travis.config.get()).host == "travis-ci.org"
        async with travis.events(channels=["repo-1"]):
            assert travis.live.state == "connected"


async def test_without_trust_env_the_environment_is_not_read(environment: Environment, server: TravisServer) -> None:
    environment(http_proxy="http://127.0.0.1:1", https_proxy="no proxy at all")
    async with Travis(TOKEN, endpoint=server.endpoint) as travis:
        assert (await travis.config.get()).host == "travis-ci.org"


async def test_a_redirect_elsewhere_goes_through_the_proxy(environment: Environment) -> None:
    log = kept(framed(b"the log", kind="text/plain"))
    async with wire(lambda head: log if b"archive.invalid" in head else moved("http://archive.invalid/7")) as proxy:
        environment(http_proxy=proxy.endpoint)
        async with Travis(TOKEN, endpoint="http://api.invalid", trust_env=True) as travis:
            assert await travis.logs.text(7) == "the log"
    assert [head.split()[1] for head in proxy.heads] == [b"http://api.invalid/jobs/7/log", b"http://archive.invalid/7"]


# netrc ----------------------------------------------------------------------------------------------------------------

NETRC = "machine {host} login sarah password s3cret\n"


@pytest.fixture
def netrc(environment: Environment, tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that writes the netrc file of the environment."""

    def write(text: str) -> Path:
        file = tmp_path / "netrc"
        file.write_text(text)
        file.chmod(0o600)
        environment(NETRC=str(file))
        return file

    return write


@pytest.mark.parametrize("token", [TOKEN, None])
@pytest.mark.parametrize("text", [NETRC, "default login sarah password s3cret\n"])
async def test_our_own_session_never_reads_netrc(netrc: Callable[[str], Path], text: str, token: str | None) -> None:
    netrc(text.format(host="127.0.0.1"))
    archive = kept(framed(b"the log", kind="text/plain"))

    def answer(head: bytes) -> Answer:
        return moved(away.endpoint) if b"log" in head else kept(framed(JSON))

    async with (
        wire(archive) as away,
        wire(answer) as server,
        Travis(token, endpoint=server.endpoint, trust_env=True) as travis,
    ):
        assert (await travis.config.get()).host == "travis-ci.org"
        assert await travis.logs.text(7) == "the log"
        address = Address(key="key", host="127.0.0.1", port=URL(away.endpoint).port or 0, path="", tls=False)
        with pytest.raises(ConnectionError):
            await travis._hub._connector.connect(address)
    for head in (*server.heads, *away.heads):
        assert b"Basic" not in head
    assert len(away.heads) == 2


@pytest.mark.parametrize(
    "text",
    [
        NETRC,
        "default login sarah password s3cret\n",
        "machine other login a password b\nmachine {host} login sarah password s3cret\n",
        "machine {host} login only\n",
    ],
)
async def test_a_session_that_would_send_a_login_of_netrc_is_refused(netrc: Callable[[str], Path], text: str) -> None:
    file = netrc(text.format(host="api.travis-ci.com"))
    async with aiohttp.ClientSession(trust_env=True) as session:
        with pytest.raises(errors.UsageError, match="would send a login from") as info:
            Travis(TOKEN, session=session)
    assert info.value.argument == "session"
    assert str(file) in str(info.value)
    assert "s3cret" not in told(info.value)


@pytest.mark.parametrize(
    "text", ["", "machine other login a password b\n", "no netrc at all {{", "machine", "\x00\xff"]
)
async def test_a_session_that_finds_no_login_in_netrc_is_accepted(netrc: Callable[[str], Path], text: str) -> None:
    netrc(text)
    async with aiohttp.ClientSession(trust_env=True) as session:
        Travis(TOKEN, session=session)
    netrc(NETRC.format(host="api.travis-ci.com"))
    async with aiohttp.ClientSession() as session:
        Travis(TOKEN, session=session)


async def test_a_netrc_file_at_home_counts_and_an_odd_path_does_not(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text(NETRC.format(host="api.travis-ci.com"))
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    async with aiohttp.ClientSession(trust_env=True) as session:
        Travis(TOKEN, session=session)
        monkeypatch.delenv("NETRC")
        with pytest.raises(errors.UsageError, match="netrc"):
            Travis(TOKEN, session=session)
        monkeypatch.setenv("NETRC", "\udcff" * 5000)
        Travis(TOKEN, session=session)
