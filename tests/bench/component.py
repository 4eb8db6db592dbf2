"""A large component: a chain of identifiers (email addresses and cards in turn, each linked to the next).

With the default limits the chain is one component of many profiles. Where limits are lifted, it is a single profile, connected by
a decision so that nothing there is a plain join.
"""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

from messages import timestamp
from program import Failed, Server

DECIDE = """
    mutation ($relation: Relation!, $a: IdentifierInput!, $b: IdentifierInput!) {
        decide(relation: $relation, a: $a, b: $b, reason: "measured") { status decision { id } }
    }"""
REVOKE = 'mutation ($id: ID!) { revokeDecision(id: $id, reason: "measured") { status } }'
LIMITS_LIFTED = {"kinds": [
    {"name": name, "form": form, "limit": 10_000_000, "priority": priority}
    for priority, (name, form) in enumerate([("customer_card", "trimmed"), ("email", "email")], 1)
]}


def write_chain(path: Path, identifiers: int) -> None:
    with open(path, "w", encoding="utf-8") as out:
        for n in range(identifiers - 1):
            out.write(json.dumps(message(f"m{n}", n, name_of(n), name_of(n + 1))) + "\n")


def measure(server: Server, identifiers: int, is_one_profile: bool, times: int) -> dict[str, list[float]]:
    """Seconds of what an operator and sources do in the chain, and of what others do at the same time."""
    middle = identifiers // 2
    ends = {"a": input_of(name_of(middle)), "b": input_of(name_of(middle + 1))}
    far = {"a": input_of(name_of(middle)), "b": input_of(name_of(middle + min(400, identifiers // 4)))}
    if is_one_profile:
        decide(server, "SAME", far)

    def send(n: int, one: str, other: str) -> None:
        # Later than everything else, like new messages.
        body = json.dumps([message(f"more-{n}-{one}", 10_000_000 + n, one, other)]).encode()
        answer = server.post("/v1/messages", body)
        if b'"REFUSED"' in answer:
            raise Failed(f"a message was refused: {answer.decode()}")

    def explain() -> None:
        server.ask("query ($a: IdentifierInput!, $b: IdentifierInput!) { explain(a: $a, b: $b) { together } }", **ends)

    found = {
        "a message of known identifiers": [timed(send, n, name_of(middle), name_of(middle + 1)) for n in range(times)],
        "a message with a new link": [timed(send, n, name_of(middle + 10 * n), f"email:new{n}@example.com") for n in range(times)],
        "an explanation of two neighbors": [timed(explain) for _ in range(times)],
    }
    with Others(
        write=lambda n: send(n, f"email:other{n}@example.com", f"customer_card:other{n}"),
        read=lambda _: server.ask("{ profiles(first: 20) { totalCount } }"),
    ) as others:
        if not is_one_profile:
            add(found, "`SAME` of two that are far apart", [decide_and_revoke(server, "SAME", far) for _ in range(times)])
        add(found, "`DIFFERENT` of two neighbors", [decide_and_revoke(server, "DIFFERENT", ends) for _ in range(times)])
    found["another customer's message at the same time"] = others.waits["write"]
    found["a page of the list at the same time"] = others.waits["read"]
    return found


class Others:
    """Clients that act again and again until the end, each as fast as it is answered, and how long each answer needed."""

    def __init__(self, **actions: Callable[[int], object]) -> None:
        self.waits: dict[str, list[float]] = {name: [] for name in actions}
        self.over = threading.Event()
        self.failures: list[Exception] = []
        self.threads = [threading.Thread(target=self.work, args=it) for it in actions.items()]

    def work(self, name: str, action: Callable[[int], object]) -> None:
        try:
            n = 0
            while not self.over.is_set():
                self.waits[name].append(timed(action, n))
                n += 1
        except Exception as failure:  # Raised below, in the thread that waits.
            self.failures.append(failure)

    def __enter__(self) -> "Others":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()
        if self.failures:
            raise Failed(f"another client failed: {self.failures[0]}")


def decide(server: Server, relation: str, pair: dict) -> str:
    made = server.ask(DECIDE, relation=relation, **pair)["decide"]
    if made["status"] != "APPLIED":
        raise Failed(f"a decision was not applied: {made}")
    return made["decision"]["id"]


def decide_and_revoke(server: Server, relation: str, pair: dict) -> tuple[float, float]:
    began = time.monotonic()
    decision = decide(server, relation, pair)
    between = time.monotonic()
    revoked = server.ask(REVOKE, id=decision)["revokeDecision"]
    if revoked["status"] != "APPLIED":
        raise Failed(f"a decision was not revoked: {revoked}")
    return between - began, time.monotonic() - between


def add(found: dict[str, list[float]], name: str, pairs: list[tuple[float, float]]) -> None:
    found[name] = [made for made, _ in pairs]
    found[f"{name}, revoked"] = [revoked for _, revoked in pairs]


def name_of(n: int) -> str:
    return f"email:e{n // 2}@example.com" if n % 2 == 0 else f"customer_card:c{n // 2}"


def message(message_id: str, second: int, *names: str) -> dict:
    identifiers: dict[str, list[str]] = {}
    for name in names:
        kind, _, value = name.partition(":")
        identifiers.setdefault(kind, []).append(value)
    # Before 2026, so that an import has no message of the future.
    return {"message_id": message_id, "type": "identify", "timestamp": timestamp(second - 150_000_000), "source": "chain",
            "identifiers": identifiers}


def input_of(name: str) -> dict:
    kind, _, value = name.partition(":")
    return {"kind": kind, "value": value}


def timed(act: Callable, *arguments) -> float:
    began = time.monotonic()
    act(*arguments)
    return time.monotonic() - began
