"""Size, order and cursors of lists: section 4 of the facts."""

from typing import Any

from aiotravis.testing import Broadcast
from aiotravis.testing.world.repository_data import Cache, Request
from tests.conformance.scene import NOW, Scene, scene
from tests.conformance.tables import Check, Row, calls, numbers
from tests.conftest import TOKEN
from tests.raw import ask

BUILDS, REQUESTS = "/builds?repository_id={notes}", "/requests?repository_id={notes}"


def down(first: int, last: int) -> Check:
    return numbers(*(str(number) for number in range(first, last - 1, -1)))


def history(found: Scene) -> None:
    found.notes.history(60)


def repeated(found: Scene) -> None:
    history(found)
    for _ in range(30):
        found.notes.build(number=60)


def requests(found: Scene) -> None:
    found.notes.data.requests += [Request(number, "push", None, NOW) for number in range(1001, 1201)]


def repositories(found: Scene) -> None:
    for place in range(120):
        found.server.world.repository(f"many/r{place}", users=[found.sarah])


def branches(found: Scene) -> None:
    for place in range(60):
        found.clock.now += 1
        found.notes.build(branch=f"b{place}").start().finish()


def jobs(found: Scene) -> None:
    found.notes.build(jobs=400)


def caches(found: Scene) -> None:
    found.repo.data.caches += [Cache("master", f"c{place}", 1, NOW) for place in range(300)]


def broadcasts(found: Scene) -> None:
    found.server.world.broadcasts += [Broadcast("more", NOW) for _ in range(300)]


def organizations(found: Scene) -> None:
    for place in range(300):
        found.server.world.repository(f"o{place}/r", users=[found.sarah])


def count(name: str, expected: int) -> Check:
    return lambda body: len(body[name]) == expected


def span(first: int, last: int) -> Check:
    return lambda body: [one["id"] for one in body["requests"]] == list(range(first, last - 1, -1))


def by_finished_at(body: Any) -> bool:
    finished = [one["finished_at"] for one in body["branches"]]
    return finished == sorted(finished, reverse=True)


MANY = ",".join(str(number) for number in range(1001, 1401))
MANY_JOBS = "&".join(f"ids[]={number}" for number in range(1001, 1401))

ROWS: dict[str, Row] = {
    "4 builds: 25, number descending": Row(200, BUILDS, down(60, 36), before=history),
    "4 builds: no limit parameter": Row(200, BUILDS + "&limit=50", down(60, 36), before=history),
    "4 builds: after_number": Row(200, BUILDS + "&after_number=36", down(35, 11), before=history),
    "4 builds: the last page": Row(200, BUILDS + "&after_number=11", down(10, 1), before=history),
    "4 builds: an empty page": Row(200, BUILDS + "&after_number=1", numbers(), before=history),
    "4 builds: as numbers, not as texts": Row(200, BUILDS + "&after_number=10", down(9, 1), before=history),
    "4 builds: number= is no page": Row(200, BUILDS + "&number=7&after_number=3", numbers("7"), before=history),
    "10.1 several builds have one number, and number= gives all of them": Row(
        200, BUILDS + "&number=60", numbers(*["60"] * 31), before=repeated,
    ),
    "10.1 after_number= leaves out the rest of the lowest number": Row(
        200, BUILDS + "&after_number=60", down(59, 35), before=repeated,
    ),
    "10.1 a page can be all one number": Row(200, BUILDS + "&after_number=61", numbers(*["60"] * 25), before=repeated),
    "4 requests: 25, id descending": Row(200, REQUESTS, span(1200, 1176), before=requests),
    "4 requests: 100 at most": Row(200, REQUESTS + "&limit=1000", span(1200, 1101), before=requests),
    "4 requests: older_than, then 25": Row(
        200, REQUESTS + "&older_than=1101&limit=100", span(1100, 1076), before=requests,
    ),
    "4 requests: an empty page": Row(200, REQUESTS + "&older_than=1001", span(0, 1), before=requests),
    "4 repos: 25": Row(200, "/repos?member=sarah", count("repos", 25), before=repositories),
    "4 repos: 50 at most": Row(200, "/repos?member=sarah&limit=500", count("repos", 50), before=repositories),
    "4 repos: no cursor": Row(
        200, "/repos?owner_name=many&offset=25&after=5&page=2", before=repositories,
        body=lambda body: body["repos"][0]["slug"] == "many/r0",
    ),
    "4 branches: 50, finished_at descending": Row(
        200, "/repos/{notes}/branches", lambda body: len(body["branches"]) == 50 and by_finished_at(body),
        before=branches,
    ),
    "4 branches: no cursor": Row(200, "/repos/{notes}/branches?limit=60", count("branches", 50), before=branches),
    "4 jobs: 250 with state": Row(200, "/jobs?state=created", count("jobs", 250), before=jobs),
    "4 jobs: 250 with queue": Row(200, "/jobs?queue=builds.gce", count("jobs", 250), before=jobs),
    "4 any ids: all given builds": Row(200, f"/builds?ids={MANY}", count("builds", 64), before=history),
    "4 any ids: all given jobs": Row(200, f"/jobs?{MANY_JOBS}", count("jobs", 392), before=jobs),
    "4 any ids: all given branches": Row(200, f"/branches?{MANY_JOBS}", count("branches", 64), before=history),
    "4 any ids: all given repos": Row(
        200, "/repos?ids=" + ",".join(str(number) for number in range(300)), count("repos", 122), before=repositories,
    ),
    "4 accounts: all": Row(200, "/accounts", count("accounts", 302), before=organizations),
    "4 hooks: all": Row(200, "/hooks", count("hooks", 122), before=repositories),
    "4 caches: all": Row(200, "/repos/{repo}/caches", count("caches", 303), before=caches),
    "4 permissions: all": Row(200, "/users/permissions", count("permissions", 122), before=repositories),
    "4 broadcasts: all": Row(200, "/broadcasts", count("broadcasts", 305), before=broadcasts),
    "4 an empty page may also mean that nothing is visible": Row(
        200, "/builds?repository_id={secret}", numbers(), mode="com",
    ),
}  # fmt: skip


test_a_request_has_the_answer_of_travis = calls(ROWS)


async def test_new_builds_do_not_shift_pages() -> None:
    async with scene() as found:
        history(found)
        path = BUILDS.format_map(found.names)
        first = (await ask(found.server, path, token=TOKEN)).json["builds"]
        found.notes.history(3)
        second = (await ask(found.server, f"{path}&after_number={first[-1]['number']}", token=TOKEN)).json["builds"]
    assert [one["number"] for one in second] == [str(number) for number in range(35, 10, -1)]
