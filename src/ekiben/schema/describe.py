"""Write JSON Schemas (draft 2020-12) by pydantic, without its warnings.

In: a core schema. Out: a dict.
"""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind

from ekiben.schema.wire.json import plain


class Describer(GenerateJsonSchema):
    """Pydantic's generator, which leaves out a default that JSON cannot show."""

    ignored_warning_kinds: set[JsonSchemaWarningKind] = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012

    def encode_default(self, dft: Any) -> Any:
        """Show bytes as the base64 text that they are within JSON."""
        return plain(dft) if isinstance(dft, bytes | bytearray) else super().encode_default(dft)
