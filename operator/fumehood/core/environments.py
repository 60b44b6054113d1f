"""Which environment a job means: names, versions, defaults (pure).

An environment may be there in several versions, each an AnalysisEnvironment of its
own. Its version is what follows the last `-` of `spec.envVersion`; its name is the
resource's, without `-VERSION` if it ends so: `python` and `python-2026.08` are both
versions of `python`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from ..api.v1alpha1 import AnalysisEnvironment, Evidence
from .failures import Reason, Refused

MAX_NAMED = 8  # in a message


class Catalog:
    """The environments that there are; of those that cannot be read, what is wrong with each."""

    def __init__(self, environments: Iterable[AnalysisEnvironment], unreadable: Mapping[str, str]) -> None:
        self.unreadable = dict(unreadable)
        self._families: dict[str, list[AnalysisEnvironment]] = {}
        for environment in sorted(environments, key=lambda one: one.metadata.name):
            self._families.setdefault(name(environment), []).append(environment)

    def resolve(self, wanted: str, now: datetime) -> AnalysisEnvironment:
        """Return what `wanted` (NAME or NAME@VERSION) means for a new job.

        Raises:
            Refused: there is none, or it may not be used any more.
        """
        found = self.find(wanted, now)
        _check_age(found, wanted, now)
        return found

    def find(self, wanted: str, now: datetime) -> AnalysisEnvironment:
        """Return what `wanted` means, be it retired or not.

        Raises:
            Refused: there is none.
        """
        family, _, pinned = wanted.partition("@")
        members = self._families.get(family)
        if members:
            return self._pinned(members, pinned) if pinned else default(members, now)
        fault = self.unreadable.get(family)
        why = f"AnalysisEnvironment {family!r} is not valid: {fault}" if fault else f"there is no AnalysisEnvironment {family!r}"
        raise Refused(Reason.ENVIRONMENT_UNKNOWN, f"spec.environment: {why}" + ("" if fault else "; see kubectl get analysisenvironments"))

    def families(self) -> Mapping[str, Sequence[AnalysisEnvironment]]:
        """Return all versions of each environment by its name, in their order."""
        return {family: sorted(members, key=_age) for family, members in self._families.items()}

    def having(self, adapter: str, package: str) -> tuple[str, ...]:
        """Return the environments of a language, as jobs name them, that list `package`: elsewhere its name means something else."""
        wanted = _normal(package)
        return tuple(
            f"{family}@{version(one)}"
            for family, members in self.families().items()
            for one in members
            if one.spec.adapter == adapter and any(_normal(held.name) == wanted for held in one.spec.packages)
        )

    def _pinned(self, members: list[AnalysisEnvironment], wanted: str) -> AnalysisEnvironment:
        matching = [one for one in members if version(one) == wanted]
        if not matching:
            there = ", ".join(sorted({version(one) for one in members}, key=_order)[-MAX_NAMED:])
            raise Refused(
                Reason.ENVIRONMENT_UNKNOWN,
                f"spec.environment: {name(members[0])!r} has no version {wanted!r}; there are {there}",
            )
        if len({one.spec.image for one in matching}) > 1:
            names = ", ".join(one.metadata.name for one in matching[:MAX_NAMED])
            raise Refused(
                Reason.ENVIRONMENT_UNKNOWN,
                f"spec.environment: version {wanted!r} was given to more than one image (AnalysisEnvironments {names}); "
                "tell your administrator",
            )
        return max(matching, key=lambda one: one.metadata.name)


def name(environment: AnalysisEnvironment) -> str:
    """Return the name by which jobs ask for an environment, without its version."""
    return environment.metadata.name.removesuffix(f"-{version(environment)}") or environment.metadata.name


def version(environment: AnalysisEnvironment) -> str:
    """Return an environment's version."""
    return environment.spec.env_version.rpartition("-")[2] or environment.spec.env_version


def default(members: Sequence[AnalysisEnvironment], now: datetime) -> AnalysisEnvironment:
    """Return what their name means without a version: of all versions of one environment, at least one.

    The one that says it is; else the one that bears the name alone; else the newest that is not
    deprecated. A retired one only if all are.
    """
    usable = [one for one in members if not retired(one, now)] or members
    declared = [one for one in usable if one.spec.default]
    plain = [one for one in usable if one.metadata.name == name(one)]
    current = [one for one in usable if one.spec.deprecated is None]
    return max(declared or plain or current or usable, key=_age)


def retired(environment: AnalysisEnvironment, now: datetime) -> bool:
    """Return whether jobs that ask for it are refused."""
    deprecated = environment.spec.deprecated
    return deprecated is not None and deprecated.until is not None and now >= datetime.fromisoformat(deprecated.until)


def _check_age(environment: AnalysisEnvironment, wanted: str, now: datetime) -> None:
    deprecated = environment.spec.deprecated
    if deprecated is not None and deprecated.until is not None and retired(environment, now):
        raise Refused(
            Reason.ENVIRONMENT_RETIRED,
            f"spec.environment: {wanted!r} ({environment.spec.env_version}) was retired on {deprecated.until[:10]}: {deprecated.message}",
            Evidence(entry=environment.metadata.name),
        )


def _age(environment: AnalysisEnvironment) -> tuple[tuple[int, int, str], ...]:
    return _order(version(environment))


def _order(text: str) -> tuple[tuple[int, int, str], ...]:
    """Versions as people order them: 2026.9 before 2026.11, 1.0rc1 before 1.0."""
    parts = re.findall(r"[0-9]+|[A-Za-z]+", text)[:32]
    return (*((1, int(part[:18]), "") if part.isdigit() else (-1, 0, part) for part in parts), (0, 0, ""))


def _normal(package: str) -> str:
    """Package names as Python's index compares them; others are not harmed."""
    return re.sub(r"[-_.]+", "-", package).lower()
