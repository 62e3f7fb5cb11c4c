"""Annotations: remarks of other services about a job, on servers until December 2017.

https://docs.travis-ci.com/api/#annotations
"""

from types import NoneType

from aiotravis._http import Endpoint, Results, results_of
from aiotravis._http.lenient import Id
from aiotravis._validation import validate_text
from aiotravis.resources._base import Entity, Resource, id_of
from aiotravis.resources.jobs import Job

__all__ = ["Annotation", "Annotations"]


class Annotation(Entity, frozen=True, kw_only=True):
    """A remark about a job.

    Attributes:
        description: The remark.
        url: Page with details.
        status: Such as ``passed``.
        provider_name: Service that made the remark.
    """

    id: Id
    job_id: Id | None = None
    description: str = ""
    url: str | None = None
    status: str | None = None
    provider_name: str | None = None


class _AnnotationsResponse(Entity, frozen=True, kw_only=True):
    annotations: tuple[Annotation, ...]


LIST = Endpoint("GET", "/jobs/{id}/annotations", _AnnotationsResponse)
CREATE = Endpoint("POST", "/jobs/{id}/annotations", NoneType)


class Annotations(Resource):
    """``travis.annotations``. Newer servers do not have these routes: every call raises NotFoundError."""

    async def list(self, job: int | Job) -> Results[Annotation]:
        """List the annotations of a job.

        Raises:
            NotFoundError: The job or the route does not exist.
        """
        return results_of((await self._fetch(LIST, id=id_of(job, "job", Job))).annotations)

    async def create(
        self, job: int | Job, *, username: str, key: str, description: str, status: str, url: str | None = None
    ) -> None:
        """Add an annotation, or replace the one of this provider and job.

        Args:
            job: Id, or a job.
            username: Name of the provider, as registered with Travis.
            key: Secret key of the provider.
            description: The remark.
            status: Such as ``passed``.
            url: Page with details, http or https.

        Raises:
            AuthenticationError: Travis does not know the provider.
            NotFoundError: The job or the route does not exist.
            UsageError: An argument is empty.
        """
        fields = {"username": username, "key": key, "description": description, "status": status}
        if url is not None:
            fields["url"] = url
        body = {name: validate_text(value, name) for name, value in fields.items()}
        await self._fetch(CREATE, id=id_of(job, "job", Job), json=body, hidden=[key])
