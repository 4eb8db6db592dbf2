"""Times of the list over a large database: every filter with every order, searches of every kind, first, tenth and last page.

    python3 tests/independent/list.py make --customers 1000000 --out messages.ndjson
    python3 tests/independent/list.py measure --server http://127.0.0.1:8360 [--pid PID] [--rounds 3]

`make` writes two messages a customer (who it is; what it did last), so that a million customers are few enough messages to
import in an hour: `profile360 generate` makes customers with a history, some thirty messages each. No one in it is real.
`measure` asks a server that runs on that base, one question at a time, and prints the median and the worst of each.
With `--pid` it also prints the memory of that process. It needs nothing but Python.
"""

import argparse
import datetime
import http.client
import json
import random
import sys
import time
import urllib.parse
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "bench"))
from load import median, percentile  # noqa: E402

FAMILY = "김" * 21 + "이" * 15 + "박" * 8 + "최" * 5 + "정" * 5 + "강조윤장임" * 2 + "한오서신권황안송류홍전고문손양배백허유남심노하곽성차주우구민"
FIRST = "서민지도예하윤시주은수현준우건연유채다가나소아태승재동영성진규호찬원"
SECOND = "준연우윤서현은아민진호수원영희빈율린후성혁경나지동길미자철숙"
LATIN = ["Ada", "Grace", "Alan", "Edsger", "Barbara", "Ken", "Margaret", "Niklaus", "Frances", "Donald", "Radia", "Leslie"]
LATIN_FAMILY = ["Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov", "Thompson", "Hamilton", "Wirth", "Allen", "Knuth", "Perlman", "Lamport"]
AREAS = [("서울", it) for it in "강남구 마포구 송파구 종로구 은평구 관악구 노원구 강서구".split()] + [
    ("부산", it) for it in "해운대구 수영구 사하구".split()] + [("경기", it) for it in "수원시 성남시 고양시 용인시 부천시".split()] + [
    ("대구", "수성구"), ("인천", "연수구"), ("광주", "서구"), ("제주", "제주시"), ("강원", "강릉시")]
PLATFORMS = ["Android"] * 5 + ["iOS"] * 4 + ["Web"] * 3
DOMAINS = ["example.com"] * 5 + ["example.org"] * 2 + ["mail.example.net"] * 2 + ["shop.example.kr"]
LEVELS = ["Family"] * 12 + ["Silver"] * 5 + ["Gold"] * 2 + ["VIP"]


def make(arguments: argparse.Namespace) -> None:
    dice = random.Random(arguments.seed)
    until = arguments.until or datetime.date.today() - datetime.timedelta(days=1)
    noon = int(datetime.datetime(until.year, until.month, until.day, 3, tzinfo=datetime.timezone.utc).timestamp())
    day = 86_400

    def at(seconds: int) -> str:
        return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")

    with open(arguments.out, "w", encoding="utf-8") as out:
        for number in range(arguments.customers):
            latin = dice.random() < 0.06
            name = f"{dice.choice(LATIN)} {dice.choice(LATIN_FAMILY)}" if latin else (
                dice.choice(FAMILY) + dice.choice(FIRST) + dice.choice(SECOND))
            who = {"external_id": f"c{number:08}"}
            if dice.random() < 0.9:
                who["phone"] = f"010{2000 + number // 10_000 % 8000:04}{number % 10_000:04}"
            if dice.random() < 0.7:
                who["email"] = f"{''.join(dice.choices('abcdefghijklmnoprstuvwy', k=6))}{number % 997}@{dice.choice(DOMAINS)}"
            if dice.random() < 0.3:
                who["customer_card"] = f"card-{number:08}"
            if dice.random() < 0.2:
                who["kakao_id"] = f"k{number * 7919 % 10_000_019:08}"
            attributes = {"df_push_optin": dice.random() < 0.7, "df_sms_ads_optin": dice.random() < 0.4, "store": f"store-{dice.randrange(40)}"}
            if dice.random() < 0.95:
                attributes["df_name"] = name
            if dice.random() < 0.8:
                attributes["df_gender"] = dice.choice(["Male", "Female", "Female", "Other"])
            if dice.random() < 0.75:
                attributes["df_birth"] = f"{dice.randrange(1945, 2010)}-{dice.randrange(1, 13):02}-{dice.randrange(1, 29):02}"
            if dice.random() < 0.6:
                attributes["df_membership"] = dice.choice(LEVELS)
            joined = noon - dice.randrange(1, 730) * day - dice.randrange(40_000)
            last = joined + int((noon - joined) * dice.random() ** 0.5)
            region, city = dice.choice(AREAS)
            device = {"os": "x", "region": region, "city": city, "country": "KR" if dice.random() < 0.97 else "JP"}
            did = {"message_id": f"b{number}", "type": "event", "timestamp": at(last), "source": "app", "platform": dice.choice(PLATFORMS), "device": device}
            if dice.random() < 0.6:
                quantity = dice.randrange(1, 4)
                did |= {"event": "df_purchase", "properties": {"df_order_id": f"o{number}", "df_items": [
                    {"df_item_id": f"p{dice.randrange(500)}", "df_price": dice.randrange(10, 900) * 100, "df_quantity": quantity}]}}
            else:
                did |= {"event": "df_view_home"}
            did["identifiers"] = {"external_id": who["external_id"], "device_id": f"d-{number:08}"}
            stated = {"message_id": f"a{number}", "type": "identify", "timestamp": at(joined), "source": "crm", "identifiers": who, "attributes": attributes}
            for message in (stated, did):
                out.write(json.dumps(message, ensure_ascii=False, separators=(",", ":")) + "\n")


ORDERS = [{"field": field, "direction": direction} for field in (
    "LAST_ACTIVITY", "FIRST_ACCESS", "LAST_UPDATED", "NAME", "PURCHASE_AMOUNT_12M", "PURCHASE_COUNT_12M") for direction in ("DESC", "ASC")]
FILTERS = [
    ("none", {}),
    ("platform", {"platform": ["IOS"]}),
    ("gender", {"gender": ["FEMALE"]}),
    ("ageGroup", {"ageGroup": ["20s", "30s"]}),
    ("membershipLevel", {"membershipLevel": ["VIP"]}),
    ("country", {"country": ["JP"]}),
    ("recentArea", {"recentArea": ["서울 마포구"]}),
    ("hasIdentifier", {"hasIdentifier": ["email", "kakao_id"]}),
    ("lastActivity, lately", {"lastActivity": {"from": "{lately}"}}),
    ("lastActivity, long ago", {"lastActivity": {"before": "{long_ago}"}}),
    ("firstAccess", {"firstAccess": {"from": "{long_ago}", "before": "{lately}"}}),
    ("purchaseCount12m", {"purchaseCount12m": {"min": 1}}),
    ("purchaseAmount12m", {"purchaseAmount12m": {"min": "20000", "max": "90000"}}),
    ("attribute", {"attribute": [{"name": "store", "equals": "store-7"}]}),
    ("no match", {"membershipLevel": ["no such level"]}),
    ("five at once", {"platform": ["IOS", "ANDROID"], "gender": ["FEMALE"], "ageGroup": ["20s", "30s", "40s"],
                      "purchaseCount12m": {"min": 1}, "attribute": [{"name": "df_push_optin", "equals": True}]}),
]
SEARCHES = [
    ("initial consonants", ["ㄱㅅㅇ", "ㅎㄱㄷ", "ㄴㄱㅁ"]), ("one initial consonant", ["ㅇ", "ㄱ", "ㅎ"]), ("a syllable and initial consonants", ["김ㅅㅇ", "잇ㅅ", "박ㅈㅎ"]),
    ("half a syllable more", ["김서ㅇ", "이지", "홍기"]), ("a whole name", ["김서연", "이민준", "홍길동"]), ("one syllable", ["김", "이", "박"]),
    ("a given name", ["서연", "민준", "길동"]), ("initial consonants of a given name", ["ㅅㅇ", "ㅁㅈ", "ㄱㄷ"]),
    ("a name and the last digits", ["김서연 0042", "이민 5678", "ㄱㅅ 99"]), ("the beginning of an ID", ["c00012", "card-0000", "k0042"]),
    ("the beginning of a unified ID", ["00000000", "4ede6c60", "ffffffff"]),
    ("a Latin word", ["ada", "love", "k"]), ("two words", ["ada lov", "turing a", "grace h"]), ("part of an address", ["abc", "kim", "xyz1"]),
    ("an address's domain", ["@example.com", "example", "shop.example.kr"]), ("the end of a number", ["5678", "0042", "9999"]),
    ("the middle of a number", ["2001-00", "1234-5", "3712"]), ("the beginning of a number", ["010", "010-2001", "+82 10 2001"]),
    ("a whole number", ["010-2001-0042", "+821020420042", "01020770001"]), ("an ID", ["c00012345", "card-00000007", "d-00004242"]), ("no match", ["zzzzqq", "ㅋㅋㅋㅋ", "뷁뷁"]),
]
QUERY = """query($filter: ProfileFilter, $search: String, $order: ProfileOrder, $first: Int, $after: String, $last: Int) {
    profiles(filter: $filter, search: $search, orderBy: $order, first: $first, after: $after, last: $last) {
        totalCount pageInfo { endCursor hasNextPage }
        nodes {
            unifiedId basic { name platforms gender ageGroup membershipLevel recentArea avatar { letter color } }
            identifiers { kind value } activity { lastActivityAt } purchases { currency window(months: 12) { count amount } }
        }
    }
}"""
PAGE = 50


class Server:
    def __init__(self, url: str) -> None:
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=60)

    def ask(self, variables: dict) -> tuple[dict, float]:
        """The answer, and how many milliseconds passed until all of it was there."""
        body = json.dumps({"query": QUERY, "variables": variables})
        start = time.perf_counter()
        self.connection.request("POST", "/graphql", body, {"content-type": "application/json"})
        text = self.connection.getresponse().read()
        elapsed = (time.perf_counter() - start) * 1_000
        answer = json.loads(text)
        if "errors" in answer:
            sys.exit(f"{variables}: {answer['errors']}")
        return answer["data"]["profiles"], elapsed


def pages(server: Server, question: dict) -> tuple[int, dict[str, float]]:
    """How many there are in all, and how long the first, the tenth and the last page needed."""
    page, first = server.ask(question | {"first": PAGE})
    times = {"first": first}
    for _ in range(9):
        if not page["pageInfo"]["hasNextPage"]:
            break
        page, times["tenth"] = server.ask(question | {"first": PAGE, "after": page["pageInfo"]["endCursor"]})
    _, times["last"] = server.ask(question | {"last": PAGE})
    return page["totalCount"], times


def row(name: str, total: str, times: list[float]) -> None:
    times = sorted(times)
    print(f"| {name} | {total} | {median(times):.1f} | {percentile(times, 0.95):.1f} | {times[-1]:.1f} |", flush=True)


def memory(pid: int | None) -> None:
    if pid is None:
        return
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        fields = dict(line.split(":", 1) for line in status)
    print(f"memory: {int(fields['VmRSS'].split()[0]) // 1024} MiB, at most so far {int(fields['VmHWM'].split()[0]) // 1024} MiB")


def measure(arguments: argparse.Namespace) -> None:
    server = Server(arguments.server)
    now = datetime.datetime.now(datetime.timezone.utc)
    times = {"{lately}": now - datetime.timedelta(days=30), "{long_ago}": now - datetime.timedelta(days=400)}

    def filled(value):
        if isinstance(value, dict):
            return {name: filled(it) for name, it in value.items()}
        return times[value].strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, str) and value in times else value

    memory(arguments.pid)
    server.ask({"first": PAGE})
    everything: list[float] = []
    for place in ("first", "tenth", "last"):
        print(f"\n| filter, {place} page, in every order | customers | median ms | 95 % ms | worst ms |\n|---|---|---|---|---|")
        for name, asked in FILTERS:
            found = []
            for order in ORDERS:
                for _ in range(arguments.rounds):
                    total, elapsed = pages(server, {"filter": filled(asked), "order": order}) if place == "tenth" else one(server, filled(asked), order, place)
                    found += [elapsed[place]] if place in elapsed else []
            if found:
                row(name, str(total), found)
            everything += found
    print("\n| search | customers | median ms | 95 % ms | worst ms |\n|---|---|---|---|---|")
    for name, texts in SEARCHES:
        found, totals = [], []
        for text in texts:
            for order in (ORDERS[0], ORDERS[7], ORDERS[8]):
                for _ in range(arguments.rounds):
                    total, elapsed = pages(server, {"search": text, "order": order})
                    found += elapsed.values()
            totals.append(total)
        row(name + ": " + ", ".join(texts), ", ".join(map(str, totals)), found)
        everything += found
    found = []
    for text in ("김", "@example.com", "5678", "ㄱㅅ"):
        for _, asked in FILTERS[1:]:
            total, elapsed = pages(server, {"search": text, "filter": filled(asked), "order": ORDERS[6]})
            found += elapsed.values()
    row("a search and a filter", "", found)
    row("everything", "", everything + found)
    print()
    memory(arguments.pid)


def one(server: Server, asked: dict, order: dict, place: str) -> tuple[int, dict[str, float]]:
    page, elapsed = server.ask({"filter": asked, "order": order, place: PAGE})
    return page["totalCount"], {place: elapsed}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    making = commands.add_parser("make")
    making.add_argument("--customers", type=int, default=1_000_000)
    making.add_argument("--seed", type=int, default=1)
    making.add_argument("--until", type=datetime.date.fromisoformat, help="the last day; yesterday if left out")
    making.add_argument("--out", required=True)
    making.set_defaults(run=make)
    measuring = commands.add_parser("measure")
    measuring.add_argument("--server", default="http://127.0.0.1:8360")
    measuring.add_argument("--pid", type=int, help="of the server, to report its memory")
    measuring.add_argument("--rounds", type=int, default=1)
    measuring.set_defaults(run=measure)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
