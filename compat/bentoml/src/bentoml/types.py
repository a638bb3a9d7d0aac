"""The types that 0.13 passes to and takes from inference APIs."""

from bentoml.bundles.tasks import (
    AwsLambdaEvent,
    FileLike,
    HTTPHeaders,
    HTTPRequest,
    InferenceError,
    InferenceResult,
    InferenceTask,
    JsonSerializable,
)

__all__ = [
    "AwsLambdaEvent",
    "FileLike",
    "HTTPHeaders",
    "HTTPRequest",
    "InferenceError",
    "InferenceResult",
    "InferenceTask",
    "JsonSerializable",
]
