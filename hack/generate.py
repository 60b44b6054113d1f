"""Write every generated file: `make generate`; with --check, say what differs and write nothing."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import yaml

import reference
from fumehood.api.crd import documents
from fumehood.selftest import cases, table

ROOT = Path(__file__).resolve().parent.parent
HEADER = "# Generated from operator/fumehood/api by `make generate`. Do not edit.\n"


class _Dumper(yaml.SafeDumper):
    """Plain YAML: no anchors, whatever Python objects are shared."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def files() -> dict[Path, str]:
    """Return every generated file and its content."""
    generated: dict[Path, str] = {}
    for name, document in documents().items():
        text = HEADER + yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
        generated[ROOT / "crds" / name] = text
        generated[ROOT / "charts" / "fumehood" / "files" / "crds" / name] = text
    generated[ROOT / "docs" / "hostile-corpus.md"] = table.document(cases.load(ROOT / "tests" / "hostile"))
    return generated | reference.files()


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file differs")
    check = parser.parse_args().check
    stale = {path: text for path, text in files().items() if not path.exists() or path.read_text() != text}
    for path, text in stale.items():
        print(f"{'stale' if check else 'written'}: {path.relative_to(ROOT)}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
