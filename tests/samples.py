"""Responses in the bytes of Travis, for tests without a server."""

from collections.abc import Callable

from msgspec.structs import replace

from aiotravis._http import ApiRequest, ApiResponse, Sink

JSON = {"content-type": "application/json;charset=utf-8", "content-length": "1"}
TEXT = {"content-type": "text/plain;charset=utf-8"}
HTML = {"content-type": "text/html;charset=utf-8"}

COMMIT = b"""{"id":5,"sha":"a214c21f9ce4ab4c2af7bc1c3ae5e4ba4fd2fc0c","branch":"master",
"message":"Fix it\\n\\nWhy not.","committed_at":"2014-04-08T00:16:35Z",
"author_name":"Konstantin","author_email":null,"committer_name":"Konstantin",
"committer_email":"k@example.org","compare_url":"https://github.com/a/b/compare/x...y","tag":null}"""

BUILD = b"""{"id":1,"repository_id":82,"commit_id":5,"number":"784","event_type":"push","pull_request":false,
"pull_request_title":null,"pull_request_number":null,"config":{"language":"ruby","rvm":["1.9.3"],".result":"configured"},
"state":"passed","started_at":"2014-04-08T00:17:34Z","finished_at":"2014-04-08T00:27:12Z","duration":1231,
"job_ids":[2,3]}"""

JOB = b"""{"id":2,"repository_id":82,"repository_slug":"a/b","stage_id":null,"build_id":1,"commit_id":5,
"number":"784.1","config":{"rvm":"1.9.3"},"state":"started","started_at":"2014-04-08T00:17:34Z","finished_at":null,
"queue":"builds.linux","allow_failure":false,"tags":null}"""


class Scripted:
    """A transport that returns prepared responses and records the requests."""

    def __init__(self, answer: bytes | ApiResponse | Callable[[ApiRequest], bytes | ApiResponse]) -> None:
        self._answer = answer
        self.calls: list[ApiRequest] = []
        self.waiting = 0

    async def send(self, request: ApiRequest, sink: Sink | None = None) -> ApiResponse:
        self.calls.append(request)
        answer = self._answer(request) if callable(self._answer) else self._answer
        response = answer if isinstance(answer, ApiResponse) else ApiResponse(200, JSON, answer)
        if sink is None or response.status != 200 or response.content_type.endswith("json"):
            return response
        await sink.begin()
        await sink.take(response.body)
        return replace(response, body=b"")
