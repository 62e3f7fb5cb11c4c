"""The same responses from nginx, where it is installed: a server that is not ours.

Debian: ``apt-get install nginx-light``, and for a latency ``libnginx-mod-http-echo``.
"""

import contextlib
import functools
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Final

from benchmarks.pages import FIRST_ID, BuildHistory

__all__ = ["can_serve", "serving"]

ECHO_MODULES: Final = ("/usr/lib/nginx/modules/ngx_http_echo_module.so",)

CONFIGURATION: Final = """
{modules}
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log stderr error;
events {{ worker_connections 2048; }}
http {{
  access_log off;
  client_body_temp_path {folder}/temporary;
  proxy_temp_path {folder}/temporary;
  fastcgi_temp_path {folder}/temporary;
  uwsgi_temp_path {folder}/temporary;
  scgi_temp_path {folder}/temporary;
  types {{ }}
  default_type application/json;
  keepalive_requests 1000000;
  open_file_cache max=20000;
  map $args $page {{
    default newest;
    "~after_number=(?<number>\\d+)" after-$number;
    "~ids=(?<first>\\d+)" ids-$first;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    root {folder};
    add_header Access-Control-Allow-Origin *;
    add_header Cache-Control "no-cache, private";
    add_header Strict-Transport-Security max-age=31536000;
    add_header Vary Accept;
    add_header X-Endpoint "Travis::Api::App::Endpoint::Builds";
{locations}
  }}
}}
"""

AT_ONCE: Final = """
    location = /builds { rewrite ^ /pages/$page last; }
"""

DELAYED: Final = """
    location /builds {{ echo_sleep {latency}; echo_exec /delayed$uri $args; }}
    location /delayed/ {{ internal; alias {folder}/; }}
    location = /delayed/builds {{ internal; rewrite ^ /pages/$page last; }}
"""


@functools.cache
def can_serve(latency: float) -> bool:
    """Return whether nginx is installed, with what it needs for a latency."""
    return shutil.which("nginx") is not None and (not latency or any(Path(path).exists() for path in ECHO_MODULES))


@contextlib.contextmanager
def serving(*, builds: int, latency: float = 0.0) -> Generator[str]:
    """Run nginx with static files. For the arguments, see `benchmarks.rest_server.serving`.

    Yields:
        Its URL.
    """
    with tempfile.TemporaryDirectory() as made, socket.socket() as found:
        folder = Path(made)
        folder.chmod(0o755)  # nginx's workers run as another user.
        _write_files(folder, BuildHistory(builds))
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        found.close()
        modules = "".join(f"load_module {path};" for path in ECHO_MODULES if latency and Path(path).exists())
        locations = DELAYED.format(latency=latency, folder=folder) if latency else AT_ONCE
        configuration = CONFIGURATION.format(modules=modules, folder=folder, port=port, locations=locations)
        (folder / "nginx.conf").write_text(configuration)
        with subprocess.Popen(["nginx", "-p", made, "-c", str(folder / "nginx.conf")]) as process:
            try:
                _wait_until_it_listens(port, process)
                yield f"http://127.0.0.1:{port}"
            finally:
                process.terminate()


def _write_files(folder: Path, history: BuildHistory) -> None:
    for name in ("builds", "pages"):
        (folder / name).mkdir()
    for place in range(history.count):
        (folder / "builds" / str(FIRST_ID + place)).write_bytes(history.single(place))
    for first in range(0, history.count, 100):
        (folder / "pages" / f"ids-{FIRST_ID + first}").write_bytes(history.by_ids(range(first, first + 100)))
    (folder / "pages" / "newest").write_bytes(history.page(history.count + 1))
    # TravisPy asks for one page below the other, aiotravis for pages that share a build.
    apart, sharing = range(history.count + 1, 1, -history.PAGE), range(history.count - 23, 1, 1 - history.PAGE)
    for after in {*apart, *sharing, *range(2, 2 * history.PAGE)}:
        (folder / "pages" / f"after-{after}").write_bytes(history.page(after))


def _wait_until_it_listens(port: int, process: "subprocess.Popen[bytes]") -> None:
    while process.poll() is None:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.01)
    raise RuntimeError("nginx has ended at once")
