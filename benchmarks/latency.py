"""How long one face takes, and how many faces a second: the bundled model beside the tutorials' networks, in one run.

    python benchmarks/latency.py

Prints a table: milliseconds for one face on one thread (median and 95th percentile of 300 calls), faces a second in
batches of 64 on two threads, and the ratio to mini-XCEPTION, the named peer: the network of the most installed
package, at its own 64x64 pixels. Peers have fresh weights: speed does not depend on them. The models take turns,
so that a busy machine slows all of them alike.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnxruntime as ort
from rich.console import Console
from rich.table import Table

from mien.inference.runtime.bundled import read_model
from mien.inference.timing.turns import take_turns
from mien.training.export.graph import CalibratedNetwork, build_graph
from mien.training.models.registry import build_network

PEER = "mini-xception"
SIZES_PX = {PEER: 64, "cnn3": 48, "cnn4-bn": 48}
TURNS, CALLS = 15, 20
BATCH, BATCH_CALLS = 64, 3


def open_session(graph: bytes, threads: int) -> ort.InferenceSession:
    """Open a graph with a stated number of threads."""
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def prepare_call(session: ort.InferenceSession, count: int) -> Callable[[], object]:
    """Return what shows a batch of noise to a network."""
    _, *size = session.get_inputs()[0].shape
    images = np.random.default_rng(0).integers(0, 256, (count, *size), dtype=np.uint8)
    return lambda: session.run(None, {"images": images})


def main() -> None:
    """Measure and print."""
    graphs = {"expression (bundled)": read_model("expression").data}
    for name, size_px in SIZES_PX.items():
        network = build_network(name, classes=7, channels=1, size_px=size_px)
        graphs[name] = build_graph(CalibratedNetwork(network, 1.0), channels=1, size_px=size_px)
    alone = {name: prepare_call(open_session(graph, threads=1), 1) for name, graph in graphs.items()}
    batched = {name: prepare_call(open_session(graph, threads=2), BATCH) for name, graph in graphs.items()}
    single, batches = take_turns(alone, TURNS, CALLS), take_turns(batched, TURNS, BATCH_CALLS)
    table = Table("model", "one face, p50", "p95", f"ratio to {PEER}", "faces/s", f"ratio to {PEER}")
    for name in graphs:
        p50, p95 = np.percentile(single[name], [50, 95]) * 1000
        rate = BATCH / np.median(batches[name])
        slower = p50 / (np.median(single[PEER]) * 1000)
        quicker = rate / (BATCH / np.median(batches[PEER]))
        table.add_row(name, f"{p50:.2f} ms", f"{p95:.2f} ms", f"{slower:.2f}", f"{rate:,.0f}", f"{quicker:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
