"""Every manifest is one that the API takes, and the run without a sandbox is the same command."""

from __future__ import annotations

import base64

import pytest

from fumehood.adapters.python import ADAPTER
from fumehood.api.v1alpha1 import AnalysisJob
from gallery import jobs
from gallery.analyses import Analysis

FOLDER = "s3://bucket/inputs/a-namespace/name/"


def _analysis(files: dict[str, bytes], entrypoint: str = "main.py") -> Analysis:
    return Analysis("matplotlib", f"units/{entrypoint}", "python", entrypoint, files)


FILES = {
    "small": ({"main.py": b"print('gr\xc3\xbc\xc3\x9fe')", "units.py": b""}, "files"),
    "binary": ({"main.py": b"1", "logo.png": b"\x89PNG\xff"}, "s3"),
    "one large file": ({"main.py": b"#" * (jobs.MAX_FILE_CHARS + 1)}, "s3"),
    "large together": ({f"m{at}.py": b"#" * 200_000 for at in range(3)} | {"main.py": b""}, "s3"),
    "many": ({f"m{at}.py": b"" for at in range(jobs.MAX_FILES)} | {"main.py": b""}, "s3"),
}


@pytest.mark.parametrize("name", FILES)
def test_files_go_into_the_manifest_if_they_fit(name: str) -> None:
    files, place = FILES[name]
    source = AnalysisJob.model_validate(jobs.job(_analysis(files), FOLDER)).spec.source
    assert (source.files is not None, source.s3 is not None) == (place == "files", place == "s3")
    if source.files is not None:
        assert {name: text.encode() for name, text in source.files.items()} == files
    else:
        assert source.s3 and source.s3.uri == FOLDER


@pytest.mark.parametrize("entrypoint", ["main.py", "main.ipynb"])
def test_without_a_sandbox_the_same_files_and_command_run_in_the_same_image(entrypoint: str) -> None:
    documents = jobs.plain(_analysis({entrypoint: b"1"}, entrypoint), ADAPTER, "image@sha256:0")
    assert documents is not None
    config_map, pod = documents
    (container,) = pod["spec"]["containers"]
    (given,) = [volume["configMap"] for volume in pod["spec"]["volumes"] if "configMap" in volume]
    placed = {item["path"]: base64.b64decode(config_map["binaryData"][item["key"]]) for item in given["items"]}
    assert (given["name"], container["image"], placed[entrypoint]) == (config_map["metadata"]["name"], "image@sha256:0", b"1")
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    driver = environment["PYTHONPATH"].removeprefix(container["workingDir"] + "/")
    assert f"{driver}/sitecustomize.py" in placed
    assert container["command"][-1] == entrypoint
    assert container["resources"]["requests"]["cpu"] == "100m"  # and not all that it may use
    assert "securityContext" not in container and "securityContext" not in pod["spec"]


def test_what_no_config_map_holds_is_not_run_without_a_sandbox() -> None:
    assert jobs.plain(_analysis({"main.py": b"#" * jobs.MAX_CONFIG_MAP}), ADAPTER, "image") is None
