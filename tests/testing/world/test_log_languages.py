"""What projects in several languages print."""

import pytest

from aiotravis.testing.world.log_languages import LANGUAGES


@pytest.mark.parametrize("name", LANGUAGES)
def test_output_of_a_language_is_complete_lines(name: str) -> None:
    language = LANGUAGES[name]
    printed = [language.setup_output, language.installed, language.not_installed, language.passed, language.failed]
    printed += [output for _, output in language.versions]
    assert all(output.endswith("\n") for output in printed if output)
    assert "\r\n" not in "".join(printed)
    assert language.script
    assert language.code > 0


def test_some_languages_draw_progress_bars() -> None:
    assert [name for name, language in LANGUAGES.items() if "\r" in language.installed + language.setup_output] == [
        "python",
        "node_js",
        "php",
    ]
