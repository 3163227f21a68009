"""Proofs about the compiled kernels themselves: machine code, lifted to bit-vector terms, equals the specification.

    binary      the extension's file: its functions by the name of their slot in the kernels' table, and native calls
    operations  the meaning of one operation of the lifter's intermediate language, as a bit-vector term
    machine     runs lifted code on symbolic inputs, all paths, every load and store inside an array of the contract
    statement   what the specification says, as bit-vector terms
    proofs      the claims, kernel by kernel, and the solver that decides them at one length
    induction   the same for all lengths: one turn of the main loop from anywhere

What a proof stands on: the lifter (VEX, of Valgrind, through pyvex), the modules above, and the solver (z3). The
lifter and `machine` are tested against the processor: the same functions run natively on the same inputs.
"""
