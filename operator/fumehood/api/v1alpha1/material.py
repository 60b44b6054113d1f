"""What a job is made of: its program and its inputs, given here or named where they are.

Everything that is named can be given a digest, which is checked before anything
starts. Secrets cannot be named.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator

from .common import FileName, HttpsUrl, Model, ResourceName, S3Uri, Sha256, rules

MAX_FILES = 64
MAX_FILE_CHARS = 262_144
_SOURCES = ("files", "configMap", "s3", "artifact")
_CONTENTS = ("inline", "configMap", "s3", "artifact", "https")


def _exactly_one(fields: tuple[str, ...]) -> tuple[str, str]:
    """Return the CEL rule that one of `fields` is given, and its message."""
    given = ", ".join(f"has(self.{field})" for field in fields)
    return f"[{given}].exists_one(given, given)", _one_of(fields)


def _one_of(fields: tuple[str, ...]) -> str:
    return f"give exactly one of {', '.join(fields[:-1])} and {fields[-1]}"


def _given(model: Model, fields: tuple[str, ...]) -> int:
    document = model.model_dump(by_alias=True, exclude_none=True)
    return sum(field in document for field in fields)


class ConfigMapSource(Model):
    """A ConfigMap of the job's namespace; each of its keys is a file."""

    name: ResourceName = Field(description="Name of the ConfigMap.")


class ConfigMapInput(Model):
    """A ConfigMap of the job's namespace: one of its keys, or all of them."""

    name: ResourceName = Field(description="Name of the ConfigMap.")
    key: FileName | None = Field(None, description="The key to take. Without it, the input is a folder with a file for each key.")


class S3Object(Model):
    """An object in a bucket that the operator may read; or, if the URI ends with /, all objects below it."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("!has(self.sha256) || !self.uri.endsWith('/')", "a folder has no sha256; name its objects one by one to give theirs"),
        )
    )

    uri: S3Uri = Field(description="s3://bucket/key for one object, s3://bucket/folder/ for all that are below it.")
    sha256: Sha256 | None = Field(None, description="Digest that the object must have; anything else is refused.")

    @model_validator(mode="after")
    def _digest_of_an_object(self) -> S3Object:
        if self.sha256 is not None and self.folder:
            raise ValueError("a folder has no sha256; name its objects one by one to give theirs")
        return self

    @property
    def folder(self) -> bool:
        """Whether it names all objects below a prefix."""
        return self.uri.endswith("/")


class ArtifactSource(Model):
    """An artifact of another job of this namespace, read where it is: nothing is copied."""

    model_config = ConfigDict(
        json_schema_extra=rules(("has(self.name) || has(self.digest)", "give the artifact's name, its digest, or both"))
    )

    job: ResourceName = Field(description="Name of the AnalysisJob. If it is not over yet, this one waits for it.")
    name: str | None = Field(None, min_length=1, max_length=1024, description="Path of the artifact below that job's /outputs.")
    digest: Sha256 | None = Field(None, description="Its digest, as that job's status or manifest gives it.")

    @model_validator(mode="after")
    def _names_something(self) -> ArtifactSource:
        if self.name is None and self.digest is None:
            raise ValueError("give the artifact's name, its digest, or both")
        return self


class HttpsObject(Model):
    """A file of a web server, which the job's egress profile must open."""

    url: HttpsUrl = Field(description="https://host/path; the host must be one of the egress profile's.")


class Source(Model):
    """The program. Exactly one of files, configMap, s3 and artifact."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            _exactly_one(_SOURCES),
            ("!has(self.files) || self.entrypoint in self.files", "entrypoint must be the name of one of the files"),
        )
    )

    entrypoint: FileName = Field(description="The file to start, relative to the working directory /work.")
    files: Annotated[dict[FileName, Annotated[str, Field(max_length=MAX_FILE_CHARS)]], Field(min_length=1, max_length=MAX_FILES)] | None = (
        Field(None, description="Files by name, given here. All text of a manifest together: 640 KiB.")
    )
    config_map: ConfigMapSource | None = Field(None, description="Files from a ConfigMap of this namespace.")
    s3: S3Object | None = Field(None, description="One object, which becomes the entrypoint; or a folder that holds it.")
    artifact: ArtifactSource | None = Field(None, description="An artifact of another job, which becomes the entrypoint.")

    @model_validator(mode="after")
    def _one_of(self) -> Source:
        if _given(self, _SOURCES) != 1:
            raise ValueError(_one_of(_SOURCES))
        if self.files is not None and self.entrypoint not in self.files:
            raise ValueError("entrypoint must be the name of one of the files")
        return self


class InlineInput(Model):
    """A small text given in the manifest itself."""

    text: str = Field(max_length=MAX_FILE_CHARS, description="The content, as text.")


def _input_rules() -> dict[str, Any]:
    return rules(
        _exactly_one(_CONTENTS),
        ("self.name != 'parameters.json'", "the name parameters.json is taken by spec.parameters"),
        ("!has(self.https) || has(self.sha256)", "sha256 is required of what comes from the web"),
        ("!has(self.sha256) || !has(self.s3) || !self.s3.uri.endsWith('/')", "a folder has no sha256"),
        ("!has(self.sha256) || !has(self.configMap) || has(self.configMap.key)", "a folder has no sha256; give configMap.key"),
    )


class Input(Model):
    """One file or folder below /inputs. Exactly one of inline, configMap, s3, artifact and https."""

    model_config = ConfigDict(json_schema_extra=_input_rules())

    name: FileName = Field(description="Path relative to /inputs.")
    inline: InlineInput | None = Field(None, description="Content given here.")
    config_map: ConfigMapInput | None = Field(None, description="Content of a ConfigMap of this namespace.")
    s3: S3Object | None = Field(None, description="Content of an object, or of all objects of a folder.")
    artifact: ArtifactSource | None = Field(None, description="An artifact of another job of this namespace.")
    https: HttpsObject | None = Field(None, description="A file of a web server, by way of the job's egress profile.")
    sha256: Sha256 | None = Field(None, description="Digest that the content must have; checked before anything starts.")

    @model_validator(mode="after")
    def _whole(self) -> Input:
        if _given(self, _CONTENTS) != 1:
            raise ValueError(_one_of(_CONTENTS))
        if self.name == "parameters.json":
            raise ValueError("the name parameters.json is taken by spec.parameters")
        if self.https is not None and self.sha256 is None:
            raise ValueError("sha256 is required of what comes from the web")
        folder = (self.s3 is not None and self.s3.folder) or (self.config_map is not None and self.config_map.key is None)
        if folder and self.sha256 is not None:
            raise ValueError("a folder has no sha256")
        return self
