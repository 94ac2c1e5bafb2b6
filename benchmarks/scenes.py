"""Scenes whose truth is known, for trackers: faces that cross, turn back, hide, leave, and cameras that shake."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from math import exp
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from walks import HEIGHT_PX, WIDTH_PX, Scene, Walk, film

FPS = (10.0, 25.0, 60.0)

MakeScene: TypeAlias = Callable[[np.random.Generator, float], Scene]
"""From a source of chance and frames a second to a scene."""

Bob: TypeAlias = Callable[[float], NDArray[np.float64]]
"""From seconds to (2,) pixels."""


def _bob(random: np.random.Generator, size_px: float) -> Bob:
    """Return how a head moves besides walking: two slow waves of a tenth of its size."""
    rates, phases = random.uniform(0.3, 1.6, 2), random.uniform(0, 2 * np.pi, 2)
    reach = size_px * random.uniform(0.03, 0.1, 2)
    return lambda time_s: reach * np.sin(2 * np.pi * rates * time_s + phases)


def _stay(size_px: float, time_s: float) -> float:
    """Return a size that doesn't change."""
    return size_px


def _stroll(
    random: np.random.Generator,
    center: NDArray[np.float64],
    speed: NDArray[np.float64],
    size_px: float,
    *,
    from_s: float = 0.0,
    growth: float = 0.0,
    nearness: float = 0.0,
    is_there: Callable[[float], bool] = lambda _: True,
) -> Walk:
    """Return a straight walk, `center` at `from_s`, that bobs; `growth` is of the size's logarithm a second."""
    bob = _bob(random, size_px)

    def find(time_s: float) -> tuple[float, float]:
        x, y = center + speed * (time_s - from_s) + bob(time_s)
        return float(x), float(y)

    return Walk(find, lambda time_s: size_px * exp(growth * (time_s - from_s)), nearness, is_there)


def _draw_pair(random: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sizes and the velocities of two faces that will meet: one may stand still, or be overtaken."""
    sizes = random.uniform(50, 110) * np.array([1.0, random.uniform(0.7, 1.4)])
    while True:
        angles = random.uniform(-0.5, 0.5, 2) + np.array([0.0, np.pi if random.random() < 0.75 else 0.0])
        speeds = random.uniform(0.0, 3.0, 2) * sizes
        velocities = speeds[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        if np.linalg.norm(velocities[0] - velocities[1]) > 1.2 * sizes.max():  # hidden for less than a second
            return sizes, velocities


def cross(random: np.random.Generator, fps: float) -> Scene:
    """Two faces walk through each other's place, with a passing distance of up to 0.3 sizes."""
    sizes, velocities = _draw_pair(random)
    meeting = np.array([WIDTH_PX / 2, HEIGHT_PX / 2])
    apart = np.array([0.0, random.uniform(-0.3, 0.3) * sizes.max()])
    walks = [
        _stroll(
            random,
            meeting + number * apart,
            velocities[number],
            sizes[number],
            from_s=2.0,
            growth=random.uniform(-0.1, 0.1),
            nearness=random.random(),
        )
        for number in range(2)
    ]
    return film(walks, random, seconds=4.0, fps=fps)


def turn_back(random: np.random.Generator, fps: float) -> Scene:
    """Two faces walk towards each other, meet until one hides the other, and go back where they came from."""
    size = random.uniform(50, 110)
    sizes = size * np.array([1.0, random.uniform(0.8, 1.25)])
    speed, pause_s = random.uniform(1.0, 3.0) * size, random.uniform(0.2, 0.5)
    center = np.array([WIDTH_PX / 2, HEIGHT_PX / 2])
    walks = []
    for side, own_size in zip((-1.0, 1.0), sizes, strict=True):
        bob = _bob(random, own_size)

        def find(time_s: float, side: float = side, bob: Bob = bob) -> tuple[float, float]:
            gap = np.sqrt((speed * (time_s - 2.0)) ** 2 + (speed * pause_s) ** 2) - speed * pause_s
            x, y = center + np.array([side * (gap + 0.1 * size), 0.0]) + bob(time_s)
            return float(x), float(y)

        walks.append(Walk(find, partial(_stay, own_size), random.random()))
    return film(walks, random, seconds=4.0, fps=fps)


def miss_one(random: np.random.Generator, fps: float) -> Scene:
    """Two faces walk side by side; one isn't found for 0.3 to 0.95 s."""
    from_s, gap_s = random.uniform(1.0, 2.0), random.uniform(0.3, 0.95)
    return _walk_together(random, fps, lambda time_s: not from_s <= time_s < from_s + gap_s, lambda _: False)


def miss_both(random: np.random.Generator, fps: float) -> Scene:
    """Two faces walk side by side; neither is found for 0.3 to 0.95 s."""
    from_s, gap_s = random.uniform(1.0, 2.0), random.uniform(0.3, 0.95)
    return _walk_together(random, fps, lambda _: True, lambda time_s: from_s <= time_s < from_s + gap_s)


def _walk_together(
    random: np.random.Generator, fps: float, is_first_there: Callable[[float], bool], is_dark: Callable[[float], bool]
) -> Scene:
    """Film two faces, 1.3 to 3 sizes apart, that walk about the same way at up to 3 sizes a second."""
    size = random.uniform(50, 90)
    angle, speed = random.uniform(0, 2 * np.pi), random.uniform(0.0, 3.0) * size
    velocity = speed * np.array([np.cos(angle), np.sin(angle)])
    away = random.uniform(1.3, 3.0) * size
    walks = []
    for number in range(2):
        center = np.array([WIDTH_PX / 2 + (number - 0.5) * away, HEIGHT_PX / 2])
        own = velocity + random.normal(0, 0.15, 2) * size
        is_there = is_first_there if number == 0 else lambda _: True
        walks.append(_stroll(random, center, own, size, from_s=1.7, nearness=random.random(), is_there=is_there))
    return film(walks, random, seconds=3.5, fps=fps, is_dark=is_dark)


def leave_and_return(random: np.random.Generator, fps: float) -> Scene:
    """One face stays; others leave, and 0.3 to 5 s later someone comes in where they left."""
    size = random.uniform(50, 100)
    stay = _stroll(random, np.array([300.0, 360.0]), np.zeros(2), size, nearness=1.0)
    away_s, speed = random.uniform(0.3, 5.0), random.uniform(1.0, 3.0) * size
    turn_s = 2.0 + away_s / 2
    edge = WIDTH_PX - size * 0.2
    bob = _bob(random, size)

    def find(time_s: float) -> tuple[float, float]:
        x = edge + speed * (away_s / 2 - abs(time_s - turn_s))
        return float(x + bob(time_s)[0]), 300.0

    return film([stay, Walk(find, lambda _: size)], random, seconds=turn_s * 2, fps=fps)


def shake(random: np.random.Generator, fps: float) -> Scene:
    """Three faces that hardly move under a camera in a shaking hand: up to half a size off."""
    size = random.uniform(60, 100)
    reach, rates, phases = random.uniform(0.1, 0.25) * size, random.uniform(1.0, 4.0, 4), random.uniform(0, 7, 4)

    def move(time_s: float) -> tuple[float, float]:
        waves = reach * np.sin(2 * np.pi * rates * time_s + phases)
        return float(waves[0] + waves[1]), float(waves[2] + waves[3])

    walks = [
        _stroll(random, np.array([400.0 + 1.6 * size * number, 360.0]), random.normal(0, 0.1, 2) * size, size)
        for number in range(3)
    ]
    return film(walks, random, seconds=4.0, fps=fps, shake=move)


def group(random: np.random.Generator, fps: float) -> Scene:
    """Eight faces in two rows that sway, while two others pass in front of them."""
    size = random.uniform(70, 90)
    walks = [
        _stroll(
            random,
            np.array([200.0 + 1.5 * size * (number % 4) * 1.6, 220.0 + 220.0 * (number // 4)]),
            random.normal(0, 0.1, 2) * size,
            size * random.uniform(0.85, 1.15),
            from_s=2.0,
            nearness=random.random(),
        )
        for number in range(6)
    ]
    walks += [
        _stroll(
            random,
            np.array([640.0, 220.0 + 220.0 * row]),
            np.array([way * random.uniform(1.5, 3.0) * size, 0.0]),
            size * 1.2,
            from_s=2.5,
            nearness=2.0,
        )
        for row, way in enumerate((1.0, -1.0))
    ]
    return film(walks, random, seconds=5.0, fps=fps)


def cut(random: np.random.Generator, fps: float) -> Scene:
    """Two shots of two persons each: the later two are others, and stand somewhere else, in another size."""
    shots = []
    for number in range(2):
        size = random.uniform(50, 200)
        xs = random.choice(np.arange(200, 1100, 100), 2, replace=False)
        walks = [
            _stroll(random, np.array([x, random.uniform(200, 500)]), random.normal(0, 0.2, 2) * size, size,
                    nearness=random.random())
            for x in xs
        ]  # fmt: skip
        shots.append(
            [
                replace(
                    look,
                    time_s=look.time_s + 2.0 * number,
                    truths=tuple(None if who is None else who + 2 * number for who in look.truths),
                )
                for look in film(walks, random, seconds=2.0, fps=fps)
            ]
        )
    return (*shots[0], *shots[1])


KINDS: dict[str, MakeScene] = {
    "crossing": cross,
    "meeting, turning back": turn_back,
    "gap of one face": miss_one,
    "gap of both faces": miss_both,
    "leaving, coming back": leave_and_return,
    "camera shake": shake,
    "group of eight": group,
    "camera cut": cut,
}


def make_scenes(kind: str, count: int, seed: int) -> Iterator[Scene]:
    """Yield scenes of a kind, in turn at 10, 25 and 60 frames a second; the same for the same seed."""
    for number in range(count):
        random = np.random.default_rng([seed, number])
        yield KINDS[kind](random, FPS[number % len(FPS)])
