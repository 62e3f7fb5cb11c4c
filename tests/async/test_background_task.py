"""A task that an object owns."""

import asyncio

from aiotravis._async.background_task import BackgroundTask
from tests.waiting import until


class Work:
    """Work that is done piece by piece; the last step of it leaves time for more to come."""

    def __init__(self) -> None:
        self.left = 0
        self.done = 0
        self.task = BackgroundTask(self.run, lambda: self.left > 0, "work")

    async def run(self) -> None:
        while self.left:
            self.left -= 1
            self.done += 1
        await asyncio.sleep(0)


class Endless(Work):
    """Work that never ends."""

    async def run(self) -> None:
        await asyncio.Event().wait()


async def test_the_task_runs_while_there_is_work_and_restarts_for_more() -> None:
    work = Work()
    for count in (1, 2):
        work.left = 1
        assert work.task.ensure()
        assert not work.task.ensure()
        await until(lambda: not work.task.running)
        assert work.done == count


async def test_work_that_arrives_while_the_task_ends_is_done() -> None:
    work = Work()
    work.left = 1
    work.task.ensure()
    await asyncio.sleep(0)
    work.left = 1
    assert not work.task.ensure()
    await until(lambda: not work.left and not work.task.running)
    assert work.done == 2


async def test_a_closed_task_is_never_started_again() -> None:
    work = Endless()
    work.left = 1
    work.task.ensure()
    await asyncio.sleep(0)
    await work.task.aclose()
    await work.task.aclose()
    assert (work.task.running, work.task.closed, work.task.ensure()) == (False, True, False)


def test_a_task_that_ends_with_its_event_loop_is_not_started_again() -> None:
    async def main() -> Work:
        work = Endless()
        work.left = 1
        work.task.ensure()
        await asyncio.sleep(0)
        return work

    work = asyncio.run(main())
    assert work.left == 1
    assert not work.task.running
