"""Choose the form of an answer by what its caller accepts.

In: an `Accept` header, and the forms there are. Out: one of them, or None.
Source: RFC 9110, 12.5.1: the most specific range that fits a form gives its weight.
"""

from functools import lru_cache

from ekiben.schema.content import essence

FULL, PART, ANY = 3, 2, 1  # how specific a range is


@lru_cache(maxsize=256)
def choose(accepted: str, offers: tuple[str, ...]) -> str | None:
    """Give the first offer of the greatest weight; None where none is accepted."""
    ranges = [weighed(part) for part in accepted.split(",") if part.strip()]
    best, weight = None, 0.0
    for offer in offers:
        fits = [(rank(offer, media), q) for media, q in ranges if rank(offer, media)]
        given = max(fits)[1] if fits else 0.0
        if given > weight:
            best, weight = offer, given
    return best


def weighed(part: str) -> tuple[str, float]:
    """Split `text/csv;q=0.5` into type and weight; no number counts as no weight."""
    media, *parameters = part.split(";")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return essence(media), min(1.0, max(0.0, float(value)))
            except ValueError:
                return essence(media), 0.0
    return essence(media), 1.0


def rank(offer: str, media: str) -> int:
    """Say how specifically the range *media* names *offer*; 0 where it does not."""
    plain = essence(offer)
    if media == plain:
        return FULL
    if media.endswith("/*") and media != "*/*":
        return PART if plain.startswith(media[:-1]) else 0
    return ANY if media == "*/*" else 0
