"""Model files: quantize, dequantize and describe safetensors models, and certify what was done to them."""
