"""Triggering a build: one request, its decision, its build."""

from collections.abc import AsyncGenerator, Callable
from typing import Any, cast

import anyio
import pytest

from aiotravis import Build, Feed, PendingRequest, State, Travis, errors
from aiotravis.events import BuildCreated, Event, Lagged, Reconnected
from aiotravis.flows import trigger as trigger_flow
from aiotravis.flows import waiting
from aiotravis.follow_log import poll_schedule
from aiotravis.testing import Mode, Repository, Request, RequestMessage, TravisServer
from aiotravis.testing.world.gatekeeper import approve
from tests.conftest import HASTY, TOKEN
from tests.waiting import until

POST = "/v3/repo/82/requests"


@pytest.fixture(autouse=True)
def fast(fast_trigger: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "POLL_INTERVAL", 0.02)
    monkeypatch.setattr(poll_schedule, "POLL_DELAY", 0.02)
    monkeypatch.setattr("aiotravis.follow_log.stream.POLL_DELAY", 0.02)


@pytest.fixture
def server(live_or_polled: TravisServer) -> TravisServer:
    return live_or_polled


@pytest.fixture
async def travis(server: TravisServer) -> AsyncGenerator[Travis]:
    async with Travis(TOKEN, endpoint=server.endpoint, live=HASTY, attempts=1) as travis:
        yield travis


def posts(server: TravisServer) -> int:
    return sum(seen.method == "POST" and seen.path.endswith("/requests") for seen in server.requests)


@pytest.mark.parametrize("by", ["slug", "id", "value"])
async def test_a_trigger_returns_the_build_with_its_commit_and_jobs(
    server: TravisServer, travis: Travis, repository: Repository, by: str
) -> None:
    repo: Any = {"slug": "Travis-CI/travis.rb", "id": 82, "value": await travis.repos.get(82)}[by]
    build = await travis.trigger(repo, branch="topic", sha="bf944c95", tag="v1", message="it", config={"os": "osx"})
    (made,) = repository.builds
    assert (build.id, build.state, build.event_type) == (made.id, State.CREATED, "api")
    assert build.commit is not None
    assert (build.commit.branch, build.commit.sha, build.commit.message) == ("topic", "bf944c95", "it")
    assert [job.id for job in build.jobs] == [made.jobs[0].id]
    assert posts(server) == len(repository.data.requests) == 1
    assert repository.data.requests[0].configs == [('{"os":"osx"}', None)]


async def test_waiting_and_following_go_on_from_a_triggered_build(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    build = await travis.trigger(82)
    server.play(repository.builds[0], speed=200)
    text = await travis.follow_log(build.job_ids[0]).text()
    assert text == repository.builds[0].jobs[0].log.text
    assert (await travis.wait_for_build(build)).passed


async def test_on_request_is_called_once_the_post_is_answered(travis: Travis, repository: Repository) -> None:
    told: list[tuple[PendingRequest, int]] = []
    await travis.trigger(82, on_request=lambda pending: told.append((pending, len(repository.builds))))
    ((pending, builds),) = told
    assert (pending.id, pending.repository_id, pending.branch) == (repository.data.requests[0].id, 82, "master")
    assert (pending.remaining_requests, builds) == (10, 0)


async def test_a_cancelled_caller_knows_of_the_request(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    server.switches.gatekeeper = "silent"
    told: list[PendingRequest] = []
    with anyio.move_on_after(5) as scope:

        def note(pending: PendingRequest) -> None:
            told.append(pending)
            scope.cancel()

        await travis.trigger(82, on_request=note)
    assert scope.cancelled_caught
    assert [one.id for one in told] == [repository.data.requests[0].id]
    assert (await travis.requests.status(82, told[0])).state == "pending"


@pytest.mark.parametrize("error", [LookupError("mine"), errors.ServerError("mine", status=500, method="GET", path="/")])
async def test_what_on_request_raises_is_raised(
    server: TravisServer, travis: Travis, repository: Repository, error: Exception
) -> None:
    def fail(_: PendingRequest) -> None:
        raise error

    with pytest.raises(type(error), match="mine") as info:
        await travis.trigger(82, on_request=fail)
    assert info.value is error
    assert posts(server) == 1


async def test_an_awaitable_of_on_request_is_refused(travis: Travis, repository: Repository) -> None:
    async def plain() -> None:
        pass

    with pytest.raises(errors.UsageError, match="on_request must be a plain function"):
        await travis.trigger(82, on_request=lambda _: plain())


@pytest.mark.parametrize("live_or_polled", ["live"], indirect=True)
async def test_a_live_event_is_read_at_once(
    server: TravisServer, travis: Travis, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trigger_flow, "FIRST_POLL", 60.0)
    monkeypatch.setattr(trigger_flow, "MAX_POLL", 60.0)
    server.switches.gatekeeper = "silent"
    found: list[int] = []
    async with anyio.create_task_group() as group:

        async def decide() -> None:
            await until(lambda: len(repository.data.requests) > 0)
            repository.build(event_type="push")  # Another one's.
            approve(repository, repository.data.requests[0])

        group.start_soon(decide)
        with anyio.fail_after(5):
            found.append((await travis.trigger(82)).id)
    assert found == [repository.data.requests[0].build_id]
    assert sum("/request/" in seen.path for seen in server.requests) == 1


class Events:
    """A feed that yields some events, and then none."""

    def __init__(self, *events: Event) -> None:
        self._events = list(events)

    async def __anext__(self) -> Event:
        if not self._events:
            await anyio.sleep_forever()
        return self._events.pop(0)


BY_API, BY_PUSH = (BuildCreated(build=Build(id=7, event_type=kind)) for kind in ("api", "push"))


@pytest.mark.parametrize(
    ("events", "is_told"),
    [
        ([BY_API], True),
        ([BY_PUSH, BuildCreated(build=Build(id=7))], True),
        ([BY_PUSH, Reconnected(down=1.0)], False),
        ([Lagged(dropped=3)], False),
    ],
)
async def test_events_and_lost_events_bring_the_next_read_forward(events: list[Event], is_told: bool) -> None:
    with anyio.fail_after(5):
        assert await trigger_flow._next_event(cast("Feed", Events(*events)), 60.0) is is_told


async def test_other_builds_are_not_taken_for_the_triggered_one(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    server.switches.gatekeeper = "silent"
    found: list[int] = []
    async with anyio.create_task_group() as group:

        async def decide() -> None:
            await until(lambda: len(repository.data.requests) > 0)
            for event_type in ("push", "api", "cron"):
                repository.build(event_type=event_type)
            before = len(server.requests)
            await until(lambda: len(server.requests) > before + 3)
            approve(repository, repository.data.requests[0])

        group.start_soon(decide)
        found.append((await travis.trigger(82)).id)
    assert found == [repository.builds[-1].id]


async def test_two_triggers_get_a_build_each(server: TravisServer, travis: Travis, repository: Repository) -> None:
    async with travis.map(lambda branch: travis.trigger(82, branch=branch), ["one", "two", "three"]) as outcomes:
        builds = [outcome.value async for outcome in outcomes]
    assert [build.commit.branch for build in builds if build.commit] == ["one", "two", "three"]
    assert posts(server) == 3


@pytest.mark.parametrize("mode", ["org", "com", "com-private", "enterprise"])
@pytest.mark.parametrize("private", [False, True])
async def test_every_site_makes_a_build(mode: Mode, private: bool) -> None:
    async with TravisServer(mode=mode) as server:
        user = server.world.user("sarah", token=TOKEN)
        repository = server.world.repository("a/b.json", private=private, users=[user])
        async with Travis(TOKEN, endpoint=server.endpoint, live=HASTY) as travis:
            assert (await travis.trigger("a/b.json")).id == repository.builds[0].id


# No build -------------------------------------------------------------------------------------------------------------


async def test_a_rejection_has_the_reason_and_the_messages(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    server.switches.gatekeeper, server.switches.rejection = "rejects", "Build config did not create any jobs."
    with pytest.raises(errors.TriggerRejected) as info:
        await travis.trigger(82, config={"lnguage": "ruby", "sript": "make"})
    error, (request,) = info.value, repository.data.requests
    assert (error.request_id, error.reason) == (request.id, "Build config did not create any jobs.")
    assert error.messages == (
        "warn: unknown_key at root (key: lnguage), api line 1", "warn: unknown_key at root (key: sript), api line 1",
    )  # fmt: skip
    assert str(error) == (
        f"Travis rejected request {request.id} for a build of repository 82: Build config did not create any jobs.; "
        "warn: unknown_key at root (key: lnguage), api line 1; warn: unknown_key at root (key: sript), api line 1."
    )
    assert (repository.builds, posts(server)) == ([], 1)


async def test_a_branch_that_does_not_exist_is_rejected_in_the_words_of_travis(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    server.switches.gatekeeper, server.switches.rejection = "rejects", "missing commit"
    with pytest.raises(errors.TriggerRejected, match=r"travis-ci/travis.rb: missing commit\.$"):
        await travis.trigger(repository.slug, branch="no-such-branch")
    assert repository.builds == []


async def test_messages_of_a_rejection_are_safe_for_a_terminal(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    server.switches.gatekeeper, server.switches.rejection = "rejects", "no\x1b[2J\u202e"

    def add(_: PendingRequest) -> None:
        repository.data.requests[0].messages.append(RequestMessage(1, "error", "a\x07", "\x1b]0;x", {"b\n": "\u202e"}))

    with pytest.raises(errors.TriggerRejected) as info:
        await travis.trigger(82, on_request=add)
    assert str(info.value).isprintable()
    assert (info.value.reason or "\n").isprintable()
    assert all(message.isprintable() for message in info.value.messages)


async def test_a_request_that_is_never_decided_on_is_undecided(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    server.switches.gatekeeper = "silent"
    with pytest.raises(errors.TriggerUndecided, match=r"has not decided on it within 0\.1 s\. Do not trigger") as info:
        await travis.trigger(82, appear_within=0.1)
    assert (info.value.request_id, info.value.build_id) == (repository.data.requests[0].id, None)
    assert posts(server) == 1


async def test_no_time_is_one_look(server: TravisServer, travis: Travis, repository: Repository) -> None:
    with pytest.raises(errors.TriggerUndecided, match="within 0 s"):
        await travis.trigger(82, appear_within=0)
    assert sum("/request/" in seen.path for seen in server.requests) == 1


async def test_an_approval_without_a_build_is_undecided(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    def approve_only(_: PendingRequest) -> None:
        request = repository.data.requests[0]
        request.result, request.is_queued = "approved", False

    with pytest.raises(errors.TriggerUndecided, match=r"and approved, but no build appeared within 0\.1 s"):
        await travis.trigger(82, appear_within=0.1, on_request=approve_only)


def read_only(server: TravisServer, repository: Repository) -> None:
    repository.readers.append(repository.users[0])


def migrated(server: TravisServer, repository: Repository) -> None:
    repository.migrated = True


def inactive(server: TravisServer, repository: Repository) -> None:
    repository.active = False


def used_up(server: TravisServer, repository: Repository) -> None:
    repository.data.settings["api_builds_rate_limit"] = 2
    repository.data.requests += [Request(n, "api", "rejected", server.world.clock()) for n in (1, 2)]


Change = Callable[[TravisServer, Repository], None]


@pytest.mark.parametrize(
    ("change", "kind", "told"),
    [
        (read_only, errors.PermissionDenied, "create_request access"),
        (migrated, errors.RepositoryMigrated, "has been migrated"),
        (inactive, errors.RepositoryInactive, "inactive repository. Activate it"),
        (used_up, errors.BuildLimitReached, r"request limit reached for resource \(2 in 3600 s\)"),
    ],
)
async def test_each_refusal_is_an_error_of_its_own(
    server: TravisServer,
    travis: Travis,
    repository: Repository,
    change: Change,
    kind: type[errors.ResponseError],
    told: str,
) -> None:
    change(server, repository)
    before = list(repository.data.requests)
    with pytest.raises(kind, match=told) as info:
        await travis.trigger(82, on_request=lambda _: pytest.fail("no request was made"))
    assert type(info.value) is kind
    assert (repository.data.requests, repository.builds, posts(server)) == (before, [], 1)


async def test_an_unknown_repository_or_no_token_triggers_nothing(server: TravisServer, repository: Repository) -> None:
    async with Travis(TOKEN, endpoint=server.endpoint, live=HASTY) as travis:
        with pytest.raises(errors.NotFoundError):
            await travis.trigger("no/such")
    async with Travis(endpoint=server.endpoint, live=HASTY) as travis:
        with pytest.raises(errors.AuthenticationError, match="Pass a token"):
            await travis.trigger(82)
    assert repository.data.requests == []


async def test_the_hourly_limit_pauses_nothing_else(server: TravisServer, repository: Repository) -> None:
    used_up(server, repository)
    async with Travis(TOKEN, endpoint=server.endpoint, live=HASTY, rate_limits="memory") as travis:
        for _ in range(2):
            with pytest.raises(errors.BuildLimitReached):
                await travis.trigger(82)
        assert (travis.limits.paused, travis.limits.banned_until) == (0.0, None)
        with anyio.fail_after(5):
            assert (await travis.repos.get(82)).id == 82


async def test_an_activated_repository_can_be_triggered(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    repository.active = False
    with pytest.raises(errors.RepositoryInactive):
        await travis.trigger(82)
    await travis.repos.activate(82)
    assert (await travis.trigger(82)).pending
    await travis.repos.deactivate(repository.slug)
    assert repository.active is False


# A lost answer --------------------------------------------------------------------------------------------------------


class Busy(list[Request]):
    """The requests of a repository that others use, too: with each that is added, there are three more."""

    def append(self, one: Request) -> None:
        others = ("push", "topic"), ("api", "another"), ("api", None)
        super().append(one)
        for number, (event_type, branch) in enumerate(others, start=7001):
            super().append(Request(number, event_type, None, one.created_at, branch=branch))


async def test_a_lost_answer_lists_the_candidates_and_is_not_sent_again(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    clock = server.world.clock()
    repository.data.requests = Busy([Request(1, "api", "approved", clock), Request(2, "push", None, clock)])
    server.lose_answer("POST", POST)
    with pytest.raises(errors.TriggerUncertain, match="requested once, and the answer was lost") as info:
        await travis.trigger(82, branch="topic", on_request=lambda _: pytest.fail("it was not answered"))
    assert info.value.candidates == (7003, repository.data.requests[2].id)
    assert isinstance(info.value.__cause__, errors.RequestError)
    assert posts(server) == 1
    # The caller decides.
    assert (await travis.requests.status(82, info.value.candidates[1])).accepted


async def test_a_request_that_did_not_arrive_has_no_candidates(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    repository.data.requests.append(Request(1, "api", "approved", server.world.clock()))
    server.faults.rest(POST).reset()
    with pytest.raises(errors.TriggerUncertain, match="There is no new request yet") as info:
        await travis.trigger(82)
    assert info.value.candidates == ()
    assert len(repository.data.requests) == 1


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_server_error_may_hide_a_request(
    server: TravisServer, travis: Travis, repository: Repository, status: int
) -> None:
    server.faults.rest(POST).status(status, processed=True)
    with pytest.raises(errors.TriggerUncertain) as info:
        await travis.trigger(82)
    assert info.value.candidates == (repository.data.requests[0].id,)
    assert (posts(server), isinstance(info.value.__cause__, errors.ServerError)) == (1, True)


async def test_an_old_server_that_tells_no_id_has_candidates_too(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    told: list[PendingRequest] = []
    server.respond("POST", POST, status=202, body=b'{"@type":"pending","request":{"branch":"master"}}')

    def note(pending: PendingRequest) -> None:
        told.append(pending)
        repository.data.requests.append(Request(9000, "api", None, server.world.clock()))

    with pytest.raises(errors.TriggerUncertain, match="answered without an id") as info:
        await travis.trigger(82, on_request=note)
    assert (info.value.candidates, told[0].id, posts(server)) == ((9000,), None, 1)


async def test_a_request_whose_event_type_is_not_told_may_be_it(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    server.respond("POST", POST, status=202, body=b'{"@type":"pending","request":{"branch":"master"}}')
    listed = b'{"requests":[{"id":9000,"repository_id":82,"event_type":null,"created_at":null}],"commits":[]}'
    with pytest.raises(errors.TriggerUncertain) as info:
        await travis.trigger(82, on_request=lambda _: server.respond("GET", "/requests", body=listed))
    assert info.value.candidates == (9000,)


async def test_a_list_of_candidates_that_does_not_come_is_not_waited_for(
    server: TravisServer, travis: Travis, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trigger_flow, "CANDIDATE_PATIENCE", 0.05)
    server.respond("POST", POST, status=202, body=b'{"@type":"pending","request":{"branch":"master"}}')
    with anyio.fail_after(10), pytest.raises(errors.TriggerUncertain, match="cannot be read now"):
        await travis.trigger(82, on_request=lambda _: server.faults.rest("/requests").freeze())


async def test_candidates_that_cannot_be_read_are_none(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    server.faults.rest("/requests").status(503)
    server.lose_answer("POST", POST)
    with pytest.raises(errors.TriggerUncertain, match="Which requests there are cannot be read now") as info:
        await travis.trigger(82)
    assert (info.value.candidates, len(repository.data.requests)) == ((), 1)


async def test_where_the_list_fails_before_the_time_tells_what_is_new(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    repository.data.requests.append(Request(1, "api", "approved", server.world.clock() - 120))
    server.faults.rest("/requests", times=1).status(500)
    server.lose_answer("POST", POST)
    with pytest.raises(errors.TriggerUncertain) as info:
        await travis.trigger(82)
    assert info.value.candidates == (repository.data.requests[1].id,)


async def test_a_rate_limited_post_is_not_sent_again(
    server: TravisServer, travis: Travis, repository: Repository
) -> None:
    server.faults.rest(POST).too_many()
    with pytest.raises(errors.RateLimited):
        await travis.trigger(82)
    assert (posts(server), repository.data.requests) == (1, [])
