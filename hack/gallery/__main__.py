"""`make gallery`: run analyses that nobody wrote for Fumehood, and say what became of each.

Writes build/gallery/gallery.md and gallery.json. Exits 1 if fewer succeed than aimed
at, those that need the network not counted, or if a failure is Fumehood's own.
"""

from __future__ import annotations

import argparse
import json
import sys

from gallery import report
from gallery.causes import Cause
from gallery.cluster import ROOT
from gallery.collect import collect, collectors
from gallery.journal import Journal
from gallery.run import run
from gallery.sample import sample
from gallery.sources import SourcesError

OUTPUT = ROOT / "build" / "gallery"
PAGE = ROOT / "docs" / "gallery.md"


def main() -> int:
    """Return the exit code."""
    arguments = _parser().parse_args()
    try:
        analyses = collect(arguments.source or collectors())
    except SourcesError as error:
        raise SystemExit(f"gallery: {error}") from error
    if arguments.only:
        analyses = sample(analyses, arguments.only)
    if arguments.list:
        print(*(one.id for one in analyses), sep="\n")
        return 0
    journal = Journal(OUTPUT / "outcomes.jsonl", arguments.go_on)
    run([one for one in analyses if one.id not in journal.known], arguments.at_once, journal.add)
    outcomes = [journal.known[one.id] for one in analyses]
    text = report.page(outcomes)
    (OUTPUT / "gallery.md").write_text(text)
    (OUTPUT / "gallery.json").write_text(json.dumps(report.document(outcomes), indent=1) + "\n")
    if arguments.publish:
        PAGE.write_text(text)
    print(text.removeprefix(report.PREFACE))
    met = report.share(outcomes, (Cause.NETWORK,)) >= report.AIM and not any(one.cause is Cause.OURS for one in outcomes)
    return 0 if met else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gallery", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=int, metavar="N", help="N of them, of each source its part, always the same ones")
    parser.add_argument("--source", action="append", choices=list(collectors()), help="of this source alone; may be repeated")
    parser.add_argument("--at-once", type=int, default=4, metavar="N", help="jobs at a time (default %(default)s)")
    parser.add_argument("--go-on", action="store_true", help="keep what the last run found out, and run the rest")
    parser.add_argument("--list", action="store_true", help="name the analyses and run nothing")
    parser.add_argument("--publish", action="store_true", help="write the page into docs/ too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
