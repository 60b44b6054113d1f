"""What can go wrong in the control plane itself; a failed analysis is a verdict, never an exception.

FumehoodError
├── Retryable              try again later; the same step may then succeed
│   ├── Conflict           somebody else wrote first: read again, decide again
│   └── Unavailable        API server or store did not answer
└── Permanent              trying again changes nothing
    ├── NotFound           the object does not exist
    ├── AlreadyExists      an object of that name is there
    ├── Forbidden          the operator lacks a right
    ├── Invalid            the API server refuses the object
    ├── SettingsError      the operator cannot start like this
    └── BuildError         an environment cannot be built like this
"""

from __future__ import annotations


class FumehoodError(Exception):
    """Root of the tree. Messages name what was attempted, never a secret."""


class Retryable(FumehoodError):
    """Try again; `delay` seconds if the other side said how long."""

    def __init__(self, message: str, delay: float | None = None) -> None:
        super().__init__(message)
        self.delay = delay


class Conflict(Retryable):
    """The object changed since it was read."""


class Unavailable(Retryable):
    """No answer, or one that says: later."""


class Permanent(FumehoodError):
    """Trying again changes nothing."""


class NotFound(Permanent):
    """The object does not exist."""


class AlreadyExists(Permanent):
    """An object of that name is there."""


class Forbidden(Permanent):
    """The operator lacks a right."""


class Invalid(Permanent):
    """The API server refuses the object."""


class SettingsError(Permanent):
    """The operator cannot start like this."""


class BuildError(Permanent):
    """An environment cannot be built like this."""
