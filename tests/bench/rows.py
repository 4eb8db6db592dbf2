"""The rows of the table: what each measures, and how.

A row is a function of the bench and a program. It gives lines; each line has a quantity, a goal, and a figure for the program.
Rows that read come before rows that write.
"""

import dataclasses
import json
import math
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import component
import messages
from load import Load, Times, median, send
from program import Failed, Ran, Server, run, size_of

sys.path.append(str(messages.MILLION.parent))
import list as customer_list  # noqa: E402

MIB = 1024 * 1024
CARD = """query($id: ID!, $asOf: Date) { profile(by: { unifiedId: $id }, asOf: $asOf) {
    unifiedId
    basic { avatar { letter color } name platforms deviceCount phone email gender birthDate age ageGroup membershipLevel recentArea }
    identifiers { kind value firstSeenAt lastSeenAt sources }
    activity { firstAccessAt lastActivityAt eventCount sessionCount lastUpdatedAt }
    recentDevice { deviceId model os osVersion browser browserVersion carrier language timeZone country region city area lastUsedAt }
    devices { deviceId }
    attributes { name standard value rule source observedAt identifier { value } others { value source observedAt } }
    consents { channel granted observedAt source }
    purchases {
        currency windows { months from to count amount average } peakWeekday peakHour firstPurchaseDate lastPurchaseDate
        categories3: topCategories(months: 3) { name } categories6: topCategories(months: 6) { name }
        categories12: topCategories(months: 12) { name }
        products3: topProducts(months: 3) { name } products6: topProducts(months: 6) { name } products12: topProducts(months: 12) { name }
    }
    timeline(first: 20) { nodes { name at } }
} }"""
# The day after the last of the real purchases.
AFTER_PURCHASES = "2018-01-01"
# The server admits so many streams of one client.
WRITERS = 8


@dataclasses.dataclass
class Figure:
    text: str
    number: float
    # Whether more is better, for the ratio.
    is_rate: bool = False


@dataclasses.dataclass
class Line:
    quantity: str
    goal: str
    figure: Figure


@dataclasses.dataclass
class Size:
    households: int
    customers: int
    million: int
    seconds: float
    identifiers: int
    decisions: int


SIZES = {
    "quick": Size(households=150, customers=2_000, million=10_000, seconds=3, identifiers=1_000, decisions=5),
    "full": Size(households=0, customers=50_000, million=1_000_000, seconds=20, identifiers=100_000, decisions=30),
}


def seconds_of(seconds: float) -> Figure:
    if math.isnan(seconds):
        return Figure("no answer", 0)
    if seconds < 0.01:
        return Figure(f"{seconds * 1_000:.1f} ms", seconds)
    return Figure(f"{seconds * 1_000:.0f} ms" if seconds < 0.9995 else f"{seconds:.1f} s", seconds)


def memory_of(n_bytes: float) -> Figure:
    return Figure(f"{n_bytes / MIB:,.0f} MiB", n_bytes)


def rate_of(rate: float, unit: str = "/s") -> Figure:
    return Figure(f"{rate:,.0f}{unit}", rate, is_rate=True)


def waits(quantity: str, goals: dict[float, str], found: Times) -> list[Line]:
    """A line for each percentile."""
    failed = f" ({found.failures} failed: {failure_of(found)})" if found.failures else ""
    lines = []
    for share, goal in goals.items():
        figure = seconds_of(found.at(share))
        lines.append(Line(f"{quantity}, p{share * 100:g}", goal, Figure(figure.text + failed, figure.number)))
    return lines


def failure_of(found: Times) -> str:
    """Of an answer that failed its status and the end of its body."""
    head, _, body = found.failure.partition("\r\n\r\n")
    return f"{head.splitlines()[0] if head else ''} {body[:160]}".replace("|", "/").replace("\n", " ").strip()


def refuse_failures(found: Times) -> None:
    if found.failures and not found.times:
        raise Failed(failure_of(found))


class Bench:
    """What the rows share: files of messages, and databases made of them, one of each program."""

    def __init__(self, folder: Path, cache: Path, size: Size, script: Path | None, engine: str, bare: list[str]) -> None:
        self.folder, self.cache, self.size, self.script = folder, cache, size, script
        self.engine, self.bare_command = engine, bare
        self.commands: dict[str, None] = {}
        self.imported: dict[tuple[str, str], Ran] = {}
        self.known: dict[tuple[str, str], float] = {}

    def note(self, command: str) -> None:
        self.commands.setdefault(command)

    def database(self, name: str, program: str) -> str:
        """Of a database of this run, whether or not it is there."""
        return f"{self.engine}://{self.path(name, program)}?sync=every"

    def path(self, name: str, program: str) -> Path:
        return self.folder / f"{name}-{abs(hash(program))}"

    def households(self, program: str) -> tuple[Path, Path]:
        found, truth, command = messages.purchases(self.cache, self.script, program, self.size.households)
        self.note(command_line("PROGRAM" if command[0] == program else "python3", *command[1:]))
        return found, truth

    def customers(self, number: int) -> Path:
        found, command = messages.customers(self.cache, number)
        self.note(command_line("python3", *command[1:]))
        return found

    def imports(self, name: str, program: str, file: Path) -> Ran:
        """Imports a file into a database of this name, once."""
        key = (name, program)
        if key not in self.imported:
            self.note(f"PROGRAM import {file.name} --db '{self.engine}://FOLDER?sync=every'")
            self.imported[key] = run(program, "import", str(file), "--db", self.database(name, program))
        return self.imported[key]

    def serve(self, name: str, program: str, *options: str) -> Server:
        self.note(" ".join(["PROGRAM serve --listen 127.0.0.1:0", f"--db '{self.engine}://FOLDER?sync=every'", *map(command_line, options)]))
        return Server(program, self.database(name, program), *options)

    def remove(self, name: str, program: str) -> None:
        shutil.rmtree(self.path(name, program), ignore_errors=True)
        self.imported.pop((name, program), None)


def command_line(*words: str) -> str:
    """A command with paths from the repository, and of other files only the names."""
    short = (path.relative_to(messages.REPOSITORY) if path.is_relative_to(messages.REPOSITORY) else path.name for path in map(Path, words))
    return " ".join(map(str, short))


def number_of(file: Path) -> int:
    with open(file, "rb") as lines:
        return sum(1 for _ in lines)


# ---------------------------------------------------------------------------------------------------------- imports


def import_(bench: Bench, program: str) -> list[Line]:
    """An import of the purchases, every commit synced, and its memory."""
    file, _ = bench.households(program)
    ran = bench.imports("households", program, file)
    number = number_of(file)
    bench.known["import", program] = ran.seconds
    about = f"{number:,} messages, {file.stat().st_size / 1e6:,.0f} MB"
    return [
        Line(f"import of the purchases ({about})", "16 s, 3 × before", seconds_of(ran.seconds)),
        Line("… messages", "10,700/s", rate_of(number / ran.seconds)),
        Line("… peak memory (VmHWM)", "400 MB", memory_of(ran.memory)),
        Line("… on the disk", "", memory_of(size_of(bench.path("households", program)))),
    ]


def bare(bench: Bench, program: str) -> list[Line]:
    """The rows that the import left, inserted bare into a new database of the same engine."""
    file, _ = bench.households(program)
    imported = bench.imports("households", program, file)
    # A copy: the measuring program does not close a database as the program does.
    shutil.copytree(bench.path("households", program), bench.path("copy", program))
    bench.note(" ".join([*bench.bare_command, "--", f"'{bench.engine}://FOLDER?sync=every'"]))
    try:
        ran = run(*bench.bare_command, "--", bench.database("copy", program), environment=dict(os.environ))
    finally:
        bench.remove("copy", program)
    last = ran.output.strip().splitlines()[-1]
    try:
        n_rows, seconds = last.split()[0], float(last.split()[3])
    except (IndexError, ValueError):
        raise Failed(f"the measuring program said {last!r}") from None
    bench.known["bare", program] = seconds
    share = seconds / imported.seconds
    return [
        Line("bare `INSERT` of the rows that it leaves", "", Figure(f"{seconds:.1f} s, {n_rows} rows", seconds)),
        Line("the import, of that rate", "0.5", Figure(f"{share:.2f}", share, is_rate=True)),
    ]


def tenfold(bench: Bench, program: str) -> list[Line]:
    """Ten times the purchases, under other identifiers: the memory that a ten times larger file needs."""
    file = messages.copies(bench.households(program)[0], 10)
    ran = bench.imports("tenfold", program, file)
    bench.remove("tenfold", program)
    return [
        Line(f"import of ten times the purchases ({file.stat().st_size / 1e6:,.0f} MB)", "", seconds_of(ran.seconds)),
        Line("… peak memory (VmHWM)", "400 MB", memory_of(ran.memory)),
    ]


# ------------------------------------------------------------------------------------------------------------ reads


def card_bodies(ids: list[str], dates: list[str | None]) -> Callable:
    def bodies(worker: int, n_workers: int):
        at = worker
        while True:
            variables = {"id": ids[at * 7_919 % len(ids)], "asOf": dates[at * 13 % len(dates)]}
            yield json.dumps({"query": CARD, "variables": variables}).encode()
            at += n_workers

    return bodies


def cards(
    bench: Bench, server: Server, ids: list[str], dates: list[str | None] = [None], rate: float = 500, seconds: float | None = None
) -> Load:
    seconds = seconds or bench.size.seconds
    return Load("/graphql", card_bodies(ids, dates), seconds, rate=rate, processes=2, expect=b'"unifiedId"',
                ready=int(rate * (seconds + 1) / 2) + 1)


def card(bench: Bench, program: str) -> list[Line]:
    """Whole cards of customers with few orders, 500 a second, open-loop."""
    bench.imports("customers", program, bench.customers(bench.size.customers))
    with bench.serve("customers", program) as server:
        server.wait_until_listed()
        ids = server.unified_ids(5_000)
        [found] = send(server.address, cards(bench, server, ids))
        refuse_failures(found)
        return waits(f"whole card, 500/s, few orders ({bench.size.customers:,} customers)", {0.5: "", 0.99: "6 ms"}, found)


def card_households(bench: Bench, program: str) -> list[Line]:
    """Whole cards of the households of the purchases, 500 a second, open-loop: first of a server that has read none of them, then
    when each has been read once, as of one date, of many, and today."""
    bench.imports("households", program, bench.households(program)[0])
    with bench.serve("households", program) as server:
        server.wait_until_listed()
        ids = server.unified_ids(5_000)
        lines = []
        many = [f"2017-{month:02}-{day:02}" for month in range(1, 13) for day in range(1, 29)]
        for name, dates in (
            (f"as of {AFTER_PURCHASES}, none in memory yet", [AFTER_PURCHASES]), (f"as of {AFTER_PURCHASES}", [AFTER_PURCHASES]),
            (f"as of {len(many)} dates in turn", many), ("today", [None]),
        ):
            [found] = send(server.address, cards(bench, server, ids, dates))
            refuse_failures(found)
            lines += waits(f"whole card, 500/s, households, {name}", {0.5: "", 0.99: "20 ms"}, found)
        lines.append(Line("… memory of `serve`", "", memory_of(server.memory()[1])))
        return lines


def list_(bench: Bench, program: str) -> list[Line]:
    """Pages of the list in every order and filter, 20 a second, while 1,000 messages a second come in."""
    bench.imports("households", program, bench.households(program)[0])
    with bench.serve("households", program) as server:
        server.wait_until_listed()
        pages = server.ask("{ profiles(first: 200) { nodes { identifiers { kind value } } } }")["profiles"]["nodes"]
        known = [it["value"] for node in pages for it in node["identifiers"] if it["kind"] == "external_id"]

        def questions(worker: int, n_workers: int):
            # Filters by time have places for the current one.
            filters = [filter for _, filter in customer_list.FILTERS if "{l" not in str(filter)]
            asked = [(filter, order) for order in customer_list.ORDERS for filter in [{}, *filters]]
            at = worker
            while True:
                filter, order = asked[at * 31 % len(asked)]
                variables = {"filter": filter, "order": order, "first": customer_list.PAGE}
                yield json.dumps({"query": customer_list.QUERY, "variables": variables}).encode()
                at += n_workers

        seconds = bench.size.seconds
        reads = Load("/graphql", questions, seconds, rate=20, expect=b'"totalCount"', ready=30)
        alone, *_ = send(server.address, reads)
        writes = Load(
            "/v1/messages", lambda worker, _: messages.batches_of_views(f"list-{time.time_ns()}", known, worker), seconds, clients=WRITERS, rate=10,
            content_type="application/x-ndjson", expect=b'"COMPLETE"', ready=int(10 * (seconds + 1)) + 1,
        )
        found, written = send(server.address, reads, writes)
        refuse_failures(found)
        return [
            *waits("list page, households, nothing else happens", {0.5: "", 0.95: ""}, alone),
            *waits("list page, households, 1,000 messages/s come in", {0.5: "", 0.95: "8 ms"}, found),
            *waits("… a request of 100 messages", {0.99: ""}, written),
        ]


def restart(bench: Bench, program: str) -> list[Line]:
    """From the start of the process to the first page of the list: after a clean stop, and after a kill."""
    bench.imports("households", program, bench.households(program)[0])
    with bench.serve("households", program) as server:
        clean = server.wait_until_listed()
        body = next(messages.batches_of_views(f"restart-{time.time_ns()}", ["1"], 0))
        server.post("/v1/messages", body, "application/x-ndjson")
        server.kill()
    with bench.serve("households", program) as server:
        killed = server.wait_until_listed()
    return [
        Line("start of `serve` until the list answers, after a clean stop", "", seconds_of(clean)),
        Line("… after `kill -9`", "", seconds_of(killed)),
    ]


# ----------------------------------------------------------------------------------------------------------- writes


def batch(bench: Bench, program: str) -> list[Line]:
    """POST /v1/batch, 100 calls of Segment's API a request, from eight clients, while other customers are read."""
    bench.imports("customers", program, bench.customers(bench.size.customers))
    with bench.serve("customers", program) as server:
        server.wait_until_listed()
        ids = server.unified_ids(2_000)
        tag = f"batch-{time.time_ns()}"
        seconds = bench.size.seconds
        writes = Load("/v1/batch", lambda worker, _: messages.batches_of_calls(tag, worker), seconds, clients=8, processes=2,
                      expect=b'"success":true', ready=int(50 * seconds))
        written, read = send(server.address, writes, cards(bench, server, ids, rate=20))
        refuse_failures(written)
        return [
            Line("`/v1/batch`, 100 messages × 8 clients", "8,000/s", rate_of(written.rate * messages.BATCH)),
            *waits("… a request", {0.5: "", 0.99: "200 ms"}, written),
            *waits("… another customer's card at the same time", {0.99: ""}, read),
        ]


def graphql(bench: Bench, program: str) -> list[Line]:
    """One message a mutation, from 32 clients."""
    with bench.serve("graphql", program) as server:
        tag = f"graphql-{time.time_ns()}"
        seconds = bench.size.seconds
        load = Load("/graphql", lambda worker, _: messages.single_messages(tag, worker), seconds, clients=32, processes=2,
                    expect=b'"status":', ready=int(1_500 * seconds))
        [found] = send(server.address, load)
        refuse_failures(found)
        return [
            Line("one message over GraphQL, 32 clients", "2,500/s", rate_of(found.rate)),
            *waits("… a request", {0.5: "", 0.99: "40 ms"}, found),
        ]


def stream(bench: Bench, program: str) -> list[Line]:
    """The customers' file in one stream to POST /v1/messages."""
    file = bench.customers(bench.size.customers)
    number = number_of(file)
    with bench.serve("stream", program) as server:
        begin = time.monotonic()
        answer = server.post("/v1/messages?results=none", file.read_bytes(), "application/x-ndjson")
        seconds = time.monotonic() - begin
    bench.remove("stream", program)
    if b'"COMPLETE"' not in answer:
        raise Failed(f"the stream was not complete: {answer[-200:].decode()}")
    return [Line(f"`POST /v1/messages`, one stream of {number:,} messages", "", rate_of(number / seconds))]


def decision(bench: Bench, program: str) -> list[Line]:
    """Two usual customers merged, and split again; the answer waits until the list shows it."""
    bench.imports("customers", program, bench.customers(bench.size.customers))
    made, revoked = [], []
    with bench.serve("customers", program) as server:
        server.wait_until_listed()
        for n in range(bench.size.decisions):
            pair = {side: {"kind": "external_id", "value": f"c{number:08}"} for side, number in (("a", 2 * n), ("b", 2 * n + 1))}
            for found, seconds in zip((made, revoked), component.decide_and_revoke(server, "SAME", pair)):
                found.append(seconds)
    return [
        Line("a decision on usual customers, seen everywhere, median", "25 ms", seconds_of(median(made))),
        Line("… longest", "", seconds_of(max(made))),
        Line("… revoked, median", "", seconds_of(median(revoked))),
    ]


def component_(bench: Bench, program: str) -> list[Line]:
    """Decisions in a component of many identifiers, and how long others wait."""
    return chain(bench, program, is_one_profile=False)


def one_profile(bench: Bench, program: str) -> list[Line]:
    """The same where limits are lifted, so that the component is one profile."""
    return chain(bench, program, is_one_profile=True)


def chain(bench: Bench, program: str, is_one_profile: bool) -> list[Line]:
    identifiers = bench.size.identifiers
    name = "one-profile" if is_one_profile else "chain"
    file = bench.folder / f"{name}.ndjson"
    component.write_chain(file, identifiers)
    # Waits for slow answers.
    options = ["--limit-time", "3600s"]
    database = bench.database(name, program)
    policy = []
    if is_one_profile:
        document = bench.folder / "limits-lifted.json"
        document.write_text(json.dumps(component.LIMITS_LIFTED))
        policy = ["--policy", str(document)]
    imported = run(program, "import", str(file), "--db", database, *policy)
    with bench.serve(name, program, *options, *policy) as server:
        server.wait_until_listed()
        found = component.measure(server, identifiers, is_one_profile, times=2)
    bench.remove(name, program)
    kind = "one profile" if is_one_profile else "a component"
    lines = [Line(f"{kind} of {identifiers:,} identifiers: its import", "", seconds_of(imported.seconds))]
    for quantity, times in found.items():
        if "same time" in quantity:
            lines.append(Line(f"… {quantity}, longest", "50 ms", seconds_of(max(times))))
        else:
            goal = "3 s" if "`" in quantity else ""
            lines.append(Line(f"… {quantity}, median", goal, seconds_of(median(times))))
    return lines


# --------------------------------------------------------------------------------------------------------- policies


def policy(bench: Bench, program: str) -> list[Line]:
    """A policy simulated, published and reverted while one client writes 20 messages a second."""
    bench.imports("households", program, bench.households(program)[0])
    document = {"max_links": 9}
    with bench.serve("households", program, "--limit-time", "3600s") as server:
        server.wait_until_listed()
        ask = "($document: JSON!) { simulatePolicy(policy: { document: $document }) { profilesAfter } }"
        simulated = component.timed(lambda: server.ask("query" + ask, document=document))
        with Writer(server) as writer:
            published = publish(server, "{ document: $document }", document=document)
        # A new policy: the previous one may stay for a while, and going back to it is another row.
        back = publish(server, "{ from: 1, document: $document }", document={})
    goal = goal_of_policy(bench, program)
    return [
        Line("simulate a policy on the purchases", goal, seconds_of(simulated)),
        Line("publish it", goal, seconds_of(published)),
        Line("… a message at the same time, longest", "100 ms", seconds_of(max(writer.waits, default=0.0))),
        Line("… publish the previous policy again", "1 s", seconds_of(back)),
    ]


def goal_of_policy(bench: Bench, program: str) -> str:
    known = [bench.known.get((row, program)) for row in ("resolve", "bare")]
    if None in known:
        return "`resolve` + the projection's rows"
    return f"{sum(known):.1f} s (`resolve` + its rows)"


def publish(server: Server, policy: str, **variables) -> float:
    """The seconds until a policy is active."""
    active = server.ask("{ policy { version } }")["policy"]["version"]
    begin = time.monotonic()
    mutation = f"mutation($document: JSON!) {{ publishPolicy(policy: {policy}, reason: \"measured\") {{ version }} }}"
    version = server.ask(mutation, **variables)["publishPolicy"]["version"]
    while server.ask("{ policy { version } }")["policy"]["version"] == active != version:
        if server.process.poll() is not None:
            raise Failed("the server ended during a publication")
        time.sleep(0.02)
    return time.monotonic() - begin


class Writer:
    """A client that sends a message twenty times a second, and how long each answer needed, counted from when it was due."""

    def __init__(self, server: Server) -> None:
        self.server, self.waits, self.failure = server, [], None
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.work)

    def work(self) -> None:
        bodies = messages.single_messages(f"policy-{time.time_ns()}", 0)
        begin = time.monotonic()
        n = 0
        while not self.over.wait(max(0.0, begin + n / 20 - time.monotonic())):
            try:
                if b'"errors":' in (answer := self.server.post("/graphql", next(bodies))):
                    raise Failed(answer[:300].decode(errors="replace"))
            except Exception as failure:  # Raised below, in the thread that waits.
                self.failure = failure
                return
            self.waits.append(time.monotonic() - begin - n / 20)
            n += 1

    def __enter__(self) -> "Writer":
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.over.set()
        self.thread.join()
        if self.failure is not None:
            raise Failed(f"a message during the publication: {self.failure}")


# ---------------------------------------------------------------------------------------------------------- offline


def best_of(times: int, *command: str) -> Ran:
    return min((run(*command) for _ in range(times)), key=lambda ran: ran.seconds)


def resolve(bench: Bench, program: str) -> list[Line]:
    """`resolve` of the file of purchases, and Polars with scipy; the faster of three runs each."""
    file, _ = bench.households(program)
    out = str(bench.folder / "partition.csv")
    bench.note(f"PROGRAM resolve {file.name} --out partition.csv")
    ran = best_of(3, program, "resolve", str(file), "--out", out)
    bench.known["resolve", program] = ran.seconds
    goal = other_of(bench, "components", "polars, scipy", str(file), out)
    return [
        Line("`resolve` of that file", f"Polars + scipy: {goal}", seconds_of(ran.seconds)),
        Line("… peak memory", "", memory_of(ran.memory)),
    ]


def summarize(bench: Bench, program: str) -> list[Line]:
    """`summarize` of the file of purchases, and DuckDB; the faster of two runs each."""
    file, truth = bench.households(program)
    out = str(bench.folder / "summary.ndjson")
    bench.note(f"PROGRAM summarize {file.name} --as-of {AFTER_PURCHASES} --out summary.ndjson")
    ran = best_of(2, program, "summarize", str(file), "--as-of", AFTER_PURCHASES, "--out", out)
    goal = other_of(bench, "summaries", "duckdb, pyarrow", str(file), str(truth), AFTER_PURCHASES, out)
    return [
        Line("`summarize` of it", f"half of DuckDB's {goal}", seconds_of(ran.seconds)),
        Line("… peak memory", "", memory_of(ran.memory)),
    ]


def other_of(bench: Bench, question: str, packages: str, *arguments: str) -> str:
    """How long other people's program needs, once in each run."""
    key = (question, "")
    if key not in bench.known:
        try:
            run(sys.executable, "-c", f"import {packages}")
        except (Failed, OSError):
            return f"not measured ({packages} are not installed)"
        command = [sys.executable, str(Path(__file__).with_name("others.py")), question, *arguments]
        bench.note(command_line("python3", *command[1:]))
        bench.known[key] = best_of(2, *command).seconds
    return seconds_of(bench.known[key]).text


# -------------------------------------------------------------------------------------------------------- a million


def million(bench: Bench, program: str) -> list[Line]:
    """A million customers: their import, their cards, and the memory of the server."""
    file = bench.customers(bench.size.million)
    ran = bench.imports("million", program, file)
    lines = [
        Line(f"import of {bench.size.million:,} customers", "6 minutes", seconds_of(ran.seconds)),
        Line("… peak memory (VmHWM)", "1 GB", memory_of(ran.memory)),
        Line("… on the disk", "", memory_of(size_of(bench.path("million", program)))),
    ]
    with bench.serve("million", program) as server:
        lines.append(Line("… start of `serve` until the list answers", "", seconds_of(server.wait_until_listed())))
        idle = server.memory()[0]
        ids = server.unified_ids(5_000)
        [found] = send(server.address, cards(bench, server, ids))
        refuse_failures(found)
        lines += waits("… whole card, 500/s", {0.5: "", 0.99: "6 ms"}, found)
        tag = f"million-{time.time_ns()}"
        writes = Load("/v1/batch", lambda worker, _: messages.batches_of_calls(tag, worker), bench.size.seconds, clients=4,
                      expect=b'"success":true', ready=int(50 * bench.size.seconds))
        written, read = send(server.address, writes, cards(bench, server, ids, rate=100))
        refuse_failures(written)
        lines += [
            Line("… `/v1/batch`, 4 clients, 100 cards/s at the same time", "", rate_of(written.rate * messages.BATCH)),
            *waits("… a card at the same time", {0.99: ""}, read),
            Line("… memory of `serve`, idle", "", memory_of(idle)),
            Line("… memory of `serve`, at most", "1 GiB", memory_of(server.memory()[1])),
        ]
    return lines


ROWS: dict[str, Callable[[Bench, str], list[Line]]] = {
    "import": import_, "bare": bare, "card": card, "card_households": card_households, "resolve": resolve, "summarize": summarize,
    "restart": restart, "list": list_, "decision": decision, "batch": batch, "graphql": graphql, "policy": policy,
    "component": component_,
}
# On request only: they need many minutes.
EXTRAS: dict[str, Callable[[Bench, str], list[Line]]] = {
    "stream": stream, "one_profile": one_profile, "tenfold": tenfold, "million": million,
}
