"""Where plans are run."""
