"""GPU kernels: without a GPU in Triton's interpreter, and compiled; on a device with `--q35-device cuda`."""
