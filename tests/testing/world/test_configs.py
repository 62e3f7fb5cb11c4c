"""How a .travis.yml that was parsed is shown."""

from hypothesis import given
from hypothesis import strategies as st

from aiotravis.testing.world.configs import build_config, job_config

SECRET = "correct horse battery staple"

NAMES = st.from_regex(r"[A-Z_]{1,8}", fullmatch=True)


def test_what_is_given_is_left_alone() -> None:
    config: dict[str, object] = {"env": [{"secure": "A=1"}], "source_key": "x", "addons": {"sauce": 1}}
    before = dict(config)
    assert build_config(config) == {"env": ["A=[secure]"], "addons": {"sauce": 1}}
    assert job_config(config) == {"env": "A=[secure]", "addons": {}}
    assert config == before


def test_several_secrets_in_one_entry_are_all_hidden() -> None:
    config = {"env": {"secure": """A=1 B="two words" C='x y'"""}}
    assert build_config(config)["env"] == ["A=[secure] B=[secure] C=[secure]"]


def test_no_environment_is_none() -> None:
    assert (build_config({"env": None}), build_config({})) == ({"env": None}, {})
    assert job_config({"env": None, "global_env": None}) == {"env": None, "global_env": None}


@given(st.dictionaries(NAMES, st.just(SECRET), min_size=1, max_size=4))
def test_no_secret_is_shown_and_no_name_is_lost(variables: dict[str, str]) -> None:
    line = " ".join(f"{name}='{value}'" for name, value in variables.items())
    for shown in (str(build_config({"env": [{"secure": line}]})), str(job_config({"env": {"secure": line}}))):
        assert SECRET not in shown
        assert all(f"{name}=[secure]" in shown for name in variables)
