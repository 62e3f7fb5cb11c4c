"""Trace every request with OpenTelemetry, and count what the client does; print both.

Needs two packages: ``pip install opentelemetry-sdk opentelemetry-instrumentation-aiohttp-client``. Without arguments it
starts a Travis of its own, in this process, which fails once so that a retry is seen:

    python examples/telemetry.py

With a real one:

    TRAVIS_TOKEN=... python examples/telemetry.py --endpoint https://api.travis-ci.com --repo OWNER/NAME

In a service, take `trace_config` and `observe`, and pass the providers that export to your collector.

A TraceConfig sees all that is sent: the token in ``Authorization`` and, when it is revoked, in the query. So URLs are
recorded without their query, and no header is captured. Do the same if you instrument all of aiohttp at once
(``AioHttpClientInstrumentor().instrument(url_filter=...)``). Requests carry a ``traceparent``, which Travis ignores.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Sequence

import aiohttp  # noqa: TID251 - for a type
import anyio
from opentelemetry.instrumentation.aiohttp_client import create_trace_config
from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation
from opentelemetry.sdk.metrics import MeterProvider as SdkMeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import TracerProvider
from yarl import URL

from aiotravis import COM, Statistics, Travis, TravisError, errors, safe_for_terminal
from aiotravis.testing import TravisServer

SLUG = "travis-ci/travis.rb"
TOKEN = "an-example-token"

COUNTERS: dict[str, Callable[[Statistics], int]] = {
    "requests": lambda found: found.requests,
    "retries": lambda found: found.retries,
    "pauses": lambda found: found.pauses,
    "bytes": lambda found: found.bytes,
    "live.events": lambda found: found.live.events,
    "live.reconnects": lambda found: found.live.reconnects,
}

GAUGES: dict[str, Callable[[Statistics], int]] = {
    "waiters": lambda found: found.waiters,
    "followers": lambda found: found.followers,
    "waiting_for_limits": lambda found: found.waiting_for_limits,
    "live.feeds": lambda found: found.live.feeds,
}


def trace_config(tracers: TracerProvider, meters: MeterProvider) -> aiohttp.TraceConfig:
    """Return what makes a span, and a duration, of each attempt of a request: for ``Travis(trace_configs=[...])``."""

    def without_query(url: URL) -> str:
        return str(url.with_query(None))

    return create_trace_config(url_filter=without_query, tracer_provider=tracers, meter_provider=meters)


def observe(travis: Travis, meters: MeterProvider) -> None:
    """Report the statistics of a client as metrics, whenever these are collected."""
    meter = meters.get_meter("aiotravis")

    def reading(value: Callable[[Statistics], int]) -> Callable[[CallbackOptions], Iterable[Observation]]:
        return lambda _: [Observation(value(travis.statistics()))]

    for name, value in COUNTERS.items():
        meter.create_observable_counter(f"aiotravis.{name}", [reading(value)])
    for name, value in GAUGES.items():
        meter.create_observable_gauge(f"aiotravis.{name}", [reading(value)])


class LinePrinter(SpanExporter):
    """Prints each span on a line. A service exports to its collector instead."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Print spans."""
        for span in spans:
            attributes = span.attributes or {}
            milliseconds = ((span.end_time or 0) - (span.start_time or 0)) / 1e6
            line = f"{span.name} {attributes.get('http.url')}: {attributes.get('http.status_code', 'no response')}"
            print(safe_for_terminal(f"{line} in {milliseconds:.0f} ms", colour=False))
        return SpanExportResult.SUCCESS


def numbers(reader: InMemoryMetricReader) -> dict[str, float]:
    """Collect the metrics of a client once."""
    data = reader.get_metrics_data()
    return {
        metric.name: point.value
        for resource in (data.resource_metrics if data is not None else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
        if isinstance(point, NumberDataPoint)
    }


async def show(token: str | None, endpoint: str, repo: str) -> None:
    """Make some requests, traced and counted."""
    tracers, reader = SdkTracerProvider(), InMemoryMetricReader()
    tracers.add_span_processor(SimpleSpanProcessor(LinePrinter()))
    meters = SdkMeterProvider([reader])
    async with Travis(token, endpoint=endpoint, trace_configs=[trace_config(tracers, meters)]) as travis:
        observe(travis, meters)
        await travis.repos.get(repo)
        async for build in travis.builds.list(repo, limit=3):
            print(f"  #{build.number} {build.state}")
        for name, value in numbers(reader).items():
            print(f"{name:<28} {value:g}")
    meters.shutdown()
    tracers.shutdown()


async def main() -> int:
    """Use a real Travis or the embedded one; print errors on one line."""
    parser = argparse.ArgumentParser(description="Trace and count the requests of a client.")
    parser.add_argument("--endpoint", help=f"URL of the API, such as {COM}; without it, a Travis of this process")
    parser.add_argument("--token", default=os.environ.get("TRAVIS_TOKEN"), help="API token (default: $TRAVIS_TOKEN)")
    parser.add_argument("--repo", default=SLUG, metavar="OWNER/NAME")
    options = parser.parse_args()
    try:
        if options.endpoint:
            await show(options.token or None, options.endpoint, options.repo)
            return 0
        async with TravisServer() as server:
            server.world.repository(SLUG, users=[server.world.user("sarah", token=TOKEN)]).history(3)
            server.respond("GET", f"/repos/{SLUG}", status=503, times=1)
            await show(TOKEN, server.endpoint, SLUG)
    except errors.NotFoundError:
        print(f"telemetry: {options.repo}: not found", file=sys.stderr)
        return 1
    except TravisError as exc:
        print(f"telemetry: {exc}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(anyio.run(main))
    except KeyboardInterrupt:
        sys.exit(130)
