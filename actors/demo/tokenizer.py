"""Text to token numbers and back."""

import re
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import Final, Self, final

import attrs

_PIECES: Final = re.compile(r" ?[A-Za-z][A-Za-z'-]*|\n\n|.", re.DOTALL)
"""A word with the space before it, the end of a paragraph, or any other single character."""


def read_corpus() -> str:
    """Return the text that the model is trained on, one line a paragraph."""
    text = resources.files("actors.demo").joinpath("corpus.txt").read_text(encoding="utf-8")
    # The file is wrapped for people; where its lines end means nothing.
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


@final
@attrs.frozen
class Tokenizer:
    """
    A vocabulary of words and, for all other words, of characters.

    Attributes:
        vocabulary: The text of each token; a token's number is its place here.
    """

    vocabulary: tuple[str, ...] = attrs.field(converter=tuple)
    _numbers: dict[str, int] = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        numbers = {piece: number for number, piece in enumerate(self.vocabulary)}
        object.__setattr__(self, "_numbers", numbers)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Make the vocabulary of a text: its words and its characters, in one fixed order."""
        return cls(tuple(sorted({*_PIECES.findall(text), *text})))

    def encode(self, text: str) -> list[int]:
        """
        Return the numbers of a text's tokens.

        Args:
            text: Any text. A word that is not in the vocabulary is spelled.

        Returns:
            The numbers; `decode` turns them into the same text again.

        Raises:
            ValueError: If the text has a character that is not in the vocabulary.
        """
        return list(self._encode(text))

    def decode(self, numbers: Sequence[int]) -> str:
        """Return the text of some tokens."""
        return "".join(self.vocabulary[number] for number in numbers)

    def _encode(self, text: str) -> Iterable[int]:
        for piece in _PIECES.findall(text):
            known = self._numbers.get(piece)
            if known is not None:
                yield known
                continue
            for character in piece:
                spelled = self._numbers.get(character)
                if spelled is None:
                    raise ValueError(f"the character {character!r} is not in the vocabulary")
                yield spelled
