module

public import Q35.Planar

@[expose] public section

/-! Packed codes: different codes have different bytes, and blocks of whole bytes are packed one by one. -/

namespace Q35

/-- Digits in two parts: the low ones, and those of what is left. -/
theorem toDigits_append (base m n v : Nat) :
    toDigits base (m + n) v = toDigits base m v ++ toDigits base n (v / base ^ m) := by
  sorry

/-- More codes never take fewer bytes. -/
theorem bitSize_mono (width : Nat) {m n : Nat} (h : m ≤ n) : bitSize width m ≤ bitSize width n := by
  sorry

/-- Streams of as many codes are equal only if the codes are: a stream may stand for its codes in a cache. -/
theorem packStream_injective {codes codes' : List Code} (hlen : codes.length = codes'.length)
    (h : packStream codes = packStream codes') : codes = codes' := by
  sorry

/-- The same for the planes. -/
theorem packPlanar_injective {codes codes' : List Code} (hlen : codes.length = codes'.length)
    (h : packPlanar codes = packPlanar codes') : codes = codes' := by
  sorry

/-- The same for codes of any width. -/
theorem packBits_injective {width : Nat} {us vs : List Nat} (hu : allBelow (2 ^ width) us)
    (hv : allBelow (2 ^ width) vs) (hlen : us.length = vs.length) (h : packBits width us = packBits width vs) :
    us = vs := by
  sorry

/-- Blocks of eight codes fill whole bytes: they can be written, and found, one by one. -/
theorem packStream_append {us : List Code} (h : us.length % 8 = 0) (vs : List Code) :
    packStream (us ++ vs) = packStream us ++ packStream vs := by
  sorry

/-- The same for codes of any width whose block fills whole bytes. -/
theorem packBits_append {width : Nat} {us : List Nat} (hu : allBelow (2 ^ width) us)
    (h : width * us.length % 8 = 0) (vs : List Nat) :
    packBits width (us ++ vs) = packBits width us ++ packBits width vs := by
  sorry
