# Shows: a version that @ver begins and the packer ends.
# 2026-11-21, written before the translator was read.
from page_service import PageService

service = PageService()
service.pack("greeting", "hello")
service.save(version="final")
print(service.tag)
