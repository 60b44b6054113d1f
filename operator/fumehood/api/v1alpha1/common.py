"""What all resources share: the model base, and the text forms of sizes and durations."""

from __future__ import annotations

import enum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from ... import forms

GROUP = "fumehood.dev"
VERSION = "v1alpha1"
SCHEMA_MAJOR = 1

DURATION = r"^([0-9]{1,9}(\.[0-9]{1,3})?(ms|s|m|h))+$"
QUANTITY = f"^{forms.QUANTITY}$"
FILE_NAME = r"^[A-Za-z0-9_][A-Za-z0-9._+-]{0,127}(/[A-Za-z0-9_][A-Za-z0-9._+-]{0,127}){0,7}$"
SHA256 = r"^(sha256:)?[0-9a-f]{64}$"
HTTPS_URL = r"^https://[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[0-9]{1,5})?/[^\x00-\x20\x7f#]*$"
S3_URI = r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[^\x00-\x20\x7f]{1,900}$"  # no \s: regular expressions differ in it


def _number(value: Any) -> Any:
    """Let numbers through alone, 5.0 as 5: the API server takes neither "5" nor true for one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("give a number")
    return value


NUMBER = BeforeValidator(_number)
Duration = Annotated[str, Field(pattern=DURATION, max_length=32)]
Quantity = Annotated[
    Annotated[int, Field(ge=0, le=2**53), NUMBER] | Annotated[str, Field(pattern=QUANTITY, max_length=32)],
    Field(union_mode="left_to_right"),
]
FileName = Annotated[str, Field(pattern=FILE_NAME, max_length=253)]
Sha256 = Annotated[str, Field(pattern=SHA256, max_length=71)]
S3Uri = Annotated[str, Field(pattern=S3_URI, max_length=1024)]
Instant = Annotated[str, Field(json_schema_extra={"format": "date-time"}, max_length=40)]
ProfileName = Annotated[str, Field(pattern=f"^{forms.LABEL}$", max_length=63)]
HttpsUrl = Annotated[str, Field(pattern=HTTPS_URL, max_length=2048)]
ResourceName = Annotated[str, Field(pattern=f"^{forms.RESOURCE_NAME}$", max_length=253)]
EnvironmentName = Annotated[str, Field(pattern=rf"^{forms.RESOURCE_NAME}(@[A-Za-z0-9][A-Za-z0-9._-]{{0,62}})?$", max_length=317)]


class Model(BaseModel):
    """Frozen, camelCase on the wire; unknown fields are ignored, null means absent, as on the API server."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if value is not None}
        return data


def rules(*pairs: tuple[str, str]) -> dict[str, Any]:
    """Return the schema extension for CEL rules given as (rule, message)."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in pairs]}


class Kind(enum.StrEnum):
    """What an artifact is for."""

    PLOT = "plot"
    EXPORT = "export"
    PREVIEW = "preview"
    DATASET = "dataset"


class Limits(Model):
    """Hard limits: whichever is passed first ends the job as RESOURCE_LIMIT, naming it.

    What was written until then is still harvested.
    """

    wall_clock: Duration | None = Field(None, description="Longest time that the program may run, e.g. 90s, 5m, 1h30m.")
    cpu_time: Duration | None = Field(None, description="CPU time of all its processes together.")
    cpu: Quantity | None = Field(None, description='CPU cores that it may use at once, e.g. "1" or 500m.')
    memory: Quantity | None = Field(None, description="Memory of all its processes together, e.g. 512Mi.")
    disk: Quantity | None = Field(None, description="Bytes that it may have written in /outputs, /tmp and its home.")
    output: Quantity | None = Field(None, description="Bytes of stdout and stderr together, e.g. 1Mi.")
    processes: Annotated[int, Field(ge=1, le=65_536), NUMBER] | None = Field(
        None, description="Processes and threads that it may have at once, all together."
    )
    open_files: Annotated[int, Field(ge=16, le=1_048_576), NUMBER] | None = Field(
        None, description="Files, pipes and other descriptors that one process may have open at once."
    )
    file_size: Quantity | None = Field(None, description="Size of one file, holes included, e.g. 128Mi.")
    files: Annotated[int, Field(ge=0, le=1_000_000), NUMBER] | None = Field(
        None, description="Files and folders that it may have in /outputs, /tmp and its home, all together."
    )
    artifacts: Annotated[int, Field(ge=0, le=10_000), NUMBER] | None = Field(None, description="How many files may be sealed as artifacts.")
    artifact_bytes: Quantity | None = Field(None, description="Size of all artifacts together, e.g. 256Mi.")
    harvest: Duration | None = Field(None, description="Longest time that sealing and storing its artifacts may take, e.g. 5m.")


class ManagedFields(Model):
    """Who wrote a part of an object, by its own word."""

    manager: str = ""
    subresource: str = ""
    time: str = ""


class ObjectMeta(Model):
    """The part of Kubernetes' metadata that the operator reads."""

    name: str
    uid: str = ""
    namespace: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: str = ""
    deletion_timestamp: str | None = None
    managed_fields: tuple[ManagedFields, ...] = ()

    @property
    def manager(self) -> str:
        """The program that wrote the object first, as it calls itself: Kubernetes keeps no better record of who did."""
        writers = sorted((entry for entry in self.managed_fields if not entry.subresource), key=lambda entry: entry.time)
        return writers[0].manager[:128] if writers else ""
