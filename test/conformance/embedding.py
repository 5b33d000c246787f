"""Embeddings of texts without a model: a word is a direction by its hash, a text the sum of its words at length 1."""
import hashlib
import math

DIMENSIONS = 32


def _direction(word):
    return [byte - 127.5 for byte in hashlib.sha256(word.encode()).digest()]


def embed(text):
    total = [sum(parts) for parts in zip(*map(_direction, text.lower().split()))]
    length = math.hypot(*total)
    return [part / length for part in total]


def cosine(a, b):
    return sum(x * y for x, y in zip(embed(a), embed(b)))


def nearest(texts, question, k):
    """The `k` of `texts` that are most alike to `question`, best first, by comparing them all."""
    return sorted(texts, key=lambda text: -cosine(text, question))[:k]
