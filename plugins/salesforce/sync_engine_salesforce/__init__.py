"""Salesforce as a target."""
