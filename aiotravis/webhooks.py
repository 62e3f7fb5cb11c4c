"""Webhook notifications: whether Travis signed one, and what it says about a build. No I/O.

Travis posts a notification to the URLs in ``notifications.webhooks`` of a .travis.yml, signed with a key of the site.
`Travis.webhook_verifier` fetches the public key, and `aiotravis.web.webhook_handler` serves aiohttp.web.

Travis sends each notification once, to one URL after the other, with at most 60 seconds for each, and never again,
whatever the answer. So answer soon, and work afterwards. Nothing says which delivery it is: one can come twice, the end
of a build before its start, and a restarted build is reported again under the same id and number.
`RecentNotifications` tells these apart. The headers, such as ``Travis-Repo-Slug``, are not signed: do not use them.

https://docs.travis-ci.com/user/notifications/#configuring-webhook-notifications
"""

import base64
import binascii
from collections import OrderedDict
from datetime import datetime
from typing import Final, Literal, TypeVar

import msgspec

from aiotravis._http.dates import Timestamp
from aiotravis._http.json_text import DECODE_ERRORS
from aiotravis._http.lenient import Id, UnreadableValue
from aiotravis._http.value_reader import ValueReader
from aiotravis._validation import validate_count, validate_instance
from aiotravis.errors import UsageError, WebhookRejected
from aiotravis.resources._base import Entity
from aiotravis.resources._build_or_job import EMPTY, finish
from aiotravis.resources._states import State
from aiotravis.resources.builds import Build
from aiotravis.resources.commits import Commit
from aiotravis.resources.jobs import Job
from aiotravis.resources.repositories import Repository

__all__ = ["Notification", "RecentNotifications", "verify"]

K = TypeVar("K")
V = TypeVar("V")

DEFAULT_REMEMBERED: Final = 10_000
"""Notifications, and builds, that `RecentNotifications` remembers: some megabytes."""


class Notification(Entity, frozen=True, kw_only=True):
    """What a webhook says about a build.

    Attributes:
        build: The build, with its commit and jobs. Its state is started, passed, failed, errored or canceled. Its jobs
            have no times of their own. Configurations can contain the URLs of other webhooks: treat them as secrets.
        repository: The repository: its id and slug.
        result_message: The state beside that of the build before it on the branch: ``Pending``, ``Passed``, ``Fixed``,
            ``Broken``, ``Failed``, ``Still Failing``, ``Errored`` or ``Canceled``.
        build_url: Page of the build on Travis's website.
        base_commit: Hash that a pull request is merged into.
        head_commit: Hash of the head of a pull request.
    """

    build: Build
    repository: Repository | None = None
    result_message: str | None = None
    build_url: str | None = None
    base_commit: str | None = None
    head_commit: str | None = None

    @property
    def state(self) -> State:
        """State of the build."""
        return self.build.state

    @property
    def key(self) -> str:
        """A text that is equal for deliveries of the same notification, to store where it must be handled only once.

        It has the id, the state and the times of the build: a restarted build has other times.
        """
        build = self.build
        times = (moment.isoformat() if moment else "-" for moment in (build.started_at, build.finished_at))
        return " ".join((str(build.id), build.state.value, *times))


class RecentNotifications:
    """Tells notifications that are new from those that come twice or too late.

    ``if recent.add(notification) == "new": ...``

    It is in memory. Several processes, or one that restarts, need `Notification.key` in a database instead.

    Args:
        size: Number of notifications to remember, and of builds.

    Raises:
        UsageError: The size is not a positive whole number.
    """

    def __init__(self, size: int = DEFAULT_REMEMBERED) -> None:
        self._size = validate_count(size, "size")
        self._keys: OrderedDict[str, None] = OrderedDict()
        self._newest: OrderedDict[int, tuple[datetime, bool]] = OrderedDict()

    def add(self, notification: Notification) -> Literal["new", "duplicate", "late"]:
        """Remember a notification, and return what it is.

        Returns:
            ``"new"``; ``"duplicate"`` if it was added before; ``"late"`` if a later one of its build was added before:
            the end of the same run, or anything about a newer run.

        Raises:
            UsageError: It is no notification.
        """
        validate_instance(notification, Notification, "notification")
        build = notification.build
        if notification.key in self._keys:
            return "duplicate"
        _remember(self._keys, notification.key, None, self._size)
        # Runs are told apart and ordered by their start. One that never started has only an end.
        began = build.started_at or build.finished_at
        if began is None:
            return "new"
        position = (began, build.finished)
        newest = self._newest.pop(build.id, position)
        _remember(self._newest, build.id, max(position, newest), self._size)
        return "late" if position < newest else "new"


def verify(body: bytes, signature: str | None, public_key: str | None) -> Notification:
    """Return the notification of a webhook request, if Travis signed it.

    Needs the extra ``crypto``.

    Args:
        body: Body of the request exactly as received, before anything parses it: ``payload=...``.
        signature: Its header ``Signature``; None if it has none.
        public_key: The site's key, `Config.webhook_public_key`; None if the site has none.

    Raises:
        WebhookRejected: A check failed, see its ``check``. The message contains nothing of the request.
        UsageError: The extra ``crypto`` is not installed, or an argument has another type.
    """
    validate_instance(body, bytes, "body")
    signed = _read_signature(signature)
    payload = _read_form(body)
    _check(payload, signed, public_key)
    return _read_payload(payload)


def _read_signature(signature: str | None) -> bytes:
    # fact beyond 2.2: base64 without line breaks. Other spellings of the same bytes are refused, too.
    if signature is None:
        raise WebhookRejected(
            "The request has no header Signature. Travis signs what it sends, if the site has a key.", check="signature"
        )
    validate_instance(signature, str, "signature")
    try:
        text = signature.encode("ascii")
        signed = base64.b64decode(text, validate=True)
    except ValueError:
        signed = text = b""
    if not signed or base64.b64encode(signed) != text:
        raise WebhookRejected("The header Signature is not base64.", check="signature")
    return signed


def _read_form(body: bytes) -> bytes:
    """Return the value of the one field of the form, decoded once."""
    # fact beyond 2.2: signed are the bytes of this value, neither the form nor the JSON written anew.
    name, _, value = body.partition(b"=")
    if name != b"payload" or b"&" in value or not value.isascii() or not value.strip():
        raise WebhookRejected(
            "The body is not the form that Travis sends, with the field payload alone. Pass it as received.",
            check="body",
        )
    # As quoted-printable, since decoding a hostile form takes a twentieth of the time of urllib.parse.
    return binascii.a2b_qp(value.replace(b"=", b"=3D").replace(b"+", b" ").replace(b"%", b"="))


def _check(payload: bytes, signature: bytes, public_key: str | None) -> None:
    try:
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
        from cryptography.hazmat.primitives.hashes import SHA1
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError:
        raise UsageError("Webhooks need the extra crypto: pip install 'aiotravis[crypto]'.") from None
    if public_key is None:
        # fact beyond 2.2: a site without a key cannot sign, so whatever comes is from somebody else.
        raise WebhookRejected("The site names no key to verify with, so its webhooks cannot be trusted.", check="key")
    validate_instance(public_key, str, "public_key")
    try:
        key = load_pem_public_key(public_key.encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey):
        raise WebhookRejected("The public key is not an RSA key in PEM.", check="key")
    try:
        key.verify(signature, payload, PKCS1v15(), SHA1())  # noqa: S303 - fact beyond 2.2: what Travis signs with
    except InvalidSignature:
        raise WebhookRejected(
            "The signature does not fit: somebody else sent this, it was changed on the way, or the key is another "
            "site's.",
            check="mismatch",
        ) from None
    except UnsupportedAlgorithm:
        raise WebhookRejected(
            "This machine's policy refuses SHA-1, with which Travis signs, so nothing can be verified.", check="key"
        ) from None


# Payload --------------------------------------------------------------------------------------------------------------


class _Commit(msgspec.Struct, frozen=True, kw_only=True):
    commit: str = ""
    branch: str | None = None
    message: str | None = None
    compare_url: str | None = None
    committed_at: Timestamp | None = None
    author_name: str | None = None
    author_email: str | None = None
    committer_name: str | None = None
    committer_email: str | None = None


# fact beyond 2.3: started_at and finished_at of jobs are those of the build, so they are left out.
class _Job(msgspec.Struct, frozen=True, kw_only=True):
    id: Id
    repository_id: Id | None = None
    parent_id: Id | None = None
    number: int | str = ""
    state: State = State.CREATED
    config: msgspec.Raw = EMPTY
    allow_failure: bool | None = None


class _Repository(msgspec.Struct, frozen=True, kw_only=True):
    id: Id
    name: str = ""
    owner_name: str = ""


class _Payload(_Commit, frozen=True, kw_only=True):
    id: Id
    number: int | str = ""  # fact beyond 2.3: both types occur
    config: msgspec.Raw = EMPTY
    type: str | None = None
    state: State = State.CREATED
    result_message: str | None = None
    started_at: Timestamp | None = None
    finished_at: Timestamp | None = None
    duration: int | None = None
    build_url: str | None = None
    commit_id: Id | None = None
    base_commit: str | None = None
    head_commit: str | None = None
    pull_request: bool | None = None
    pull_request_number: int | None = None
    pull_request_title: str | None = None
    tag: str | None = None
    repository: _Repository | None = None
    matrix: tuple[_Job, ...] = ()


_read: Final = ValueReader(_Payload)


def _read_payload(payload: bytes) -> Notification:
    try:
        sent = _read(payload, set())
    except (UnreadableValue, *DECODE_ERRORS):
        raise WebhookRejected(
            "Travis signed this, but it is not a JSON object with the id of a build.", check="payload"
        ) from None
    repository = sent.repository
    slug = ""
    if repository and repository.owner_name and repository.name:
        slug = f"{repository.owner_name}/{repository.name}"
    commit = None
    if sent.commit_id is not None:
        commit = Commit(
            id=sent.commit_id,
            sha=sent.commit,
            branch=sent.branch,
            message=sent.message,
            committed_at=sent.committed_at,
            author_name=sent.author_name,
            author_email=sent.author_email,
            committer_name=sent.committer_name,
            committer_email=sent.committer_email,
            compare_url=sent.compare_url,
            tag=sent.tag,
        )
    jobs = finish(
        [
            Job(
                id=job.id,
                repository_id=job.repository_id,
                repository_slug=slug or None,
                build_id=job.parent_id,
                commit_id=sent.commit_id,
                commit=commit,
                number=str(job.number),
                state=job.state,
                config_json=job.config,
                allow_failure=job.allow_failure,
            )
            for job in sent.matrix
        ]
    )
    build = Build(
        id=sent.id,
        repository_id=repository.id if repository else None,
        commit_id=sent.commit_id,
        number=str(sent.number),
        state=sent.state,
        started_at=sent.started_at,
        finished_at=sent.finished_at,
        config_json=sent.config,
        commit=commit,
        job_ids=tuple(job.id for job in jobs),
        jobs=tuple(jobs),
        event_type=sent.type,
        pull_request=sent.pull_request,
        pull_request_title=sent.pull_request_title,
        pull_request_number=sent.pull_request_number,
        duration=sent.duration,
    )
    return Notification(
        build=finish([build])[0],
        repository=Repository(id=repository.id, slug=slug) if repository else None,
        result_message=sent.result_message,
        build_url=sent.build_url,
        base_commit=sent.base_commit,
        head_commit=sent.head_commit,
    )


def _remember(kept: OrderedDict[K, V], key: K, value: V, size: int) -> None:
    kept[key] = value
    if len(kept) > size:
        kept.popitem(last=False)


def __dir__() -> list[str]:
    return __all__
