# Shows: what a caller does with a picture and with several parts in one answer.
# 2026-11-21, written before the translator was read.
import io
import sys

import requests
from PIL import Image

url = sys.argv[1]
with open("wide.png", "rb") as picture:
    answer = requests.post(url + "/turn", data=picture, headers={"Content-Type": "image/png"}, timeout=30)
turned = Image.open(io.BytesIO(answer.content))
print(answer.status_code, answer.headers["content-type"], turned.size)

parts = {"arr": (None, "[[1, 2], [3, 4]]", "application/json"), "name": (None, "sums", "text/plain")}
answer = requests.post(url + "/add_up", files=parts, timeout=30)
print(answer.status_code, answer.headers["content-type"].split(";")[0], "[4, 6]" in answer.text.replace(",6", ", 6"))
print("SUMS" in answer.text)
