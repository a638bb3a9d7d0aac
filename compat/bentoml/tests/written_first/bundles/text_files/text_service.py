# Shows: FileInput, MultiFileInput with an optional file, StringInput; what the functions get are open files.
# 2026-11-21, written before the translator was read.
from typing import BinaryIO, List

from bentoml import BentoService, api, artifacts, env
from bentoml.adapters import FileInput, MultiFileInput, StringInput
from bentoml.service.artifacts.common import TextFileArtifact


@env(infer_pip_packages=True)
@artifacts([TextFileArtifact("stopwords", file_extension=".lst", encoding="utf-8")])
class TextTools(BentoService):
    @api(input=FileInput(), batch=False)
    def count_words(self, file_stream: BinaryIO):
        return len(file_stream.read().decode("utf-8").split())

    @api(input=FileInput(), batch=True)
    def count_bytes(self, file_streams: List[BinaryIO]):
        return [len(stream.read()) for stream in file_streams]

    @api(input=StringInput(), batch=True)
    def strip_stopwords(self, texts: List[str]):
        stopwords = set(self.artifacts.stopwords.split())
        return [" ".join(word for word in text.split() if word not in stopwords) for text in texts]

    @api(input=MultiFileInput(input_names=["text", "extra"], allow_none=True), batch=True)
    def known_words(self, texts, extras):
        answers = []
        for text, extra in zip(texts, extras):
            known = set(self.artifacts.stopwords.split())
            if extra is not None:
                known |= set(extra.read().decode().split())
            answers.append(sorted(known & set(text.read().decode().split())))
        return answers
