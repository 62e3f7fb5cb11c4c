"""``repos``, ``open``."""

import json
import webbrowser

import pytest

from aiotravis import COM, ORG
from tests.cli.conftest import SLUG, Run, Travis
from tests.cli.standard_input import sent, terminal_screen

R = ("-r", SLUG)


@pytest.fixture
def many(travis: Travis) -> None:
    def make() -> None:
        sarah = next(iter(travis.server.world.users.values()))
        for slug in ("travis-ci/Zed", "sinatra/sinatra", "sarah/travis.rb"):
            travis.server.world.repository(slug, users=[sarah])
        travis.server.world.repository("sarah/travis.rb").active = False

    travis.run(make)


ALL = ["sarah/travis.rb", "sinatra/sinatra", "travis-ci/travis.rb", "travis-ci/Zed"]


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    ("arguments", "slugs"),
    [
        ((), ALL),
        (("-m", "travis-ci/*"), ALL[2:]),
        (("-m", "*TRAVIS.rb"), [ALL[0], ALL[2]]),
        (("-o", "Travis-CI", "-n", "zed"), ALL[3:]),
        (("-n", "travis.?b"), [ALL[0], ALL[2]]),
        (("--active",), ALL[1:]),
        (("-A",), ALL[:1]),
        (("-D",), []),
        (("-o", "travis"), []),
    ],
)
def test_repos_prints_slugs_that_fit_with_one_request(
    travis: Travis, run: Run, arguments: tuple[str, ...], slugs: list[str]
) -> None:
    ended = run("repos", *arguments)
    assert (ended.code, ended.out.splitlines()) == (0, slugs)
    assert ended.err == ("" if slugs else "aiotravis: no repositories like that\n")
    assert sent(travis) == ["GET /hooks?all=true"]


@pytest.mark.usefixtures("many")
def test_repos_prints_json_lines(travis: Travis, run: Run) -> None:
    records = [json.loads(line) for line in run("repos", "--json", "-d").out.splitlines()]
    assert [f"{record['owner_name']}/{record['name']}" for record in records] == ALL
    assert sent(travis) == ["GET /hooks"], "only those with admin rights"


@pytest.mark.parametrize(
    ("endpoint", "page"),
    [(COM, f"https://app.travis-ci.com/github/{SLUG}"), (ORG, f"https://travis-ci.org/{SLUG}")],
)
def test_open_prints_the_page_of_a_repository_without_a_request(
    travis: Travis, run: Run, endpoint: str, page: str
) -> None:
    assert run("open", "-p", "-q", "-e", endpoint, *R) == (0, f"{page}\n", "")
    assert run("open", "-p", "-g", "-q", *R) == (0, f"https://github.com/{SLUG}\n", "")
    assert json.loads(run("open", "--json", "-e", endpoint, *R).out) == {"url": page}
    assert not travis.server.requests


@pytest.mark.parametrize("travis", ["enterprise"], indirect=True)
def test_open_asks_an_enterprise_where_its_website_is(travis: Travis, run: Run) -> None:
    build = travis.run(lambda: travis.repository.build(jobs=2))
    site = f"https://travis.example.org/{SLUG}"
    assert run("open", "-p", *R).out == f"{site}\n"
    assert sent(travis) == ["GET /config"]
    assert run("open", "-p", "1", *R).out == f"{site}/builds/{build.id}\n"
    assert run("open", "-p", "1.2", *R).out == f"{site}/jobs/{build.jobs[1].id}\n"
    assert run("open", "-p", str(build.jobs[0].id), "-r", "some/other").out == f"{site}/jobs/{build.jobs[0].id}\n"
    assert run("open", "-p", str(build.id)).out == f"{site}/builds/{build.id}\n"
    assert run("open", "-p", "99", *R).code == 4


def test_open_shows_the_commits_of_a_build_on_github(travis: Travis, run: Run) -> None:
    build = travis.run(lambda: travis.repository.build())
    build.commit.compare_url = "https://github.com/x/compare/a...b"
    assert run("open", "-gp", "1", *R).out == "https://github.com/x/compare/a...b\n"
    for unsafe in ("javascript:alert(1)", "file:///etc/passwd", "", None):
        build.commit.compare_url = unsafe
        assert run("open", "-gp", "1", *R).out == f"https://github.com/{SLUG}\n"


def test_open_opens_the_browser(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def open_page(url: str) -> bool:
        opened.append(url)
        return True

    def refuse(_: str) -> bool:
        return False

    monkeypatch.setattr(webbrowser, "open", open_page)
    assert run("open", "-q", "-e", "com", *R) == (0, "", "")
    assert opened == [f"https://app.travis-ci.com/github/{SLUG}"]
    monkeypatch.setattr(webbrowser, "open", refuse)
    ended = run("open", "-e", "com", *R)
    assert (ended.code, ended.out) == (2, "")
    assert opened[0] in ended.err


def test_open_outside_of_a_clone_asks_for_the_repository(travis: Travis, run: Run) -> None:
    ended = run("open", "-p")
    assert (ended.code, ended.out) == (2, "")
    assert "pass -r owner/name" in ended.err
    assert not travis.server.requests


def test_a_terminal_shows_details(travis: Travis, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    travis.repository.description = "A\x1b[2J client"
    screen = terminal_screen(monkeypatch)
    run("repos")
    assert screen() == f"{SLUG} (active: yes, admin: yes, private: no)\nDescription: A client\n\n"
    screen = terminal_screen(monkeypatch)
    run("open", "-p", "-e", "com", *R)
    assert screen() == f"web view: https://app.travis-ci.com/github/{SLUG}\n"
