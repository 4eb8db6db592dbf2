#!/usr/bin/env python3
"""How many messages a second come in by each way: the same file by `import`, by one stream to POST /v1/messages, and by requests of
100 messages there from eight clients. Each goes into a new base that writes every commit to the disk.

    python3 tests/independent/rate.py PROGRAM MESSAGES.ndjson
"""

import http.client
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

BATCH = 100
CLIENTS = 8
NDJSON = {"content-type": "application/x-ndjson"}


def main(program: str, path: str) -> None:
    lines = Path(path).read_bytes().splitlines(keepends=True)
    ways = {
        "import": lambda base: by_import(program, base, path),
        "POST /v1/messages, one stream": lambda base: by_server(program, base, lambda address: stream(address, path)),
        f"POST /v1/messages, {BATCH} a request, {CLIENTS} clients": lambda base: by_server(
            program, base, lambda address: batches(address, lines)
        ),
    }
    first = None
    for name, way in ways.items():
        with tempfile.TemporaryDirectory() as folder:
            seconds = way(f"surrealkv://{folder}/data?sync=every")
        rate = len(lines) / seconds
        first = first or rate
        print(f"{name}: {len(lines)} messages in {seconds:.1f} s, {rate:.0f} a second, {rate / first:.2f} of import", flush=True)


def by_import(program: str, base: str, path: str) -> float:
    """Until all messages are stored; the list is updated after that."""
    begin = time.monotonic()
    importing = subprocess.Popen([program, "import", path, "--db", base], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    counts = importing.stdout.readline()
    seconds = time.monotonic() - begin
    importing.wait()
    if b"messages accepted" not in counts:
        sys.exit(f"import said {counts!r}")
    return seconds


def by_server(program: str, base: str, send) -> float:
    server = subprocess.Popen(
        [program, "serve", "--listen", "127.0.0.1:0", "--db", base], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        address = server.stdout.readline().decode().removeprefix("listening on http://").strip()
        begin = time.monotonic()
        send(address)
        return time.monotonic() - begin
    finally:
        server.terminate()
        server.wait()


def stream(address: str, path: str) -> None:
    connection = http.client.HTTPConnection(address)
    with open(path, "rb") as body:
        connection.request("POST", "/v1/messages?results=none", body, NDJSON, encode_chunked=False)
    complete(connection.getresponse())


def batches(address: str, lines: list[bytes]) -> None:
    waiting = (lines[n : n + BATCH] for n in range(0, len(lines), BATCH))
    lock = threading.Lock()
    failures = []

    def work() -> None:
        connection = http.client.HTTPConnection(address)
        try:
            while True:
                with lock:
                    batch = next(waiting, None)
                if batch is None:
                    return
                connection.request("POST", "/v1/messages", b"".join(batch), NDJSON)
                complete(connection.getresponse())
        except Exception as error:  # Reported below, by the main thread.
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        sys.exit(f"a request failed: {failures[0]!r}")


def complete(response: http.client.HTTPResponse) -> None:
    *_, last = response.read().splitlines()
    if json.loads(last)["end"] != "COMPLETE":
        raise RuntimeError(last)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
