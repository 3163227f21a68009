"""`q35 certify`: run every part of the loop and write down what it showed, in one report that fails closed."""
