"""Lint: what is wrong with a .travis.yml.

https://docs.travis-ci.com/api/#linting
"""

from collections.abc import Sequence

from aiotravis._http import Endpoint
from aiotravis.errors import UsageError
from aiotravis.resources._base import Entity, Resource

__all__ = ["Lint", "LintWarning"]


class LintWarning(Entity, frozen=True, kw_only=True):
    """One thing to look at.

    Attributes:
        key: Path to the place in the file; always empty from today's server, which names it in the message.
        message: What is wrong.
    """

    key: tuple[str, ...] = ()
    message: str = ""


class _Warnings(Entity, frozen=True, kw_only=True):
    warnings: tuple[LintWarning, ...] = ()


class _LintResponse(Entity, frozen=True, kw_only=True):
    lint: _Warnings


LINT = Endpoint("POST", "/lint", _LintResponse)


class Lint(Resource):
    """``travis.lint``."""

    async def check(self, content: str | bytes) -> Sequence[LintWarning]:
        """Check a .travis.yml. Needs no token.

        Args:
            content: The file's text.

        Returns:
            Warnings; none if all is well.

        Raises:
            UsageError: It is empty, or not UTF-8.
        """
        try:
            text = content.decode() if isinstance(content, bytes) else content
        except UnicodeDecodeError:
            raise UsageError("content must be UTF-8.", argument="content") from None
        if not text.strip():
            raise UsageError("content must not be empty.", argument="content")
        return (await self._fetch(LINT, json={"content": text})).lint.warnings
