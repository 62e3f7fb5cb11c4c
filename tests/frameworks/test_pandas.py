"""The recipe for pandas, which only the tests import: collecting them does not pay for it."""

from datetime import UTC, datetime

import pytest

from aiotravis import Build, Commit, State

MOMENT = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)


async def test_the_recipe_prints_types_and_times(capsys: pytest.CaptureFixture[str]) -> None:
    from examples import builds_in_pandas

    await builds_in_pandas.main()
    printed = capsys.readouterr().out
    assert "datetime64[us, UTC]" in printed
    assert "0 days 00:05:00" in printed


@pytest.mark.parametrize("started", [[MOMENT], [MOMENT, None], [None], []])
def test_dates_stay_dates_where_some_or_all_are_missing(started: list[datetime | None]) -> None:
    from examples import builds_in_pandas

    builds = [
        Build(id=7 + n, started_at=moment, commit=Commit(id=1, branch="main")) for n, moment in enumerate(started)
    ]
    frame = builds_in_pandas.frame_of(builds)
    assert str(frame["started_at"].dtype).endswith(", UTC]")
    assert [None if date != date else date.to_pydatetime() for date in frame["started_at"]] == started
    assert (frame["state"] == State.CREATED).all()
    assert list(frame["branch"]) == ["main"] * len(builds)
