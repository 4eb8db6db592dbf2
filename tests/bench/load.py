"""The load generator: several processes, each with several connections that stay open, and how long each answer needed.

A load with a rate is open-loop: request n is due at n / rate, whether or not earlier ones are answered, and its time counts from
then. So a server that pauses pays for every request that was due in the pause. A load without a rate is closed-loop: each
connection sends its next request when it has the answer to the last.
"""

import array
import dataclasses
import math
import multiprocessing
import select
import socket
import statistics
import time
from collections.abc import Callable, Iterator

# Seconds of each load that do not count: its first answers find cold caches.
WARM_UP = 1.0
# Seconds.
GIVE_UP = 5.0
# More connections than this wait in the kernel and not in the server.
OPEN_LOOP_CONNECTIONS = 24
JSON = "application/json"
# What no good answer contains.
BAD = (b'"errors":', b'"REFUSED"', b'"DUPLICATE"')


@dataclasses.dataclass
class Load:
    path: str
    # The bodies of one process, given its number and how many there are. Called in that process.
    bodies: Callable[[int, int], Iterator[bytes]]
    seconds: float
    clients: int = OPEN_LOOP_CONNECTIONS
    # Requests a second, of all processes together; none for a closed loop.
    rate: float | None = None
    processes: int = 1
    content_type: str = JSON
    # What a good answer contains.
    expect: bytes = b""
    # How many bodies to build before the start, in each process.
    ready: int = 0


@dataclasses.dataclass
class Times:
    """Seconds until each answer was there, ascending."""

    times: list[float]
    # Answers in a second, of those that counted.
    rate: float
    # Answers other than the expected one, and the first of them.
    failures: int
    failure: str

    def at(self, share: float) -> float:
        return percentile(self.times, share)


def percentile(ascending: list[float], share: float) -> float:
    """The nearest rank: the least value that `share` of all do not exceed."""
    if not ascending:
        return math.nan
    return ascending[max(0, math.ceil(share * len(ascending)) - 1)]


def median(values: list[float]) -> float:
    return statistics.median(values) if values else math.nan


def send(address: str, *loads: Load) -> list[Times]:
    """Sends all loads at the same time; the times of each."""
    fork = multiprocessing.get_context("fork")
    n_processes = sum(load.processes for load in loads)
    barrier = fork.Barrier(n_processes)
    started = []
    for load in loads:
        for index in range(load.processes):
            here, there = fork.Pipe(duplex=False)
            process = fork.Process(target=work, args=(address, load, index, barrier, there), daemon=True)
            process.start()
            there.close()
            started.append((load, process, here))
    found: dict[int, list] = {}
    for load, process, pipe in started:
        try:
            found.setdefault(id(load), []).append(pipe.recv())
        except EOFError:
            raise SystemExit(f"a process of the load generator ended while it sent to {load.path}") from None
        process.join()
    results = []
    for load in loads:
        parts = found[id(load)]
        times = sorted(time for part in parts for time in part[0])
        failures = [failure for part in parts for failure in part[1]]
        measured = max(part[2] for part in parts)
        results.append(Times(times, len(times) / measured, sum(part[3] for part in parts), failures[0] if failures else ""))
    return results


class Connection:
    """One request at a time over HTTP/1.1."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.unsent = memoryview(b"")
        self.answer = bytearray()
        self.due = 0.0
        self.connect()

    def connect(self) -> None:
        host, _, port = self.address.removeprefix("http://").partition(":")
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)

    def fileno(self) -> int:
        return self.socket.fileno()

    def begin(self, request: bytes, due: float) -> None:
        self.due = due
        self.answer.clear()
        self.unsent = memoryview(request)
        self.write()

    def write(self) -> None:
        try:
            while self.unsent:
                self.unsent = self.unsent[self.socket.send(self.unsent) :]
        except BlockingIOError:
            pass
        except ConnectionError:
            # Reading finds out.
            self.unsent = memoryview(b"")

    def is_complete(self) -> bool:
        """Reads what has arrived. Whether the answer is whole, or will never be."""
        try:
            received = self.socket.recv(1 << 18)
        except BlockingIOError:
            return False
        except ConnectionError:
            received = b""
        if not received:
            self.socket.close()
            self.connect()
            self.answer[:0] = b"cut off: "
            return True
        self.answer += received
        end = self.answer.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = self.answer[:end].lower()
        _, named, length = head.partition(b"\r\ncontent-length:")
        if named:
            return end + 4 + int(length.split(b"\r\n", 1)[0]) <= len(self.answer)
        return self.answer.endswith(b"\r\n0\r\n\r\n")


def work(address: str, load: Load, index: int, barrier, pipe) -> None:
    head = f"POST {load.path} HTTP/1.1\r\nhost: {address.removeprefix('http://')}\r\ncontent-type: {load.content_type}\r\n"

    def requests() -> Iterator[bytes]:
        for body in load.bodies(index, load.processes):
            yield f"{head}content-length: {len(body)}\r\n\r\n".encode() + body

    waiting = requests()
    ready = [request for _, request in zip(range(load.ready), waiting)]
    ready.reverse()
    n_connections = load.clients // load.processes + (index < load.clients % load.processes)
    idle = [Connection(address) for _ in range(n_connections)]
    busy: set[Connection] = set()
    times, failures, n_failures = array.array("d"), [], 0
    barrier.wait()
    begin = time.perf_counter()
    counted_from, end = begin + WARM_UP, begin + WARM_UP + load.seconds
    # A server that is too slow gets so much time again for what was due; what it never gets to counts with its wait until then.
    given_up = end + max(load.seconds, GIVE_UP)
    last = begin
    n_sent = 0
    step = load.processes / load.rate if load.rate else 0.0
    while True:
        due = math.inf
        while idle:
            now = time.perf_counter()
            due = begin + (n_sent + index / load.processes) * step if load.rate else now
            if now < due or end <= due:
                break
            if given_up < now:
                n_sent += 1
                times.append(now - due)
                continue
            connection = idle.pop()
            connection.begin(ready.pop() if ready else next(waiting), due)
            busy.add(connection)
            n_sent += 1
        if not busy and end <= due:
            break
        wait = due - time.perf_counter() if idle and due < end else 1.0
        unsent = [connection for connection in busy if connection.unsent]
        readable, writable, _ = select.select(list(busy), unsent, [], max(wait, 0.0))
        for connection in writable:
            connection.write()
        for connection in readable:
            if not connection.is_complete():
                continue
            now = time.perf_counter()
            busy.discard(connection)
            idle.append(connection)
            answer = connection.answer
            if not answer.startswith(b"HTTP/1.1 200") or load.expect not in answer or any(it in answer for it in BAD):
                n_failures += 1
                if not failures:
                    failures.append(answer[:2_000].decode(errors="replace"))
            elif counted_from <= (connection.due if load.rate else now):
                times.append(now - connection.due)
                last = now
    pipe.send((times, failures, max(last - counted_from, 1e-9), n_failures))
