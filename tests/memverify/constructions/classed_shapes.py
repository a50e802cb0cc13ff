"""Shapes of data: points with classes 1 to 9, the class of a point being a function of it."""

import random
from fractions import Fraction
from itertools import product


def grid(count, rng):
    points = rng.sample(list(product(range(-8, 9), repeat=2)), count)
    return points, [rng.randint(1, 9) for _ in points]


def five_features(count, rng):
    points = [[Fraction(rng.randint(-9, 9), 7) for _ in range(5)] for _ in range(count)]
    class_of = {tuple(p): rng.randint(1, 9) for p in points}
    return points, [class_of[tuple(p)] for p in points]


def ties(count, rng):
    """Few distinct points, most of them repeated."""
    pool = [(a, b) for a in (0, 3, 7) for b in (0, 1, 7)][: max(2, count // 2)]
    class_of = {p: k % 9 + 1 for k, p in enumerate(pool)}
    chosen = [rng.choice(pool) for _ in range(count)]
    return [[Fraction(v, 7) for v in p] for p in chosen], [class_of[p] for p in chosen]


def alternating(count, rng):
    order = list(range(count))
    rng.shuffle(order)
    return [[k] for k in order], [k % 9 + 1 for k in order]


def powers_of_two(count, rng):
    points = [[Fraction(2 ** (k % 13)), Fraction(1, 2 ** (k // 13))] for k in range(count)]
    return points, [(k + k // 13) % 9 + 1 for k in range(count)]


def tiny_gaps(count, rng):
    return [[Fraction(1, 3) + Fraction(k, 10**20)] for k in range(count)], [k % 9 + 1 for k in range(count)]


def long_runs(count, rng):
    """Close neighbors of one class: a sum of accepted labels would count several of them."""
    return [[Fraction(k * k, 200)] for k in range(count)], [1 + 8 * (k < count // 2) for k in range(count)]


def clusters(count, rng):
    """Pairs of a class much closer than the classes are: less than 1 apart when scaled."""
    points = [[Fraction(k // 2) + Fraction(k % 2, 3)] for k in range(count)]
    return points, [(k // 2) % 9 + 1 for k in range(count)]


def one_class(count, rng):
    return grid(count, rng)[0], [rng.choice([1, 2, 9])] * count


SHAPES = [
    grid,
    five_features,
    ties,
    alternating,
    powers_of_two,
    tiny_gaps,
    long_runs,
    clusters,
    one_class,
]
SMALL = [(c, s) for c in range(1, 41) for k, s in enumerate(SHAPES) if c <= 9 or (c + k) % 5 == 0]


def make(shape, count, n_classes):
    """Points and classes 1..n_classes, the class of a point being a function of it."""
    points, classes = shape(count, random.Random(f"{shape.__name__} {count}"))
    return points, [(c - 1) % n_classes + 1 for c in classes]
