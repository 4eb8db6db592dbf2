"""What other people's programs need for the same questions about the same file.

    python3 tests/bench/others.py components MESSAGES.ndjson OUT.csv          Polars and scipy: who is connected
    python3 tests/bench/others.py summaries MESSAGES.ndjson TRUTH.csv DATE OUT.ndjson     DuckDB: purchase summaries

`components` reads the identifiers of each message, numbers them, and finds the connected components of the graph of messages and
identifiers; it knows no limits and no other rule. `summaries` lets DuckDB read the file and runs the SQL of
tests/independent/summarize.py on it, with the truth in place of a resolver. Both write their answer, as the program does.
"""

import json
import sys
from pathlib import Path

KINDS = ["external_id", "customer_card", "phone", "email", "kakao_id", "line_id", "device_id"]


def components(messages: str, out: str) -> None:
    import numpy
    import polars
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    def read(value: polars.DataType) -> polars.DataFrame:
        schema = {"identifiers": polars.Struct(dict.fromkeys(KINDS, value))}
        return polars.read_ndjson(messages, schema=schema).with_row_index("message").unnest("identifiers")

    try:
        rows = read(polars.String)
    except polars.exceptions.PolarsError:
        rows = read(polars.List(polars.String)).explode("external_id")
        for kind in KINDS[1:]:
            rows = rows.explode(kind)
    named = rows.unpivot(KINDS, index="message", variable_name="kind").drop_nulls("value")
    nodes = named.select("kind", "value").unique(maintain_order=True).with_row_index("node")
    edges = named.join(nodes, on=["kind", "value"])
    n_nodes, n_messages = len(nodes), len(rows)
    places = (edges["node"].to_numpy(), edges["message"].to_numpy() + n_nodes)
    graph = coo_array((numpy.ones(len(edges), dtype=bool), places), shape=(n_nodes + n_messages,) * 2)
    _, labels = connected_components(graph, directed=False)
    found = nodes.drop("node").with_columns(component=labels[:n_nodes])
    found.write_csv(out)
    print(f"{len(found)} identifiers of {found['component'].n_unique()} components")


def summaries(messages: str, truth: str, as_of: str, out: str) -> None:
    import datetime

    import duckdb

    sys.path.append(str(Path(__file__).parents[1] / "independent"))
    import summarize

    base = duckdb.connect(config={"preserve_insertion_order": False})
    base.execute("set TimeZone = 'UTC'")
    base.execute("create table truth as select kind, value, household::bigint as household from read_csv(?, all_varchar = true)", [truth])
    base.execute(
        """
        create table bought as
        select message_id, timestamp, identifiers, properties from read_ndjson(?, columns = {
            message_id: 'VARCHAR', event: 'VARCHAR', timestamp: 'VARCHAR', identifiers: 'JSON', properties: 'STRUCT(df_order_id VARCHAR,
            df_total_purchase_amount DECIMAL(28, 8), df_currency VARCHAR, df_items STRUCT(df_item_id VARCHAR, df_item_name VARCHAR,
            df_category1 VARCHAR, df_quantity BIGINT, df_line_amount DECIMAL(28, 8), df_price DECIMAL(28, 8),
            df_discount DECIMAL(28, 8))[])'})
        where event = 'df_purchase' qualify row_number() over (partition by message_id) = 1
        """, [messages])
    base.execute(
        """
        create table household_of as
        with named as (select message_id, unnest(json_keys(identifiers)) as kind, identifiers from bought)
        select message_id, any_value(household) as household
        from named join truth on truth.kind = named.kind and truth.value = case json_type(identifiers, named.kind)
            when 'ARRAY' then identifiers ->> ('$.' || named.kind || '[0]') else identifiers ->> ('$.' || named.kind) end
        group by message_id
        """)
    base.execute(
        """
        create table lines as
        with each as (
            select message_id, unnest(properties.df_items) as item, generate_subscripts(properties.df_items, 1) - 1 as line_no from bought
        )
        select message_id, line_no, nullif(item.df_item_id, '') as item_id, nullif(item.df_item_name, '') as name,
            nullif(item.df_category1, '') as category, coalesce(item.df_quantity, 1) as units,
            coalesce(item.df_line_amount, (coalesce(item.df_price, 0) * coalesce(item.df_quantity, 1) - coalesce(item.df_discount, 0)))::DECIMAL(28, 8) as amount
        from each
        """)
    base.execute(
        """
        create table purchases as
        select household, bought.message_id,
            case when nullif(properties.df_order_id, '') is null then 'message ' || bought.message_id
                else 'id ' || properties.df_order_id end as order_key,
            timestamp::timestamptz as bought_at,
            upper(coalesce(nullif(properties.df_currency, ''), 'KRW')) as currency,
            coalesce(properties.df_total_purchase_amount, total, 0)::DECIMAL(28, 8) as amount
        from bought join household_of using (message_id)
            left join (select message_id, sum(amount) as total from lines group by message_id) using (message_id)
        """)
    households = {household for (household,) in base.execute("select distinct household from truth").fetchall()}
    found = summarize.compute(base, households, datetime.date.fromisoformat(as_of), ("UNITS",))
    with open(out, "w", encoding="utf-8") as file:
        for summary in found.values():
            file.write(json.dumps(summary, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(f"{len(found)} summaries")


def main() -> None:
    command, *arguments = sys.argv[1:]
    {"components": components, "summaries": summaries}[command](*arguments)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main()
