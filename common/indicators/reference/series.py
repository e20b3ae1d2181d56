"""The series both sides compute on, by one formula that gives the same bits in Python and in Rust (tests/series.rs).

Only +, -, *, / and floor on doubles: no library function that could differ in its last bit.
"""

import numpy as np

COLUMNS = ("open", "high", "low", "close", "volume", "periods")


class Stream:
    """Numbers in [0, 1): a 64-bit linear congruential generator, upper 53 bits."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 11) / 9007199254740992.0


def cents(value):
    """On the grid of a vendor's prices."""
    return np.floor(value * 10000.0 + 0.5) / 10000.0


def random_bars(count, seed):
    """A walk between about 20 and 500, with gaps between close and open."""
    stream, close, rows = Stream(seed), 100.0, []
    for bar in range(count):
        pull = 0.002 * (100.0 - close) / 100.0
        opened = cents(close * (1.0 + 0.02 * (stream.next() - 0.5)))
        close = cents(opened * (1.0 + 0.06 * (stream.next() - 0.5) + pull))
        high = cents(max(opened, close) * (1.0 + 0.02 * stream.next()))
        low = cents(min(opened, close) * (1.0 - 0.02 * stream.next()))
        volume = np.floor(1000.0 + 100000.0 * stream.next())
        rows.append((opened, high, low, close, volume, 2.0 + float(bar % 29)))
    return table(rows)


def table(rows):
    """Columns by name."""
    return {name: np.array([row[at] for row in rows], dtype=float) for at, name in enumerate(COLUMNS)}


def flat_bars(count):
    """Nothing moves."""
    return table([(2.35, 2.35, 2.35, 2.35, 100.0, 10.0)] * count)


def settling_bars():
    """120 bars that move, 60 that do not, 60 that move, 6 that do not, 54 that move."""
    bars = random_bars(300, 11)
    for first, last in ((120, 180), (240, 246)):
        still = bars["close"][first - 1]
        for name in COLUMNS[:4]:
            bars[name][first:last] = still
    return bars


def gapped_bars():
    """600 bars of which about one in six is absent: no volume, or a price missing."""
    bars, stream = random_bars(600, 5), Stream(17)
    for bar in range(600):
        chance = stream.next()
        if chance < 0.1:
            bars["volume"][bar] = 0.0
        elif chance < 0.17:
            bars["close"][bar] = np.nan
    return bars


def ticking_bars():
    """400 bars of a cheap contract in steps of five cents: most prices tie with others."""
    bars = random_bars(400, 23)
    for name in COLUMNS[:4]:
        bars[name] = np.floor(bars[name] + 0.5) / 20.0
    return bars


def all_series():
    """Every series of the golden file, by name."""
    series = {
        "random": random_bars(5000, 1),
        "settling": settling_bars(),
        "gapped": gapped_bars(),
        "ticking": ticking_bars(),
        "flat": flat_bars(160),
    }
    for count in (1, 2, 3, 10, 40):
        series[f"tiny{count}"] = random_bars(count, 3)
    return series
