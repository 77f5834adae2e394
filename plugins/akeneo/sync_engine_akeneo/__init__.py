"""Akeneo PIM as a source."""
