"""Writes src/table.rs, the facts of the wheel's indicators, from the wheel's own description of itself.

The wheel's Python part tells names, groups, inputs and outputs; the C library inside it tells the parameters' ranges,
which Python does not pass on.
"""

import ctypes
import sys

import talib
from talib import abstract

from clibrary import library

HEADER = '''//! The facts of every indicator: name, title, group, inputs, parameters, outputs.
//!
//! Written by `scripts/reference-indicators table` from the wheel's own description of itself (TA-Lib {wheel}, C library
//! {clib}); not edited by hand. A test holds it against the Rust library and the golden file.

use ta_lib::abstract_api::FuncId;

use crate::average::MovingAverage::{{Ema, Rma, Sma}};
use crate::catalogue::{{Group, Indicator, Input, average, indicator, int, real}};
use crate::columns::Column::{{Close, High, Low, Open, Periods, Volume}};

const PRICE: &[Input] = &[Input::Series("price", Close)];
const PRICES: &[Input] = &[Input::Series("price0", High), Input::Series("price1", Low)];
const PRICE_PERIODS: &[Input] = &[Input::Series("price", Close), Input::Series("periods", Periods)];
const PRICE_V: &[Input] = &[Input::Series("price", Close), Input::Columns(&[Volume])];
const HL: &[Input] = &[Input::Columns(&[High, Low])];
const HLC: &[Input] = &[Input::Columns(&[High, Low, Close])];
const HLCV: &[Input] = &[Input::Columns(&[High, Low, Close, Volume])];
const HLV: &[Input] = &[Input::Columns(&[High, Low, Volume])];
const OHLC: &[Input] = &[Input::Columns(&[Open, High, Low, Close])];
const OC: &[Input] = &[Input::Columns(&[Open, Close])];
const CV: &[Input] = &[Input::Columns(&[Close, Volume])];
const V: &[Input] = &[Input::Columns(&[Volume])];

/// Lengths of at least one bar, and of at least two.
const FROM_1: (i32, i32) = (1, 100_000);
const FROM_2: (i32, i32) = (2, 100_000);
/// A real parameter without a bound of sense: the library's own "any number".
const ANY: (f64, f64) = (-3e37, 3e37);
/// Any number from zero on.
const FROM_ZERO: (f64, f64) = (0.0, 3e37);

/// All of them, in the wheel's order of groups, by name within a group.
#[rustfmt::skip]
pub(crate) static TABLE: [Indicator; {count}] = [
'''

INPUTS = {
    "price=close": "PRICE",
    "price0=high price1=low": "PRICES",
    "price=close periods=periods": "PRICE_PERIODS",
    "price=close volume": "PRICE_V",
    "high low": "HL",
    "high low close": "HLC",
    "high low close volume": "HLCV",
    "high low volume": "HLV",
    "open high low close": "OHLC",
    "open close": "OC",
    "close volume": "CV",
    "volume": "V",
}
AVERAGES = {0: "Sma", 1: "Ema", 13: "Rma"}
LENGTHS = {(1, 100_000): "FROM_1", (2, 100_000): "FROM_2"}
# Where the Rust library (0.8.3) accepts less than the wheel's C library (0.8.1, 100,000): offered is what both compute.
NARROWER = {
    ("MAVP", "minperiod"): (1, 10_000),
    ("MAVP", "maxperiod"): (1, 10_000),
    ("PERCENTILE", "timeperiod"): (2, 10_000),
    ("PERCENTRANK", "timeperiod"): (2, 10_000),
}
BOUNDS = {(-3e37, 3e37): "ANY", (0.0, 3e37): "FROM_ZERO"}


class OptInput(ctypes.Structure):
    """TA_OptInputParameterInfo of ta_abstract.h."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("param_name", ctypes.c_char_p),
        ("flags", ctypes.c_int),
        ("display_name", ctypes.c_char_p),
        ("data_set", ctypes.c_void_p),
        ("default_value", ctypes.c_double),
        ("hint", ctypes.c_char_p),
        ("help_file", ctypes.c_char_p),
    ]


class RealRange(ctypes.Structure):
    """The beginning of TA_RealRange."""

    _fields_ = [("min", ctypes.c_double), ("max", ctypes.c_double)]


class IntegerRange(ctypes.Structure):
    """The beginning of TA_IntegerRange."""

    _fields_ = [("min", ctypes.c_int), ("max", ctypes.c_int)]


def parameter(lib, function, index, name, default):
    """One parameter in Rust."""
    handle, info = ctypes.c_void_p(), ctypes.POINTER(OptInput)()
    assert lib.TA_GetFuncHandle(function.encode(), ctypes.byref(handle)) == 0
    assert lib.TA_GetOptInputParameterInfo(handle, index, ctypes.byref(info)) == 0
    known = info.contents
    assert known.default_value == default, (function, name)
    if known.type == 0:
        bounds = ctypes.cast(known.data_set, ctypes.POINTER(RealRange)).contents
        bounds = (bounds.min, bounds.max)
        return f'real("{name}", {BOUNDS.get(bounds, str(bounds))}, {default})'
    if known.type == 2:
        bounds = ctypes.cast(known.data_set, ctypes.POINTER(IntegerRange)).contents
        bounds = NARROWER.get((function, name), (bounds.min, bounds.max))
        return f'int("{name}", {LENGTHS.get(bounds, str(bounds))}, {default})'
    assert known.type == 3, (function, name)
    return f'average("{name}", {AVERAGES[default]})'


def row(lib, function):
    """One line of the table."""
    info = abstract.Function(function).info
    inputs = []
    for name, source in info["input_names"].items():
        inputs += source if isinstance(source, list) else [f"{name}={source}"]
    parameters = [
        parameter(lib, function, index, name, default)
        for index, (name, default) in enumerate(info["parameters"].items())
    ]
    outputs = ", ".join(f'"{name}"' for name in info["output_names"])
    title, group = info["display_name"].strip(), info["group"].split()[0]
    if group in ("Math", "Price"):
        group = "".join(info["group"].split())
    return (
        f'    indicator(FuncId::{function}, "{function.lower()}", "{title}", Group::{group}, '
        f'{INPUTS[" ".join(inputs)]}, &[{", ".join(parameters)}], &[{outputs}]),'
    )


def main():
    """Prints the file."""
    lib = library()
    functions = [(group, name) for group, names in talib.get_function_groups().items() for name in names]
    assert sorted(name for _, name in functions) == sorted(talib.get_functions())
    version = lib.TA_GetVersionString().decode().split()[0]
    out = HEADER.format(wheel=talib.__version__, clib=version, count=len(functions))
    out += "\n".join(row(lib, name) for _, name in sorted(functions)) + "\n];\n"
    sys.stdout.write(out)


main()
