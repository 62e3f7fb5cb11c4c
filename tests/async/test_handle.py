"""What holds connections is no value; what is a value can be copied, compared, pickled and shown."""

import contextlib
import copy
import json
import pickle
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from typing import Any

import msgspec
import pytest

from aiotravis import Build, Job, LogText, Outcome, State, Travis, errors, events, web
from aiotravis._async.handle import Handle, running_loop
from aiotravis._http import ApiResponse
from aiotravis.errors import UsageError
from aiotravis.testing import Repository
from tests.conftest import TOKEN

HANDLES: dict[str, Callable[[Travis], Any]] = {
    "Travis": lambda travis: travis,
    "Builds": lambda travis: travis.builds,
    "Paginator": lambda travis: travis.builds.list(1),
    "BatchIterator": lambda travis: travis.builds.many([1]),
    "ConcurrentMap": lambda travis: travis.map(travis.builds.get, [1]),
    "Feed": lambda travis: travis.events(1),
    "LogStream": lambda travis: travis.follow_log(1),
    "LogLines": lambda travis: travis.follow_log(1).lines(),
    "Watch": lambda travis: travis.watch(1),
    "Live": lambda travis: travis.live,
    "LiveStateChanges": lambda travis: travis.live.changes(),
    "WebhookVerifier": lambda travis: travis.webhook_verifier(),
}


@pytest.mark.parametrize("name", HANDLES)
async def test_a_handle_says_that_it_is_no_value_and_shows_its_class(name: str) -> None:
    async with Travis(TOKEN) as travis:
        handle = HANDLES[name](travis)
        assert name in repr(handle)
        assert " object at 0x" not in repr(handle)
        for use in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(errors.UsageError, match=f"^{name} cannot be copied or pickled"):
                use(handle)


async def test_what_calls_return_is_a_value(travis: Travis, repository: Repository) -> None:
    build = repository.build()
    outcomes = [Outcome(7, "x"), Outcome([7], "x")]
    async with travis.map(travis.builds.get, [build.id]) as found:
        outcomes += [outcome async for outcome in found]
    values: list[object] = [
        await travis.settings.get(repository.id),
        await travis.request("GET", "/config"),
        *outcomes,
        travis.limits,
        travis.statistics(),
    ]
    for value in values:
        assert copy.copy(value) == copy.deepcopy(value) == pickle.loads(pickle.dumps(value)) == value
    hash(ApiResponse(200, {}, b""))
    assert {Outcome(7, "x")} == {Outcome(7, "x")} != {Outcome(8, "x")}


def test_a_state_may_be_replaced_by_its_text() -> None:
    build = msgspec.structs.replace(Build(id=1), state="failed")
    assert (build.passed, build.finished, build.unsuccessful, build.running, build.pending) == (
        False, True, True, False, False,
    )  # fmt: skip
    assert msgspec.structs.replace(Build(id=1, state=State.FAILED), state="passed").passed


def test_events_and_log_text_become_json_with_a_name_of_their_kind() -> None:
    config = msgspec.Raw(b'{"language":"ruby"}')
    event = events.JobFinished(channel="repo-1", job=Job(id=7, config_json=config))
    plain = event.to_dict()
    assert (plain["event"], plain["channel"]) == ("job:finished", "repo-1")
    assert plain["job"]["config"] == {"language": "ruby"}
    assert events.Lagged(dropped=3).to_dict() == {"event": "lagged", "channel": None, "dropped": 3}
    text = 'travis_fold:start:a\r\x1b[0K$ make\n\x1b[31mno\x1b[0m\nThe command "make" exited with 2.\n'
    log = LogText.parse(f"{text}travis_fold:end:a\r\x1b[0K\nDone. Your build exited with 1.\n")
    assert log.ending.to_dict() == {"ending": "script-ended", "line": len(log.lines), "code": 1}
    several = [*log.lines, *log.commands, *log.folds, *log.phases.values(), *log.groups.values(), *log.lines[1].spans]
    assert len(several) > 6
    json.dumps([one.to_dict() for one in several])


def test_log_text_refuses_what_is_no_text_and_what_comes_after_its_end() -> None:
    odd: Any = b"bytes"
    log = LogText()
    log.close()
    for call, value in ((LogText().feed, odd), (LogText.parse, odd), (log.feed, "late")):
        with pytest.raises(errors.UsageError):
            call(value)


# Without asyncio ------------------------------------------------------------------------------------------------------


async def first_of(items: Any) -> None:
    async for _ in items:
        return


async def entered(block: Any) -> None:
    async with block:
        pass


async def second_state(travis: Travis) -> None:
    states = travis.live.changes()
    await anext(states)
    await anext(states)


async def slugs() -> AsyncIterator[str]:
    yield "a/b"


ENTRY_POINTS: dict[str, Callable[[Travis], Coroutine[Any, Any, object]]] = {
    "block": entered,
    "verify": lambda travis: travis.verify(),
    "request": lambda travis: travis.request("GET", "/config"),
    "get": lambda travis: travis.builds.get(1),
    "list": lambda travis: first_of(travis.builds.list(1)),
    "first": lambda travis: travis.builds.list(1).first(),
    "to_list": lambda travis: travis.builds.many([1]).to_list(),
    "find": lambda travis: travis.builds.find(1, 1),
    "map": lambda travis: entered(travis.map(travis.builds.get, [1])),
    "download": lambda travis: travis.logs.download([1], "."),
    "text": lambda travis: travis.logs.text(1),
    "events": lambda travis: entered(travis.events(1)),
    "events, bare": lambda travis: first_of(travis.events(1)),
    "watch": lambda travis: entered(travis.watch(1)),
    "watch, async": lambda travis: entered(travis.watch(slugs())),
    "follow_log": lambda travis: first_of(travis.follow_log(1)),
    "follow_log, text": lambda travis: travis.follow_log(1).text(),
    "follow_log, lines": lambda travis: first_of(travis.follow_log(1).lines()),
    "wait_for_build": lambda travis: travis.wait_for_build(1),
    "wait_for_job": lambda travis: travis.wait_for_job(1),
    "wait_for_builds": lambda travis: entered(travis.wait_for_builds([1])),
    "wait_for_commit": lambda travis: travis.wait_for_commit(1, "0123456"),
    "restart": lambda travis: travis.restart(1),
    "trigger": lambda travis: travis.trigger(1),
    "sign_in": lambda travis: travis.sign_in("sarah", "password"),
    "browser": lambda travis: web.sign_in(travis),
    "verifier": lambda travis: travis.webhook_verifier().verify(b"payload=%7B%7D", "AAAA"),
    "states": second_state,
}


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_every_entry_point_says_that_it_needs_asyncio(name: str) -> None:
    # Under trio, asyncio has no running loop either: so this is what trio would run into first.
    call = ENTRY_POINTS[name](Travis(TOKEN))
    with pytest.raises(errors.UsageError, match="aiotravis needs asyncio"):
        call.send(None)
    with pytest.raises(errors.UsageError, match="aiotravis needs asyncio"):
        running_loop()


class _Iterated(Handle):
    def __aiter__(self) -> "_Iterated":
        return self

    async def __aenter__(self) -> None: ...


MISUSES: list[tuple[Callable[[Any], object], str]] = [
    (list[Any], "`async for`"),
    (lambda one: [*one], "`async for`"),
    (lambda one: [x for x in one], "`async for`"),  # noqa: C416 - what users write
    (lambda one: one[0], "`async for`"),
    (lambda one: 3 in one, "`async for`"),
    (next, "`await anext"),
    (lambda one: contextlib.ExitStack().enter_context(one), "`async with`"),
]


@pytest.mark.parametrize(("use", "remedy"), MISUSES)
def test_what_is_asynchronous_names_the_remedy_where_it_is_used_otherwise(
    use: Callable[[Any], object], remedy: str
) -> None:
    with pytest.raises(UsageError, match=remedy):
        use(_Iterated())
    with pytest.raises(UsageError, match=r"^Handle cannot be [^:]*$"):
        use(Handle())
    assert not isinstance(_Iterated(), Iterable)
    assert bool(_Iterated())
