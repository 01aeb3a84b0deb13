"""The configuration: what is in force, whether another would do, and its routes."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request

from bridge.api.models import ApiModel, Items, PartsGiven

router = APIRouter(tags=["configuration"])

_YAML_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/yaml": {"schema": {"type": "string"}}},
    }
}


class ConfigText(ApiModel):
    """The faults of a configuration."""

    valid: bool
    """Whether the bridge would start with it."""

    problems: list[str]
    """A line for each fault: `file:line:column: key: what`."""


class RouteView(ApiModel):
    """Which events go where."""

    name: str
    sources: list[str]
    filters: list[dict[str, Any]]
    sinks: list[str]

    implicit: bool
    """Whether it stands for a configuration without routes: everything everywhere."""


@router.get("/config", summary="The effective configuration")
async def show_config(parts: PartsGiven) -> dict[str, Any]:
    """Return it with all defaults; secrets, userinfo and queries of URLs are hidden."""
    return dict(parts.describe_config())


@router.post(
    "/config/validate", summary="Check a configuration", openapi_extra=_YAML_BODY
)
async def validate_config(parts: PartsGiven, request: Request) -> ConfigText:
    """Return what is wrong with the YAML in the body; nothing changes."""
    with parts.checking.place():
        body = await request.body()
        try:
            text = body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            problem = f"expected UTF-8, got something else at byte {error.start}"
            return ConfigText(valid=False, problems=[problem])
        # A large document takes a second to read; deliveries go on meanwhile.
        async with parts.checking.turn:
            problems = await asyncio.to_thread(parts.check_config, text)
    return ConfigText(valid=not problems, problems=list(problems))


@router.get("/routes", summary="Which events go where")
async def list_routes(parts: PartsGiven) -> Items[RouteView]:
    """Return the routes with the names of all that they take and give."""
    sources, sinks = list(parts.sources), list(parts.store.health.sinks)
    configured = [
        RouteView(
            name=route.name,
            sources=sources if route.sources is None else list(route.sources),
            filters=[dict(one) for one in route.filters],
            sinks=sinks if route.sinks is None else list(route.sinks),
            implicit=False,
        )
        for route in parts.routes
    ]
    everything = RouteView(
        name="all", sources=sources, filters=[], sinks=sinks, implicit=True
    )
    return Items(items=configured or [everything])
