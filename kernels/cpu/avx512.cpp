namespace q35 {}
