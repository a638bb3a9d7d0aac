# Shows: nothing but pictures to ask with.
# 2026-11-21, written before the translator was read.
from PIL import Image

Image.new("RGB", (30, 20), (10, 20, 30)).save("wide.png")
Image.new("L", (4, 4), 7).save("grey.bmp")
