"""Refuse blocks of Gluon, and say why."""

from bentoml.refusals import OWN_ARTIFACT, Refused

__all__ = ["GluonModelArtifact"]

GluonModelArtifact = Refused(
    "frameworks.gluon.GluonModelArtifact", "MXNet, which Gluon is part of, was retired in 2023", OWN_ARTIFACT
)
