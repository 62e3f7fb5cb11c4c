"""Lint, configuration and system routes: sections 3.19 and 3.20 of the facts."""

from aiotravis.testing import Switches
from tests.conformance.tables import (
    JSON,
    NOTHING,
    SORRY,
    V21,
    Check,
    Entity,
    Place,
    Row,
    calls,
    equals,
    fields,
    keys,
)
from tests.raw import V2

UNPARSABLE = b'{"error":"Failed to parse body as JSON"}'
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
YAML = {"Content-Type": "text/yaml"}
FINE = equals({"lint": {"warnings": []}})


def config(name: str, expected: object) -> Check:
    return lambda body: body["config"][name] == expected


def is_warned(body: dict[str, dict[str, list[dict[str, object]]]]) -> bool:
    (warning,) = body["lint"]["warnings"]
    return warning["key"] == [] and str(warning["message"]).startswith("[warn] on root: ")


def levels(*expected: str) -> Check:
    return lambda body: [one["message"].partition(" ")[0] for one in body["lint"]["warnings"]] == list(expected)


ROWS: dict[str, Row] = {
    "3.19 POST /lint": Row(200, "/lint", FINE, method="POST", token=None, json={"content": "language: ruby"}),
    "3.19 POST /lint, form": Row(
        200, "/lint", FINE, method="POST", token=None, headers=FORM, data=b"content=language:+ruby",
    ),
    "3.19 PUT /lint": Row(200, "/lint", FINE, method="PUT", token=None, headers=YAML, data=b"language: ruby"),
    "3.19 key is [], and the message says where": Row(
        200, "/lint", is_warned, method="PUT", headers=YAML, data=b"language: c\nscripts: a",
    ),
    "3.19 info is dropped": Row(200, "/lint", FINE, method="PUT", headers=YAML, data=b"script: a"),
    "3.19 info is dropped beside a warning": Row(
        200, "/lint", levels("[warn]"), method="PUT", headers=YAML, data=b"scripts: a",
    ),
    "3.19 error and warn are shown": Row(
        200, "/lint", levels("[error]", "[warn]"), method="PUT", headers=YAML, data=b"scripts:\n\t- a",
    ),
    "3.19 info of no content is dropped": Row(200, "/lint", FINE, method="POST", json={"content": ""}),
    "3.19 PUT /lint labelled as JSON": Row(
        400, "/lint", UNPARSABLE, method="PUT", headers={"Content-Type": JSON}, data=b"language: ruby",
    ),
    "3.19 the parser is down": Row(
        500, "/lint", SORRY, "text/plain", method="POST", json={"content": "a: b"}, switches=Switches(lint_fails=True),
    ),
    "3.19 com, nobody": Row(200, "/lint", FINE, method="POST", token=None, mode="com", json={"content": "language: c"}),
    "3.20 GET /config": Row(200, "/config", keys("config"), token=None),
    "3.20 GET /config, com-private": Row(
        200, "/config", config("host", "travis-ci.com"), token=None, mode="com-private",
    ),
    "3.20 host of org": Row(200, "/config", config("host", "travis-ci.org")),
    "3.20 assets": Row(200, "/config", config("assets", {"host": "travis-ci.org"})),
    "3.20 github": Row(
        200, "/config", lambda body: set(body["config"]["github"]) == {"api_url", "scopes"}
        and body["config"]["github"]["api_url"].startswith("http")
        and all(isinstance(scope, str) for scope in body["config"]["github"]["scopes"]),
    ),
    "3.20 notifications": Row(
        200, "/config", lambda body: list(body["config"]["notifications"]["webhook"]) == ["public_key"],
    ),
    "3.20 no key for webhooks": Row(
        200, "/config", config("notifications", {"webhook": {"public_key": None}}),
        before=lambda found: setattr(found.server.webhooks, "signed", False),
    ),
    "3.20 pusher": Row(200, "/config", lambda body: body["config"]["pusher"]["key"] == "5df8ac576dcccf4fd076"),
    "3.20 never the secret": Row(200, "/config", answer_is=lambda answer, _: b"secret" not in answer.body),
    "3.20 GET /": Row(200, "/", equals({"hello": "world"}), token=None),
    "3.20 GET /, HTML": Row(
        302, "/", NOTHING, None, token=None, accept="text/html",
        answer_is=lambda answer, _: answer.headers["location"] == "/docs/",
    ),
    "3.20 GET /docs/": Row(
        302, "/docs/", NOTHING, None, token=None,
        answer_is=lambda answer, _: answer.headers["location"].startswith("https://docs.travis-ci.com/"),
    ),
    "3.20 GET /uptime": Row(200, "/uptime", b"OK", token=None),
    "3.20 GET /uptime, trouble": Row(
        500, "/uptime", b"Error: PG::ConnectionBad", token=None, switches=Switches(uptime_error="PG::ConnectionBad"),
    ),
    "3.20 GET /endpoints": Row(
        200, "/endpoints", token=None,
        answer_is=lambda answer, found: {(method, path) for path, methods in answer.json.items() for method in methods}
        == set(found.server.patterns()),
    ),
    "3.20 GET /error/500": Row(500, "/error/500", SORRY, "text/plain", token=None),
    "3.20 no version": Row(200, "/config", keys("config"), token=None, accept="*/*"),
    "3.20 any version": Row(200, "/config", keys("config"), token=None, accept=f"{V2}, {V21}"),
}  # fmt: skip

ENTITIES: dict[str, Entity] = {
    "config": Entity(
        "3.20", "", "", {"all": Place("/config", "config", token=None)},
        {
            "host": "string", "shorten_host": "string", "assets": "object", "pusher": "object", "github": "object",
            "notifications": "object",
        },
    ),
}  # fmt: skip

test_a_request_has_the_answer_of_travis = calls(ROWS)

test_an_entity_has_the_field = fields(ENTITIES)
