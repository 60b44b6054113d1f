"""`python3 hack/images VERB [NAME...]`: build Fumehood's images and load them into the cluster."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from imagetools import archives, cluster, engines, inventory, locks, record
from imagetools.builder import Builder, Built, cache_folder
from imagetools.catalogue import Image, ImagesError, catalogue
from imagetools.process import alone, say, step

ROOT = Path(__file__).resolve().parents[2]
EPILOG = """\
verbs:
  build   build what changed since it was last built; prints digests and archives as JSON lines
  load    build what changed, load what the running cluster lacks, record it all in .cluster/images.json
  all     the same (what `make images` does)
  lock    resolve the requirements of environments anew (needs uv)
  list    name the images

Docker builds where an engine answers, buildah otherwise
(FUMEHOOD_IMAGE_ENGINE=docker|buildah overrides); everything that can be made again is in the cache folder.
"""


def parser(names: list[str]) -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="hack/images", description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument("verb", choices=["build", "load", "all", "lock", "list"])
    top.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(names)} (default: all)")
    top.add_argument("--fresh-base", action="store_true", help="take today's state of the base image")
    return top


def build(images: list[Image], *, fresh_base: bool) -> list[Built]:
    """Build what changed."""
    cache = cache_folder()
    builder = Builder(ROOT, cache, engines.choose(cache), fresh_base=fresh_base)
    return [builder.build(image) for image in images]


def show(built: list[Built]) -> None:
    """One JSON line an image, for whoever publishes the archives."""
    for one in built:
        print(json.dumps({"image": one.image.tag, "digest": archives.manifest_digest(one.archive), "archive": str(one.archive)}))


def load(built: list[Built]) -> None:
    """Load what the cluster lacks, and record what it has then."""
    digests = {one.image.tag: archives.manifest_digest(one.archive) or "" for one in built}
    there = cluster.present(ROOT)
    wanted = [one for one in built if record.reference(one.image, digests[one.image.tag]) not in there]
    if wanted:
        with step(f"loading {', '.join(one.image.name for one in wanted)}"):
            digests |= cluster.load(ROOT, [one.archive for one in wanted])
    document = record.read(ROOT)
    for one in built:
        held = inventory.packages(one.archive) if one.image.environment and not one.image.lock else {}
        document = record.merge(document, one.image, record.entry(ROOT, one.image, digests[one.image.tag], held))
        if one not in wanted:
            say(f"{one.image.name}: in the cluster already")
    record.write(ROOT, document)


def main() -> int:
    """Carry out one verb; the process's exit status."""
    images = catalogue(ROOT)
    arguments = parser(list(images)).parse_args()
    unknown = set(arguments.names) - set(images)
    if unknown:
        raise ImagesError(f"no image {', '.join(sorted(unknown))}; there are {', '.join(images)}")
    chosen = [image for name, image in images.items() if not arguments.names or name in arguments.names]
    if arguments.verb == "list":
        print("\n".join(image.tag for image in chosen))
    elif arguments.verb == "lock":
        locks.renew(ROOT, chosen)
    else:
        with alone(cache_folder()):
            built = build(chosen, fresh_base=arguments.fresh_base)
            if arguments.verb == "build":
                show(built)
            else:
                load(built)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ImagesError as error:
        sys.exit(f"hack/images: {error}")
