"""What Prometheus sees. Labels come from closed or administrator-made sets, never from a job's text."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, start_http_server

from .api.v1alpha1 import AnalysisJobStatus
from .core.isolation import Outcome, Verdict

_BUCKETS = (0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200, 43200)


class Metrics:
    """All metrics of one operator, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._launched = Counter("fumehood_attempts_launched", "Sandboxes made", ["environment"], registry=self.registry)
        self._finished = Counter(
            "fumehood_jobs_finished", "Jobs that ended", ["environment", "phase", "category", "reason"], registry=self.registry
        )
        self._total = Histogram(
            "fumehood_job_duration_seconds", "From creation to the recorded result", ["phase"], buckets=_BUCKETS, registry=self.registry
        )

        self._lookups = Counter(
            "fumehood_cache_lookups", "Times that a job looked for another's result", ["outcome"], registry=self.registry
        )
        self._egress = Counter("fumehood_egress_grants", "Network exceptions granted", ["profile", "namespace"], registry=self.registry)
        self._proofs = Counter("fumehood_network_proofs", "Proofs that a network is shut", ["outcome"], registry=self.registry)
        self._unfit = Gauge(
            "fumehood_network_unfit", "Namespaces whose jobs wait: a probe found their network open", ["namespace"], registry=self.registry
        )

    def watch(self, active: Callable[[], float], waiting: Callable[[], float]) -> None:
        """Report how many sandboxes exist and how many jobs wait for one."""
        Gauge("fumehood_sandboxes", "Sandboxes that exist", registry=self.registry).set_function(active)
        Gauge("fumehood_jobs_waiting", "Jobs that wait for a place", registry=self.registry).set_function(waiting)

    def launched(self, environment: str) -> None:
        """Count one sandbox made."""
        self._launched.labels(environment).inc()

    def finished(self, environment: str, status: AnalysisJobStatus) -> None:
        """Count one job ended. An environment that no sandbox was made for is a user's text: it is not named."""
        failure = status.failure
        known = environment if status.env_version else ""
        self._finished.labels(known, status.phase, failure.category if failure else "", failure.reason if failure else "").inc()
        if status.durations and status.durations.total:
            self._total.labels(status.phase).observe(float(status.durations.total.removesuffix("s")))

    def looked_up(self, outcome: str) -> None:
        """Count one look for another's result: there was one (hit), none (miss), or the job has no key to look by (unknown)."""
        self._lookups.labels(outcome).inc()

    def egress_granted(self, profile: str, namespace: str) -> None:
        """Count one network exception."""
        self._egress.labels(profile, namespace).inc()

    def proof(self, namespace: str, verdict: Verdict) -> None:
        """Count one proof, and show the namespace as long as jobs wait there."""
        if verdict.outcome is not Outcome.PROVING:
            self._proofs.labels(verdict.outcome).inc()
        if verdict.fit is False:
            self._unfit.labels(namespace).set(1)
        else:
            self._unfit.remove(namespace)

    def serve(self, port: int) -> None:
        """Serve /metrics."""
        start_http_server(port, registry=self.registry)
