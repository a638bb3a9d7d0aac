"""What an artifact of one's own inherits from, where 0.13 kept it."""

from bentoml.bundles.artifact import BentoServiceArtifact
from bentoml.bundles.collection import ArtifactCollection

__all__ = ["ArtifactCollection", "BentoServiceArtifact"]
