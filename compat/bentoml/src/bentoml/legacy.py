"""Services of BentoML 1.0 to 1.3, and servers that a script starts."""

from bentoml.runners.declaration import Service
from bentoml.runners.runnable import Runnable
from bentoml.runners.runner import Runner
from bentoml.runners.server import GrpcServer, HTTPServer
from bentoml.runners.strategy import DefaultStrategy, Resource, Strategy

__all__ = ["DefaultStrategy", "GrpcServer", "HTTPServer", "Resource", "Runnable", "Runner", "Service", "Strategy"]
