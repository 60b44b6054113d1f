"""Settings: read once at the start, passed on as an argument.

From environment variables `FUMEHOOD_*` (nested by `__`), which the Helm chart
writes from its values; secrets from files. Every field has a meaning for the
administrator, who sees it in `values.yaml`.
"""

from __future__ import annotations

import difflib
import enum
import ipaddress
import re
import ssl
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyAddress,
    IPvAnyNetwork,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from .forms import LABEL, QUANTITY, RESOURCE_NAME

PREFIX = "FUMEHOOD_"


def _range(value: str) -> str:
    if "/" not in value:
        raise ValueError("this is no address range such as 10.1.2.3/32")
    ipaddress.ip_network(value, strict=False)
    return value


def _bucket(value: str) -> str:
    """Refuse what the store's client would refuse only when it is used."""
    labels = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
    if not 3 <= len(value) <= 63 or not re.fullmatch(rf"{labels}(\.{labels})*", value) or re.fullmatch(r"[0-9]+(\.[0-9]+){3}", value):
        raise ValueError("this is no bucket; its name has 3 to 63 lower-case letters, digits, dots and hyphens, and is no address")
    return value


AddressRange = Annotated[str, AfterValidator(_range)]
Bucket = Annotated[str, AfterValidator(_bucket)]
Key = Annotated[SecretStr, Field(min_length=1)]
ObjectName = Annotated[str, Field(pattern=f"^{RESOURCE_NAME}$", max_length=253)]
Port = Annotated[int, Field(ge=1, le=65535)]
Quantity = Annotated[str, Field(pattern=f"^{QUANTITY}$")]
# A day is more than any stage takes; what is not finite has no deadline.
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class StoreSettings(BaseModel):
    """The S3 store that artifacts go to."""

    model_config = ConfigDict(frozen=True)

    endpoint: str = Field(description="URL, e.g. https://minio.example:9000; an address or a name that the operator can resolve.")
    bucket: Bucket = Field(description="Bucket of all artifacts; it must exist.")
    region: str = Field("us-east-1", min_length=1, description="Region that requests are signed for.")
    access_key: Key = Field(description="Key that may read and write the bucket.")
    secret_key: Key = Field(description="Its secret.")
    ca_file: str | None = Field(
        None, description="PEM file with the authority of the store's certificate; without it, the public authorities."
    )
    input_buckets: tuple[Bucket, ...] = Field((), description="Further buckets that inputs may be read from.")

    @field_validator("endpoint")
    @classmethod
    def _is_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError("this is no endpoint; give http:// or https://, a host and optionally a port")
        if "@" in parts.netloc:
            raise ValueError("keys have fields of their own; give the endpoint without them")
        if parts.query or parts.fragment or not value.isprintable() or " " in value:
            raise ValueError("this is no endpoint; give nothing but http:// or https://, a host and optionally a port")
        if parts.netloc.endswith(":") or parts.port == 0:  # asking for the port refuses what is none
            raise ValueError("port 0 is none; leave it out for the scheme's own")
        return value.rstrip("/")

    @property
    def host(self) -> str:
        """Host name or address of the endpoint."""
        return urlsplit(self.endpoint).hostname or ""

    @property
    def port(self) -> int:
        """Port of the endpoint."""
        parts = urlsplit(self.endpoint)
        return parts.port or (443 if parts.scheme == "https" else 80)


class EgressSettings(BaseModel):
    """How NetworkPolicy sees the store. Without any: the addresses of its endpoint."""

    model_config = ConfigDict(frozen=True)

    cidrs: tuple[AddressRange, ...] = Field((), description="Address ranges, e.g. 10.1.2.3/32.")
    namespace: str | None = Field(None, description="Namespace of a store in the cluster.")
    pod_labels: dict[str, str] = Field(default_factory=dict, description="Labels of that store's Pods.")
    port: Port | None = Field(None, description="Port of that store's Pods, if it differs from the endpoint's.")


ProfileName = Annotated[str, Field(pattern=f"^{LABEL}$", max_length=63)]
HostName = Annotated[str, Field(pattern=rf"^{LABEL}(\.{LABEL})*$", max_length=253)]


class EgressProfile(BaseModel):
    """A way out that a job may ask for by name: addresses and ports, for some namespaces, for some time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str = Field("", max_length=1024, description="For whoever chooses among profiles.")
    cidrs: tuple[IPvAnyNetwork, ...] = Field(min_length=1, description="Address ranges that it opens.")
    ports: tuple[Port, ...] = Field(min_length=1, description="Ports that it opens.")
    protocol: Literal["TCP", "UDP"] = Field("TCP", description="TCP or UDP.")
    namespaces: tuple[str, ...] = Field(min_length=1, description="Names or globs of the namespaces that may use it.")
    hosts: dict[HostName, IPvAnyAddress] = Field(default_factory=dict, description="Names that resolve inside, and their addresses.")
    ca: str | None = Field(
        None, max_length=65_536, description="PEM text of who certifies its hosts, for inputs; without it, the public authorities."
    )
    until: AwareDatetime | None = Field(None, description="When it ends, with a time zone.")
    cluster: bool = Field(False, description="Let it open single addresses within network.cluster_ranges.")

    @field_validator("ca")
    @classmethod
    def _is_pem(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if "PRIVATE KEY" in value:
            raise ValueError("this holds a private key, which nobody else may see; give certificates alone")
        try:
            ssl.create_default_context(cadata=value or "\n")
        except (OSError, ValueError):  # the former is TLS's
            raise ValueError("this is no PEM text with certificates") from None
        return value


class NodeRule(enum.StrEnum):
    """What it means if a job's Pod reaches its own node, which many network plug-ins let pass."""

    REQUIRE = "Require"
    REPORT = "Report"


class ProofSettings(BaseModel):
    """The live proof that the network of a namespace's jobs is shut."""

    model_config = ConfigDict(frozen=True)

    enabled: bool = Field(True, description="Run no job in a namespace until a probe found its network shut.")
    interval: float = Field(
        3600.0, ge=60, le=31_536_000, description="Seconds after which a proof is renewed; after twice that, jobs wait for it."
    )
    node: NodeRule = Field(NodeRule.REPORT, description="Require: a node that its own Pods reach is unfit. Report: it is said in the log.")
    dns: IPvAnyAddress | None = Field(None, description="Address of the cluster's DNS, if the operator's own resolver is another.")


class NetworkSettings(BaseModel):
    """Exceptions from "no network", and the proof that it is the rule."""

    model_config = ConfigDict(frozen=True)

    cluster_ranges: tuple[IPvAnyNetwork, ...] = Field((), description="Ranges of Pods, Services and nodes; no profile opens them.")
    profiles: dict[ProfileName, EgressProfile] = Field(default_factory=dict, description="Egress profiles by name.")
    proof: ProofSettings = ProofSettings()


class PodSettings(BaseModel):
    """What all job Pods share."""

    model_config = ConfigDict(frozen=True)

    sandbox_image: str = Field(min_length=1, description="The payload, by digest.")
    image_pull_policy: Literal["IfNotPresent", "Always", "Never"] = Field(
        "IfNotPresent", description="Of all images of job Pods; digests never change."
    )
    image_pull_secrets: tuple[ObjectName, ...] = Field((), description="Names of Secrets in the job's namespace.")
    cpu_request_fraction: float = Field(
        0.1, gt=0, le=1, description="CPU request as a fraction of the limit; memory is never overcommitted."
    )
    collector_memory: Quantity = Field("96Mi", description="Memory of the collector; it streams, whatever the artifacts' size.")
    collector_cpu: Quantity = Field("500m", description="CPU limit of the collector.")
    node_selector: dict[str, str] = Field(default_factory=dict, description="Labels of the nodes that jobs may run on.")
    priority_class_name: ObjectName | None = Field(None, description="PriorityClass of job Pods.")


class DeadlineSettings(BaseModel):
    """Seconds that each stage may take."""

    model_config = ConfigDict(frozen=True)

    start: Seconds = Field(300.0, description="From the Pod's creation until both containers run.")
    hello: Seconds = Field(60.0, description="Until the runner meets the collector.")
    staging: Seconds = Field(120.0, description="Until all inputs are in place.")
    harvest: Seconds = Field(300.0, description="For sealing and uploading.")


class Settings(BaseSettings):
    """All that can be set."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="ignore")

    store: StoreSettings
    pods: PodSettings
    egress: EgressSettings = EgressSettings()
    network: NetworkSettings = NetworkSettings()
    deadlines: DeadlineSettings = DeadlineSettings()
    max_concurrent: int = Field(100, ge=1, description="Job Pods that exist at once.")
    namespaces: Annotated[tuple[ObjectName, ...], NoDecode] = Field((), description="Namespaces to serve, separated by commas; empty: all.")
    adapters: tuple[str, ...] = Field(("python", "latex", "r", "command"), description="Adapters that may be used.")
    liveness_port: Port = Field(8080, description="Port of /healthz.")
    metrics_port: Port = Field(9090, description="Port of /metrics.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")

    @field_validator("namespaces", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @property
    def private(self) -> tuple[str, ...]:
        """Words that no message may hold: the store's secret key and, unless it is a bare word, its host."""
        host = self.store.host
        return (self.store.secret_key.get_secret_value(), *([host] if "." in host or ":" in host else []))


def faults(error: ValidationError) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """Yield where each wrong value is and what is wrong with it."""
    for fault in error.errors():
        yield fault["loc"], fault["msg"].removeprefix("Value error, ")


def misspelt(variables: Iterable[str]) -> dict[str, str]:
    """Return those that are meant for us and set nothing, each with the nearest that does ("" if none is near).

    What is misspelt would otherwise be left out in silence: a list of namespaces that
    is not read means all of them. What is only named like ours (Kubernetes sets
    FUMEHOOD_METRICS_SERVICE_HOST for a Service) is neither nested nor near.
    """
    known = sorted(set(_names(Settings, PREFIX)))
    maps = tuple(name for name in known if name.endswith("__"))
    given = {name: name.upper() for name in variables}
    wrong = {name: upper for name, upper in given.items() if upper.startswith(PREFIX) and upper not in known and not upper.startswith(maps)}
    near = {name: next(iter(difflib.get_close_matches(upper, known, 1, 0.9)), "").rstrip("_") for name, upper in wrong.items()}
    return {name: meant for name, meant in near.items() if meant or "__" in name}


def _names(model: type[BaseModel], prefix: str) -> Iterator[str]:
    """Yield the variables of a model; one that ends in two underscores may be followed by keys of a map."""
    for name, field in model.model_fields.items():
        variable = prefix + name.upper()
        yield variable
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _names(field.annotation, f"{variable}__")
        elif getattr(field.annotation, "__origin__", None) is dict:
            yield f"{variable}__"
