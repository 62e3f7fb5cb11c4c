"""Routes that act: cancel, restart, remove a log, lint."""

import aiohttp

from aiotravis.testing import Repository, TravisServer
from tests.conftest import TOKEN
from tests.raw import ask


async def test_cancel_answers_an_empty_204_once(server: TravisServer, repository: Repository) -> None:
    build = repository.build()
    path = f"/builds/{build.id}/cancel"
    anonymous = await ask(server, path, method="POST")
    assert (anonymous.status, anonymous.body) == (500, b"Sorry, we experienced an error.\n")
    first = await ask(server, path, method="POST", token=TOKEN)
    assert (first.status, first.body) == (204, b"")
    second = await ask(server, path, method="POST", token=TOKEN)
    error = {"message": f"The build({build.id}) can't be canceled", "code": "cant_cancel"}
    assert (second.status, second.json) == (422, {"error": error})
    unknown = await ask(server, "/jobs/9/cancel", method="POST", token=TOKEN)
    assert (unknown.status, unknown.content_type, unknown.body) == (404, "application/json", b"")


async def test_restart_answers_202_or_400_with_a_flash(server: TravisServer, repository: Repository) -> None:
    build = repository.history(1)[0]
    path = f"/builds/{build.id}/restart"
    granted = await ask(server, path, method="POST", token=TOKEN)
    notice = {"notice": "The build was successfully restarted."}
    assert (granted.status, granted.json) == (202, {"result": True, "flash": [notice]})
    again = await ask(server, path, method="POST", token=TOKEN)
    assert (again.status, build.state, build.queued_restarts) == (202, "passed", [build])
    build.run_queued_restarts()
    refused = await ask(server, path, method="POST", token=TOKEN)
    assert (refused.status, refused.json["result"]) == (400, False)
    server.log_mode = "2014"
    old = await ask(server, path, method="POST", token=TOKEN)
    assert (old.status, old.json["result"], "error" in old.json["flash"][0]) == (200, True, True)


async def test_build_with_a_parse_error_is_not_restarted(server: TravisServer, repository: Repository) -> None:
    build = repository.history(1)[0]
    build.config[".result"] = "parse_error"
    for path in (f"/builds/{build.id}/restart", f"/jobs/{build.jobs[0].id}/restart"):
        assert (await ask(server, path, method="POST", token=TOKEN)).status == 400
    assert build.state == "passed"


async def test_removing_a_log_answers_an_empty_200_once(server: TravisServer, repository: Repository) -> None:
    job = repository.history(1)[0].jobs[0]
    path = f"/jobs/{job.id}/log"
    first = await ask(server, path, method="PATCH", token=TOKEN)
    assert (first.status, first.body) == (200, b"")
    assert (await ask(server, path, method="PATCH", token=TOKEN)).status == 409
    assert (await ask(server, "/jobs/9/log", method="PATCH", token=TOKEN)).status == 200


async def test_lint_takes_a_parameter_or_a_raw_body(server: TravisServer) -> None:
    by_parameter = await ask(server, "/lint", method="POST", json={"content": "scripts: make"})
    assert by_parameter.json["lint"]["warnings"][0]["key"] == []
    async with (
        aiohttp.ClientSession() as session,
        session.put(f"{server.endpoint}/lint", data=b"language: ruby") as response,
    ):
        assert await response.json() == {"lint": {"warnings": []}}


async def test_migrated_repository_is_not_changed(server: TravisServer, repository: Repository) -> None:
    (build,) = repository.history(1)
    repository.migrated = True
    answer = await ask(server, f"/builds/{build.id}/restart", method="POST", token=TOKEN)
    assert (answer.status, answer.json["error_type"], build.state) == (403, "migrated_repository", "passed")
    in_words = await ask(server, f"/builds/{build.id}/restart", method="POST", token=TOKEN, accept="text/plain")
    assert in_words.body.startswith(b"This repository has been migrated to travis-ci.com.")


async def test_restart_by_request_refuses_in_the_flash_only(server: TravisServer, repository: Repository) -> None:
    build = repository.build()
    path, body = "/requests", {"build_id": build.id}
    refused = await ask(server, path, method="POST", token=TOKEN, json=body)
    assert (refused.status, refused.json["result"], list(refused.json["flash"][0])) == (200, True, ["error"])
    build.start().finish()
    granted = await ask(server, path, method="POST", token=TOKEN, json={"job_id": build.jobs[0].id})
    assert (granted.status, list(granted.json["flash"][0])) == (200, ["notice"])
    assert build.queued_restarts == [build.jobs[0]]
    assert (await ask(server, path, method="POST", token=TOKEN, json={})).status == 404
