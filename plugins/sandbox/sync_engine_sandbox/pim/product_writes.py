"""Writing products and product models (CONTRACTS A4: what merges, what replaces, what is refused)."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from sync_engine_sandbox.pim.calls import ApiCall, Reply, batch, written
from sync_engine_sandbox.pim.errors import invalid, not_found, php_type, refused, unexpected, unknown_property
from sync_engine_sandbox.pim.products import by_identifier
from sync_engine_sandbox.pim.state import PimState, empty_associations, empty_product
from sync_engine_sandbox.pim.value_writes import merge_values
from sync_engine_sandbox.pim.values import inherit, level_attributes, model_level, spread

Json = dict[str, Any]
_SHARED = {"categories", "values", "parent", "associations", "quantified_associations"}
_PRODUCT = _SHARED | {"uuid", "identifier", "enabled", "family", "groups", "add_categories", "remove_categories"}
_MODEL = _SHARED | {"code", "family", "family_variant", "add_categories", "remove_categories"}
_READ_ONLY = {"created", "updated", "metadata", "quality_scores", "completenesses", "root_parent"}


def post_product(call: ApiCall) -> Reply:
    """Create a product; the uuid may be given."""
    body = call.object()
    uuid = body.get("uuid") or str(uuid4())
    if call.state.products.get(str(uuid)) is not None:
        raise invalid({"property": "uuid", "message": f"The {uuid} uuid is already used for another product."})
    patch_product(call.state, _valid_uuid(uuid), body)
    return written(f"products-uuid/{uuid}", created=True)


def patch_by_uuid(call: ApiCall) -> Reply:
    """Change one product, or create it under the given uuid."""
    created = patch_product(call.state, _valid_uuid(call.keys["uuid"]), call.object())
    return written(call.path, created=created)


def batch_by_uuid(call: ApiCall) -> Reply:
    """Change or create one product a line."""
    return batch(
        call.body,
        "uuid",
        lambda uuid, body: 201 if patch_product(call.state, _valid_uuid(uuid), body) else 204,
    )


def delete_by_uuid(call: ApiCall) -> Reply:
    """Delete one product."""
    if call.state.products.get(call.keys["uuid"]) is None:
        raise not_found(call.keys["uuid"])
    call.state.delete_product(call.keys["uuid"])
    return Reply(status=204)


def post_by_identifier(call: ApiCall) -> Reply:
    """Create a product under its main identifier."""
    body = call.object()
    identifier = body.get("identifier")
    if not isinstance(identifier, str) or not identifier:
        raise invalid({"property": "identifier", "message": "The identifier attribute cannot be empty."})
    if by_identifier(call.state, identifier) is not None:
        raise _taken(identifier)
    _patch_identifier(call.state, identifier, body)
    return written(f"products/{identifier}", created=True)


def patch_by_identifier(call: ApiCall) -> Reply:
    """Change one product by its main identifier, or create it."""
    return written(call.path, created=_patch_identifier(call.state, call.keys["identifier"], call.object()))


def batch_by_identifier(call: ApiCall) -> Reply:
    """Change or create one product a line."""
    return batch(call.body, "identifier", lambda name, body: 201 if _patch_identifier(call.state, name, body) else 204)


def delete_by_identifier(call: ApiCall) -> Reply:
    """Delete one product by its main identifier."""
    product = by_identifier(call.state, call.keys["identifier"])
    if product is None:
        raise not_found(call.keys["identifier"])
    call.state.delete_product(product["uuid"])
    return Reply(status=204)


def post_model(call: ApiCall) -> Reply:
    """Create a product model."""
    body = call.object()
    code = body.get("code")
    if not isinstance(code, str) or not code:
        raise invalid({"property": "code", "message": "The product model code must not be empty."})
    if call.state.models.get(code) is not None:
        raise invalid({"property": "code", "message": "The same identifier is already set on another product model."})
    patch_model(call.state, code, body)
    return written(f"product-models/{code}", created=True)


def patch_one_model(call: ApiCall) -> Reply:
    """Change one product model, or create it."""
    return written(call.path, created=patch_model(call.state, call.keys["code"], call.object()))


def batch_models(call: ApiCall) -> Reply:
    """Change or create one product model a line."""
    return batch(call.body, "code", lambda code, body: 201 if patch_model(call.state, code, body) else 204)


def delete_model(call: ApiCall) -> Reply:
    """Delete one product model and everything below it."""
    if call.state.models.get(call.keys["code"]) is None:
        raise not_found(call.keys["code"])
    _delete_tree(call.state, call.keys["code"])
    return Reply(status=204)


def patch_product(state: PimState, uuid: str, body: Json) -> bool:
    """Merge a body into a product, or create the product.

    Returns:
        Whether it was created.

    Raises:
        ApiError: 422, the body breaks a rule; nothing is written.
    """
    _check_names(body, _PRODUCT)
    if body.get("uuid", uuid) != uuid:
        given = body["uuid"]
        raise refused(
            f'The uuid "{given}" provided in the request body must match the uuid "{uuid}" provided in the url.'
        )
    before = state.products.get(uuid)
    product = dict(before or empty_product(state, uuid))
    if "enabled" in body:
        if not isinstance(body["enabled"], bool):
            raise unexpected(f'Property "enabled" expects a boolean as data, "{php_type(body["enabled"])}" given.')
        product["enabled"] = body["enabled"]
    for name in ("family", "parent"):
        if name in body:
            product[name] = body[name]
    parent = _parent(state, product)
    if parent is not None:
        product["family"] = parent["family"]
    if product["family"] is not None and product["family"] not in state.table("families"):
        raise unexpected(f"The {product['family']} family does not exist in your PIM.")
    if "groups" in body:
        product["groups"] = sorted(_codes(state, "groups", body["groups"], "groups"))
    _merge_shared(state, product, body, parent, before)
    _check_identifier(state, product)
    if product == before:
        return False
    state.save_product({**product, "updated": state.now_text()})
    return before is None


def patch_model(state: PimState, code: str, body: Json) -> bool:
    """Merge a body into a product model, or create it; its descendants inherit what changed.

    Returns:
        Whether it was created.

    Raises:
        ApiError: 422, the body breaks a rule; nothing is written.
    """
    _check_names(body, _MODEL)
    if body.get("code", code) != code:
        raise refused(
            f'The code "{body["code"]}" provided in the request body must match the code "{code}" provided in the url.'
        )
    before = state.models.get(code)
    model = dict(before or _empty_model(state, code))
    for name in ("family", "family_variant", "parent"):
        if name in body and before is not None and body[name] != before[name]:
            raise invalid({"property": name, "message": f'Property "{name}" cannot be modified, "{body[name]}" given.'})
        if name in body:
            model[name] = body[name]
    parent = _parent(state, model)
    if parent is not None:
        model["family"] = parent["family"]
    owner = _variant_family(state, model["family_variant"])
    if owner is None:
        raise unexpected(f"The {model['family_variant']} family variant does not exist in your PIM.")
    model["family"] = owner
    _merge_shared(state, model, body, parent, before)
    if model == before:
        return False
    model["updated"] = state.now_text()
    state.save_model(model)
    if before is not None:
        spread(state, before, model)
    return before is None


def _patch_identifier(state: PimState, identifier: str, body: Json) -> bool:
    product = by_identifier(state, identifier)
    uuid = product["uuid"] if product else body.get("uuid") or str(uuid4())
    renamed = body.get("identifier") or identifier
    entry = {"locale": None, "scope": None, "data": renamed}
    values = {**(body.get("values") or {}), state.main_identifier(): [entry]}
    rest = {name: value for name, value in body.items() if name not in {"identifier", "uuid"}}
    return patch_product(state, uuid, {**rest, "values": values, **_uuids(state, rest)})


def _uuids(state: PimState, body: Json) -> Json:
    """Associations that name products by identifier, by uuid in their place."""
    if not isinstance(body.get("associations"), dict):
        return {}
    changed = {}
    for kind, sides in body["associations"].items():
        if isinstance(sides, dict) and isinstance(sides.get("products"), list):
            found = [(name, by_identifier(state, str(name))) for name in sides["products"]]
            for name, product in found:
                if product is None:
                    raise unexpected(f"The {name} product does not exist in your PIM.")
            sides = {**sides, "products": [product["uuid"] for _, product in found if product]}
        changed[kind] = sides
    return {"associations": changed}


def _merge_shared(state: PimState, entity: Json, body: Json, parent: Json | None, before: Json | None) -> None:
    """Values, categories and associations; what a parent gives is neither written nor lost."""
    if "values" in body:
        values = merge_values(state, entity["values"], body["values"])
        entity["values"] = values
    inherited = set(parent["categories"]) if parent else set()
    if "categories" in body:
        entity["categories"] = sorted(set(_codes(state, "categories", body["categories"], "category")) | inherited)
    if "add_categories" in body:
        added = _codes(state, "categories", body["add_categories"], "category")
        entity["categories"] = sorted({*entity["categories"], *added})
    if "remove_categories" in body:
        gone = set(_codes(state, "categories", body["remove_categories"], "category")) - inherited
        entity["categories"] = sorted(set(entity["categories"]) - gone)
    if parent is not None:
        held = level_attributes(state, entity["family"], parent["family_variant"], model_level(state, parent))
        old = state.models.get(before["parent"]) if before and before["parent"] else None
        entity.update(inherit(entity, old, parent, held))
    for name in ("associations", "quantified_associations"):
        if name in body:
            entity[name] = _merge_sides(name, entity[name], body[name])


def _merge_sides(name: str, current: Json, body: Any) -> Json:
    if body == []:
        return current
    if not isinstance(body, dict):
        raise unexpected(f'Property "{name}" expects an array as data, "{php_type(body)}" given.')
    result = dict(current)
    for kind, sides in body.items():
        if not isinstance(sides, dict):
            raise unexpected(f'Property "{name}" expects an array as data, "{php_type(sides)}" given.')
        result[kind] = {**current.get(kind, {}), **sides}
    return result


def _codes(state: PimState, table: str, value: Any, label: str) -> list[str]:
    if not isinstance(value, list):
        raise unexpected(f'Property "{table}" expects an array as data, "{php_type(value)}" given.')
    for code in value:
        if code not in state.table(table):
            raise unexpected(f"The {code} {label} does not exist in your PIM.")
    return value


def _parent(state: PimState, entity: Json) -> Json | None:
    if entity["parent"] is None:
        return None
    parent = state.models.get(str(entity["parent"]))
    if parent is None:
        raise unexpected(f'Property "parent" expects a valid parent code. The {entity["parent"]} does not exist.')
    return parent


def _variant_family(state: PimState, variant: Any) -> str | None:
    tables = ((name, rows) for name, rows in state.tables.items() if name[0] == "family-variants")
    return next((name[1] for name, rows in tables if variant in rows), None)


def _check_names(body: Json, known: set[str]) -> None:
    for name in body:
        if name not in known and name not in _READ_ONLY:
            raise unknown_property(name)


def _check_identifier(state: PimState, product: Json) -> None:
    identifier = state.identifier_of(product)
    holder = by_identifier(state, identifier) if identifier else None
    if identifier and holder is not None and holder["uuid"] != product["uuid"]:
        raise _taken(identifier)


def _taken(identifier: str) -> Exception:
    message = f"The {identifier} identifier is already used for another product."
    return invalid({"property": "identifier", "message": message})


def _valid_uuid(text: Any) -> str:
    try:
        return str(UUID(text))
    except (TypeError, ValueError, AttributeError):
        raise refused(f'The uuid "{text}" is not valid.') from None


def _empty_model(state: PimState, code: str) -> Json:
    now = state.now_text()
    return {
        "code": code,
        "family": None,
        "family_variant": None,
        "parent": None,
        "categories": [],
        "values": {},
        "created": now,
        "updated": now,
        "associations": empty_associations(state),
        "quantified_associations": {},
    }


def _delete_tree(state: PimState, code: str) -> None:
    for child in state.models.children_of(code):
        _delete_tree(state, child)
    for uuid in state.products.children_of(code):
        state.delete_product(uuid)
    state.models.remove(code)
