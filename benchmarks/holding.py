"""The cost of decoding builds, of holding ten thousand of them, and of importing the library."""

import gc
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import tracemalloc
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from aiotravis._http import ApiResponse
from aiotravis.resources._build_or_job import finish
from aiotravis.resources.builds import LIST
from benchmarks.bare_structs import Page
from benchmarks.pages import page_of_builds

__all__ = ["decoders", "decoding", "held", "importing", "starting"]

CALL = LIST.request()

IMPORTS = {
    "aiotravis": "from aiotravis import Travis, events",
    "its four dependencies": "import aiohttp, anyio, msgspec, pysher",
    "nothing": "",
}

STARTS = {
    "aiotravis": ("-m", "aiotravis", "--version"),
    "aiotravis --help": ("-m", "aiotravis", "--help"),
    "aiotravis wait --help": ("-m", "aiotravis", "wait", "--help"),
    "import click": ("-c", "import click"),
}


def _ours(page: bytes) -> object:
    response = LIST.read(CALL, ApiResponse(200, {"content-type": "application/json;charset=utf-8"}, page))
    return finish(response.builds, response.commits)


def decoders() -> dict[str, Callable[[bytes], object]]:
    """Return what decodes a page of builds, by name."""
    found: dict[str, Callable[[bytes], object]] = {
        "aiotravis": _ours,
        "bare decoder": msgspec.json.Decoder(Page).decode,
        "json.loads": json.loads,
    }
    if importlib.util.find_spec("orjson"):
        orjson: Any = importlib.import_module("orjson")
        found["orjson"] = orjson.loads
    if importlib.util.find_spec("travispy"):
        entities: Any = importlib.import_module("travispy.entities")

        def travispy(page: bytes) -> object:
            response: dict[str, Any] = json.loads(page)
            with warnings.catch_warnings():
                # TravisPy warns of fields that servers have gained since it was written.
                warnings.simplefilter("ignore")
                commits = entities.Commit._load(response["commits"], None)
                return entities.Build._load(response["builds"], None), commits

        found["TravisPy"] = travispy
    return found


def decoding(*, repeats: int, rounds: int) -> dict[str, list[float]]:
    """Return microseconds of CPU for a page of 25 builds with commits, one figure per round, by decoder."""
    page = page_of_builds()
    figures: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, decode in decoders().items():
            began = time.thread_time()
            for _ in range(repeats):
                decode(page)
            figures.setdefault(name, []).append((time.thread_time() - began) / repeats * 1e6)
    return figures


def held(*, builds: int) -> dict[str, tuple[float, float]]:
    """Return the megabytes that builds with commits hold, and milliseconds of a full collection, by decoder."""
    page = page_of_builds()
    figures: dict[str, tuple[float, float]] = {}
    for name, decode in decoders().items():
        if name in {"orjson", "bare decoder"}:
            continue  # Dictionaries, as from json.loads; and whole responses.
        gc.collect()
        # Without this, a collection would mostly visit other objects of the process.
        gc.freeze()
        tracemalloc.start()
        kept = [decode(bytes(page)) for _ in range(builds // 25)]
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        began = time.perf_counter()
        gc.collect()
        figures[name] = size / 1e6, (time.perf_counter() - began) * 1e3
        gc.unfreeze()
        del kept
    return figures


def importing(*, rounds: int) -> dict[str, list[float]]:
    """Return milliseconds of an import in a fresh interpreter, with bytecode compiled before; one figure per round."""
    programs = {name: ("-c", code) for name, code in IMPORTS.items()}
    return _in_fresh_interpreters(programs, time.perf_counter, rounds)


def starting(*, rounds: int) -> dict[str, list[float]]:
    """Return milliseconds of user CPU of the command line's start, likewise."""
    return _in_fresh_interpreters(STARTS, lambda: resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime, rounds)


def _in_fresh_interpreters(
    programs: Mapping[str, Sequence[str]], clock: Callable[[], float], rounds: int
) -> dict[str, list[float]]:
    figures: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as compiled:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for turn in range(rounds + 1):
            for name, arguments in programs.items():
                began = clock()
                command = [sys.executable, *arguments]
                subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
                if turn:
                    figures.setdefault(name, []).append((clock() - began) * 1e3)
    return figures
