"""What a large component costs: writes and reads next to it, on a running server.

    PROFILE360_BIN=profile360 python3 tests/independent/large_component.py [--identifiers N] [--one-profile] [--times N]

Makes a chain of N identifiers (email addresses and cards in turn, each linked to the next), imports it into a new base on
embedded storage, serves it, and measures. With the default limits the chain is one component of many profiles; with
--one-profile, which lifts the limits, it is a single profile, held by a decision so that nothing there is a plain join.
Needs nothing but Python.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--identifiers", type=int, default=20_000)
    arguments.add_argument("--one-profile", action="store_true")
    arguments.add_argument("--times", type=int, default=5)
    chosen = arguments.parse_args()
    program = os.environ.get("PROFILE360_BIN", "profile360")
    with tempfile.TemporaryDirectory() as folder:
        messages = os.path.join(folder, "chain.ndjson")
        with open(messages, "w", encoding="utf-8") as out:
            for n in range(chosen.identifiers - 1):
                out.write(json.dumps(message(f"m{n}", n, name_of(n), name_of(n + 1))) + "\n")
        options = ["--db", f"surrealkv://{folder}/data?sync=every"]
        if chosen.one_profile:
            policy = os.path.join(folder, "policy.json")
            with open(policy, "w", encoding="utf-8") as out:
                kinds = [("customer_card", "trimmed"), ("email", "email")]
                rules = [{"name": name, "form": form, "limit": 10_000_000, "priority": n + 1} for n, (name, form) in enumerate(kinds)]
                json.dump({"kinds": rules}, out)
            options += ["--policy", policy]
        began = time.monotonic()
        subprocess.run([program, "import", messages, *options], check=True, capture_output=True)
        print(f"{chosen.identifiers} identifiers imported in {time.monotonic() - began:.1f} s", flush=True)
        server = subprocess.Popen(
            # Waits for slow answers.
            [program, "serve", "--listen", "127.0.0.1:0", "--limit-time", "3600s", *options],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        try:
            measure(server.stdout.readline().split()[-1], chosen.identifiers, chosen.one_profile, chosen.times)
        finally:
            server.terminate()
            server.wait()


def measure(origin: str, n_identifiers: int, is_one_profile: bool, n_times: int) -> None:
    while ask(origin, "{ profiles(first: 1) { totalCount } }")["profiles"]["totalCount"] == 0:
        time.sleep(0.1)
    middle = n_identifiers // 2
    ends = {"a": input_of(name_of(middle)), "b": input_of(name_of(middle + 1))}
    far = {"a": input_of(name_of(middle)), "b": input_of(name_of(middle + 400))}
    decide = """
        mutation ($relation: Relation!, $a: IdentifierInput!, $b: IdentifierInput!) {
            decide(relation: $relation, a: $a, b: $b, reason: "measured") { status decision { id } }
        }"""
    revoke = 'mutation ($id: ID!) { revokeDecision(id: $id, reason: "measured") { status } }'

    if is_one_profile:
        made = ask(origin, decide, {"relation": "SAME", **far})["decide"]
        assert made["status"] == "APPLIED", made

    def send(n: int, one: str, other: str) -> None:
        # Later than everything else, like new messages.
        body = json.dumps([message(f"more-{n}-{one}", 10_000_000 + n, one, other)]).encode()
        request = urllib.request.Request(f"{origin}/v1/messages", body, {"content-type": "application/json"})
        answer = urllib.request.urlopen(request).read()
        assert b'"REFUSED"' not in answer, answer

    def decide_and_undo(relation: str, pair: dict) -> tuple[float, float]:
        began = time.monotonic()
        made = ask(origin, decide, {"relation": relation, **pair})["decide"]
        between = time.monotonic()
        assert made["status"] == "APPLIED", made
        undone = ask(origin, revoke, {"id": made["decision"]["id"]})["revokeDecision"]
        assert undone["status"] == "APPLIED", undone
        return between - began, time.monotonic() - between

    def explain(pair: dict) -> None:
        ask(origin, "query ($a: IdentifierInput!, $b: IdentifierInput!) { explain(a: $a, b: $b) { together } }", pair)

    rows = [
        ("a message of known identifiers", [timed(lambda: send(n, name_of(middle), name_of(middle + 1))) for n in range(n_times)]),
        ("a message with a new link", [timed(lambda: send(n, name_of(middle + 10 * n), f"email:new{n}@example.com")) for n in range(n_times)]),
        ("an explanation of two neighbors", [timed(lambda: explain(ends)) for _ in range(n_times)]),
    ]
    # Others write and read concurrently: a stall is the longest wait among them.
    waits: dict[str, list[float]] = {"write": [], "read": []}
    over = threading.Event()

    def others(kind: str, act) -> None:
        n = 0
        while not over.is_set():
            waits[kind].append(timed(lambda: act(n)))
            n += 1

    threads = [
        threading.Thread(target=others, args=("write", lambda n: send(n, f"email:other{n}@example.com", f"customer_card:other{n}"))),
        threading.Thread(target=others, args=("read", lambda n: ask(origin, "{ profiles(first: 20) { totalCount } }"))),
    ]
    for thread in threads:
        thread.start()
    try:
        same = [decide_and_undo("SAME", far) for _ in range(n_times)] if not is_one_profile else []
        different = [decide_and_undo("DIFFERENT", ends) for _ in range(n_times)]
    finally:
        over.set()
        for thread in threads:
            thread.join()
    for name, pairs in (("SAME of two that are far apart", same), ("DIFFERENT of two neighbors", different)):
        if pairs:
            rows += [(f"{name}", [it[0] for it in pairs]), (f"{name}, revoked", [it[1] for it in pairs])]
    rows += [("another customer's message at the same time", waits["write"]), ("a page of the list at the same time", waits["read"])]
    print(f"{'what':42} {'median':>9} {'longest':>9}")
    for name, times in rows:
        print(f"{name:42} {statistics.median(times) * 1000:6.0f} ms {max(times) * 1000:6.0f} ms")


def name_of(n: int) -> str:
    return f"email:e{n // 2}@example.com" if n % 2 == 0 else f"customer_card:c{n // 2}"


def message(message_id: str, second: int, *names: str) -> dict:
    identifiers: dict[str, list[str]] = {}
    for name in names:
        kind, _, value = name.partition(":")
        identifiers.setdefault(kind, []).append(value)
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_600_000_000 + second))
    return {"message_id": message_id, "type": "identify", "timestamp": at, "source": "chain", "identifiers": identifiers}


def input_of(name: str) -> dict:
    kind, _, value = name.partition(":")
    return {"kind": kind, "value": value}


def timed(act) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def ask(origin: str, query: str, variables: dict | None = None) -> dict:
    body = json.dumps({"query": query, "variables": variables or {}}).encode()
    request = urllib.request.Request(f"{origin}/graphql", body, {"content-type": "application/json"})
    answer = json.load(urllib.request.urlopen(request))
    if "errors" in answer:
        raise SystemExit(answer["errors"])
    return answer["data"]


if __name__ == "__main__":
    main()
