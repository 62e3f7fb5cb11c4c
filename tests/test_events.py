"""Events, as users match on them."""

from aiotravis import Build, Job, State, events


def describe(event: events.Event) -> str:
    match event:
        case events.JobFinished(job=job) if not job.passed:
            return f"job {job.number} {job.state}"
        case events.BuildEvent(build=build):
            return f"build {build.number}"
        case events.JobLog(job_id=job_id, number=number, final=True):
            return f"log {job_id} ends with {number}"
        case events.UnknownEvent(name=name):
            return name
        case events.Lagged(dropped=count):
            return f"{count} lost"
        case _:
            return "else"


def test_events_can_be_matched_by_class_and_attributes() -> None:
    job = Job(id=1, number="784.1", state=State.CANCELED)
    passed = Job(id=1, number="784.1", state=State.PASSED)
    assert describe(events.JobFinished(job=job)) == "job 784.1 canceled"
    assert describe(events.JobFinished(job=passed)) == "else"
    assert describe(events.BuildFinished(build=Build(id=1, number="784"))) == "build 784"
    assert describe(events.JobLog(job_id=501, content="", number=7, final=True)) == "log 501 ends with 7"
    assert describe(events.UnknownEvent(name="user:logout", data={})) == "user:logout"
    assert describe(events.Lagged(dropped=3)) == "3 lost"
    assert describe(events.Reconnected(down=1.5)) == "else"
