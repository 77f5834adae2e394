"""Local servers that speak the APIs of the PIM and the CRM, and the demo data."""
