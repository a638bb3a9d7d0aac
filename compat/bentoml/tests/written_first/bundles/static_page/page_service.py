# Shows: static content, the older name of an input, GET as well as POST, the feedback route, names of the api.
# 2026-11-21, written before the translator was read.
from bentoml import BentoService, api, artifacts, env, ver, web_static_content
from bentoml.adapters import StringInput
from bentoml.handlers import JsonHandler
from bentoml.service.artifacts.common import TextFileArtifact


@web_static_content("./static")
@ver(major=1, minor=4)
@env(infer_pip_packages=True)
@artifacts([TextFileArtifact("greeting")])
class PageService(BentoService):
    """A service with a page of its own"""

    @api(input=JsonHandler(), batch=False)
    def greet(self, person):
        return {"words": "%s %s" % (self.artifacts.greeting, person["name"])}

    @api(input=StringInput(), batch=False)
    def shout(self, text):
        return {"words": text.upper()}
