"""A parsed .travis.yml as Travis shows it."""

from hypothesis import given
from hypothesis import strategies as st

from aiotravis.testing.world.configs import build_config, job_config

SECRET = "correct horse battery staple"

NAMES = st.from_regex(r"[A-Z_]{1,8}", fullmatch=True)


def test_configs_are_copied_and_secrets_and_unsafe_addons_removed() -> None:
    config: dict[str, object] = {"env": [{"secure": "A=1"}], "source_key": "x", "addons": {"sauce": 1}}
    before = dict(config)
    assert build_config(config) == {"env": ["A=[secure]"], "addons": {"sauce": 1}}
    assert job_config(config) == {"env": "A=[secure]", "addons": {}}
    assert config == before


def test_every_secret_of_an_entry_is_hidden() -> None:
    config = {"env": {"secure": """A=1 B="two words" C='x y'"""}}
    assert build_config(config)["env"] == ["A=[secure] B=[secure] C=[secure]"]


def test_missing_environment_stays_missing_and_null_stays_null() -> None:
    assert (build_config({"env": None}), build_config({})) == ({"env": None}, {})
    assert job_config({"env": None, "global_env": None}) == {"env": None, "global_env": None}


@given(st.dictionaries(NAMES, st.just(SECRET), min_size=1, max_size=4))
def test_configs_show_names_of_secrets_but_never_their_values(variables: dict[str, str]) -> None:
    line = " ".join(f"{name}='{value}'" for name, value in variables.items())
    for shown in (str(build_config({"env": [{"secure": line}]})), str(job_config({"env": {"secure": line}}))):
        assert SECRET not in shown
        assert all(f"{name}=[secure]" in shown for name in variables)
