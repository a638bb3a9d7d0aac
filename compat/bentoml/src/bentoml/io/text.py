"""Text, whole or in pieces.

In: a body of any content type, in the charset that it names. Out: text; a generator's pieces leave as they are.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from bentoml.exceptions import InvalidArgument
from bentoml.io.base import IODescriptor
from bentoml.io.notes import Described, hint_of
from ekiben.schema.content import Upload
from ekiben.schema.values.record import RecordLeaf
from ekiben.schema.wire import text as wire_text
from ekiben.schema.words import named
from ekiben.validators import ContentType


@dataclass(frozen=True, slots=True)
class TextLeaf(RecordLeaf):
    """Text that is the whole body, or a part of a form."""

    kind: str = "text"
    media_types: tuple[str, ...] = ("text/plain", "*/*")
    examples: tuple[str, ...] = ()
    is_whole: bool = True

    def schema(self) -> dict[str, Any]:
        """Describe text."""
        return {"type": "string", **({"examples": list(self.examples)} if self.examples else {})}

    def decode(self, raw: Any) -> str:
        """Give the text; raises ValueError."""
        if isinstance(raw, Upload):
            return wire_text.decode(raw.read(), raw.media_type)
        if isinstance(raw, str):
            return raw
        raise ValueError(f"must be text, not {named(raw)}")


class Text(IODescriptor[str], descriptor_id="bentoml.io.Text"):
    """Describes text.

    Args:
        content_type: of an answer, and of what the documents ask for; `text/event-stream` for events.

    Raises:
        InvalidArgument: it is no media type of text.
    """

    def __init__(self, content_type: Any = "text/plain") -> None:
        if not isinstance(content_type, str) or "/" not in content_type:
            raise InvalidArgument(f"`content_type` must be a media type, such as 'text/plain': {content_type!r}")
        self._content_type = content_type

    def _input_hint(self) -> Any:
        examples = () if self.sample is None else (self.sample,)
        return hint_of(TextLeaf(media_types=(self._content_type, "*/*"), examples=examples))

    def _output_hint(self) -> Any:
        hint = Annotated[str, ContentType(self._content_type)]
        return hint if self.sample is None else Annotated[hint, Described({"examples": [self.sample]})]

    def input_type(self) -> Any:
        """Give `str`."""
        return str

    def openapi_example(self) -> Any:
        """Give the sample."""
        return self.sample

    def _from_sample(self, sample: Any) -> str:
        found = sample.decode() if isinstance(sample, bytes) else sample
        if not isinstance(found, str):
            raise InvalidArgument(f"a sample of `Text` must be text or bytes of it: {type(sample).__name__}")
        return found

    def _spec_args(self) -> dict[str, Any]:
        return {"content_type": self._content_type}
