"""What is left behind in /outputs, and what of it is an artifact."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest

from fumehood_sandbox import wire
from fumehood_sandbox.wire import Ending, Limit, Rejection
from unit.fumehood_sandbox.pod import Pod, reasons


def test_only_regular_files_with_decent_names_are_artifacts(pod: Pod) -> None:
    # Made beforehand: some of it only a kernel without Landlock lets a program make.
    program = """
import os, socket, sys
os.chdir(sys.argv[1])
open('good.txt', 'w').write('good')
os.symlink('good.txt', 'sibling'); os.symlink('/etc/passwd', 'passwd'); os.symlink('/proc/self/environ', 'environ')
os.mkdir('sub'); os.symlink('../good.txt', 'sub/inside'); os.symlink('../../etc', 'sub/outside')
os.mkfifo('fifo'); socket.socket(socket.AF_UNIX).bind('socket')
os.link('good.txt', 'zlink')
open('new\\nline', 'w'); open(b'\\xff\\xfe', 'w'); open('rtl\\u202etxt', 'w')
for _ in range(50): os.mkdir('deep'); os.chdir('deep')
open('bottom', 'w')
"""
    subprocess.run([sys.executable, "-c", program, pod.base / "outputs"], check=True)
    manifest = pod.run("pass")
    assert [artifact.name for artifact in manifest.artifacts] == ["good.txt"]
    found = reasons(manifest)
    deep = "/".join(["deep"] * 32)
    assert found == {
        "sibling": Rejection.SYMLINK, "passwd": Rejection.SYMLINK, "environ": Rejection.SYMLINK,
        "sub/inside": Rejection.SYMLINK, "sub/outside": Rejection.SYMLINK, "fifo": Rejection.SPECIAL,
        "socket": Rejection.SPECIAL, "zlink": Rejection.HARD_LINK, "new\\u000aline": Rejection.NAME,
        "\\xff\\xfe": Rejection.NAME, "rtl\\u202etxt": Rejection.NAME, deep: Rejection.DEPTH,
    }  # fmt: skip
    assert {entry.name for entry in manifest.rejected if entry.escape} == {"passwd", "environ", "sub/outside"}
    assert (manifest.complete, manifest.rejections) == (False, len(found))


def test_private_files_are_artifacts_like_others(pod: Pod) -> None:
    program = """
import hashlib
import os
os.umask(0o777); os.chdir('/outputs')
open('none', 'w').write('x'); os.mkdir('locked'); os.chmod('locked', 0o700); open('locked/in', 'w').write('y'); os.chmod('locked', 0)
"""
    manifest = pod.run(program)
    assert [artifact.name for artifact in manifest.artifacts] == ["locked/in", "none"]
    assert manifest.complete


def test_rules_choose_and_name_the_kind(pod: Pod) -> None:
    program = """
import hashlib
import os
os.makedirs('/outputs/a/b')
for name in ('x.png', 'a/x.png', 'a/b/x.csv', 'note'): open('/outputs/' + name, 'w').write(name)
"""
    rules = (wire.OutputRule("*.png", "plot"), wire.OutputRule("**/*.csv", "table"))
    manifest = pod.run(program, outputs=rules)
    assert [(artifact.name, artifact.kind) for artifact in manifest.artifacts] == [("a/b/x.csv", "table"), ("x.png", "plot")]
    assert [artifact.format for artifact in manifest.artifacts] == ["csv", "text"]
    assert reasons(manifest) == {"a/x.png": Rejection.NOT_DECLARED, "note": Rejection.NOT_DECLARED}
    assert manifest.complete


def test_limits_of_count_and_size_keep_the_first_that_fit(pod: Pod) -> None:
    program = "for n in 'abcd': open('/outputs/' + n, 'w').write(n * 10)\nopen('/outputs/bb', 'wb').truncate(1 << 40)\n"
    big = 64 << 40
    manifest = pod.run(program, limits={"artifacts": 3, "artifact_bytes": 25, "disk": big, "file_size": big})
    assert [artifact.name for artifact in manifest.artifacts] == ["a", "b"]
    assert reasons(manifest) == {"bb": Rejection.SIZE, "c": Rejection.SIZE, "d": Rejection.SIZE}
    assert manifest.harvest_breach == wire.Breach(Limit.ARTIFACTS, 3, 5)
    assert (manifest.claim.ending, manifest.complete) == (Ending.EXITED, False)


def test_names_that_other_systems_cannot_tell_apart(pod: Pod) -> None:
    program = "for n in ('Plot', 'plot', 'caf\\u00e9', 'cafe\\u0301', 'Note', 'note'): open('/outputs/' + n, 'w').write(n)\n"
    manifest = pod.run(program, outputs=(wire.OutputRule("[Ppcn]*", "export"),))
    assert [artifact.name for artifact in manifest.artifacts] == ["Plot", "cafe\u0301", "note"]
    assert reasons(manifest) == {"plot": Rejection.COLLISION, "caf\u00e9": Rejection.COLLISION, "Note": Rejection.NOT_DECLARED}
    assert not manifest.complete


def test_active_content_is_flagged_and_stored_as_bytes(pod: Pod) -> None:
    program = """
for name, text in {"a.svg": "<svg ><script/></svg>", "b.svg": "<svg ><g/></svg>", "c.txt": "<script>"}.items():
    open("/outputs/" + name, "w").write(text)
"""
    artifacts = pod.run(program).artifacts
    found = [(artifact.name, artifact.active, artifact.content_type, pod.store.types[artifact.key]) for artifact in artifacts]
    assert found == [
        ("a.svg", True, "image/svg+xml", "application/octet-stream"),
        ("b.svg", False, "image/svg+xml", "image/svg+xml"),
        ("c.txt", False, "text/plain", "text/plain"),
    ]


def test_content_that_one_of_its_names_makes_active_is_stored_as_bytes(pod: Pod) -> None:
    manifest = pod.run("for n in ('a.csv', 'b.html', 'c.csv', 'd.htm'): open(f'/outputs/{n}', 'w').write('see <script>')")
    assert [artifact.active for artifact in manifest.artifacts] == [False, True, False, True]
    assert {pod.store.types[artifact.key] for artifact in manifest.artifacts} == {"application/octet-stream"}
    assert len(pod.store.requests) == 2 + 3  # the content twice; both logs, which are equal, and the manifest


def test_equal_contents_are_stored_once(pod: Pod) -> None:
    manifest = pod.run("for n in 'abc': open('/outputs/' + n, 'w').write('same')\n")
    assert len({artifact.key for artifact in manifest.artifacts}) == 1
    assert len(manifest.artifacts) == 3
    assert len([method for method, _ in pod.store.requests if method == "POST"]) == 4  # one artifact, two logs, the manifest


PREVIEWS = """
import hashlib
import os
os.chdir('/outputs'); os.makedirs('.previews/sub'); os.mkdir('sub')
png = b'\\x89PNG\\r\\n\\x1a\\n'
for name in ('a.pdf', 'b.csv', 'c.svg', 'sub/d.png', 'e.txt'): open(name, 'w').write(name)
for name in ('a.pdf.png', 'sub/d.png.png', 'nobody.png'): open('.previews/' + name, 'wb').write(png + name.encode())
open('.previews/b.csv.json', 'w').write('{}')
open('.previews/c.svg.png', 'w').write('<svg/>')
open('.previews/e.txt.png', 'wb').write(png + bytes(2 << 20))
open('.previews/e.txt.exe', 'wb').write(png)
"""


@pytest.mark.parametrize("rules", [(), (wire.OutputRule("**", "export"),)])
def test_previews_are_small_pictures_and_heads_of_artifacts_and_nothing_else(pod: Pod, rules: tuple[wire.OutputRule, ...]) -> None:
    manifest = pod.run(PREVIEWS, outputs=rules, limits={"artifacts": 5, "artifact_bytes": 64})
    found = [(artifact.name, artifact.preview_of) for artifact in manifest.artifacts if artifact.kind == "preview"]
    assert found == [(".previews/a.pdf.png", "a.pdf"), (".previews/b.csv.json", "b.csv"), (".previews/sub/d.png.png", "sub/d.png")]
    assert [artifact.name for artifact in manifest.artifacts][:5] == ["a.pdf", "b.csv", "c.svg", "e.txt", "sub/d.png"]
    refused = {".previews/c.svg.png", ".previews/e.txt.exe", ".previews/e.txt.png", ".previews/nobody.png"}
    assert reasons(manifest) == dict.fromkeys(refused, Rejection.NOT_DECLARED)
    assert manifest.complete


def test_what_a_language_leaves_behind_is_no_artifact_unless_a_rule_wants_it(pod: Pod) -> None:
    program = "for n in ('a.pdf', 'a.aux', 'a.log'): open('/outputs/' + n, 'w').write(n)"
    ignored = ("*.aux", "*.log")
    assert [artifact.name for artifact in pod.run(program, ignored=ignored).artifacts] == ["a.pdf"]


def test_a_rule_wants_what_a_language_leaves_behind(pod: Pod) -> None:
    program = "for n in ('a.pdf', 'a.aux', 'a.log'): open('/outputs/' + n, 'w').write(n)"
    manifest = pod.run(program, ignored=("*.aux", "*.log"), outputs=(wire.OutputRule("*.log", "export"),))
    assert [artifact.name for artifact in manifest.artifacts] == ["a.log"]


def test_the_manifest_tells_what_the_program_was_given(pod: Pod) -> None:
    pod.store.gets["/in.csv"] = b"1,2\n"
    provenance = wire.Provenance("python", "image@sha256:x", 7, "sha256:key")
    inputs = (wire.File("in.csv", remote=pod.remote("/in.csv")), wire.File("b.bin", base64="AAEC"))
    manifest = pod.run("print(open('/inputs/b.bin', 'rb').read())", inputs=inputs, provenance=provenance)
    assert manifest.provenance == provenance
    assert [(file.name, file.digest, file.size) for file in manifest.inputs] == [
        ("in.csv", "sha256:" + hashlib.sha256(b"1,2\n").hexdigest(), 4),
        ("b.bin", "sha256:" + hashlib.sha256(b"\x00\x01\x02").hexdigest(), 3),
    ]
    assert [file.name for file in manifest.source] == ["main.py"]
    assert manifest.stdout is not None
    assert manifest.stdout.tail == "b'\\x00\\x01\\x02'\n"
