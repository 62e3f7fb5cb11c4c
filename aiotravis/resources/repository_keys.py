"""Repository keys: with which values for a .travis.yml are encrypted.

https://docs.travis-ci.com/api/#repository-keys
"""

import base64
from typing import TYPE_CHECKING, Final

from aiotravis._http import Endpoint
from aiotravis.errors import UsageError
from aiotravis.resources._base import Entity, Resource, text_of
from aiotravis.resources.repositories import Repository, repo_part

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

__all__ = ["RepositoryKey", "RepositoryKeys"]

PADDING: Final = 11
"""Bytes of a block that PKCS#1 v1.5 keeps for itself."""


class RepositoryKey(Entity, frozen=True, kw_only=True):
    """The public key of a repository.

    Attributes:
        key: As PEM, the way the server writes it; see `pem`.
        fingerprint: MD5 of its SSH form, hexadecimal with colons, or None.
    """

    key: str
    fingerprint: str | None = None

    @property
    def pem(self) -> str:
        """The key as PEM that libraries read.

        Raises:
            UsageError: The extra ``crypto`` is not installed, or the key cannot be read.
        """
        public = self._loaded()
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    @property
    def ssh_rsa(self) -> str:
        """The key in the form of ``~/.ssh/authorized_keys``: ``ssh-rsa AAAA...``.

        Raises:
            UsageError: The extra ``crypto`` is not installed, or the key cannot be read.
        """
        public = self._loaded()
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()

    def encrypt(self, value: str) -> str:
        """Encrypt a value for ``secure:`` in a .travis.yml (RSA, PKCS#1 v1.5).

        Args:
            value: Such as ``NAME=value``, or a bare password, as the place in the file wants it.

        Returns:
            Base64 without white space.

        Raises:
            UsageError: The value is empty or too long for the key, the extra ``crypto`` is not installed, or the key
                cannot be read. The value is never quoted.
        """
        text = text_of(value, "value").encode()
        public = self._loaded()
        room = public.key_size // 8 - PADDING
        if len(text) > room:
            message = f"value has {len(text)} bytes, and this key of {public.key_size} bits can encrypt {room} at most."
            raise UsageError(message, argument="value")
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

        return base64.b64encode(public.encrypt(text, PKCS1v15())).decode()

    def _loaded(self) -> "RSAPublicKey":
        try:
            from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
            from cryptography.hazmat.primitives.serialization import load_pem_public_key
        except ImportError:
            raise UsageError("Keys need the extra crypto: pip install 'aiotravis[crypto]'.") from None
        # The documentation's sample has backslash-n in place of newlines.
        text = self.key.replace("\\n", "\n")
        # Servers write RSA into the label, whatever is between the labels.
        for attempt in (text, text.replace("RSA PUBLIC KEY", "PUBLIC KEY")):
            try:
                public = load_pem_public_key(attempt.encode())
            except ValueError:
                continue
            if isinstance(public, RSAPublicKey):
                return public
        raise UsageError("The repository's key is no RSA key in PEM.", argument="key")


KEY = Endpoint("GET", "/repos/{repo}/key", RepositoryKey)
REGENERATE = Endpoint("POST", "/repos/{repo}/key", RepositoryKey)


class RepositoryKeys(Resource):
    """``travis.repository_keys``."""

    async def get(self, repo: int | str | Repository) -> RepositoryKey:
        """Fetch the public key.

        Args:
            repo: Id, slug, or a repository.

        Raises:
            NotFoundError: No such repository, or this token may not see it.
        """
        return await self._fetch(KEY, repo=repo_part(repo))

    async def regenerate(self, repo: int | str | Repository) -> RepositoryKey:
        """Make a new pair of keys; **all that was encrypted with the old one is lost**.

        Args:
            repo: Id, slug, or a repository.

        Raises:
            NotFoundError: No such repository, or **not an admin of it**: the server says the same to both.
            RepositoryMigrated: The repository has moved to the other site.
        """
        return await self._fetch(REGENERATE, repo=repo_part(repo))
