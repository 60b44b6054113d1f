"""Builds environments: an image as an archive, and the resource that names it."""
