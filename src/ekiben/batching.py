"""Decide yourself when batches leave, by the option `policy` of `@api`."""

from ekiben.core.spec import BatchSpec
from ekiben.engine.policy import Adaptive, Cost, Moment, Policy

__all__ = ["Adaptive", "BatchSpec", "Cost", "Moment", "Policy"]
