"""What was told of trouble that lasts: once in its own words, and once that it is over."""

from collections.abc import Hashable


class Told:
    """Remembers, for a process, which words were told of which trouble."""

    def __init__(self) -> None:
        self._words: dict[Hashable, set[str]] = {}

    def is_news(self, trouble: Hashable, words: str) -> bool:
        """Tell whether these words are new of a trouble, and remember them."""
        told = self._words.setdefault(trouble, set())
        if words in told:
            return False
        told.add(words)
        return True

    def is_over(self, trouble: Hashable) -> bool:
        """Tell whether a trouble had been told of, and forget it."""
        return self._words.pop(trouble, None) is not None
