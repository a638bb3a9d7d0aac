# Shows: ImageInput with pilmode and accepted formats, MultiImageInput with two names, JSONArtifact.
# 2026-11-21, written before the translator was read.
import numpy as np
from bentoml import BentoService, api, artifacts, env
from bentoml.adapters import ImageInput, MultiImageInput
from bentoml.service.artifacts.common import JSONArtifact


@env(pip_packages=["numpy", "imageio", "pillow"])
@artifacts([JSONArtifact("names")])
class PhotoSorter(BentoService):
    @api(input=ImageInput(pilmode="L", accept_image_formats=[".png", ".jpg"]), batch=False)
    def day_or_night(self, image):
        pixels = np.asarray(image)
        name = self.artifacts.names[int(pixels.mean() > 127)]
        return {"shape": list(pixels.shape), "name": name}

    @api(input=ImageInput(), batch=True)
    def channels(self, images):
        return [np.asarray(image).shape[-1] for image in images]

    @api(input=MultiImageInput(input_names=("before", "after")), batch=True)
    def brighter(self, befores, afters):
        return [
            bool(np.asarray(after).mean() > np.asarray(before).mean()) for before, after in zip(befores, afters)
        ]
