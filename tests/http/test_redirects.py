"""Where a redirect may lead."""

import pytest

from aiotravis import errors
from aiotravis._http import ApiRequest
from aiotravis._http.redirects import RedirectTarget, origin_of, redirected

HOME = "https://api.travis-ci.com"
GET = ApiRequest("GET", "/jobs/1/log")


def hop(
    location: str, *, request: ApiRequest = GET, base_url: str = HOME, authenticated: bool = True, hops: int = 0
) -> RedirectTarget:
    return redirected(
        request, f"{base_url}/jobs/1/log", location, base_url=base_url, authenticated=authenticated, hops=hops
    )


@pytest.mark.parametrize(
    ("location", "url", "cross_origin"),
    [
        ("/logs/1", f"{HOME}/logs/1", False),
        ("https://API.travis-ci.com:443/x", "https://API.travis-ci.com:443/x", False),
        ("https://s3.amazonaws.com/log.txt?sig=1", "https://s3.amazonaws.com/log.txt?sig=1", True),
        ("//other/x", "https://other/x", True),
        ("https://api.travis-ci.com:444/x", None, True),
    ],
)
def test_the_same_origin_is_home_and_all_others_are_foreign(location: str, url: str | None, cross_origin: bool) -> None:
    assert hop(location, authenticated=False) == RedirectTarget(url or location, cross_origin)


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://api.travis-ci.com/x", "from TLS to plain text"),
        ("ftp://host/x", "not an address of the web"),
        ("https://:80/x", "not an address of the web"),
        ("https://host:port/x", "not an address"),
    ],
)
def test_what_is_not_safe_is_refused(location: str, reason: str) -> None:
    with pytest.raises(errors.RedirectError, match=reason):
        hop(location)


def test_a_move_to_tls_is_told_before_the_token_travels_on() -> None:
    with pytest.raises(errors.RedirectError, match="Change the endpoint to https://"):
        hop("https://api.travis-ci.com/x", base_url="http://api.travis-ci.com")
    assert hop("https://api.travis-ci.com/x", base_url="http://api.travis-ci.com", authenticated=False).cross_origin


def test_circles_and_writes_end() -> None:
    with pytest.raises(errors.RedirectError, match="redirect number 6"):
        hop("/x", hops=5)
    with pytest.raises(errors.RedirectError, match="a write is never repeated") as info:
        hop("/x?secret=1", request=ApiRequest("POST", "/auth/github"))
    assert info.value.location == f"{HOME}/x"
    assert "secret" not in str(info.value)


def test_an_origin_is_scheme_host_and_port() -> None:
    assert origin_of("HTTPS://Host/x") == ("https", "host", 443)
    assert origin_of("http://host:81") == ("http", "host", 81)


def test_a_refusal_names_the_request_and_where_it_was_sent_without_the_query() -> None:
    with pytest.raises(errors.RedirectError) as info:
        hop("http://elsewhere/x?signature=5ecret", request=ApiRequest("GET", "/logout", (("access_token", "t0ken"),)))
    error = info.value
    assert (error.method, error.path, error.location) == ("GET", "/logout?access_token=...", "http://elsewhere/x")
    assert str(error).startswith("GET /logout?access_token=... was redirected to http://elsewhere/x: ")
    assert "5ecret" not in str(error)
    assert "t0ken" not in str(error)


def test_five_redirects_are_followed() -> None:
    assert hop("/x", hops=4) == RedirectTarget(f"{HOME}/x", cross_origin=False)


def test_a_location_that_is_no_address_and_one_with_secrets() -> None:
    with pytest.raises(errors.RedirectError, match="not an address"):
        hop("https://[bad")
    with pytest.raises(errors.RedirectError) as info:
        hop("http://user:w0rd@host/x#access_token=t0ken")
    assert info.value.location == "http://host/x"
    assert "w0rd" not in str(info.value)
    assert "t0ken" not in str(info.value)


def test_another_port_over_tls_is_just_foreign() -> None:
    assert hop("https://api.travis-ci.com:444/x").cross_origin
