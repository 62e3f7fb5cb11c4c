"""What builds and jobs have in common."""

import sys

import msgspec
import pytest

from aiotravis import Build, Job
from aiotravis.resources._running import EMPTY
from tests.samples import BUILD, JOB


def test_the_configuration_is_read_when_it_is_looked_at() -> None:
    build = msgspec.json.decode(BUILD, type=Build)
    assert build.config == {"language": "ruby", "rvm": ["1.9.3"], ".result": "configured"}
    assert bytes(build.config_json) == b'{"language":"ruby","rvm":["1.9.3"],".result":"configured"}'


@pytest.mark.parametrize("config", [b"", b',"config":{}', b',"config":null', b',"config":[1]'])
def test_a_configuration_that_is_none_is_empty(config: bytes) -> None:
    build = msgspec.json.decode(b'{"id":1' + config + b"}", type=Build)
    assert build.config == {}
    assert (build.config_json is EMPTY) is (config == b"")


def test_questions_about_the_state_can_be_asked_directly() -> None:
    job = msgspec.json.decode(JOB, type=Job)
    assert (job.running, job.finished, job.pending, job.passed, job.unsuccessful) == (True, False, False, False, False)


def test_a_build_and_a_job_of_one_id_are_two_things() -> None:
    assert hash(Build(id=1)) != hash(Job(id=1))
    things: list[object] = [Build(id=1), Job(id=1)]
    assert things[0] != things[1]


def test_the_configuration_does_not_keep_the_answer_in_memory() -> None:
    answer = b'{"id":1,"config":{"language":"ruby"},"padding":"' + b"x" * 100_000 + b'"}'
    before = sys.getrefcount(answer)
    build = msgspec.json.decode(answer, type=Build)
    assert sys.getrefcount(answer) == before
    assert bytes(build.config_json) == b'{"language":"ruby"}'
    assert build.config == build.config
    assert build.config is not build.config
