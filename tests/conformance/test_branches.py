"""Branches and commits: sections 3.3 and 3.8 of the facts."""

from collections.abc import Callable

from tests.conformance.scene import Scene
from tests.conformance.tables import (
    NOT_FOUND,
    NOTHING,
    Check,
    Entity,
    Place,
    Row,
    calls,
    equals,
    fields,
    keys,
    no_other_fields,
)

EMPTY = equals({"branches": [], "commits": []})


def branches(*expected: str) -> Check:
    """Return a check that these branches are listed, in this order; their names are in the commits."""

    def right(body: dict[str, list[dict[str, object]]]) -> bool:
        names = {one["id"]: one["branch"] for one in body["commits"]}
        return [names[one["commit_id"]] for one in body["branches"]] == list(expected)

    return right


def is_build(number: str) -> Check:
    return lambda body: body["branch"]["number"] == number


def many(found: Scene) -> None:
    for place in range(60):
        found.notes.build(branch=f"b{place}").finish()


def newer(found: Scene) -> None:
    for event_type in ("api", "cron", "pull_request"):
        found.repo.build(event_type=event_type)


def pushes(found: Scene) -> None:
    """Add two builds of one branch and one of a branch with a slash, each finished later than the one before."""
    for branch in ("master", "a/b"):
        found.clock.now += 60
        found.repo.build(branch=branch).start().finish("failed")


def named(branch: str) -> Callable[[Scene], object]:
    return lambda found: found.repo.build(branch=branch)


def shared(found: Scene) -> None:
    found.running.commit = found.passed.commit


LIST = "/repos/{repo}/branches"

ROWS: dict[str, Row] = {
    "3.3 GET /repos/{id}/branches": Row(200, LIST, branches("feature/x", "master"), token=None),
    "3.3 GET /repos/{owner}/{name}/branches": Row(200, "/repos/{slug}/branches", branches("feature/x", "master")),
    "3.3 GET /branches?repository_id=": Row(200, "/branches?repository_id={repo}", branches("feature/x", "master")),
    "3.3 GET /branches?slug=": Row(200, "/branches?slug=Travis-CI/travis.rb", branches("feature/x", "master")),
    "3.3 two keys": Row(200, LIST, keys("branches", "commits")),
    "3.3 nobody, com": Row(401, LIST, NOTHING, token=None, mode="com"),
    "3.3 unknown repository": Row(200, "/branches?slug=no/such", EMPTY),
    "3.3 limited to 50": Row(200, "/repos/{notes}/branches", lambda body: len(body["branches"]) == 50, before=many),
    "3.3 push builds only": Row(
        200, LIST, lambda body: {one["number"] for one in body["branches"]} == {"3", "4"}, before=newer,
    ),
    "3.3 one per branch": Row(200, LIST, branches("feature/x", "a/b", "master"), before=pushes),
    "3.3 by finished_at descending, unfinished first": Row(
        200, LIST, lambda body: [one["number"] for one in body["branches"]] == ["3", "6", "5"], before=pushes,
    ),
    "3.3 GET /branches?ids[]=": Row(
        200, "/branches?ids[]={full}&ids[]={build}",
        lambda body: [one["number"] for one in body["branches"]] == ["1", "4"],
    ),
    "3.3 GET /branches?ids= is not split at commas": Row(
        200, "/branches?ids={full},{build}", lambda body: [one["number"] for one in body["branches"]] == ["1"],
    ),
    "3.3 GET /repos/{id}/branches/{branch}": Row(200, LIST + "/master", is_build("4"), token=None),
    "3.3 two keys of one": Row(200, LIST + "/master", keys("branch", "commit")),
    "3.3 GET /repos/{owner}/{name}/branches/{branch}": Row(200, "/repos/{slug}/branches/master", is_build("4")),
    "3.3 newest push, api or cron build": Row(200, LIST + "/master", is_build("6"), before=newer),
    "3.3 of any state": Row(200, LIST + "/feature/x", lambda body: body["branch"]["state"] == "started"),
    "3.3 no such branch": Row(404, LIST + "/gone", NOT_FOUND),
    "3.3 a branch of pull requests alone": Row(404, LIST + "/topic", NOT_FOUND),
    "3.3 its id is a build id": Row(
        200, LIST + "/master", answer_is=lambda answer, found: answer.json["branch"]["id"] == found.passed.id,
    ),
    "3.3 the name is only in the commit": Row(
        200, LIST + "/master",
        lambda body: "master" not in body["branch"].values() and body["commit"]["branch"] == "master"
        and body["commit"]["id"] == body["branch"]["commit_id"],
    ),
    "3.3 a raw slash": Row(200, LIST + "/feature/x", is_build("3")),
    "3.3 an encoded slash": Row(200, LIST + "/feature%2Fx", is_build("3")),
    "3.3 one segment only in 2014": Row(404, LIST + "/feature/x", NOT_FOUND, age="2014"),
    "3.3 a comma makes a list": Row(200, LIST + "/feature/x,master", is_build("4")),
    "3.3 a name with a comma cannot be asked for": Row(404, LIST + "/a,b", NOT_FOUND, before=named("a,b")),
    "3.3 a name that ends as a file loses the ending": Row(404, LIST + "/v1.json", NOT_FOUND, before=named("v1.json")),
    "3.3 the name without the ending is found instead": Row(
        200, LIST + "/v1.json", lambda body: body["number"] == "5", before=named("v1"),
    ),
    "3.8 one entry per build, repeated when shared": Row(
        200, "/builds?repository_id={repo}", before=shared,
        body=lambda body: len(body["commits"]) == len(body["builds"]) == 4
        and len({one["id"] for one in body["commits"]}) == 3,
    ),
    "3.8 one entry per job": Row(
        200, "/jobs?ids[]={job}&ids[]={second_job}", lambda body: body["commits"] == [body["commits"][0]] * 2,
    ),
    "3.8 not sorted by id": Row(
        200, "/jobs?ids[]={job}&ids[]={full_job}",
        lambda body: [one["id"] for one in body["commits"]] == [one["commit_id"] for one in body["jobs"]],
    ),
    "3.8 branch_is_default": Row(200, "/builds/{build}", lambda body: body["commit"]["branch_is_default"] is True),
    "3.8 branch_is_default of another branch": Row(
        200, "/builds/{running}", lambda body: body["commit"]["branch_is_default"] is False,
    ),
    "3.8 pull_request_number": Row(
        200, "/requests/31", lambda body: body["commit"]["pull_request_number"] == 12,
    ),
}  # fmt: skip

TAGGED = ["builds list", "single build", "jobs list", "single job"]

ENTITIES: dict[str, Entity] = {
    "commit": Entity(
        "3.8", "full_commit", "sparse_commit",
        {
            "builds list": Place("/builds?repository_id={repo}", "commits"),
            "single build": Place("/builds/{one_build}", "commit"),
            "jobs list": Place("/jobs?ids[]={full_job}&ids[]={sparse_job}", "commits"),
            "single job": Place("/jobs/{one_job}", "commit"),
            "branches": Place("/branches?ids[]={full}&ids[]={sparse}", "commits"),
            "requests list": Place("/requests?repository_id={repo}", "commits"),
            "single request": Place("/requests/{one_request}", "commit"),
            "2014": Place("/builds/{one_build}", "commit", age="2014"),
        },
        {
            "id": "int", "sha": "string", "branch": "string", "message": "string?", "author_name": "string?",
            "author_email": "string?", "committer_name": "string?", "committer_email": "string?",
            "compare_url": "string?", "committed_at": "ts", "tag": "string?", "branch_is_default": "bool",
            "pull_request_number": "int?",
        },
        only={
            "tag": TAGGED,
            "branch_is_default": ["single build", "single job", "2014"],
            "pull_request_number": ["builds list", "requests list", "single request"],
        },
    ),
}  # fmt: skip

test_a_request_has_the_answer_of_travis = calls(ROWS)

test_an_entity_has_the_field = fields(ENTITIES)

test_an_entity_has_no_other_fields = no_other_fields(ENTITIES)
