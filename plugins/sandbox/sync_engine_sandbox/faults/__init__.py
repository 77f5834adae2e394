"""What goes wrong at both servers on request: seeded, repeatable, described as data (docs/sandbox.md)."""

from sync_engine_sandbox.faults.rules import FaultsError, Rule, load_profile, profiles, read_rules
from sync_engine_sandbox.faults.state import Faults, Happened

__all__ = ["Faults", "FaultsError", "Happened", "Rule", "load_profile", "profiles", "read_rules"]
