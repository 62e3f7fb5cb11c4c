"""Plain records of the embedded Travis's world."""

from aiotravis.testing import Log, Part


def test_text_of_a_log_is_its_parts_joined() -> None:
    log = Log(1, [Part(0, "$ make\n", False), Part(1, "", True)])
    assert log.text == "$ make\n"


def test_removed_log_is_one_part_with_a_notice() -> None:
    log = Log(1, [Part(0, "a password\n", False)])
    log.remove("Sarah", 1_396_916_254.0)
    assert (log.removed_at, log.removed_by) == (1_396_916_254.0, "Sarah")
    assert log.parts == [Part(0, "Log removed by Sarah at 2014-04-08 00:17:34 UTC", True)]
