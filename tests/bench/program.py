"""The program under test: its commands with their time and memory, and its server."""

import dataclasses
import http.client
import json
import os
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from load import JSON

# Equal unified IDs in all databases, no settings of the shell, and no parent in front of the server: its memory is measured.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PROFILE360_")} | {
    "PROFILE360_ID_SECRET": "bench", "PROFILE360_SUPERVISE": "false"}

# Seconds after which a connection is not used again.
IDLE = 30.0


@dataclasses.dataclass
class Ran:
    seconds: float
    # The peak memory of the process, in bytes.
    memory: int
    output: str


class Failed(Exception):
    """A command or a request failed; the row says so and the next one begins."""


def memory_of(pid: int) -> tuple[int, int]:
    """The memory of a process now and at most so far, in bytes; nothing once it has ended."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            fields = dict(line.split(":", 1) for line in status)
        return int(fields["VmRSS"].split()[0]) * 1024, int(fields["VmHWM"].split()[0]) * 1024
    except (OSError, KeyError):
        return 0, 0


def run(*command: str, environment: dict[str, str] | None = None) -> Ran:
    """Runs a command until it ends. Its memory is read every 20 ms."""
    with tempfile.TemporaryFile() as output:
        begin = time.monotonic()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment or ENVIRONMENT
        )
        memory = 0
        try:
            while True:
                try:
                    process.wait(0.02)
                    break
                except subprocess.TimeoutExpired:
                    memory = max(memory, memory_of(process.pid)[1])
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        seconds = time.monotonic() - begin
        output.seek(0)
        text = output.read().decode(errors="replace")
    if process.returncode != 0:
        raise Failed(f"`{' '.join(command)}` ended with status {process.returncode}: {text.strip()[-300:]}")
    return Ran(seconds, memory, text)


class Server:
    """A running server, stopped at the end."""

    def __init__(self, program: str, database: str, *options: str) -> None:
        self.began = time.monotonic()
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [program, "serve", "--listen", "127.0.0.1:0", "--db", database, *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, env=ENVIRONMENT, text=True,
        )
        line = self.process.stdout.readline().strip()
        if not line.startswith("listening on "):
            self.stop()
            raise Failed(f"the server of {database} did not start: {line}")
        self.address = line.removeprefix("listening on ")
        self.local = threading.local()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
        self.log.close()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def memory(self) -> tuple[int, int]:
        return memory_of(self.process.pid)

    def post(self, path: str, body: bytes, content_type: str = JSON) -> bytes:
        """The body of an answer, over the connection of this thread."""
        if not hasattr(self.local, "connection"):
            self.local.connection = http.client.HTTPConnection(self.address.removeprefix("http://"), timeout=3_600)
        elif self.local.used + IDLE < time.monotonic():
            # The server closes it about now; the next request opens it again.
            self.local.connection.close()
        self.local.connection.request("POST", path, body, {"content-type": content_type})
        response = self.local.connection.getresponse()
        answer = response.read()
        self.local.used = time.monotonic()
        if response.status != 200:
            raise Failed(f"{path} answered {response.status}: {answer[:300].decode(errors='replace')}")
        return answer

    def ask(self, query: str, **variables) -> dict:
        answer = json.loads(self.post("/graphql", json.dumps({"query": query, "variables": variables}).encode()))
        if answer.get("errors"):
            raise Failed(f"GraphQL answered {answer['errors'][0]['message']}")
        return answer["data"]

    def wait_until_listed(self) -> float:
        """The seconds from the start of the process until the list answers with all customers."""
        while self.ask("{ profiles(first: 1) { totalCount } }")["profiles"]["totalCount"] == 0:
            time.sleep(0.02)
        return time.monotonic() - self.began

    def unified_ids(self, at_most: int) -> list[str]:
        ids, after = [], None
        while len(ids) < at_most:
            page = self.ask(
                "query($after: String) { profiles(first: 200, after: $after) { nodes { unifiedId } pageInfo { hasNextPage endCursor } } }",
                after=after,
            )["profiles"]
            ids += [node["unifiedId"] for node in page["nodes"]]
            if not page["pageInfo"]["hasNextPage"]:
                break
            after = page["pageInfo"]["endCursor"]
        return ids[:at_most]


def size_of(folder: Path) -> int:
    """The bytes that a folder occupies on the disk; hard links count once."""
    seen = {}
    for path in folder.rglob("*"):
        status = path.lstat()
        seen[status.st_ino] = status.st_blocks * 512
    return sum(seen.values())
