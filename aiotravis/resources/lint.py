"""Lint: warnings about a .travis.yml.

https://docs.travis-ci.com/api/#linting
"""

from aiotravis._http import Endpoint, Results, results_of
from aiotravis._validation import validate_text
from aiotravis.errors import UsageError
from aiotravis.resources._base import Entity, Resource

__all__ = ["Lint", "LintWarning"]


class LintWarning(Entity, frozen=True, kw_only=True):
    """A warning about a .travis.yml.

    Attributes:
        key: Path to the place in the file; empty from today's servers, which put it into the message.
        message: The warning.
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

    async def check(self, content: str | bytes) -> Results[LintWarning]:
        """Check the content of a .travis.yml, and return the warnings. No token is needed.

        Raises:
            UsageError: The content is empty or not UTF-8.
        """
        try:
            text = content.decode() if isinstance(content, bytes) else content
        except UnicodeDecodeError:
            raise UsageError("content must be UTF-8.", argument="content") from None
        response = await self._fetch(LINT, json={"content": validate_text(text, "content")})
        return results_of(response.lint.warnings)
