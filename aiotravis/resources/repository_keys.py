"""Repository keys: they encrypt values for a .travis.yml.

https://docs.travis-ci.com/api/#repository-keys
"""

import base64
from typing import TYPE_CHECKING, Final

from aiotravis._http import Endpoint
from aiotravis._validation import validate_text
from aiotravis.errors import UsageError
from aiotravis.resources._base import Entity, Resource
from aiotravis.resources.repositories import Repository, repo_part

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

__all__ = ["RepositoryKey", "RepositoryKeys"]

PADDING_BYTES: Final = 11
"""Minimum padding of PKCS#1 v1.5."""


class RepositoryKey(Entity, frozen=True, kw_only=True):
    """The public key of a repository.

    Attributes:
        key: The key as the server writes it; for other software use `pem`.
        fingerprint: MD5 of the SSH form, hexadecimal with colons.
    """

    key: str
    fingerprint: str | None = None

    @property
    def pem(self) -> str:
        """The key as standard PEM.

        Raises:
            UsageError: The extra ``crypto`` is not installed, or the key cannot be read.
        """
        public = self._load()
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    @property
    def ssh_rsa(self) -> str:
        """The key as in ``~/.ssh/authorized_keys``: ``ssh-rsa AAAA...``.

        Raises:
            UsageError: The extra ``crypto`` is not installed, or the key cannot be read.
        """
        public = self._load()
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()

    def encrypt(self, value: str) -> str:
        """Encrypt a value for ``secure:`` in a .travis.yml (RSA, PKCS#1 v1.5).

        Args:
            value: Such as ``NAME=value``, or a bare password, depending on the place in the file.

        Returns:
            Base64 without whitespace.

        Raises:
            UsageError: The value is empty or too long for the key, the extra ``crypto`` is not installed, or the key
                cannot be read. The message never contains the value.
        """
        text = validate_text(value, "value").encode()
        public = self._load()
        maximum = public.key_size // 8 - PADDING_BYTES
        if len(text) > maximum:
            message = f"value has {len(text)} bytes; this key of {public.key_size} bits can encrypt at most {maximum}."
            raise UsageError(message, argument="value")
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

        return base64.b64encode(public.encrypt(text, PKCS1v15())).decode()

    def _load(self) -> "RSAPublicKey":
        try:
            from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
            from cryptography.hazmat.primitives.serialization import load_pem_public_key
        except ImportError:
            raise UsageError("Keys need the extra crypto: pip install 'aiotravis[crypto]'.") from None
        # fact 3.12: newlines can be written as backslash and n.
        text = self.key.replace("\\n", "\n")
        # fact 3.12: the label can say RSA, although the data has another format.
        for attempt in (text, text.replace("RSA PUBLIC KEY", "PUBLIC KEY")):
            try:
                public = load_pem_public_key(attempt.encode())
            except ValueError:
                continue
            if isinstance(public, RSAPublicKey):
                return public
        raise UsageError("The repository's key is not an RSA key in PEM.", argument="key")


KEY = Endpoint("GET", "/repos/{repo}/key", RepositoryKey)
REGENERATE = Endpoint("POST", "/repos/{repo}/key", RepositoryKey)


class RepositoryKeys(Resource):
    """``travis.repository_keys``. ``repo`` is an id, a slug, or a repository."""

    async def get(self, repo: int | str | Repository) -> RepositoryKey:
        """Fetch the public key.

        Raises:
            NotFoundError: The repository does not exist or is hidden from this token.
        """
        return await self._fetch(KEY, repo=repo_part(repo))

    async def regenerate(self, repo: int | str | Repository) -> RepositoryKey:
        """Replace the pair of keys, and return the new public key. What the old key encrypted is **lost**.

        Raises:
            NotFoundError: The repository does not exist, or the user has no admin rights.
            RepositoryMigrated: The repository has moved to another site.
        """
        return await self._fetch(REGENERATE, repo=repo_part(repo))
