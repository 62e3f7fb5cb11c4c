"""Bodies that servers with quirks send."""

JSON, TEXT, HTML = "application/json", "text/plain", "text/html;charset=utf-8"

PAGE = b"<html><head><title>Application Error</title></head><body>An error occurred</body></html>"


COMMIT = b"""{"id":5,"sha":"a214c21f9ce4ab4c2af7bc1c3ae5e4ba4fd2fc0c","branch":"master","message":"Fix it",
"committed_at":"2014-04-08T00:16:35Z","author_name":"Konstantin","author_email":null,"committer_name":"Konstantin",
"committer_email":null,"compare_url":null}"""

BUILD = b"""{"id":%d,"repository_id":82,"commit_id":5,"number":"%d","pull_request":false,"pull_request_title":null,
"pull_request_number":null,"config":{},"state":"passed","started_at":"2014-04-08T00:17:34Z",
"finished_at":"2014-04-08T00:27:12Z","duration":1231,"job_ids":[2,3]}"""

JOB = b"""{"id":%d,"repository_id":82,"build_id":1,"commit_id":5,"number":"784.%d","config":{},"state":"passed",
"started_at":"2014-04-08T00:17:34Z","finished_at":"2014-04-08T00:27:12Z","queue":null,"allow_failure":null,
"tags":null}"""

JOB_EVENT = '{"id":501,"repository_id":82,"build_id":500,"number":"1.1","state":"started"}'


def frame(event: str, channel: str, data: str) -> str:
    """Return a frame with data that is already JSON: an object, or a string that holds one."""
    return f'{{"event":"{event}","channel":"{channel}","data":{data}}}'


def with_field(sample: bytes, name: str, value: bytes | None) -> bytes:
    """Return an object with one more field. If a name occurs twice, the last value counts."""
    return sample if value is None else sample.removesuffix(b"}") + f',"{name}":'.encode() + value + b"}"
