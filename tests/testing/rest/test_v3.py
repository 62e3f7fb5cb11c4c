"""What routes of API v3 share."""

import json

import pytest

from aiotravis.testing.rest.v3 import error_v3, pretty


def test_an_error_has_its_type_message_and_further_keys() -> None:
    error = error_v3(429, "request_limit_reached", "too many", max_requests=10)
    assert error.status == 429
    assert json.loads(error.body) == {
        "@type": "error", "error_type": "request_limit_reached", "error_message": "too many", "max_requests": 10,
    }  # fmt: skip


@pytest.mark.parametrize("status", [200, 202])
def test_json_is_indented_and_its_type_has_no_charset(status: int) -> None:
    response = pretty({"@type": "repository"}, status)
    assert response.body == b'{\n  "@type": "repository"\n}'
    assert (response.status, response.headers["Content-Type"]) == (status, "application/json")
