"""Which path takes which verb (CONTRACTS A4), and the two calls that need no token."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

from sync_engine_sandbox.pim import app_catalog_calls, linked, media, product_writes, products, structure
from sync_engine_sandbox.pim.calls import COLLECTION, ApiCall, Handler, Reply, json_object
from sync_engine_sandbox.pim.paging import BASE

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
TOKEN = "/api/oauth/v1/token"  # noqa: S105 - a path


@dataclass(frozen=True, slots=True)
class Verb:
    """One method of one path.

    Args:
        handler: answers the call.
        accepts: the content types of its body; empty when there is no body.
        public: whether it needs no token.
        binary: whether it answers a file, so that every ``Accept`` is taken.
    """

    handler: Handler
    accepts: tuple[str, ...] = ()
    public: bool = False
    binary: bool = False


Verbs = dict[str, Verb]


def give_token(call: ApiCall) -> Reply:
    """The token endpoint, with a JSON or a form body."""
    if call.content_type.startswith(FORM):
        body = dict(parse_qsl(call.body.decode("utf-8", "replace")))
    else:
        body = json_object(call.body)
    return Reply(call.state.tokens.grant(call.authorization, body))


def root(call: ApiCall) -> Reply:
    """The root endpoint: every route by name."""
    routes = {
        f"pim_api_{path.removeprefix(BASE + '/')}": {"route": path, "methods": list(verbs)}
        for path, verbs in ROUTES.items()
        if path not in {BASE, TOKEN}
    }
    token = {"pim_api_authentication": {"route": TOKEN, "methods": ["POST"]}}
    return Reply({"host": call.host, "authentication": token, "routes": routes})


def system_information(call: ApiCall) -> Reply:
    """Version and edition."""
    return Reply({"version": call.state.settings.version, "edition": call.state.settings.edition})


def _writes(resource: structure.Resource) -> dict[str, Verbs]:
    return {
        resource.path: {
            "GET": Verb(structure.lister(resource)),
            "POST": Verb(structure.poster(resource), (JSON,)),
            "PATCH": Verb(structure.batcher(resource), (COLLECTION,)),
        },
        f"{resource.path}/{{code}}": {
            "GET": Verb(structure.getter(resource)),
            "PATCH": Verb(structure.patcher(resource), (JSON,)),
        },
    }


def _reads(resource: structure.Resource) -> dict[str, Verbs]:
    return {
        resource.path: {"GET": Verb(structure.lister(resource))},
        f"{resource.path}/{{code}}": {"GET": Verb(structure.getter(resource))},
    }


def _linked(entity: linked.Entity) -> dict[str, Verbs]:
    one = f"{entity.path}/{{owner}}"
    options = f"{one}/attributes/{{attribute}}/options"
    items: Verbs = {
        "GET": Verb(linked.get_item(entity)),
        "PATCH": Verb(linked.patch_item(entity), (JSON,)),
        "DELETE": Verb(linked.delete_item(entity)),
    }
    return {
        entity.path: {"GET": Verb(linked.list_entities(entity))},
        one: {"GET": Verb(linked.get_entity(entity)), "PATCH": Verb(linked.patch_entity(entity), (JSON,))},
        f"{one}/attributes": {"GET": Verb(linked.list_attributes(entity))},
        f"{one}/attributes/{{attribute}}": {
            "GET": Verb(linked.get_attribute(entity)),
            "PATCH": Verb(linked.patch_part(entity, option=False), (JSON,)),
        },
        options: {"GET": Verb(linked.list_options(entity))},
        f"{options}/{{code}}": {
            "GET": Verb(linked.get_option(entity)),
            "PATCH": Verb(linked.patch_part(entity, option=True), (JSON,)),
        },
        f"{one}/{entity.items}": {
            "GET": Verb(linked.list_items(entity)),
            "PATCH": Verb(linked.patch_items(entity), (JSON,)),
        },
        f"{one}/{entity.items}/{{code}}": items,
        entity.media: {"POST": Verb(media.other_uploader(entity.media), (media.MULTIPART,))},
        f"{entity.media}/{{code:path}}": {"GET": Verb(media.download_other, binary=True)},
    }


def _products() -> dict[str, Verbs]:
    return {
        "products-uuid": {
            "GET": Verb(products.list_entities),
            "POST": Verb(product_writes.post_product, (JSON,)),
            "PATCH": Verb(product_writes.batch_by_uuid, (COLLECTION,)),
        },
        "products-uuid/search": {"POST": Verb(products.search_products, (JSON,))},
        "products-uuid/{uuid}": {
            "GET": Verb(products.get_product),
            "PATCH": Verb(product_writes.patch_by_uuid, (JSON,)),
            "DELETE": Verb(product_writes.delete_by_uuid),
        },
        "products": {
            "GET": Verb(products.list_entities),
            "POST": Verb(product_writes.post_by_identifier, (JSON,)),
            "PATCH": Verb(product_writes.batch_by_identifier, (COLLECTION,)),
        },
        "products/{identifier:path}": {
            "GET": Verb(products.get_by_identifier),
            "PATCH": Verb(product_writes.patch_by_identifier, (JSON,)),
            "DELETE": Verb(product_writes.delete_by_identifier),
        },
        "product-models": {
            "GET": Verb(products.list_entities),
            "POST": Verb(product_writes.post_model, (JSON,)),
            "PATCH": Verb(product_writes.batch_models, (COLLECTION,)),
        },
        "product-models/{code:path}": {
            "GET": Verb(products.get_model),
            "PATCH": Verb(product_writes.patch_one_model, (JSON,)),
            "DELETE": Verb(product_writes.delete_model),
        },
    }


def _app_catalogs() -> dict[str, Verbs]:
    calls, one = app_catalog_calls, "catalogs/{id}"
    return {
        "catalogs": {"GET": Verb(calls.list_catalogs), "POST": Verb(calls.post_catalog, (JSON,))},
        one: {
            "GET": Verb(calls.get_catalog),
            "PATCH": Verb(calls.patch_catalog, (JSON,)),
            "DELETE": Verb(calls.delete_catalog),
        },
        f"{one}/duplicate": {"POST": Verb(calls.duplicate_catalog)},
        f"{one}/product-uuids": {"GET": Verb(calls.list_uuids)},
        f"{one}/products": {"GET": Verb(calls.list_products)},
        f"{one}/products/{{uuid}}": {"GET": Verb(calls.get_product)},
        f"{one}/mapped-products": {"GET": Verb(calls.list_mapped)},
        f"{one}/mapped-products/{{uuid}}": {"GET": Verb(calls.get_mapped)},
        f"{one}/mapping-schemas/product": {
            "GET": Verb(calls.get_schema),
            "PUT": Verb(calls.put_schema, (JSON,)),
            "DELETE": Verb(calls.delete_schema),
        },
    }


def _media() -> dict[str, Verbs]:
    return {
        "media-files": {"GET": Verb(media.list_files), "POST": Verb(media.upload_file, (media.MULTIPART,))},
        "media-files/{code:path}/download": {"GET": Verb(media.download_file, binary=True)},
        "media-files/{code:path}": {"GET": Verb(media.get_file)},
        "category-media-files/{code:path}/download": {"GET": Verb(media.download_other, binary=True)},
    }


def _all() -> dict[str, Verbs]:
    below: dict[str, Verbs] = {
        "system-information": {"GET": Verb(system_information, public=True)},
        **_products(),
        **_media(),
        **_app_catalogs(),
        "measurement-families": {
            "GET": Verb(structure.list_measurements),
            "PATCH": Verb(structure.write_measurements, (JSON,)),
        },
    }
    for resource in structure.WRITABLE:
        below |= _writes(resource)
    for resource in structure.READABLE:
        below |= _reads(resource)
    for entity in (linked.RECORDS, linked.ASSETS):
        below |= _linked(entity)
    return {
        TOKEN: {"POST": Verb(give_token, (JSON, FORM), public=True)},
        BASE: {"GET": Verb(root, public=True)},
        **{f"{BASE}/{path}": verbs for path, verbs in below.items()},
    }


ROUTES = _all()
