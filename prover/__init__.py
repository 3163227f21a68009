"""The prover: a proof-state server, tree search over tactics, policies, training and benchmarks. Imported as `q35prover`."""
