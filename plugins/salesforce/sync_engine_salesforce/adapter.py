"""The adapter itself; nothing heavy is imported before a connection is opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sync_engine.sdk.adapter import CONTRACT_VERSION, Settings
from sync_engine.sdk.masking import Mask
from sync_engine.sdk.transfer_record import TransferFact
from sync_engine_salesforce.settings import SETTINGS_SCHEMA, read_settings

if TYPE_CHECKING:
    from sync_engine.sdk.target import Target


TRANSFER_FIELDS: Mapping[TransferFact, str] = {
    **{each: f"{each.capitalize()}__c" for each in TransferFact},
    TransferFact.ID: "PIM_Transfer_Id__c",
    TransferFact.WHO: "Started_By__c",
}
"""Custom fields of a custom object: ``Catalog__c``, ``Status__c``, and so on."""


class SalesforceAdapter:
    """Opens orgs; see ``sync_engine.sdk.adapter.TargetAdapter`` and ``sdk.transfer_record.NamesTransferFields``."""

    name: str = "salesforce"
    contract_version: int = CONTRACT_VERSION
    settings_schema: Mapping[str, object] = SETTINGS_SCHEMA
    transfer_fields: Mapping[TransferFact, str] = TRANSFER_FIELDS

    def open(self, connection: str, settings: Settings, mask: Mask | None = None) -> Target:
        """Open an org; nothing is sent before it is used.

        Args:
            connection: its name in the project, for messages.
            settings: valid by ``settings_schema``.
            mask: takes secrets out of messages; None for one of its own.

        Raises:
            Refused: the url cannot be used.
        """
        from sync_engine_salesforce.session import OrgSession
        from sync_engine_salesforce.target import SalesforceTarget

        return SalesforceTarget(OrgSession(connection, read_settings(connection, settings), mask))
