"""Precision and recall of pairs: how well `profile360 resolve` finds who is one customer, policy by policy.

    python3 tests/independent/pairs.py TRUTH.csv NAME=PARTITION.csv…

TRUTH.csv is what `profile360 generate` wrote next to the messages, each PARTITION.csv what `profile360 resolve` made of
them. Pairs of identifiers are counted that belong to one customer alone: of pairs that are in one profile the share that
are of one customer (precision), and of pairs of one customer the share that are in one profile (recall). The exact
counts come from DuckDB, not from the program.
"""

import sys

import duckdb

PAIRS = """
    WITH identifiers AS (
        SELECT t.customer, p.unified_id
        FROM read_csv(?, header = true, all_varchar = true) t
        JOIN read_csv(?, header = true, all_varchar = true) p USING (kind, value)
        WHERE t.shared = 'false'
    ),
    together AS (SELECT count(*) AS n FROM identifiers GROUP BY customer, unified_id),
    found AS (SELECT count(*) AS n FROM identifiers GROUP BY unified_id),
    true_pairs AS (SELECT count(*) AS n FROM identifiers GROUP BY customer)
    SELECT
        (SELECT count(*) FROM identifiers),
        (SELECT count(DISTINCT unified_id) FROM identifiers),
        (SELECT sum(n * (n - 1) // 2) FROM together),
        (SELECT sum(n * (n - 1) // 2) FROM found),
        (SELECT sum(n * (n - 1) // 2) FROM true_pairs)
"""


def main() -> None:
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    truth = sys.argv[1]
    print(f"{'policy':24} {'identifiers':>11} {'profiles':>9} {'precision':>10} {'recall':>8}")
    for named in sys.argv[2:]:
        name, _, partition = named.partition("=")
        identifiers, profiles, together, found, true_pairs = duckdb.execute(PAIRS, [truth, partition]).fetchone()
        print(f"{name:24} {identifiers:11} {profiles:9} {together / found:10.4f} {together / true_pairs:8.4f}")


if __name__ == "__main__":
    main()
