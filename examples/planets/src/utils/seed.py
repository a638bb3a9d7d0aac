"""Fix every source of chance, so that a run can be repeated."""

import os
import random

import numpy as np
import tensorflow as tf


def set_seed(seed: int) -> None:
    """Seed Python, NumPy and TensorFlow."""
    os.environ["PYTHONHASHSEED"] = str(seed)  # reaches the processes started from here
    random.seed(seed)
    np.random.seed(seed)
    tf.random.set_seed(seed)
