# Shows: pictures to ask with, and a service that has no model but a list of names.
# 2026-11-21, written before the translator was read.
from photo_service import PhotoSorter
from PIL import Image

Image.new("RGB", (6, 4), (250, 240, 230)).save("day.png")
Image.new("RGB", (6, 4), (5, 10, 20)).save("night.png")
Image.new("RGB", (8, 8), (250, 250, 250)).save("snow.jpg")

if __name__ == "__main__":
    service = PhotoSorter()
    service.pack("names", ["night", "day"])
    print(service.save())
