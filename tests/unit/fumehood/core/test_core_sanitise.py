from __future__ import annotations

import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fumehood.core.sanitise import MARK, hide, printable, text, without

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
        (KEY.format("BEGIN RSA", "MIIEowIBAAKCAQEA\nbbbbbbbbbbbbbbbb"), "MIIEow", ""),
        ("MIIEowIBAAKCAQEA\nbbbbbbbbbbbbbbbb\n-----END PRIVATE KEY-----\nthen", "MIIEow", "then"),  # the front is cut
        ("ATE KEY-----\nMIIEowIBAAKCAQEA\n-----END PRIVATE KEY-----\nthen", "MIIEow", "then"),
        ("http://s/x?X-Amz-Credential=AK%2F2026&b=1", "AK%2F2026", "b=1"),
        ("{'x-amz-signature': '0123abcd', 'key': 'a'}", "0123abcd", "'key': 'a'"),
        ("x-amz-security-token: FwoGZXIvYXdz", "FwoGZXIvYXdz", "x-amz-security-token: "),
        ("Authorization: abc.def\nnext line", "abc.def", "next line"),
        ("Authorization: AWS4-HMAC-SHA256 Credential=AK/2026, Signature=0123abcd end", "0123abcd", " end"),
        ("curl -H bearer abcdefghijklmnopqrst", "abcdefghijklmnopqrst", "curl -H bearer "),
        ("push with ghp_0123456789abcdefghij failed", "ghp_0123456789abcdefghij", "failed"),
        ("github_pat_0123456789abcdefghij", "0123456789abcdefghij", ""),
        ("xoxb-0123456789-abcdef", "0123456789-abcdef", ""),
        ("glpat-0123456789abcdef", "0123456789abcdef", ""),
        ("a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nb", "MIIE", "\nb"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE cut off", "MIIE", ""),
        ("https://u:" + "x" * 3000 + "@host/y", "xxxxx", "host/y"),
    ],
)
def test_secrets_are_taken_out_and_the_rest_stays(raw: str, secret: str, kept: str) -> None:
    clean = text(raw, 2000)
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
        ("module:/opt/fumehood/lib/a.py", f"module:{MARK}/a.py"),
        ("//opt/fumehood/lib//a.py", f"{MARK}/a.py"),
        ("PYTHONPATH=/usr/lib/x:/opt/fumehood/y", f"PYTHONPATH={MARK}/x:{MARK}/y"),
        ("file:///usr/lib/python3/dist-packages/minio/api.py", f"file:{MARK}/minio/api.py"),
        ('File "/usr/local/lib/python3.13/site-packages/pandas/io.py"', f'File "{MARK}/pandas/io.py"'),
        ("dial tcp 10.96.0.1:443: refused", f"dial tcp {MARK}:443: refused"),
        ("minio.minio.svc.cluster.local:9000 and api.default.svc", f"{MARK}:9000 and {MARK}"),
        ("127.0.0.1:8080, 8.8.8.8 and version 1.10.0.3", "127.0.0.1:8080, 8.8.8.8 and version 1.10.0.3"),
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
    clean = text("x y " * 2000 + "\nValueError: the reason", 100)
    assert clean.endswith("ValueError: the reason")
    assert clean.startswith(MARK)
    assert len(clean) <= 100


@pytest.mark.parametrize("filler", [" ", "\n"])
def test_half_a_secret_at_the_cut_goes(filler: str) -> None:
    for length in range(350, 450):
        clean = text(f"password=hunter2hunter2hunter2{filler}" + "y " * (length // 2), 100)
        assert "hunter2" not in clean


def test_our_own_words_are_hidden_the_longest_first() -> None:
    assert hide("s3.example:9000 and s3.example", ["s3.example", "s3.example:9000", "", "a"]) == f"{MARK} and {MARK}"
    assert without(f"\x1bsecret-key {JWT}", ["secret-key"]) == f"\ufffd{MARK} {MARK}"


WORDS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=8, max_size=24)


@given(before=st.text(max_size=40), after=st.text(max_size=40), secret=WORDS)
def test_a_secret_in_any_surroundings_is_taken_out(before: str, after: str, secret: str) -> None:
    assume(secret not in before + after)
    for shape in ("https://user:{}@host/", "aws_secret_access_key={}", "X-Amz-Signature={}", "Authorization: Bearer {}"):
        assert secret not in text(f"{before} {shape.format(secret)} {after}", 500)
    assert secret not in without(before + secret + after, [secret])


@given(
    st.lists(
        st.sampled_from(["/opt/fumehood/", "lib/", "site-packages/", "x.py", ":", " ", "/", "//", "file://", "'", "=", "\n"]), max_size=12
    )
)
def test_no_folder_of_ours_is_left(parts: list[str]) -> None:
    assert "/opt/fumehood/" not in text("".join(parts), 500)


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
        "/" * 40_000,
        "a." * 20_000,
        "10." * 13_000,
        "a://b" * 8_000,
    ):
        text(raw, 10_000)
