import math
from collections import Counter

import numpy as np
import pytest

from assay.errors import InputError
from assay.text.ngrams import NGrams
from assay.text.words import character_ngrams

TEXTS = [
    "apple juice organic",
    "apple juice",
    "rye bread",
    "wheat bread",
    "有机 苹果汁 1L",
    "苹果手机",
    "👩‍👩‍👧 family",
    "",
    "apple juice",
]


def test_with_all_directions_likeness_is_the_cosine_of_tfidf():
    distinct = list(dict.fromkeys(TEXTS))
    counts = [Counter(character_ngrams(text)) for text in distinct]
    holding = Counter(ngram for count in counts for ngram in count)
    weight = {ngram: math.log((1 + len(distinct)) / (1 + n)) + 1 for ngram, n in holding.items()}
    columns = list(holding)
    X = np.array([[(1 + math.log(c[g])) * weight[g] if c[g] else 0 for g in columns] for c in counts])
    X /= np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-300)
    found = NGrams(len(distinct)).fit(TEXTS).embed(distinct)
    np.testing.assert_allclose(found @ found.T, X @ X.T, atol=1e-6)  # no two of these n-grams share a column


def test_vectors_are_of_unit_length_or_nothing():
    model = NGrams(4).fit(TEXTS)
    vectors = model.embed([*TEXTS, "zzzz"])
    assert (vectors.dtype, vectors.shape) == (np.float32, (len(TEXTS) + 1, 4))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 1, 1, 1, 1, 1, 1, 0, 1, 0], atol=1e-6)
    np.testing.assert_array_equal(model.embed(TEXTS, query=True), vectors[:-1])
    assert NGrams(4).fit([""]).embed(["a"]).tolist() == [[0, 0, 0, 0]]


def test_the_name_is_that_of_what_was_learnt():
    names = [NGrams(d).fit(texts).name for d, texts in ((4, TEXTS), (4, TEXTS[:-1]), (4, TEXTS[:-2]), (5, TEXTS))]
    assert names[0] == names[1]  # the text left out is there twice
    assert len(set(names)) == 3
    with pytest.raises(InputError, match="fit"):
        NGrams().embed(["a"])


def test_the_same_texts_make_the_same_files(tmp_path):
    for name in "ab":
        NGrams(4).fit(TEXTS).save(tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert len(files) == 4
    assert all((tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes() for file in files)
    made, loaded = NGrams(4).fit(TEXTS), NGrams.load(tmp_path / "a")
    assert loaded.name == made.name
    np.testing.assert_array_equal(loaded.embed(TEXTS), made.embed(TEXTS))
