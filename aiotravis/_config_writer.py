"""Changing the file in which the ``travis`` command line client stores its tokens. All functions block."""

import contextlib
import io
import os
import tempfile
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiotravis._config_file import (
    StoredConfig,
    config_of_content,
    file_at,
    parse_config,
    require_yaml,
    usual_spelling,
)
from aiotravis.errors import UsageError
from aiotravis.rate_limits.state_folder import folder_lock

if TYPE_CHECKING:
    import yaml

__all__ = ["check_changeable", "store_default", "store_token"]

FOLDER_MODE: Final = 0o700

UNFOLDED: Final = 1 << 30
"""Columns of a line that is never folded."""


def store_token(path: str | PathLike[str], endpoint: str, token: str | None) -> bool:
    """Store the token of an endpoint, or remove it if None, and return whether the file changed.

    Everything else in the file stays, but for comments. Processes that write at the same time wait for each other.

    Args:
        path: The file; it is made if it is missing and there is a token.
        endpoint: URL of the endpoint.
        token: The token.

    Raises:
        UsageError: The extra ``config`` is not installed, or the file is not one that can be changed.
        OSError: It cannot be written.
    """

    def edit(root: "yaml.MappingNode") -> None:
        if token is None and _find(root, lambda name: name == "endpoints") is None:
            return
        endpoints = _child(root, lambda name: name == "endpoints", "endpoints")
        if token is None and _find(endpoints, lambda url: usual_spelling(url) == endpoint) is None:
            return
        # A URL can be there in several spellings; the last one counts.
        entry = _child(endpoints, lambda url: usual_spelling(url) == endpoint, f"{endpoint}/")
        _set(entry, "access_token", token)

    if token is None and not file_at(path).exists():
        return False
    endpoint = usual_spelling(endpoint)
    return _change(path, edit, lambda config: config._replace(tokens=_with(config.tokens, endpoint, token)))


def store_default(path: str | PathLike[str], endpoint: str) -> bool:
    """Store the default endpoint, and return whether the file changed, see `store_token`.

    Raises:
        UsageError: The extra ``config`` is not installed, or the file is not one that can be changed.
        OSError: It cannot be written.
    """
    endpoint = usual_spelling(endpoint)
    return _change(
        path,
        lambda root: _set(root, "default_endpoint", f"{endpoint}/"),
        lambda config: config._replace(default=endpoint),
    )


def check_changeable(path: str | PathLike[str]) -> None:
    """Check that a token can be stored, before somebody signs in.

    Raises:
        UsageError: The extra ``config`` is not installed, or the file is not one that can be changed.
        OSError: It cannot be written.
    """
    target = _target(path)
    _root(target)
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise PermissionError(13, os.strerror(13), str(target.parent))


def _target(path: str | PathLike[str]) -> Path:
    """Return the file itself, which a link may lead to, in a folder that exists."""
    target = Path(os.path.realpath(file_at(path)))
    target.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    return target


def _root(target: Path) -> "tuple[StoredConfig, yaml.MappingNode]":
    """Return what a file says, and its content as nodes; a missing or empty file has none."""
    require_yaml()
    import yaml

    content, node = parse_config(target) if target.exists() else (None, None)
    if content is None and not (target.exists() and not target.is_file()):
        return StoredConfig(), _new_mapping()
    if not target.is_file() or not isinstance(node, yaml.MappingNode):
        raise _not_changeable(target)
    return config_of_content(content), node


def _change(
    path: str | PathLike[str],
    edit: "Callable[[yaml.MappingNode], None]",
    expected: Callable[[StoredConfig], StoredConfig],
) -> bool:
    target = _target(path)
    with folder_lock(target.parent):
        before, root = _root(target)
        import yaml

        text, after = "", None
        with contextlib.suppress(_OddEntry, yaml.YAMLError):
            edit(root)
            text = _text(root)
            after = config_of_content(yaml.safe_load(text))
        if after is None or after != expected(before):
            # What the entry has may come from another one, by a merge key. Not in a handler: it may quote a token.
            raise _not_changeable(target)
        if after != before:
            _replace(target, text)
        return after != before


def _text(root: "yaml.MappingNode") -> str:
    import yaml

    _write_lines(root)
    stream = io.StringIO()
    dumper = yaml.SafeDumper(stream, explicit_start=True, allow_unicode=True, width=UNFOLDED)
    dumper.open()
    dumper.serialize(root)
    dumper.close()
    return stream.getvalue()


def _replace(target: Path, text: str) -> None:
    """Replace a file as a whole: another process reads the old or the new one, and so does this one after a crash."""
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(descriptor)
        if hasattr(os, "chown"):
            # Under sudo, it stays the user's own.
            owner = (target if target.exists() else target.parent).stat()
            with contextlib.suppress(OSError):
                os.chown(name, owner.st_uid, owner.st_gid)
        Path(name).replace(target)
    except BaseException as exc:
        Path(name).unlink(missing_ok=True)
        if isinstance(exc, OSError) and exc.filename is None:
            # That of a write.
            exc.filename = str(target)
        raise


class _OddEntry(Exception):
    """Something else stands where a mapping should."""


def _not_changeable(file: Path) -> UsageError:
    return UsageError(f"{file} is not as the travis command writes it: it is left as it is. Mend it.", argument="path")


def _find(parent: "yaml.MappingNode", fits: Callable[[str], bool]) -> int | None:
    """Return the index of an entry; of several, the last one counts."""
    names = [str(key.value) for key, _ in parent.value]
    return next((index for index in reversed(range(len(names))) if fits(names[index])), None)


def _child(parent: "yaml.MappingNode", fits: Callable[[str], bool], name: str) -> "yaml.MappingNode":
    """Return the mapping of an entry, as a copy since other entries may refer to it; a new one if there is none."""
    import yaml

    index = _find(parent, fits)
    if index is None:
        child = _new_mapping()
        parent.value.append((_new_scalar(name), child))
        return child
    key, value = parent.value[index]
    if isinstance(value, yaml.MappingNode):
        child = yaml.MappingNode(value.tag, list(value.value), flow_style=value.flow_style)
    elif value.tag == "tag:yaml.org,2002:null":
        child = _new_mapping()
    else:
        raise _OddEntry
    parent.value[index] = (key, child)
    return child


def _set(parent: "yaml.MappingNode", name: str, text: str | None) -> None:
    """Set an entry, or remove it if None."""
    index = _find(parent, lambda key: key == name)
    if text is None:
        parent.value[:] = [pair for pair in parent.value if pair[0].value != name]
    elif index is None:
        parent.value.append((_new_scalar(name), _new_scalar(text)))
    else:
        parent.value[index] = (parent.value[index][0], _new_scalar(text))


def _write_lines(root: "yaml.MappingNode") -> None:
    """Write no braces: as Ruby does, and since PyYAML would tag and quote dates within them."""
    import yaml

    seen: set[int] = set()
    waiting: list[yaml.Node] = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen or not isinstance(node, yaml.CollectionNode):
            continue
        seen.add(id(node))
        node.flow_style = False
        waiting += node.value if isinstance(node, yaml.SequenceNode) else [one for pair in node.value for one in pair]


def _new_mapping() -> "yaml.MappingNode":
    import yaml

    return yaml.MappingNode("tag:yaml.org,2002:map", [], flow_style=False)


def _new_scalar(text: str) -> "yaml.ScalarNode":
    import yaml

    return yaml.ScalarNode("tag:yaml.org,2002:str", text)


def _with(tokens: Mapping[str, str | None], endpoint: str, token: str | None) -> dict[str, str | None]:
    return dict(tokens) if token is None and endpoint not in tokens else {**tokens, endpoint: token}
