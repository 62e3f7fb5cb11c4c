"""Requests for builds in API v3: what is sent to make one, what Travis answers, and what became of it. No I/O.

https://developer.travis-ci.com/resource/request
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal, cast, get_args

import msgspec
from msgspec.structs import replace

from aiotravis._http.dates import Timestamp, dates_to_utc
from aiotravis._http.json_text import DECODE_ERRORS, decode_any
from aiotravis._http.lenient import Id
from aiotravis._http.messages import encode_json, one_line
from aiotravis._http.redaction import json_secrets
from aiotravis._validation import display, is_text, validate_iterable, validate_text
from aiotravis.errors import UsageError
from aiotravis.resources._base import Entity
from aiotravis.resources._build_or_job import EMPTY, finish
from aiotravis.resources.builds import Build
from aiotravis.resources.commits import Commit

__all__ = [
    "BuildConfig", "MergeMode", "PendingRequest", "RequestMessage", "RequestStatus", "config_secrets", "is_accepted",
    "request_body",
]  # fmt: skip

BuildConfig = Mapping[str, object] | str
"""A configuration as in a .travis.yml: a mapping that JSON has, or its text in YAML or JSON."""

MergeMode = Literal["deep_merge_append", "deep_merge_prepend", "deep_merge", "merge", "replace"]
"""How a configuration meets the .travis.yml."""

MERGE_MODES: Final = get_args(MergeMode)

SHA: Final = re.compile(r"[0-9a-fA-F]{7,64}")


class PendingRequest(Entity, frozen=True, kw_only=True):
    """A request for a build that Travis has received, and not decided on.

    Attributes:
        id: None if the response did not tell, as on servers before 2017.
        repository_id: Travis's id.
        branch: The branch, which is the default branch if none was named.
        remaining_requests: Builds of this repository that could be triggered within the hour, this one included.
    """

    id: Id | None = None
    repository_id: Id | None = None
    branch: str | None = None
    remaining_requests: int | None = None


class RequestMessage(Entity, frozen=True, kw_only=True):
    """What Travis says about the configuration of a request.

    https://docs.travis-ci.com/user/build-config-validation/

    Attributes:
        level: ``alert``, ``error``, ``warn`` or ``info``.
        key: Place in the configuration, with dots; ``root`` for the top.
        code: Kind of the message, such as ``unknown_key``.
        args_json: What belongs to the code, as raw JSON, see `args`.
        source: Name of the configuration, such as ``.travis.yml``.
        line: Number of the line in it, from 0.
    """

    id: Id | None = None
    level: str | None = None
    key: str | None = None
    code: str | None = None
    args_json: msgspec.Raw = msgspec.field(default_factory=EMPTY.copy, name="args")
    source: str | None = msgspec.field(default=None, name="src")
    line: int | None = None

    def __post_init__(self) -> None:
        """Copy the raw JSON, which would keep the whole response in memory."""
        if self.args_json is not EMPTY:
            msgspec.structs.force_setattr(self, "args_json", self.args_json.copy())

    def __eq__(self, other: object) -> bool:
        """Compare the raw JSON by what it says."""
        equal = super().__eq__(other)
        if equal is False and isinstance(other, RequestMessage) and self.args_json != other.args_json:
            return self.args == other.args and super().__eq__(replace(other, args_json=self.args_json))
        return equal

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        """Hash without the raw JSON, which has no hash."""
        return hash((self.id, self.level, self.key, self.code, self.source, self.line))

    @property
    def args(self) -> Mapping[str, object]:
        """What belongs to the code, such as ``{"key": "lnguage"}``; decoded at each access. ``{}`` if nothing does."""
        try:
            value: object = decode_any(bytes(self.args_json))
        except DECODE_ERRORS:
            return {}
        return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}

    @property
    def text(self) -> str:
        """The message as one line: ``warn: unknown_key at root (key: lnguage), .travis.yml line 1``."""
        text = f"{self.level or 'info'}: {self.code or 'message'}"
        if self.key:
            text += f" at {self.key}"
        args = ", ".join(f"{name}: {value}" for name, value in self.args.items())
        if args:
            text += f" ({args})"
        if self.source:
            # fact 11.6: lines are counted from 0.
            text += f", {self.source}" if self.line is None else f", {self.source} line {self.line + 1}"
        return one_line(text)


class RequestStatus(Entity, frozen=True, kw_only=True):
    """What became of a request, as API v3 tells.

    Attributes:
        state: ``pending`` until Travis has decided; then ``finished``, or another word.
        result: ``approved`` or ``rejected``; None while undecided.
        message: Reason of a rejection, or ``Build created successfully``.
        event_type: ``api``, ``push``, ``pull_request`` or ``cron``.
        branch_name: The branch; None while undecided.
        commit: The commit, without its author; None while undecided.
        builds: The builds that it led to, as a rule one, without commits and jobs.
        messages: What Travis says about the configuration, the worst first; empty on old servers.
    """

    id: Id
    state: str | None = None
    result: str | None = None
    message: str | None = None
    event_type: str | None = None
    branch_name: str | None = None
    commit: Commit | None = None
    created_at: Timestamp | None = None
    builds: tuple[Build, ...] = ()
    messages: tuple[RequestMessage, ...] = ()

    def __post_init__(self) -> None:
        """Convert dates to UTC."""
        dates_to_utc(self, "created_at")
        finish(self.builds)
        if self.commit is not None:
            dates_to_utc(self.commit, "committed_at")

    @property
    def accepted(self) -> bool:
        """Whether Travis made, or will make, a build of it."""
        return is_accepted(self.result) or bool(self.builds)

    @property
    def rejected(self) -> bool:
        """Whether Travis rejected it; ``message`` and ``messages`` tell why."""
        return self.result == "rejected" and not self.builds

    @property
    def build_id(self) -> int | None:
        """Id of the build that it led to, or None."""
        return self.builds[0].id if self.builds else None


def is_accepted(result: str | None) -> bool:
    """Return whether the result of a request means that a build is made of it."""
    # fact 11.6: older code says accepted, today's approved, in v2, too.
    return result in {"approved", "accepted"}


def request_body(
    *,
    branch: str | None = None,
    sha: str | None = None,
    tag: str | None = None,
    message: str | None = None,
    config: BuildConfig | None = None,
    merge_mode: MergeMode | None = None,
    configs: Iterable[Mapping[str, object]] = (),
) -> dict[str, object]:
    """Return the JSON that requests a build, see `Requests.create`.

    Raises:
        UsageError: An argument is not valid.
    """
    several = _validate_configs(configs)
    if config is not None and several:
        raise UsageError("Pass either config or configs: Travis would ignore the former.", argument="configs")
    if merge_mode is not None and config is None:
        raise UsageError("merge_mode says how config is merged: pass config, too.", argument="merge_mode")
    if sha is not None and not (is_text(sha) and SHA.fullmatch(sha)):
        raise UsageError(f"sha must be 7 to 64 hexadecimal digits, not {display(sha)}.", argument="sha")
    fields: dict[str, object] = {
        "branch": None if branch is None else validate_text(branch, "branch"),
        "sha": sha,
        "tag_name": None if tag is None else validate_text(tag, "tag"),
        "message": None if message is None else validate_text(message, "message"),
        "config": None if config is None else _validate_config(config, "config"),
        "merge_mode": None if merge_mode is None else _validate_merge_mode(merge_mode, "merge_mode"),
        "configs": several or None,
    }
    # fact 11.5: only the nested form has tag_name, and counts the requests of all branches towards the limit.
    return {"request": {name: value for name, value in fields.items() if value is not None}}


def _validate_config(config: object, argument: str) -> object:
    value = config
    if isinstance(config, str):
        validate_text(config, argument)
        try:
            value = decode_any(config.encode())
        except DECODE_ERRORS:
            return config  # YAML, which Travis reads.
    # The value is not quoted: it may hold secrets.
    if not isinstance(value, Mapping):
        kind = type(value).__name__
        raise UsageError(f"{argument} must be a mapping, or the text of one, not {kind}.", argument=argument)
    if isinstance(config, str):
        return config
    try:
        plain = _to_json(config, argument, argument)
    except RecursionError:
        plain = None
    if plain is None or encode_json(plain) is None:
        raise UsageError(f"{argument} must hold only values that JSON has, and not itself.", argument=argument)
    return plain


def _to_json(value: object, argument: str, where: str) -> object:
    """Return a value in types that become JSON as they are: no other configuration is built in silence."""
    if value is None or isinstance(value, int) or is_text(value) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, list | tuple):
        items = cast("Iterable[object]", value)
        return [_to_json(item, argument, f"{where}[{index}]") for index, item in enumerate(items)]
    if isinstance(value, Mapping):
        fields = cast("Mapping[object, object]", value).items()
        return {_to_key(key, argument): _to_json(item, argument, f"{where}.{display(key)}") for key, item in fields}
    kind = f"of type {type(value).__name__}"
    if isinstance(value, float | str):
        kind = "not finite" if isinstance(value, float) else "no text that can be sent"
    message = f"{argument} must hold only values that JSON has, but {one_line(where)} is {kind}."
    raise UsageError(message, argument=argument)


def _to_key(key: object, argument: str) -> str:
    if is_text(key) or (isinstance(key, int) and not isinstance(key, bool)):
        return str(key)
    # YAML 1.1, which PyYAML reads, has "on" for true.
    hint = "; in YAML, put the key on in quotes" if isinstance(key, bool) else ""
    raise UsageError(f"{argument} must have texts as keys, not {type(key).__name__}{hint}.", argument=argument)


def _validate_merge_mode(mode: object, argument: str) -> object:
    # fact 11.5: Travis takes an unknown one, and what it then does is not known.
    if mode not in MERGE_MODES:
        raise UsageError(f"{argument} must be one of {', '.join(MERGE_MODES)}, not {display(mode)}.", argument=argument)
    return mode


def _validate_configs(configs: object) -> list[dict[str, object]]:
    argument = "configs"
    validate_iterable(configs, argument, "mappings with a config and a mode")
    several: list[dict[str, object]] = []
    for one in cast("Iterable[object]", configs):
        fields = cast("Mapping[object, object]", one if isinstance(one, Mapping) else {})
        if "config" not in fields or not set(fields) <= {"config", "mode"}:
            raise UsageError('configs must hold mappings like {"config": {...}, "mode": "merge"}.', argument=argument)
        valid = {"config": _validate_config(fields["config"], argument)}
        if fields.get("mode") is not None:
            valid["mode"] = _validate_merge_mode(fields["mode"], argument)
        several.append(valid)
    return several


def config_secrets(value: object) -> Iterator[str]:
    """Yield the texts of a request that no error may repeat: values of variables, and configurations that are texts."""
    yield from json_secrets(value)
    yield from _variables(value, inside=False)


def _variables(value: object, *, inside: bool) -> Iterator[str]:
    if isinstance(value, str):
        if inside:
            yield value
            yield value.partition("=")[2].strip("\"'")
    elif isinstance(value, Mapping):
        for name, item in cast("Mapping[object, object]", value).items():
            is_text_of_config = name == "config" and isinstance(item, str)
            yield from _variables(item, inside=inside or is_text_of_config or name in {"env", "secure"})
    elif isinstance(value, list | tuple):
        for item in cast("Iterable[object]", value):
            yield from _variables(item, inside=inside)
