"""The recipe for FastAPI, and values as its parameters, bodies and responses."""

from typing import Annotated

import httpx
import pytest
from fastapi import Body, FastAPI

from aiotravis import Build, Job, State, events, log_text
from examples import fastapi_service

BUILD = Build(id=7, state=State("simmering"), jobs=(Job(id=8),))

app = FastAPI()


@app.post("/builds")
async def take(build: Annotated[Build, Body()], state: State) -> list[Build]:
    return [build] if build.state == state else []


@app.get("/events")
async def list_events() -> list[events.Event]:
    return [events.BuildFinished(build=BUILD), events.Lagged(dropped=1)]


@app.get("/either")
async def either() -> log_text.Command | events.JobLog | None:
    return events.JobLog(job_id=8, content="text")


@app.get("/modelled", response_model=list[Build])
async def modelled():  # type: ignore[no-untyped-def]
    return [BUILD]


async def test_the_recipe_answers_with_values(capsys: pytest.CaptureFixture[str]) -> None:
    await fastapi_service.main()
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("#5 failed, started 20")
    assert printed[5:] == [
        "took at most PT5M",
        "no such build: 404",
        "described: Build, Commit, HTTPValidationError, Job, Repository, Stage, State, Summary, ValidationError",
    ]


async def test_values_are_bodies_parameters_and_responses() -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client:
        taken = await client.post("/builds?state=simmering", json=BUILD.to_dict())
        refused = await client.post("/builds?state=passed", json={"id": 7, "jobs": [{"id": "x"}]})
        listed = await client.get("/events")
        log = await client.get("/either")
        with_model = await client.get("/modelled")
        described = (await client.get("/openapi.json")).json()
    assert taken.json() == with_model.json() == [BUILD.to_dict()]
    (error,) = refused.json()["detail"]
    assert (refused.status_code, error["loc"]) == (422, ["body"])
    assert "Expected `int`, got `str` - at `$.jobs[0].id`" in error["msg"]
    assert [event["event"] for event in listed.json()] == ["build:finished", "lagged"]
    assert log.json() == {"event": "job:log", "channel": None, "id": 8, "_log": "text", "number": 0, "final": False}
    schemas = described["components"]["schemas"]
    assert schemas["Build-Output"]["properties"]["jobs"]["items"] == {"$ref": "#/components/schemas/Job-Output"}
    assert schemas["Build-Input"]["required"] == ["id"]
    (parameter,) = described["paths"]["/builds"]["post"]["parameters"]
    assert parameter["schema"] == {"$ref": "#/components/schemas/State"}
    answer = described["paths"]["/events"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert {"$ref": "#/components/schemas/Lagged"} in answer["items"]["oneOf"]
