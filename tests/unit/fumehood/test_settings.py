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
