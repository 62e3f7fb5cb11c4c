"""Which redirects are followed."""

import pytest

from aiotravis import errors
from aiotravis._http import ApiRequest
from aiotravis._http.redirects import RedirectTarget, origin_of, redirect_target

BASE_URL = "https://api.travis-ci.com"
GET = ApiRequest("GET", "/jobs/1/log")


def follow(
    location: str, *, request: ApiRequest = GET, base_url: str = BASE_URL, authenticated: bool = True, followed: int = 0
) -> RedirectTarget:
    return redirect_target(
        request, f"{base_url}/jobs/1/log", location, base_url=base_url, authenticated=authenticated, followed=followed
    )


@pytest.mark.parametrize(
    ("location", "url", "cross_origin"),
    [
        ("/logs/1", f"{BASE_URL}/logs/1", False),
        ("https://API.travis-ci.com:443/x", "https://API.travis-ci.com:443/x", False),
        ("https://s3.amazonaws.com/log.txt?sig=1", "https://s3.amazonaws.com/log.txt?sig=1", True),
        ("//other/x", "https://other/x", True),
        ("https://api.travis-ci.com:444/x", None, True),
    ],
)
def test_scheme_host_and_port_decide_whether_a_target_is_cross_origin(
    location: str, url: str | None, cross_origin: bool
) -> None:
    assert follow(location, authenticated=False) == RedirectTarget(url or location, cross_origin)


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://api.travis-ci.com/x", "from https to http"),
        ("ftp://host/x", "not an HTTP URL"),
        ("https://:80/x", "not an HTTP URL"),
        ("https://host:port/x", "not a valid URL"),
    ],
)
def test_unsafe_targets_are_refused(location: str, reason: str) -> None:
    with pytest.raises(errors.RedirectError, match=reason):
        follow(location)


def test_a_redirect_to_https_on_the_same_host_is_refused_with_a_token() -> None:
    with pytest.raises(errors.RedirectError, match="Change the endpoint to https://"):
        follow("https://api.travis-ci.com/x", base_url="http://api.travis-ci.com")
    assert follow("https://api.travis-ci.com/x", base_url="http://api.travis-ci.com", authenticated=False).cross_origin


def test_redirect_loops_and_redirected_writes_are_refused() -> None:
    with pytest.raises(errors.RedirectError, match="more than 5 redirects"):
        follow("/x", followed=5)
    with pytest.raises(errors.RedirectError, match="writes are never repeated") as info:
        follow("/x?secret=1", request=ApiRequest("POST", "/auth/github"))
    assert info.value.location == f"{BASE_URL}/x"
    assert "secret" not in str(info.value)


def test_an_origin_is_scheme_host_and_port() -> None:
    assert origin_of("HTTPS://Host/x") == ("https", "host", 443)
    assert origin_of("http://host:81") == ("http", "host", 81)


def test_the_error_names_the_request_and_the_target_without_its_query() -> None:
    with pytest.raises(errors.RedirectError) as info:
        follow(
            "http://elsewhere/x?signature=5ecret", request=ApiRequest("GET", "/logout", (("access_token", "t0ken"),))
        )
    error = info.value
    assert (error.method, error.path, error.location) == ("GET", "/logout?access_token=...", "http://elsewhere/x")
    assert str(error).startswith("GET /logout?access_token=... was redirected to http://elsewhere/x: ")
    assert "5ecret" not in str(error)
    assert "t0ken" not in str(error)


def test_five_redirects_are_followed() -> None:
    assert follow("/x", followed=4) == RedirectTarget(f"{BASE_URL}/x", cross_origin=False)


def test_an_invalid_location_is_refused_and_secrets_are_redacted() -> None:
    with pytest.raises(errors.RedirectError, match="not a valid URL"):
        follow("https://[bad")
    with pytest.raises(errors.RedirectError) as info:
        follow("http://user:w0rd@host/x#access_token=t0ken")
    assert info.value.location == "http://host/x"
    assert "w0rd" not in str(info.value)
    assert "t0ken" not in str(info.value)


def test_another_port_over_https_is_cross_origin() -> None:
    assert follow("https://api.travis-ci.com:444/x").cross_origin
