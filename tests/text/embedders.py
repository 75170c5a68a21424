import numpy as np


class Counting:
    """An embedder of eight numbers that hold how often each letter is there; it keeps what it was asked."""

    name, dimensions = "counting", 8

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts, *, query=False):
        self.asked.extend(texts)
        counts = np.array([[text.count(letter) + 0.1 * query for letter in "abcdefgh"] for text in texts], float).reshape(-1, 8)
        length = np.linalg.norm(counts, axis=1, keepdims=True)
        return np.divide(counts, length, out=np.zeros_like(counts), where=length > 0).astype(np.float32)
