"""What logs call the canonical columns and the kinds of events, in English, German and Chinese."""

import re
from collections.abc import Mapping, Sequence

from assay.tables import EVENT_KINDS

# Best first. A column is one of these where its name is the same words, with or without the spaces, or ends with them.
NAMES: dict[str, tuple[str, ...]] = {
    "user_id": (
        "user id", "customer id", "household id", "household key", "visitor id", "client id", "member id", "buyer id",
        "shopper id", "reviewer id", "user pseudo id", "user", "customer", "client", "visitor", "member", "uid",
        "kundennummer", "kunde", "kunden id",
        "用户 id", "用户编号", "用户", "会员 id", "会员", "客户 id", "客户编号", "客户", "买家 id", "买家",
    ),
    "item_id": (
        "item id", "product id", "parent asin", "asin", "sku", "article id", "stock code", "movie id", "video id", "news id",
        "track id", "song id", "book id", "goods id", "object id", "business id", "content id", "post id", "document id", "isbn",
        "item", "product", "article", "movie", "film", "track", "song", "video", "book", "game", "artist", "artikelnummer",
        "artikel id", "artikel",
        "商品 id", "商品编号", "商品", "货号", "产品 id", "产品编号", "产品", "物品 id", "物品",
    ),
    "timestamp": (
        "timestamp", "event time", "event timestamp", "datetime", "created at", "invoice date", "order date", "unix time",
        "collector tstamp", "time", "date", "ts", "tstamp", "day", "datum", "zeitpunkt", "zeit",
        "时间戳", "时间", "下单时间", "日期", "创建时间", "行为时间",
    ),
    "session_id": (
        "session id", "user session", "basket id", "order id", "invoice no", "invoice", "transaction id", "visit id",
        "session", "basket", "order number", "bestellnummer", "rechnungsnummer", "rechnung", "bestellung",
        "会话 id", "会话", "订单号", "订单编号", "订单 id",
    ),
    "event": (
        "event type", "event name", "behavior type", "behaviour type", "behavior", "behaviour", "action name", "action type",
        "action", "event", "interaction type", "ereignis", "aktion", "行为类型", "行为", "事件类型", "事件", "操作",
    ),
    "query": (
        "search query", "user query", "query text", "query string", "query", "search term", "keyword", "keywords", "suchbegriff",
        "搜索词", "查询词", "关键词", "搜索",
    ),
    "quantity": ("quantity", "qty", "units", "pieces", "count", "menge", "anzahl", "stück", "数量", "件数"),
    "amount": (
        "sales value", "line total", "amount", "total", "revenue", "sales price", "total price", "betrag", "umsatz", "gesamt",
        "金额", "总价", "实付金额", "实付",
    ),
    "price": ("unit price", "price", "preis", "einzelpreis", "stückpreis", "单价", "价格", "售价"),
    "rating": ("rating", "stars", "star rating", "score", "overall", "bewertung", "评分", "打分"),
    "position": ("position", "rank", "place", "position ordinal", "位置", "排名"),
    "propensity": ("propensity", "pscore"),
}  # fmt: skip
ITEM_NAMES: dict[str, tuple[str, ...]] = {
    "item_id": (*NAMES["item_id"], "id"),
    "brand": ("brand", "maker", "manufacturer", "marke", "hersteller", "store", "品牌"),
    "category": (
        "category", "category code", "product category", "product type", "product group", "genres", "genre", "shelf", "class",
        "main category", "category id", "product subclass", "cat id", "warengruppe", "kategorie",
        "类目 id", "类目", "类别 id", "类别", "品类", "分类",
    ),
    "department": ("department", "abteilung", "部门"),
    "name": (
        "name", "title", "product name", "item name", "product title", "item title", "description", "product description",
        "bezeichnung", "produktname", "artikelname", "商品名称", "商品标题", "名称", "标题",
    ),
}  # fmt: skip
USER_NAMES = {"user_id": (*NAMES["user_id"], "id")}
KINDS = {
    "view": (
        "view", "view_item", "pageview", "page_view", "product_view", "pv", "click", "clk", "detail", "item_view", "click_item",
        "product_click", "open", "ansicht", "浏览", "点击", "查看",
    ),
    "cart": (
        "cart", "addtocart", "add_to_cart", "add_cart", "basket", "add_to_basket", "warenkorb", "加购", "加购物车", "加入购物车",
    ),
    "purchase": (
        "purchase", "buy", "transaction", "order", "sale", "bought", "ordered", "checkout", "conversion", "kauf",
        "购买", "下单", "支付",
    ),
    "return": ("return", "refund", "cancel", "cancellation", "rückgabe", "退货", "退款"),
    "review": ("review", "rate", "rating", "评价", "评论"),
    "search": ("search", "query", "view_search_results", "suche", "搜索"),
    "exposure": ("exposure", "impression", "imp", "show", "view_item_list", "曝光", "展示"),
}  # fmt: skip
NUMERIC = ("quantity", "amount", "price", "rating", "position", "propensity")
LABELS = (
    "label", "target", "y", "class", "outcome", "default", "churn", "clicked", "click", "converted", "conversion", "revenue",
    "purchased", "bought", "response", "diagnosis", "fraud", "exited", "survived", "标签",
)  # fmt: skip
# What tells that rows are not purchases: of music and films.
LISTENED = ("artist", "track", "song", "album", "play", "plays", "listen", "movie", "film", "video", "watch")
ORDERS = ("order", "basket", "invoice", "transaction", "bestellung", "bestellnummer", "rechnung", "订单")


def words(name: str) -> str:
    """A column's name as lower-case words; RecBole's types after a colon are left out."""
    name = re.sub(r":(token|float)(_seq)?$", "", name)
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()
    return " ".join(re.findall(r"[a-zäöüß]+|\d+|[\u3400-\u9fff]+", spaced))


def _is_number(value: str) -> bool:
    """Whether a text is a number, with a point or a comma for decimals."""
    if "," in value:
        value = value.replace(".", "").replace(",", ".")
    try:
        float(value)
    except ValueError:
        return False
    return True


def fits(target: str, values: Sequence[str]) -> bool:
    """Whether a column's values can be those of a canonical column."""
    if target in NUMERIC:
        return any(values) and all(_is_number(value) for value in values if value)
    return target != "query" or not any(values) or not all(_is_number(value) for value in values if value)


def by_name(names: Mapping[str, Sequence[str]], columns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Canonical name -> the column whose own name is the likeliest and whose values fit."""
    chosen: dict[str, str] = {}
    spelt = {column: words(column) for column in columns}
    for target, known in names.items():
        free = [column for column in columns if column not in chosen.values() and fits(target, columns[column])]
        match = next((c for name in known for c in free if spelt[c] == name), None)
        match = match or next((c for name in known for c in free if spelt[c].replace(" ", "") == name.replace(" ", "")), None)
        match = match or next((c for name in known for c in free if spelt[c].endswith(f" {name}")), None)
        if match is not None and not (target == "price" and "amount" in chosen):
            chosen[target] = match
    return chosen


def kind_of(word: str) -> str | None:
    """The kind of event that a log's word stands for; None where it is none that we know."""
    plain = "_".join(re.findall(r"[^\W_]+", word.lower()))
    return next((kind for kind, spellings in KINDS.items() if plain in spellings), None)


def kinds(values: Sequence[str]) -> dict[str, str]:
    """The log's words for kinds of events that are not ours, and which of ours they stand for."""
    different = sorted({value for value in values if value and value not in EVENT_KINDS})
    return {word: kind for word in different if (kind := kind_of(word)) is not None}


def item_columns(values: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Canonical name of items -> column, by the columns' names."""
    return by_name(ITEM_NAMES, values)


def user_columns(values: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """user_id -> its column, by the columns' names; every other column is an attribute under its own name."""
    columns = by_name(USER_NAMES, values)
    return columns | {name: name for name in values if name not in columns.values() and name not in columns}


def event_columns(values: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Canonical name of events -> column, by the columns' names and their values as text."""
    columns = by_name(NAMES, values)
    taken = columns.values()
    if "timestamp" not in columns:
        dated = (c for c, texts in values.items() if c not in taken and any(texts) and all(_is_date(t) for t in texts if t))
        if (column := next(dated, None)) is not None:
            columns["timestamp"] = column
    if "event" not in columns:
        known = (c for c, texts in values.items() if c not in taken and any(texts) and all(kind_of(t) for t in set(texts) if t))
        if (column := next(known, None)) is not None:
            columns["event"] = column
    if "user_id" not in columns and "session_id" in columns:
        columns["user_id"] = columns["session_id"]  # of anonymous sessions each is its own user
    return columns


def _is_date(value: str) -> bool:
    return re.match(r"\d{4}-\d\d-\d\d", value) is not None
