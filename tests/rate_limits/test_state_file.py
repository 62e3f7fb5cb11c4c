"""The file that the processes of a machine share."""

import os
import random
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiotravis.rate_limits.bans import Ban
from aiotravis.rate_limits.rules import AUTHENTICATED, LEASE, MAX_BAN, PROBE_INTERVAL, Kind
from aiotravis.rate_limits.shared_state import RecordedUse, SharedState
from aiotravis.rate_limits.state_file import StateFile, StateFileError
from aiotravis.testing.rest.rate_rules import RateRules
from tests.rate_limits.model import Clock

ME = "0123456789abcdef"

LENGTHS = {Kind.POST: AUTHENTICATED.post_window, Kind.SIGN_IN: AUTHENTICATED.sign_in_window}


class Machine:
    """A folder with its clocks, and files opened as by other processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "state"
        self.clock, self.wall, self.boot = Clock(6000.0), Clock(1e9), "boot-1"

    def pass_(self, seconds: float) -> None:
        self.clock.now += seconds
        self.wall.now += seconds

    def open(self, boot: str | None = "") -> StateFile:
        boot = self.boot if boot == "" else boot
        return StateFile(self.folder, AUTHENTICATED, seconds=self.clock, wall=self.wall, boot=boot)

    def reboot(self, seconds: float) -> None:
        self.clock.now, self.boot = 10.0, f"{self.boot}x"
        self.wall.now += seconds


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def posted(file: StateFile, kind: Kind = Kind.POST, *, low: bool = False) -> str:
    state = file.post(ME, kind, AUTHENTICATED, low=low)
    assert state.key is not None
    return state.key


def waits(file: StateFile, kind: Kind = Kind.POST, *, low: bool = False) -> float:
    state = file.post(ME, kind, AUTHENTICATED, low=low)
    assert state.key is None
    return state.wait


def a_ban(machine: Machine, seconds: float = 3600.0) -> Ban:
    return Ban(machine.clock.now + seconds, datetime.fromtimestamp(machine.wall.now + seconds, UTC), "Wait.")


def test_reading_creates_nothing(machine: Machine) -> None:
    file = machine.open()
    assert not file.exists()
    assert file.read(ME) == SharedState()
    assert not machine.folder.exists()


def test_folder_and_file_are_the_users_alone_and_hold_no_secret(machine: Machine) -> None:
    file = machine.open()
    posted(file)
    assert file.exists()
    assert stat.S_IMODE(machine.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert sorted(path.name for path in machine.folder.iterdir()) == ["limits.sqlite3"]


def test_processes_share_the_posts_of_an_identity(machine: Machine) -> None:
    one, other = machine.open(), machine.open()
    for number in range(AUTHENTICATED.max_posts):
        file = (one, other)[number % 2]
        file.settle(posted(file))
    assert waits(one) == waits(other) == AUTHENTICATED.post_window
    assert one.post("somebody else", Kind.POST, AUTHENTICATED).key is not None
    machine.pass_(AUTHENTICATED.post_window)
    posted(other)


def test_posts_with_low_priority_leave_a_tenth(machine: Machine) -> None:
    file = machine.open()
    for _ in range(36):
        file.settle(posted(file, low=True))
    assert waits(file, low=True) == AUTHENTICATED.post_window
    posted(file)


def test_sign_ins_are_posts_of_which_one_is_allowed_in_five_minutes(machine: Machine) -> None:
    file = machine.open()
    key = posted(file, Kind.SIGN_IN)
    assert waits(file, Kind.SIGN_IN) == 1.0
    file.settle(key)
    assert waits(file, Kind.SIGN_IN) == AUTHENTICATED.sign_in_window
    machine.pass_(AUTHENTICATED.sign_in_window)
    posted(file, Kind.SIGN_IN)


def test_posts_in_flight_count_until_they_are_settled_or_their_lease_ends(machine: Machine) -> None:
    file = machine.open()
    keys = [posted(file) for _ in range(AUTHENTICATED.max_posts)]
    machine.pass_(60)
    assert waits(file) == 1.0
    file.settle(keys[0])
    file.withdraw(keys[1])
    posted(file)
    assert waits(file) > 0
    machine.pass_(LEASE - 60 + AUTHENTICATED.post_window)
    posted(file)


def test_pauses_and_bans_reach_other_processes(machine: Machine) -> None:
    one, other = machine.open(), machine.open()
    one.pause(ME, machine.clock.now + 40)
    assert other.read(ME).paused_until == machine.clock.now + 40
    assert other.post(ME, Kind.POST, AUTHENTICATED).key is None
    one.ban(ME, a_ban(machine))
    ban = other.read(ME).ban
    assert ban is not None
    assert (ban.until, ban.remedy, ban.shared) == (machine.clock.now + 3600, "Wait.", True)
    assert ban.lifted_at == a_ban(machine).lifted_at
    assert ban.probe_at == machine.clock.now + PROBE_INTERVAL
    assert other.read("somebody else") == SharedState()
    other.lift(ME)
    assert one.read(ME).ban is None
    one.ban(ME, a_ban(machine))
    machine.pass_(3600)
    assert other.read(ME) == SharedState()


def test_one_process_probes_a_ban_every_few_minutes(machine: Machine) -> None:
    one, other = machine.open(), machine.open()
    one.ban(ME, a_ban(machine))
    assert not other.claim_probe(ME)
    machine.pass_(PROBE_INTERVAL)
    assert other.claim_probe(ME)
    assert not one.claim_probe(ME)


@pytest.mark.parametrize("jump", [-86400.0, -3600.0, 3600.0, 86400.0 * 365])
def test_setting_the_date_changes_nothing(machine: Machine, jump: float) -> None:
    file = machine.open()
    for _ in range(AUTHENTICATED.max_posts):
        file.settle(posted(file))
    file.ban("banned", a_ban(machine))
    machine.wall.now += jump
    assert waits(machine.open()) == AUTHENTICATED.post_window
    ban = machine.open().read("banned").ban
    assert ban is not None
    assert ban.until == machine.clock.now + 3600


def test_after_a_reboot_the_date_counts(machine: Machine) -> None:
    file = machine.open()
    file.settle(posted(file, Kind.SIGN_IN))
    file.ban("banned", a_ban(machine))
    machine.reboot(100.0)
    assert waits(machine.open(), Kind.SIGN_IN) == pytest.approx(202)
    ban = machine.open().read("banned").ban
    assert ban is not None
    assert ban.until == pytest.approx(machine.clock.now + 3500)


@pytest.mark.parametrize("boot", [None, "boot-2"])
@pytest.mark.parametrize("jump", [-1e7, -100.0])
def test_a_date_set_back_is_believed_for_the_length_of_the_rule(
    machine: Machine, boot: str | None, jump: float
) -> None:
    file = machine.open(None if boot is None else "boot-1")
    file.settle(posted(file, Kind.SIGN_IN))
    file.pause(ME, machine.clock.now + 30)
    file.ban("banned", a_ban(machine, MAX_BAN))
    machine.wall.now += jump
    file = machine.open(boot)
    assert file.read(ME).paused_until <= machine.clock.now + AUTHENTICATED.minute
    machine.pass_(AUTHENTICATED.minute)
    assert file.read(ME).paused_until == 0.0
    machine.pass_(AUTHENTICATED.sign_in_window + LEASE)
    posted(file, Kind.SIGN_IN)
    machine.pass_(MAX_BAN)
    assert file.read("banned").ban is None


@pytest.mark.parametrize("content", [b"garbage" * 1000, b"", b"SQLite format 3\0" + bytes(5000)])
def test_a_damaged_file_is_replaced_and_counts_as_full_for_one_window(machine: Machine, content: bytes) -> None:
    machine.open().settle(posted(machine.open()))
    machine.open().path.write_bytes(content)
    if content:
        assert machine.open().read(ME) == SharedState()
        assert waits(machine.open()) == AUTHENTICATED.post_window
        assert machine.open().post("anybody", Kind.SIGN_IN, AUTHENTICATED).wait == AUTHENTICATED.sign_in_window
        assert sorted(path.name for path in machine.folder.iterdir()) == ["limits.sqlite3", "limits.sqlite3.damaged"]
        machine.pass_(AUTHENTICATED.post_window)
    posted(machine.open())


def test_damage_in_the_middle_of_the_file_is_noticed(machine: Machine) -> None:
    file = machine.open()
    for number in range(500):
        file.pause(f"{number:x}" * 20, machine.clock.now + 50)
    size = file.path.stat().st_size
    with file.path.open("r+b") as opened:
        opened.seek(4096)
        opened.write(b"\xff" * (size - 4096))
    assert waits(file) == AUTHENTICATED.post_window


@pytest.mark.parametrize(
    ("statement", "kept"),
    [
        ("UPDATE entries SET at = 'x', wall = 'y'", True),
        ("UPDATE entries SET at = 1e999, wall = 1e999", True),
        ("UPDATE entries SET note = x'00ff'", True),
        ("UPDATE entries SET kind = 'of a later version'", False),
    ],
)
def test_odd_values_hold_for_the_length_of_the_rule_at_most(machine: Machine, statement: str, kept: bool) -> None:
    file = machine.open()
    file.ban(ME, a_ban(machine))
    connection = sqlite3.connect(file.path)
    with connection:
        connection.execute(statement)
    connection.close()
    assert (file.read(ME).ban is not None) is kept
    machine.pass_(MAX_BAN)
    assert file.read(ME).ban is None


def test_a_file_of_a_later_version_is_used_where_it_only_has_more(machine: Machine) -> None:
    file = machine.open()
    file.settle(posted(file, Kind.SIGN_IN))
    connection = sqlite3.connect(file.path)
    with connection:
        connection.execute("ALTER TABLE entries ADD COLUMN more TEXT NOT NULL DEFAULT 'x'")
        connection.execute("CREATE TABLE others (a)")
    connection.close()
    assert waits(file, Kind.SIGN_IN) == AUTHENTICATED.sign_in_window
    posted(file)


def test_a_file_of_an_unknown_version_is_left_alone(machine: Machine) -> None:
    file = machine.open()
    posted(file)
    connection = sqlite3.connect(file.path)
    with connection:
        connection.execute("ALTER TABLE entries RENAME COLUMN wall TO elsewhere")
    connection.close()
    content = file.path.read_bytes()
    with pytest.raises(StateFileError, match="no such column"):
        file.read(ME)
    assert file.path.read_bytes() == content


def _a_file(machine: Machine) -> None:
    machine.folder.write_text("")


def _a_link(machine: Machine) -> None:
    (machine.folder.parent / "elsewhere").mkdir(mode=0o700)
    machine.folder.symlink_to("elsewhere")


def _a_linked_database(machine: Machine) -> None:
    machine.folder.mkdir(mode=0o700)
    (machine.folder / "limits.sqlite3").symlink_to("/etc/passwd")


def _below_a_file(machine: Machine) -> None:
    _a_file(machine)
    machine.folder = machine.folder / "state"


def _a_database_folder(machine: Machine) -> None:
    (machine.folder / "limits.sqlite3").mkdir(parents=True, mode=0o700)


def _writable_by_all(machine: Machine) -> None:
    machine.folder.mkdir()
    machine.folder.chmod(0o777)


@pytest.mark.parametrize(
    "obstacle", [_a_file, _a_link, _a_linked_database, _below_a_file, _a_database_folder, _writable_by_all]
)
def test_what_cannot_be_used_is_an_error_that_names_it(machine: Machine, obstacle: Callable[[Machine], None]) -> None:
    obstacle(machine)
    file = machine.open()
    with pytest.raises(StateFileError, match=r"limits\.sqlite3: "):
        file.post(ME, Kind.POST, AUTHENTICATED)


def test_a_folder_of_another_user_is_refused(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    posted(machine.open())
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(StateFileError, match="belongs to another user"):
        machine.open().read(ME)


def test_a_file_that_another_process_keeps_locked_is_an_error(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiotravis.rate_limits.state_file.BUSY_TIMEOUT", 0.01)
    file = machine.open()
    posted(file)
    connection = sqlite3.connect(file.path, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StateFileError, match="locked"):
        file.read(ME)
    connection.close()
    posted(file)


def _removed(file: StateFile) -> None:
    file.path.unlink()


def _removed_with_its_folder(file: StateFile) -> None:
    file.path.unlink()
    file.path.parent.rmdir()


def _emptied(file: StateFile) -> None:
    file.path.write_bytes(b"")


def _replaced_by_an_old_copy(file: StateFile) -> None:
    copy = file.path.with_name("copy")
    with sqlite3.connect(copy) as connection:
        connection.execute("PRAGMA user_version = 7")
    connection.close()
    copy.replace(file.path)


def _removed_and_made_again_by_another_process(file: StateFile) -> None:
    _removed(file)
    StateFile(file.path.parent, AUTHENTICATED, boot="boot-1").ban("another", Ban(1e9, datetime.now(UTC), ""))


@pytest.mark.parametrize(
    "lose",
    [
        _removed,
        _removed_with_its_folder,
        _emptied,
        _replaced_by_an_old_copy,
        _removed_and_made_again_by_another_process,
    ],
)
def test_a_file_that_was_lost_counts_as_full_for_one_window(
    machine: Machine, lose: Callable[[StateFile], None]
) -> None:
    file = machine.open()
    posted(file)
    lose(file)
    assert waits(file) == AUTHENTICATED.post_window
    machine.pass_(10)
    # A process that starts now is told, too.
    assert waits(machine.open()) == AUTHENTICATED.post_window - 10
    machine.pass_(AUTHENTICATED.post_window - 10)
    assert waits(file, Kind.SIGN_IN) == AUTHENTICATED.sign_in_window - AUTHENTICATED.post_window
    posted(machine.open())
    posted(file)


def test_a_file_that_is_gone_and_asked_for_nothing_stays_away(machine: Machine) -> None:
    file = machine.open()
    posted(file)
    _removed_with_its_folder(file)
    assert file.read(ME) == SharedState()
    assert not machine.folder.exists()


@pytest.mark.parametrize("name", [b"\xff\xfe", "é".encode("latin1"), b"a?b#c%20d", b"a\nb"])
def test_a_folder_may_have_any_name(tmp_path: Path, name: bytes) -> None:
    try:
        folder = tmp_path / os.fsdecode(name)
        folder.mkdir()
    except OSError:
        pytest.skip("this system has no such names")
    folder.rmdir()
    file = StateFile(folder, AUTHENTICATED, boot="boot-1")
    posted(file)
    assert [path.name for path in folder.iterdir()] == ["limits.sqlite3"]
    folder.chmod(0o777)
    with pytest.raises(StateFileError, match="every user") as caught:
        posted(file)
    str(caught.value).encode()


KILLED = """
import os, sys
from pathlib import Path
from aiotravis.rate_limits.rules import AUTHENTICATED, Kind
from aiotravis.rate_limits.state_file import StateFile
file = StateFile(Path(sys.argv[1]), AUTHENTICATED)
def die(connection):
    connection.execute("DELETE FROM entries")
    os.kill(os.getpid(), 9)
file._run(die, create=True)
"""


def test_a_process_killed_in_the_middle_of_writing_leaves_a_good_file(machine: Machine) -> None:
    file = machine.open()
    file.settle(posted(file, Kind.SIGN_IN))
    killed = subprocess.run([sys.executable, "-c", KILLED, str(machine.folder)], check=False)
    assert killed.returncode == -9
    assert waits(file, Kind.SIGN_IN) == AUTHENTICATED.sign_in_window


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_no_interleaving_of_processes_is_banned(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Processes enter, send, settle, die and reboot in any order; the server counts when requests arrive."""
    draw = random.Random(seed)
    machine = Machine(tmp_path_factory.mktemp("machine"))
    files = [machine.open() for _ in range(4)]
    in_flight: list[tuple[float, float, StateFile, str]] = []
    arrivals: list[tuple[float, Kind]] = []
    for _ in range(250):
        file, kind = draw.choice(files), draw.choices([Kind.POST, Kind.SIGN_IN], [20, 1])[0]
        state = file.post(ME, kind, AUTHENTICATED)
        if state.key is not None:
            there = machine.wall.now + draw.random() * draw.choice([0.01, 3])
            arrivals.append((there, kind))
            if draw.random() < 0.95:  # The others are never settled: their process is killed.
                in_flight.append((there, there + draw.random() * draw.choice([0.01, 3]), file, state.key))
        else:
            machine.pass_(min(state.wait, draw.choice([0.5, 40.0])))
        machine.pass_(draw.random() * draw.choice([0.001, 0.1, 1]))
        if draw.random() < 0.01:
            machine.reboot(0.0)
            files = [machine.open() for _ in range(4)]
        in_flight.sort(key=lambda one: one[1])
        while in_flight and in_flight[0][1] <= machine.wall.now:
            _, _, sender, key = in_flight.pop(0)
            sender.settle(key)
    arrived = Clock()
    rules = RateRules(arrived)
    for there, kind in sorted(arrivals, key=lambda one: one[0]):
        arrived.now = there
        rules.check(method="POST", path="/auth/github" if kind is Kind.SIGN_IN else "/x", token="t", address="1")
    assert rules.banned == {}


def test_the_recorded_use_of_an_identity_is_told_and_forgotten(machine: Machine) -> None:
    file = machine.open()
    assert file.use(ME, AUTHENTICATED) == RecordedUse()
    file.forget(ME)
    assert not file.exists(), "looking makes no file"
    file.settle(posted(file))
    posted(file)
    posted(file, Kind.SIGN_IN)
    file.post("another", Kind.POST, AUTHENTICATED)
    file.pause(ME, machine.clock.now + 20)
    file.ban(ME, Ban(machine.clock.now + 600, datetime.fromtimestamp(machine.wall.now + 600, UTC), "Wait."))
    use = machine.open().use(ME, AUTHENTICATED)
    assert (use.posts, use.next_post, use.paused) == (3, 0.0, 20.0)
    assert use.next_sign_in > 0
    assert use.banned_until == datetime.fromtimestamp(machine.wall.now + 600, UTC)
    machine.pass_(AUTHENTICATED.post_window + 0.1)
    assert file.use(ME, AUTHENTICATED).posts == 2, "those in flight may still arrive"
    machine.open().forget(ME)
    assert file.use(ME, AUTHENTICATED) == RecordedUse()
    assert file.use("another", AUTHENTICATED).posts == 1
    assert file.read(ME) == SharedState()


def test_the_next_post_is_told_when_there_is_no_room(machine: Machine) -> None:
    file = machine.open()
    for _ in range(AUTHENTICATED.max_posts):
        file.settle(posted(file))
    assert file.use(ME, AUTHENTICATED).next_post == pytest.approx(AUTHENTICATED.post_window)
    assert file.use(ME, AUTHENTICATED).posts == AUTHENTICATED.max_posts
