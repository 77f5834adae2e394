"""What Prometheus asks for. Counters count what this process has done; the rest is as it is when it is asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from sync_engine.ledger.records import Status as TransferStatus
from sync_engine.sdk.errors import SyncEngineError
from sync_engine.serve.running import DONE, Ended
from sync_engine.serve.status import Status
from sync_engine.serve.watching import Kind

_OUTCOMES = {0: "done", 3: "invalid", 4: "rejected", 5: "gate", 7: "locked", 69: "unavailable", 130: "interrupted"}
_BUCKETS = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600)
_NEWEST = 20
"""Transfers of a catalog among which the last good one is looked for."""


class Metrics:
    """The counters of this process, and how to print all metrics."""

    def __init__(self, status: Callable[[], Status]) -> None:
        self._registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"sync_engine_{name}", text, labels, registry=self._registry)

        self._runs = counter("runs", "Times that a catalog was to be transferred.", "catalog", "trigger", "outcome")
        self._records = counter("records", "Records that were transferred.", "catalog", "outcome")
        self._requests = counter("requests", "Requests of plans, and of applying them.", "catalog", "side")
        self._deliveries = counter("webhook_deliveries", "Requests to the webhook.", "status")
        text = "How long runs took that came to their end."
        self._seconds = Histogram(
            "sync_engine_run_seconds", text, ("catalog",), buckets=_BUCKETS, registry=self._registry
        )
        self._left: dict[str, int] = {}
        self._registry.register(_Now(status, self._left))

    def ended(self, found: Ended) -> None:
        """Count a run."""
        catalog = found.child.catalog
        self._runs.labels(catalog, found.child.trigger, _OUTCOMES.get(found.code, "failed")).inc()
        if found.code in DONE:
            self._seconds.labels(catalog).observe(found.seconds)
        for transfer in found.report.get("transfers") or ():
            for outcome, count in transfer["summary"].items():
                self._records.labels(catalog, outcome).inc(count)
            cost = transfer["cost"]
            self._requests.labels(catalog, "source").inc(cost["source_requests"] or 0)
            self._requests.labels(catalog, "target").inc(cost["target_requests"])
            if cost["requests_remaining"] is not None:
                self._left[catalog] = cost["requests_remaining"]

    def delivered(self, status: int) -> None:
        """Count a request to the webhook."""
        self._deliveries.labels(str(status)).inc()

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)


class _Now(Collector):
    """What is read when it is asked for."""

    def __init__(self, status: Callable[[], Status], left: dict[str, int]) -> None:
        self._status = status
        self._left = left

    def collect(self) -> Iterator[Metric]:
        status = self._status()
        seen = status.seen
        yield _gauge("sync_engine_ready", "Whether transfers can be started.", not status.not_ready())
        yield _gauge("sync_engine_running", "Transfers under way.", len(status.running))
        yield _gauge("sync_engine_queue_length", "Catalogs that wait to be transferred.", len(status.orders))
        yield _gauge("sync_engine_catalogs", "Catalogs of the revision that counts.", len(status.catalogs))
        yield _gauge("sync_engine_catalogs_gone", "Catalogs that the revision has no more.", len(status.gone))
        if seen.reached:
            reached = datetime.fromisoformat(seen.reached).timestamp()
            yield _gauge("sync_engine_git_reached_timestamp_seconds", "When git was last reached.", reached)
        trouble = GaugeMetricFamily("sync_engine_trouble", "What is wrong with what is watched.", labels=["kind"])
        for kind in Kind:
            trouble.add_metric([kind], seen.trouble is not None and seen.trouble.kind is kind)
        yield trouble
        if seen.good is not None:
            info = InfoMetricFamily("sync_engine_revision", "The revision that counts.")
            info.add_metric([], {"revision": seen.good.id})
            yield info
        yield from self._successes(status)
        left = GaugeMetricFamily(
            "sync_engine_requests_remaining", "What the target's daily limit left at the last plan.", labels=["catalog"]
        )
        for catalog, count in list(self._left.items()):
            left.add_metric([catalog], count)
        yield left

    def _successes(self, status: Status) -> Iterator[Metric]:
        moment = GaugeMetricFamily(
            "sync_engine_last_success_timestamp_seconds", "When the last good transfer ended.", labels=["catalog"]
        )
        age = GaugeMetricFamily(
            "sync_engine_last_success_age_seconds", "How long ago the last good transfer ended.", labels=["catalog"]
        )
        for name, ended in _last_successes(status).items():
            moment.add_metric([name], ended)
            age.add_metric([name], time.time() - ended)
        yield moment
        yield age


def _last_successes(status: Status) -> dict[str, float]:
    """When the last transfer of each catalog ended that was done; from the ledger, whoever made it."""
    found: dict[str, float] = {}
    for catalog in status.catalogs:
        try:
            newest = status.ledger.transfers(catalog.name, _NEWEST) if status.ledger else ()
        except SyncEngineError:
            return found
        done = (each.finished for each in newest if each.status is TransferStatus.DONE)
        if last := next(done, None):
            found[catalog.name] = datetime.fromisoformat(last).timestamp()
    return found


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)
