#!/usr/bin/env python3
"""Makes up a year of purchases of households, with the truth about which identifier belongs to which household.

    households.py --households N --out MESSAGES.ndjson --truth TRUTH.csv [--seed S]

Every identifier belongs to one household and is in its normal form, so summarize.py and agree.py can compute the figures without a
resolver. Each message names some of a household's identifiers, and an `identify` in between connects all of them. Orders are repeated,
corrected and late. The same seed makes the same files. Python's standard library only.
"""
import argparse
import csv
import datetime
import json
import random

FIRST_DAY = datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc)
PRODUCTS = [(f"p-{number}", f"Product {number}", f"Category {number % 7}", 500 * (number % 23 + 1)) for number in range(60)]


def identifiers_of(household, rng):
    own = [("external_id", f"h-{household}"), ("email", f"h{household}@example.com")]
    own += [("phone", f"+8210{household:06}{number:02}") for number in range(rng.randint(1, 2))]
    own += [("device_id", f"device-{household}-{number}") for number in range(rng.randint(0, 3))]
    return own


def timestamp(rng):
    at = FIRST_DAY + datetime.timedelta(milliseconds=rng.randrange(365 * 24 * 3600 * 1000))
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def message(kind, number, identifiers, rng):
    named = {}
    for name, value in identifiers:
        named.setdefault(name, []).append(value)
    return {"message_id": f"m-{number}", "type": kind, "timestamp": timestamp(rng), "source": rng.choice(["crm", "pos", "web"]),
            "identifiers": named}


def order(number, identifiers, rng):
    items = [
        {"df_item_id": item, "df_item_name": name, "df_category1": category, "df_price": price, "df_quantity": rng.randint(1, 4),
         "df_discount": rng.choice([0, 0, 50])}
        for item, name, category, price in rng.sample(PRODUCTS, rng.randint(1, 5))
    ]
    purchase = message("event", number, identifiers, rng)
    return purchase | {"event": "df_purchase", "properties": {"df_order_id": f"o-{number}", "df_items": items}}


def messages_of(household, own, rng):
    """A connecting message, and some orders, each under a few of the identifiers."""
    numbers = (f"{household}-{number}" for number in range(1_000))
    yield message("identify", next(numbers), own, rng)
    for _ in range(rng.randint(0, 40)):
        purchase = order(next(numbers), rng.sample(own, rng.randint(1, len(own))), rng)
        yield purchase
        if rng.random() < 0.05:
            yield purchase
        if rng.random() < 0.05:
            correction = order(next(numbers), rng.sample(own, 1), rng)
            correction["properties"]["df_order_id"] = purchase["properties"]["df_order_id"]
            yield correction


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--households", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", required=True)
    parser.add_argument("--truth", required=True)
    args = parser.parse_args()

    rng = random.Random(args.seed)
    messages = []
    with open(args.truth, "w", encoding="utf-8", newline="") as file:
        truth = csv.writer(file, lineterminator="\n")
        truth.writerow(["kind", "value", "household"])
        for household in range(args.households):
            own = identifiers_of(household, rng)
            truth.writerows([*identifier, household] for identifier in own)
            messages.extend(messages_of(household, own, rng))
    rng.shuffle(messages)
    with open(args.out, "w", encoding="utf-8") as out:
        for each in messages:
            out.write(json.dumps(each, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
