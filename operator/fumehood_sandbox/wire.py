"""The whole border under one name: all that the control plane knows of the sandbox.

The programs of the Pod import the few documents that they need from where they
are defined: each record costs time to make, and a Pod waits for its programs.
"""

from __future__ import annotations

from .border import VERSION
from .border.bounds import (
    MAX_ERRAND,
    MAX_FRAME,
    MAX_MANIFEST,
    MAX_NAME,
    MAX_OBJECT,
    MAX_ORDER,
    MAX_PREVIEW,
    MAX_REJECTIONS,
    MAX_SEAL,
    MAX_SIGHTING,
    MAX_TAIL,
    MAX_TREE,
)
from .border.claim import Claim, Ending, Fault, Usage
from .border.errand import Errand, Protocol, Sighting, Target
from .border.hello import Hello, Sandbox
from .border.limits import Breach, Limit, Limits
from .border.manifest import Artifact, Log, Manifest, Rejected, Rejection, Staged, Times
from .border.order import Deadlines, File, Order, OutputRule, Permit, Provenance, Remote, Subject
from .border.places import (
    ANALYSIS,
    COLLECTOR,
    EPOCH,
    HOME,
    INPUTS,
    INTERPRETER,
    MANIFEST_NAME,
    OBJECT_DIR,
    ORDER_DIR,
    ORDER_FILE,
    OUTPUTS,
    PARAMETERS,
    PAYLOAD,
    PORT,
    PREVIEWS,
    PROBE,
    TERMINATION_LOG,
    TMP,
    WORK,
)
from .border.seal import Seal
from .border.task import Command, Task
from .codec import DecodeError, decode, encode, to_json

__all__ = [
    "ANALYSIS",
    "COLLECTOR",
    "EPOCH",
    "HOME",
    "INPUTS",
    "INTERPRETER",
    "MANIFEST_NAME",
    "MAX_ERRAND",
    "MAX_FRAME",
    "MAX_MANIFEST",
    "MAX_NAME",
    "MAX_OBJECT",
    "MAX_ORDER",
    "MAX_PREVIEW",
    "MAX_REJECTIONS",
    "MAX_SEAL",
    "MAX_SIGHTING",
    "MAX_TAIL",
    "MAX_TREE",
    "OBJECT_DIR",
    "ORDER_DIR",
    "ORDER_FILE",
    "OUTPUTS",
    "PARAMETERS",
    "PAYLOAD",
    "PORT",
    "PREVIEWS",
    "PROBE",
    "TERMINATION_LOG",
    "TMP",
    "VERSION",
    "WORK",
    "Artifact",
    "Breach",
    "Claim",
    "Command",
    "Deadlines",
    "DecodeError",
    "Ending",
    "Errand",
    "Fault",
    "File",
    "Hello",
    "Limit",
    "Limits",
    "Log",
    "Manifest",
    "Order",
    "OutputRule",
    "Permit",
    "Protocol",
    "Provenance",
    "Rejected",
    "Rejection",
    "Remote",
    "Sandbox",
    "Seal",
    "Sighting",
    "Staged",
    "Subject",
    "Target",
    "Task",
    "Times",
    "Usage",
    "decode",
    "encode",
    "to_json",
]
