"""Badges and feeds: section 3.22."""

from dataclasses import replace
from typing import Unpack
from xml.etree import ElementTree

from tests.conformance.scene import STRANGER, Scene
from tests.conformance.tables import (
    NOT_FOUND,
    NOTHING,
    V21,
    AnswerCheck,
    Before,
    Row,
    RowOptions,
    calls,
)
from tests.raw import Raw

SVG, PNG, XML, ATOM = "image/svg+xml", "image/png", "application/xml", "application/atom+xml"
ATOM_NAMES = {"a": "http://www.w3.org/2005/Atom"}


def badge_shows(result: str, kind: str = "svg") -> AnswerCheck:
    def right(answer: Raw, _: Scene) -> bool:
        begins = b"<svg" if kind == "svg" else b"\x89PNG\r\n\x1a\n"
        named = answer.headers["content-disposition"] == f'inline; filename="{result}.{kind}"'
        return named and answer.body.startswith(begins)

    return right


def badge(path: str, result: str, picture: str = "svg", **more: Unpack[RowOptions]) -> Row:
    kind = SVG if picture == "svg" else PNG
    return replace(Row(200, path, None, kind, token=None, answer_is=badge_shows(result, picture)), **more)


def ended(state: str) -> Before:
    return lambda found: found.repo.build().start().finish(state)


def projects(*expected: tuple[str, str, str]) -> AnswerCheck:
    """Return a check of the projects: name, activity, status of the last build."""

    def right(answer: Raw, _: Scene) -> bool:
        root = ElementTree.fromstring(answer.body)
        told = [(one.get("name"), one.get("activity"), one.get("lastBuildStatus")) for one in root.iter("Project")]
        return root.tag == "Projects" and told == list(expected)

    return right


def tray(path: str, *expected: tuple[str, str, str], **more: Unpack[RowOptions]) -> Row:
    return replace(Row(200, path, None, XML, token=None, answer_is=projects(*expected)), **more)


def entries(*expected: str) -> AnswerCheck:
    def right(answer: Raw, _: Scene) -> bool:
        titles = ElementTree.fromstring(answer.body).findall("a:entry/a:title", ATOM_NAMES)
        return [str(title.text).split("#")[1].split()[0] for title in titles] == list(expected)

    return right


def others(found: Scene) -> None:
    """Add a failed pull request and a running build."""
    found.repo.build(event_type="pull_request").start().finish("failed")
    found.repo.build().start()


RB, SECRET = "travis-ci/travis.rb", "josh/secret"
ID_TRAY, SLUG_TRAY = "/repos/{repo}/cc.xml", "/repos/{slug}/cc.xml"

ROWS: dict[str, Row] = {
    "3.22 GET /repos/{owner}/{name}.svg": badge("/repos/{slug}.svg", "passing"),
    "3.22 GET /repos/{owner}/{name}.png": badge("/repos/{slug}.png", "passing", "png"),
    "3.22 GET /{owner}/{name}.svg": badge("/{slug}.svg", "passing"),
    "3.22 GET /{owner}/{name}.png": badge("/{slug}.png", "passing", "png"),
    "3.22 whatever is accepted": badge("/{slug}.svg", "passing", accept="application/json"),
    "3.22 failing": badge("/{slug}.svg", "failing", before=ended("failed")),
    "3.22 error": badge("/{slug}.svg", "error", before=ended("errored")),
    "3.22 canceled": badge("/{slug}.svg", "canceled", before=ended("canceled")),
    "3.22 unknown": badge("/sarah/notes.svg", "unknown"),
    "3.22 an unknown repository": badge("/no/such.png", "unknown", "png"),
    "3.22 a hidden repository": badge("/repos/josh/secret.svg", "unknown", mode="com"),
    "3.22 a hidden repository, with its user's token": badge(
        "/repos/josh/secret.svg?token=rss-token-of-josh", "passing", mode="com",
    ),
    "3.22 a hidden repository, with its user's API token": badge(
        "/repos/josh/secret.svg", "passing", mode="com", token=STRANGER,
    ),
    "3.22 a hidden repository, with another's token": badge(
        "/repos/josh/secret.svg?token={rss}", "unknown", mode="com-private",
    ),
    "3.22 branch": badge("/{slug}.svg?branch=master", "passing", before=others),
    "3.22 branch that has none": badge("/{slug}.svg?branch=gone", "unknown"),
    "3.22 branch=a,b": badge(
        "/{slug}.svg?branch=a,b", "failing", before=lambda found: found.repo.build(branch="b").start().finish("failed"),
    ),
    "3.22 only finished push, api or cron builds count": badge("/{slug}.svg", "passing", before=others),
    "3.22 api builds count": badge(
        "/{slug}.svg", "failing", before=lambda found: found.repo.build(event_type="api").start().finish("failed"),
    ),
    "3.22 cron builds count": badge(
        "/{slug}.svg", "failing", before=lambda found: found.repo.build(event_type="cron").start().finish("failed"),
    ),
    "3.22 a badge, nobody, com": badge("/{slug}.svg", "passing", mode="com"),
    "3.22 a badge, nobody, private mode": Row(401, "/{slug}.svg", NOTHING, token=None, mode="com-private"),
    "3.22 GET /repos/{id}/cc.xml": tray(ID_TRAY, (RB, "Sleeping", "Success")),
    "3.22 GET /repos/{owner}/{name}/cc.xml": tray(SLUG_TRAY, (RB, "Sleeping", "Success")),
    "3.22 GET /repos/{owner}.xml": tray(
        "/repos/travis-ci.xml", (RB, "Sleeping", "Success"), ("travis-ci/other", "Sleeping", "Unknown"),
        before=lambda found: found.server.world.repository("travis-ci/other"),
    ),
    "3.22 GET /repos/{owner}.xml of nobody": tray("/repos/nobody.xml"),
    "3.22 Building": tray(ID_TRAY, (RB, "Building", "Unknown"), before=lambda found: found.repo.build().start()),
    "3.22 Unknown": tray("/repos/{notes}/cc.xml", ("sarah/notes", "Sleeping", "Unknown")),
    "3.22 Failure": tray(ID_TRAY, (RB, "Sleeping", "Failure"), before=ended("failed")),
    "3.22 Error": tray(ID_TRAY, (RB, "Sleeping", "Error"), before=ended("errored")),
    "3.22 Canceled": tray(ID_TRAY, (RB, "Sleeping", "Canceled"), before=ended("canceled")),
    "3.22 cc.xml of an unknown repository": Row(404, "/repos/9/cc.xml", NOT_FOUND, token=None),
    "3.22 cc.xml of a hidden repository": Row(404, "/repos/{secret}/cc.xml", NOT_FOUND, token=None, mode="com"),
    "3.22 cc.xml of a hidden repository, with its user's token": tray(
        "/repos/{secret}/cc.xml?token=rss-token-of-josh", (SECRET, "Sleeping", "Success"), mode="com-private",
    ),
    "3.22 cc.xml, nobody, private mode": Row(401, ID_TRAY, NOTHING, token=None, mode="com-private"),
    "3.22 GET /repos/{owner}/{name}/builds.atom": Row(
        200, "/repos/{slug}/builds.atom", None, ATOM, token=None, answer_is=entries("4", "3", "2", "1"),
    ),
    "3.22 builds.atom that is empty": Row(406, "/repos/sarah/notes/builds.atom", NOTHING, token=None),
    "3.22 builds.atom of an unknown repository": Row(406, "/repos/no/such/builds.atom", NOTHING, token=None),
    "3.22 builds.atom of a hidden repository": Row(
        406, "/repos/josh/secret/builds.atom", NOTHING, token=None, mode="com",
    ),
    "3.22 builds.atom of a hidden repository, with its user's token": Row(
        200, "/repos/josh/secret/builds.atom?token=rss-token-of-josh", None, ATOM, token=None, mode="com",
        answer_is=entries("1"),
    ),
    "3.22 builds.atom, nobody, private mode": Row(
        401, "/repos/{slug}/builds.atom", NOTHING, token=None, mode="com-private", accept=V21,
    ),
}  # fmt: skip

test_a_request_has_the_answer_of_travis = calls(ROWS)
