"""Operators and module for PyTorch: the bits of `q35kernels.linear`, in everything that torch does with them."""

from __future__ import annotations

import copy
import io
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from model_files import normal, write
from torch import nn

import q35kernels
from q35.errors import InputError
from q35.model.quantize import Request, quantize
from q35.model.scheme import make_scheme
from q35.model.torch_layers import linear_from_file
from q35kernels.torch_ops import ACTIVATIONS, Q35Linear, quantize_linears
from q35ref.matmul_bound import matmul_bounds

ROWS, COLS = 45, 99  # neither fills tiles, blocks or pairs


def layer(bias: bool = True, **options: Any) -> Q35Linear:
    torch.manual_seed(35)
    return Q35Linear.from_linear(nn.Linear(COLS, ROWS, bias), **options)


def inputs(*shape: int, dtype: Any = torch.float32) -> Any:
    return torch.randn(shape, generator=torch.Generator().manual_seed(4)).to(dtype)


def arguments(module: Q35Linear, x: Any) -> tuple[Any, ...]:
    return (x, module.tiled, module.table, ROWS, COLS, module.block_size, module.width, 1, module.bias)


def product(module: Q35Linear, x: Any) -> Any:
    """By the NumPy call, for float32 `[M, K]`, and the bias in torch."""
    table = q35kernels.scheme_named(module.scheme).table
    codes, steps = module.codes.numpy(), module.steps.numpy()
    tiled = q35kernels.tile_weights(codes, steps, table, module.block_size, module.in_features)
    y = torch.from_numpy(q35kernels.linear(x.numpy(), tiled))
    return y if module.bias is None else y + module.bias.detach()


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("width", ["stream", "byte"])
@pytest.mark.parametrize(("scheme", "size"), [("codebook", 64), ("block", 32), ("block", 128)])
def test_the_bits_of_the_numpy_call(scheme: str, size: int, width: str, bias: bool) -> None:
    module = layer(bias, scheme=scheme, block_size=size, width=width)
    x = inputs(5, COLS)
    assert torch.equal(module(x).view(torch.int32), product(module, x).view(torch.int32))


@pytest.mark.parametrize("dtype", ACTIVATIONS, ids=str)
def test_every_type_is_computed_in_float32_and_rounded_once(dtype: Any) -> None:
    module, x = layer(), inputs(5, COLS, dtype=dtype)
    y = module(x)
    assert y.dtype == dtype
    assert torch.equal(y, product(module, x.float()).to(dtype))


def test_any_shape_and_layout() -> None:
    module = layer().requires_grad_(False)
    x = inputs(2, 3, 4, COLS)
    want = product(module, x.reshape(24, COLS)).reshape(2, 3, 4, ROWS)
    assert torch.equal(module(x), want)
    assert torch.equal(module(x[1, 2, 3]), want[1, 2, 3])
    assert torch.equal(module(x.permute(2, 0, 1, 3)), want.permute(2, 0, 1, 3))
    assert torch.equal(module(x.reshape(24, COLS).T.contiguous().T), want.reshape(24, ROWS))
    assert torch.equal(module(x[:, ::2]), want[:, ::2])
    assert module(x[:0]).shape == (0, 3, 4, ROWS)
    x[0, 0, 0, 7] = torch.nan
    assert module(x).isnan().sum() == ROWS


def test_memory_is_shared_with_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    module, x, seen = layer(bias=False), inputs(5, COLS), []
    native = q35kernels.tiled.native
    run = native.linear

    def spy(isa: str, x: Any, tiled: Any, table: Any, unit: int, size: int, width: str, y: Any, threads: int) -> None:
        seen.append(([array.ctypes.data for array in (x, tiled, table, y)], threads))
        run(isa, x, tiled, table, unit, size, width, y, threads)

    monkeypatch.setattr(native, "linear", spy)
    y = module(x)
    assert seen == [([t.data_ptr() for t in (x, module.tiled, module.table, y)], torch.get_num_threads())]
    assert module.tiled.data_ptr() % 64 == 0


def test_other_threads_run_during_a_product() -> None:
    """Moments in the middle of a product at which this thread ran; with the interpreter's lock held there are none."""
    module = Q35Linear(1024, 1024)
    x = inputs(64, 1024)
    times: list[float] = []

    def call() -> None:
        times.append(time.perf_counter())
        torch.ops.q35.linear(x, module.tiled, module.table, 1024, 1024, 64, "stream", 1)
        times.append(time.perf_counter())

    while True:
        times.clear()
        thread = threading.Thread(target=call)
        thread.start()
        ticks = []
        while thread.is_alive():
            ticks.append(time.perf_counter())
            time.sleep(0.001)
        begin, end = times
        if end - begin > 0.1:
            break
        x = torch.cat([x, x])
    assert sum(begin + 0.02 < tick < end - 0.02 for tick in ticks) >= 3


def test_torch_finds_nothing_wrong_with_the_operators() -> None:
    module = layer()
    x = inputs(2, 2, COLS, dtype=torch.bfloat16).requires_grad_()
    torch.library.opcheck(torch.ops.q35.linear, arguments(module, x))
    parts = module.tiled, module.table, ROWS
    torch.library.opcheck(torch.ops.q35.dequantize_tiled, (*parts, COLS, 64, "stream"))
    torch.library.opcheck(torch.ops.q35.tile, (module.codes, module.steps, module.table, COLS, 64, "byte"))


def test_compiled_exported_and_traced() -> None:
    model = nn.Sequential(layer(), nn.ReLU(), Q35Linear.from_linear(nn.Linear(ROWS, 7))).requires_grad_(False)
    x = inputs(6, COLS)
    want = model(x)
    assert torch.equal(torch.compile(model, fullgraph=True, backend="aot_eager")(x), want)
    batch = torch.export.Dim("batch")
    exported = torch.export.export(model, (inputs(3, COLS),), dynamic_shapes=({0: batch},))
    assert torch.equal(exported.module()(x), want)
    assert torch.equal(torch.fx.symbolic_trace(model)(x), want)


def test_gradients_are_those_of_the_dequantized_weights() -> None:
    module, reference = layer(), nn.Linear(COLS, ROWS)
    reference.weight.data, reference.bias.data = module.dequantize(), module.bias.data
    x, upstream = inputs(4, 3, COLS), inputs(4, 3, ROWS)
    gradients = []
    for part in (module, reference):
        z = x.clone().requires_grad_()
        gradients.append(torch.autograd.grad((part(z) * upstream).sum(), (z, part.bias)))
    for got, want in zip(*gradients, strict=True):
        torch.testing.assert_close(got, want)
    z = x.bfloat16().requires_grad_()
    module(z).sum().backward()
    assert z.grad is not None
    assert z.grad.dtype == torch.bfloat16


def test_dequantized_weights() -> None:
    module = layer(scheme="block", block_size=32)
    table = q35kernels.scheme_named("block").table
    want = q35kernels.dequantize(module.codes.numpy(), module.steps.numpy(), table, 32, COLS)
    assert np.array_equal(module.dequantize().numpy(), want)
    tiled = torch.ops.q35.dequantize_tiled(module.tiled, module.table, ROWS, COLS, 32, "stream")
    assert np.array_equal(tiled.numpy(), want)


def test_a_state_dict_is_the_portable_format() -> None:
    source = layer()
    state = source.state_dict()
    assert {name: value.dtype for name, value in state.items()} == {
        **{"bias": torch.float32, "codes": torch.uint8, "steps": torch.float16, "table": torch.int8}
    }
    x = inputs(4, COLS)
    for assign, device in ((False, "cpu"), (True, "cpu"), (True, "meta")):
        other = Q35Linear(COLS, ROWS, device=device)
        assert device == "meta" or not other(x).any()
        other.load_state_dict(state, assign=assign)
        assert torch.equal(other(x), source(x))
    other = Q35Linear(COLS, ROWS, device="meta").to_empty(device="cpu")
    other.load_state_dict(state)
    assert torch.equal(other(x), source(x))


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("codes", torch.full((ROWS, 50), 128, dtype=torch.uint8), "not a code"),
        ("steps", torch.full((ROWS, 2), torch.inf, dtype=torch.float16), "not finite"),
        ("steps", torch.ones((ROWS, 2)), "float32"),
        ("steps", torch.ones((ROWS, 4), dtype=torch.float16), r"\[45, 4\]"),
        ("table", torch.zeros((128, 2), dtype=torch.int8), "codebook"),
    ],
    ids=["codes", "infinite steps", "wide steps", "more steps", "table"],
)
def test_a_wrong_state_dict_is_refused(name: str, value: Any, word: str) -> None:
    module = layer()
    before = module(inputs(2, COLS))
    with pytest.raises(RuntimeError, match=word):
        module.load_state_dict({**module.state_dict(), name: value})
    assert torch.equal(module(inputs(2, COLS)), before)


def test_conversions_change_the_bias_alone() -> None:
    module, x = layer(), inputs(3, COLS)
    want = product(module, x)
    for convert in (nn.Module.half, nn.Module.bfloat16, nn.Module.double, nn.Module.float):
        converted = convert(layer())
        assert (converted.codes.dtype, converted.steps.dtype) == (torch.uint8, torch.float16)
        assert torch.equal(converted.dequantize(), module.dequantize())
        assert converted(x).dtype == torch.float32
        torch.testing.assert_close(converted(x), want, atol=1e-2, rtol=0)
    assert module.to("meta")(x.to("meta")).shape == (3, ROWS)


def test_copies_and_pickles() -> None:
    module, x = layer(), inputs(3, COLS)
    stored = io.BytesIO()
    torch.save(module, stored)
    stored.seek(0)
    for other in (copy.deepcopy(module), torch.load(stored, weights_only=False)):
        assert other.codes.data_ptr() != module.codes.data_ptr()
        assert torch.equal(other(x), module(x))
        assert "scheme=codebook, block_size=64, width=stream, activations=int8" in repr(other)


def test_a_device_without_a_kernel_is_refused() -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        assert Q35Linear(COLS, ROWS)(torch.empty(3, COLS)).shape == (3, ROWS)
        module = Q35Linear(COLS, ROWS, device="xpu").requires_grad_(False)
        assert module.tiled.numel() == 0
        with pytest.raises(InputError, match="no kernel for the device xpu"):
            module(torch.empty(3, COLS, device="xpu"))
        with pytest.raises(InputError, match="no kernel for the device xpu"):
            module.dequantize()
    with pytest.raises(InputError, match="on the devices cpu and meta"):
        Q35Linear(COLS, ROWS, device="meta")(inputs(3, COLS))


def test_refuses() -> None:
    module, x = layer(), inputs(3, COLS)
    for bad, word in ((x.double(), "float64"), (x[:, 1:], r"\[3, 98\]"), (x.long(), "int64"), (x[0, 0], r"\[\]")):
        with pytest.raises(InputError, match=word):
            module(bad)
    with pytest.raises(InputError, match="nibble"):
        torch.ops.q35.linear(x, module.tiled, module.table, ROWS, COLS, 64, "nibble")
    with pytest.raises(InputError, match="bias"):
        torch.ops.q35.linear(x, module.tiled, module.table, ROWS, COLS, 64, "stream", 1, module.bias[1:])
    with pytest.raises(ValueError, match="y must be"):
        torch.ops.q35.linear(x, module.tiled[1:], module.table, ROWS, COLS, 64, "stream")
    with pytest.raises(InputError, match="no blocks"):
        layer(scheme="row-absmax")
    with pytest.raises(InputError, match="block size 96"):
        Q35Linear(COLS, ROWS, block_size=96)
    with pytest.raises(InputError, match="not a code"):
        Q35Linear.from_quantized(module.codes + 128, module.steps, in_features=COLS)


class Model(nn.Module):  # type: ignore[misc]
    """Layers of all kinds: in a container, in two places, tied to attention, and not linear."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.mlp = nn.Sequential(nn.Linear(64, 96), nn.GELU(), nn.Linear(96, 64))
        self.again = self.mlp[0]
        self.attention = nn.MultiheadAttention(64, 2)
        self.head = nn.Linear(64, 10)

    def forward(self, x: Any) -> Any:
        x = self.mlp(x)
        return self.head(self.attention(x, x, x)[0])


def test_the_linear_layers_of_a_model() -> None:
    model = Model()
    x, weights = inputs(5, 64), model.mlp[0].weight.detach().double()
    before = model(x)
    reports = quantize_linears(model, predicate=lambda name, layer: name != "head")
    assert [(report.name, report.in_features, report.out_features) for report in reports] == [
        *(("mlp.0", 64, 96), ("mlp.2", 96, 64)),
    ]
    assert model.again is model.mlp[0]
    assert type(model.head) is nn.Linear
    error = (weights - model.mlp[0].dequantize()).norm() / weights.norm()
    assert reports[0].relative_rmse == pytest.approx(error.item())
    assert 0.02 < reports[0].relative_rmse < 0.2
    assert 0 < (model(x) - before).abs().max() < 0.2
    assert [report.name for report in quantize_linears(model)] == ["head"]
    model(x).sum().backward()


def test_a_model_is_replaced_whole_or_not_at_all() -> None:
    model = Model()
    model.head.weight.data[3, 4] = torch.inf
    with pytest.raises(InputError, match=r"head: index \(3, 4\): weight inf is not finite"):
        quantize_linears(model)
    assert type(model.mlp[0]) is nn.Linear
    with pytest.raises(InputError, match="from_linear"):
        quantize_linears(nn.Linear(3, 3))


@pytest.mark.parametrize("scheme", ["codebook", "block"])
def test_outputs_in_a_model_are_within_the_proved_bound(scheme: str) -> None:
    """Each layer of an MLP, with the activations that it really meets; one more rounding for the bias."""
    torch.manual_seed(2)
    model = nn.Sequential(nn.Linear(100, 70), nn.GELU(), nn.Linear(70, 33)).requires_grad_(False)
    linears = {name: part for name, part in model.named_children() if type(part) is nn.Linear}
    chosen, met = make_scheme(scheme, 64, None), {}
    quantize_linears(model, scheme)
    for name in linears:
        model.get_submodule(name).register_forward_hook(lambda *call, name=name: met.update({name: call[1:]}))
    model(inputs(8, 100))
    assert met.keys() == linears.keys()
    for name, linear in linears.items():
        (x,), y = met[name]
        module, bias = model.get_submodule(name), linear.bias.double()
        weights, steps = linear.weight.double(), module.steps.numpy()
        a, scales = q35kernels.quantize_activations(x.numpy())
        cols = module.in_features
        errors = chosen.promise(cols, None).each(weights.numpy(), chosen.spread(steps, cols))
        bounds = matmul_bounds(x.numpy(), a, scales, module.codes.numpy(), steps, chosen.table, 64, errors)
        exact = x.double() @ weights.T + bias
        off = (y.double() - exact).abs().numpy()
        assert (off <= bounds + 2.0**-23 * y.abs().numpy() + 2.0**-40).all()
        assert off.max() > 0


def test_a_layer_of_a_file(tmp_path: Path) -> None:
    source, target = tmp_path / "in.safetensors", tmp_path / "out.safetensors"
    tensors = {"a.weight": normal((6, 70)), "a.bias": normal((6,), "BF16"), "b.weight": normal((3, 5), seed=1)}
    write(source, tensors)
    for storage in ("stream", "byte"):
        quantize(source, target, Request("block", 32, storage, force=True))
        a, b = linear_from_file(target, "a"), linear_from_file(target, "b")
        linear = nn.Linear(70, 6)
        linear.weight.data = torch.from_numpy(tensors["a.weight"][1])
        want = Q35Linear.from_linear(linear, "block", 32)
        assert torch.equal(a.codes, want.codes)
        assert torch.equal(a.steps, want.steps)
        assert np.array_equal(a.bias.detach().numpy().view(np.uint32) >> 16, tensors["a.bias"][1])
        assert b.bias is None
        assert b(inputs(2, 5)).shape == (2, 3)
    with pytest.raises(InputError, match=r"no matrix 'c\.weight'"):
        linear_from_file(target, "c")


def test_without_torch_the_error_says_what_to_install() -> None:
    program = (
        "import sys, q35kernels; assert 'torch' not in sys.modules; sys.modules['torch'] = None\n"
        "import q35kernels.torch_ops"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 1
    assert "ImportError: torch is not installed: pip install 'q35[torch]'" in done.stderr
