"""A CRM on this machine that speaks the Salesforce APIs: OAuth, REST, Collections, SOQL, Bulk 2.0, files."""

from sync_engine_sandbox.crm.app import create_app
from sync_engine_sandbox.crm.objects import ObjectsError, load_objects
from sync_engine_sandbox.crm.org import CrmSettings, Org

__all__ = ["CrmSettings", "ObjectsError", "Org", "create_app", "load_objects"]
