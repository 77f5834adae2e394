"""What an adapter package brings: the object that its entry point names.

A source adapter is registered under the entry-point group ``sync_engine.sources``, a target adapter under
``sync_engine.targets``. A project file says ``adapter: <name>``; only the named adapter is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeAlias

from sync_engine.sdk.masking import Mask
from sync_engine.sdk.source import Source
from sync_engine.sdk.target import Target
from sync_engine.sdk.values import Secret

CONTRACT_VERSION = 1
"""Version of the contracts in this package; an adapter that was written for another one is refused."""

SettingValue: TypeAlias = "str | int | bool | Secret | list[SettingValue] | Mapping[str, SettingValue] | None"
Settings: TypeAlias = Mapping[str, SettingValue]
"""A connection's settings as the project file gives them, references resolved, secret texts as Secret."""


class SourceAdapter(Protocol):
    """A source adapter.

    Attributes:
        name: as project files write it.
        contract_version: ``CONTRACT_VERSION`` it was written for.
        settings_schema: JSON Schema (draft-07, ``type: object``) of its settings, without ``adapter``; every property
            has a description and examples. It is composed into the project's schema.
    """

    name: str
    contract_version: int
    settings_schema: Mapping[str, object]

    def open(self, connection: str, settings: Settings, mask: Mask) -> Source:
        """Open a connection; contacts nothing until it is used.

        Args:
            connection: the connection's name in the project, for messages.
            settings: valid by ``settings_schema``.
            mask: takes secrets out of what the service says, before that goes into an error or a rejection. It knows
                those of the settings; the adapter tells it what else it is given, such as tokens.
        """


class TargetAdapter(Protocol):
    """A target adapter; see ``SourceAdapter``."""

    name: str
    contract_version: int
    settings_schema: Mapping[str, object]

    def open(self, connection: str, settings: Settings, mask: Mask) -> Target:
        """Open a connection; see ``SourceAdapter.open``."""
