"""The cut description: whole, true to its routes, and made the same each time."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("openapi_core")

from openapi_core import OpenAPI

from bot.localhub import cut
from bot.localhub.check import TARGET, Description
from bot.localhub.routing import ROUTES
from tito.errors import TitoError, UsageError

SOURCE = {
    "openapi": "3.0.3",
    "info": {"version": "1.2.3", "description": "long"},
    "servers": [{"url": "https://api.github.com"}],
    "paths": {
        "/a/{ref}": {
            "get": {
                "summary": "prose",
                "x-github": {"category": "a"},
                "parameters": [
                    {
                        "name": "ref",
                        "in": "path",
                        "required": True,
                        "description": "prose",
                        "schema": {"type": "string", "enum": ["description"]},
                        "x-multi-segment": True,
                    }
                ],
                "responses": {
                    "200": {
                        "description": "prose",
                        "content": {
                            "application/json": {
                                "schema": {"$ref": "#/components/schemas/used"},
                                "examples": {"a": {"$ref": "#/components/examples/gone"}},
                            }
                        },
                    },
                    "204": {"description": "prose"},
                    "404": {"$ref": "#/components/responses/not_found"},
                },
            },
            "delete": {"responses": {"204": {"description": "prose"}}},
        },
        "/b": {"get": {"responses": {}}},
    },
    "components": {
        "schemas": {
            "used": {
                "title": "Used",
                "type": "object",
                "properties": {
                    "title": {"type": "string", "description": "prose"},
                    "properties": {"$ref": "#/components/schemas/inner"},
                    "examples": {"type": "array", "items": {"$ref": "#/components/schemas/used"}},
                },
                "required": ["title", "description"],
            },
            "inner": {"type": "string", "example": "x", "default": {"title": "kept"}},
            "unused": {"type": "string"},
        },
        "responses": {"not_found": {"description": "prose"}, "unused": {"description": ""}},
    },
}


def test_only_what_the_routes_reach_is_kept_and_no_prose():
    found = cut.cut(SOURCE, [("GET", "/a/{ref}")])
    assert list(found["paths"]) == ["/a/{ref}"]
    operation = found["paths"]["/a/{ref}"]["get"]
    assert found["paths"]["/a/{ref}"].keys() == {"get"}
    assert operation.keys() == {"parameters", "responses"}
    assert operation["parameters"] == [
        {
            "name": "ref",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "enum": ["description"]},
            "x-multi-segment": True,
        }
    ]
    assert operation["responses"]["204"] == {"description": ""}
    assert operation["responses"]["404"] == {"$ref": "#/components/responses/not_found"}
    assert found["components"]["responses"] == {"not_found": {"description": ""}}
    schemas = found["components"]["schemas"]
    assert schemas.keys() == {"used", "inner"}
    assert schemas["used"]["properties"].keys() == {"title", "properties", "examples"}
    assert schemas["used"]["required"] == ["title", "description"]
    assert schemas["inner"] == {"type": "string", "default": {"title": "kept"}}
    assert "prose" not in json.dumps(found)


def test_a_route_that_is_not_described_is_named():
    with pytest.raises(TitoError, match="does not describe PUT /b"):
        cut.cut(SOURCE, [("PUT", "/b")])


def test_the_bytes_depend_on_nothing_but_the_source():
    there = cut.encoded(cut.cut(SOURCE, [("GET", "/a/{ref}"), ("GET", "/b")]))
    back = cut.encoded(cut.cut(SOURCE, [("GET", "/b"), ("GET", "/a/{ref}")]))
    assert there == back
    assert json.loads(there) == cut.cut(SOURCE, [("GET", "/b"), ("GET", "/a/{ref}")])


def test_the_script_writes_the_file(tmp_path):
    source, target = tmp_path / "source.json", tmp_path / "api.json"
    # The cut description is a description: cutting it again must change nothing.
    source.write_bytes(TARGET.read_bytes())
    cut.main([str(source)], target)
    assert target.read_bytes() == TARGET.read_bytes()
    with pytest.raises(UsageError, match="one file"):
        cut.main([])


def test_the_description_is_valid_and_closed():
    document = json.loads(TARGET.read_text())
    OpenAPI.from_dict(document)
    named = {
        f"#/components/{kind}/{name}"
        for kind, members in document["components"].items()
        for name in members
    }
    assert set(cut.references(document)) == named


def test_the_description_holds_exactly_the_routes():
    assert Description().operations() == set(ROUTES)


def test_the_description_says_where_it_is_from_and_stays_small():
    source = json.loads(TARGET.read_text())["info"]["x-source"]
    assert source == {
        "package": "@octokit/openapi",
        "file": "generated/api.github.com.json",
        "licence": "MIT",
        "version": "23.0.2",
    }
    assert TARGET.stat().st_size < 180_000
