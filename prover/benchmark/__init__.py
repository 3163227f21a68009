"""Two lists of theorems to prove, and what compares policies on them."""
