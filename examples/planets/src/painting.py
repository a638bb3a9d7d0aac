"""Paint one picture of a planet.

In: the looks of a class and a random generator. Out: a PIL image of 128 x 128 pixels.
A ball is lit by a far sun: each pixel of the disc is a point on the unit sphere, whose colour is
read from smooth noise, bands, craters and a polar cap, and shaded by the angle to the light.
Source: Lambert's cosine law for the light; sums of sines for the noise.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

SIZE = 128  # pixels, both ways

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Looks:
    """What the pictures of one class have in common."""

    ground: Colour
    marks: Colour  # of patches and bands
    patches: float = 0.0  # 0 none, 1 half the ball
    scale: float = 2.0  # how many patches fit across
    bands: float = 0.0  # strength, 0 to 1
    band_count: float = 8.0
    craters: int = 0
    cap: float = 0.0  # of the polar cap: height on the unit sphere
    clouds: float = 0.0  # 0 none, 1 half the ball
    rings: bool = False
    heart: bool = False  # one big bright patch
    spot: bool = False  # one dark storm
    radius: tuple[float, float] = (40.0, 52.0)  # pixels


def paint(looks: Looks, random: np.random.Generator) -> Image.Image:
    """Paint a planet with these looks, seen and lit from somewhere new.

    Args:
        looks: of the class.
        random: the only source of chance, so that a seed fixes the picture.
    """
    radius = random.uniform(*looks.radius)
    x, y = grid(random.uniform(-5, 5, size=2))
    distance = np.hypot(x, y)
    disc = distance < radius + 1
    depth = np.sqrt(np.clip(radius**2 - distance[disc] ** 2, 0.0, None))
    points = (np.stack([x[disc], y[disc], depth], axis=-1) / radius).astype(np.float32)  # (n, 3), unit vectors
    sun = np.array([random.uniform(-0.6, 0.6), random.uniform(-0.4, 0.4), 1.0])
    light = np.clip(points @ (sun / np.linalg.norm(sun)), 0.0, None)[:, None]
    ball = surface(looks, points @ tilt(random).T, random) * (0.12 + 0.95 * light) * random.uniform(0.9, 1.1)
    edge = np.clip(radius - distance[disc] + 0.5, 0.0, 1.0)[:, None]
    picture = sky(random)
    picture[disc] = picture[disc] * (1.0 - edge) + ball * edge
    if looks.rings:
        picture = add_rings(picture, looks, x, y, radius, random)
    picture += random.normal(0.0, 4.0, size=picture.shape)
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))


def grid(centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the x (to the right) and y (up) of every pixel from *centre*, each of shape (128, 128)."""
    steps = np.arange(SIZE) - (SIZE - 1) / 2
    x, y = np.meshgrid(steps, -steps)
    return x - centre[0], y - centre[1]


def tilt(random: np.random.Generator) -> np.ndarray:
    """Turn the ball a little to the side and lean it a little, as a (3, 3) matrix."""
    lean, nod = random.uniform(-0.25, 0.25, size=2)
    roll = np.array([[np.cos(lean), -np.sin(lean), 0], [np.sin(lean), np.cos(lean), 0], [0, 0, 1]])
    pitch = np.array([[1, 0, 0], [0, np.cos(nod), -np.sin(nod)], [0, np.sin(nod), np.cos(nod)]])
    return (pitch @ roll).astype(np.float32)


def noise(points: np.ndarray, scale: float, random: np.random.Generator) -> np.ndarray:
    """Give smooth chance on the sphere: points of shape (n, 3) to values of shape (n,), about -1 to 1."""
    octaves = np.repeat(2.0 ** np.arange(3), 5)  # five waves each of three sizes
    directions = random.normal(size=(3, octaves.size))
    waves = directions / np.linalg.norm(directions, axis=0) * scale * np.pi * octaves
    phases = random.uniform(0, 2 * np.pi, size=octaves.size)
    return np.sin(points @ waves.astype(np.float32) + phases.astype(np.float32)) @ (1.0 / (3.0 * octaves))


def surface(looks: Looks, points: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Give the unlit colour of each point of the sphere: (n, 3) unit vectors to (n, 3), 0 to 255."""
    marks = np.zeros(points.shape[:-1])
    if looks.patches:
        marks += step(noise(points, looks.scale, random), 1.0 - looks.patches)
    if looks.bands:
        wobble = 0.06 * noise(points, 2.0, random)
        marks += looks.bands * (0.5 + 0.5 * np.sin((points[:, 1] + wobble) * looks.band_count * np.pi / 2))
    colour = mix(np.array(looks.ground, float), np.array(looks.marks, float), marks)
    if looks.spot:
        colour = mix(colour, np.array([150.0, 70.0, 50.0]), near(points, facing(random, -0.35), 0.3))
    if looks.heart:
        colour = mix(colour, np.array([245.0, 235.0, 220.0]), near(points, facing(random, -0.25), 0.75))
    for _ in range(looks.craters):
        colour = dent(colour, points, random)
    if looks.clouds:
        colour = mix(colour, np.array([250.0, 250.0, 250.0]), step(noise(points, 2.5, random), 1.0 - looks.clouds))
    if looks.cap:
        cap = step(np.abs(points[:, 1]) + 0.05 * noise(points, 3.0, random), looks.cap)
        colour = mix(colour, np.array([250.0, 250.0, 255.0]), cap)
    return colour


def facing(random: np.random.Generator, height: float) -> np.ndarray:
    """Choose a unit vector on the side that is seen, about *height* up the sphere."""
    vector = np.array([random.uniform(-0.35, 0.35), height + random.uniform(-0.1, 0.1), 1.0])
    return vector / np.linalg.norm(vector)


def near(points: np.ndarray, centre: np.ndarray, angle: float) -> np.ndarray:
    """Say how much each point lies within *angle* (radians) of *centre*: 1 inside, 0 outside."""
    return step(points @ centre, float(np.cos(angle)))


def dent(colour: np.ndarray, points: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Press one crater into the ground: a dark floor with a bright rim."""
    centre = random.normal(size=3)
    centre[2] = abs(centre[2])
    centre /= np.linalg.norm(centre)
    size = random.uniform(0.08, 0.26)
    reach = np.arccos(np.clip(points @ centre, -1.0, 1.0)) / size
    floor = np.clip(1.2 - reach, 0.0, 1.0)
    rim = np.exp(-(((reach - 1.15) / 0.18) ** 2))
    return colour * (1.0 - 0.55 * floor + 0.35 * rim)[..., None]


def step(values: np.ndarray, threshold: float, softness: float = 0.12) -> np.ndarray:
    """Go softly from 0 below *threshold* to 1 above it."""
    return np.clip((values - threshold) / softness + 0.5, 0.0, 1.0)


def mix(under: np.ndarray, over: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Lay one colour over another: *amount* (...) of *over*, the rest of *under*, both (..., 3) or (3,)."""
    amount = np.clip(amount, 0.0, 1.0)[..., None]
    return under * (1.0 - amount) + over * amount


def sky(random: np.random.Generator) -> np.ndarray:
    """Paint a black sky with a few stars, of shape (128, 128, 3)."""
    picture = np.full((SIZE, SIZE, 3), random.uniform(2, 10))
    for _ in range(random.integers(0, 25)):
        row, column = random.integers(0, SIZE, size=2)
        picture[row, column] = random.uniform(60, 200)
    return picture


def add_rings(
    picture: np.ndarray, looks: Looks, x: np.ndarray, y: np.ndarray, radius: float, random: np.random.Generator
) -> np.ndarray:
    """Draw flat rings around the ball, behind it above the middle and before it below."""
    lean, flat = random.uniform(-0.35, 0.35), random.uniform(0.25, 0.45)
    along = x * np.cos(lean) + y * np.sin(lean)
    across = (y * np.cos(lean) - x * np.sin(lean)) / flat
    reach = np.hypot(along, across) / radius
    stripes = 0.75 + 0.25 * np.sin(reach * 22.0)
    ring = step(reach, 1.3, 0.05) * (1.0 - step(reach, 2.1, 0.05)) * stripes
    hidden = (np.hypot(x, y) < radius) & (across > 0)
    return mix(picture, np.array(looks.ground, float) * 1.05, np.where(hidden, 0.0, 0.9 * ring))
