"""Pipelines of Diffusers travel as safetensors and JSON, and nothing is fetched."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ekiben.diffusers
import ekiben.models
from ekiben.core.errors import ConfigError, StoreError
from tests.libraries import later
from tests.servers import serving

torch: Any = later("torch")
diffusers: Any = later("diffusers")

pytestmark = [pytest.mark.heavy, pytest.mark.torch, pytest.mark.timeout(400), pytest.mark.filterwarnings("default")]

SAMPLE = {"batch_size": 1, "num_inference_steps": 2}


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def noise() -> Any:
    """Make a tiny pipeline that makes pictures of 8 by 8 from noise, untrained."""
    torch.manual_seed(5)
    unet = diffusers.UNet2DModel(
        sample_size=8, in_channels=3, out_channels=3, layers_per_block=1, block_out_channels=(8, 8), norm_num_groups=4,
        down_block_types=("DownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    pipeline = diffusers.DDPMPipeline(unet=unet, scheduler=diffusers.DDPMScheduler(num_train_timesteps=10))
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def draw(pipeline: Any) -> Any:
    """Draw a picture, always from the same noise."""
    return np.asarray(pipeline(**SAMPLE, generator=torch.Generator().manual_seed(1)).images[0]).astype(int)


def test_a_pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipeline draws the same in another home, unpickles nothing, takes options, and is served."""
    pipeline = noise()
    monkeypatch.setenv("EKIBEN_FORBID_UNPICKLING", "1")
    saved = ekiben.models.save("noise", pipeline, sample=SAMPLE)
    assert (saved.info.module, saved.info.needs_unpickling) == ("ekiben.diffusers", False)
    ekiben.models.export_model("noise", str(tmp_path / "noise.bentomodel"))
    monkeypatch.setenv("EKIBEN_HOME", str(tmp_path / "other"))
    ekiben.models.import_model(str(tmp_path / "noise.bentomodel"))
    loaded = ekiben.diffusers.load_model("noise", "cpu")
    loaded.set_progress_bar_config(disable=True)
    assert type(loaded) is type(pipeline)
    assert np.abs(draw(loaded) - draw(pipeline)).max() <= 1
    changed = ekiben.diffusers.load_model("noise", "cpu", torch_dtype="bfloat16", scheduler="DDIMScheduler")
    assert changed.unet.dtype is torch.bfloat16
    assert type(changed.scheduler) is diffusers.DDIMScheduler
    with serving("noise:latest") as server:
        answer = server.http.post("/predict", json=SAMPLE)
        assert answer.status_code == 200, answer.text
        assert Image.open(io.BytesIO(answer.content)).size == (8, 8)


def test_a_folder_is_imported(tmp_path: Path) -> None:
    """A folder that `save_pretrained` wrote is taken; what is not there says so."""
    pipeline = noise()
    pipeline.save_pretrained(tmp_path / "folder")
    ekiben.diffusers.import_model("noise", tmp_path / "folder")
    assert type(ekiben.diffusers.load_model("noise")) is type(pipeline)
    with pytest.raises(ConfigError, match="`source` must be a folder or a name that the hub knows"):
        ekiben.diffusers.import_model("none", "nobody/none")
    with pytest.raises(ConfigError, match="`pipeline_class` must be a pipeline"):
        ekiben.diffusers.import_model("none", tmp_path / "folder", pipeline_class="UNet2DModel")


def test_pickled_weights_and_forged_classes_are_not_read(tmp_path: Path) -> None:
    """Weights that are no safetensors are left alone; a name leads to pipelines and to nothing else."""
    with ekiben.models.create("old", module="ekiben.diffusers", options={"class": "DDPMPipeline"}) as model:
        noise().save_pretrained(model.path / "diffusion_model", safe_serialization=False)
    with pytest.raises(StoreError, match="cannot be read by Diffusers"):
        ekiben.diffusers.load_model("old")
    with ekiben.models.create("evil", module="ekiben.diffusers", options={"class": "logging"}):
        pass
    with pytest.raises(StoreError, match="needs a pipeline that this version of Diffusers does not have"):
        ekiben.diffusers.load_model("evil")


def test_wrong_arguments() -> None:
    """Wrong objects and options are one clear error each."""
    with pytest.raises(ConfigError, match="`model` must be an object of diffusers"):
        ekiben.diffusers.save_model("none", torch.nn.Linear(1, 1))
    ekiben.diffusers.save_model("noise", noise())
    for options, message in (
        ({"scheduler": "UNet2DModel"}, "`scheduler` must be the name of a scheduler"),
        ({"torch_dtype": "nn"}, "`torch_dtype` must be one of PyTorch's"),
        ({"device_id": "cuda:55"}, "`device_id` must be a device"),
        ({"variant": "x"}, "`variant` is not an option of diffusers"),
    ):
        with pytest.raises(ConfigError, match=message):
            ekiben.diffusers.load_model("noise", **options)
