"""Refuse blocks of Gluon, and say why."""

from bentoml.bundles.artifact import Gone

__all__ = ["GluonModelArtifact"]

GluonModelArtifact = Gone("GluonModelArtifact", "MXNet, which Gluon is part of, was retired in 2023")
