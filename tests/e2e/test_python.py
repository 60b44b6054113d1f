"""The environment `python`: figures, notebooks, previews, and failures in Python's own words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import Cluster, Json, job
from .results import assert_failed, fetch, manifest_of

pytestmark = pytest.mark.cluster

PNG = b"\x89PNG\r\n\x1a\n"
PLOT = "import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\n"


def artifacts(done: Json) -> dict[str, Json]:
    assert done["status"]["phase"] == "Succeeded", done["status"]
    return {artifact["name"]: artifact for artifact in done["status"]["result"]["artifacts"]}


def test_a_figure_that_is_left_open_is_a_plot(cluster: Cluster, store: Any) -> None:
    found = artifacts(cluster.run(job("open-figure", PLOT)))
    assert {name: artifact["kind"] for name, artifact in found.items()} == {"figure-1.png": "plot"}
    assert fetch(store, found["figure-1.png"]["uri"]).startswith(PNG)


def test_a_notebook_is_executed_and_its_pictures_are_plots(cluster: Cluster, store: Any) -> None:
    cells = [
        {"id": f"c{number}", "cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
        for number, source in enumerate(["print('first')", PLOT, "!echo from the shell"])
    ]
    notebook = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})
    done = cluster.run(job("notebook", "", source={"entrypoint": "study.ipynb", "files": {"study.ipynb": notebook}}))
    found = artifacts(done)
    assert found["study-1.png"]["kind"] == "plot"
    executed = json.loads(fetch(store, found["study.ipynb"]["uri"]))
    assert [cell["execution_count"] for cell in executed["cells"]] == [1, 2, 3]
    assert executed["cells"][2]["outputs"] == [{"output_type": "stream", "name": "stdout", "text": ["from the shell\n"]}]


def test_plots_and_tables_have_previews(cluster: Cluster, store: Any) -> None:
    code = f"""{PLOT}
for kind in ("pdf", "svg"): plt.savefig("/outputs/plot." + kind)
import pandas
table = pandas.DataFrame({{"a": range(100), "b": 0.5}})
table.to_csv("/outputs/table.csv", index=False)
table.to_parquet("/outputs/table.parquet")
"""
    done = cluster.run(job("previews", code))
    assert done["status"]["phase"] == "Succeeded", done["status"]
    found = {artifact["name"]: artifact for artifact in manifest_of(store, done)["artifacts"] if artifact.get("previewOf")}
    assert {artifact["previewOf"] for artifact in found.values()} == {"plot.pdf", "plot.svg", "table.csv", "table.parquet"}
    assert {artifact["kind"] for artifact in found.values()} == {"preview"}
    seen = {artifact["name"]: artifact for artifact in done["status"]["result"]["artifacts"]}
    for name in found:
        raw = fetch(store, seen[name]["uri"])
        if name.endswith(".png"):
            assert raw.startswith(PNG)
        else:
            head = json.loads(raw)
            assert (head["columns"], len(head["rows"]), head["truncated"]) == (["a", "b"], 20, True)


def test_a_missing_package_is_named(cluster: Cluster) -> None:
    done = cluster.run(job("missing-package", "import os\nimport no_such_package\n"))
    failure = assert_failed(done, "DEPENDENCY_ERROR", "PackageMissing")
    assert failure["evidence"]["package"] == "no_such_package"
    assert failure["evidence"]["location"] == "main.py:2"


def test_an_error_begins_with_the_users_own_line(cluster: Cluster) -> None:
    done = cluster.run(job("own-line", "import json\n\n\njson.loads('{')\n"))
    failure = assert_failed(done, "USER_CODE_ERROR", "NonZeroExit")
    assert failure["message"].startswith("main.py:4: json.decoder.JSONDecodeError: ")
