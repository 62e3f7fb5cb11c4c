"""Builds and jobs as people name them."""

import pytest

from aiotravis.cli._targets import Target, parse_target

PAGES = "https://app.travis-ci.com"


@pytest.mark.parametrize(
    ("text", "target"),
    [
        (None, Target()),
        (" ", Target()),
        ("784", Target(number=784)),
        ("#784", Target(number=784)),
        ("784.1", Target(number=784, job=1)),
        ("#784.12", Target(number=784, job=12)),
        (".2", Target(job=2)),
        ("main", Target(branch="main")),
        ("release/1.2", Target(branch="release/1.2")),
        ("1.2.3", Target(branch="1.2.3")),
        ("v784", Target(branch="v784")),
        ("-1", Target(branch="-1")),
        ("٣", Target(branch="٣")),
        ("9" * 30, Target(branch="9" * 30)),
        (f"{PAGES}/github/me/app/builds/123", Target(slug="me/app", build_id=123)),
        (f"{PAGES}/me/app/jobs/45#L12", Target(slug="me/app", job_id=45)),
        ("https://travis.example.org/me/app/builds/1?utm=x", Target(slug="me/app", build_id=1)),
        (f"{PAGES}/me/app", Target(branch=f"{PAGES}/me/app")),
    ],
)
def test_a_word_names_a_build_a_job_a_branch_or_a_page(text: str | None, target: Target) -> None:
    assert parse_target(text) == target
