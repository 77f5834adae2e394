"""The fields of an object: what describe says of each, and how a file's entry becomes one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

TEXT = frozenset({"string", "textarea", "email", "phone", "url", "picklist", "multipicklist", "encryptedstring"})
NUMBERS = frozenset({"int", "double", "percent", "currency"})
LENGTHS = {
    "string": 255,
    "textarea": 255,
    "longtextarea": 32768,
    "richtextarea": 32768,
    "email": 80,
    "phone": 40,
    "url": 255,
    "picklist": 255,
    "multipicklist": 4099,
    "encryptedstring": 175,
    "reference": 18,
    "id": 18,
    "autonumber": 30,
}
EXTERNAL_ID_TYPES = frozenset({"string", "email", "double", "autonumber"})


@dataclass(frozen=True, slots=True)
class PicklistValue:
    """One entry of a picklist; ``value`` is what is stored and compared."""

    value: str
    label: str
    active: bool = True
    default: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """One field, with the attributes that describe answers.

    Attributes:
        name: API name.
        label: what messages call it.
        type: type as describe names it; a long or rich text is ``textarea``.
        length: characters of a text; 0 for numbers.
        precision: digits in all of a number.
        scale: digits after the point.
        nillable: False makes the field required (unless it is defaulted on create).
        references: objects a reference may point to; ``*`` is any.
        relationship: name under which the parent's fields are reached; empty where there is none.
        on_delete: what happens to the child when the parent is deleted: clear, cascade, restrict, or keep (users).
        formula: text of a calculated field.
        value_set: name of the global value set that a picklist takes its values from; empty where it has its own.
    """

    name: str
    label: str
    type: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    defaulted: bool = False
    default: Any = None
    external_id: bool = False
    unique: bool = False
    case_sensitive: bool = False
    id_lookup: bool = False
    values: tuple[PicklistValue, ...] = ()
    restricted: bool = False
    references: tuple[str, ...] = ()
    relationship: str = ""
    child_relationship: str = ""
    master_detail: bool = False
    on_delete: str = "clear"
    formula: str = ""
    auto_format: str = ""
    html: bool = False
    extra_type: str | None = None
    filterable: bool = True
    name_field: bool = False
    translatable: bool = False
    compound: str = ""
    help: str | None = None
    value_set: str = ""

    @property
    def custom(self) -> bool:
        """Whether it is a custom field."""
        return self.name.endswith(("__c", "__s"))

    @property
    def indexed(self) -> bool:
        """Whether records are found by this field without a scan."""
        return (
            self.external_id or self.unique or self.id_lookup or (self.type == "reference" and self.on_delete != "keep")
        )

    @property
    def upsert_key(self) -> bool:
        """Whether an upsert or a parent reference may name a record by this field."""
        return self.external_id or self.id_lookup or self.type == "id"


def system_fields(*, custom_owner: bool, currencies: Sequence[str]) -> tuple[Field, ...]:
    """The fields that every object has; ``Id`` first."""
    read_only: dict[str, Any] = {"createable": False, "updateable": False, "nillable": False, "defaulted": True}
    by_user: dict[str, Any] = {"length": 18, "references": ("User",), "on_delete": "keep", **read_only}
    found = [
        Field("Id", "Record ID", "id", length=18, id_lookup=True, **read_only),
        Field("IsDeleted", "Deleted", "boolean", **read_only),
        Field("CreatedDate", "Created Date", "datetime", **read_only),
        Field("CreatedById", "Created By ID", "reference", relationship="CreatedBy", **by_user),
        Field("LastModifiedDate", "Last Modified Date", "datetime", **read_only),
        Field("LastModifiedById", "Last Modified By ID", "reference", relationship="LastModifiedBy", **by_user),
        Field("SystemModstamp", "System Modstamp", "datetime", **read_only),
    ]
    if custom_owner:
        owner = {**by_user, "createable": True, "updateable": True}
        found.append(Field("OwnerId", "Owner ID", "reference", relationship="Owner", **owner))
    if currencies:
        values = tuple(PicklistValue(code, code, default=index == 0) for index, code in enumerate(currencies))
        found.append(
            Field(
                "CurrencyIsoCode",
                "Currency ISO Code",
                "picklist",
                length=3,
                nillable=False,
                defaulted=True,
                default=currencies[0],
                values=values,
                restricted=True,
                updateable=False,
            )
        )
    return tuple(found)


def make_fields(
    sobject: str, entries: Iterable[Mapping[str, Any]], objects: Collection[str], *, languages: Sequence[str]
) -> tuple[list[Field], list[str]]:
    """Turn the entries of one object into fields.

    Args:
        sobject: API name of the object, for messages.
        entries: the plain data of the file.
        objects: names of all objects, which references must be among.
        languages: values of the ``Language`` field of data translations.

    Returns:
        The fields, and what is wrong with the entries.
    """
    fields: list[Field] = []
    problems: list[str] = []
    for entry in entries:
        where = f"{sobject}.{entry['name']}"
        if "type" not in entry:
            problems.append(f"{where}: a new field needs a type")
            continue
        problems += [f"{where}: {text}" for text in _wrong(entry, objects)]
        made = _make(entry)
        if sobject.endswith("DataTranslation") and made.name == "Language":
            made = replace(made, values=tuple(PicklistValue(code, code) for code in languages))
        fields.append(made)
        if entry["type"] == "location":
            fields += _coordinates(made)
    return fields, problems


def _wrong(entry: Mapping[str, Any], objects: Collection[str]) -> list[str]:
    kind = entry["type"]
    problems = [
        f"references {name}, which is not an object"
        for name in entry.get("references", ())
        if name != "*" and name not in objects
    ]
    if kind == "reference" and not entry.get("references"):
        problems.append("a reference needs `references`")
    if entry.get("externalId") and kind not in EXTERNAL_ID_TYPES:
        problems.append(f"a {kind} cannot be an external id; use {', '.join(sorted(EXTERNAL_ID_TYPES))}")
    if entry.get("scale", 0) > entry.get("precision", 18):
        problems.append("`scale` is larger than `precision`")
    if entry.get("length") and kind not in LENGTHS:
        problems.append(f"a {kind} has no length")
    return problems


def _make(entry: Mapping[str, Any]) -> Field:
    kind = entry["type"]
    read_only = entry.get("readOnly", False) or "formula" in entry or kind in {"autonumber", "location", "id"}
    boolean = kind == "boolean"
    values = tuple(_values(entry.get("values", ())))
    chosen = next((item.value for item in values if item.default), None)
    default = entry.get("default", False if boolean else chosen)
    master = entry.get("masterDetail", False)
    required = entry.get("required", False) or master
    custom = entry["name"].endswith("__c")
    stored = {"longtextarea": "textarea", "richtextarea": "textarea", "autonumber": "string"}.get(kind, kind)
    length = 0 if kind not in LENGTHS else entry.get("length", LENGTHS[kind])
    return Field(
        name=entry["name"],
        label=entry.get("label") or entry["name"].removesuffix("__c").replace("_", " "),
        type=stored,
        length=length,
        precision=entry.get("precision", 18) if kind in {"double", "percent", "currency"} else 0,
        scale=entry.get("scale", 2 if kind == "currency" else 0),
        nillable=not (required or boolean or kind == "autonumber"),
        createable=not read_only,
        updateable=not (read_only or master or entry.get("createOnly", False)),
        defaulted=default is not None or kind == "autonumber",
        default=default,
        external_id=entry.get("externalId", False),
        unique=entry.get("unique", False),
        case_sensitive=entry.get("caseSensitive", False),
        id_lookup=entry.get("idLookup", False) or entry.get("externalId", False),
        values=values,
        restricted=entry.get("restricted", False),
        references=tuple(entry.get("references", ())),
        relationship=_relationship(entry) if kind == "reference" else "",
        child_relationship=entry.get("childRelationship", ""),
        master_detail=master,
        on_delete=entry.get("onDelete") or ("cascade" if master else "restrict" if required else "clear"),
        formula=entry.get("formula", ""),
        auto_format=entry.get("format", "{0}") if kind == "autonumber" else "",
        html=kind == "richtextarea",
        extra_type={"textarea": "plaintextarea", "longtextarea": "plaintextarea", "richtextarea": "richtextarea"}.get(
            kind
        ),
        filterable=entry.get("filterable", stored != "textarea" or length <= 255)
        and kind not in {"base64", "encryptedstring"},
        name_field=entry.get("nameField", False),
        translatable=entry.get("translatable", False),
        compound="" if kind != "location" else entry["name"],
        help=entry.get("help") if custom else None,
        value_set=entry.get("valueSet", ""),
    )


def _values(entries: Iterable[str | Mapping[str, Any]]) -> Iterable[PicklistValue]:
    for entry in entries:
        if isinstance(entry, str):
            yield PicklistValue(entry, entry)
        else:
            value = entry["value"]
            yield PicklistValue(
                value, entry.get("label", value), entry.get("active", True), entry.get("default", False)
            )


def _relationship(entry: Mapping[str, Any]) -> str:
    if entry.get("relationship"):
        return str(entry["relationship"])
    name = str(entry["name"])
    return f"{name.removesuffix('__c')}__r" if name.endswith("__c") else name.removesuffix("Id")


def _coordinates(location: Field) -> list[Field]:
    stem = location.name.removesuffix("__c")
    return [
        Field(
            f"{stem}__{part}__s", f"{location.label} ({part})", "double", precision=18, scale=15, compound=location.name
        )
        for part in ("Latitude", "Longitude")
    ]
