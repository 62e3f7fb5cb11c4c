"""What requests count as, where limits apply, and for whom the server counts."""

import pytest

from aiotravis._http import ApiRequest
from aiotravis.rate_limits.rules import Kind, identity, kind_of, rules_apply

COM = "https://api.travis-ci.com"


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("GET", "/builds", Kind.READ), ("PUT", "/hooks/1", Kind.READ), ("PATCH", "/settings", Kind.READ),
        ("DELETE", "/caches", Kind.READ), ("GET", "/auth/github", Kind.READ), ("POST", "/builds/1/restart", Kind.POST),
        ("POST", "/auth/github/x", Kind.POST), ("POST", "/auth/github", Kind.SIGN_IN),
        ("POST", "/auth/github/", Kind.SIGN_IN), ("GET", "/me/x.png", Kind.EXEMPT), ("GET", "/me/x.svg", Kind.EXEMPT),
        ("POST", "/me/x.svg", Kind.POST), ("POST", "/v3/auth/github", Kind.SIGN_IN),
        ("POST", "/auth/%67ithub", Kind.SIGN_IN), ("POST", "/Auth/GitHub", Kind.SIGN_IN),
        ("POST", "/auth/github%2F", Kind.SIGN_IN), ("POST", "/api/auth/github//", Kind.SIGN_IN),
    ],
)  # fmt: skip
def test_requests_count_as_the_server_counts_them(method: str, path: str, kind: Kind) -> None:
    assert kind_of(ApiRequest(method, path)) is kind


@pytest.mark.parametrize(
    ("endpoint", "apply"),
    [
        (COM, True), ("https://api.travis-ci.org", True), ("https://mirror.example.org", True),
        ("https://travis.example.org/api", False), ("http://127.0.0.1:5000", False), ("http://localhost:1", False),
        ("http://[::1]:1", False), ("http://localhost.:1", False),
    ],
)  # fmt: skip
def test_limits_apply_to_travis_but_not_to_enterprise_or_loopback(endpoint: str, apply: bool) -> None:
    assert rules_apply(endpoint) is apply


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://API.travis-ci.com", "https://api.travis-ci.com:443", "https://api.travis-ci.com/",
        "https://api.travis-ci.com.", "http://api.travis-ci.com", "HTTPS://Api.Travis-CI.com:443/",
    ],
)  # fmt: skip
def test_a_host_is_the_same_identity_however_it_is_spelled(endpoint: str) -> None:
    assert identity(endpoint, "t") == identity(COM, "t")
    assert identity(endpoint, None) == identity(COM, None)


def test_names_of_other_alphabets_are_the_same_in_both_spellings() -> None:
    assert identity("https://b\u00fccher.example", "t") == identity("https://xn--bcher-kva.example", "t")
    assert identity(f"https://{'a' * 70}.example", "t") == identity(f"https://{'A' * 70}.example", "t")


@pytest.mark.parametrize("host", ["[0:0:0:0:0:0:0:2]", "[::0002]", "[0::2]:443"])
def test_an_ipv6_address_is_the_same_in_all_its_forms(host: str) -> None:
    assert identity(f"https://{host}", "t") == identity("https://[::2]", "t")


def test_other_hosts_ports_and_tokens_are_other_identities() -> None:
    all_of_them = {
        identity(endpoint, token)
        for endpoint in (COM, "https://api.travis-ci.org", "http://127.0.0.1:1", "http://127.0.0.1:2")
        for token in ("t", "u", None)
    }
    assert len(all_of_them) == 12


def test_an_identity_does_not_contain_the_token() -> None:
    assert "secret" not in identity(COM, "secret")
