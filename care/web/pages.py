"""HTML pages: one Jinja environment that always escapes, and the headers every page has."""

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jinja2
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from care.web.guards import PAGE_POLICY

HERE = Path(__file__).parent


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(template: str, values: Mapping[str, Any], *, status: int = 200) -> HTMLResponse:
    """Return a rendered page; scripts cannot run on it."""
    html = _environment().get_template(template).render(values)
    return HTMLResponse(html, status, headers={"Content-Security-Policy": PAGE_POLICY})


class StyleSheets(StaticFiles):
    """Style sheets of ours and of Tabler, which the package `sqladmin` carries; kept by browsers for a day."""

    def __init__(self) -> None:
        found = find_spec("sqladmin")
        assert found is not None, "sqladmin is required"
        assert found.submodule_search_locations is not None
        tabler = Path(found.submodule_search_locations[0]) / "statics" / "css"
        super().__init__(directory=HERE / "static")
        self._tabler = StaticFiles(directory=tabler)

    async def get_response(self, path: str, scope: Scope) -> Any:
        """Return a style sheet; of Tabler's folder only its own one."""
        if path == "tabler.min.css":
            response = await self._tabler.get_response(path, scope)
        else:
            response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=86400"
        return response
