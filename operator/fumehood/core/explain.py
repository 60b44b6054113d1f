"""A failure of the user's program, in the words of its language (pure)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from fumehood_sandbox import wire

from . import sanitise
from .failures import Failure, Reason
from .program import Diagnosis, Ended

MAX_LINE = 300
MAX_WORD = 63
MAX_ENVIRONMENTS = 16
_WRITABLE = f"the working directory {wire.WORK} is read-only: write results to {wire.OUTPUTS}, anything else to {wire.TMP} or $HOME"


def ended(failure: Failure, manifest: wire.Manifest) -> Ended | None:
    """Return how the program ended, for an adapter to judge; None if there is nothing for it to say."""
    code = manifest.claim.exit_code
    if failure.reason is not Reason.NON_ZERO_EXIT or not code:
        return None
    return Ended(code, manifest.stdout.tail if manifest.stdout else "", manifest.stderr.tail if manifest.stderr else "")


def explain(failure: Failure, diagnosis: Diagnosis, environment: str, having: Callable[[str], tuple[str, ...]]) -> Failure:
    """Return `failure` with what its language says of it.

    A package that `environment` lacks makes it a DEPENDENCY_ERROR; `having` names the
    environments that have one. The words are the program's, and cleaned here.
    """
    message = sanitise.text(diagnosis.message, MAX_LINE)
    location = sanitise.text(diagnosis.location, 255) or None
    evidence = failure.evidence.model_copy(update={"location": location})
    if not diagnosis.package:
        advice = f"; {_WRITABLE}" if "read-only file system" in message.lower() else ""
        head = (f"{location}: {message}" if location else message) + advice
        return dataclasses.replace(failure, message=f"{head}\n{failure.message}" if head else failure.message, evidence=evidence)
    package = sanitise.text(diagnosis.package, MAX_WORD)
    there = having(diagnosis.package)[:MAX_ENVIRONMENTS]
    advice = f"these environments have it: {', '.join(there)}" if there else "no environment of this cluster lists it"
    return Failure(
        Reason.PACKAGE_MISSING,
        f"environment {environment} has no package {package!r} ({message}); {advice}",
        evidence.model_copy(update={"package": package, "environments": there or None}),
    )
