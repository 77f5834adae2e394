"""Catalog + described schemas → typed streams of plain getters. Knows no network, no clock, no secret."""
