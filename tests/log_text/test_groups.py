"""Names of phases, and their groups."""

import pytest

from aiotravis.log_text._groups import GROUPS, STAGES, group_of, phase_of_fold

# Names of folds and of timers' events in the logs and in the source of Travis's build scripts.
NAMES = {
    "setup": """
        worker_info system_info show_system_info no_world_writable_dirs setup_filter agent check_unsupported
        rm_riak_source fix_rwky_redis wait_for_network update_apt_keys fix_hhvm_source update_mongo_arch
        fix_sudo_enabled_trusty
        update_glibc clean_up_path fix_resolv_conf fix_etc_hosts fix_mvn_settings_xml no_ipv6_localhost fix_etc_mavenrc
        fix_wwdr_certificate put_localhost_first home_paths disable_initramfs disable_ssh_roaming debug_tools
        uninstall_oclint rvm_use rm_etc_boto_cfg rm_oraclejdk8_symlink enable_i386 update_rubygems
        ensure_path_components redefine_curl nonblock_pipe apt_get_update deprecate_xcode_64 update_heroku
        shell_session_update docker_mtu docker_mtu_and_registry_mirrors set_docker_mtu_and_registry_mirrors resolvconf
        maven_central_mirror maven_https fix_ps4 env configure prepare setup services apt apt.sources
        apt-get.diagnostics
        rvm rvm.use rvm.1 nvm.install nvs jdk_switcher go phpenv pearrc kiex elixir snaps homebrew postgresql mariadb
        install_firefox update.hhvm update_libssl1.0.0 addons_jwt npm_registry git.netrc Julia-install hosts hostname
        """,
    "checkout": "git.checkout git.submodule git.1 git.3 git checkout svn hg p4",
    "cache": "cache cache.1 cache.2 cache.npm setup_cache setup_casher before_cache before_cache.1",
    "install": "before_install before_install.12 install install.1 install.npm install.bundler bundler "
    "before_script before_script.2 before_script-0 R-dependencies",
    "script": "script script.1 coverity_scan",
    "after": "after_success after_success.1 after_success-0 after_failure after_script.3 agent.debug finish",
    "deploy": "dpl_0 dpl_12 dpl.1 dpl.3 deploy deploy.1 before_deploy after_deploy.2",
}  # fmt: skip


@pytest.mark.parametrize("group", NAMES)
def test_names_that_travis_uses_belong_to_groups(group: str) -> None:
    assert group in GROUPS
    assert {name: group_of(name) for name in NAMES[group].split()} == dict.fromkeys(NAMES[group].split(), group)


@pytest.mark.parametrize(
    "name", ["my.own", "stage0", "", "1", ".", "tests", "x.install", "rspec.1", "format", "scripts"]
)
def test_other_names_belong_to_none(name: str) -> None:
    assert group_of(name) is None


def test_every_stage_has_a_group() -> None:
    assert {group_of(stage) for stage in STAGES} == {"cache", "install", "script", "after", "deploy"}


def test_the_phase_of_a_fold_is_its_name_without_the_number() -> None:
    phases = {
        "install": "install", "install.2": "install", "before_script-0": "before_script",
        "git.checkout": "git.checkout", "cache.npm": "cache.npm", "cache.1": "cache", "dpl_0": "deploy",
        "dpl.1": "deploy", "dplx": "dplx", ".1": ".1",
        "1": "1", "2.0": "2", "docker_1": "docker_1", "x-2": "x-2", "": "", "a.b.10": "a.b",
    }  # fmt: skip
    assert {name: phase_of_fold(name) for name in phases} == phases
