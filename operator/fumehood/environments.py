"""The environments as a watch told of them, listed anew where that may not be enough."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import ValidationError

from .api.v1alpha1 import AnalysisEnvironment
from .core.environments import Catalog
from .core.failures import Refused
from .core.reading import first_error
from .kube import environment_path
from .ports import Clock, Cluster, Json


class Environments:
    """A copy of all AnalysisEnvironments, which are few; listed again after `lifetime`, since a watch can be silent."""

    def __init__(self, cluster: Cluster, clock: Clock, lifetime: timedelta) -> None:
        self._cluster = cluster
        self._clock = clock
        self._lifetime = lifetime
        self._listed_at: datetime | None = None
        self._known: dict[str, AnalysisEnvironment] = {}
        self._unreadable: dict[str, str] = {}
        self.catalog = Catalog((), {})

    async def resolve(self, wanted: str) -> AnalysisEnvironment:
        """Return what `wanted` (NAME or NAME@VERSION) means now.

        Raises:
            Refused: there is none, or it may not be used any more.
            Retryable: the API server does not answer.
        """
        now = self._clock()
        if self._listed_at is not None and now - self._listed_at < self._lifetime:
            try:
                return self.catalog.resolve(wanted, now)
            except Refused:
                pass  # it may be newer than what the watch told
        await self.refresh()
        return self.catalog.resolve(wanted, now)

    def see(self, event: str | None, document: Json) -> None:
        """Take note of what a watch told: "DELETED", or anything else."""
        self._forget(document["metadata"]["name"])
        if event != "DELETED":
            self._learn(document)
        self._catalogue()

    async def refresh(self) -> None:
        """List all of them.

        Raises:
            Retryable: the API server does not answer.
        """
        now = self._clock()
        documents = (await self._cluster.get(environment_path()))["items"]
        self._known, self._unreadable = {}, {}
        for document in documents:
            self._learn(document)
        self._catalogue()
        self._listed_at = now

    def _learn(self, document: Json) -> None:
        name = document["metadata"]["name"]
        try:
            self._known[name] = AnalysisEnvironment.model_validate(document)
        except ValidationError as error:
            self._unreadable[name] = first_error(error)

    def _forget(self, name: str) -> None:
        self._known.pop(name, None)
        self._unreadable.pop(name, None)

    def _catalogue(self) -> None:
        self.catalog = Catalog(self._known.values(), self._unreadable)
