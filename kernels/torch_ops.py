"""The kernels in PyTorch: the products as custom operators, and `Q35Linear`, which takes the place of `nn.Linear`.

    from q35kernels.torch_ops import Q35Linear, quantize_linears
    layer = Q35Linear.from_linear(linear, scheme="codebook", block_size=64)
    reports = quantize_linears(model)                     # every nn.Linear of a model, in place

torch is not a dependency of this package: importing this module without it raises ImportError. `linear` computes what
`q35kernels.linear` computes, the same bits on the CPU (on the tensors' own memory, without the interpreter's lock) and
on a GPU; `linear_float` takes activations as they are, and is for GPUs alone.

    torch.ops.q35.tile(codes, steps, table, cols, block_size, width)
    torch.ops.q35.linear(x, tiled, table, rows, cols, block_size, width, threads=0, bias=None, arithmetic=False)
    torch.ops.q35.linear_float(x, tiled, table, rows, cols, block_size, width, bias=None, arithmetic=False)
    torch.ops.q35.dequantize_tiled(tiled, table, rows, cols, block_size, width)

`arithmetic` says that the table is (hi, 2 lo); a GPU then need not look it up. All have a fake implementation, so that
torch.compile, torch.export and tracing see through them. Tensors on a device without a kernel are an error, never a
silent copy. GPUs (NVIDIA and AMD alike, "cuda" in torch) need the package triton, which comes with torch for them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, Self, cast, get_args

import numpy as np
from numpy.typing import NDArray

import q35spec
from q35.errors import InputError
from q35kernels import _cpu as native
from q35kernels import tiled as products
from q35kernels import wrappers
from q35kernels.schemes import scheme_named
from q35kernels.tiled import TiledWeights, Width

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise ImportError("torch is not installed: pip install 'q35[torch]'") from error

ACTIVATIONS = (torch.float32, torch.bfloat16, torch.float16)
"""The types of activations: those that float32 holds exactly."""

NARROW = (torch.float16, torch.bfloat16)
"""Those of `linear_float`."""


Activations = Literal["int8", "float"]
"""Whether a module quantizes its input (`q35::linear`) or takes it as it is (`q35::linear_float`)."""

_DEVICES = ("cpu", "cuda", "meta")


# The operators


def _check(
    x: Tensor,
    tiled: Tensor,
    table: Tensor,
    rows: int,
    cols: int,
    width: str,
    bias: Tensor | None,
    dtypes: tuple[Any, ...] = ACTIVATIONS,
) -> None:
    """Raises `InputError` for what the product does not take; reads no data, so that it holds for fake tensors too."""
    _check_devices(x, tiled, table)
    _check_width(width)
    if x.dtype not in dtypes:
        raise InputError(f"activations of {x.dtype}", fix=f"use one of {', '.join(map(str, dtypes))}")
    if x.dim() == 0 or x.shape[-1] != cols:
        raise InputError(f"the activations have shape {list(x.shape)}, expected [..., {cols}]")
    if bias is not None:
        _check_devices(x, bias)
        if tuple(bias.shape) != (rows,):
            raise InputError(f"the bias has shape {list(bias.shape)}, expected [{rows}]")


def _check_devices(first: Tensor, *others: Tensor) -> None:
    device = first.device
    if device.type not in _DEVICES:
        raise InputError(f"there is no kernel for the device {device}", fix="move the module and its inputs to the CPU")
    for other in others:
        if other.device != device:
            raise InputError(f"tensors are on the devices {device} and {other.device}", fix="move all to one")


def _check_width(width: str) -> None:
    if width not in ("stream", "byte"):
        raise InputError(f"unknown width {width!r}", fix="choose stream or byte")


def _tile(codes: Tensor, steps: Tensor, table: Tensor, cols: int, block_size: int, width: str) -> Tensor:
    """The data of `tile_weights`: uint8 `[bytes]`. Raises what it raises."""
    arrays = codes.numpy(), steps.numpy(), table.numpy()
    tiled = products.tile_weights(*arrays, block_size, cols, width=cast(Width, width))
    tiled.data.flags.writeable = True  # torch has no other tensors
    return torch.from_numpy(tiled.data)


def _fake_tile(codes: Tensor, steps: Tensor, table: Tensor, cols: int, block_size: int, width: str) -> Tensor:
    return codes.new_empty(native.tiled_size(codes.shape[0], cols, block_size, width))


def _linear(
    x: Tensor,
    tiled: Tensor,
    table: Tensor,
    rows: int,
    cols: int,
    block_size: int,
    width: str,
    threads: int = 0,
    bias: Tensor | None = None,
    arithmetic: bool = False,
) -> Tensor:
    """`x` `[..., cols]` times the weights [rows, cols], transposed, plus `bias` `[rows]`: `[..., rows]` of x's type.

    x is float32, bfloat16 or float16 in any memory layout. Its values are taken as float32, which is exact; the bits
    before the bias are those of `q35kernels.linear`. The bias is added in float32, and the sum rounded once to x's
    type (nearest, ties to even). `tiled` uint8 `[bytes]` and `table` int8 `[128, 2]` as in `TiledWeights`; 0 threads
    stand for torch.get_num_threads(). Raises `InputError` for activations of other types or shapes and for other
    devices, `ValueError` for tiled weights of another size.
    """
    _check(x, tiled, table, rows, cols, width, bias)
    y = x.new_empty((*x.shape[:-1], rows), dtype=torch.float32)
    count = math.prod(x.shape[:-1])
    native.linear(
        "auto",
        x.detach().float().reshape(count, cols).contiguous().numpy(),
        tiled.numpy(),
        table.numpy(),
        0,
        block_size,
        width,
        y.view(count, rows).numpy(),
        threads or torch.get_num_threads(),
    )
    if bias is not None:
        y += bias.detach().float()
    return y.to(x.dtype)


def _fake_linear(
    x: Tensor,
    tiled: Tensor,
    table: Tensor,
    rows: int,
    cols: int,
    block_size: int,
    width: str,
    threads: int = 0,
    bias: Tensor | None = None,
    arithmetic: bool = False,
) -> Tensor:
    _check(x, tiled, table, rows, cols, width, bias)
    return x.new_empty((*x.shape[:-1], rows))


def _linear_gpu(
    x: Tensor,
    tiled: Tensor,
    table: Tensor,
    rows: int,
    cols: int,
    block_size: int,
    width: str,
    threads: int = 0,
    bias: Tensor | None = None,
    arithmetic: bool = False,
) -> Tensor:
    """`_linear` on a GPU: the same bits; threads are its own affair."""
    _check(x, tiled, table, rows, cols, width, bias)
    weights = _weights(tiled, table, rows, cols, block_size, width, arithmetic)
    return _on_gpu(_triton("linear").linear, x, weights, bias)


def _linear_float(
    x: Tensor,
    tiled: Tensor,
    table: Tensor,
    rows: int,
    cols: int,
    block_size: int,
    width: str,
    bias: Tensor | None = None,
    arithmetic: bool = False,
) -> Tensor:
    """`x` `[..., cols]` times the weights [rows, cols], transposed, plus `bias` `[rows]`: `[..., rows]` of x's type.

    x is float16 or bfloat16 and is not quantized; sums are in float32, rounded once to x's type after the bias. In what
    order they are made depends on the device and on how many rows x has; the bound of `linearFloat_output_error_le`
    holds for every order. Raises `InputError` as `linear` does, and off a GPU.
    """
    _check(x, tiled, table, rows, cols, width, bias, NARROW)
    weights = _weights(tiled, table, rows, cols, block_size, width, arithmetic)
    return _on_gpu(_triton("linear_float").linear_float, x, weights, bias)


def _fake_linear_float(
    x: Tensor,
    tiled: Tensor,
    table: Tensor,
    rows: int,
    cols: int,
    block_size: int,
    width: str,
    bias: Tensor | None = None,
    arithmetic: bool = False,
) -> Tensor:
    _check(x, tiled, table, rows, cols, width, bias, NARROW)
    return x.new_empty((*x.shape[:-1], rows))


def _on_gpu(product: Callable[..., Tensor], x: Tensor, weights: Any, bias: Tensor | None) -> Tensor:
    """A product of Triton's with `x` `[..., cols]` in any number of dimensions: `[..., rows]` of its type."""
    y = product(x.detach().reshape(-1, weights.cols), weights, None if bias is None else bias.detach())
    return y.reshape(*x.shape[:-1], weights.rows).to(x.dtype)


def _triton(name: str) -> Any:
    """The module `q35kernels.triton.<name>`, imported when a GPU first needs it. Raises `InputError` without triton."""
    try:
        return import_module(f"q35kernels.triton.{name}")
    except ImportError as error:
        raise InputError("the kernels for GPUs need triton", fix="pip install 'q35[gpu]'") from error


def _weights(
    tiled: Tensor, table: Tensor, rows: int, cols: int, block_size: int, width: str, arithmetic: bool = False
) -> Any:
    return _triton("launcher").Weights(tiled, table, rows, cols, block_size, width, arithmetic)


def _dequantize_tiled(tiled: Tensor, table: Tensor, rows: int, cols: int, block_size: int, width: str) -> Tensor:
    """The weights float32 `[rows, cols]` that tiled ones stand for, exactly."""
    _check_devices(tiled, table)
    _check_width(width)
    weights = TiledWeights(tiled.numpy(), rows, cols, block_size, table.numpy(), cast(Width, width))
    return torch.from_numpy(wrappers.dequantize(*products.untile_weights(weights), weights.table, block_size, cols))


def _dequantize_tiled_gpu(tiled: Tensor, table: Tensor, rows: int, cols: int, block_size: int, width: str) -> Tensor:
    """`_dequantize_tiled` on a GPU."""
    dequantized: Tensor = _triton("dequantize").dequantize(_weights(tiled, table, rows, cols, block_size, width))
    return dequantized


def _fake_dequantize_tiled(tiled: Tensor, table: Tensor, rows: int, cols: int, block_size: int, width: str) -> Tensor:
    _check_devices(tiled, table)
    return tiled.new_empty((rows, cols), dtype=torch.float32)


def _save_for_gradients(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    _, tiled, table, rows, cols, block_size, width, *_, bias, _ = inputs
    ctx.save_for_backward(tiled, table)
    ctx.layout = rows, cols, block_size, width
    ctx.bias_dtype, ctx.bias_place = None if bias is None else bias.dtype, len(inputs) - 2


def _gradients(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
    """Those of the product with the dequantized weights, as if activations were not quantized (straight through)."""
    wide = gradient.float()
    of_x = of_bias = None
    if ctx.needs_input_grad[0]:
        of_x = (wide @ torch.ops.q35.dequantize_tiled(*ctx.saved_tensors, *ctx.layout)).to(gradient.dtype)
    # An argument that has its default at the end of a call is not among these.
    if ctx.bias_dtype is not None and ctx.needs_input_grad[ctx.bias_place]:
        of_bias = wide.reshape(-1, wide.shape[-1]).sum(0).to(ctx.bias_dtype)
    return of_x, *[None] * (ctx.bias_place - 1), of_bias, None


def define(name: str, schema: str, kernel: Callable[..., Any], fake: Callable[..., Any]) -> None:
    """One operator, with an implementation for tracing. `torch.library.custom_op` does the same, but its calls cost 4
    microseconds more, as much as a small product.
    """
    torch.library.define(name, schema, tags=torch.Tag.pt2_compliant_tag)
    torch.library.impl(name, "default", kernel)
    torch.library.register_fake(name, fake)


_LAYOUT = "SymInt cols, SymInt block_size, str width"
define("q35::tile", f"(Tensor codes, Tensor steps, Tensor table, {_LAYOUT}) -> Tensor", _tile, _fake_tile)
_TILED = f"Tensor tiled, Tensor table, SymInt rows, {_LAYOUT}"
define("q35::dequantize_tiled", f"({_TILED}) -> Tensor", _dequantize_tiled, _fake_dequantize_tiled)
_BIAS = "Tensor? bias=None, bool arithmetic=False"
define("q35::linear", f"(Tensor x, {_TILED}, SymInt threads=0, {_BIAS}) -> Tensor", _linear, _fake_linear)
define("q35::linear_float", f"(Tensor x, {_TILED}, {_BIAS}) -> Tensor", _linear_float, _fake_linear_float)
torch.library.impl("q35::dequantize_tiled", "cuda", _dequantize_tiled_gpu)
torch.library.impl("q35::linear", "cuda", _linear_gpu)
for _name in ("q35::linear", "q35::linear_float"):
    torch.library.register_autograd(_name, _gradients, setup_context=_save_for_gradients)


# The module


class Q35Linear(nn.Module):  # type: ignore[misc]
    """y = x W^T + bias with quantized weights W [out_features, in_features], for inference and for what feeds into it.

    What a state_dict holds is the same on every device: `codes` uint8 `[out, pairs]`, `steps` float16 `[out, blocks]`,
    `table` int8 `[128, 2]` (so that the weights of another scheme are refused, not misread) and `bias` if there is one.
    `tiled` is derived from them, and again after loading. A new module has weights of 0; make one with `from_linear` or
    `from_quantized`, or load a state_dict.

    Conversions such as `half()` change the bias alone. Gradients go to the input and the bias as if the activations
    were not quantized; the weights have none. The number of threads is torch's own (`torch.set_num_threads`).

    scheme: one with blocks. block_size: one of the specification's. width: "stream" or "byte", see `tile_weights`.
    activations: "int8", which are the same bits on every device; or "float", on a GPU with float16 or bfloat16 inputs.
    """

    codes: Tensor
    steps: Tensor
    table: Tensor
    tiled: Tensor

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        scheme: str = "codebook",
        block_size: int = 64,
        width: Width = "stream",
        activations: Activations = "int8",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        _check_format(scheme, block_size)
        if activations not in get_args(Activations):
            raise InputError(f"unknown activations {activations!r}", fix="choose int8 or float")
        self.in_features, self.out_features = in_features, out_features
        self.scheme, self.block_size, self.width, self.activations = scheme, block_size, width, activations
        self.arithmetic = scheme_named(scheme).scales == (1, 2)
        pairs, blocks = -(-in_features // 2), -(-in_features // block_size)
        self.register_buffer("codes", torch.zeros((out_features, pairs), dtype=torch.uint8, device=device))
        self.register_buffer("steps", torch.zeros((out_features, blocks), dtype=torch.float16, device=device))
        self.register_buffer("table", torch.tensor(scheme_named(scheme).table, device="cpu").to(self.codes.device))
        self.register_buffer("tiled", self._tile(), persistent=False)
        zeros = torch.zeros(out_features, device=device, dtype=dtype) if bias else None
        self.register_parameter("bias", None if zeros is None else nn.Parameter(zeros))

    @classmethod
    def from_quantized(
        cls,
        codes: Tensor | NDArray[np.uint8],
        steps: Tensor | NDArray[np.float16],
        *,
        in_features: int | None = None,
        bias: Tensor | NDArray[np.float32] | None = None,
        scheme: str = "codebook",
        block_size: int = 64,
        width: Width = "stream",
        activations: Activations = "int8",
    ) -> Self:
        """The layer of `codes` uint8 `[out, pairs]` and `steps` float16 `[out, blocks]`, whose memory it keeps.

        `in_features` defaults to 2 * pairs; `bias` `[out]` becomes the module's parameter. Raises `InputError` for a
        byte that is not a code, a step that is not finite, and types, shapes, schemes or block sizes that do not fit.
        """
        codes, steps = torch.as_tensor(codes), torch.as_tensor(steps)
        cols = 2 * codes.shape[-1] if in_features is None else in_features
        layer = cls(
            cols,
            codes.shape[0],
            bias is not None,
            scheme=scheme,
            block_size=block_size,
            width=width,
            activations=activations,
            device="meta",
        )
        for name, value in (("codes", codes), ("steps", steps)):
            if problem := layer._problem(name, value):
                raise InputError(f"{name} {problem}")
            setattr(layer, name, value)
        layer.table = torch.tensor(scheme_named(scheme).table, device="cpu").to(codes.device)
        layer.tiled = layer._tile()
        if bias is not None:
            layer.bias = bias if isinstance(bias, nn.Parameter) else nn.Parameter(torch.as_tensor(bias))
        return layer

    @classmethod
    def from_linear(
        cls,
        source: nn.Linear,
        scheme: str = "codebook",
        block_size: int = 64,
        *,
        width: Width = "stream",
        activations: Activations = "int8",
    ) -> Self:
        """`source` with its weights quantized (as float32), its own bias, on its device.

        Raises `BadValue` for a weight that is not finite, `InputError` for a scheme or block size that do not fit.
        """
        _check_format(scheme, block_size)
        weights = source.weight.detach()
        found = wrappers.quantize(weights.float().cpu().numpy(), scheme, block_size)
        layer = cls.from_quantized(
            torch.from_numpy(found.codes).to(weights.device),
            torch.from_numpy(found.steps).to(weights.device),
            in_features=source.in_features,
            bias=source.bias,
            scheme=scheme,
            block_size=block_size,
            width=width,
            activations=activations,
        )
        layer.train(source.training)
        return layer

    def forward(self, x: Tensor) -> Tensor:
        """`x` `[..., in_features]` float32, bfloat16 or float16 -> `[..., out_features]` of its type."""
        layout = self.tiled, self.table, self.out_features, self.in_features, self.block_size, self.width
        if self.activations == "float":
            return torch.ops.q35.linear_float(x, *layout, self.bias, self.arithmetic)
        return torch.ops.q35.linear(x, *layout, 0, self.bias, self.arithmetic)

    def dequantize(self) -> Tensor:
        """The weights as an ordinary tensor, float32 `[out_features, in_features]`, exactly."""
        return torch.ops.q35.dequantize_tiled(
            self.tiled, self.table, self.out_features, self.in_features, self.block_size, self.width
        )

    def extra_repr(self) -> str:
        """What `nn.Linear` says, and the format."""
        shape = f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
        layout = f"scheme={self.scheme}, block_size={self.block_size}, width={self.width}"
        return f"{shape}, {layout}, activations={self.activations}"

    def _tile(self) -> Tensor:
        """The weights in the layout of the products, made on the CPU; on a device without products nothing."""
        device = self.codes.device
        if device.type not in _DEVICES:
            return self.codes.new_empty(0)
        parts = self.codes, self.steps, self.table
        if device.type == "cuda":
            parts = tuple(part.cpu() for part in parts)
        return torch.ops.q35.tile(*parts, self.in_features, self.block_size, self.width).to(device)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """As every module is moved and converted, but the format's own tensors keep their types."""
        kept = {name: getattr(self, name) for name in ("codes", "steps", "table", "tiled")}
        super()._apply(fn, recurse)
        for name, tensor in kept.items():
            moved = getattr(self, name)
            if moved.dtype != tensor.dtype:
                setattr(self, name, tensor.to(moved.device))
        if self.tiled.numel() == 0 or self.tiled.device.type not in _DEVICES:
            self.tiled = self._tile()
        return self

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        names = [name for name in ("codes", "steps", "table") if prefix + name in state_dict]
        problems = [(name, self._problem(name, state_dict[prefix + name])) for name in names]
        wrong = [f"{prefix}{name} {problem}" for name, problem in problems if problem]
        error_msgs += wrong
        if wrong:
            return
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )
        if names:
            self.tiled = self._tile()

    def _problem(self, name: str, value: Tensor) -> str | None:
        """Why `value` cannot be the buffer of that name: torch itself would convert it to the buffer's type."""
        own = getattr(self, name)
        if (value.dtype, value.shape) != (own.dtype, own.shape):
            return f"is {value.dtype} {list(value.shape)}, not {own.dtype} {list(own.shape)}"
        if value.device.type == "meta":
            return None
        array = value.detach().cpu().numpy()
        if name == "codes" and (array > 127).any():
            return "holds a byte that is not a code"
        if name == "steps" and not np.isfinite(array).all():
            return "holds a step that is not finite"
        if name == "table" and not np.array_equal(array, scheme_named(self.scheme).table):
            return f"is not the table of the scheme {self.scheme}"
        return None


def _check_format(scheme: str, block_size: int) -> None:
    if scheme_named(scheme).rule != "least-squares":
        raise InputError(
            f"scheme {scheme} has no blocks, and products no kernel for it", fix="choose block or codebook"
        )
    sizes = q35spec.formats()["block_sizes"]
    if block_size not in sizes:
        raise InputError(f"block size {block_size} is not supported", fix=f"choose {', '.join(map(str, sizes))}")


# Whole models


@dataclass(frozen=True)
class LayerReport:
    """A layer that was replaced: `relative_rmse` is sqrt(sum (w - w')^2 / sum w^2) of its weights, 0 for zeros."""

    name: str
    in_features: int
    out_features: int
    relative_rmse: float


def quantize_linears(
    model: nn.Module,
    scheme: str = "codebook",
    block_size: int = 64,
    *,
    width: Width = "stream",
    activations: Activations = "int8",
    predicate: Callable[[str, nn.Linear], bool] = lambda name, layer: True,
) -> list[LayerReport]:
    """Replaces the `nn.Linear` layers of `model`, all or those of which `predicate(name, layer)` is true, in place.

    A layer that stands in two places stays one. Subclasses of `nn.Linear` are left as they are: their owners may read
    their weights, as nn.MultiheadAttention does. Raises `InputError` with the layer's name for weights that are not
    finite, and for a model that is itself a layer; the model is then unchanged.
    """
    if type(model) is nn.Linear:
        raise InputError("the model is itself a linear layer", fix="use Q35Linear.from_linear")
    made: dict[nn.Linear, Q35Linear] = {}
    reports = []
    for name, layer in model.named_modules():
        if type(layer) is nn.Linear and predicate(name, layer):
            try:
                made[layer] = Q35Linear.from_linear(layer, scheme, block_size, width=width, activations=activations)
            except InputError as error:
                raise InputError(str(error), name) from None
            relative_rmse = _relative_rmse(layer.weight.detach(), made[layer].dequantize())
            reports.append(LayerReport(name, layer.in_features, layer.out_features, relative_rmse))
    for owner in list(model.modules()):
        for child, layer in owner._modules.items():
            if layer in made:
                setattr(owner, child, made[layer])
    return reports


def _relative_rmse(weights: Tensor, dequantized: Tensor) -> float:
    exact = weights.cpu().double()
    size = exact.square().sum().item()
    return math.sqrt((exact - dequantized).square().sum().item() / size) if size else 0.0
