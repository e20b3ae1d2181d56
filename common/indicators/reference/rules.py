"""The project's own rules on top of the C library, written a second time and in another way than the Rust code.

Absent bars are left out and their places are NaN afterwards. A ratio of movements in a window without movement is NaN.
"""

import numpy as np


def traded(bars):
    """Which bars are there."""
    there = bars["volume"] > 0
    for values in bars.values():
        there &= np.isfinite(values)
    return there


def windows(function, values, lookback):
    """(kind of stillness, bars of the window, bars after it that are made of it), or None."""
    lengths = [value for name, value in values.items() if "period" in name]
    first, whole = (lengths or [1])[0], lookback + 1
    if function in ("RSI", "CMO", "CMOU", "ER", "VHF", "MFI", "DX", "ADX", "ADXR", "AROON", "AROONOSC"):
        return "unmoved", first + 1, 0
    if function == "STOCHRSI":
        return "unmoved", first + 1, whole - first - 1
    if function == "CCI":
        return "unmoved", first, 0
    if function in ("PLUS_DI", "MINUS_DI", "VORTEX"):
        return "point", first + 1, 0
    if function == "ULTOSC":
        return "point", min(lengths) + 1, 0
    if function in ("WILLR", "CMF", "IMI"):
        return "point", first, 0
    if function in ("STOCH", "STOCHF", "KDJ", "SMI"):
        return "point", first, whole - first
    if function == "BOP":
        return "point", 1, 0
    if function in ("MASSI", "CVI"):
        return "point", whole, 0
    if function in ("TSI", "RVI", "PERCENTRANK", "HT_DCPERIOD", "HT_DCPHASE", "HT_SINE", "HT_TRENDMODE"):
        return "unmoved", whole, 0
    if function == "CORREL":
        return "either", first, 0
    if function == "BETA":
        return "either", first + 1, 0
    return None


def still_bars(rule, prices):
    """True where a value is none, by looking at every window as it is."""
    kind, window, reach = rule
    count = len(prices[0])
    empty = np.zeros(count, dtype=bool)
    for end in range(window - 1, count):
        part = [series[end - window + 1 : end + 1] for series in prices]
        same = [bool(np.all(values == values[0])) for values in part]
        if kind == "either":
            empty[end] = any(same)
        elif kind == "unmoved":
            empty[end] = all(same)
        else:
            empty[end] = all(same) and len({values[0] for values in part}) == 1
    out = empty.copy()
    for late in range(1, reach + 1):
        out[late:] |= empty[:-late]
    return out
