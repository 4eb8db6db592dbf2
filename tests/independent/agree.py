#!/usr/bin/env python3
"""Compares the whole program with an independent computation, in one command.

    agree.py MESSAGES.ndjson TRUTH.csv --program PROFILE360 --as-of DATE… [--pairs N] [--folder DIR]

For every household of the truth, at each of the dates, by units and by amount, the figures of summarize.py (SQL, in
DuckDB) are compared with

* `profile360 resolve` and `profile360 summarize` (by units, which is what that prints),
* a running server, over GraphQL, after an import of the same messages,
* the same server after N pairs of households were merged by hand: each pair is one household then,
* and after each of these merges was reverted: the figures and the unified IDs are those of before.

It prints what agreed and the first differences, and exits with 1 if there are any. The base is made in DIR (a temporary
folder, gone at the end, unless one is named). Needs the PyPI packages duckdb and pyarrow.
"""
import argparse
import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.request

import pyarrow as pa

import summarize

# The secret makes unified IDs equal in all commands and in the database.
ENVIRONMENT = {**os.environ, "PROFILE360_ID_SECRET": "an independent computation"}
# Each has some nineteen aliases, and the server answers a hundred.
CUSTOMERS_AT_ONCE = 5
ITEM = "rank key name units orders amount lastPurchasedAt"


def run(program, *arguments):
    done = subprocess.run([program, *arguments], env=ENVIRONMENT, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{pathlib.Path(program).name} {arguments[0]} failed: {done.stderr or done.stdout}")


class Server:
    """A running server, stopped at the end."""

    def __init__(self, program, database):
        # A request asks for several customers at several dates.
        arguments = [program, "serve", "--db", database, "--listen", "127.0.0.1:0", "--limit-aliases", "10000"]
        self.process = subprocess.Popen(
            arguments, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline().strip()
        if not line.startswith("listening on "):
            sys.exit("the server did not start")
        self.address = line.removeprefix("listening on ")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def ask(self, query, **variables):
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.address}/graphql", body, {"content-type": "application/json"})
        # Never through a proxy: the server is on this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request) as response:
            answer = json.load(response)
        if answer.get("errors"):
            sys.exit(f"the server answered {answer['errors'][0]}")
        return answer["data"]

    def unified_ids(self):
        ids, after = [], None
        while True:
            page = self.ask("query($after: String) { profiles(first: 200, after: $after) {"
                            " nodes { unifiedId } pageInfo { hasNextPage endCursor } } }", after=after)["profiles"]
            ids += [it["unifiedId"] for it in page["nodes"]]
            if not page["pageInfo"]["hasNextPage"]:
                return ids
            after = page["pageInfo"]["endCursor"]

    def summaries(self, ids, as_of, measures):
        """{unified ID: summary}, the fields as summarize.py names them."""
        rankings = {
            f"{summarize.ranking_field(field, measure)}{months}": f"{field}(months: {months}, by: {measure}) {{ {ITEM} }}"
            for field in summarize.RANKINGS for measure in measures for months in summarize.WINDOWS
        }
        fragment = ("fragment Bought on Profile { purchases { currency windows { months from to count amount average }"
                    " peakWeekday peakHour firstPurchaseDate lastPurchaseDate "
                    + " ".join(f"{alias}: {asked}" for alias, asked in rankings.items()) + " } }")
        result = {}
        for start in range(0, len(ids), CUSTOMERS_AT_ONCE):
            chunk = ids[start:start + CUSTOMERS_AT_ONCE]
            asked = " ".join(f'p{at}: profile(by: {{ unifiedId: "{it}" }}, asOf: "{as_of}") {{ ...Bought }}'
                             for at, it in enumerate(chunk))
            data = self.ask(f"{{ {asked} }} {fragment}")
            for at, unified_id in enumerate(chunk):
                bought = data[f"p{at}"]["purchases"]
                for field in summarize.RANKINGS:
                    for measure in measures:
                        name = summarize.ranking_field(field, measure)
                        bought[name] = [{"months": it, "items": bought.pop(f"{name}{it}")} for it in summarize.WINDOWS]
                result[unified_id] = bought
        return result


def compare(what, expected, household_of_id, actual):
    """Compares every figure of every household with the customer of the server."""
    differences, figures = [], 0
    found = {household_of_id[it]: bought for it, bought in actual.items() if it in household_of_id}
    differences += [f"{what}: household {it} is missing" for it in sorted(expected.keys() - found.keys())]
    differences += [f"{what}: {unified_id} belongs to no household" for unified_id in sorted(actual.keys() - household_of_id.keys())]
    for household in sorted(expected.keys() & found.keys()):
        for field, value in expected[household].items():
            if field != "household":
                figures += summarize.count_leaves(value)
                differences += summarize.differing(
                    f"{what}: household {household}: {field}", value, found[household].get(field, "(absent)"))
    print(f"{what}: {len(found)} customers of {len(expected)} households; "
          f"{figures} figures; {len(differences)} differences", flush=True)
    return differences


def with_merged(purchases, other_of):
    """The purchases, with the households that were merged under one number."""
    households = [other_of.get(it, it) for it in purchases["household"].to_pylist()]
    at = purchases.schema.get_field_index("household")
    return purchases.set_column(at, purchases.schema.field(at), pa.array(households, pa.int64()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("messages")
    parser.add_argument("truth")
    parser.add_argument("--program", required=True, metavar="PROFILE360")
    parser.add_argument("--as-of", type=datetime.date.fromisoformat, required=True, nargs="+", metavar="DATE")
    parser.add_argument("--pairs", type=int, default=20, metavar="N")
    parser.add_argument("--folder", metavar="DIR")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(summarize.report(agree(args, pathlib.Path(args.folder or temporary))))


def agree(args, folder):
    measures = tuple(summarize.MEASURES)
    truth = summarize.read_truth(args.truth)
    households = set(truth.values())
    purchases, lines = summarize.read_purchases(args.messages, truth)
    expected = {it: summarize.summaries(purchases, lines, households, it, measures) for it in args.as_of}

    partition, summary, database = folder / "partition.csv", folder / "summary.ndjson", f"surrealkv://{folder}/base"
    run(args.program, "resolve", args.messages, "--out", str(partition))
    household_of_id, differences = summarize.compare_partition(truth, partition)
    for as_of in args.as_of:
        run(args.program, "summarize", args.messages, "--as-of", as_of.isoformat(), "--out", str(summary))
        printed = {household: {field: value for field, value in it.items() if "By" not in field}
                   for household, it in expected[as_of].items()}
        print(f"as of {as_of}, ", end="")
        differences += summarize.compare_summaries(printed, household_of_id, summary)

    run(args.program, "import", args.messages, "--db", database)
    with Server(args.program, database) as server:
        def compare_all(what, expected, household_of_id):
            ids = server.unified_ids()
            return [difference for as_of in args.as_of for difference in compare(
                f"{what}, as of {as_of}", expected[as_of], household_of_id, server.summaries(ids, as_of, measures))]

        before = sorted(server.unified_ids())
        differences += compare_all("served", expected, household_of_id)

        # Pairs from the whole list, with each household in at most one.
        id_of = {household: it for it, household in household_of_id.items()}
        order = sorted(households)
        step = max(2, len(order) // args.pairs)
        pairs = [(order[at], order[at + 1]) for at in range(0, len(order) - 1, step)][:args.pairs]
        decisions, household_of_merged = [], dict(household_of_id)
        for kept, other in pairs:
            payload = server.ask(
                "mutation($ids: [ID!]!) { mergeProfiles(unifiedIds: $ids, reason: \"an independent computation\") {"
                " status decisions { id } profiles { unifiedId } } }", ids=[id_of[kept], id_of[other]])["mergeProfiles"]
            if payload["status"] != "APPLIED" or len(payload["profiles"]) != 1:
                differences.append(f"households {kept} and {other} were not merged: {payload['status']}")
                continue
            decisions.append(payload["decisions"][0]["id"])
            del household_of_merged[id_of[kept]], household_of_merged[id_of[other]]
            household_of_merged[payload["profiles"][0]["unifiedId"]] = kept
        other_of = {other: kept for kept, other in pairs}
        merged = with_merged(purchases, other_of)
        remaining = households - other_of.keys()
        expected_merged = {it: summarize.summaries(merged, lines, remaining, it, measures) for it in args.as_of}
        print(f"{len(decisions)} pairs of households were merged by hand")
        differences += compare_all("merged", expected_merged, household_of_merged)

        for decision in decisions:
            status = server.ask("mutation($id: ID!) { revokeDecision(id: $id, reason: \"reverted\") { status } }",
                                id=decision)["revokeDecision"]["status"]
            if status != "APPLIED":
                differences.append(f"a merge was not reverted: {status}")
        after = sorted(server.unified_ids())
        if after != before:
            differences.append("the unified IDs are not those of before the merges")
        print(f"{len(decisions)} merges were reverted; {len(after)} unified IDs, "
              f"{len(set(after) & set(before))} of them as before")
        differences += compare_all("unmerged", expected, household_of_id)
    return differences


if __name__ == "__main__":
    main()
