"""Settings as the chart hands them over: environment variables."""

from __future__ import annotations

import pytest
from minio.helpers import check_bucket_name

from fumehood.settings import Settings, misspelt
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
    [
        ("FUMEHOOD_MAX_CONCURRENT", "0"),
        ("FUMEHOOD_DEADLINES__HARVEST", "0"),
        ("FUMEHOOD_DEADLINES__START", "inf"),
        ("FUMEHOOD_DEADLINES__HELLO", "nan"),
        ("FUMEHOOD_DEADLINES__STAGING", "86401"),
        ("FUMEHOOD_NETWORK__PROOF__INTERVAL", "inf"),
        ("FUMEHOOD_PODS__CPU_REQUEST_FRACTION", "1.5"),
        ("FUMEHOOD_PODS__IMAGE_PULL_POLICY", "Sometimes"),
        ("FUMEHOOD_PODS__COLLECTOR_MEMORY", "lots"),
        ("FUMEHOOD_PODS__PRIORITY_CLASS_NAME", "Very High"),
        ("FUMEHOOD_NAMESPACES", "lab,Not_One"),
        ("FUMEHOOD_LIVENESS_PORT", "0"),
        ("FUMEHOOD_METRICS_PORT", "-1"),
        ("FUMEHOOD_METRICS_PORT", "65536"),
        ("FUMEHOOD_LOG_LEVEL", "LOUD"),
        ("FUMEHOOD_EGRESS__PORT", "70000"),
        ("FUMEHOOD_EGRESS__CIDRS", '["300.1.1.1/8"]'),
        ("FUMEHOOD_EGRESS__CIDRS", '["10.0.0.1"]'),
        ("FUMEHOOD_STORE__SECRET_KEY", ""),
        ("FUMEHOOD_STORE__REGION", ""),
        ("FUMEHOOD_STORE__INPUT_BUCKETS", '["fine", "not a bucket"]'),
    ],
)
def test_values_that_make_no_sense_stop_the_start(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name.rpartition("__")[2].removeprefix("FUMEHOOD_").lower()):
        read(monkeypatch, **{name: value})


@pytest.mark.parametrize("bucket", ["", "ab", "a" * 64, "Data", "a_b", "a..b", "a.-b", "-ab", "ab-", "a b", "192.0.2.1", "a/b", "größe"])
def test_a_bucket_that_can_be_none_is_refused(monkeypatch: pytest.MonkeyPatch, bucket: str) -> None:
    with pytest.raises(ValueError, match=r"store\.bucket\n.*no bucket"):
        read(monkeypatch, FUMEHOOD_STORE__BUCKET=bucket)


@pytest.mark.parametrize("bucket", ["abc", "a.b", "a" * 63, "0-1.data.2", "1.2.3"])
def test_what_can_be_a_bucket_is_one_for_the_client_too(monkeypatch: pytest.MonkeyPatch, bucket: str) -> None:
    assert read(monkeypatch, FUMEHOOD_STORE__BUCKET=bucket).store.bucket == bucket
    check_bucket_name(bucket, s3_check=True)


@pytest.mark.parametrize(
    "endpoint",
    [
        "store.example:9000",
        "ftp://store",
        "http://",
        "http://store/bucket",
        "http://store:99999",
        "http://store:0",
        "http://store:",
        "http://store:https",
        "http://[2001:db8::1",
        "http://a store",
        "http://store\u202e",
        "http://store?x=y",
        "http://store#x",
        "http://key:hush@store",
        "",
    ],
)
def test_an_endpoint_that_can_be_none_is_refused(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    with pytest.raises(ValueError, match=r"store\.endpoint"):
        read(monkeypatch, FUMEHOOD_STORE__ENDPOINT=endpoint)


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("FUMEHOOD_NAMESPACE", "FUMEHOOD_NAMESPACES"),
        ("FUMEHOOD_STORE__BUKET", "FUMEHOOD_STORE__BUCKET"),
        ("FUMEHOOD_STORE_BUCKET", "FUMEHOOD_STORE__BUCKET"),
        ("FUMEHOOD_NETWORK__PROOF__ENABLE", "FUMEHOOD_NETWORK__PROOF__ENABLED"),
        ("FUMEHOOD_EGRES__POD_LABELS", "FUMEHOOD_EGRESS__POD_LABELS"),
        ("fumehood_max_concurent", "FUMEHOOD_MAX_CONCURRENT"),
        ("FUMEHOOD_XYZZY__A", ""),
    ],
)
def test_a_variable_that_sets_nothing_is_noticed(variable: str, meant: str) -> None:
    assert misspelt(["PATH", "HOME", variable]) == {variable: meant}


def test_variables_of_others_are_left_alone() -> None:
    assert not misspelt(["FUMEHOOD_METRICS_SERVICE_HOST", "FUMEHOOD_METRICS_SERVICE_PORT", "FUMEHOOD_METRICS_PORT_9090_TCP", "FUMEHOOD_X"])


def test_every_variable_that_sets_something_is_known() -> None:
    documented = {
        *VARIABLES,
        "FUMEHOOD_NAMESPACES",
        "FUMEHOOD_STORE",
        "fumehood_log_level",
        "FUMEHOOD_NETWORK__PROOF__DNS",
        "FUMEHOOD_EGRESS__POD_LABELS",
        "FUMEHOOD_EGRESS__POD_LABELS__app",
        "FUMEHOOD_NETWORK__PROFILES__mirror__CIDRS",
    }
    assert not misspelt(documented)


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
        '"ca": ""',
        '"ca": "/etc/ssl/ca.crt"',
        '"ca": "-----BEGIN PRIVATE KEY-----"',
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
