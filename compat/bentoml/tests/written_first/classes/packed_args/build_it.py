# Shows: a build from Python, with arguments. 2026-11-21, written before the translator was read.
import bentoml

bento = bentoml.bentos.build("service:Greeter", name="greeter", version="from-python", args={"greeting": "hola"})
print(bento.tag)
print(bentoml.bentos.get("greeter:from-python").info.name)
