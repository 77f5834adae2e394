"""The state store: transfers, batches, outcomes, what was last written. See ``store.open_ledger``."""
