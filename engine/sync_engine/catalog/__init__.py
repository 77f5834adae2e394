"""The typed catalog and project: what a user wrote, checked by schema and cross-references, with its places kept."""
