"""SSH keys: Travis fetches a private repository's dependencies with them.

https://docs.travis-ci.com/api/#settings:-ssh-key
"""

from aiotravis._http import Endpoint
from aiotravis._http.lenient import Id
from aiotravis._validation import validate_string, validate_text
from aiotravis.resources._base import Entity, Resource, id_of
from aiotravis.resources.repositories import Repository

__all__ = ["SshKey", "SshKeys"]


class SshKey(Entity, frozen=True, kw_only=True):
    """A key. Travis never returns the private key.

    Attributes:
        id: The repository's id.
        fingerprint: MD5 of the key, hexadecimal with colons.
    """

    id: Id
    description: str | None = None
    fingerprint: str | None = None


class _SshKeyResponse(Entity, frozen=True, kw_only=True):
    ssh_key: SshKey


GET = Endpoint("GET", "/settings/ssh_key/{id}", _SshKeyResponse)
UPDATE = Endpoint("PATCH", "/settings/ssh_key/{id}", _SshKeyResponse)
DELETE = Endpoint("DELETE", "/settings/ssh_key/{id}", _SshKeyResponse)


class SshKeys(Resource):
    """``travis.ssh_keys``, only on travis-ci.com and Enterprise. Every call needs push access and a repository's id.

    ``repo`` is the repository or its id.

    All calls raise NotFoundError if the key or the repository does not exist, without push access, or on other sites.
    """

    async def get(self, repo: int | Repository) -> SshKey:
        """Fetch description and fingerprint of a repository's key."""
        return (await self._fetch(GET, id=id_of(repo, "repo", Repository))).ssh_key

    async def update(self, repo: int | Repository, value: str, *, description: str | None = None) -> SshKey:
        """Create or replace a repository's key.

        Args:
            repo: Id, or a repository.
            value: The private key as PEM, without a passphrase.
            description: Text that identifies the key to people.

        Raises:
            ValidationError: It is not a private key, or has a passphrase.
        """
        fields = {"value": validate_text(value, "value")}
        if description is not None:
            fields["description"] = validate_string(description, "description")
        number = id_of(repo, "repo", Repository)
        return (await self._fetch(UPDATE, id=number, json={"ssh_key": fields}, hidden=[value])).ssh_key

    async def delete(self, repo: int | Repository) -> SshKey:
        """Delete a repository's key, and return its description and fingerprint."""
        return (await self._fetch(DELETE, id=id_of(repo, "repo", Repository))).ssh_key
