"""The environment that an artifact adds its packages to, where 0.13 kept it."""

from bentoml.bundles.environment import BentoServiceEnv

__all__ = ["BentoServiceEnv"]
