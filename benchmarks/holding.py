"""What it costs to decode builds, to hold ten thousand of them, and to import the library."""

import gc
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any

from aiotravis._http import ApiResponse
from aiotravis.resources.builds import LIST
from aiotravis.resources.commits import joined
from benchmarks.pages import page_of_builds

__all__ = ["decoding", "held", "importing"]

CALL = LIST.request()

IMPORTS = {
    "aiotravis": "from aiotravis import Travis, events",
    "its four dependencies": "import aiohttp, anyio, msgspec, pysher",
    "nothing": "",
}


def _ours(page: bytes) -> object:
    answer = LIST.read(CALL, ApiResponse(200, {"content-type": "application/json;charset=utf-8"}, page))
    return joined(answer.builds, answer.commits)


def _decoders() -> dict[str, Callable[[bytes], object]]:
    found: dict[str, Callable[[bytes], object]] = {"aiotravis": _ours, "json.loads": json.loads}
    if importlib.util.find_spec("orjson"):
        orjson: Any = importlib.import_module("orjson")
        found["orjson"] = orjson.loads
    if importlib.util.find_spec("travispy"):
        entities: Any = importlib.import_module("travispy.entities")

        def travispy(page: bytes) -> object:
            answer: dict[str, Any] = json.loads(page)
            with warnings.catch_warnings():
                # Of fields that servers have gained since it was written.
                warnings.simplefilter("ignore")
                commits = entities.Commit._load(answer["commits"], None)
                return entities.Build._load(answer["builds"], None), commits

        found["TravisPy"] = travispy
    return found


def decoding(*, repeats: int, rounds: int) -> dict[str, list[float]]:
    """Give the microseconds of CPU for a page of 25 builds with commits, one figure a round, by decoder."""
    page = page_of_builds()
    figures: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, decode in _decoders().items():
            began = time.thread_time()
            for _ in range(repeats):
                decode(page)
            figures.setdefault(name, []).append((time.thread_time() - began) / repeats * 1e6)
    return figures


def held(*, builds: int) -> dict[str, tuple[float, float]]:
    """Give megabytes that so many builds with commits hold, and milliseconds of a full collection, by decoder."""
    page = page_of_builds()
    figures: dict[str, tuple[float, float]] = {}
    for name, decode in _decoders().items():
        if name == "orjson":
            continue  # Dictionaries, as from json.loads.
        gc.collect()
        # What the process holds besides is not looked at: it would be most of a collection's time.
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
    """Give the milliseconds of an import in a fresh interpreter, one figure a round; all of it compiled beforehand."""
    figures: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as compiled:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for turn in range(rounds + 1):
            for name, code in IMPORTS.items():
                began = time.perf_counter()
                subprocess.run([sys.executable, "-c", code], check=True, env=environment)
                if turn:
                    figures.setdefault(name, []).append((time.perf_counter() - began) * 1e3)
    return figures
