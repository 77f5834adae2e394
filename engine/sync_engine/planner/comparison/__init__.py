"""What a change of a catalog causes: two versions of it, compared on the same records of the source."""
