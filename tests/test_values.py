"""What all values share."""

import subprocess
import sys

from aiotravis import Build, events


def test_events_become_json_like_other_values() -> None:
    event = events.BuildFinished(build=Build(id=7), channel="repo-1")
    assert event.to_dict()["build"]["id"] == 7
    assert event.to_json().startswith(b'{"event":"build:finished","channel":"repo-1","build":{"id":7,')


def test_pydantic_is_not_imported_unless_it_asks() -> None:
    program = "import sys, aiotravis; from aiotravis import *; from aiotravis import events, webhooks; "
    program += "Build(id=1).to_dict(); assert 'pydantic' not in sys.modules; assert 'pydantic_core' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
