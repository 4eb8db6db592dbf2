#!/usr/bin/env python3
"""Computes purchase summaries a second time, independently of `core`, and compares.

    summarize.py MESSAGES.ndjson TRUTH.csv --as-of DATE [--out FILE]
    summarize.py MESSAGES.ndjson TRUTH.csv --as-of DATE --compare SUMMARY.ndjson PARTITION.csv

Who is who comes from TRUTH.csv (kind,value,household), not from a resolver; the rules are those of docs/design.md,
sections 7 and 8, written as SQL for DuckDB. Each rule is quoted where it is applied. The policy is the default one
(Asia/Seoul, KRW). Identifiers must be in their normal forms, as households.py writes them.

`--out` writes one JSON object a household, sorted by household. `--compare` checks PARTITION.csv (of `profile360
resolve`) against the truth, and every line of SUMMARY.ndjson (of `profile360 summarize`) against the figures
computed here; it prints counts and the first differences, and exits with 1 if there are any.

Needs the PyPI packages duckdb and pyarrow.
"""
import argparse
import calendar
import collections
import csv
import datetime
import decimal
import json
import sys

import duckdb
import pyarrow as pa

POLICY_CURRENCY = "KRW"
WINDOWS = (3, 6, 12)
RANKS = 3
WEEKDAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
DIFFERENCES_SHOWN = 10

# Amounts are decimals from the JSON text to the answer. DuckDB's own JSON reader goes through floats, so Python reads.
# A sum of DECIMAL(28, 8) is DECIMAL(38, 8) in DuckDB; what does not fit exactly is an error, never rounded.
AMOUNT = pa.decimal128(28, 8)
decimal.getcontext().prec = 60

PURCHASES = pa.schema([
    ("household", pa.int64()), ("message_id", pa.string()), ("order_key", pa.string()),
    ("bought_at", pa.timestamp("us", tz="UTC")), ("currency", pa.string()), ("amount", AMOUNT),
])
LINES = pa.schema([
    ("message_id", pa.string()), ("line_no", pa.int32()), ("item_id", pa.string()), ("name", pa.string()),
    ("category", pa.string()), ("units", pa.int64()), ("amount", AMOUNT),
])


# ---------------------------------------------------------------------------------------------------------- reading


def read_truth(path):
    """Which household owns an identifier: {(kind, value): household}."""
    with open(path, encoding="utf-8", newline="") as file:
        return {(row["kind"], row["value"]): int(row["household"]) for row in csv.DictReader(file)}


def household_of(message, truth):
    owners = set()
    for kind, values in message["identifiers"].items():
        for value in values if isinstance(values, list) else [values]:
            owners.add(truth[kind, value])
    if len(owners) != 1:
        raise ValueError(f"message {message['message_id']} carries identifiers of {len(owners)} households")
    return owners.pop()


def instant(text):
    return datetime.datetime.fromisoformat(text).astimezone(datetime.timezone.utc)


def text_or_none(value):
    """"" is as good as absent; a number is its text."""
    return None if value is None or value == "" else str(value)


def number(item, field, default):
    """null means absent; 0 does not."""
    return default if item.get(field) is None else item[field]


def line_amount(item):
    """Section 3: `df_line_amount`, what was paid for the line; else price x quantity - discount."""
    if item.get("df_line_amount") is not None:
        return item["df_line_amount"]
    return number(item, "df_price", 0) * number(item, "df_quantity", 1) - number(item, "df_discount", 0)


def read_purchases(path, truth):
    """The `df_purchase` messages and their lines, as two Arrow tables. "Only `df_purchase` counts.\""""
    purchases = {name: [] for name in PURCHASES.names}
    lines = {name: [] for name in LINES.names}
    seen = set()
    with open(path, encoding="utf-8") as file:
        for text in file:
            message = json.loads(text, parse_float=decimal.Decimal)
            # Section 3: `message_id` is the idempotency key, a repeat changes nothing.
            if message["message_id"] in seen:
                continue
            seen.add(message["message_id"])
            if message.get("event") != "df_purchase":
                continue
            properties = message.get("properties", {})
            items = properties.get("df_items", [])
            # Section 8: its amount is `df_total_purchase_amount` (else the sum of its lines).
            amount = properties.get("df_total_purchase_amount")
            if amount is None:
                amount = sum(line_amount(item) for item in items)
            # Section 7: each order once (by `df_order_id`, else by message).
            order_id = text_or_none(properties.get("df_order_id"))
            append(purchases, (
                household_of(message, truth),
                message["message_id"],
                # Sorts orders with an ID before those without.
                f"id {order_id}" if order_id else f"message {message['message_id']}",
                instant(message["timestamp"]),
                (properties.get("df_currency") or POLICY_CURRENCY).upper(),
                decimal.Decimal(amount),
            ))
            for position, item in enumerate(items):
                append(lines, (
                    message["message_id"],
                    position,
                    text_or_none(item.get("df_item_id")),
                    text_or_none(item.get("df_item_name")),
                    text_or_none(item.get("df_category1")),
                    number(item, "df_quantity", 1),
                    decimal.Decimal(line_amount(item)),
                ))
    return pa.table(purchases, schema=PURCHASES), pa.table(lines, schema=LINES)


def append(columns, row):
    for column, value in zip(columns.values(), row, strict=True):
        column.append(value)


# ------------------------------------------------------------------------------------------------------- date rules


def minus_months(day, months):
    """Months subtracted by the calendar, the day clamped to the month's end."""
    month = day.year * 12 + day.month - 1 - months
    year, month = month // 12, month % 12 + 1
    return datetime.date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def purchase_window(as_of, months):
    """"The last day is `as_of` - 1 day, the first is the day after (last day - N months).\""""
    last = as_of - datetime.timedelta(days=1)
    return minus_months(last, months) + datetime.timedelta(days=1), last


def ranking_window(as_of, months):
    """"The last N full calendar months before `as_of`'s month.\""""
    month_start = as_of.replace(day=1)
    return minus_months(month_start, months), month_start - datetime.timedelta(days=1)


# ------------------------------------------------------------------------------------------------------- the figures

# Section 7: "Of several messages with one order ID the latest (time, then message ID) is the order, a correction, and
# it belongs to that message's facet." Section 8: all dates are in the policy's time zone, all amounts in one currency:
# "the policy's, default KRW, or, where the customer never paid in that, the one used most" (of two used as often, the
# first in the alphabet). "Never" is literal: purchases on and after the date count for the choice of currency,
# and for nothing else.
ORDERS = f"""
create table orders as
with latest as (
    select *, bought_at at time zone 'Asia/Seoul' as local from purchases
    qualify row_number() over (partition by order_key order by bought_at desc, message_id desc) = 1
),
chosen as (
    select household, currency from latest
    group by household, currency
    qualify row_number() over (
        partition by household order by (currency = '{POLICY_CURRENCY}') desc, count(*) desc, currency) = 1
)
select latest.*, local::date as day from latest join chosen using (household, currency)
"""

# "Number, amount and average of purchases in each window; a purchase is one order."
PURCHASE_WINDOWS = """
select household, months, count(*), sum(amount)
from orders join purchase_windows on day between first_day and last_day
group by household, months
"""

# "First and last purchase date, most purchased weekday and hour (0 to 23): all purchases up to the previous day; ties
# by amount, then the earlier weekday or hour." A week starts on Monday: isodow is 1 to 7.
FIRST_AND_LAST = "select household, min(day), max(day) from orders group by household"
PEAK = """
select household, {part} from orders
group by household, {part}
qualify row_number() over (partition by household order by count(*) desc, sum(amount) desc, {part}) = 1
"""

# "Categories are `df_category1`. Products go by `df_item_id`, shown under the newest name, or by name where there is no
# ID. Rank by units bought (`df_quantity`, default 1), ties by amount, then by most recent purchase, then by name: a
# total order. (By amount the first tie is the units.) Lines without a category, or without ID and name, stay out of that ranking." The newest name is that of
# the latest line of the window (time, then order, then position) that has one. Two items may share a name: the key
# decides last.
MEASURES = {"UNITS": "units desc, amount desc", "AMOUNT": "amount desc, units desc"}
RANKING = f"""
with bought as (
    select household, months, order_key, bought_at, line_no, units, lines.amount as amount, {{key}} as key, {{name}} as name
    from lines join orders using (message_id) join ranking_windows on day between first_day and last_day
),
items as (
    select household, months, key,
        coalesce(arg_max(name, (bought_at, order_key, line_no)) filter (name is not null), key) as name,
        sum(units) as units, count(distinct order_key) as orders, sum(amount) as amount, max(bought_at) as last_at
    from bought where key is not null
    group by household, months, key
),
ranked as (
    select *, row_number() over (
        partition by household, months order by {{measure}}, last_at desc, name, key) as rank
    from items
)
select household, months, rank, key, name, units, orders, amount, last_at from ranked
where rank <= {RANKS} order by household, months, rank
"""
RANKINGS = {
    "topCategories": {"key": "category", "name": "category"},
    "topProducts": {"key": "coalesce(item_id, name)", "name": "name"},
}


def ranking_field(field, measure):
    """The name of a ranking in a summary: by units it is the field's own."""
    return field if measure == "UNITS" else f"{field}By{measure.capitalize()}"


def summaries(purchases, lines, households, as_of, measures=("UNITS",)):
    """{household: summary}, the fields as in `type PurchaseInfo` of schema.graphql; every household has one."""
    base = duckdb.connect(config={"preserve_insertion_order": False})
    base.register("purchases", purchases)
    base.register("lines", lines)
    base.execute("set TimeZone = 'UTC'")
    result = compute(base, households, as_of, measures)
    base.close()
    return result


def compute(base, households, as_of, measures):
    """The summaries of a DuckDB database that has `purchases` and `lines`."""
    for name, bounds in (("purchase_windows", purchase_window), ("ranking_windows", ranking_window)):
        base.execute(f"create table {name} (months int, first_day date, last_day date)")
        base.executemany(f"insert into {name} values (?, ?, ?)", [(n, *bounds(as_of, n)) for n in WINDOWS])
    base.execute(ORDERS)

    result = {household: empty_summary(household, as_of, measures) for household in sorted(households)}
    for household, currency in base.execute("select distinct household, currency from orders").fetchall():
        result[household]["currency"] = currency
    base.execute("delete from orders where day >= ?", [as_of])
    for household, months, count, amount in base.execute(PURCHASE_WINDOWS).fetchall():
        window = result[household]["windows"][WINDOWS.index(months)]
        window.update(count=count, amount=plain(amount), average=average(amount, count))
    for household, first, last in base.execute(FIRST_AND_LAST).fetchall():
        result[household].update(firstPurchaseDate=first.isoformat(), lastPurchaseDate=last.isoformat())
    for household, weekday in base.execute(PEAK.format(part="isodow(local)")).fetchall():
        result[household]["peakWeekday"] = WEEKDAYS[weekday - 1]
    for household, hour in base.execute(PEAK.format(part="hour(local)")).fetchall():
        result[household]["peakHour"] = hour
    for field, parts in RANKINGS.items():
        for measure in measures:
            query = RANKING.format(**parts, measure=MEASURES[measure])
            for household, months, rank, key, name, units, orders, amount, last_at in base.execute(query).fetchall():
                result[household][ranking_field(field, measure)][WINDOWS.index(months)]["items"].append({
                    "rank": rank, "key": key, "name": name, "units": int(units), "orders": orders,
                    "amount": plain(amount), "lastPurchasedAt": rfc3339(last_at),
                })
    return result


def empty_summary(household, as_of, measures):
    windows = []
    for months in WINDOWS:
        first, last = purchase_window(as_of, months)
        windows.append({
            "months": months, "from": first.isoformat(), "to": last.isoformat(),
            "count": 0, "amount": "0", "average": None,
        })
    return {
        "household": household, "currency": POLICY_CURRENCY, "windows": windows,
        "peakWeekday": None, "peakHour": None, "firstPurchaseDate": None, "lastPurchaseDate": None,
        **{ranking_field(field, measure): [{"months": months, "items": []} for months in WINDOWS]
           for field in RANKINGS for measure in measures},
    }


def plain(number):
    """A decimal without an exponent and without trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def average(amount, count):
    """To four decimal places, half to even."""
    return plain((amount / count).quantize(decimal.Decimal("0.0001"), decimal.ROUND_HALF_EVEN))


def rfc3339(time):
    """In UTC, with 0, 3 or 6 decimal places of a second, as many as are needed."""
    digits = "seconds" if time.microsecond == 0 else "milliseconds" if time.microsecond % 1000 == 0 else "microseconds"
    return time.astimezone(datetime.timezone.utc).isoformat(timespec=digits).replace("+00:00", "Z")


# --------------------------------------------------------------------------------------------------------- comparing


def compare_partition(truth, path):
    """The household of each unified ID, and what is wrong with the partition."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = {(row["kind"], row["value"]): row["unified_id"] for row in rows}
    differences = []
    if len(found) != len(rows):
        differences.append(f"partition: {len(rows) - len(found)} identifiers are there more than once")
    differences += [f"partition: {kind} {value} is missing" for kind, value in sorted(truth.keys() - found.keys())]
    differences += [f"partition: {kind} {value} is not in the truth" for kind, value in sorted(found.keys() - truth.keys())]

    ids_of, households_of = collections.defaultdict(set), collections.defaultdict(set)
    for identifier in truth.keys() & found.keys():
        ids_of[truth[identifier]].add(found[identifier])
        households_of[found[identifier]].add(truth[identifier])
    for household, ids in sorted(ids_of.items()):
        if len(ids) > 1:
            differences.append(f"partition: household {household} is split over {len(ids)} unified IDs: {sorted(ids)}")
    for unified_id, households in sorted(households_of.items()):
        if len(households) > 1:
            differences.append(f"partition: {unified_id} joins households {sorted(households)}")
    print(f"partition: {len(found)} identifiers, {len(households_of)} unified IDs; "
          f"truth: {len(truth)} identifiers, {len(set(truth.values()))} households; {len(differences)} differences")
    return {unified_id: min(households) for unified_id, households in households_of.items()}, differences


def compare_summaries(expected, household_of_id, path):
    differences, compared, figures = [], set(), 0
    with open(path, encoding="utf-8") as file:
        for text in file:
            actual = json.loads(text)
            household = household_of_id.get(actual["unifiedId"])
            if household is None or household in compared:
                why = "is not in the partition" if household is None else f"is a second line of household {household}"
                differences.append(f"summary: {actual['unifiedId']} {why}")
                continue
            compared.add(household)
            for field, value in expected[household].items():
                if field == "household":
                    continue
                figures += count_leaves(value)
                differences += differing(f"summary: household {household}: {field}", value, actual.get(field, "(absent)"))
    differences += [f"summary: household {it} is missing" for it in sorted(expected.keys() - compared)]
    print(f"summaries: {len(compared)} compared, of {len(expected)} households; "
          f"{figures} figures; {len(differences)} differences")
    return differences


def count_leaves(value):
    if isinstance(value, (list, dict)):
        return sum(count_leaves(it) for it in (value.values() if isinstance(value, dict) else value))
    return 1


def differing(path, expected, actual):
    """The paths at which two JSON values differ; what `actual` has in addition does not matter, save in lists."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return [it for key in expected for it in differing(f"{path}.{key}", expected[key], actual.get(key, "(absent)"))]
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        return [it for at, pair in enumerate(zip(expected, actual)) for it in differing(f"{path}[{at}]", *pair)]
    if type(expected) is type(actual) and expected == actual:
        return []
    return [f"{path}: expected {json.dumps(expected, ensure_ascii=False)}, got {json.dumps(actual, ensure_ascii=False)}"]


def report(differences):
    """Prints the first differences; the exit status."""
    for difference in differences[:DIFFERENCES_SHOWN]:
        print(difference)
    if len(differences) > DIFFERENCES_SHOWN:
        print(f"... and {len(differences) - DIFFERENCES_SHOWN} more")
    return 1 if differences else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("messages")
    parser.add_argument("truth")
    parser.add_argument("--as-of", type=datetime.date.fromisoformat, required=True, metavar="DATE")
    parser.add_argument("--out", metavar="FILE")
    parser.add_argument("--compare", nargs=2, metavar=("SUMMARY", "PARTITION"))
    args = parser.parse_args()

    truth = read_truth(args.truth)
    expected = summaries(*read_purchases(args.messages, truth), set(truth.values()), args.as_of)
    if args.out:
        with open(args.out, "w", encoding="utf-8") as out:
            for summary in expected.values():
                out.write(json.dumps(summary, ensure_ascii=False, separators=(",", ":")) + "\n")
    if args.compare:
        summary_path, partition_path = args.compare
        household_of_id, differences = compare_partition(truth, partition_path)
        differences += compare_summaries(expected, household_of_id, summary_path)
        sys.exit(report(differences))


if __name__ == "__main__":
    main()
