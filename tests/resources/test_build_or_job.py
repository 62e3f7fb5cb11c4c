"""What builds and jobs share."""

import gc
import sys

import msgspec
import pytest

from aiotravis import Build, Job
from aiotravis._http import ApiResponse
from aiotravis.resources._build_or_job import EMPTY, finish
from aiotravis.resources.builds import LIST
from tests.samples import BUILD, JOB, JSON


def test_the_configuration_is_decoded_on_access() -> None:
    build = msgspec.json.decode(BUILD, type=Build)
    assert build.config == {"language": "ruby", "rvm": ["1.9.3"], ".result": "configured"}
    assert bytes(build.config_json) == b'{"language":"ruby","rvm":["1.9.3"],".result":"configured"}'


@pytest.mark.parametrize("config", [b"", b',"config":{}', b',"config":null', b',"config":[1]'])
def test_a_configuration_that_is_not_an_object_is_empty(config: bytes) -> None:
    build = msgspec.json.decode(b'{"id":1' + config + b"}", type=Build)
    assert build.config == {}
    assert (build.config_json is EMPTY) is (config == b"")


def test_properties_describe_the_state() -> None:
    job = msgspec.json.decode(JOB, type=Job)
    assert (job.running, job.finished, job.pending, job.passed, job.unsuccessful) == (True, False, False, False, False)


def test_a_build_and_a_job_with_one_id_differ() -> None:
    assert hash(Build(id=1)) != hash(Job(id=1))
    entities: list[object] = [Build(id=1), Job(id=1)]
    assert entities[0] != entities[1]


def test_configurations_are_compared_by_what_they_say() -> None:
    def build(config: bytes, duration: int | None = None) -> Build:
        return Build(id=1, config_json=msgspec.Raw(config), duration=duration)

    one = build(b'{"rvm": ["1.9.3"], "script": "\\u00e9"}')
    same, other = build('{"script":"é","rvm":["1.9.3"]}'.encode()), build(b'{"rvm":["2.0"]}')
    assert (one == same, one != same, hash(one) == hash(same)) == (True, False, True)
    assert (one == other, one != other) == (False, True)
    assert one != build(b'{"script":"\\u00e9","rvm":["1.9.3"]}', duration=3)
    assert one != Job(id=1, config_json=one.config_json)
    assert one != 1
    # The jobs in builds, too.
    jobs = [(Job(id=2, config_json=msgspec.Raw(text)),) for text in (b'{"a": 1}', b'{"a":1}')]
    assert Build(id=1, jobs=jobs[0]) == Build(id=1, jobs=jobs[1])


def test_the_configuration_does_not_keep_the_response_in_memory() -> None:
    response = b'{"id":1,"config":{"language":"ruby"},"padding":"' + b"x" * 100_000 + b'"}'
    before = sys.getrefcount(response)
    (build,) = finish([msgspec.json.decode(response, type=Build)])
    assert sys.getrefcount(response) == before
    assert bytes(build.config_json) == b'{"language":"ruby"}'
    assert build.config == build.config
    assert build.config is not build.config


def test_equal_configurations_in_a_row_share_one_copy() -> None:
    response = b'{"builds":[%b]}' % b",".join(b'{"id":%d,"config":{"rvm":"3.%d"}}' % (n, n // 3) for n in range(1, 7))
    builds = finish(LIST.read(LIST.request(), ApiResponse(200, JSON, response)).builds)
    assert [build.config["rvm"] for build in builds] == ["3.0", "3.0", "3.1", "3.1", "3.1", "3.2"]
    assert len({id(build.config_json) for build in builds}) == 3


def test_a_configuration_above_1_mib_is_not_kept_for_the_next_response() -> None:
    response = b'{"id":1,"config":{"script":"' + b"x" * (1 << 20) + b'"}}'
    before = sys.getrefcount(response)
    builds = [finish([msgspec.json.decode(response, type=Build)])[0] for _ in range(2)]
    assert sys.getrefcount(response) == before
    assert builds[0].config_json is not builds[1].config_json
    assert builds[0].config == {"script": "x" * (1 << 20)}


def test_the_garbage_collector_does_not_track_entities() -> None:
    build = LIST.read(LIST.request(), ApiResponse(200, JSON, b'{"builds":[{"id":1,"job_ids":[1,2]}]}')).builds[0]
    assert not gc.is_tracked(build)
