"""Outside opinions on what we generate: scanners whose rules are not ours."""
