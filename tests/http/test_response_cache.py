"""Responses that a server may confirm: which are kept, when they are used, how many bytes they take."""

import gc
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aiotravis._http import ApiRequest, ApiResponse
from aiotravis._http.response_cache import MAX_AGE, MAX_BODY, OVERHEAD, SETTLING, ResponseCache, ResponseMemory

GET = ApiRequest("GET", "/builds/7", (("exclude_config", "true"),))
ETAG = '"0123456789abcdef0123456789abcdef"'
BODY = b'{"build":{"id":7}}'
JSON = {"content-type": "application/json;charset=utf-8", "etag": ETAG, "x-request-id": "first", "content-length": "18"}

LATER = SETTLING + 1.0


def answer(body: bytes = BODY, status: int = 200, **headers: str | None) -> ApiResponse:
    changed = JSON | {name.replace("_", "-"): value for name, value in headers.items()}
    kept = {name: value for name, value in changed.items() if value is not None}
    return ApiResponse(status, kept, body, received_at=1.0)


def read_twice(cache: ResponseCache, request: ApiRequest, response: ApiResponse, at: float = 0.0) -> None:
    """Store a response as read twice, some seconds apart."""
    cache.store(request, response, sent_at=at, now=at)
    cache.store(request, response, sent_at=at + LATER, now=at + LATER)


def find(cache: ResponseCache, request: ApiRequest = GET, now: float = LATER) -> ApiResponse | None:
    found = cache.find(request, now=now, max_body=1 << 24)
    return None if found is None else found.response


def test_a_body_is_used_once_it_was_read_some_seconds_after_its_etag_was_seen() -> None:
    cache = ResponseCache(ResponseMemory())
    for now in (0.0, 3.0, SETTLING - 0.1):
        cache.store(GET, answer(), sent_at=now, now=now)
        assert find(cache, now=now) is None
    cache.store(GET, answer(), sent_at=SETTLING, now=60.0)
    assert find(cache, now=60.0) == answer()


def test_the_time_counts_from_the_arrival_of_the_first_to_the_request_of_the_second() -> None:
    cache = ResponseCache(ResponseMemory())
    cache.store(GET, answer(), sent_at=0.0, now=10.0)
    cache.store(GET, answer(), sent_at=10.0 + SETTLING - 0.1, now=100.0)
    assert find(cache, now=100.0) is None


def test_a_new_etag_settles_anew_and_its_body_replaces_the_old_one() -> None:
    cache = ResponseCache(ResponseMemory())
    read_twice(cache, GET, answer())
    changed = answer(b'{"build":{"id":8}}', etag='"other"')
    cache.store(GET, changed, sent_at=20.0, now=20.0)
    assert find(cache, now=21.0) is None
    cache.store(GET, changed, sent_at=20.0 + SETTLING, now=30.0)
    assert find(cache, now=31.0) == changed


def test_a_late_response_to_an_earlier_request_replaces_nothing() -> None:
    cache = ResponseCache(ResponseMemory())
    read_twice(cache, GET, answer())
    cache.store(GET, answer(b"{}"), sent_at=LATER - 0.5, now=LATER + 30)
    assert find(cache) == answer()


def test_a_body_is_read_again_after_some_minutes() -> None:
    cache = ResponseCache(ResponseMemory())
    read_twice(cache, GET, answer())
    assert find(cache, now=LATER + MAX_AGE - 1) is not None
    assert find(cache, now=LATER + MAX_AGE) is None


@pytest.mark.parametrize(
    "response",
    [
        answer(etag=None),
        answer(etag=""),
        answer(etag="without-quotes"),
        answer(etag='"two" "tags"'),
        answer(etag='"' + "x" * 201 + '"'),
        answer(etag='"line\nbreak"'),
        answer(etag='"ümlaut"'),
        answer(etag="*"),
        answer(etag='w/"lower"'),
        answer(cache_control="private, no-store"),
        answer(cache_control="NO-STORE"),
        answer(vary=" * "),
        answer(b""),
        answer(b"1" * (MAX_BODY + 1)),
        answer(status=206),
        answer(status=404),
        replace(answer(), redirected=True),
        replace(answer(), delimited=False),
    ],
)
def test_what_may_not_be_confirmed_is_not_kept_and_removes_what_was(response: ApiResponse) -> None:
    memory = ResponseMemory()
    cache = ResponseCache(memory)
    read_twice(cache, GET, answer())
    read_twice(cache, GET, response, at=LATER)
    assert (find(cache, now=3 * LATER), len(cache), memory.size) == (None, 0, 0)


@pytest.mark.parametrize(
    "response",
    [
        answer(cache_control="no-cache"),
        answer(cache_control="public, max-age=31536000"),
        answer(vary="Accept,Authorization,Accept-Encoding"),
        answer(etag='W/"weak"'),
    ],
)
def test_what_travis_and_its_proxies_send_is_kept(response: ApiResponse) -> None:
    cache = ResponseCache(ResponseMemory())
    read_twice(cache, GET, response)
    assert find(cache) is not None


@pytest.mark.parametrize(
    "request_",
    [
        replace(GET, method="HEAD"),
        replace(GET, method="POST"),
        replace(GET, path="/logout"),
        replace(GET, body=b"{}"),
        *(
            GET.with_header(name, "x")
            for name in ("If-None-Match", "if-modified-since", "If-Match", "Range", "If-Range", "Cache-Control")
        ),
    ],
)
def test_requests_that_do_not_only_read_or_have_conditions_are_left_alone(request_: ApiRequest) -> None:
    cache = ResponseCache(ResponseMemory())
    read_twice(cache, request_, answer())
    assert (find(cache, request_), len(cache)) == (None, 0)


@pytest.mark.parametrize(
    "other",
    [
        replace(GET, accept="text/plain"),
        replace(GET, path="/builds/8"),
        replace(GET, query=()),
        replace(GET, query=(("exclude_config", "false"),)),
        GET.with_header("Travis-API-Version", "3"),
    ],
)
def test_another_format_address_or_header_is_another_response(other: ApiRequest) -> None:
    """Travis gives all of them the same ETag if they were changed in the same second."""
    cache = ResponseCache(ResponseMemory())
    read_twice(cache, GET, answer())
    assert find(cache, other) is None
    assert find(cache, replace(GET)) is not None


def test_a_body_that_is_no_json_is_not_used() -> None:
    memory = ResponseMemory()
    cache = ResponseCache(memory)
    for body in (b'{"build":{"id":7', b"access denied", b"\xff\xfe", b"[" * 100_000):
        read_twice(cache, GET, answer(body))
        assert (find(cache), memory.size) == (None, 0)
    read_twice(cache, GET, answer(b"plain text", content_type="text/plain"), at=60.0)
    assert find(cache, now=61 + SETTLING) is not None


def test_a_body_above_the_limit_of_a_client_is_not_used() -> None:
    cache = ResponseCache(ResponseMemory())
    read_twice(cache, GET, answer())
    assert cache.find(GET, now=LATER, max_body=len(BODY) - 1) is None
    assert cache.find(GET, now=LATER, max_body=len(BODY)) is not None


def test_a_confirmed_response_has_the_headers_of_the_304_and_of_the_body() -> None:
    cache = ResponseCache(ResponseMemory())
    read_twice(cache, GET, answer())
    known = cache.find(GET, now=LATER, max_body=100)
    assert known is not None
    headers = {"x-request-id": "second", "content-type": "text/html", "content-length": "0", "etag": f"W/{ETAG}"}
    for told in (headers, {name: value for name, value in headers.items() if name != "etag"}):
        not_modified = ApiResponse(304, told, b"", authenticated=True, secrets=("s",), strict=True, received_at=5.0)
        confirmed = cache.confirm(GET, known, not_modified)
        assert confirmed is not None
        assert (confirmed.status, confirmed.body, confirmed.content_type) == (200, BODY, "application/json")
        assert (confirmed.headers["x-request-id"], confirmed.headers["content-length"]) == ("second", "18")
        assert (confirmed.authenticated, confirmed.secrets, confirmed.strict) == (True, ("s",), True)
        assert confirmed.received_at == 5.0


def test_a_304_for_another_etag_confirms_nothing_and_ends_the_use_of_etags() -> None:
    memory = ResponseMemory()
    cache, other = ResponseCache(memory), ResponseCache(memory)
    for one in (cache, other):
        read_twice(one, GET, answer())
    known = cache.find(GET, now=LATER, max_body=100)
    assert known is not None
    assert cache.confirm(GET, known, replace(answer(b"", status=304), redirected=True)) is None
    assert cache.confirm(GET, known, answer(b"", status=304, etag='"other"')) is None
    read_twice(cache, GET, answer(), at=60.0)
    assert (len(cache), find(cache, now=70.0)) == (0, None)
    assert find(other) is not None


def test_a_response_is_forgotten_on_request() -> None:
    memory = ResponseMemory()
    cache = ResponseCache(memory)
    read_twice(cache, GET, answer())
    for request in (GET, GET, replace(GET, method="POST")):
        cache.forget(request)
        assert (find(cache), memory.size) == (None, 0)


def test_what_was_used_longest_ago_goes_first_whoevers_it_is() -> None:
    memory = ResponseMemory(3 * (len(BODY) + OVERHEAD))
    mine, theirs = ResponseCache(memory), ResponseCache(memory)
    second = replace(GET, path="/builds/8")
    for cache, request in ((mine, GET), (theirs, GET), (theirs, second)):
        read_twice(cache, request, answer())
    assert find(mine) is not None
    read_twice(mine, second, answer())
    assert [find(mine), find(mine, second), find(theirs), find(theirs, second)] == [answer(), answer(), None, answer()]
    mine.clear()
    assert (len(mine), memory.size) == (0, len(BODY) + OVERHEAD)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(0, 5000), st.booleans()), max_size=60))
def test_the_bound_holds_and_caches_never_mix(steps: list[tuple[int, int, int, bool]]) -> None:
    memory = ResponseMemory(20_000)
    caches = [ResponseCache(memory) for _ in range(3)]
    for turn, (who, path, size, clears) in enumerate(steps):
        request = replace(GET, path=f"/builds/{path}")
        body = b'"%d %s"' % (who, b"x" * size)
        read_twice(caches[who], request, answer(body), at=turn * 30.0)
        found = find(caches[who], request, now=turn * 30.0 + LATER)
        assert found is None or found.body == body
        if clears:
            caches[who].clear()
        assert memory.size == sum(
            len(known.response.body) + OVERHEAD for cache in caches for known in cache._entries.values()
        )
        assert memory.size <= 20_000
        assert set(memory._sizes) == {(cache, key) for cache in caches for key in cache._entries}


def test_the_bound_is_that_of_real_memory() -> None:
    def received(number: int) -> ApiResponse:
        headers = {f"x-header-{index}-{number}": f"some value {number}" + "x" * 30 for index in range(12)}
        return ApiResponse(200, headers | JSON, b'"%d %s"' % (number, b"x" * 1000))

    memory = ResponseMemory(4 << 20)
    cache = ResponseCache(memory)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(3000):
            read_twice(cache, replace(GET, path=f"/jobs/{number}"), received(number))
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert 0.7 * (4 << 20) < taken < 1.2 * (4 << 20)
    assert len(cache) < 3000
