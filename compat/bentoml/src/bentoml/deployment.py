"""Refuse `bentoml.deployment`, which is not there, with what to write instead."""

from bentoml.refusals import refuser

__all__: list[str] = []

__getattr__ = refuser("deployment")
