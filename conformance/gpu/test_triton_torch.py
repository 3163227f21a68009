"""The operators and `Q35Linear` on a GPU: the same bits as on the CPU; without one, what torch can know of them."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from conformance.gpu import subjects
from conformance.gpu.subjects import covers, module, subject
from conformance.ledger import Ledger

EXPECTED: dict[str, Any] = {"truth": "expected-outcome", "level": "sampled"}
ROWS, COLS = 45, 99  # neither fills tiles, blocks or pairs


def operators() -> Any:
    """The module of the operators, and torch; the kernels that they call are those of this session's device."""
    import torch

    module("launcher")
    from q35kernels import torch_ops

    return torch_ops, torch


def layer(**options: Any) -> Any:
    torch_ops, torch = operators()
    torch.manual_seed(35)
    return torch_ops.Q35Linear.from_linear(torch.nn.Linear(COLS, ROWS), **options).requires_grad_(False)


def arguments(layer: Any, x: Any) -> tuple[Any, ...]:
    return x, layer.tiled, layer.table, ROWS, COLS, layer.block_size, layer.width


@covers("linear", "dequantize")
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize(("scheme", "m"), [("codebook", 1), ("codebook", 5), ("block", 1), ("block", 5)])
def test_the_bits_of_the_cpu(scheme: str, m: int, dtype: str, compared: Ledger) -> None:
    """What the operators call on a GPU, with what they call on the CPU: bias, types and memory layouts included."""
    torch_ops, torch = operators()
    on_cpu = layer(scheme=scheme, block_size=32)
    x = torch.randn((COLS, 2 * m), generator=torch.Generator().manual_seed(4)).to(getattr(torch, dtype)).T[::2]
    want = on_cpu(x.reshape(m, 1, COLS))
    there = on_cpu.to(subjects.DEVICE)
    call = torch_ops._linear_gpu if subjects.DEVICE == "cpu" else torch.ops.q35.linear
    got = call(*arguments(there, x.reshape(m, 1, COLS).to(subjects.DEVICE)), 0, there.bias, there.arithmetic).cpu()
    assert (got.dtype, got.shape) == (want.dtype, want.shape)
    compared.bits(got.float().numpy(), want.float().numpy(), subject=subject(), **EXPECTED)
    call = torch_ops._dequantize_tiled_gpu if subjects.DEVICE == "cpu" else torch.ops.q35.dequantize_tiled
    weights = call(*arguments(there, x)[1:]).cpu()
    compared.bits(weights.numpy(), on_cpu.to("cpu").dequantize().numpy(), subject=subject(), **EXPECTED)


@covers("linear_float")
def test_float_activations(compared: Ledger) -> None:
    """The module calls the kernel, on any memory layout; torch finds nothing wrong with the operator."""
    _, torch = operators()
    there = layer(activations="float", scheme="block").to(subjects.DEVICE)
    x = torch.randn((2, 3, COLS), generator=torch.Generator().manual_seed(4)).half().to(subjects.DEVICE)
    weights = subjects_weights(there)
    want = module("linear_float").linear_float(x.reshape(6, COLS), weights, there.bias).reshape(2, 3, ROWS)
    compared.bits(there(x).cpu().numpy(), want.cpu().numpy(), subject=subject(), **EXPECTED)
    strided = x.transpose(0, 1).contiguous().transpose(0, 1)
    compared.bits(there(strided).cpu().numpy(), want.cpu().numpy(), subject=subject(), **EXPECTED)
    z = x.clone().requires_grad_()
    torch.library.opcheck(torch.ops.q35.linear_float, (*arguments(there, z), there.bias, True))
    there(z).sum().backward()
    gradient = there.dequantize().sum(0).half().expand(2, 3, COLS)
    torch.testing.assert_close(z.grad, gradient, atol=2e-3, rtol=2e-3)
    assert "activations=float" in repr(there)


def subjects_weights(layer: Any) -> Any:
    parts = layer.tiled, layer.table, ROWS, COLS, layer.block_size, layer.width, layer.arithmetic
    return module("launcher").Weights(*parts)


@covers("linear", "linear_float")
def test_compiled(compared: Ledger) -> None:
    """torch.compile sees through the operators; on a device with the default backend."""
    _, torch = operators()
    backend = "aot_eager" if subjects.DEVICE == "cpu" else "inductor"
    for activations in ("int8", "float"):
        model = torch.nn.Sequential(layer(activations=activations), torch.nn.ReLU()).to(subjects.DEVICE)
        x = torch.randn((6, COLS), generator=torch.Generator().manual_seed(4)).half().to(subjects.DEVICE)
        got = torch.compile(model, fullgraph=True, backend=backend)(x)
        compared.bits(got.cpu().numpy(), model(x).cpu().numpy(), subject=subject(), **EXPECTED)


def test_what_torch_knows_of_a_gpu(compared: Ledger) -> None:
    """Kernels are registered for CUDA, and shapes, types and refusals are known without one."""
    torch_ops, torch = operators()
    from torch._subclasses.fake_tensor import FakeTensorMode

    from q35.errors import InputError

    claim = {"subject": "framework", **EXPECTED}
    for name in ("linear", "dequantize_tiled"):
        known = torch._C._dispatch_has_kernel_for_dispatch_key(f"q35::{name}", "CUDA")
        compared.equal(known, True, **claim)
    with FakeTensorMode():
        for activations in ("int8", "float"):
            fake = torch_ops.Q35Linear(COLS, ROWS, activations=activations, device="cuda").requires_grad_(False)
            compared.equal(fake.tiled.numel() > 0, True, **claim)
            for dtype in (torch.float16, torch.bfloat16):
                y = fake(torch.empty(2, 3, COLS, device="cuda", dtype=dtype))
                compared.equal((y.shape, y.dtype, y.device.type), ((2, 3, ROWS), dtype, "cuda"), **claim)
            compared.equal(fake.dequantize().shape, (ROWS, COLS), **claim)
        wide = torch.empty(3, COLS, device="cuda")
        short = torch.empty(3, 98, device="cuda", dtype=torch.float16)
        elsewhere = torch.empty(3, COLS, dtype=torch.float16)
        for bad, words in ((wide, ["float32"]), (short, ["[3, 98]"]), (elsewhere, ["cpu", "cuda"])):
            compared.refused(partial(fake, bad), InputError, words, **claim)
    call = partial(torch_ops.Q35Linear, COLS, ROWS, activations="int4")
    compared.refused(call, InputError, ["int4"], **claim)


@pytest.mark.skipif(subjects.DEVICE == "cpu", reason="needs a GPU")
@pytest.mark.layer("f", "linear")
def test_a_module_that_moves(compared: Ledger) -> None:
    """To the device and back, and a state_dict that is loaded there."""
    torch_ops, torch = operators()
    source = layer()
    x = torch.randn((4, COLS), generator=torch.Generator().manual_seed(4))
    want = source(x)
    there = torch_ops.Q35Linear(COLS, ROWS, device="cuda").requires_grad_(False)
    there.load_state_dict(source.state_dict())
    compared.bits(there(x.cuda()).cpu().numpy(), want.numpy(), subject=subject(), **EXPECTED)
    moved = source.cuda()
    compared.bits(moved(x.cuda()).cpu().numpy(), want.numpy(), subject=subject(), **EXPECTED)
    compared.bits(moved.cpu()(x).numpy(), want.numpy(), subject=subject(), **EXPECTED)
