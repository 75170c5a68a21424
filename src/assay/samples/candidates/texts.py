"""Candidates whose texts are like those of what the user took."""

import numpy as np

from assay.logs.history import Codes
from assay.numerics.lists import SparseScores, nearest_rows
from assay.samples.candidates.alike import normed
from assay.samples.candidates.item_lists import ItemLists, ListSource
from assay.samples.candidates.learning import Lesson, most_frequent
from assay.samples.match import joined_texts
from assay.text.words import words

_SELLERS = 5_000  # best sellers whose texts are compared
_SHELF = 10_000  # items, taken or shown most, that they are compared with
_NEIGHBOURS = 20  # of each


class Texts(ListSource):
    """Items by text: cosines of TF-IDF of words (Salton and Buckley, 1988) in name, category and brand.

    A word counts once a text; its weight is ln((1 + n) / (1 + d)) + 1 where d of n items have it. Items without a text have no
    score and give none. Of equal texts the item that sells more comes first.
    """

    name = "text"

    def learn(self, lesson: Lesson) -> ItemLists:
        """As ListSource says."""
        size = len(lesson.moment.history.category)
        taken = np.bincount(lesson.taken.item, minlength=size)
        shelf = most_frequent(taken * len(lesson.shown) + taken + np.bincount(lesson.shown.item, minlength=size), _SHELF)
        texts = joined_texts(lesson.moment.items.take(shelf))
        shelf, rows, vocabulary = _vectors(shelf, texts)
        sellers = np.arange(min(int(np.count_nonzero(taken[shelf])), _SELLERS))  # what was taken stands first
        starts, columns, weights = rows
        near, likeness = nearest_rows((starts[: len(sellers) + 1], columns, weights), rows, sellers, vocabulary, _NEIGHBOURS)
        there = near >= 0
        ends = np.concatenate(([0], np.cumsum(there.sum(axis=1))))
        return ItemLists.of(shelf[sellers], (ends, shelf[near[there]], likeness[there]), size)


def _vectors(items: Codes, texts: list[str]) -> tuple[Codes, SparseScores, int]:
    """Items with a word, their TF-IDF rows of length 1, and how many words there are."""
    numbers: dict[str, int] = {}
    of_text = {text: sorted({numbers.setdefault(word, len(numbers)) for word in words(text)}) for text in dict.fromkeys(texts)}
    named = [k for k, text in enumerate(texts) if of_text[text]]
    each = [of_text[texts[k]] for k in named]
    starts = np.concatenate(([0], np.cumsum([len(row) for row in each], dtype=np.int64)))
    columns = np.fromiter((word for row in each for word in row), np.int32, int(starts[-1]))
    idf = np.log((1.0 + len(each)) / (1.0 + np.bincount(columns, minlength=len(numbers)))) + 1.0
    return items[named], normed((starts, columns, idf[columns].astype(np.float32))), len(numbers)
