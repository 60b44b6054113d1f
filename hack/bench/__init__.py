"""Measurements beside a physical limit, in one run."""
