"""Catalogs from git: when a repository has changed, and which commit counts."""
