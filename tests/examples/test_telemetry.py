"""Traces and metrics of a client, and what they must not hold."""

import json
from collections import Counter

import anyio
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from aiotravis import Travis
from aiotravis.testing import Repository, TravisServer
from examples.telemetry import numbers, observe, trace_config
from tests.conftest import HASTY, TOKEN


async def test_each_attempt_is_a_span_and_no_token_is_in_any_attribute(
    server: TravisServer, repository: Repository
) -> None:
    spans, reader, tracers = InMemorySpanExporter(), InMemoryMetricReader(), TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    meters = MeterProvider([reader])
    server.respond("GET", f"/repos/{repository.id}", status=503, times=1)
    config = trace_config(tracers, meters)
    async with Travis(TOKEN, endpoint=server.endpoint, live=HASTY, trace_configs=[config]) as travis:
        observe(travis, meters)
        await travis.repos.get(repository.id)
        async with travis.events(repository.id), anyio.create_task_group() as group:
            group.start_soon(travis.wait_for_build, repository.build().id)
            await travis.config.get()
            found = numbers(reader)
            group.cancel_scope.cancel()
        # fact 9.47: the token is in the query.
        await travis.auth.logout()
        assert found["aiotravis.requests"] >= 5
        assert (found["aiotravis.retries"], found["aiotravis.live.feeds"], found["aiotravis.waiters"]) == (1, 1, 1)
    finished = spans.get_finished_spans()
    attributes = [dict(span.attributes or {}) for span in finished]
    seen = Counter((one["http.url"], one["http.status_code"]) for one in attributes)
    address = f"{server.endpoint}/repos/{repository.id}"
    assert (seen[address, 503], seen[address, 200], seen[f"{server.endpoint}/logout", 200]) == (1, 1, 1)
    everything = [span.to_json() for span in finished]
    data = reader.get_metrics_data()
    everything.append(data.to_json() if data is not None else "")
    assert "http.client.duration" in everything[-1]
    assert TOKEN not in json.dumps(everything)
    tracers.shutdown()
    meters.shutdown()
