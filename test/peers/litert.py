"""LiteRT as a peer: float and int8 .tflite from an ONNX model, and their timing, on the interpreter with XNNPACK, one thread.

    litert.py convert MODEL.onnx OUT --data FOLDER --samples N --batch B...
    litert.py serve FILE.tflite...

`convert` writes OUT.b<batch>.float.tflite and OUT.b<batch>.int8.tflite for each batch: the same nodes with the same weights, said in TensorFlow
(images stay [batch, height, width, channels], which is what LiteRT wants), and prints how far the float one is from the ONNX file's own
answers. int8 is TensorFlow's full-integer quantisation with int8 inputs and outputs, as in MLCommons' own files.

`serve` reads one JSON document a line, {"file": index, "calls": n}, and answers {"fullUs": …, "invokeUs": …}: medians of a call with its input
copied in and its output copied out, and of the invocation alone.
"""

import argparse
import json
import os
import statistics
import sys
import time

import numpy


def convert(arguments):
    import onnx
    import tensorflow

    model = onnx.load(arguments.model)
    name = model.graph.input[0].name
    samples = numpy.load(os.path.join(arguments.data, name + ".npy"))[: arguments.samples]
    samples = samples.reshape((-1, *samples.shape[2:])).astype(numpy.float32)
    for batch in arguments.batch:
        function = tensorflow.function(lambda x: run_nodes(tensorflow, onnx, model, name, x))
        concrete = function.get_concrete_function(tensorflow.TensorSpec((batch, *samples.shape[1:]), tensorflow.float32))
        groups = [samples[at : at + batch] for at in range(0, len(samples) - batch + 1, batch)]
        for kind in ("float", "int8"):
            converter = tensorflow.lite.TFLiteConverter.from_concrete_functions([concrete])
            if kind == "int8":
                converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
                converter.representative_dataset = lambda: ([group] for group in groups)
                converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
                converter.inference_input_type = converter.inference_output_type = tensorflow.int8
            path = f"{arguments.out}.b{batch}.{kind}.tflite"
            with open(path + ".partial", "wb") as file:
                file.write(converter.convert())
            os.replace(path + ".partial", path)
    print(json.dumps({"difference": difference(arguments, samples[: arguments.batch[0]])}))


def run_nodes(tensorflow, onnx, model, name, x):
    """The graph, node by node. Only what the two MLPerf Tiny models have; anything else is a KeyError that names it."""
    from onnx import numpy_helper

    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    values[name] = x

    def conv(node, image, weight, bias=None):
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        assert attributes["auto_pad"] == b"SAME_UPPER"
        y = tensorflow.nn.conv2d(image, weight.transpose(2, 3, 1, 0), attributes["strides"], "SAME")
        return y if bias is None else y + bias

    def batch_norm(node, y, gamma, beta, mean, variance):
        epsilon = next(a.f for a in node.attribute if a.name == "epsilon")
        scale = gamma / numpy.sqrt(variance + epsilon)
        return y * scale + (beta - mean * scale)

    def average_pool(node, image):
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        return tensorflow.nn.avg_pool2d(image, attributes["kernel_shape"], attributes["strides"], "VALID")

    operators = {
        # Between the layouts of the two formats; here there is only one.
        "Transpose": lambda node, y: y,
        "Identity": lambda node, y: y,
        "Conv": conv,
        "BatchNormalization": batch_norm,
        "Relu": lambda node, y: tensorflow.nn.relu(y),
        "Add": lambda node, a, b: a + b,
        "AveragePool": average_pool,
        "Flatten": lambda node, y: tensorflow.reshape(y, (y.shape[0], -1)),
        "Gemm": lambda node, y, weight, bias: tensorflow.matmul(y, weight) + bias,
        "Softmax": lambda node, y: tensorflow.nn.softmax(y),
    }
    for node in model.graph.node:
        values[node.output[0]] = operators[node.op_type](node, *(values[value] for value in node.input))
    return values[model.graph.output[0].name]


def difference(arguments, x) -> float:
    """Largest difference of the float .tflite from the ONNX model, relative to its largest answer."""
    import onnxruntime

    session = onnxruntime.InferenceSession(arguments.model, providers=["CPUExecutionProvider"])
    exact = session.run(None, {session.get_inputs()[0].name: x})[0]
    interpreter = open_interpreter(f"{arguments.out}.b{arguments.batch[0]}.float.tflite")
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    given = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return float(numpy.abs(given - exact).max() / numpy.abs(exact).max())


def open_interpreter(path):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=path, num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def serve(arguments):
    calls = [caller(path) for path in arguments.files]
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        full, invoke = zip(*(calls[request["file"]]() for _ in range(request["calls"])))
        median = lambda times: statistics.median(times) / 1000
        print(json.dumps({"fullUs": median(full), "invokeUs": median(invoke)}), flush=True)


def caller(path):
    interpreter = open_interpreter(path)
    given, wanted = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    random = numpy.random.default_rng(1)
    shape, kind = given["shape"], given["dtype"]
    inputs = [
        random.integers(-128, 128, shape).astype(kind) if kind == numpy.int8 else random.standard_normal(shape).astype(kind)
        for _ in range(32)
    ]
    turn = 0

    def call():
        nonlocal turn
        turn += 1
        start = time.perf_counter_ns()
        interpreter.set_tensor(given["index"], inputs[turn % len(inputs)])
        before = time.perf_counter_ns()
        interpreter.invoke()
        after = time.perf_counter_ns()
        interpreter.get_tensor(wanted["index"])
        return time.perf_counter_ns() - start, after - before

    return call


def main():
    parser = argparse.ArgumentParser()
    actions = parser.add_subparsers(dest="action", required=True)
    converting = actions.add_parser("convert")
    converting.add_argument("model")
    converting.add_argument("out")
    converting.add_argument("--data", required=True)
    converting.add_argument("--samples", type=int, default=256)
    converting.add_argument("--batch", type=int, nargs="+", default=[1])
    serving = actions.add_parser("serve")
    serving.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    {"convert": convert, "serve": serve}[arguments.action](arguments)


main()
