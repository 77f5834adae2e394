"""The endpoints of Bulk API 2.0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from sync_engine_sandbox.crm import bulk
from sync_engine_sandbox.crm.errors import not_found, refuse
from sync_engine_sandbox.crm.multipart import read_parts
from sync_engine_sandbox.crm.server import Server, answer, json_object, version_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from sync_engine_sandbox.crm.bulk import Job

RESULTS = frozenset({"successfulresults", "failedresults", "unprocessedrecords"})
INLINE_MAX = 100_000
PAGE = 50_000


async def create_ingest(server: Server, request: Request) -> Response:
    """``POST /jobs/ingest``; with the data as a second part the job closes itself."""
    body = await request.body()
    content_type = request.headers.get("content-type", "")
    if not content_type.startswith("multipart/"):
        return answer(server.jobs.create("ingest", json_object(body), version_of(request)).info)
    parts = read_parts(content_type, body)
    if not {"job", "content"} <= parts.keys():
        raise refuse("INVALID_MULTIPART_REQUEST", "a multipart job needs the parts job and content")
    if len(parts["content"].content) > INLINE_MAX:
        raise refuse("EXCEEDED_MAX_SIZE_REQUEST", f"data in the request is limited to {INLINE_MAX} characters")
    job = server.jobs.create("ingest", json_object(parts["job"].content), version_of(request))
    server.jobs.upload(job, parts["content"].content)
    server.jobs.change_state(job, "UploadComplete")
    return answer(job.info)


async def upload(server: Server, request: Request) -> Response:
    """``PUT /jobs/ingest/{id}/batches``."""
    job = _job(server, request)
    if not request.headers.get("content-type", "").startswith("text/csv"):
        raise refuse("UNSUPPORTED_MEDIA_TYPE", "Unsupported content type, the data of a job is text/csv")
    server.jobs.upload(job, await request.body())
    return Response(status_code=201)


async def change(server: Server, request: Request) -> Response:
    """``PATCH /jobs/{kind}/{id}``: close or abort."""
    job = _job(server, request)
    server.jobs.change_state(job, json_object(await request.body()).get("state"))
    return answer(job.info)


async def poll(server: Server, request: Request) -> Response:
    """``GET /jobs/{kind}/{id}``."""
    return answer(bulk.described(_job(server, request)))


async def delete(server: Server, request: Request) -> Response:
    """``DELETE /jobs/{kind}/{id}``."""
    server.jobs.delete(_job(server, request))
    return Response(status_code=204)


async def every(server: Server, request: Request) -> Response:
    """``GET /jobs/{kind}``."""
    query = request.path_params["kind"] == "query"
    found = [
        bulk.described(job)
        for job in server.jobs.by_id.values()
        if (job.info["operation"] in {"query", "queryAll"}) == query
    ]
    return answer({"done": True, "records": found, "nextRecordsUrl": None})


async def results(server: Server, request: Request) -> Response:
    """``GET /jobs/ingest/{id}/{successfulResults|failedResults|unprocessedrecords}``."""
    job = _job(server, request)
    kind = request.path_params["result"].lower()
    if kind not in RESULTS:
        raise not_found()
    if job.state not in bulk.FINAL:
        raise refuse(
            "INVALIDJOBSTATE", f"Invalid Job State: the job is {job.state}, results are there when it is finished"
        )
    return Response(bulk.results(job, kind), media_type="text/csv")


async def create_query(server: Server, request: Request) -> Response:
    """``POST /jobs/query``."""
    job = server.jobs.create("query", json_object(await request.body()), version_of(request))
    server.jobs.drive(job)
    return answer({name: value for name, value in job.info.items() if name != "query"})


async def query_results(server: Server, request: Request) -> Response:
    """``GET /jobs/query/{id}/results``."""
    job = _job(server, request)
    if job.state != "JobComplete":
        raise refuse(
            "INVALIDJOBSTATE", f"Invalid Job State: the job is {job.state}, results are there when it is complete"
        )
    if float(version_of(request)) != job.info["apiVersion"]:
        raise refuse("API_ERROR", f"The job was created with API version {job.info['apiVersion']}", status=409)
    numbers = [request.query_params.get("locator", "0"), request.query_params.get("maxRecords", str(PAGE))]
    if not all(number.isdigit() for number in numbers):
        raise refuse("INVALID_QUERY_LOCATOR", "invalid query locator")
    text, count, locator = bulk.query_page(job, int(numbers[0]), int(numbers[1]))
    return Response(
        text, headers={"Sforce-Locator": locator, "Sforce-NumberOfRecords": str(count)}, media_type="text/csv"
    )


def _job(server: Server, request: Request) -> Job:
    return server.jobs.get(request.path_params.get("kind", "ingest"), request.path_params["id"])
