"""Training of the neural policy: data, tokenizer, network, the loop."""
