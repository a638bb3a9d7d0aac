"""Text in the charset that its sender names.

In: bytes and their content type. Out: text. UTF-8 where no charset is named.
A name is looked up only where it is of a charset in use: Python's table of codecs holds others (unpackers, escapes),
and remembers each name that it was ever asked for.
Source: the labels of the Encoding standard (WHATWG); `charset` as in RFC 2046, 4.1.2.
"""

import re

KNOWN = re.compile(
    r"utf-?8|us-ascii|ascii|utf-?(16|32)(le|be)?|(iso-?8859-|latin-?)\d{1,2}|(windows-|cp)125[0-8]|cp(437|850|866|932|949)"
    r"|koi8-[ru]|shift[-_]jis|euc-(jp|kr)|iso-2022-jp|gb(k|2312|18030)|big5|macintosh",
    re.IGNORECASE,
)
UTF8 = "utf-8"


def charset_of(media_type: str) -> str:
    """Give the charset that a content type names; empty where it names none."""
    for parameter in media_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"')
    return ""


def decode(body: bytes, media_type: str = "") -> str:
    """Read text.

    Raises:
        ValueError: the charset is not known here, or the bytes are not of it.
    """
    named = charset_of(media_type) or UTF8
    if KNOWN.fullmatch(named) is None:
        raise ValueError(f"must be text in UTF-8, or in another charset that is known here, not {named[:40]!r}")
    try:
        return body.decode(named)
    except LookupError as error:
        raise ValueError(f"must be text in UTF-8, or in another charset that is known here, not {named!r}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"must be text in {named.upper()}") from error
