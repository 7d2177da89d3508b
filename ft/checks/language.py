"""Which language a text is in, where that is sure."""

from __future__ import annotations

import re
import tempfile
from functools import lru_cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from ft.errors import UserError

_READ = 600  # characters
_LEAST = 80  # bytes of UTF-8 without code and addresses: below that it is a guess
_SURE = 0.9
_NO_LANGUAGE = re.compile(
    r"```[\s\S]*?(?:```|$)|`[^`\n]*`|https?://\S+|\{\{(?:(?!\{\{).)*?\}\}|[{}\[\]<>|=_#*\\/\"\d]+"
)


@lru_cache(maxsize=1)
def _identifier() -> LanguageIdentifier:
    """Kept: to unpack it takes a second and room on the disk."""
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


class Languages:
    """Tells languages by py3langid (a naive Bayes classifier over byte n-grams of 140 languages); loads it once."""

    def __init__(self) -> None:
        """Raises UserError where there is no room: it unpacks itself into a temporary file."""
        try:
            self._identifier = _identifier()
        except OSError as error:
            why = f"it cannot be unpacked in {tempfile.gettempdir()}: {(error.strerror or str(error)).lower()}."
            raise UserError("the check of languages", why, "Free some room on that disk and try again.") from error

    def of(self, text: str) -> str:
        """The language of the text's beginning as its ISO 639 code ("en"), "" where it is too short or not sure."""
        plain = " ".join(_NO_LANGUAGE.sub(" ", text[: 2 * _READ]).split())[:_READ]
        if len(plain.encode()) < _LEAST:
            return ""
        language, confidence = self._identifier.classify(plain)
        return str(language) if confidence >= _SURE else ""
