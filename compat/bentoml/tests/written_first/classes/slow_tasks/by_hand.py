# Shows: the same over plain HTTP. 2026-11-21, written before the translator was read.
import sys
import time

import httpx

with httpx.Client(base_url=sys.argv[1]) as http:
    made = http.post("/report/submit", json={"title": "by hand"})
    task = made.json()["task_id"]
    print(made.json()["status"])
    while http.get("/report/status", params={"task_id": task}).json()["status"] == "in_progress":
        time.sleep(0.05)
    print(http.get("/report/get", params={"task_id": task}).json())
    print(http.get("/report/status", params={"task_id": "nobody"}).status_code)
    again = http.post("/report/retry", params={"task_id": task}).json()["task_id"]
    print(again != task)

    wrong = http.post("/v1/refuse/submit", json={"why": "no paper"}).json()["task_id"]
    while http.get("/v1/refuse/status", params={"task_id": wrong}).json()["status"] == "in_progress":
        time.sleep(0.05)
    answer = http.get("/v1/refuse/get", params={"task_id": wrong})
    print(answer.status_code, "no paper" in answer.text)
