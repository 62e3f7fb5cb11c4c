"""Annotations, as servers had them until 2017."""

from aiotravis._http import ApiResponse
from aiotravis.resources.annotations import Annotations
from tests.samples import JSON, Scripted

SAMPLE = b"""{"annotations":[{"id":1,"job_id":2,"description":"slow","url":null,"status":null,"provider_name":"x"}]}"""


async def test_annotations_are_listed() -> None:
    transport = Scripted(SAMPLE)
    annotation = (await Annotations(transport).list(2))[0]
    assert (annotation.job_id, annotation.url, annotation.provider_name) == (2, None, "x")
    assert transport.calls[0].target == "/jobs/2/annotations"


async def test_without_a_url_none_is_sent() -> None:
    transport = Scripted(ApiResponse(204, JSON, b""))
    await Annotations(transport).create(2, username="u", key="k", description="d", status="passed")
    assert transport.calls[0].body == b'{"username":"u","key":"k","description":"d","status":"passed"}'
    assert "key" not in repr(transport.calls[0])
