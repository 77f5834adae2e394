"""Source records × target records → the exact changes, gates and cost. Knows nothing of how to write them."""
