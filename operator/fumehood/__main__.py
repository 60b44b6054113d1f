"""`python3 -m fumehood`."""

from .cli import app

app()
