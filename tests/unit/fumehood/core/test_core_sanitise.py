from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumehood.core.sanitise import MARK, printable, text

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dBjftJeZ4CVPmB92K27uhbUJU1p1r"
KEY = "-----{} PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("raw", "secret", "kept"),
    [
        ("fetch https://user:hunter2@host/data failed", "hunter2", "host"),
        ("redis://:hunter2@cache:6379/0", "hunter2", "cache:6379"),
        ("https://ghp_0123456789@github.example/x", "ghp_0123456789", "github.example"),
        ("postgres://u:p@ss@db/x", "ss@", "db"),
        (f"token is {JWT} yes", JWT, "yes"),
        ("key AKIAIOSFODNN7EXAMPLE found", "AKIAIOSFODNN7EXAMPLE", "found"),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG", "wJalrXUtnFEMI", "AWS_SECRET_ACCESS_KEY="),
        ("{'aws_secret_access_key': 'wJalrXUtnFEMI', 'b': 1}", "wJalrXUtnFEMI", "'b': 1"),
        ('{"password": "hunter2"}', "hunter2", '"password"'),
        ("password=hunter2 and more", "hunter2", "and more"),
        ("api_key: abcdefgh", "abcdefgh", "api_key: "),
        ("Authorization: Bearer abc.def", "abc.def", "Authorization: Bearer "),
        ("{'Authorization': 'Bearer abcdef'}", "abcdef", "Bearer "),
        ("http://s/x?X-Amz-Signature=0123abcd&X-Amz-Date=1", "0123abcd", "X-Amz-Date=1"),
        ("token ghp_" + "0123456789abcdef0123 ends", "0123456789abcdef", "ends"),
        ("use glpat-" + "0123456789abcdefABCD now", "0123456789abcdef", "now"),
        ("xoxb-" + "0123456789-abcdefgh and", "0123456789", "and"),
        ("key AIza" + "0123456789abcdef0123456789abcdef012 found", "0123456789abcdef", "found"),
        (KEY.format("BEGIN RSA", "MIIEowIBAAKCAQEA\nbbbbbbbbbbbbbbbb"), "MIIEow", "BEGIN RSA PRIVATE KEY"),
        ("MIIEowIBAAKCAQEA\nbbbbbbbbbbbbbbbb\n-----END PRIVATE KEY-----\nthen", "MIIEow", "then"),  # the front is cut
        ("ATE KEY-----\nMIIEowIBAAKCAQEA\n-----END PRIVATE KEY-----\nthen", "MIIEow", "then"),
        ("http://s/x?X-Amz-Credential=AK%2F2026&b=1", "AK%2F2026", "b=1"),
    ],
)
def test_secrets_are_taken_out_and_the_rest_stays(raw: str, secret: str, kept: str) -> None:
    clean = text(raw, 500)
    assert secret not in clean
    assert kept in clean
    assert MARK in clean


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ('File "/work/main.py", line 3', 'File "main.py", line 3'),
        ('File "/opt/fumehood/lib/python3.13/x/runner.py", line 3', f'File "{MARK}/runner.py", line 3'),
        ("open('/inputs/data/co2.csv')", "open('data/co2.csv')"),
        ("/run/fumehood/order.json", f"{MARK}/order.json"),
        ("/workshop/secret.txt", f"{MARK}/secret.txt"),
        ("a/b and 1/2 and https://host/path", "a/b and 1/2 and https://host/path"),
        ("ValueError: x must be > 0", "ValueError: x must be > 0"),
        ("naïve: Größe 数据 😀", "naïve: Größe 数据 😀"),
    ],
)
def test_internal_paths_lose_their_folders_and_the_users_own_lines_stay(raw: str, clean: str) -> None:
    assert text(raw, 500) == clean


@pytest.mark.parametrize(
    "char", ["\x1b", "\x00", "\x07", "\r", "\x9b", "\u202e", "\u2066", "\u200f", "\u200b", "\ufeff", "\u2028", "\ud800", "\ue000"]
)
def test_characters_that_steer_a_terminal_or_a_reader_are_replaced(char: str) -> None:
    assert printable(f"a{char}b") == "a\ufffdb"


def test_new_lines_and_tabs_stay() -> None:
    assert printable("a\r\nb\tc\n") == "a\nb\tc\n"


def test_the_end_is_kept() -> None:
    clean = text("x" * 5000 + "\nValueError: the reason", 100)
    assert clean.endswith("ValueError: the reason")
    assert clean.startswith(MARK)
    assert len(clean) == 100


@given(st.text(st.characters(), max_size=300), st.integers(1, 60))
def test_what_comes_out_is_bounded_printable_unicode(raw: str, limit: int) -> None:
    clean = text(raw, limit)
    assert len(clean) <= limit
    clean.encode()
    assert all(char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn") for char in clean)


@given(st.text(max_size=200))
def test_cleaning_twice_brings_nothing_back(raw: str) -> None:
    once = printable(raw)
    assert printable(once) == once


LINES = st.lists(
    st.sampled_from(["password=", "hunter2", "/work/", "a.py", " ", "https://", ":", "@", "host", JWT, "\x1b[31m", "\n", "…", "=", "'"]),
    max_size=12,
)


@given(LINES.map("".join))
def test_text_that_was_cleaned_stays_clean(raw: str) -> None:
    once = text(raw, 400)
    twice = text(once, 400)
    assert JWT not in once
    assert len(twice) <= 400


def test_a_hostile_text_costs_no_time() -> None:
    # Each would take minutes if an expression went back and forth over it.
    for raw in (
        "a" * 40_000,
        "/a" * 20_000,
        "https://" + "a:" * 20_000,
        "password=" * 5_000,
        "eyJ" + "a." * 20_000,
        "authorization " * 3_000,
        ("A" * 79 + "\n") * 500,
        "AAAA\n" * 8_000,
        "-----BEGIN PRIVATE KEY-----\n" * 1_500,
        "sk-" * 13_000,
    ):
        text(raw, 10_000)
