"""Public logs and what tools export, some twenty rows of each in its own format, and what a count by hand says of them."""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

T0 = 1_700_000_000  # 2023-11-14 22:13:20 UTC
DAY = 86_400


@dataclass(frozen=True)
class Expected:
    """What is in a log, counted by hand. first: some columns of the row that is first by time (or of the only row that fits)."""

    events: dict[str, int]  # by kind
    users: int
    items: int
    first: dict[str, object] = field(default_factory=dict)
    names: int = 0  # items with a name
    categories: int = 0  # items with a category
    address: str = "{folder}"  # what to give to init


LOGS: dict[str, tuple[Callable[[Path], None], Expected]] = {}


def log(name: str, expected: Expected) -> Callable[[Callable[[Path], None]], Callable[[Path], None]]:
    """Add a log by the name of its preset, or of what is special with it."""

    def add(write: Callable[[Path], None]) -> Callable[[Path], None]:
        LOGS[name] = write, expected
        return write

    return add


def put(folder: Path, name: str, rows: list[str] | list[dict], encoding: str = "utf-8") -> None:
    """Lines of text, or objects as JSON Lines."""
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    (folder / name).write_bytes(("\n".join(lines) + "\n").encode(encoding))


TWENTY = [(1 + k % 4, 10 + k % 5, 1 + k % 5, T0 + k * DAY) for k in range(20)]  # user, item, rating, time
FIRST = {"rating": 1.0, "timestamp": "2023-11-14T22:13:20"}


@log("movielens_1m", Expected({"review": 20}, 4, 5, FIRST | {"user_id": "1", "item_id": "10"}, names=5, categories=5))
def movielens_1m(folder: Path) -> None:
    put(folder, "ratings.dat", [f"{u}::{i}::{r}::{t}" for u, i, r, t in TWENTY])
    put(folder, "movies.dat", [f"{i}::Amélie: {i} (2001)::Comedy|Drama" for i in range(10, 15)], "latin-1")
    put(folder, "users.dat", [f"{u}::F::25::3::55117" for u in range(1, 5)])


@log("movielens_100k", Expected({"review": 20}, 4, 5, FIRST | {"user_id": "1"}, names=5))
def movielens_100k(folder: Path) -> None:
    put(folder, "u.data", [f"{u}\t{i}\t{r}\t{t}" for u, i, r, t in TWENTY])
    put(folder, "u.item", [f'{i}|Toy "Story" {i}|01-Jan-1995||http://x|{"|".join("0" * 19)}' for i in range(10, 15)], "latin-1")
    put(folder, "u.user", [f"{u}|24|M|technician|85711" for u in range(1, 5)])


@log("movielens", Expected({"review": 20}, 4, 5, FIRST, names=5, categories=5))
def movielens(folder: Path) -> None:
    put(folder, "ratings.csv", ["userId,movieId,rating,timestamp", *(f"{u},{i},{r}.0,{t}" for u, i, r, t in TWENTY)])
    put(folder, "movies.csv", ["movieId,title,genres", *(f'{i},"Title, the {i}",Action' for i in range(10, 15))])
    put(folder, "tags.csv", ["userId,movieId,tag,timestamp", f"1,10,good,{T0}"])


@log("recbole_ratings", Expected({"review": 20}, 4, 5, FIRST, names=5, categories=5))
def recbole_ratings(folder: Path) -> None:
    head = "user_id:token\titem_id:token\trating:float\ttimestamp:float"
    put(folder, "ml.inter", [head, *(f"{u}\t{i}\t{r}\t{t}" for u, i, r, t in TWENTY)])
    put(
        folder,
        "ml.item",
        ["item_id:token\tmovie_title:token_seq\tclass:token_seq", *(f'{i}\tThe "{i}\tDrama' for i in range(10, 15))],
    )


@log("recbole", Expected({"view": 20}, 4, 5, {"user_id": "1"}))
def recbole(folder: Path) -> None:
    put(folder, "x.inter", ["user_id:token\titem_id:token\ttimestamp:float", *(f"{u}\t{i}\t{t}.0" for u, i, _, t in TWENTY)])


@log("amazon_2023", Expected({"review": 20}, 4, 5, FIRST | {"user_id": "A1", "item_id": "B10"}, names=5, categories=5))
def amazon_2023(folder: Path) -> None:
    reviews = [
        {
            "rating": float(r), "title": "ok", "text": "很好\nfine", "images": [], "asin": f"B{i}v", "parent_asin": f"B{i}",
            "user_id": f"A{u}", "timestamp": t * 1000, "helpful_vote": 0, "verified_purchase": True,
        }
        for u, i, r, t in TWENTY
    ]  # fmt: skip
    meta = [
        {
            "main_category": "All Beauty", "title": f"Soap {i}", "average_rating": 4.0, "features": ["a"], "price": None,
            "store": "S", "categories": [], "details": {"Brand": "S"}, "parent_asin": f"B{i}",
        }
        for i in range(10, 15)
    ]  # fmt: skip
    put(folder, "All_Beauty.jsonl", reviews)
    put(folder, "meta_All_Beauty.jsonl", meta)


@log("retailrocket", Expected({"view": 10, "cart": 6, "purchase": 4}, 4, 5, {"user_id": "1", "session_id": None}, categories=2))
def retailrocket(folder: Path) -> None:
    rows = ["timestamp,visitorid,event,itemid,transactionid"]
    for k, (u, i, _, t) in enumerate(TWENTY):
        event = ("view", "addtocart", "view", "transaction", "view", "addtocart", "view", "addtocart", "view", "transaction")[
            k % 10
        ]
        rows.append(f"{t * 1000},{u},{event},{i},{4000 + k if event == 'transaction' else ''}")
    put(folder, "events.csv", rows)
    properties = ["timestamp,itemid,property,value", "1000,10,categoryid,7", "2000,10,categoryid,8", "1000,11,categoryid,9"]
    put(folder, "item_properties_part1.csv", [*properties, "1000,11,available,1"])
    put(folder, "item_properties_part2.csv", ["timestamp,itemid,property,value", "1000,12,790,n17280.000"])


@log(
    "rees46",
    Expected({"view": 14, "cart": 3, "purchase": 2, "remove_from_cart": 1}, 4, 5, {"price": 1050, "event": "view"}, categories=5),
)
def rees46(folder: Path) -> None:
    kinds = {3: "cart", 8: "cart", 13: "cart", 4: "purchase", 14: "purchase", 9: "remove_from_cart"}
    rows = ["event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"]
    for k, (u, i, _, _) in enumerate(TWENTY):
        brand = "" if i == 10 else "samsung"
        when = f"2019-10-{k + 1:02d} 00:00:00 UTC"
        rows.append(f"{when},{kinds.get(k, 'view')},{i},20530{i},electronics.phone,{brand},10.5,{u},a-{u}")
    put(folder, "2019-Oct.csv", rows)


@log("taobao", Expected({"view": 12, "purchase": 4, "cart": 3, "fav": 1}, 4, 5, {"user_id": "1"}, categories=5))
def taobao(folder: Path) -> None:
    kinds = ["pv", "pv", "buy", "pv", "cart"] * 3 + ["pv", "pv", "buy", "pv", "fav"]
    put(folder, "UserBehavior.csv", [f"{u},{i},4{i},{kind},{t}" for (u, i, _, t), kind in zip(TWENTY, kinds, strict=True)])


@log("yoochoose", Expected({"view": 20}, 4, 5, {"user_id": "1", "session_id": "1", "timestamp": "2014-04-01T10:51:09.277000"}))
def yoochoose(folder: Path) -> None:
    put(folder, "yoochoose-clicks.dat", [f"{u},2014-04-{k + 1:02d}T10:51:09.277Z,{i},0" for k, (u, i, _, _) in enumerate(TWENTY)])


@log("yoochoose_buys", Expected({"purchase": 20}, 4, 5, {"user_id": "1", "price": 1246200, "quantity": 1.0}))
def yoochoose_buys(folder: Path) -> None:
    put(
        folder,
        "yoochoose-buys.dat",
        [f"{u},2014-04-{k + 1:02d}T18:44:58.314Z,{i},12462,1" for k, (u, i, _, _) in enumerate(TWENTY)],
    )


@log(
    "instacart",
    Expected({"purchase": 21}, 2, 5, {"user_id": "2", "timestamp": "2016-12-02T08:00:00"}, names=5, categories=5),
)
def instacart(folder: Path) -> None:
    orders = ["order_id,user_id,eval_set,order_number,order_dow,order_hour_of_day,days_since_prior_order"]
    orders += ["101,1,prior,1,2,08,", "102,1,prior,2,3,07,15.0", "103,1,train,3,3,12,7.0"]
    orders += ["201,2,prior,1,2,08,", "202,2,prior,2,2,09,30.0", "203,2,test,3,2,09,0.0"]
    put(folder, "orders.csv", orders)
    head = "order_id,product_id,add_to_cart_order,reordered"
    prior = [f"{order},{item},{k + 1},0" for order in (101, 102, 201, 202) for k, item in enumerate((11, 12, 13, 14))]
    put(folder, "order_products__prior.csv", [head, *prior])
    put(folder, "order_products__train.csv", [head, *(f"103,{item},{k + 1},1" for k, item in enumerate((11, 12, 13, 14, 15)))])
    products = [f'{i},"Tea, green {i}",{1 + i % 2},1' for i in range(11, 16)]
    put(folder, "products.csv", ["product_id,product_name,aisle_id,department_id", *products])
    put(folder, "aisles.csv", ["aisle_id,aisle", "1,tea", "2,spices seasonings"])
    put(folder, "departments.csv", ["department_id,department", "1,pantry"])


@log("ta_feng", Expected({"purchase": 20}, 4, 5, {"user_id": "0001", "price": 30, "quantity": 2.0}, categories=5))
def ta_feng(folder: Path) -> None:
    rows = [
        '"TRANSACTION_DT","CUSTOMER_ID","AGE_GROUP","PIN_CODE","PRODUCT_SUBCLASS","PRODUCT_ID","AMOUNT","ASSET","SALES_PRICE"'
    ]
    rows += [
        f'"11/{k + 1}/2000","000{u}","45-49","115","1105{i}","471{i}","2","24","60"' for k, (u, i, _, _) in enumerate(TWENTY)
    ]
    put(folder, "ta_feng_all_months_merged.csv", rows)


@log(
    "online_retail",
    Expected(
        {"purchase": 20},
        4,
        5,
        {"session_id": "536360", "quantity": 6.0, "price": 255, "timestamp": "2010-12-01T08:26:00"},
        names=5,
    ),
)
def online_retail(folder: Path) -> None:
    rows = ["InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"]
    for k, (u, i, _, _) in enumerate(TWENTY):
        customer = "" if k == 7 else f"1785{u}.0"
        rows.append(
            f"5363{60 + k},8512{i},WHITE HEART £ {i},{'-1' if k == 9 else 6},12/{k + 1}/2010 8:26,2.55,{customer},United Kingdom"
        )
    put(folder, "data.csv", rows, "cp1252")


@log("online_retail_2", Expected({"purchase": 20}, 4, 5, {"session_id": "489434", "quantity": 12.0, "price": 695}, names=5))
def online_retail_2(folder: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"])
    for k, (u, i, _, _) in enumerate(TWENTY):
        when = datetime(2009, 12, 1 + k, 7, 45)
        sheet.append([489434 + k, f"8504{i}" if k % 5 else 85040 + i, f"LIGHTS {i}", 12, when, 6.95, 13085 + u, "United Kingdom"])
    book.save(folder / "online_retail_II.xlsx")


@log(
    "mind",
    Expected({"exposure": 20, "view": 7}, 4, 5, {"session_id": "1", "timestamp": "2019-11-01T09:05:58"}, names=5, categories=5),
)
def mind(folder: Path) -> None:
    rows = []
    for k in range(5):
        shown = [f"N{10 + j}-{int(j == k % 4)}" for j in range(3)]
        shown += [f"N{13 + k % 2}-{int(k in (0, 1, 3))}"]
        rows.append(f"{k + 1}\tU{1 + k % 4}\t11/{k + 1}/2019 9:05:58 AM\t{'N10 N11' if k else ''}\t{' '.join(shown)}")
    put(folder, "behaviors.tsv", rows)
    put(folder, "news.tsv", [f'N{i}\tsports\tgolf\tA "quote {i}\t\thttps://x\t[]\t[]' for i in range(10, 15)])


@log("kuairec", Expected({"view": 20}, 4, 5, {"rating": 0.5, "timestamp": "2023-11-14T22:13:20.500000"}))
def kuairec(folder: Path) -> None:
    rows = ["user_id,video_id,play_duration,video_duration,time,date,timestamp,watch_ratio"]
    rows += [f"{u},{i},5000,10000,2020-07-05 00:08:23.438,20200705.0,{t}.5,0.5" for u, i, _, t in TWENTY]
    put(folder, "big_matrix.csv", rows)


@log("esci", Expected({"review": 20}, 4, 5, {"rating": 3.0, "query": "red 杯"}, names=5))
def esci(folder: Path) -> None:
    examples = {
        "example_id": list(range(20)),
        "query": ["red 杯"] * 20,
        "query_id": [u for u, _, _, _ in TWENTY],
        "product_id": [f"B{i}" for _, i, _, _ in TWENTY],
        "product_locale": ["us"] * 20,
        "esci_label": ["E"] * 20,
        "small_version": [1] * 20,
        "split": ["train"] * 20,
    }
    pq.write_table(pa.table(examples), folder / "shopping_queries_dataset_examples.parquet")
    ids = [f"B{i}" for i in range(10, 15)]
    products = {
        "product_id": ids,
        "product_title": [f"Cup {i}" for i in ids],
        "product_brand": ["x"] * 5,
        "product_locale": ["us"] * 5,
    }
    pq.write_table(pa.table(products), folder / "shopping_queries_dataset_products.parquet")


@log(
    "ga4",
    Expected(
        {"view": 9, "cart": 5, "purchase": 4, "search": 2}, 4, 5, {"session_id": "c1-77", "price": 1250}, names=5, categories=5
    ),
)
def ga4(folder: Path) -> None:
    names = ["view_item", "view_item", "add_to_cart", "purchase"] * 4
    names += ["view_search_results", "add_to_cart", "session_start", "view_search_results"]
    tea = {"item_category": "tea", "item_brand": "b", "price": 12.5, "quantity": 1}
    rows = []
    for k, name in enumerate(names):
        sold = [k % 5, 1] if k == 0 else [k % 5] if "_item" in name or name in ("add_to_cart", "purchase") else []
        parameters = [{"key": "ga_session_id", "value": {"string_value": None, "int_value": "77"}}]
        if name == "view_search_results":
            parameters.append({"key": "search_term", "value": {"string_value": "green tea", "int_value": None}})
        rows.append(
            {
                "event_date": "20231114", "event_timestamp": str((T0 + k * DAY) * 1_000_000), "event_name": name,
                "user_pseudo_id": f"c{1 + k % 4}", "event_params": parameters,
                "items": [{"item_id": f"SKU{item}", "item_name": f"Tea {item}", **tea} for item in sold],
            }
        )  # fmt: skip
    put(folder, "events_20231114.json", rows)


@log("snowplow", Expected({"view": 12, "cart": 4, "purchase": 5}, 4, 5, {"session_id": "s1"}, names=5, categories=5))
def snowplow(folder: Path) -> None:
    product, action = (
        "contexts_com_snowplowanalytics_snowplow_ecommerce_product_1",
        "unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1",
    )
    rows = []
    for k in range(20):
        kind = ["product_view", "product_view", "add_to_cart", "transaction", "product_view"][k % 5]
        products = [
            {"id": f"p{k % 5}", "name": f"Pot {k % 5}", "category": "home", "price": 9.99, "quantity": 1, "currency": "EUR"}
        ]
        if k == 3:
            products.append({"id": "p0", "name": "Pot 0", "category": "home", "price": 9.99, "quantity": 2, "currency": "EUR"})
        rows.append(
            {
                "event_id": f"e{k}", "domain_userid": f"d{1 + k % 4}", "domain_sessionid": f"s{1 + k % 4}",
                "event_name": "snowplow_ecommerce_action", "collector_tstamp": f"2024-01-{k + 1:02d}T10:00:00.000Z",
                product: products, action: {"type": kind},
            }
        )  # fmt: skip
    ping = {"event_id": "ping", "domain_userid": "d1", "domain_sessionid": "s1", "event_name": "page_ping"}
    rows.append({**ping, "collector_tstamp": "2024-01-03T10:00:00Z"})
    put(folder, "enriched.jsonl", rows)


def ubi_event(k: int, **more: object) -> dict:
    """An event of OpenSearch UBI."""
    action = ["click", "impression", "add_to_cart", "impression"][k % 4]
    place = {"object": {"object_id": f"p{k % 5}", "object_id_field": "id"}, "position": {"ordinal": 1 + k % 3}}
    day = f"2024-01-{k + 1:02d}T10:00:00.000Z"
    return {
        "action_name": action,
        "query_id": f"q-{k}",
        "client_id": f"c-{1 + k % 4}",
        **more,
        "timestamp": day,
        "event_attributes": place,
    }


@log("ubi", Expected({"view": 5, "exposure": 10, "cart": 5}, 4, 5, {"query": "red cup ☕", "item_id": "p0", "position": 1}))
def ubi(folder: Path) -> None:
    put(folder, "ubi_events.jsonl", [ubi_event(k, user_query="red cup ☕") for k in range(20)])


@log("ubi_queries", Expected({"view": 5, "exposure": 10, "cart": 5, "search": 20}, 4, 5, {"query": "red cup ☕"}))
def ubi_queries(folder: Path) -> None:
    put(folder, "ubi_events.jsonl", [ubi_event(k) for k in range(20)])
    queries = [
        {
            "query_id": f"q-{k}",
            "client_id": f"c-{1 + k % 4}",
            "user_query": "red cup ☕",
            "timestamp": f"2024-01-{k + 1:02d}T09:59:00.000Z",
        }
        for k in range(20)
    ]
    put(folder, "ubi_queries.jsonl", queries)


@log("trec_qrels", Expected({"review": 20}, 4, 5, {"rating": None}))
def trec_qrels(folder: Path) -> None:
    put(folder, "robust.qrels", [f"q{u} 0 FBIS3-{i} {r - 2}" for u, i, r, _ in TWENTY])


@log("trec_run", Expected({"exposure": 20}, 4, 5, {"position": None}))
def trec_run(folder: Path) -> None:
    put(folder, "bm25.run", [f"q{u} Q0 d{i} {r} {10.5 - r} bm25" for u, i, r, _ in TWENTY])


@log(
    "assay_events",
    Expected(
        {"exposure": 12, "search": 4, "view": 6, "purchase": 4, "review": 2},
        4,
        5,
        {"event": "search", "user_id": "u1", "query": "red cup ☕", "list_id": "l0", "timestamp": "2023-11-14T22:13:20"},
        address="sqlite:///{folder}/events.db",
    ),
)
def assay_events(folder: Path) -> None:
    """The table as the journal makes it, filled by hand: four searches, each with a list of three, and what came of them."""
    with sqlite3.connect(folder / "events.db") as c:
        c.execute(
            """CREATE TABLE assay_events (event_no INTEGER PRIMARY KEY, batch_key VARCHAR(160), received_us BIGINT,
            event VARCHAR(64), time_us BIGINT, user_id VARCHAR(200), item_id VARCHAR(200), session_id VARCHAR(200),
            list_id VARCHAR(200), query VARCHAR(1000), quantity DOUBLE PRECISION, price DOUBLE PRECISION, rating DOUBLE PRECISION,
            position BIGINT, propensity DOUBLE PRECISION, model VARCHAR(200), run VARCHAR(200))"""
        )
        c.execute("CREATE TABLE assay_event_batches (batch_key VARCHAR(160) PRIMARY KEY, digest VARCHAR(64))")
        c.execute("CREATE TABLE an_empty_one (item_id TEXT, name TEXT)")
        columns = "event, time_us, user_id, item_id, list_id, query, price, rating, position, propensity"
        for k in range(4):
            user, name, at = f"u{1 + k}", f"l{k}", (T0 + k * DAY) * 1_000_000
            rows = [("search", at, user, None, name, "red cup ☕", None, None, None, None)]
            rows += [
                ("exposure", at + p, user, str(10 + (k + p) % 5), name, "red cup ☕", None, None, p, 0.5 if p < 3 else 0.25)
                for p in (1, 2, 3)
            ]
            rows += [("view", at + 60_000_000, user, str(10 + (k + 1) % 5), name, None, None, None, 1, None)]
            rows += [("purchase", at + 90_000_000, user, str(10 + (k + 1) % 5), name, None, 12.5, None, None, None)]
            if k < 2:
                rows += [("view", at + 70_000_000, user, str(10 + (k + 2) % 5), name, None, None, None, 2, None)]
                rows += [("review", at + 99_000_000, user, str(10 + (k + 1) % 5), None, None, None, 4.5, None, None)]
            c.executemany(f"INSERT INTO assay_events ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


@log(
    "excel in German",
    Expected(
        {"purchase": 20},
        4,
        5,
        {"user_id": "Müller1", "price": 123450, "quantity": 2.0, "timestamp": "2024-01-01T08:05:00"},
        names=5,
    ),
)
def german(folder: Path) -> None:
    rows = ["Kunde;Artikelnummer;Bezeichnung;Menge;Preis;Datum"]
    rows += [f"Müller{u};{i};Stühle {i};2;1.234,50;{k + 1:02d}.01.2024 08:05" for k, (u, i, _, _) in enumerate(TWENTY)]
    put(folder, "Umsätze.csv", rows, "cp1252")


@log(
    "excel in Chinese",
    Expected(
        {"view": 10, "purchase": 10}, 4, 5, {"user_id": "张1", "timestamp": "2024-01-01T08:05:00", "event": "view"}, categories=5
    ),
)
def chinese(folder: Path) -> None:
    rows = ["用户ID,商品ID,行为类型,时间,类目"]
    rows += [f"张{u},{i},{'购买' if k % 2 else '浏览'},2024/1/{k + 1} 8:05,茶具" for k, (u, i, _, _) in enumerate(TWENTY)]
    put(folder, "行为日志.csv", rows, "gbk")
