# Shows: two runners asked at the same time, custom objects of a model, text in and JSON out.
# 2026-11-21, written before the translator was read.
import asyncio

import bentoml
import numpy as np
from bentoml.io import JSON, Text

spam_model = bentoml.sklearn.get("spam:latest")
vectorizer = spam_model.custom_objects["vectorizer"]

spam_runner = spam_model.to_runner(name="spam_runner", max_batch_size=32, max_latency_ms=5000)
length_runner = bentoml.models.get("too_long:latest").to_runner()

svc = bentoml.Service("mail_filter", runners=[spam_runner, length_runner])


@svc.api(input=Text(), output=JSON())
async def check(mail: str) -> dict:
    words = vectorizer.transform([mail]).toarray()
    length = np.array([[len(mail)]], dtype=np.float32)
    chance, too_long = await asyncio.gather(
        spam_runner.predict_proba.async_run(words),
        length_runner.predict.async_run(length),
    )
    return {"spam": bool(chance[0][1] > 0.5), "too_long": bool(too_long[0] > 0.5), "chance": chance[0].round(1)}


@svc.api(input=Text(), output=Text())
def verdict(mail: str) -> str:
    label = spam_runner.predict.run(vectorizer.transform([mail]).toarray())[0]
    return "spam" if label else "ham"
