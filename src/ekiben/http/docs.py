"""Show a service to people: Swagger UI, all of it from this server.

In: the service's name and version. Out: the page and its parts, for a policy that lets nothing else in (CSP).
Source: the distribution swagger-ui-bundle-v2, which ships Swagger UI's files; Content Security Policy (W3C).
"""

import html
import importlib.resources
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

MEDIA = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "png": "image/png"}
PARTS = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" type="image/png" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
START = b"""const page = document.getElementById("page");

function show(spec, token) {
  const ui = SwaggerUIBundle({
    spec: spec,
    dom_id: "#page",
    presets: [SwaggerUIBundle.presets.apis],
    deepLinking: true,
    displayRequestDuration: true,
    tryItOutEnabled: true,
    validatorUrl: null,
    onComplete: () => token && ui.preauthorizeApiKey("bearer", token),
  });
}

function ask(words) {
  const form = document.createElement("form");
  const label = document.createElement("label");
  const field = document.createElement("input");
  const button = document.createElement("button");
  label.textContent = words + " ";
  field.type = "password";
  field.name = "token";
  field.autocomplete = "off";
  button.textContent = "Show";
  label.append(field);
  form.append(label, button);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    load(field.value.trim());
  });
  page.replaceChildren(form);
  field.focus();
}

async function load(token) {
  const headers = token ? { authorization: "Bearer " + token } : {};
  const answer = await fetch(new URL("docs.json", document.baseURI), { headers });
  if (answer.status === 401) {
    ask(token ? "This token is unknown. Token:" : "This service asks for a token:");
  } else {
    show(await answer.json(), token);
  }
}

load("");
"""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the page."""

    content: bytes
    media_type: str
    headers: dict[str, str]


def page(name: str, version: str | None = None) -> Part:
    """Write the page of a service, with its version where one is to be shown.

    Addresses in it are relative, so that it works below any prefix.
    """
    title = name if not version else f"{name}:{version}"
    content = PAGE.format(title=html.escape(title)).encode()
    headers = {"content-security-policy": POLICY, "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
    return Part(content, "text/html; charset=utf-8", headers)


@cache
def part(name: str) -> Part:
    """Read one file of the page, by its name in `names`."""
    content = START if name == "start.js" else (assets() / name).read_bytes()
    headers = {"cache-control": "public, max-age=3600", "x-content-type-options": "nosniff"}
    return Part(content, MEDIA[name.rpartition(".")[2]], headers)


def names() -> tuple[str, ...]:
    """List the files of the page."""
    return (*PARTS, "start.js")


@cache
def assets() -> Path:
    """Find the newest Swagger UI; an older distribution may lie in the same folder."""
    vendor = Path(str(importlib.resources.files("swagger_ui_bundle"))) / "vendor"
    return max(vendor.glob("swagger-ui-*"), key=lambda path: [int(part) for part in re.findall(r"\d+", path.name)])
