"""Refuse the client of Yatai, and say what to use."""

from bentoml.refusals import OF_YATAI, Refused

__all__ = ["get_yatai_client"]

get_yatai_client = Refused("yatai.client.get_yatai_client", *OF_YATAI)
