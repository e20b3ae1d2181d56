"""The C library inside the TA-Lib wheel, for what Python's part of the wheel does not pass on."""

import ctypes
import pathlib

import talib


def path():
    """Where the wheel keeps it. Linux wheels bring it beside the package."""
    beside = pathlib.Path(talib.__file__).parent.parent / "ta_lib.libs"
    found = sorted(beside.glob("libta*"))
    if not found:
        raise SystemExit(f"this wheel brings no C library of its own in {beside}")
    return found[0]


def library():
    """Loaded and initialised."""
    lib = ctypes.CDLL(str(path()))
    lib.TA_GetVersionString.restype = ctypes.c_char_p
    assert lib.TA_Initialize() == 0
    return lib
