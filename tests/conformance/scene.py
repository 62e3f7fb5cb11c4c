"""The world of the tables: each entity once with everything it can have, and once with as little as possible."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiotravis.testing import Broadcast, Build, Mode, Repository, Switches, TravisServer, User
from aiotravis.testing.world.models import Annotation
from aiotravis.testing.world.repository_data import Cache, EnvVar, Request, SshKey
from tests.conftest import TOKEN
from tests.raw import ask

READER = "a-reader's-token"
STRANGER = "a-token-without-rights"
BARE = "a-token-of-somebody-without-a-name"

NOW = 1_400_000_000.0

DAY = 86_400.0


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@dataclass
class Scene:
    """A server and what is on it.

    Attributes:
        sarah: A user who may change ``travis-ci/travis.rb`` and ``sarah/notes``.
        josh: The only user of ``josh/secret``.
        repo: ``travis-ci/travis.rb``, with everything that a repository can have.
        notes: ``sarah/notes``, with as little as possible.
        full: A finished pull request of two jobs, with everything that a build can have.
        sparse: A build with as little as possible.
        running: A build that is running.
        passed: A push to master that has passed.
        names: Values for the names in braces of paths.
    """

    server: TravisServer
    clock: Clock
    sarah: User
    josh: User
    repo: Repository
    notes: Repository
    secret: Repository
    full: Build
    sparse: Build
    running: Build
    passed: Build
    names: dict[str, Any] = field(default_factory=dict[str, Any])


def _people(server: TravisServer) -> tuple[User, User, User]:
    world = server.world
    sarah = world.user("sarah", token=TOKEN)
    sarah.locale = "de"
    reader = world.user("reader", token=READER)
    josh = world.user("josh", token=STRANGER)
    bare = world.user("bare", token=BARE)
    bare.name = bare.email = bare.locale = bare.synced_at = bare.first_logged_in_at = None
    world.organization("travis-ci", name="Travis CI")
    world.organization(None, members=[sarah])
    world.organization("travis-pro", members=[josh])
    return sarah, reader, josh


def _full(repo: Repository, clock: Clock) -> Build:
    full = repo.build(jobs=2, event_type="pull_request", branch="topic", message="Fix it\n\nAll of it")
    full.commit.tag = "v1.0"
    full.pull_request_number = 12
    full.config = {"language": "ruby", "env": ["A=1", {"secure": "B=2"}], "source_key": "a secret"}
    full.stage("Test", full.jobs)
    for place, job in enumerate(full.jobs):
        job.tags, job.allow_failure = "ruby,mac", bool(place)
        job.config = {"language": "ruby", "env": ["A=1", {"secure": "B=2"}], "global_env": ["C=3"]}
        job.annotations.append(Annotation(1 + 2 * place, "lint", "Lint", "fine", "passed", "https://example.org/1"))
        job.annotations.append(Annotation(2 + 2 * place, "other", "Other", "fine", None))
    full.start()
    clock.now += 60
    return full.write("$ rake\n").write("", final=True).finish("failed")


def _sparse(repo: Repository) -> Build:
    sparse = repo.build(branch="bare")
    sparse.event_type, sparse.config = None, {}
    commit = sparse.commit
    commit.message = commit.author_name = commit.author_email = commit.compare_url = None
    commit.committer_name = commit.committer_email = None
    job = sparse.jobs[0]
    job.queue = job.allow_failure = None
    job.config = {}
    return sparse


def _belongings(scene: Scene) -> None:
    own = scene.repo.data
    commit, build = scene.full.commit.id, scene.full.id
    own.requests += [
        Request(
            31, "pull_request", "accepted", NOW, message="please", build_id=build, commit_id=commit,
            head_commit="a" * 40, base_commit="b" * 40, branch="topic", tag="v1.0", pull_request_number=12,
            pull_request_title="Fix it",
        ),
        Request(32, "push", None, NOW, branch=None, owned=False),
        Request(33, "push", "rejected", NOW, commit_id=scene.sparse.commit.id),
    ]  # fmt: skip
    own.env_vars += [
        EnvVar("11111111-1111-4111-8111-111111111111", "FULL", "text", public=True, branch="master"),
        EnvVar("22222222-2222-4222-8222-222222222222", "ERASED", None, public=True, branch=None),
        EnvVar("33333333-3333-4333-8333-333333333333", "HIDDEN", "secret", public=False, branch=None),
    ]
    own.caches += [
        Cache("master", "cache-linux-ruby", 1024, NOW), Cache("topic", "cache-osx-ruby", 2048, NOW),
        Cache(None, "cache-none", 1, NOW),
    ]  # fmt: skip
    for name, limit in (("timeout_hard_limit", 120), ("timeout_log_silence", 20), ("api_builds_rate_limit", 100)):
        own.settings[name] = limit
    own.ssh_key = SshKey("deploy", "ef:39:56")
    scene.notes.data.ssh_key = SshKey(None, None)
    scene.secret.data.requests.append(Request(41, "push", None, NOW))
    world = scene.server.world
    world.annotation_providers["lint"] = ("a-key", "Lint")
    world.broadcasts += [
        Broadcast("for everybody", NOW - DAY), Broadcast(None, NOW), Broadcast("too old", NOW - 15 * DAY),
        Broadcast("taken back", NOW, expired=True), Broadcast("for sarah", NOW, recipient=scene.sarah),
        Broadcast("for travis-ci", NOW, recipient="travis-ci"),
        Broadcast("for the repository", NOW, recipient="travis-ci/travis.rb"),
        Broadcast("for josh", NOW, recipient=scene.josh), Broadcast("for travis-pro", NOW, recipient="travis-pro"),
    ]  # fmt: skip


@asynccontextmanager
async def scene(
    *, mode: Mode = "org", log_mode: str = "head", switches: Switches | None = None
) -> AsyncGenerator[Scene]:
    """Serve a scene of its own."""
    clock = Clock()
    async with TravisServer(mode=mode, log_mode=log_mode, switches=switches, clock=clock) as server:
        sarah, reader, josh = _people(server)
        repo = server.world.repository("travis-ci/travis.rb", users=[sarah, reader])
        repo.description = "The client"
        repo.readers.append(reader)
        notes = server.world.repository("sarah/notes", users=[sarah])
        notes.description = notes.active = notes.language = None
        notes.data.fingerprint = None
        secret = server.world.repository("josh/secret", private=True, users=[josh])
        hidden = secret.history(1)[0]
        full, sparse = _full(repo, clock), _sparse(repo)
        running = repo.build(branch="feature/x").start().write("$ rake\n")
        passed = repo.build(jobs=2).start().write("$ rake\n", final=True).finish("passed")
        # Rows share the scene: their logs must not depend on how often they were read (fact 10.2).
        for job in (*full.jobs, *passed.jobs):
            job.log.unavailable_reads = 0
        found = Scene(server, clock, sarah, josh, repo, notes, secret, full, sparse, running, passed)
        _belongings(found)
        found.names = {
            "repo": repo.id, "slug": repo.slug, "notes": notes.id, "secret": secret.id, "build": passed.id,
            "job": passed.jobs[0].id, "second_job": passed.jobs[1].id, "log": passed.jobs[0].log.id,
            "full": full.id, "full_job": full.jobs[0].id, "sparse": sparse.id, "sparse_job": sparse.jobs[0].id,
            "running": running.id, "running_job": running.jobs[0].id, "hidden": hidden.id,
            "hidden_job": hidden.jobs[0].id, "hidden_log": hidden.jobs[0].log.id, "user": sarah.id,
            "other_user": josh.id, "public": "11111111-1111-4111-8111-111111111111",
            "erased": "22222222-2222-4222-8222-222222222222", "private": "33333333-3333-4333-8333-333333333333",
            "token": TOKEN, "rss": sarah.rss_token, "full_build": full.id, "sparse_build": sparse.id,
            "full_commit": full.commit.id, "sparse_commit": sparse.commit.id, "full_repo": repo.id,
            "full_settings": repo.id,
            "sparse_settings": notes.id, "full_request": 31, "sparse_request": 33,
        }  # fmt: skip
        yield found


class SharedScenes:
    """Scenes for requests that change nothing: one for each mode and age of the server, served until the end."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._scenes: dict[tuple[Mode, str], Scene] = {}
        self._answers: dict[tuple[object, ...], Any] = {}

    async def get(self, mode: Mode, log_mode: str) -> Scene:
        """Return the scene of these options; serve it if this is the first request for it."""
        key = (mode, log_mode)
        if key not in self._scenes:
            self._scenes[key] = await self._stack.enter_async_context(scene(mode=mode, log_mode=log_mode))
        return self._scenes[key]

    async def read(self, found: Scene, path: str, token: str | None, headers: Mapping[str, str]) -> Any:
        """Return the JSON at a path of one of the scenes; request it only once."""
        key = (found.server.port, path, token, *headers.items())
        if key not in self._answers:
            answer = await ask(found.server, path, token=token, headers=dict(headers))
            assert answer.status == 200, answer.body
            self._answers[key] = answer.json
        return self._answers[key]

    async def close(self) -> None:
        """Stop every server."""
        await self._stack.aclose()
