"""Security contexts of job Pods (pure): Pod Security `restricted`, and tighter where it is silent."""

from __future__ import annotations

from ...ports import Json


def pod_context(user_id: int) -> Json:
    """Return the Pod's security context.

    Since `hostUsers: false` switches the admission's own check for a non-root user
    off, non-root is said here in any case.
    """
    return {
        "runAsNonRoot": True,
        "runAsUser": user_id,
        "runAsGroup": user_id,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_context(user_id: int) -> Json:
    """Return a container's security context."""
    return {
        "runAsNonRoot": True,
        "runAsUser": user_id,
        "runAsGroup": user_id,
        "privileged": False,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
