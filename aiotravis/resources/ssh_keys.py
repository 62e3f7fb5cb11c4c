"""SSH keys: with which Travis fetches a private repository's dependencies.

https://docs.travis-ci.com/api/#settings:-ssh-key
"""

from aiotravis._http import Endpoint
from aiotravis.resources._base import Entity, Resource, id_of, text_of
from aiotravis.resources.repositories import Repository

__all__ = ["SshKey", "SshKeys"]


class SshKey(Entity, frozen=True, kw_only=True):
    """A key. Its private part is never sent back.

    Attributes:
        id: The repository's id.
        description: Or None.
        fingerprint: MD5, hexadecimal with colons, or None.
    """

    id: int
    description: str | None = None
    fingerprint: str | None = None


class _SshKeyResponse(Entity, frozen=True, kw_only=True):
    ssh_key: SshKey


GET = Endpoint("GET", "/settings/ssh_key/{id}", _SshKeyResponse)
UPDATE = Endpoint("PATCH", "/settings/ssh_key/{id}", _SshKeyResponse)
DELETE = Endpoint("DELETE", "/settings/ssh_key/{id}", _SshKeyResponse)


class SshKeys(Resource):
    """``travis.ssh_keys``. All of it needs push access; only travis-ci.com and Enterprise have it."""

    async def get(self, repo: int | Repository) -> SshKey:
        """Fetch what is known of a repository's key.

        Args:
            repo: Id of the repository, or a repository.

        Raises:
            NotFoundError: None is set, or no such repository, or no push access, or a site without such keys.
        """
        return (await self._fetch(GET, id=id_of(repo, "repo", Repository))).ssh_key

    async def update(self, repo: int | Repository, value: str, *, description: str | None = None) -> SshKey:
        """Set a repository's key, or replace it.

        Args:
            repo: Id of the repository, or a repository.
            value: The private key as PEM, without a passphrase.
            description: What people see of it.

        Raises:
            ValidationError: Not a private key, or one with a passphrase.
            NotFoundError: As for `get`.
        """
        fields = {"value": text_of(value, "value")}
        if description is not None:
            fields["description"] = description
        number = id_of(repo, "repo", Repository)
        return (await self._fetch(UPDATE, id=number, json={"ssh_key": fields}, hidden=[value])).ssh_key

    async def delete(self, repo: int | Repository) -> SshKey:
        """Delete a repository's key, and give back what was known of it.

        Args:
            repo: Id of the repository, or a repository.

        Raises:
            NotFoundError: As for `get`.
        """
        return (await self._fetch(DELETE, id=id_of(repo, "repo", Repository))).ssh_key
