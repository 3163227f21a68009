"""One module a library, imported in its worker only: each offers `prepare`, see `q35.bench.gpu_contenders.Prepare`."""
