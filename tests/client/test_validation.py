"""What a client refuses before anything is opened."""

from typing import Any

import pytest

from aiotravis import Travis, errors


@pytest.mark.parametrize(
    "endpoint",
    [
        "", "api.travis-ci.com", "ftp://api.travis-ci.com", "https://", "https://host:port", "https://host:0",
        "https://user:s3cr3t@host", "https://host/?a=1", "https://host/#a", "https://ho st", "https://ho\nst",
    ],
)  # fmt: skip
def test_an_invalid_endpoint_is_refused_at_construction(endpoint: str) -> None:
    with pytest.raises(errors.UsageError, match="endpoint") as info:
        Travis(endpoint=endpoint)
    assert info.value.argument == "endpoint"
    assert "s3cr3t" not in str(info.value)


@pytest.mark.parametrize("token", ["", "with space", '"quoted"', "new\nline", "schlüssel", 7])
def test_an_invalid_token_is_refused_at_construction_and_not_quoted(token: Any) -> None:
    with pytest.raises(errors.UsageError) as info:
        Travis(token)
    assert info.value.argument == "token"
    assert not token or str(token) not in str(info.value)


def test_every_setting_is_validated_at_construction() -> None:
    wrong: dict[str, dict[str, Any]] = {
        "connect_timeout": {"connect_timeout": 0},
        "read_timeout": {"read_timeout": -1},
        "max_response": {"max_response": 0},
        "attempts": {"attempts": 0},
        "user_agent": {"user_agent": " "},
        "session": {"session": object(), "trace_configs": [object()]},
    }
    for argument, settings in wrong.items():
        with pytest.raises(errors.UsageError) as info:
            Travis(**settings)
        assert info.value.argument == argument


@pytest.mark.parametrize("host", ["travis-ci.com", "app.travis-ci.com", "WWW.travis-ci.com", "travis-ci.org"])
def test_the_website_is_no_endpoint(host: str) -> None:
    with pytest.raises(errors.UsageError, match=r"is the website, not the API\. .*https://api\.travis-ci\.com"):
        Travis("token", endpoint=f"https://{host}")


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("https://api.travis-ci.com/v3", "version.*Travis-API-Version"),
        ("https://travis.example.org/api/v3/", "version"),
        ("https://travis.example.org/api/V2", "version"),
        ("https://travis.example.org/user", "route"),
        ("https://travis.example.org/api/organizations", "route"),
        ("https://api.travis-ci.com/repos/", "route"),
        ("https://API.travis-ci.org/api", "no path"),
    ],
)
def test_a_path_that_is_not_the_apis_is_refused_with_the_remedy(endpoint: str, reason: str) -> None:
    with pytest.raises(errors.UsageError, match=reason) as info:
        Travis(endpoint=endpoint)
    assert info.value.argument == "endpoint"


@pytest.mark.parametrize("path", ["/api", "/api/", "/travis/api", "/builds/api", "/v3/travis", "/vnd"])
def test_the_path_of_an_enterprise_is_kept(path: str) -> None:
    assert Travis(endpoint=f"https://travis.example.org{path}").endpoint.endswith(path.rstrip("/"))
