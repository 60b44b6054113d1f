from __future__ import annotations

from typing import Any

import pytest

from fumehood.api.v1alpha1 import AnalysisEnvironment
from fumehood.core import environments
from fumehood.core.environments import Catalog
from fumehood.core.failures import Failure, Reason, Refused
from unit.fumehood.builders import NOW, environment_document

OTHER = "registry.example/python@sha256:" + "c" * 64


def offer(name: str, version: str, **spec: Any) -> AnalysisEnvironment:
    document = environment_document(envVersion=version, **spec)
    document["metadata"] = {"name": name}
    return AnalysisEnvironment.model_validate(document)


def refused(catalog: Catalog, wanted: str) -> Failure:
    with pytest.raises(Refused) as caught:
        catalog.resolve(wanted, NOW)
    return caught.value.failure


@pytest.mark.parametrize(
    ("resource", "env_version", "name", "version"),
    [
        ("python", "python-2026.11", "python", "2026.11"),
        ("python-2026.08", "python-2026.08", "python", "2026.08"),
        ("python-gvisor", "python-2026.11", "python-gvisor", "2026.11"),
        ("r-base-4.2.2", "r-base-4.2.2", "r-base", "4.2.2"),
        ("plain", "7", "plain", "7"),
        ("plain-7", "7", "plain", "7"),
    ],
)
def test_name_and_version(resource: str, env_version: str, name: str, version: str) -> None:
    one = offer(resource, env_version)
    assert (environments.name(one), environments.version(one)) == (name, version)


@pytest.mark.parametrize(
    ("offers", "chosen"),
    [
        pytest.param([("python", "python-2026.11", {})], "python", id="the-only-one"),
        pytest.param([("python", "python-2026.08", {}), ("python-2026.11", "python-2026.11", {})], "python", id="the-plain-name"),
        pytest.param(
            [("python", "python-2026.08", {}), ("python-2026.11", "python-2026.11", {"default": True})], "python-2026.11", id="declared"
        ),
        pytest.param(
            [("python-2026.9", "python-2026.9", {}), ("python-2026.11", "python-2026.11", {})], "python-2026.11", id="the-newest-by-number"
        ),
        pytest.param(
            [("python-2026.9", "python-2026.9", {}), ("python-2026.11", "python-2026.11", {"deprecated": {"message": "broken"}})],
            "python-2026.9",
            id="not-a-deprecated-one",
        ),
        pytest.param(
            [("python-2026.9", "python-2026.9", {"default": True}), ("python-2026.11", "python-2026.11", {"default": True})],
            "python-2026.11",
            id="two-declared",
        ),
        pytest.param([("python-1.0", "python-1.0", {}), ("python-1.0rc1", "python-1.0rc1", {})], "python-1.0", id="no-candidate-release"),
    ],
)
def test_the_default_version(offers: list[tuple[str, str, dict[str, Any]]], chosen: str) -> None:
    for order in (offers, offers[::-1]):
        catalog = Catalog([offer(name, version, **spec) for name, version, spec in order], {})
        assert catalog.resolve("python", NOW).metadata.name == chosen


def test_a_pinned_version_is_that_version_whatever_the_default() -> None:
    catalog = Catalog([offer("python", "python-2026.11"), offer("python-2026.08", "python-2026.08")], {})
    assert catalog.resolve("python@2026.08", NOW).spec.env_version == "python-2026.08"
    assert catalog.resolve("python@2026.11", NOW).spec.env_version == "python-2026.11"


def test_an_unknown_version_is_refused_with_those_that_there_are() -> None:
    failure = refused(Catalog([offer("python", "python-2026.11"), offer("python-2026.08", "python-2026.08")], {}), "python@3")
    assert failure.reason is Reason.ENVIRONMENT_UNKNOWN
    assert failure.message.endswith("has no version '3'; there are 2026.08, 2026.11")


def test_an_unknown_name_is_refused() -> None:
    assert refused(Catalog([], {}), "cobol").message.startswith("spec.environment: there is no AnalysisEnvironment 'cobol'")


def test_one_that_cannot_be_read_is_refused_with_its_fault_and_harms_no_other() -> None:
    catalog = Catalog([offer("python", "python-2026.11")], {"broken": "spec.image: no digest"})
    assert refused(catalog, "broken").message.endswith("'broken' is not valid: spec.image: no digest")
    assert catalog.resolve("python", NOW)


def test_a_version_that_two_images_have_is_nobodys() -> None:
    catalog = Catalog([offer("python", "python-2026.11"), offer("python-2026.11", "python-2026.11", image=OTHER)], {})
    assert "more than one image" in refused(catalog, "python@2026.11").message
    assert catalog.resolve("python", NOW).metadata.name == "python"


def test_a_version_that_stands_twice_with_one_image_is_that() -> None:
    catalog = Catalog([offer("python", "python-2026.11"), offer("python-2026.11", "python-2026.11")], {})
    assert catalog.resolve("python@2026.11", NOW).metadata.name == "python-2026.11"


@pytest.mark.parametrize(("until", "refusal"), [("2026-11-01T12:00:00Z", True), ("2026-11-01T12:00:01Z", False), (None, False)])
def test_a_retired_version_is_refused_with_its_word(until: str | None, refusal: bool) -> None:
    catalog = Catalog([offer("python", "python-2026.08", deprecated={"message": "use python@2026.11", "until": until})], {})
    if refusal:
        failure = refused(catalog, "python")
        assert failure.reason is Reason.ENVIRONMENT_RETIRED
        assert "2026-11-01: use python@2026.11" in failure.message
    else:
        assert catalog.resolve("python", NOW)


def test_who_has_a_package() -> None:
    catalog = Catalog(
        [
            offer("python", "python-2026.11", packages=[{"name": "scikit-learn", "version": "1"}]),
            offer("python-2026.08", "python-2026.08", packages=[{"name": "Scikit_Learn", "version": "0"}]),
            offer("r", "r-4", adapter="r", packages=[{"name": "ggplot2", "version": "3"}, {"name": "scikit-learn", "version": "3"}]),
        ],
        {},
    )
    assert catalog.having("python", "scikit.learn") == ("python@2026.08", "python@2026.11")
    assert catalog.having("python", "torch") == ()


def test_a_retired_version_is_not_what_the_name_alone_means() -> None:
    gone = {"message": "use python@2026.11", "until": "2026-11-01T12:00:00Z"}
    catalog = Catalog(
        [offer("python", "python-2026.08", default=True, deprecated=gone), offer("python-2026.11", "python-2026.11")],
        {},
    )
    assert catalog.resolve("python", NOW).spec.env_version == "python-2026.11"
    assert refused(catalog, "python@2026.08").reason is Reason.ENVIRONMENT_RETIRED
    assert catalog.find("python@2026.08", NOW).metadata.name == "python"


def test_families_are_in_the_order_of_their_versions() -> None:
    catalog = Catalog([offer("python-2026.11", "python-2026.11"), offer("python-2026.9", "python-2026.9"), offer("r", "r-4")], {})
    assert {name: [one.metadata.name for one in members] for name, members in catalog.families().items()} == {
        "python": ["python-2026.9", "python-2026.11"],
        "r": ["r"],
    }
