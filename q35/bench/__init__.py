"""How fast the products of the Q35 formats are beside those of other libraries, on the same machine in the same run."""
