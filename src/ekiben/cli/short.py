"""Say in a few lines what is known of a bento.

In: a stored bento, also one that another version wrote. Out: plain data, for a screen: what it serves, what it holds,
where it lies. The whole of bento.yaml is `-o yaml`.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ekiben.cli.output import local_time, size

if TYPE_CHECKING:
    from ekiben.store.bentos import Bento


def short(bento: "Bento") -> dict[str, Any]:
    """Give what a person wants to know first; what there is nothing of is left out."""
    info, at = bento.info, bento.info.environment
    told = {
        "tag": str(bento.tag),
        "service": info.service,
        "description": info.description.strip().partition("\n")[0],
        "created": local_time(bento.creation_time),
        "labels": dict(info.labels),
        "endpoints": list(endpoints(info.services)),
        "models": [f"{each.tag} ({each.module})" if each.module else str(each.tag) for each in info.models],
        "python": ", ".join(str(at[key]) for key in ("python_version", "platform") if key in at),
        "size": size(bento.size),
        "digest": bento.digest,
        "path": str(bento.path),
    }
    return {key: value for key, value in told.items() if value}


def endpoints(services: tuple[Mapping[str, Any], ...]) -> Iterator[str]:
    """List what the entry service answers, each with its first line of words."""
    spec = plain(services[-1].get("spec")) if services else {}
    prefix = plain(spec.get("http")).get("path_prefix") or ""
    for each in map(plain, spec.get("endpoints") or ()):
        words = str(each.get("doc") or "").strip().partition("\n")[0]
        methods = "|".join(map(str, each.get("methods") or ("POST",)))
        yield f"{methods} {prefix}{each.get('route')}" + (f"  {words}" if words else "")


def plain(value: Any) -> Mapping[str, Any]:
    """Give a mapping, empty where something else stands in its place."""
    return value if isinstance(value, Mapping) else {}
