"""The reference quantiser (onnxruntime.quantization) as one call in one process, so that its time and peak memory are its own.

    reference.py fold MODEL OUT
    reference.py static MODEL OUT --data FOLDER --samples N --activation u8|s8 --method MinMax|Entropy|Percentile
    reference.py dynamic MODEL OUT
    reference.py imports MODEL OUT        nothing at all: what the imports above cost

FOLDER holds one .npy for each input, [samples, *dims of a batch of one]. Prints one JSON document: how long the call itself took, and the
most memory this process ever held, imports included.
"""

import argparse
import json
import logging
import os
import resource
import time

import numpy
import onnxruntime
from onnxruntime import quantization

BATCH = 16


class FolderReader(quantization.CalibrationDataReader):
    """Batches of 16 where the model has a free batch axis, else single samples. Arrays stay on disk until they are read."""

    def __init__(self, model: str, folder: str, samples: int):
        inputs = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).get_inputs()
        paths = {value.name: os.path.join(folder, value.name + ".npy") for value in inputs}
        self.arrays = {name: numpy.load(path, mmap_mode="r")[:samples] for name, path in paths.items()}
        self.batch = BATCH if all(value.shape and not isinstance(value.shape[0], int) for value in inputs) else 1
        self.next = 0

    def get_next(self):
        start, end = self.next, self.next + self.batch
        self.next = end
        feeds = {name: array[start:end] for name, array in self.arrays.items()}
        if any(len(rows) == 0 for rows in feeds.values()):
            return None
        if self.batch == 1:
            return {name: numpy.asarray(rows[0]) for name, rows in feeds.items()}
        return {name: rows.reshape((-1, *rows.shape[2:])) for name, rows in feeds.items()}


def fold(arguments):
    """Constants and batch normalisation folded by ONNX Runtime itself: what the tool's own documentation advises first."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = arguments.out
    onnxruntime.InferenceSession(arguments.model, options, providers=["CPUExecutionProvider"])


def static(arguments):
    activation = {"u8": quantization.QuantType.QUInt8, "s8": quantization.QuantType.QInt8}[arguments.activation]
    quantization.quantize_static(
        arguments.model,
        arguments.out,
        FolderReader(arguments.model, arguments.data, arguments.samples),
        quant_format=quantization.QuantFormat.QDQ,
        per_channel=True,
        activation_type=activation,
        weight_type=quantization.QuantType.QInt8,
        calibrate_method=quantization.CalibrationMethod[arguments.method],
    )


def dynamic(arguments):
    quantization.quantize_dynamic(arguments.model, arguments.out, weight_type=quantization.QuantType.QInt8)


def peak_bytes() -> int:
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=["fold", "static", "dynamic", "imports"])
    parser.add_argument("model")
    parser.add_argument("out")
    parser.add_argument("--data")
    parser.add_argument("--samples", type=int, default=256)
    parser.add_argument("--activation", choices=["u8", "s8"], default="u8")
    parser.add_argument("--method", choices=["MinMax", "Entropy", "Percentile"], default="MinMax")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    start = time.monotonic()
    {"fold": fold, "static": static, "dynamic": dynamic, "imports": lambda _: None}[arguments.action](arguments)
    used = resource.getrusage(resource.RUSAGE_SELF)
    costs = {"callSeconds": time.monotonic() - start, "cpuSeconds": used.ru_utime + used.ru_stime, "peakBytes": peak_bytes()}
    print(json.dumps(costs))


main()
