"""Who gets which way out, and which no profile may be."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from fumehood.api.v1alpha1 import Egress
from fumehood.core import egress
from fumehood.core.failures import Category, Reason, Refused
from fumehood.errors import SettingsError
from fumehood.settings import NetworkSettings
from unit.fumehood.builders import NOW, at

RANGES = ["10.244.0.0/16", "10.96.0.0/12", "192.0.2.0/28", "2001:db8:1::/48"]
GUARDED = {"the API server": ip_address("10.96.0.1"), "node n1": ip_address("192.0.2.1")}


def network(ranges: Any = RANGES, **profile: Any) -> NetworkSettings:
    values = {"cidrs": ["198.51.100.7/32"], "ports": [443], "namespaces": ["lab"]} | profile
    return NetworkSettings.model_validate({"cluster_ranges": ranges, "profiles": {"mirror": values}})


def asked(namespace: str = "lab", profile: str = "mirror", **values: Any) -> egress.Grant | None:
    return egress.grant(Egress(profile=profile, reason="because"), namespace, network(**values), NOW)


def test_who_asks_for_nothing_gets_nothing() -> None:
    assert egress.grant(None, "lab", network(), NOW) is None


@pytest.mark.parametrize(("patterns", "namespace"), [(["lab"], "lab"), (["x", "team-*"], "team-a"), (["*"], "anything")])
def test_namespaces_by_name_or_glob(patterns: list[str], namespace: str) -> None:
    given = asked(namespace, namespaces=patterns)
    assert given is not None
    assert (given.profile, given.ports, given.blocks) == ("mirror", (443,), (egress.Block("198.51.100.7/32"),))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"profile": "none"}, ("'none'", "no such", "may use mirror")),
        ({"namespace": "other"}, ("'mirror'", "not for namespace 'other'", "may use none")),
        ({"namespace": "laboratory"}, ("not for namespace",)),
        ({"until": NOW}, ("'mirror'", "ended at 2026-11-01", "may use none")),
    ],
)
def test_what_is_refused_is_named_with_what_would_be_right(values: dict[str, Any], said: tuple[str, ...]) -> None:
    with pytest.raises(Refused) as caught:
        asked(**values)
    failure = caught.value.failure
    assert (failure.reason, failure.category) == (Reason.EGRESS_NOT_ALLOWED, Category.VALIDATION_ERROR)
    assert failure.message.startswith("spec.egress.profile: ")
    for words in said:
        assert words in failure.message


def test_a_profile_holds_until_its_end() -> None:
    given = asked(until=at(1))
    assert given is not None and given.until == at(1)


def test_wide_ranges_leave_out_what_must_stay_shut() -> None:
    given = asked(cidrs=["0.0.0.0/0", "::/0", "10.0.0.0/8"])
    assert given is not None
    four, six, ten = given.blocks
    assert {"169.254.0.0/16", "127.0.0.0/8", "10.96.0.0/12", "10.244.0.0/16", "192.0.2.0/28"} <= set(four.shut)
    assert {"fe80::/10", "2001:db8:1::/48"} <= set(six.shut)
    assert ten.shut == ("10.96.0.0/12", "10.244.0.0/16")


def test_a_range_within_another_is_left_out_once() -> None:
    given = asked(ranges=["10.0.0.0/8", "10.244.0.0/16"], cidrs=["0.0.0.0/0"])
    assert given is not None
    assert [shut for shut in given.blocks[0].shut if shut.startswith("10.")] == ["10.0.0.0/8"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"ranges": []}, "network.clusterRanges: give"),
        ({"ranges": ["10.244.0.0/16", "10.96.0.0/12"]}, "192.0.2.1 (node n1)"),
        ({"cidrs": ["169.254.169.254/32"]}, "network.profiles.mirror.cidrs: 169.254.169.254/32 is of 169.254.0.0/16"),
        ({"cidrs": ["127.0.0.1/32"]}, "127.0.0.0/8"),
        ({"cidrs": ["::1/128"]}, "::/127"),
        ({"cidrs": ["fe80::/64"]}, "fe80::/10"),
        ({"cidrs": ["10.244.3.4/32"]}, "network.clusterRanges"),
        ({"cidrs": ["10.244.0.0/16"]}, "network.clusterRanges"),
        ({"cidrs": ["10.244.3.0/24"], "cluster": True}, "single ones"),
        ({"cidrs": ["10.96.0.1/32"], "cluster": True}, "10.96.0.1 is the API server"),
        ({"cidrs": ["192.0.2.1/32"], "cluster": True}, "192.0.2.1 is node n1"),
        ({"hosts": {"mirror.example": "198.51.100.8"}}, "hosts: mirror.example: 198.51.100.8"),
        ({"cidrs": ["0.0.0.0/0"], "hosts": {"a": "10.96.0.1"}}, "hosts: a: 10.96.0.1"),
    ],
)
def test_settings_that_open_what_must_stay_shut_stop_the_start(values: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        egress.check(network(**values), GUARDED)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"cidrs": ["0.0.0.0/0", "::/0"]},
        {"cidrs": ["10.244.3.4/32"], "cluster": True},
        {"hosts": {"mirror.example": "198.51.100.7"}},
    ],
)
def test_settings_that_are_right(values: dict[str, Any]) -> None:
    egress.check(network(**values), GUARDED | {"the cluster's DNS": ip_address("169.254.20.10")})


def test_without_profiles_no_ranges_are_needed() -> None:
    egress.check(NetworkSettings(), GUARDED)
