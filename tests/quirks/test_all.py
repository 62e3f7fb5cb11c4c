"""Every quirk has its test."""

import re

from tests.quirks import test_entities, test_http, test_lists, test_live, test_logs, test_pusher, test_refusals

QUIRKS = 50

MODULES = (test_refusals, test_http, test_entities, test_lists, test_logs, test_pusher, test_live)


def test_every_quirk_has_its_test() -> None:
    found = [re.match(r"test_quirk_(\d+)_", name) for module in MODULES for name in vars(module)]
    assert {int(number[1]) for number in found if number} == set(range(1, QUIRKS + 1))
