"""Annotations: what other services said about a job, an experiment that ended in 2017: today it answers 404.

https://docs.travis-ci.com/api/#annotations
"""

from collections.abc import Sequence
from types import NoneType

from aiotravis._http import Endpoint
from aiotravis.resources._base import Entity, Resource, id_of, text_of
from aiotravis.resources.jobs import Job

__all__ = ["Annotation", "Annotations"]


class Annotation(Entity, frozen=True, kw_only=True):
    """One remark about a job.

    Attributes:
        id: Travis's id of it.
        job_id: The job it is about.
        description: The remark.
        url: Page with more, or None.
        status: Such as ``passed``, or None.
        provider_name: Who said it.
    """

    id: int
    job_id: int | None = None
    description: str = ""
    url: str | None = None
    status: str | None = None
    provider_name: str | None = None


class _AnnotationsResponse(Entity, frozen=True, kw_only=True):
    annotations: tuple[Annotation, ...]


LIST = Endpoint("GET", "/jobs/{id}/annotations", _AnnotationsResponse)
CREATE = Endpoint("POST", "/jobs/{id}/annotations", NoneType)


class Annotations(Resource):
    """``travis.annotations``. Servers since December 2017 answer all of it with NotFoundError."""

    async def list(self, job: int | Job) -> Sequence[Annotation]:
        """List what was said about a job.

        Args:
            job: Id of the job, or a job.

        Raises:
            NotFoundError: No such job, or a server of after 2017.
        """
        return (await self._fetch(LIST, id=id_of(job, "job", Job))).annotations

    async def create(
        self, job: int | Job, *, username: str, key: str, description: str, status: str, url: str | None = None
    ) -> None:
        """Say something about a job, or say it anew: there is one annotation for each provider and job.

        Args:
            job: Id of the job, or a job.
            username: Name of the provider, as registered with Travis.
            key: Its key; a secret.
            description: The remark.
            status: Such as ``passed``.
            url: Page with more, http or https.

        Raises:
            AuthenticationError: The provider is unknown.
            ValidationError: Description or status are missing.
            NotFoundError: No such job, or a server of after 2017.
        """
        fields = {
            "username": text_of(username, "username"),
            "key": text_of(key, "key"),
            "description": text_of(description, "description"),
            "status": text_of(status, "status"),
        }
        if url is not None:
            fields["url"] = text_of(url, "url")
        await self._fetch(CREATE, id=id_of(job, "job", Job), json=fields)
