"""Fork a process for each request of ``start.py``. Print the address of the socket; end with standard input."""

import contextlib
import gc
import importlib
import io
import json
import os
import random
import runpy
import selectors
import signal
import socket
import sys
import tempfile
from pathlib import Path

PRELOADED = (
    "aiohttp.web", "aiotravis.cli._app", "aiotravis.cli._command", "aiotravis.client", "aiotravis.rate_limits.machine",
    "aiotravis.testing", "aiotravis.web", "argparse", "click", "pysher", "rich.layout", "rich.live", "rich.panel",
    "rich.table", "yaml",
)  # fmt: skip


def read_request(connection: socket.socket) -> tuple[list[int], tuple[list[str], dict[str, str], str]]:
    """Return the streams, and the arguments, environment and folder of a program."""
    head, streams, _, _ = socket.recv_fds(connection, 4, 3)
    body = b""
    while len(body) < int.from_bytes(head, "big"):
        body += connection.recv(1 << 16)
    return streams, json.loads(body)


def serve() -> tuple[list[int], tuple[list[str], dict[str, str], str]]:
    """Fork for each request until standard input is closed. Return the request in the new process."""
    selector = selectors.DefaultSelector()
    listener = socket.socket(socket.AF_UNIX)
    # Paths of sockets are limited to about a hundred characters.
    address = Path(tempfile.mkdtemp(prefix="programs."), "socket")
    listener.bind(str(address))
    listener.listen(100)
    # A child that ends wakes the selector.
    ended, woken = socket.socketpair()
    ended.setblocking(False)
    woken.setblocking(False)
    signal.set_wakeup_fd(woken.fileno())
    signal.signal(signal.SIGCHLD, _wake)
    for source in (sys.stdin.buffer, listener, ended):
        selector.register(source, selectors.EVENT_READ)
    running: dict[int, socket.socket] = {}
    print(address, flush=True)
    while True:
        for key, _ in selector.select():
            if key.fileobj is sys.stdin.buffer:
                for process in running:
                    os.kill(process, signal.SIGKILL)
                address.unlink()
                address.parent.rmdir()
                sys.exit()
            elif key.fileobj is listener:
                connection, _ = listener.accept()
                request = read_request(connection)
                process = os.fork()
                if process == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    selector.close()
                    for one in (connection, listener, ended, woken, *running.values()):
                        one.close()
                    return request
                for stream in request[0]:
                    os.close(stream)
                running[process] = connection
                selector.register(connection, selectors.EVENT_READ, process)
                connection.sendall(b"%8d" % process)
            elif key.fileobj is ended:
                ended.recv(1 << 10)
                while running and (found := os.waitpid(-1, os.WNOHANG))[0]:
                    connection = running.pop(found[0])
                    if connection in selector.get_map():
                        selector.unregister(connection)
                    # Who asked may have been killed.
                    with contextlib.suppress(OSError):
                        connection.sendall(b"%8d" % os.waitstatus_to_exitcode(found[1]))
                    connection.close()
            elif key.data in running:
                # The process that asked was killed.
                selector.unregister(key.fileobj)
                os.kill(key.data, signal.SIGKILL)


def _wake(number: int, frame: object) -> None:
    """Do nothing: that there is a handler wakes the selector."""


def become(streams: list[int], environment: dict[str, str], folder: str) -> None:
    """Take over the streams, the environment and the folder of the program."""
    for place, stream in enumerate(streams):
        os.dup2(stream, place)
        os.close(stream)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    for place, name, errors in ((1, "stdout", "strict"), (2, "stderr", "backslashreplace")):
        raw = io.BufferedWriter(io.FileIO(place, "w", closefd=False))
        lines = place == 2 or os.isatty(place)
        setattr(sys, name, io.TextIOWrapper(raw, "utf-8", errors, line_buffering=lines))
        setattr(sys, f"__{name}__", getattr(sys, name))
    sys.__stdin__ = sys.stdin  # type: ignore[misc]
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    random.seed()


if __name__ == "__main__":
    sys.path[0] = str(Path.cwd())
    for module in PRELOADED:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    received, (arguments, variables, cwd) = serve()
    become(received, variables, cwd)
    if arguments[0] == "-m":
        sys.path[0] = cwd
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = str(Path(arguments[0]).parent)
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name="__main__")
