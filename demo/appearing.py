"""One more fault while the network runs, of any category: in trade, among people, or where rows are only listed."""

from __future__ import annotations

import json
import random
from datetime import datetime
from itertools import islice

from .hr import faults, lifecycle_planting
from .hr.planter import PeoplePlanter
from .ledger_systems import systems
from .ledger_systems.listed import entry
from .network import Network
from .planting import PLANTERS, plant

PEOPLE = {**faults.PLANTERS, **lifecycle_planting.PLANTERS}
"""What can go wrong among people and with what HCM tells of them."""
CATEGORIES = (*PLANTERS, *PEOPLE, *systems.LATER)
"""Whatever can be planted while the network runs."""


def appear(network: Network, category: str, now: datetime, rng: random.Random) -> list[int]:
    """Plant one fault; returns its ledger id, or nothing where no document, person or row is left that suits."""
    if category in PLANTERS:
        return plant(network, category, now, rng)
    if category not in CATEGORIES:
        raise ValueError(f"no category {category!r}; known are {', '.join(CATEGORIES)}")
    with network.lock:
        if category in PEOPLE:
            return _among_people(PeoplePlanter(network, rng, network.built, now), category)
        return _in_a_list(network, category, now)


def _among_people(planter: PeoplePlanter, category: str) -> list[int]:
    """Who left on that account is told of."""
    found = islice(PEOPLE[category](planter), 1)
    planted = [planter.network.ledger.write("fault", one, planter.at, planter.at) for one in found]
    lifecycle_planting.tell_the_rest(planter)
    planter.network.publish(planter.at)
    return planted


def _in_a_list(network: Network, category: str, now: datetime) -> list[int]:
    """On a row of which the ledger does not speak yet."""
    known = {(row["entity"], row["business_key"]) for row in network.ledger.rows("fault", category)}
    for one in systems.later(network.built, category):
        if (one.entity, json.dumps(one.key, sort_keys=True)) not in known:
            step, said = entry(network.listed[one.system], one)
            network.change(step, now)
            return [network.ledger.write("fault", said, now, now)]
    return []
