"""The best few of many, in compiled loops: a heap whose root stands last, by score falling, equal scores by number rising.

NumPy's sorts and partitions do the same inside Numba, and take seconds to compile.
"""

import numba


@numba.njit(cache=True)
def below(score_a, item_a, score_b, item_b):  # type: ignore[no-untyped-def]
    """Whether a stands behind b: a lower score, or the higher number of equals."""
    return score_a < score_b or (score_a == score_b and item_a > item_b)


@numba.njit(cache=True)
def _sift(score, item, at, count):  # type: ignore[no-untyped-def]
    # Restore the heap below place `at`.
    while True:
        child = 2 * at + 1
        if child >= count:
            return
        if child + 1 < count and below(score[child + 1], item[child + 1], score[child], item[child]):
            child += 1
        if not below(score[child], item[child], score[at], item[at]):
            return
        score[child], score[at] = score[at], score[child]
        item[child], item[at] = item[at], item[child]
        at = child


@numba.njit(cache=True)
def push(score, item, count, new_score, new_item):  # type: ignore[no-untyped-def]
    """How many are kept (of `count` before) once a score and its number are offered to the arrays, which keep their size."""
    if count < score.size:
        score[count], item[count] = new_score, new_item
        count += 1
        if count == score.size:
            for at in range(count // 2 - 1, -1, -1):
                _sift(score, item, at, count)
    elif count and below(score[0], item[0], new_score, new_item):
        score[0], item[0] = new_score, new_item
        _sift(score, item, 0, count)
    return count


@numba.njit(cache=True)
def best_first(score, item, count):  # type: ignore[no-untyped-def]
    """Order the first `count`, pushed or not, best first."""
    for at in range(count // 2 - 1, -1, -1):
        _sift(score, item, at, count)
    for end in range(count - 1, 0, -1):
        score[0], score[end] = score[end], score[0]
        item[0], item[end] = item[end], item[0]
        _sift(score, item, 0, end)
