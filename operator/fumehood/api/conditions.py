"""Conditions by Kubernetes' conventions: their types, and how one is set (pure)."""

from __future__ import annotations

import enum

from .v1alpha1 import Condition
from .v1alpha1.status import MAX_MESSAGE, ConditionStatus


class ConditionType(enum.StrEnum):
    """What can be waited for: `kubectl wait --for=condition=Succeeded`."""

    FINISHED = "Finished"
    SUCCEEDED = "Succeeded"
    ARTIFACTS_COMPLETE = "ArtifactsComplete"
    NETWORK_ISOLATED = "NetworkIsolated"
    INPUTS_READY = "InputsReady"
    ENVIRONMENT_CURRENT = "EnvironmentCurrent"


def set_condition(
    conditions: tuple[Condition, ...], kind: ConditionType, value: bool | None, reason: str, message: str, now: str, generation: int
) -> tuple[Condition, ...]:
    """Return `conditions` with one set; None is Unknown. The transition time moves only when the value does."""
    status = ConditionStatus.UNKNOWN if value is None else ConditionStatus.TRUE if value else ConditionStatus.FALSE
    old = next((condition for condition in conditions if condition.type == kind), None)
    since = old.last_transition_time if old and old.status is status else now
    new = Condition(
        type=kind, status=status, reason=reason, message=message[:MAX_MESSAGE], last_transition_time=since, observed_generation=generation
    )
    return (*(condition for condition in conditions if condition.type != kind), new)
