"""The prover: proof-state server, search over tactics, policies, training, benchmarks. Imported as `q35prover`."""
