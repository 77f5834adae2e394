"""Salesforce as a target."""

from sync_engine_salesforce.adapter import SalesforceAdapter

adapter = SalesforceAdapter()
"""What the entry point names."""
