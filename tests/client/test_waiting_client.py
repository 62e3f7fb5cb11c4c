"""The arguments of the methods that wait for builds, jobs and commits; the flows have tests of their own."""

from typing import Any

import pytest

from aiotravis import Build, Job, Travis, errors

BUILD, JOB = Build(id=7, job_ids=(8,)), Job(id=8, build_id=7)


async def test_an_invalid_after_raises_usage_error() -> None:
    async with Travis() as travis:
        with pytest.raises(errors.UsageError, match="after must be a value of build 7"):
            await travis.wait_for_build(7, after=JOB)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        with pytest.raises(errors.UsageError, match="after must be a value of job 9"):
            await travis.wait_for_job(9, after=JOB)
        with pytest.raises(errors.UsageError, match="after must be a value of job 8"):
            travis.follow_log(8, after=BUILD)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_a_log_can_be_asked_for_without_an_event_loop() -> None:
    assert repr(Travis().follow_log(JOB, after=JOB)) == "<LogStream of job 8, not opened>"


async def test_restart_takes_either_a_build_or_a_job() -> None:
    async with Travis() as travis:
        with pytest.raises(errors.UsageError, match="either a build or a job"):
            await travis.restart()  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
        with pytest.raises(errors.UsageError, match="either a build or a job"):
            await travis.restart(BUILD, job=JOB)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
        with pytest.raises(errors.UsageError, match="build must be a positive id"):
            await travis.restart(0)
        with pytest.raises(errors.UsageError, match="job must be a positive id"):
            await travis.restart(job=BUILD)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]


@pytest.mark.parametrize("patience", [-1, float("nan"), True, None])
def test_an_invalid_patience_raises_usage_error(patience: Any) -> None:
    with pytest.raises(errors.UsageError, match="restart_patience must be a finite number of seconds"):
        Travis(restart_patience=patience)
