module

public import Open.Floats
public import Open.Rounding
public import Open.Sums
