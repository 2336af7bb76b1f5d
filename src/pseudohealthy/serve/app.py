"""The app: its page, what a refusal looks like, and the addresses of `routes`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from importlib import resources

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from pseudohealthy import __version__
from pseudohealthy.report.page import asset
from pseudohealthy.serve.answers import Problem, Refused
from pseudohealthy.serve.guard import Guard
from pseudohealthy.serve.jobs import Jobs
from pseudohealthy.serve.routes import Service, routes


def make_app(service: Service) -> FastAPI:
    """The application; its files are gone when it ends."""
    jobs = Jobs(service.work, service.folder, service.limits)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(jobs.close)

    app = FastAPI(
        title="pseudohealthy",
        version=__version__,
        description="Anomaly maps of brain MRI. Research software, not a medical device.",
        lifespan=lifespan,
        docs_url=None,  # both load their scripts from elsewhere
        redoc_url=None,
    )
    app.add_middleware(Guard, host=service.host)
    app.include_router(routes(service, jobs))
    _add_page(app)
    _add_refusals(app)
    return app


def _add_page(app: FastAPI) -> None:
    files = {
        "/": (_own("app.html"), "text/html"),
        "/app.js": (_own("app.js"), "text/javascript"),
        "/app.css": (asset("page.css") + _own("app.css"), "text/css"),
    }
    for path, (content, kind) in files.items():
        app.add_api_route(path, _always(content, kind), include_in_schema=False)


def _always(content: str, kind: str) -> Callable[[], Response]:
    def answer() -> Response:
        return Response(content, media_type=f"{kind}; charset=utf-8")

    return answer


def _add_refusals(app: FastAPI) -> None:
    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> JSONResponse:
        return _problem(error.status, error.problem)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = " ".join(str(part) for part in first["loc"])
        return _problem(
            422, Problem(f"{where}: {first['msg']}", "a request as /openapi.json describes it", "Correct it.")
        )

    @app.exception_handler(HTTPException)
    async def unknown(request: Request, error: HTTPException) -> JSONResponse:
        answer = _problem(error.status_code, Problem(str(error.detail), "an address of /openapi.json", "Correct it."))
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=400)  # nobody hears it


def _problem(status: int, problem: Problem) -> JSONResponse:
    return JSONResponse(asdict(problem), status, {"Retry-After": "30"} if status == 429 else {})


def _own(name: str) -> str:
    return resources.files(__package__).joinpath("assets", name).read_text(encoding="utf-8")
