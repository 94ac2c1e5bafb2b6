"""ONNX Runtime, loaded on use and without its telemetry."""

from __future__ import annotations

import os
from types import ModuleType


def load_engine() -> ModuleType:
    """Import ONNX Runtime, which takes a tenth of a second, with its telemetry off.

    Since 1.29 ONNX Runtime writes a device id below the home folder and reports to its maker unless the variable
    `ORT_DISABLE_TELEMETRY` is set before it is loaded. mien makes no network call unless asked, so it sets it.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # where somebody else had loaded it already
    engine: ModuleType = onnxruntime
    return engine
