"""HTML pages that need nothing but themselves, rendered from the templates beside this file; all text is escaped."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import jinja2


def render(template: str, **values: Any) -> str:
    """The page that the template file `template` makes of `values`; a value that it asks for and lacks is an error."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = files("q35.certify").joinpath(template).read_text(encoding="utf-8")
    return environment.from_string(text).render(**values)
