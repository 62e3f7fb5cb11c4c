"""Whether every row of the facts about the live channel has its test: sections 7 and 8."""

from importlib import import_module
from pathlib import Path

import pytest

from tests.conformance.live import COVERED

HERE = Path(__file__).parent

# One entry for each row of a table and each sentence that a server can show; a test names it with `rows` or `covers`.
FACTS: dict[str, set[str]] = {
    "7.1": {
        "key", "host, port, path", "no path", "scheme", "secure", "private", "neither secure nor private",
        "never contains the secret", "no live channel", "rb", "rb with a path", "web", "pysher",
    },
    "7.2": {
        "pusher:connection_established", "pusher:subscribe", "pusher:subscribe, data in a string",
        "pusher:subscribe, auth null", "pusher:subscribe, private", "a signature of another socket",
        "pusher:error, existing subscription", "an event with data in a string", "pusher:ping and pusher:pong",
        "pusher:unsubscribe has no confirmation", "events while disconnected are lost", "pusher:error, 4001",
    },
    "7.3": {
        "Pusher, protocol 7", "Pusher, below protocol 7", "Pusher, protocol 4", "Slanger, protocol 7",
        "Slanger, below protocol 7", "soketi", "another time", "a ping of the WebSocket protocol is answered",
        "Pusher pings, and closes with 4201", "soketi pings below, and closes with 4201 all the same",
        "any received frame counts as activity", "Slanger never pings and never closes",
    },
    "7.4": {
        "4000", "4001", "4003", "4004", "4005", "4006", "4007", "4008", "4009", "other 4000 to 4099", "4100",
        "4100 to 4199", "4200", "4201", "4202", "4200 to 4299", "4301 as a close code", "4302 as a close code",
        "4001 by itself", "4006 by itself", "4007 by itself", "4008 by itself", "1000", "1001", "1002 to 1004",
        "1005", "1006, none", "4301 as an error", "4302 as an error", "no code, or an odd one",
    },
    "7.5": {
        "protocols", "pusher:error data", "error codes", "fatal errors", "activity_timeout, protocol 7",
        "activity_timeout, protocol 5", "pong data", "channel events", "subscription_succeeded data",
        "private channel without auth", "bad signature", "socket_id", "server pings", "app key in path",
    },
    "7.6": {
        "common, 2013, public", "common, 2013, private", "common, 2014, public", "common, 2014, private",
        "common, 2016, public", "common, 2017", "common, today", "repo-ID, 2013", "repo-ID, 2014", "repo-ID, 2016",
        "repo-ID, 2017", "repo-ID, today", "repo-ID, private", "repo-ID, secure", "private-repo-ID, 2013",
        "private-repo-ID, 2014", "private-repo-ID, 2016", "private-repo-ID, 2017", "private-repo-ID, 2016, public",
        "private-repo-ID, 2016, public, secure", "private-repo-ID, today", "user-ID, 2016", "user-ID, 2017",
        "user-ID, today", "private-user-ID, 2017", "private-user-ID, today", "private-user-ID, private",
        "private-user-ID, secure", "private-user-ID, of somebody without a permission", "job-ID, 2013",
        "job-ID, today", "job-ID, private", "job-ID, secure", "private-job-ID, today", "private-job-ID, secure",
        "private-job-ID, 2014, secure", "workers", "each event twice on two channels", "every user with a permission",
    },
    "7.7": {
        "private-user-ID", "private-user-ID, unknown", "private-repo-ID, public", "private-repo-ID, private",
        "private-repo-ID, unknown", "private-job-ID, public, org", "private-job-ID, public, com under 2.1",
        "private-job-ID, public, com under 2", "private-job-ID, public, com for private repositories",
        "private-job-ID, public, Enterprise", "private-job-ID, private", "private-job-ID, unknown",
        "other private-TYPE-N", "private without a number", "non-private", "non-private, whatever it is",
        "what is refused is missing", "all refused", "a form", "missing channels", "channels that are no list",
        "malformed socket_id", "socket_id with a tail", "no socket_id", "the standard fields of Pusher",
        "the signature opens the channel", "counts as POST for the rate rules",
        "before April 2018", "before September 2017",
    },
    "7.8": {
        "build:created", "build:created on restart", "build:restarted is never on the wire",
        "build:received is nobody's", "build:started", "build:finished", "build:canceled", "job:created on requeue",
        "job:queued", "job:received", "job:started", "job:finished", "job:canceled",
        "job:restarted and job:requeued are never on the wire", "restart and cancel over REST", "job:log",
        "build:received can be published", "annotation:created can be published",
        "annotation:updated can be published", "worker:added can be published", "worker:updated can be published",
        "worker:removed can be published", "repository:migration can be published", "branch:created can be published",
        "user:logout can be published", "unknown events can be published", "job payload", "job payload of job:queued",
        "commit of a job", "stage of a job", "build payload", "commit of a build", "repository of a build",
        "stages of a build", "log payload", "build payload is nested", "updated_at with milliseconds",
        "commit is the sha", "payloads, today", "payloads, before 2018", "payloads, before stages",
        "payloads, old core", "size rule, build", "size rule, job", "multi-byte payloads vanish", "dotted numbers",
    },
    "7.9": {
        "typical one-job sequence", "any order", "occasional repeats", "parts after job:finished",
        "part numbers start at 0 and rise by 1", "the last part is empty with final true", "auto-cancel notice",
        "published only to occupied channels", "the flag expires after 6 h", "a job cancelled before it starts",
        "restart", "requeue", "updated_at", "event name is not the outcome: later stages",
        "event name is not the outcome: failed resets", "build:started and build:finished beside their jobs'",
        "two channels, same event",
    },
    "8": {
        "created", "queued", "received", "started", "passed", "failed", "errored", "canceled",
        "canceled before it starts", "never built", "build result, none", "build result, all passed",
        "build result, any canceled", "build result, any errored", "build result, any failed",
        "build result, with stages", "fast_finish", "build duration", "restart of a build",
        "restart: numbers, ids and commit are unchanged", "restart of a job", "restart only when terminal",
        "restart only with a valid config", "requeue", "requeue, 50 times and 6 h", "cancel",
    },
    "7.10": {
        "hello", "pusher:error data", "close code after a fatal error", "pusher:ping", "subscription_succeeded",
        "duplicate subscribe", "private, bad signature", "private, no signature", "protocol",
        "event data that is an object", "server pings, idle", "pusher:error data, sometimes with a channel",
        "close code after a fatal error: 4001, 4200, 4201",
    },
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def everything() -> None:
    for file in sorted(HERE.glob("test_live_*.py")):
        import_module(f"tests.conformance.{file.stem}")


@pytest.mark.parametrize("section", FACTS)
def test_every_row_of_a_section_has_a_test(section: str) -> None:
    assert FACTS[section] - set(COVERED[section]) == set()


@pytest.mark.parametrize("section", FACTS)
def test_every_covered_row_is_in_the_list(section: str) -> None:
    assert set(COVERED[section]) - FACTS[section] == set()


def test_every_covered_section_is_in_the_list() -> None:
    # Sections beyond API v2 have tables of their own.
    assert {section for section in COVERED if not section.startswith("beyond")} == set(FACTS)
