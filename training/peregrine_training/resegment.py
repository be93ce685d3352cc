"""Words in smaller pieces than usual (BPE dropout), drawn from a generator of the caller.

SentencePiece can sample pieces itself, but its draws differ from process to process, whatever
its seed: a resumed run would be another run.
"""

from __future__ import annotations

import random

import sentencepiece as spm


def resegment(vocabulary: spm.SentencePieceProcessor, text: str, dropout: float,
              rng: random.Random) -> list[int]:
    """The pieces of a text by a BPE vocabulary, each merge left out with that probability."""
    symbols = list(vocabulary.normalize(text))
    while True:
        merges = [(-vocabulary.get_score(piece), at) for at, piece in _pairs(vocabulary, symbols)
                  if not dropout or rng.random() >= dropout]
        if not merges:
            return [piece for symbol in symbols for piece in _ids(vocabulary, symbol)]
        at = min(merges)[1]
        symbols[at:at + 2] = [symbols[at] + symbols[at + 1]]


def _pairs(vocabulary: spm.SentencePieceProcessor,
           symbols: list[str]) -> list[tuple[int, int]]:
    """Where two neighbours make a piece, and which."""
    pieces = [vocabulary.piece_to_id(first + second)
              for first, second in zip(symbols, symbols[1:])]
    return [(at, piece) for at, piece in enumerate(pieces) if not (
        vocabulary.is_unknown(piece) or vocabulary.is_control(piece) or vocabulary.is_byte(piece))]


def _ids(vocabulary: spm.SentencePieceProcessor, symbol: str) -> list[int]:
    """The piece of a symbol, or its bytes where there is none."""
    piece = vocabulary.piece_to_id(symbol)
    if not vocabulary.is_unknown(piece):
        return [piece]
    return [vocabulary.piece_to_id(f"<0x{byte:02X}>") for byte in symbol.encode()]
