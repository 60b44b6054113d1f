"""Builds Fumehood's images and loads them into the cluster."""
