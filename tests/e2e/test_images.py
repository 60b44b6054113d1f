"""Any Linux image is an environment, unmodified: without Python, with musl, with nothing but one static program."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .conftest import Cluster, Json
from .results import fetch, manifest_of

pytestmark = [pytest.mark.cluster]

Offer = Callable[..., str]


@pytest.fixture
def offer(images: Any) -> Iterator[Offer]:
    """Make an environment of one of the images below tests/images; gone afterwards."""
    system, made = Cluster("default"), []

    def make(image: str, **spec: Any) -> str:
        name = f"{image}-{secrets.token_hex(3)}"
        given = {"image": images["tests"][image]["reference"], "adapter": "command", "envVersion": f"{image}-1"} | spec
        system.create({"apiVersion": "fumehood.dev/v1alpha1", "kind": "AnalysisEnvironment", "metadata": {"name": name}, "spec": given})
        made.append(name)
        return name

    yield make
    for name in made:
        system.kubectl("delete", "analysisenvironment", name)


def run(cluster: Cluster, store: Any, name: str, environment: str, text: str) -> dict[str, str]:
    """Run a job whose only file is `text`; return its artifacts."""
    spec = {"schemaVersion": "1.0", "environment": environment, "source": {"entrypoint": "main", "files": {"main": text}}}
    document: Json = {"apiVersion": "fumehood.dev/v1alpha1", "kind": "AnalysisJob", "metadata": {"name": name}, "spec": spec}
    done = cluster.run(document)
    assert done["status"]["phase"] == "Succeeded", (done["status"], manifest_of(store, done))
    return {one["name"]: fetch(store, one["uri"]).decode() for one in done["status"]["result"]["artifacts"]}


def test_an_image_without_python(cluster: Cluster, store: Any, offer: Offer) -> None:
    script = "command -v python3 && exit 3\nawk 'BEGIN { print 6 * 7 }' > /outputs/answer.txt\n"
    assert run(cluster, store, "bare", offer("bare"), script) == {"answer.txt": "42\n"}


def test_an_image_with_another_c_library(cluster: Cluster, store: Any, offer: Offer) -> None:
    """Its programs are loaded by musl; ours bring a loader of their own."""
    script = "ls /lib > /outputs/libraries.txt\necho '1 2 39' > /tmp/numbers\nexec prog /tmp/numbers\n"
    found = run(cluster, store, "musl", offer("musl"), script)
    assert found["sum.txt"] == "42\n"
    assert "ld-musl-" in found["libraries.txt"] and "libc.so.6" not in found["libraries.txt"]


def test_an_image_that_holds_one_program_and_no_shell(cluster: Cluster, store: Any, offer: Offer) -> None:
    environment = offer("static", command=["/prog", "{entrypoint}"])
    assert run(cluster, store, "static", environment, "40\n2\n") == {"sum.txt": "42\n"}


def test_an_image_without_a_shell_says_that_there_is_none(cluster: Cluster, offer: Offer) -> None:
    spec = {"schemaVersion": "1.0", "environment": offer("static"), "source": {"entrypoint": "main", "files": {"main": ""}}}
    document: Json = {"apiVersion": "fumehood.dev/v1alpha1", "kind": "AnalysisJob", "metadata": {"name": "no-shell"}, "spec": spec}
    failure = cluster.run(document)["status"]["failure"]
    assert failure["reason"] == "CommandNotFound", failure


PRIVILEGES = """
ls -l /bin/setuid > /outputs/mode.txt
/bin/plain > /outputs/plain.txt
/bin/setuid > /outputs/setuid.txt
/bin/capable > /outputs/capable.txt 2>/dev/null || echo refused > /outputs/capable.txt
grep -E 'NoNewPrivs|CapBnd' /proc/self/status > /outputs/kernel.txt
"""


def test_programs_of_an_image_raise_nobodys_privileges(cluster: Cluster, store: Any, offer: Offer) -> None:
    """The image has a program that is setuid root, and one with file capabilities; both are there, and gain nothing."""
    found = run(cluster, store, "privileges", offer("bare"), PRIVILEGES)
    assert found["mode.txt"].startswith("-rws"), "the image lost what it is here for"
    assert found["plain.txt"].splitlines()[1].split() == ["CapEff:", "0" * 16]
    assert found["setuid.txt"] == found["plain.txt"] and not found["plain.txt"].startswith("euid 0\n")
    assert found["capable.txt"] == "refused\n"  # as the kernel does where a capability is out of bounds
    assert found["kernel.txt"].split() == ["CapBnd:", "0" * 16, "NoNewPrivs:", "1"]


def test_an_image_without_a_digest_is_refused(cluster: Cluster) -> None:
    spec = {"image": "localhost/fumehood/python:latest", "adapter": "python", "envVersion": "python-1"}
    environment = {"apiVersion": "fumehood.dev/v1alpha1", "kind": "AnalysisEnvironment", "metadata": {"name": "no-digest"}, "spec": spec}
    with pytest.raises(AssertionError, match=r"spec\.image"):
        cluster.create(environment)


def test_what_kubectl_shows_of_an_environment(cluster: Cluster, offer: Offer) -> None:
    name = offer("bare", default=True, deprecated={"message": "use musl"}, userNamespaces="Auto", envVersion=f"bare-{secrets.token_hex(4)}")
    lines = cluster.kubectl("get", "analysisenvironment", name).stdout.splitlines()
    assert lines[0].split() == ["NAME", "VERSION", "DEFAULT", "ADAPTER", "RUNTIMECLASS", "USERNS", "DEPRECATED", "AGE"]
    shown = lines[1].split()
    assert (shown[0], shown[2:7]) == (name, ["true", "command", "Auto", "use", "musl"])
    version = cluster.get("analysisenvironment", name)["spec"]["envVersion"]
    chosen = cluster.get("analysisenvironment", "--field-selector", f"spec.envVersion={version}")["items"]
    assert [one["metadata"]["name"] for one in chosen] == [name]
