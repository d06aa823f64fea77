"""Text to numbers and back."""

import pytest

from actors.demo.tokenizer import Tokenizer, read_corpus


def test_the_whole_corpus_comes_back_as_it_was():
    """Nothing of the text is lost in the vocabulary."""
    text = read_corpus()
    tokenizer = Tokenizer.from_text(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_the_corpus_is_of_the_promised_size():
    """It is some pages, wrapped for people, one line a paragraph for the model."""
    text = read_corpus()
    assert 8_000 <= len(text) <= 20_000
    assert all("\n" not in paragraph for paragraph in text.split("\n\n"))


def test_a_known_word_is_one_token_and_an_unknown_one_is_spelled():
    """Any word of known characters can be a prompt."""
    tokenizer = Tokenizer.from_text("The ship sails.")
    assert len(tokenizer.encode("The ship")) == 2
    assert tokenizer.decode(tokenizer.encode("The ships lie")) == "The ships lie"
    assert len(tokenizer.encode(" ships")) == 6


def test_an_unknown_character_is_named():
    """Instead of being dropped."""
    with pytest.raises(ValueError, match="'€'"):
        Tokenizer.from_text("The ship sails.").encode("The ship €")


def test_the_same_text_gives_the_same_numbers():
    """Else weights of an earlier run would be of no use."""
    assert Tokenizer.from_text("b a\n\nc") == Tokenizer.from_text("b a\n\nc")
