"""Settings as the chart hands them over: environment variables."""

from __future__ import annotations

import pytest

from fumehood.settings import Settings
from unit.fumehood.builders import PAYLOAD

VARIABLES = {
    "FUMEHOOD_STORE__ENDPOINT": "https://store.example/",
    "FUMEHOOD_STORE__BUCKET": "fumehood",
    "FUMEHOOD_STORE__ACCESS_KEY": "access",
    "FUMEHOOD_STORE__SECRET_KEY": "hush-hush",
    "FUMEHOOD_PODS__SANDBOX_IMAGE": PAYLOAD,
}


def read(monkeypatch: pytest.MonkeyPatch, **more: str) -> Settings:
    for name, value in (VARIABLES | more).items():
        monkeypatch.setenv(name, value)
    return Settings()


@pytest.mark.parametrize(("text", "namespaces"), [("", ()), ("lab", ("lab",)), (" lab, dev ,", ("lab", "dev"))])
def test_namespaces_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch, text: str, namespaces: tuple[str, ...]) -> None:
    assert read(monkeypatch, FUMEHOOD_NAMESPACES=text).namespaces == namespaces


@pytest.mark.parametrize(
    ("endpoint", "host", "port"),
    [
        ("https://store.example/", "store.example", 443),
        ("http://192.0.2.1", "192.0.2.1", 80),
        ("http://[2001:db8::1]:9000", "2001:db8::1", 9000),
    ],
)
def test_the_endpoint_has_a_host_and_a_port(monkeypatch: pytest.MonkeyPatch, endpoint: str, host: str, port: int) -> None:
    store = read(monkeypatch, FUMEHOOD_STORE__ENDPOINT=endpoint).store
    assert (store.host, store.port) == (host, port)


def test_keys_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "hush-hush" not in repr(read(monkeypatch)) + read(monkeypatch).model_dump_json()


@pytest.mark.parametrize(
    ("name", "value"),
    [("FUMEHOOD_MAX_CONCURRENT", "0"), ("FUMEHOOD_DEADLINES__HARVEST", "0"), ("FUMEHOOD_PODS__CPU_REQUEST_FRACTION", "1.5")],
)
def test_values_that_make_no_sense_stop_the_start(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name.rpartition("_")[2].lower()):
        read(monkeypatch, **{name: value})


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FUMEHOOD_STORE__BUCKET", raising=False)
    with pytest.raises(ValueError, match="store"):
        Settings()


def test_egress_profiles_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    profile = '{"mirror": {"cidrs": ["198.51.100.7/32"], "ports": [443], "namespaces": ["team-*"], "until": "2027-01-01T00:00:00Z"}}'
    found = read(monkeypatch, FUMEHOOD_NETWORK__PROFILES=profile, FUMEHOOD_NETWORK__CLUSTER_RANGES='["10.0.0.0/8"]').network
    assert str(found.profiles["mirror"].cidrs[0]) == "198.51.100.7/32"
    assert found.profiles["mirror"].protocol == "TCP"
    assert str(found.cluster_ranges[0]) == "10.0.0.0/8"
    assert (found.proof.enabled, found.proof.node) == (True, "Report")


@pytest.mark.parametrize(
    "change",
    [
        '"cidrs": []',
        '"cidrs": ["198.51.100.7/24"]',
        '"cidrs": ["everywhere"]',
        '"ports": []',
        '"ports": [0]',
        '"ports": [65536]',
        '"protocol": "SCTP"',
        '"namespaces": []',
        '"hosts": {"Not_A_Host": "198.51.100.7"}',
        '"hosts": {"a": "not an address"}',
        '"until": "2027-01-01T00:00:00"',
        '"unknown": 1',
    ],
)
def test_a_profile_that_is_not_right_stops_the_start(monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    right = '"cidrs": ["198.51.100.7/32"], "ports": [443], "namespaces": ["lab"]'
    read(monkeypatch, FUMEHOOD_NETWORK__PROFILES=f'{{"mirror": {{{right}}}}}')
    with pytest.raises(ValueError, match=r"network\.profiles\.mirror"):
        read(monkeypatch, FUMEHOOD_NETWORK__PROFILES=f'{{"mirror": {{{right}, {change}}}}}')


@pytest.mark.parametrize("name", ["Mirror", "-x", "x" * 64, "a.b", ""])
def test_a_profiles_name_is_a_label(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with pytest.raises(ValueError, match=r"network\.profiles"):
        read(monkeypatch, FUMEHOOD_NETWORK__PROFILES=f'{{"{name}": {{"cidrs": ["198.51.100.7/32"], "ports": [1], "namespaces": ["x"]}}}}')
