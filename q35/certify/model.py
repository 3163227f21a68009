"""The stage that certifies a model: quantize it (or take what was), verify every figure, compare the schemes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from q35.certify.stages import Outcome
from q35.errors import CheckFailed
from q35.files import read_json
from q35.model.compare import compare, evaluation_model
from q35.model.exact import from_dyadic
from q35.model.quantize import Request, quantize
from q35.verify import verify


def certify(model: Path | None, quantized: Path | None, out: Path) -> Outcome:
    """Quantize `model` into `out` with the default format, or take the file `quantized`, and verify it."""
    source = model or evaluation_model()
    target = quantized or out / f"{source.stem}.q35.safetensors"
    if quantized is None:
        out.mkdir(parents=True, exist_ok=True)
        quantize(source, target, Request(force=True))
    verified = verify(target, source)
    certificate = read_json(target.with_name(target.name + ".cert.json"))
    if not verified["quantized"]:
        raise CheckFailed("no tensor of this model was quantized: there is nothing to certify", str(source))
    tensors = [_tensor(entry) for entry in certificate["tensors"] if entry["action"] == "quantized"]
    data = {
        "input_name": source.name,
        "output_name": target.name,
        "files": [str(target), str(target.with_name(target.name + ".cert.json"))],
        "scheme": certificate["format"]["scheme"],
        "block_size": certificate["format"]["block_size"],
        "storage": certificate["format"]["storage"],
        "weights": certificate["totals"]["weights"],
        "bits_per_weight": float(Fraction(certificate["totals"]["bits_per_weight"])),
        "relative_rmse": float(certificate["totals"]["relative_rmse"]),
        "tensors": tensors,
        "comparison": compare(source),
    }
    beyond = [tensor for tensor in tensors if tensor["max_abs_error"] > tensor["error_bound"]]
    summary = (
        f"{data['weights']:,} weights at {data['bits_per_weight']:.3f} bits, "
        f"relative RMSE {100 * data['relative_rmse']:.2f} %, verified"
    )
    return Outcome(
        summary, [f"{tensor['name']}: its largest error exceeds its proved bound" for tensor in beyond], data
    )


def _tensor(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": entry["name"],
        "shape": entry["shape"],
        "relative_rmse": float(entry["relative_rmse"]),
        "max_abs_error": float(from_dyadic(entry["largest_error"])),
        "error_bound": float(Fraction(entry["error_bound"])),
        "outside_region": entry["outside_region"],
        "max_safe_k": entry["max_safe_k"],
        "bound_theorem": entry["bound_theorem"],
    }
