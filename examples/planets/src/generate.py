"""Make the pictures that the classifier learns from, and some that it never sees.

In: a folder for the pictures, a folder for the unseen ones, the seed in `params.yaml`.
Out: `RAW/<class>/<class>_<number>.jpg`, 146 a class (145 of the Moon), and 33 pictures in `EXTRA`
named by the base64 of what they show, as an archive of photographs would name them.
The same seed gives the same pictures.
"""

import base64
import sys
from pathlib import Path

import numpy as np
import yaml
from painting import Looks, paint

PLANETS = {
    "Earth": Looks((40, 80, 160), (90, 120, 60), patches=0.9, scale=1.0, clouds=0.75),
    "Jupiter": Looks((225, 200, 165), (130, 80, 50), bands=1.0, band_count=9.0, spot=True, radius=(50.0, 58.0)),
    "MakeMake": Looks((215, 150, 115), (190, 120, 90), patches=0.5, scale=1.5, radius=(20.0, 27.0)),
    "Mars": Looks((200, 95, 50), (95, 50, 35), patches=0.8, scale=1.2, cap=0.86, radius=(36.0, 46.0)),
    "Mercury": Looks((120, 112, 105), (85, 80, 78), patches=0.5, craters=40, radius=(34.0, 44.0)),
    "Moon": Looks((215, 213, 208), (120, 120, 122), patches=0.85, scale=1.1, craters=10, radius=(44.0, 54.0)),
    "Neptune": Looks((45, 75, 190), (75, 115, 225), bands=0.5, band_count=3.0, radius=(40.0, 48.0)),
    "Pluto": Looks((125, 95, 75), (85, 62, 48), patches=0.6, heart=True, radius=(28.0, 36.0)),
    "Saturn": Looks((220, 190, 140), (180, 145, 100), bands=0.6, band_count=6.0, rings=True, radius=(24.0, 30.0)),
    "Uranus": Looks((165, 220, 228), (180, 230, 235), bands=0.3, band_count=2.0, radius=(38.0, 46.0)),
    "Venus": Looks((240, 215, 160), (205, 165, 105), patches=0.6, bands=0.4, band_count=4.0, radius=(46.0, 54.0)),
}
UNSEEN = 3  # pictures a class


def main() -> None:
    """Write both folders."""
    if len(sys.argv) != 3:
        sys.exit("usage: python src/generate.py <raw-folder> <extra-folder>")
    raw, extra = Path(sys.argv[1]), Path(sys.argv[2])
    seed = yaml.safe_load(Path("params.yaml").read_text())["generate"]["seed"]
    for number, (planet, looks) in enumerate(sorted(PLANETS.items())):
        random = np.random.default_rng([seed, number])
        folder = raw / planet
        folder.mkdir(parents=True, exist_ok=True)
        extra.mkdir(parents=True, exist_ok=True)
        count = 145 if planet == "Moon" else 146
        for index in range(count + UNSEEN):
            picture = paint(looks, random)
            place = folder / f"{planet}_{index}.jpg" if index < count else extra / unseen_name(planet, index)
            picture.save(place, quality=88)
    print(f"{sum(1 for _ in raw.rglob('*.jpg'))} pictures in {raw}, {sum(1 for _ in extra.iterdir())} in {extra}")


def unseen_name(planet: str, index: int) -> str:
    """Name a picture by the base64 of what it shows, without the padding: `Moon_145` is `TW9vbl8xNDU.jpg`."""
    text = f"{planet.capitalize()}_{index}".encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=") + ".jpg"


if __name__ == "__main__":
    main()
