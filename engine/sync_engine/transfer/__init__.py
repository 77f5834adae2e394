"""Run a plan: pack its changes into batches, hand them over, account for every record. Knows no YAML and no vendor."""
