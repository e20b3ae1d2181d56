"""Computes every indicator of the wheel on every series, and writes what our tests compare with.

    python golden.py FILE              the golden file: facts and samples of each output
    python golden.py FILE --all DIR    beside it every value, in DIR, for the full comparison
"""

import pathlib
import sys

import numpy as np
import talib
from talib import abstract

import rules
from clibrary import library
from series import COLUMNS, all_series

SAMPLES = {"random": 16}  # Of each output; fewer of the shorter series.
FEW_SAMPLES = 8
WHOLE = 64  # Series that are shorter, and flat ones, are kept whole.

# Other parameters than the defaults, so that no parameter is handed over unseen.
VARIANTS = {
    "apo": "5:20:wma",
    "bbands": "10:1.5:2.5:ema",
    "ma": "9:tema",
    "macdext": "5:ema:17:wma:4:trima",
    "mama": "0.4:0.1",
    "mavp": "3:12:ema",
    "stoch": "7:4:ema:5:wma",
    "stochf": "7:4:dema",
    "stochrsi": "9:6:4:ema",
    "kdj": "6:4:sma:2:ema",
    "ppo": "5:20:kama",
    "pvo": "5:20:t3",
    "sarext": "0:0.1:0.03:0.03:0.3:0.01:0.01:0.1",
    "percentile": "20:90",
    "stddev": "12:2",
    "var": "12:1",
    "t3": "7:0.5",
    "sar": "0.01:0.1",
    "supertrend": "7:2",
    "kc": "15:7:1.5",
    "cdlmathold": "0.3",
}
AVERAGES = ["sma", "ema", "wma", "dema", "tema", "trima", "kama", "mama", "t3", "hma", "disabled", None, "zlema", "rma"]
EVERY_AVERAGE = [f"ma:12:{word}" for word in AVERAGES if word]
INDEX_FUNCTIONS = ("MAXINDEX", "MININDEX", "MINMAXINDEX")


def specs():
    """Every specification that is compared: (text, function, parameters)."""
    for function in talib.get_functions():
        name, known = function.lower(), abstract.Function(function).info["parameters"]
        yield name, function, dict(known)
        variant = VARIANTS.get(name)
        if variant is None and known and all(isinstance(value, int) for value in known.values()):
            variant = ":".join(str(max(2, value * 2 // 3)) for value in known.values())
        if variant is not None:
            yield f"{name}:{variant}", function, parsed(variant, known)
    for text in EVERY_AVERAGE:
        yield text, "MA", parsed(text.split(":", 1)[1], abstract.Function("MA").info["parameters"])


def parsed(variant, known):
    """Values of a variant, by name."""
    words = variant.split(":")
    words = [AVERAGES.index(word) if word in AVERAGES else float(word) for word in words]
    values = dict(known)
    for name, word in zip(known, words):
        values[name] = word if isinstance(known[name], float) else int(word)
    return values


def reading(function):
    """The columns a function reads, in order."""
    columns = []
    for source in abstract.Function(function).info["input_names"].values():
        columns += source if isinstance(source, list) else [source]
    return columns


def compute(function, values, bars):
    """The outputs by name, aligned with the bars, NaN where there is no value."""
    there = rules.traded(bars)
    count = int(there.sum())
    kept = {name: np.ascontiguousarray(column[there]) for name, column in bars.items()}
    call = abstract.Function(function)
    names = call.info["output_names"]
    call.parameters = values
    lookback = call.lookback
    columns = reading(function)
    given = call(kept)
    given = given if isinstance(given, list) else [given]
    rule = rules.windows(function, values, lookback)
    prices = [kept[name] for name in columns if name != "volume"]
    empty = rules.still_bars(rule, prices) if rule else np.zeros(count, dtype=bool)
    places = np.flatnonzero(there)
    outputs = {}
    for name, series in zip(names, given):
        series = series.astype(float)
        series[:lookback] = np.nan  # Integers have 0 there.
        if function in INDEX_FUNCTIONS:
            series[lookback:] = [places[int(value)] for value in series[lookback:]]
        series[empty | ~np.isfinite(series)] = np.nan
        aligned = np.full(len(there), np.nan)
        aligned[there] = series
        outputs[name] = aligned
    return outputs


def told(value):
    """The shortest text that reads back as the same double."""
    text = repr(float(value))
    return text[:-2] if text.endswith(".0") else text


def runs(items):
    """`a*3 b` for a a a b."""
    out = []
    for item in items:
        if out and out[-1][0] == item:
            out[-1][1] += 1
        else:
            out.append([item, 1])
    return " ".join(item if count == 1 else f"{item}*{count}" for item, count in out)


def added(values):
    """The sum of what is finite, one after the other."""
    total = 0.0
    for value in values.tolist():
        if np.isfinite(value):
            total += value
    return total


def line(series, text, output, values, bars):
    """One line of the golden file."""
    there = np.flatnonzero(np.isfinite(values))
    known = values[there]
    scale = told(np.max(np.abs(known))) if len(known) else "0"
    if len(values) <= WHOLE or series == "flat":
        whole = runs(told(value) if np.isfinite(value) else "-" for value in values)
        return f"{series}\t{text}\t{output}\twhole\t{scale}\t{whole}"
    # Of the traded bars; an absent one has no value anyway.
    presence = runs("+" if np.isfinite(value) else "-" for value in values[rules.traded(bars)])
    total, squares = added(known), added(known * known)
    count = SAMPLES.get(series, FEW_SAMPLES)
    samples = [there[at * (len(there) - 1) // (count - 1)] for at in range(count)] if len(there) else []
    samples = " ".join(f"{at}={told(values[at])}" for at in samples)
    return f"{series}\t{text}\t{output}\t{presence}\t{scale}\t{told(total)}\t{told(squares)}\t{samples}"


def main():
    """Writes the file or the files."""
    golden = pathlib.Path(sys.argv[1])
    everything = pathlib.Path(sys.argv[3]) if sys.argv[2:3] == ["--all"] else None
    version = library().TA_GetVersionString().decode().split()[0]
    lines = [f"# TA-Lib {talib.__version__}, C library {version}, numpy {np.__version__}"]
    lines += ["functions\t" + " ".join(sorted(name.lower() for name in talib.get_functions()))]
    for series, bars in all_series().items():
        lines += [f"bars\t{series}\t{name}\t{told(added(bars[name]))}" for name in COLUMNS]
        for text, function, values in specs():
            if series not in ("random", "settling", "flat") and text != function.lower():
                continue
            for name, column in compute(function, values, bars).items():
                lines.append(line(series, text, name, column, bars))
                if everything:
                    column.astype("<f8").tofile(everything / f"{series}.{text.replace(':', '_')}.{name}")
    golden.write_text("\n".join(lines) + "\n")


main()
