"""The artifacts that need no library, where 0.13 kept them."""

from bentoml.bundles.plain import JSONArtifact, PickleArtifact, TextFileArtifact

__all__ = ["JSONArtifact", "PickleArtifact", "TextFileArtifact"]
