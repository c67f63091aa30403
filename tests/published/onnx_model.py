"""Networks of `starling export` in numpy.

    onnx_model.py data FOLDER                       writes images and labels as idx files
    onnx_model.py check MODEL.onnx MODEL.npz CSV FOLDER   the checker's word, then numpy's probabilities beside starling's
"""
import csv
import struct
import sys

import numpy as np

SIDE, SAMPLES = 10, 120


def write_data(folder):
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 3, SAMPLES, dtype=np.uint8)
    images = rng.integers(0, 120, (SAMPLES, SIDE, SIDE), dtype=np.uint8)
    for i, label in enumerate(labels):
        images[i, 2 * label : 2 * label + 3, 3:8] += 90
    with open(folder + "/images", "wb") as f:
        f.write(struct.pack(">IIII", 0x803, SAMPLES, SIDE, SIDE) + images.tobytes())
    with open(folder + "/labels", "wb") as f:
        f.write(struct.pack(">II", 0x801, SAMPLES) + labels.tobytes())


def windows(x, size, stride):
    """(n, c, h, w) -> (n, c, rows, columns, size, size)"""
    view = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))
    return view[:, :, ::stride, ::stride]


def evaluate(graph, values):
    from onnx import helper

    for node in graph.node:
        x, *rest = [values[name] for name in node.input]
        a = {f.name: helper.get_attribute_value(f) for f in node.attribute}
        kind = node.op_type
        if kind in ("Conv", "MaxPool", "AveragePool"):
            pad = a["pads"][0]
            x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
            view = windows(x, a["kernel_shape"][0], a["strides"][0])
        if kind == "Conv":
            y = np.einsum("ncyxij,fcij->nfyx", view, rest[0]) + rest[1][None, :, None, None]
        elif kind == "MaxPool":
            y = view.max((4, 5))
        elif kind == "AveragePool":
            y = view.mean((4, 5))
        elif kind == "Reshape":
            y = x.reshape(rest[0])
        elif kind == "Transpose":
            y = x.transpose(a["perm"])
        elif kind == "Flatten":
            y = x.reshape(len(x), -1)
        elif kind == "Gemm":
            y = x @ rest[0] + rest[1]
        elif kind == "Relu":
            y = np.maximum(x, 0)
        elif kind == "Softmax":
            e = np.exp(x - x.max(1, keepdims=True))
            y = e / e.sum(1, keepdims=True)
        else:
            sys.exit(f"{kind}: not an operator that starling writes")
        values[node.output[0]] = y
    return values


def check(model_file, npz_file, csv_file, folder):
    import onnx
    from onnx import numpy_helper

    model = onnx.load(model_file)
    onnx.checker.check_model(model, full_check=True)
    images = np.fromfile(folder + "/images", np.uint8, offset=16).reshape(SAMPLES, -1)
    values = {t.name: numpy_helper.to_array(t).astype("f8" if t.data_type == 1 else "i8") for t in model.graph.initializer}
    tensors = {k: v for k, v in np.load(npz_file).items() if not k.startswith("__")}
    for name, tensor in tensors.items():  # filters are in another order
        if np.sort(tensor.ravel()).tobytes() != np.sort(values[name].ravel()).astype("f4").tobytes():
            sys.exit(f"{name}: npz and ONNX differ")
    values["samples"] = images.astype("f4").astype("f8") * np.float32(1 / 255)
    found = evaluate(model.graph, values)["probabilities"]
    with open(csv_file) as f:
        said = np.array([[float(v) for v in row[2:]] for row in list(csv.reader(f))[1:]])
    worst = np.abs(found - said).max()
    print(f"{model_file}: {len(said)} samples, largest difference of a probability {worst:.1e}")
    if said.shape != found.shape or worst > 2e-6 or np.ptp(said) < 0.1:
        sys.exit("numpy says something else")


if __name__ == "__main__":
    {"data": write_data, "check": check}[sys.argv[1]](*sys.argv[2:])
