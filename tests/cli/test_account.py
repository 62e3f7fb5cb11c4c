"""``login``, ``logout``, ``whoami``, ``accounts``, ``token``, ``endpoint``."""

import json
import urllib.parse
import urllib.request
import webbrowser
from pathlib import Path

import pytest

from aiotravis import COM, ORG
from aiotravis._config_file import load_config
from aiotravis._config_writer import store_token
from tests.cli.conftest import TOKEN, Run, Travis
from tests.cli.standard_input import on_terminal, piped, sent, terminal_screen

MODES = pytest.mark.parametrize("travis", ["org", "com", "com-private", "enterprise"], indirect=True)


@pytest.fixture
def file(environment: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration file, where nobody is signed in yet."""
    monkeypatch.delenv("TRAVIS_TOKEN")
    return environment / ".travis" / "config.yml"


@MODES
def test_login_stores_a_given_token_after_asking_whose_it_is(
    travis: Travis, run: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    piped(monkeypatch, f"{TOKEN}\r\n")
    ended = run("login", "--token", "-")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == f"aiotravis: signed in to {travis.server.endpoint} as sarah; the token is in {file}\n"
    assert load_config(file).tokens == {travis.server.endpoint: TOKEN}
    assert sent(travis) == ["GET /users"]
    assert run("whoami").out == "sarah\n"
    assert run("token").out == f"{TOKEN}\n"


@MODES
def test_login_exchanges_a_github_token(travis: Travis, run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    piped(monkeypatch, f"github-{TOKEN}\n")
    assert run("login", "--github-token", "-").code == 0
    assert load_config(file).tokens == {travis.server.endpoint: TOKEN}
    assert sent(travis) == ["POST /auth/github", "GET /users"]
    assert "authorization" not in travis.server.requests[0].headers


@MODES
def test_login_with_the_browser_prints_the_address_and_stores_what_comes_back(
    travis: Travis, run: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def sign_in_at_travis(url: str) -> bool:
        opened.append(url)
        target = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["redirect_uri"][0]
        form = urllib.parse.urlencode({"token": TOKEN, "user": "{}", "storage": "localStorage"}).encode()
        urllib.request.urlopen(target, form).close()
        return True

    monkeypatch.setattr(webbrowser, "open", sign_in_at_travis)
    ended = run("login", "--browser")
    assert (ended.code, ended.out) == (0, "")
    assert f"sign in with a browser of this machine: {opened[0]}\n" in ended.err
    assert load_config(file).tokens == {travis.server.endpoint: TOKEN}
    on_terminal(monkeypatch)
    assert run("login").code == 0
    assert len(opened) == 2


def test_login_asks_nobody_without_a_terminal(
    travis: Travis, run: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    piped(monkeypatch, TOKEN)
    ended = run("login")
    assert (ended.code, ended.out) == (2, "")
    assert "--github-token -" in ended.err
    assert not travis.server.requests
    assert not file.exists()


def test_login_reads_a_github_token_unseen_on_a_terminal(
    travis: Travis, run: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = on_terminal(monkeypatch, f"github-{TOKEN}")
    assert run("login", "--github-token", "-").code == 0
    assert asked == ["The GitHub token"]


@pytest.mark.parametrize(
    "arguments",
    [("--browser", "--github-token", "x"), ("--browser", "-t", "x"), ("--github-token", "x", "--token", "y")],
)
def test_login_takes_one_way_at_a_time(travis: Travis, run: Run, file: Path, arguments: tuple[str, ...]) -> None:
    assert run("login", *arguments).code == 2
    assert not travis.server.requests


@pytest.mark.parametrize("content", ["", "\n", b"\xff\xfe", "a b\n", "x" * (1 << 21)], ids=range(5))
def test_an_odd_standard_input_is_no_token(
    travis: Travis, run: Run, file: Path, monkeypatch: pytest.MonkeyPatch, content: str | bytes
) -> None:
    piped(monkeypatch, content)
    ended = run("login", "--token", "-")
    assert (ended.code, ended.out) == (2, "")
    assert "xx" not in ended.err
    assert not travis.server.requests


REFUSED = {
    "a wrong token": ("unknown", 3, "Travis refuses this GitHub token: it is wrong, or its user never signed in"),
    "too few scopes": ("narrow-1", 3, "the GitHub token has too few scopes"),
    "GitHub's limit": ("unresolved-1", 3, "GitHub's own limit of requests may be reached"),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_login_tells_why_a_github_token_is_refused(travis: Travis, run: Run, file: Path, reason: str) -> None:
    token, code, message = REFUSED[reason]
    ended = run("login", "--github-token", token)
    assert ended.code == code
    assert message in ended.err
    assert not file.exists()


def test_login_tells_a_ban_and_its_end_from_a_bad_token(travis: Travis, run: Run, file: Path) -> None:
    travis.run(lambda: travis.server.faults.rest("/auth/github", method="POST").ban())
    ended = run("login", "--github-token", "x")
    assert ended.code == 75
    assert "banned this token or address" in ended.err
    assert "It should end at 20" in ended.err
    travis.run(travis.server.faults.clear)
    ended = run("login", "--token", "unknown")
    assert ended.code == 3
    assert "does not know this token" in ended.err
    assert f"site {travis.server.endpoint}, from TRAVIS_ENDPOINT; token from --token)\n" in ended.err
    assert not file.exists()


def test_login_sends_nothing_if_the_token_could_not_be_stored(travis: Travis, run: Run, file: Path) -> None:
    file.parent.mkdir()
    file.write_text("endpoints: [")
    ended = run("login", "--github-token", f"github-{TOKEN}")
    assert (ended.code, ended.out) == (2, "")
    assert "is not a YAML file" in ended.err
    assert not travis.server.requests
    assert file.read_text() == "endpoints: ["


def test_login_without_a_home_folder_says_what_to_set(
    travis: Travis, run: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_home(_: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", no_home)
    ended = run("login", "--token", TOKEN)
    assert ended.code == 2
    assert "TRAVIS_CONFIG_PATH" in ended.err


def test_login_says_what_comes_before_the_stored_token(
    travis: Travis, run: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAVIS_TOKEN", "another")
    assert "TRAVIS_TOKEN is set, and comes before the stored token" in run("login", "-t", TOKEN).err
    monkeypatch.delenv("TRAVIS_TOKEN")
    monkeypatch.delenv("TRAVIS_ENDPOINT")
    store_token(file, COM, "t-com")
    ended = run("login", "-t", TOKEN, "-e", travis.server.endpoint)
    assert f"without -e, commands use {COM}" in ended.err
    assert load_config(file).tokens == {travis.server.endpoint: TOKEN, COM: "t-com"}


def test_logout_removes_the_token_of_this_site_alone(
    travis: Travis, run: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_token(file, COM, "t-com")
    store_token(file, travis.server.endpoint, TOKEN)
    ended = run("logout")
    assert (ended.code, ended.out) == (0, "")
    assert f"the token for {travis.server.endpoint} is forgotten" in ended.err
    assert load_config(file).tokens == {COM: "t-com", travis.server.endpoint: None}
    assert "is stored" in run("logout").err
    assert not travis.server.requests, "other sessions of the token go on"
    monkeypatch.setenv("TRAVIS_TOKEN", TOKEN)
    assert "TRAVIS_TOKEN is still set" in run("logout").err


def test_logout_makes_no_file(run: Run, file: Path) -> None:
    assert run("logout").code == 0
    assert not file.parent.exists()


@MODES
def test_whoami_prints_the_login(travis: Travis, run: Run) -> None:
    assert run("whoami") == (0, "sarah\n", "")
    assert json.loads(run("whoami", "--json").out)["login"] == "sarah"


@pytest.mark.parametrize("command", ["whoami", "accounts", "token"])
def test_without_a_token_nothing_is_sent_and_login_is_named(travis: Travis, run: Run, file: Path, command: str) -> None:
    ended = run(command)
    assert (ended.code, ended.out) == (3, "")
    assert f"site {travis.server.endpoint}, from TRAVIS_ENDPOINT; no token: 'aiotravis login' stores one" in ended.err
    assert not travis.server.requests


def test_a_bad_token_is_told_with_the_site_that_was_asked(run: Run, travis: Travis) -> None:
    ended = run("whoami", "-t", "unknown")
    assert (ended.code, ended.out) == (3, "")
    assert travis.server.endpoint in ended.err
    assert "token from --token" in ended.err


@MODES
def test_accounts_prints_one_line_each(travis: Travis, run: Run) -> None:
    for user in travis.server.world.users.values():
        user.name = "Sarah\x1b[2J\nO'Connor"
    ended = run("accounts", "--all")
    status = "not subscribed, " if travis.server.mode.startswith("com") else ""
    assert f"sarah (Sarah O'Connor): {status}0 repositories\n" in ended.out
    assert "\x1b" not in ended.out
    logins = [json.loads(line)["login"] for line in run("accounts", "--all", "--json").out.splitlines()]
    assert logins == ["sarah", "travis-ci"]
    assert f"travis-ci (travis-ci): {status}1 repository\n" in ended.out
    assert sent(travis)[0] == "GET /accounts?all=true"


def test_token_prints_the_bare_token_and_its_site_elsewhere(travis: Travis, run: Run) -> None:
    ended = run("token")
    assert (ended.code, ended.out) == (0, f"{TOKEN}\n")
    assert ended.err == f"aiotravis: for {travis.server.endpoint}, from TRAVIS_TOKEN\n"
    assert json.loads(run("token", "--json").out) == {"endpoint": travis.server.endpoint, "token": TOKEN}
    assert not travis.server.requests


def test_endpoint_tells_which_site_and_why(
    travis: Travis, run: Run, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("endpoint").out == f"{travis.server.endpoint}\n"
    monkeypatch.delenv("TRAVIS_ENDPOINT")
    assert run("endpoint") == (0, f"{COM}\n", "aiotravis: from the default; token: none\n")
    assert run("endpoint", "--set", "org").code == 0
    assert run("endpoint").out == f"{ORG}\n"
    assert run("endpoint", "--json", "-e", "com").out == (
        f'{{"endpoint":"{COM}","source":"--endpoint","token_source":"none"}}\n'
    )
    assert load_config(file).default == ORG
    monkeypatch.setenv("TRAVIS_ENDPOINT", COM)
    assert "TRAVIS_ENDPOINT comes before it" in run("endpoint", "--set", "https://host/api").err
    refused = run("endpoint", "--set", "nonsense")
    assert refused.code == 2
    assert refused.err.startswith("aiotravis: --set must begin ")
    assert load_config(file).default == "https://host/api"
    assert not travis.server.requests


def test_no_command_but_token_prints_the_token(travis: Travis, run: Run, file: Path, process: Run) -> None:
    store_token(file, travis.server.endpoint, TOKEN)
    for command in (["whoami", "-v"], ["accounts", "-v"], ["endpoint", "-v"], ["login", "-t", TOKEN, "-v"], ["logout"]):
        ended = run(*command)
        assert ended.code == 0
        assert TOKEN not in ended.out + ended.err
    ended = process("login", "--token", "-", input=TOKEN)
    assert (ended.code, ended.out) == (0, "")
    assert TOKEN not in ended.err


def test_a_terminal_shows_sentences(travis: Travis, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for command, shown in {
        "whoami": "You are sarah (Sarah)\n",
        "token": f"Your access token is {TOKEN}\n",
        "endpoint": f"API endpoint: {travis.server.endpoint}\n",
    }.items():
        screen = terminal_screen(monkeypatch)
        assert run(command).code == 0
        assert screen() == shown
        screen = terminal_screen(monkeypatch, colors=True)
        assert run(command).code == 0
        assert "\x1b[1m" in screen()


def test_the_proxy_of_the_environment_is_used(travis: Travis, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", travis.server.endpoint)
    ended = run("whoami", "-e", "http://travis.example.org", "-t", TOKEN)
    assert (ended.code, ended.out) == (0, "sarah\n")
    assert travis.server.requests[0].headers["host"] == "travis.example.org"


def test_a_site_that_cannot_be_reached_over_tls_ends_with_69(travis: Travis, run: Run) -> None:
    ended = run("whoami", "-e", travis.server.endpoint.replace("http:", "https:"), "-t", TOKEN)
    assert (ended.code, ended.out) == (69, "")
    assert travis.server.endpoint.removeprefix("http://") in ended.err
