"""A made social feed with known truth: interests, clickbait that is clicked and not liked, bots that all like the same posts."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.numerics.periods import DAY

TOPICS = ("sports", "music", "cooking", "politics", "travel", "science", "films", "gardening")
_FIRST_DAY = 19_723  # 2024-01-01, in days since 1970-01-01
_AUTHORS = 32
_CLICKBAIT_AUTHORS = 5
_LIFE = 3  # days that a post is shown
_LENGTH = 12  # posts shown a day
_ACTIVE = 0.6  # chance that a user comes on a day
_NIGHT, _HOURS = 3, 16  # bots come at three at night, people from seven on


@dataclass(frozen=True)
class Feed:
    """events: user_id, item_id, action (shown, click, like, share), timestamp, position. posts: item_id, name, topic, author.

    bots: ids of the users that are bots; clickbait: ids of the posts that are clicked and hardly liked.
    """

    events: pa.Table
    posts: pa.Table
    bots: frozenset[str]
    clickbait: frozenset[str]


def make_feed(users: int = 240, bots: int = 8, days: int = 63, posts: int = 40, seed: int = 0) -> Feed:
    """A feed of `days`, with so many posts a day; the same arguments give the same bytes.

    Each person has two of TOPICS at heart. A person clicks a post of them with a chance of 0.5, and another with 0.06; clickbait,
    which five of 32 authors write, with 0.45 whatever its topic. Who clicks likes with 0.6 what is of the heart, with 0.15
    another, with 0.02 clickbait; one like in five is shared too. Lower places are looked at less. Bots come every day, at night,
    to the last day's posts of the one author who pays for it, and click and like each of them.
    """
    rng = np.random.default_rng(seed)
    heart = np.zeros((users, len(TOPICS)), bool)
    for person in range(users):
        heart[person, rng.choice(len(TOPICS), 2, replace=False)] = True
    is_bot = np.arange(users) < bots
    author = rng.integers(_AUTHORS, size=posts * days)
    topic = rng.integers(len(TOPICS), size=posts * days)
    bait, paid = author < _CLICKBAIT_AUTHORS, author == _AUTHORS - 1
    shown = [part for day in range(days) for part in (_people(rng, day, bots, users, posts), _bots(day, bots, paid, posts))]
    user, post, place, when = (np.concatenate(column) for column in zip(*shown, strict=True))
    robot, own = is_bot[user], heart[user, topic[post]]
    hour = np.where(robot, _NIGHT, 7 + rng.integers(_HOURS, size=len(user)))
    moment = (when * 24 + hour) * 3_600 + rng.integers(3_000, size=len(user))
    look = 1.0 / np.sqrt(place)
    click = rng.random(len(user)) < np.where(robot, 1.0, look * np.where(bait[post], 0.45, np.where(own, 0.5, 0.06)))
    like = click & (rng.random(len(user)) < np.where(robot, 1.0, np.where(bait[post], 0.02, np.where(own, 0.6, 0.15))))
    share = like & (rng.random(len(user)) < 0.2)
    done = {"shown": np.full(len(user), True), "click": click, "like": like, "share": share}
    tables = [
        _events(action, rows, user, post, moment + 20 * step, place if action == "shown" else None)
        for step, (action, rows) in enumerate(done.items())
    ]
    ids = [_post(k) for k in range(posts * days)]
    named = pa.table(
        {
            "item_id": ids,
            "name": [f"{TOPICS[topic[k]]} post {k} by author {author[k]}" for k in range(posts * days)],
            "topic": [TOPICS[k] for k in topic],
            "author": [f"author {k}" for k in author],
        }
    )
    events = pa.concat_tables(tables).sort_by([("timestamp", "ascending"), ("user_id", "ascending"), ("item_id", "ascending")])
    bots_of, bait_of = (_user(k) for k in np.flatnonzero(is_bot).tolist()), (ids[k] for k in np.flatnonzero(bait))
    return Feed(events, named, frozenset(bots_of), frozenset(bait_of))


def _bots(day: int, bots: int, paid: NDArray[np.bool_], posts: int) -> tuple[NDArray[np.int64], ...]:
    """User, post, place and day (n,) of what bots look at: the last day's posts of the author who pays."""
    first = max(day - 1, 0) * posts
    there = first + np.flatnonzero(paid[first : day * posts])
    user, place = np.repeat(np.arange(bots), len(there)), np.tile(np.arange(1, len(there) + 1), bots)
    return user, np.tile(there, bots), place, np.full(len(user), day)


def _people(rng: np.random.Generator, day: int, first: int, users: int, posts: int) -> tuple[NDArray[np.int64], ...]:
    """User, post, place and day (n,) of what people are shown: posts of the last days, in an order by chance."""
    here = first + np.flatnonzero(rng.random(users - first) < _ACTIVE)
    alive = np.arange(max(day - _LIFE + 1, 0) * posts, (day + 1) * posts)
    lists = np.stack([rng.choice(alive, min(_LENGTH, len(alive)), replace=False) for _ in here])
    place = np.broadcast_to(np.arange(1, lists.shape[1] + 1), lists.shape)
    return np.repeat(here, lists.shape[1]), lists.ravel(), place.ravel(), np.full(lists.size, day)


def _events(
    action: str,
    rows: NDArray[np.bool_],
    user: NDArray[np.int64],
    post: NDArray[np.int64],
    moment: NDArray[np.int64],
    place: NDArray[np.int64] | None,
) -> pa.Table:
    time = pa.array(moment[rows] * 1_000_000 + _FIRST_DAY * DAY).cast(pa.timestamp("us", tz="UTC"))
    return pa.table(
        {
            "user_id": [_user(k) for k in user[rows].tolist()],
            "item_id": [_post(k) for k in post[rows].tolist()],
            "action": pa.array([action] * int(rows.sum()), pa.string()),
            "timestamp": time,
            "position": pa.array([None] * int(rows.sum()) if place is None else place[rows], pa.int32()),
        }
    )


def _user(code: int) -> str:
    return f"u{code}"


def _post(code: int) -> str:
    return f"p{code}"
