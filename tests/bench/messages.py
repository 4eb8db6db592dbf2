"""Messages of every size: files for imports, and bodies of requests."""

import datetime
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from program import Failed, run

REPOSITORY = Path(__file__).parents[2]
MILLION = REPOSITORY / "tests" / "independent" / "list.py"
USERS = 20_000
BATCH = 100


def timestamp(second: int) -> str:
    at = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(seconds=second)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def purchases(folder: Path, script: Path | None, program: str, households: int) -> tuple[Path, Path, list[str]]:
    """The messages, the truth about them, and the command that made them: real purchases where the script that makes messages of
    them is there, else made-up ones."""
    if script is not None and script.exists():
        name = "purchases" if households == 0 else f"purchases-{households}"
        messages, truth = folder / f"{name}.ndjson", folder / f"{name}.csv"
        command = [sys.executable, str(script), str(messages), str(truth), "--households", str(households)]
        if not truth.exists():
            try:
                run(*command)
            except Failed as failure:
                print(f"made-up purchases in place of real ones: {failure}", file=sys.stderr)
            else:
                return messages, truth, command
        if truth.exists():
            return messages, truth, command
    profiles = households * 3 or 7_000
    messages, truth = folder / f"generated-{profiles}.ndjson", folder / f"generated-{profiles}.csv"
    command = [program, "generate", "--profiles", str(profiles), "--seed", "360", "--until", "2025-12-31",
               "--out", str(messages), "--truth", str(truth)]
    if not messages.exists():
        run(*command)
    return messages, truth, command


def customers(folder: Path, number: int) -> tuple[Path, list[str]]:
    """Customers of two messages each."""
    messages = folder / f"customers-{number}.ndjson"
    command = [sys.executable, str(MILLION), "make", "--customers", str(number), "--until", "2026-11-01", "--out", str(messages)]
    if not messages.exists():
        unfinished = messages.with_suffix(".unfinished")
        subprocess.run([*command[:-1], str(unfinished)], check=True)
        unfinished.rename(messages)
    return messages, command


def copies(messages: Path, number: int) -> Path:
    """The messages several times, each time under other message IDs and identifiers: a file of that many times the size."""
    out = messages.with_name(f"{messages.stem}-x{number}.ndjson")
    if out.exists():
        return out
    unfinished = out.with_suffix(".unfinished")
    with open(unfinished, "w", encoding="utf-8") as written:
        for copy in range(number):
            with open(messages, encoding="utf-8") as file:
                for line in file:
                    written.write(json.dumps(renamed(json.loads(line), copy), ensure_ascii=False, separators=(",", ":")) + "\n")
    unfinished.rename(out)
    return out


def renamed(message: dict, copy: int) -> dict:
    def other(kind: str, value: str) -> str:
        if kind != "phone":
            return f"{copy}{value}"
        digits = "".join(filter(str.isdigit, value))[-8:]
        return f"+8210{(int(digits or 0) + copy * 9_999_991) % 100_000_000:08d}"

    identifiers = {
        kind: [other(kind, it) for it in value] if isinstance(value, list) else other(kind, value)
        for kind, value in message["identifiers"].items()
    }
    message |= {"message_id": f"{copy}-{message['message_id']}", "identifiers": identifiers}
    properties = message.get("properties", {})
    if "df_order_id" in properties:
        properties["df_order_id"] = f"{copy}-{properties['df_order_id']}"
    return message


def calls(worker: int, tag: str) -> Iterator[dict]:
    """Calls of Segment's tracking API, as a shop's SDK makes them: views, orders, and at times who it is."""
    dice = random.Random(f"{tag}-{worker}")
    number = 0
    while True:
        user = dice.randrange(USERS)
        call = {
            "messageId": f"{tag}-{worker}-{number}", "timestamp": timestamp(number), "userId": f"user-{user}",
            "anonymousId": f"browser-{user}-{dice.randrange(2)}",
            "context": {"library": {"name": "analytics.js", "version": "2.1.0"}, "locale": "ko-KR"},
        }
        sort = dice.random()
        if sort < 0.1:
            call |= {"type": "identify", "traits": {"email": f"user{user}@example.com", "name": f"Customer {user}", "plan": dice.choice("AB")}}
        elif sort < 0.7:
            product = dice.randrange(500)
            call |= {"type": "track", "event": "Product Viewed", "properties": {
                "product_id": f"p{product}", "name": f"Product {product}", "price": 1_000 + product, "currency": "KRW"}}
        else:
            products = [{"product_id": f"p{it}", "name": f"Product {it}", "category": f"Category {it % 9}", "price": 1_000 + it, "quantity": 1}
                        for it in dice.sample(range(500), dice.randint(1, 3))]
            call |= {"type": "track", "event": "Order Completed", "properties": {
                "order_id": f"{tag}-{worker}-{number}", "currency": "KRW", "products": products}}
        yield call
        number += 1


def batches_of_calls(tag: str, worker: int) -> Iterator[bytes]:
    made = calls(worker, tag)
    while True:
        yield json.dumps({"batch": [next(made) for _ in range(BATCH)]}).encode()


INGEST = "mutation($messages: [MessageInput!]!) { ingest(messages: $messages) { results { status } } }"


def single_messages(tag: str, worker: int) -> Iterator[bytes]:
    """Mutations of one message each."""
    dice = random.Random(f"{tag}-{worker}")
    number = 0
    while True:
        user = dice.randrange(USERS)
        message = {
            "messageId": f"{tag}-{worker}-{number}", "type": "EVENT", "timestamp": timestamp(number), "source": "app",
            "identifiers": [{"kind": "external_id", "value": f"user-{user}"}, {"kind": "device_id", "value": f"phone-{user}"}],
            "event": "df_view_home",
        }
        yield json.dumps({"query": INGEST, "variables": {"messages": [message]}}).encode()
        number += 1


def batches_of_views(tag: str, external_ids: list[str], worker: int) -> Iterator[bytes]:
    """Messages of existing customers, as NDJSON."""
    dice = random.Random(f"{tag}-{worker}")
    number = 0
    while True:
        lines = []
        for _ in range(BATCH):
            lines.append(json.dumps({
                "message_id": f"{tag}-{worker}-{number}", "type": "event", "timestamp": timestamp(number), "source": "app",
                "platform": "iOS", "identifiers": {"external_id": dice.choice(external_ids)}, "event": "df_view_home",
            }))
            number += 1
        yield "\n".join(lines).encode()
