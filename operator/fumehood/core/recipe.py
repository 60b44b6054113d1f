"""What `fumehood env build` makes an environment from: environment.yaml, and the Dockerfile that follows from it (pure)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Annotated, Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from ..api.v1alpha1 import GROUP, MAX_PACKAGES, VERSION, AnalysisEnvironment, Limits, PackageVersion
from ..errors import BuildError
from . import packages

FILE = "environment.yaml"
WHEELS = "build/wheels"  # in the build context, where a Dockerfile of one's own finds them, too
_DIGEST = r"sha256:[0-9a-f]{64}"
_FILE_NAME = r"^[A-Za-z0-9_][A-Za-z0-9._+-]*(/[A-Za-z0-9_][A-Za-z0-9._+-]*)*$"
# What differs from build to build, and nobody needs.
_TIDY = "rm -rf /var/lib/apt/lists/* /var/log/* /var/cache/* /tmp/* /root/.cache"

Json = dict[str, Any]


class _Strict(BaseModel):
    """As the API's models, but a field that does not exist is a mistake."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, extra="forbid")


class Base(_Strict):
    """What to start from: an image by digest, or the files of one as an archive."""

    image: str | None = Field(None, pattern=rf"^[^\x00-\x20\x7f@]+@{_DIGEST}$", examples=["docker.io/library/debian@sha256:…"])
    rootfs: str | None = Field(None, pattern=_FILE_NAME, examples=["rootfs.tar"])
    digest: str | None = Field(None, pattern=rf"^{_DIGEST}$", examples=["sha256:…, of the file that rootfs names"])

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.image is None) == (self.rootfs is None):
            raise ValueError("give either image (NAME@sha256:DIGEST) or rootfs (a tar file) with its digest")
        if (self.rootfs is None) != (self.digest is None):
            raise ValueError("digest (sha256:…) goes with rootfs")
        return self


class Recipe(_Strict):
    """An environment.yaml. What it shares with an AnalysisEnvironment means the same there."""

    name: str = Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$", examples=["python"])
    env_version: str = Field(max_length=63, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", examples=["python-2026.11"])
    adapter: str = Field(max_length=63, pattern=r"^[a-z][a-z0-9-]*$", examples=["python"])
    description: str = Field("", max_length=1024)
    base: Base | None = None
    apt: tuple[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+:~-]+)?$")], ...] = Field(
        (), examples=["[python3, fonts-dejavu-core=2.37-8]"]
    )
    lock: str | None = Field(None, pattern=_FILE_NAME, examples=["requirements.lock"])
    python: str = Field("3.13", pattern=r"^3\.[0-9]{1,2}$", examples=['"3.13"'])
    default: bool = False
    command: tuple[str, ...] | None = Field(None, examples=["[/usr/bin/awk, -f, '{entrypoint}']"])
    env: dict[str, str] = Field(default_factory=dict, examples=["{LANG: C.UTF-8}"])
    runtime_class_name: str | None = Field(None, examples=["gvisor"])
    user_namespaces: str | None = Field(None, examples=["Required"])
    on_violation: str | None = Field(None, examples=["Record"])
    defaults: Json = Field(default_factory=dict, examples=["{wallClock: 5m, memory: 1Gi}"])
    maximums: Json = Field(default_factory=dict, examples=["{wallClock: 1h, memory: 8Gi}"])

    @property
    def version(self) -> str:
        """What jobs pin: the part of `env_version` behind the last hyphen."""
        return self.env_version.rpartition("-")[2]

    @model_validator(mode="after")
    def _version_is_for_names(self) -> Self:
        if not re.fullmatch(r"[a-z0-9]([a-z0-9.]*[a-z0-9])?", self.version):
            raise ValueError(
                f"envVersion: {self.env_version!r} ends in no version; lower-case letters, digits and dots, as in python-2026.11"
            )
        return self

    @model_validator(mode="after")
    def _limits_exist(self) -> Self:
        known = {field.alias or name for name, field in Limits.model_fields.items()}
        for field, limits in (("defaults", self.defaults), ("maximums", self.maximums)):
            for name in sorted(set(limits) - known):
                raise ValueError(f"{field}.{name}: there is no such limit{_near(name, known)}")
        return self


def read(text: str) -> Recipe:
    """Return the recipe that an environment.yaml holds.

    Raises:
        BuildError: a line for each fault, with field, value and what would be right.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BuildError(f"{FILE} is no YAML: {error}") from None
    if not isinstance(document, dict):
        raise BuildError(f"{FILE}: give fields and values, e.g. name: python")
    try:
        recipe = Recipe.model_validate(document)
    except ValidationError as error:
        raise BuildError("\n".join(_fault(dict(fault)) for fault in error.errors())) from None
    resource(recipe, f"unknown@sha256:{'0' * 64}", ())  # what only the resource's own rules find
    return recipe


def base(image: str) -> Base:
    """Return an image as a base.

    Raises:
        BuildError: it is not named by digest.
    """
    try:
        return Base(image=image)
    except ValidationError:
        raise BuildError(f"base: {image!r} is no image by digest; right would be NAME@sha256:DIGEST, or a tar file") from None


def resource(recipe: Recipe, image: str, found: tuple[PackageVersion, ...]) -> Json:
    """Return the AnalysisEnvironment of an image that was built by `recipe` and holds the packages `found`.

    Raises:
        BuildError: the cluster would refuse it.
    """
    if len(found) > MAX_PACKAGES:
        raise BuildError(f"the image holds {len(found)} packages; an AnalysisEnvironment lists {MAX_PACKAGES} at most")
    given = recipe.model_dump(by_alias=True, exclude_unset=True, mode="json", exclude={"name", "base", "apt", "lock", "python"})
    spec = {"image": image, **given, "packages": [package.model_dump(exclude_none=True, mode="json") for package in found]}
    spec["inventory"] = packages.inventory(found)
    document = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "AnalysisEnvironment",
        "metadata": {"name": f"{recipe.name}-{recipe.version}"},  # so that versions lie side by side
        "spec": spec,
    }
    try:
        AnalysisEnvironment.model_validate(document)
    except ValidationError as error:
        raise BuildError("\n".join(_fault(dict(fault) | {"loc": fault["loc"][1:]}) for fault in error.errors())) from None
    return document


def dockerfile(recipe: Recipe) -> str:
    """Return the Dockerfile of an environment that brings none; its build argument BASE is the base image."""
    lines = ["ARG BASE", "FROM ${BASE} AS installed"]
    if recipe.apt:
        lines.append(f"RUN {_apt(recipe.apt)} && {_TIDY}")
        # Modules that are compared with their sources by time stamp would differ from build to build.
        lines.append(
            "RUN if command -v python3 >/dev/null && [ -d /usr/lib/python3 ]; then "
            "python3 -m compileall -q -f --invalidation-mode unchecked-hash /usr/lib/python3*; fi"
        )
    if recipe.lock is None:
        return "\n".join(lines) + "\n"
    pip = "python3 -m pip install --no-index --find-links /wheels --no-deps --require-hashes --no-compile --no-cache-dir"
    site = "$(python3 -c 'import sysconfig; print(sysconfig.get_path(\"purelib\"))')"
    return (
        "\n".join(
            [
                *lines,
                "FROM installed AS packages",
                f"RUN python3 -m pip --version || {{ {_apt(('python3-pip',))}; }}",
                f"COPY {recipe.lock} /src/requirements.lock",
                f"RUN --mount=type=bind,source={WHEELS},target=/wheels \\",
                f"    {pip} --root-user-action ignore --target /packages -r /src/requirements.lock && \\",
                f"    rm -rf /packages/bin && python3 -m compileall -q -s /packages -p {site} --invalidation-mode unchecked-hash /packages",
                "FROM installed",
                "RUN --mount=type=bind,from=packages,source=/packages,target=/packages \\",
                f"    mkdir -p {site} && cp -R /packages/. {site}/",
            ]
        )
        + "\n"
    )


def _apt(names: tuple[str, ...]) -> str:
    return f"apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends {' '.join(names)}"


def _fault(fault: Mapping[str, Any]) -> str:
    path = [str(part) for part in fault["loc"]]
    where = ".".join(path) or "as a whole"
    said = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        return f"{FILE}: {where}: there is no such field{_near(path[-1], _fields(path[:-1]))}"
    value = "" if fault["type"] in ("missing", "value_error") else f"{str(fault['input'])[:100]!r}: "
    return f"{FILE}: {where}: {value}{said}{_example(path)}"


def _example(path: list[str]) -> str:
    model = Base if path[:1] == ["base"] and len(path) > 1 else Recipe
    name = path[1] if model is Base else next(iter(path), "")
    field = next((field for own, field in model.model_fields.items() if name in (own, field.alias)), None)
    return f"; right would be e.g. {field.examples[0]}" if field is not None and field.examples else ""


def _fields(path: list[str]) -> set[str]:
    model = Base if path == ["base"] else Recipe
    return {field.alias or name for name, field in model.model_fields.items()}


def _near(name: str, known: set[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), 1, 0.6)
    return f"; {close[0]} is one" if close else f"; there are {', '.join(sorted(known))}"
