"""Callreel, a self-hosted archive of call recordings."""

__version__ = "0.1.0"
