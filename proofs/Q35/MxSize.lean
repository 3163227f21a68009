module

public import Q35.MxBlock

@[expose] public section

/-! How large Microscaling (MX) blocks are, and what the published figures are worth. -/

namespace Q35

/-- Bits of a block of 32: 136 in MXFP4, 200 in MXFP6, 264 in MXFP8 and MXINT8; whole bytes in each case. -/
theorem mxBlockBits_table :
    [MxElement.e2m1, .e2m3, .e3m2, .e4m3, .e5m2, .int8].map mxBlockBits = [136, 200, 200, 264, 264, 264] ∧
    [MxElement.e2m1, .e2m3, .e3m2, .e4m3, .e5m2, .int8].map (mxBlockBits · / 8) = [17, 25, 25, 33, 33, 33] ∧
    [MxElement.e2m1, .e2m3, .e3m2, .e4m3, .e5m2, .int8].map (mxBlockBits · % 8) = [0, 0, 0, 0, 0, 0] := by
  decide

/-- Bits a value, its share of the scale included: 4.25, 6.25 and 8.25. -/
theorem mxBitsPerValue_table :
    [MxElement.e2m1, .e2m3, .e3m2, .e4m3, .e5m2, .int8].map (fun E => (mxBlockBits E : Rat) / mxBlockSize) =
      [17/4, 25/4, 25/4, 33/4, 33/4, 33/4] := by
  decide +kernel

/-- Whole blocks of MXFP4 lie 17 bytes apart. -/
theorem mxRowBytes_e2m1 (blocks : Nat) : mxRowBytes .e2m1 (mxBlockSize * blocks) = 17 * blocks := by
  have : mxBlockBits .e2m1 / 8 = 17 := rfl
  simp only [mxRowBytes, this, mxBlockSize]
  omega

/-- Refuted: "blocks of MXFP4 lie 33 bytes apart". Where the `k`-th block would start then, one starts only for every
17th `k`, and it is the `33 / 17 * k`-th. -/
theorem mxfp4_stride_not_33 (j k : Nat) : 33 * k = 17 * j ↔ ∃ i, k = 17 * i ∧ j = 33 * i := by
  constructor
  · intro h
    exact ⟨k / 17, by omega, by omega⟩
  · rintro ⟨i, rfl, rfl⟩
    omega

/-- A key-value cache whose rows are whole blocks takes the block's bytes over 64 of what it takes in fp16: 17/64 in
MXFP4, 25/64 in MXFP6, 33/64 in MXFP8 and MXINT8. -/
theorem mxKvCacheBytes_of_fp16 (E : MxElement) (layers heads blocks tokens : Nat) :
    64 * mxKvCacheBytes E layers heads (mxBlockSize * blocks) tokens =
      mxBlockBits E / 8 * fp16KvCacheBytes layers heads (mxBlockSize * blocks) tokens := by
  have hrow : mxRowBytes E (mxBlockSize * blocks) = blocks * (mxBlockBits E / 8) := by
    rw [mxRowBytes]
    congr 1
    simp only [mxBlockSize]; omega
  rw [mxKvCacheBytes, fp16KvCacheBytes, hrow, mxBlockSize]
  generalize mxBlockBits E / 8 = n
  generalize 2 * layers * heads * tokens = c
  grind

/-- MXFP6 with its scales is 39.0625 % of fp16: a cut of 60.9375 %. -/
theorem mxfp6KvCache_ratio : ((mxBlockBits .e2m3 / 8 : Nat) : Rat) / 64 = 390625 / 1000000 ∧
    1 - ((mxBlockBits .e2m3 / 8 : Nat) : Rat) / 64 = 609375 / 1000000 := by decide +kernel

/-- Refuted: "an MXFP6 cache is 37.5 % of the fp16 cache". A cache that is not empty is larger. -/
theorem mxfp6KvCache_not_375 {layers heads blocks tokens : Nat} (h : 0 < layers * heads * blocks * tokens) :
    375 * fp16KvCacheBytes layers heads (mxBlockSize * blocks) tokens <
      1000 * mxKvCacheBytes .e2m3 layers heads (mxBlockSize * blocks) tokens := by
  have hratio := mxKvCacheBytes_of_fp16 .e2m3 layers heads blocks tokens
  have hbytes : mxBlockBits .e2m3 / 8 = 25 := rfl
  have hpos : 0 < fp16KvCacheBytes layers heads (mxBlockSize * blocks) tokens := by
    have : fp16KvCacheBytes layers heads (mxBlockSize * blocks) tokens = 128 * (layers * heads * blocks * tokens) := by
      simp only [fp16KvCacheBytes, mxBlockSize]; grind
    omega
  rw [hbytes] at hratio
  omega

example : 375 * fp16KvCacheBytes 32 32 (mxBlockSize * 4) 4096 <
    1000 * mxKvCacheBytes .e2m3 32 32 (mxBlockSize * 4) 4096 := mxfp6KvCache_not_375 (by decide)

/-- A cache of 32 layers, 32 heads of 128 numbers and 4096 tokens: 2 GiB in fp16, 800 MiB in MXFP6, 544 MiB in MXFP4. -/
theorem mxKvCacheBytes_example :
    fp16KvCacheBytes 32 32 128 4096 = 2048 * 2 ^ 20 ∧ mxKvCacheBytes .e2m3 32 32 128 4096 = 800 * 2 ^ 20 ∧
    mxKvCacheBytes .e2m1 32 32 128 4096 = 544 * 2 ^ 20 := by decide +kernel

end Q35
