"""The adapter object; the HTTP library is imported when a connection is opened, not before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync_engine.sdk.adapter import CONTRACT_VERSION, Settings
from sync_engine.sdk.masking import Mask
from sync_engine_akeneo.settings import SETTINGS_SCHEMA, read_settings

if TYPE_CHECKING:
    from sync_engine.sdk.source import Source


@dataclass(frozen=True, slots=True)
class AkeneoAdapter:
    """See ``sync_engine.sdk.adapter.SourceAdapter``."""

    name: str
    contract_version: int
    settings_schema: Mapping[str, object]

    def open(self, connection: str, settings: Settings, mask: Mask | None = None) -> Source:
        """Open a PIM; contacts nothing until it is used.

        Args:
            connection: the connection's name, for messages.
            settings: valid by ``settings_schema``.
            mask: takes secrets out of messages; None for one of its own.

        Raises:
            Refused: a setting cannot be used: plain http to another machine, an unknown time zone, …
        """
        from sync_engine_akeneo.client import PimClient
        from sync_engine_akeneo.source import AkeneoSource

        return AkeneoSource(PimClient(read_settings(connection, settings), mask))


adapter = AkeneoAdapter("akeneo", CONTRACT_VERSION, SETTINGS_SCHEMA)
