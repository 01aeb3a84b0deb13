"""The configuration: what is in force, whether another would do, and its routes."""

import asyncio
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request

from bridge.api.context import PartsGiven
from bridge.api.models import ConfigText, Items, RouteView

router = APIRouter(tags=["configuration"])

_YAML_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/yaml": {"schema": {"type": "string"}}},
    }
}


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
    config = parts.describe_config()
    sources = [source["name"] for source in config["sources"]]
    sinks = [sink["name"] for sink in config["sinks"]]
    everything: Mapping[str, Any] = {"name": "all", "filters": []}
    return Items(
        items=[
            RouteView(
                name=route["name"],
                sources=route.get("sources") or sources,
                filters=route["filters"],
                sinks=route.get("sinks") or sinks,
                implicit=route is everything,
            )
            for route in config["routes"] or [everything]
        ]
    )
