import math
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from assay.text.bm25 import Bm25

TEXT = st.lists(st.sampled_from(["apple", "juice", "organic", "bread", "rye", "苹果", "👩"]), max_size=8).map(" ".join)


def formula(texts, query, k1=1.2, b=0.75):
    documents = [text.split() for text in texts]
    mean = sum(map(len, documents)) / len(documents)
    scores = []
    for document in documents:
        count = Counter(document)
        score = 0.0
        for word in query.split():
            holding = sum(word in other for other in documents)
            if count[word]:
                idf = math.log(1 + (len(documents) - holding + 0.5) / (holding + 0.5))
                score += idf * count[word] / (count[word] + k1 * (1 - b + b * len(document) / mean))
        scores.append(score)
    return np.array(scores)


@given(st.lists(TEXT, min_size=1, max_size=8), TEXT)
def test_scores_are_those_of_the_formula(texts, query):
    index = Bm25().fit(texts)
    wanted = formula(texts, query)
    np.testing.assert_allclose(index.scores(query), wanted, rtol=1e-5)
    found = index.search([query], 3)
    assert (found.places >= 0).sum() == min(3, (wanted > 0).sum())
    np.testing.assert_allclose(found.scores[0], np.pad(np.sort(wanted)[::-1], (0, 3))[:3], rtol=1e-5)


def test_equal_texts_come_in_the_order_of_their_places():
    texts = ["rye", "apple", "apple", "rye", "apple", "apple"]
    assert Bm25().fit(texts).search(["apple", "none"], 3).places.tolist() == [[1, 2, 4], [-1, -1, -1]]


def test_items_without_a_word_are_never_found():
    index = Bm25().fit(["", "!"])
    assert index.search(["apple"], 2).places.tolist() == [[-1, -1]]
