"""The memory plan: buffers of the state struct that are never in use at the same time lie in one place.

Times are numbers: each step of the program has one, and what happens when a frame is pushed has another. A
buffer is alive at some of them; two buffers with no time in common share a union.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from myofin.convert.codegen_program import Buffer, Step
from myofin.convert.codegen_step_text import StepText

PUSH: Final = -1  # the time at which a frame is pushed, which may be between the features and the head
# Widest first.
TYPE_BYTES: Final[Mapping[str, int]] = {
    "myofin_level_sums_t": 24,
    "myofin_slope_sums_t": 32,
    "float": 4,
    "uint32_t": 4,
    "int32_t": 4,
    "int16_t": 2,
    "int8_t": 1,
}
_REFERENCE: Final = re.compile(r"\bstate->(\w+)")


@dataclass(frozen=True)
class Member:
    """An array of the state struct and the times at which its values are needed."""

    c_type: str
    name: str
    length: int
    alive: frozenset[int]

    @property
    def size_bytes(self) -> int:
        """Bytes of the array."""
        return TYPE_BYTES[self.c_type] * self.length


@dataclass(frozen=True)
class Place:
    """One member of the state struct, or several in a union."""

    members: tuple[Member, ...]

    @property
    def words(self) -> int:
        """Size in words of 4 bytes."""
        return -(-max(member.size_bytes for member in self.members) // 4)


def plan_memory(members: Iterable[Member]) -> tuple[Place, ...]:
    """Give each member a place: the largest first, each in the first place where nothing is in its way.

    >>> early, late = frozenset({0, 1}), frozenset({2})
    >>> places = plan_memory([Member("int8_t", "a", 8, early), Member("int16_t", "b", 6, late)])
    >>> [member.name for member in places[0].members], places[0].words
    (['b', 'a'], 3)
    """
    places: list[list[Member]] = []
    for member in sorted(members, key=lambda member: -member.size_bytes):
        for place in places:
            if all(member.alive.isdisjoint(other.alive) for other in place):
                place.append(member)
                break
        else:
            places.append([member])
    return tuple(Place(tuple(place)) for place in places)


def members_of(
    steps: Sequence[Step], texts: Sequence[StepText], head_from: int, value: str, features: Buffer
) -> list[Member]:
    """The members that steps need, with their lifetimes.

    Args:
        steps: In order of execution; ``texts`` likewise.
        head_from: Number of steps before the head. What the head reads of them stays until the end, since the
            head may be called again, and frames may be pushed before it.
        value: C type of a computed value.
        features: They stay as well.
    """
    end = len(steps)
    always = frozenset(range(PUSH, end + 1))
    found = []
    for time, (step, text) in enumerate(zip(steps, texts, strict=True)):
        running = frozenset({time, PUSH} if text.push else {time})
        found += [
            Member(kind, name, length, always if name in text.kept else running)
            for kind, name, length in text.members
        ]
        readers = [later for later in range(time, end) if step.output in steps[later].sources]
        last = max(readers, default=end)
        stays = step.output == features or (time < head_from <= last)
        alive = frozenset([PUSH, *range(time, end + 1)]) if stays else frozenset(range(time, last + 1))
        found.append(Member(value, step.output.name, step.output.size, alive))
    return found


def relocated(text: str, places: Iterable[Place]) -> str:
    """C text in which each ``state->NAME`` goes to the union that holds NAME.

    >>> shared = Place((Member("int8_t", "a", 1, frozenset()), Member("int8_t", "b", 1, frozenset())))
    >>> relocated("state->a[0] = state->frames_held;", [shared])
    'state->shared0.a[0] = state->frames_held;'
    """
    where = {
        member.name: f"shared{number}.{member.name}"
        for number, place in enumerate(unions(places))
        for member in place.members
    }
    return _REFERENCE.sub(lambda match: f"state->{where.get(match[1], match[1])}", text)


def unions(places: Iterable[Place]) -> list[Place]:
    """The places that hold several members; their order numbers them."""
    return [place for place in places if len(place.members) > 1]


def singles(places: Iterable[Place]) -> list[Member]:
    """The members with a place of their own, widest types first."""
    order = list(TYPE_BYTES)
    alone = [place.members[0] for place in places if len(place.members) == 1]
    return sorted(alone, key=lambda member: order.index(member.c_type))
