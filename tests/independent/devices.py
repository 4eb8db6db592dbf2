#!/usr/bin/env python3
"""How well shared devices are distinguished from people with several numbers: made-up kiosks, families and people, resolved with the
rule and without it.

    python3 tests/independent/devices.py PROGRAM

Pairs of contacts (phone numbers and email addresses) that were seen on one device are counted: of those in one profile the
share that are one person's (precision), and of one person's the share that are in one profile (recall). Python's standard
library only; the same figures every time.
"""

import csv
import datetime
import itertools
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

DEVICES = 200
BEGIN = datetime.datetime(2024, 1, 1, 9, tzinfo=datetime.timezone.utc)


class World:
    """Messages, and whose each contact is."""

    def __init__(self) -> None:
        self.dice = random.Random(360)
        self.messages = []
        self.owner = {}
        self.n_contacts = 0

    def contact(self, person: str, kind: str = "phone") -> tuple[str, str]:
        self.n_contacts += 1
        value = f"+8210{self.n_contacts:08}" if kind == "phone" else f"c{self.n_contacts}@example.com"
        self.owner[kind, value] = person
        return kind, value

    def meet(self, device: str, contact: tuple[str, str], day: int, **others: str) -> None:
        at = BEGIN + datetime.timedelta(days=day, minutes=self.dice.randrange(600))
        identifiers = {"device_id": device, contact[0]: contact[1], **others}
        self.messages.append(
            {"message_id": f"m{len(self.messages)}", "type": "identify", "timestamp": at.isoformat(), "source": "made-up",
             "identifiers": identifiers}
        )  # fmt: skip


def kiosk(world: World, device: str) -> None:
    """A shop's tablet: three to ten people within two weeks, each once or twice."""
    kind = world.dice.choice(["phone", "phone", "phone", "email"])
    for n in range(world.dice.randint(3, 10)):
        contact = world.contact(f"{device}-{n}", kind)
        day = world.dice.randrange(14)
        for later in [0, *([world.dice.randint(7, 60)] if world.dice.random() < 0.3 else [])]:
            world.meet(device, contact, day + later)


def quiet_kiosk(world: World, device: str) -> None:
    """A tablet that three to five people use over half a year."""
    for n in range(world.dice.randint(3, 5)):
        world.meet(device, world.contact(f"{device}-{n}"), world.dice.randrange(180))


def family(world: World, device: str) -> None:
    """A tablet at home: three or four people, who give their numbers when it is new."""
    for n in range(world.dice.randint(3, 4)):
        contact = world.contact(f"{device}-{n}")
        for day in (world.dice.randrange(21), world.dice.randint(30, 400)):
            world.meet(device, contact, day)


def signed_in_family(world: World, device: str) -> None:
    """A tablet at home on which everyone signs in."""
    for n in range(world.dice.randint(3, 4)):
        contact = world.contact(f"{device}-{n}")
        world.meet(device, contact, world.dice.randrange(21), external_id=f"{device}-{n}")


def two_phones(world: World, device: str) -> None:
    """One person with two numbers, an address, and at times a device more."""
    contacts = [world.contact(device), world.contact(device), world.contact(device, "email")]
    for contact in contacts:
        world.meet(device, contact, world.dice.randrange(30))
        if world.dice.random() < 0.5:
            world.meet(f"{device}-other", contact, world.dice.randrange(400))


def numbers_over_years(world: World, device: str) -> None:
    """One person who has three numbers one after the other, the second overlapping the first for a while."""
    day = 0
    for _ in range(3):
        contact = world.contact(device)
        world.meet(device, contact, day)
        world.meet(device, contact, day + world.dice.randint(30, 300))
        day += world.dice.randint(90, 700)


def mistyped(world: World, device: str) -> None:
    """One person with one number, who mistypes it once."""
    number, wrong = world.contact(device), world.contact(device)
    for day in (0, 3, 200):
        world.meet(device, number, day)
    world.meet(device, wrong, 0)


def three_at_once(world: World, device: str) -> None:
    """One person with three numbers at once, who never signs in."""
    for _ in range(3):
        world.meet(device, world.contact(device), world.dice.randrange(60))


def three_signed_in(world: World, device: str) -> None:
    """One person with three numbers at once, who signs in."""
    for _ in range(3):
        world.meet(device, world.contact(device), world.dice.randrange(60), external_id=device)


SORTS = [kiosk, quiet_kiosk, family, signed_in_family, two_phones, numbers_over_years, mistyped, three_at_once, three_signed_in]


def rates(world: World, rows: list[dict[str, str]]) -> tuple[float, float]:
    cell = {(row["kind"], row["value"]): row["unified_id"] for row in rows}
    groups: dict[str, list[tuple[str, str]]] = {}
    for contact, person in world.owner.items():
        groups.setdefault(person.rsplit("-", 1)[0], []).append(contact)
    together = right = own = 0
    for contacts in groups.values():
        for one, other in itertools.combinations(contacts, 2):
            is_own = world.owner[one] == world.owner[other]
            is_together = cell[one] == cell[other]
            own += is_own
            together += is_together
            right += is_own and is_together
    return right / together if together else 1.0, right / own if own else 1.0


def main(program: str) -> None:
    print("| Devices | Precision without | with | Recall without | with |\n| --- | --- | --- | --- | --- |")
    everyone = World()
    worlds = []
    for sort in SORTS:
        world = World()
        world.n_contacts = everyone.n_contacts
        for n in range(DEVICES):
            sort(world, f"{sort.__name__}.{n}")
        everyone.n_contacts = world.n_contacts
        everyone.messages += world.messages
        everyone.owner |= world.owner
        worlds.append((sort.__doc__.strip(), world))
    for n, message in enumerate(everyone.messages):
        message["message_id"] = f"m{n}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "messages.ndjson").write_text("".join(json.dumps(it) + "\n" for it in everyone.messages))
        (path / "without.json").write_text(json.dumps({"max_users_a_month": 1_000_000}))
        found = {}
        for name, policy in [("without", ["--policy", str(path / "without.json")]), ("with", [])]:
            out = path / f"{name}.csv"
            subprocess.run([program, "resolve", str(path / "messages.ndjson"), "--out", str(out), *policy], check=True, stdout=subprocess.DEVNULL)
            with out.open(newline="") as rows:
                found[name] = list(csv.DictReader(rows))
    for name, world in [*worlds, ("All of them", everyone)]:
        without, ruled = rates(world, found["without"]), rates(world, found["with"])
        print(f"| {name.split(chr(10))[0].rstrip('.')} | {without[0]:.3f} | {ruled[0]:.3f} | {without[1]:.3f} | {ruled[1]:.3f} |")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
