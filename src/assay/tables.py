"""The canonical tables: column, Arrow type, unit and meaning. Nothing else.

Ids keep the type they came with (64-bit integer from typed sources, text otherwise): they are never
normalised or imputed. After cleaning, users and items also have dense int32 codes, in order of id.
"""

import pyarrow as pa

EVENT_KINDS = ("view", "cart", "purchase", "return", "review", "search", "exposure")

# user_id and item_id are int64 or string: the source decides. Times are UTC instants.
EVENTS: dict[str, tuple[pa.DataType, str]] = {
    "event_id": (pa.int64(), "position of the row in the collected log, from 0; names a row in rejected.parquet"),
    "user_id": (pa.string(), "who; as it came"),
    "item_id": (pa.string(), "what; as it came; null for a search"),
    "event": (pa.string(), "one of EVENT_KINDS, or a kind of one's own"),
    "timestamp": (pa.timestamp("us", tz="UTC"), "when"),
    "session_id": (pa.string(), "visit, basket or order; null if unknown"),
    "query": (pa.string(), "text of a search; else null"),
    "quantity": (pa.float64(), "pieces; null if unknown; below 0 is a return"),
    "price": (pa.int64(), "money for one piece, in minor units (cents); null if unknown"),
    "rating": (pa.float32(), "a review's rating, on the log's own scale"),
    "list_id": (pa.string(), "the list in which the item was shown, or from which it was taken; null if unknown"),
    "position": (pa.int32(), "place in a shown list, from 1"),
    "propensity": (pa.float64(), "probability with which the item was shown there, in (0, 1]"),
}

ITEMS: dict[str, tuple[pa.DataType, str]] = {
    "item_id": (pa.string(), "as it came; unique"),
    "name": (pa.string(), "readable name"),
    "department": (pa.string(), "widest class"),
    "category": (pa.string(), "class in which items replace each other"),
    "brand": (pa.string(), "brand or maker"),
    "image": (pa.string(), "address of a picture, which pages show; nothing is learnt of it"),
    "stock": (pa.float64(), "pieces at hand when the items were exported; null if unknown; nothing is learnt of it"),
}

USERS: dict[str, tuple[pa.DataType, str]] = {"user_id": (pa.string(), "as it came; unique")}

# The keys of labelled samples; the feature columns follow them under readable names.
SAMPLE_KEYS: dict[str, tuple[pa.DataType, str]] = {
    "sample_id": (pa.int64(), "stable hash of (user, item, request, draw); the user's own row key if given"),
    "user_id": (pa.string(), "as it came"),
    "item_id": (pa.string(), "as it came"),
    "request_id": (pa.int64(), "what is ranked for: a user in a period"),
    "user_code": (pa.int32(), "dense code of user_id"),
    "item_code": (pa.int32(), "dense code of item_id"),
    "period": (pa.int32(), "number of the request's period since 1970-01-05 (a Monday), in periods"),
    "timestamp": (pa.timestamp("us", tz="UTC"), "start of the request's period; features know nothing later"),
    "split": (pa.string(), "one of SPLITS"),
    "label": (pa.int8(), "1: the target event happened in the request's period"),
    "weight": (pa.float64(), "0 or more; a row of weight 0 is dropped before any fit"),
}

# What a search makes of an item, by the target event: columns of impressions.
SEARCH_OUTCOMES = {"view": "clicked", "cart": "carted", "purchase": "bought"}

SPLITS = ("train", "validation", "tuning", "test")

IMPORTANCE: dict[str, tuple[pa.DataType, str]] = {
    "sample_id": (pa.int64(), "whose value"),
    "value": (pa.float64(), "fall of the utility when the sample is taken away; higher is more useful"),
    "stderr": (pa.float64(), "standard error of value over validation folds, same unit; NaN with one fold"),
    "z": (pa.float64(), "value / (stderr + median stderr); NaN with one fold"),
}
