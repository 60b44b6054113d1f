from __future__ import annotations

import json
from typing import Any

import pytest

from fumehood import errors, kube


def body(reason: str = "", message: str = "why") -> str:
    return json.dumps({"kind": "Status", "reason": reason, "message": message})


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        (400, "BadRequest", errors.Invalid),
        (401, "Unauthorized", errors.Forbidden),
        (403, "Forbidden", errors.Forbidden),
        (404, "NotFound", errors.NotFound),
        (405, "MethodNotAllowed", errors.Invalid),
        (409, "AlreadyExists", errors.AlreadyExists),
        (409, "Conflict", errors.Conflict),
        (409, "", errors.Conflict),
        (410, "Gone", errors.Unavailable),
        (413, "RequestEntityTooLarge", errors.Invalid),
        (415, "UnsupportedMediaType", errors.Invalid),
        (422, "Invalid", errors.Invalid),
        (429, "TooManyRequests", errors.Unavailable),
        (500, "InternalError", errors.Unavailable),
        (503, "ServiceUnavailable", errors.Unavailable),
        (504, "Timeout", errors.Unavailable),
        (0, "", errors.Unavailable),
    ],
)
def test_every_answer_of_the_api_server_has_a_meaning(status: int, reason: str, expected: type[Exception]) -> None:
    error = kube.translate(status, body(reason), {}, "GET /x")
    assert type(error) is expected
    assert "GET /x" in str(error)
    assert "why" in str(error)


@pytest.mark.parametrize(("header", "delay"), [("7", 7.0), ("", None), ("Fri, 31 Dec 1999 23:59:59 GMT", None), ("-1", None)])
def test_a_server_that_says_how_long_is_obeyed(header: str, delay: float | None) -> None:
    error = kube.translate(429, body(), {"Retry-After": header}, "GET /x")
    assert isinstance(error, errors.Unavailable)
    assert error.delay == delay


@pytest.mark.parametrize("raw", [None, b"", b"<html>", b"[]", b'"x"', b"\xff", '{"message": null}'])
def test_a_body_that_is_no_status_is_an_answer_too(raw: Any) -> None:
    assert isinstance(kube.translate(502, raw, {}, "GET /x"), errors.Unavailable)


def test_a_long_message_is_cut() -> None:
    assert len(str(kube.translate(422, body(message="x" * 9000), {}, "POST /x"))) < 600


def test_paths_are_quoted() -> None:
    assert kube.core_path("lab", "pods", "a b?c") == "/api/v1/namespaces/lab/pods/a%20b%3Fc"
    assert kube.job_path("lab", "x", "status") == "/apis/fumehood.dev/v1alpha1/namespaces/lab/analysisjobs/x/status"
    assert kube.environment_path("python") == "/apis/fumehood.dev/v1alpha1/analysisenvironments/python"
