module

public import Q35.AccumulateCodebook

@[expose] public section

/-! The largest safe K: how many weights a dot product in int32 may have. A row of K weights is its whole pairs and, if K
is odd, the first slot of one more. -/

namespace Q35

/-- A table with its second slot left out. -/
def firstSlot {n : Nat} (T : Fin n → Int × Int) : Fin n → Int × Int := fun c => ((T c).1, 0)

/-- One more weight after the largest safe number of pairs fits: neither the least nor the greatest sum leaves int32. -/
abbrev FitsOneMore {n : Nat} (T : Fin n → Int × Int) : Prop :=
  -2 ^ 31 ≤ maxSafePairs T * leastPair n T + leastPair n (firstSlot T) ∧
  maxSafePairs T * greatestPair n T + greatestPair n (firstSlot T) ≤ 2 ^ 31 - 1

/-- The largest number of weights for which no dot product with int8 activations, nor a part of one, leaves int32. -/
def maxSafeK {n : Nat} (T : Fin n → Int × Int) : Nat := 2 * maxSafePairs T + if FitsOneMore T then 1 else 0

/-- The greatest contribution is not negative. -/
theorem greatestPair_nonneg {n : Nat} (T : Fin n → Int × Int) : 0 ≤ greatestPair n T := by
  induction n with
  | zero => simp [greatestPair]
  | succ n ih => have := ih fun c => T c.castSucc; simp only [greatestPair]; omega

/-- The first slot alone has no lesser contribution than the pair. -/
theorem leastPair_le_firstSlot {n : Nat} (T : Fin n → Int × Int) : leastPair n T ≤ leastPair n (firstSlot T) := by
  induction n with
  | zero => simp [leastPair]
  | succ n ih =>
    have := ih fun c => T c.castSucc
    have hself : leastPair (n + 1) (firstSlot T) = min (leastPair n (firstSlot fun c => T c.castSucc))
        (leastProduct (T (.last n)).1 + leastProduct 0) := rfl
    rw [hself]
    simp only [leastPair, leastProduct]
    omega

/-- The first slot alone has no greater contribution than the pair. -/
theorem greatestPair_firstSlot_le {n : Nat} (T : Fin n → Int × Int) :
    greatestPair n (firstSlot T) ≤ greatestPair n T := by
  induction n with
  | zero => simp [greatestPair]
  | succ n ih =>
    have := ih fun c => T c.castSucc
    have hself : greatestPair (n + 1) (firstSlot T) = max (greatestPair n (firstSlot fun c => T c.castSucc))
        (greatestProduct (T (.last n)).1 + greatestProduct 0) := rfl
    rw [hself]
    simp only [greatestPair, greatestProduct]
    omega

/-- The products of a single weight lie between the least and the greatest of its slot. -/
theorem single_bounds {n : Nat} (T : Fin n → Int × Int) {a : Int} (ha : InInt8 a) (c : Fin n) :
    leastPair n (firstSlot T) ≤ a * (T c).1 ∧ a * (T c).1 ≤ greatestPair n (firstSlot T) := by
  have h := dotPair_bounds (firstSlot T) c (a := (a, 0)) ⟨ha, show InInt8 0 by decide⟩
  simp only [dotPair, firstSlot, Int.mul_zero, Int.add_zero] at h
  exact h

example : leastPair 128 (firstSlot decode) ≤ -128 * (decode 3).1 ∧
    -128 * (decode 3).1 ≤ greatestPair 128 (firstSlot decode) := single_bounds decode (by decide) 3

/-- No overflow with an even number of weights up to the largest safe K. -/
theorem dot_inInt32_of_even {n : Nat} (T : Fin n → Int × Int) {as : List (Int × Int)} {codes : List (Fin n)}
    (h : ∀ a ∈ as, InInt8 a.1 ∧ InInt8 a.2) (hK : 2 * codes.length ≤ maxSafeK T) : InInt32 (dot T as codes) := by
  refine dot_inInt32 T h ?_
  unfold maxSafeK at hK
  split at hK <;> omega

example : InInt32 (dot decode [(-128, 127)] [3]) := dot_inInt32_of_even decode (by decide) (by decide +kernel)

/-- No overflow with an odd number of weights up to the largest safe K: whole pairs, and the first slot of one more. -/
theorem dot_add_single_inInt32 {n : Nat} (T : Fin n → Int × Int) {as : List (Int × Int)} {codes : List (Fin n)}
    (h : ∀ a ∈ as, InInt8 a.1 ∧ InInt8 a.2) {a : Int} (ha : InInt8 a) (c : Fin n)
    (hK : 2 * codes.length + 1 ≤ maxSafeK T) : InInt32 (dot T as codes + a * (T c).1) := by
  have hsingle := single_bounds T ha c
  have hsum := sum_bounds (products_bounds T h codes)
  have hlength := length_products_le T as codes
  have hleast := leastPair_nonpos T
  have hgreatest := greatestPair_nonneg T
  have hfits : ∀ p : Nat, p ≤ codes.length → p * leastPair n T ≥ codes.length * leastPair n T ∧
      p * greatestPair n T ≤ codes.length * greatestPair n T := fun p hp =>
    ⟨Int.mul_le_mul_of_nonpos_right (by omega) hleast, Int.mul_le_mul_of_nonneg_right (by omega) hgreatest⟩
  have hparts := hfits _ hlength
  unfold dot InInt32
  unfold maxSafeK at hK
  by_cases hmore : FitsOneMore T
  · have hpairs : (codes.length : Int) ≤ maxSafePairs T := by rw [if_pos hmore] at hK; omega
    have h₁ := Int.mul_le_mul_of_nonpos_right hpairs hleast
    have h₂ := Int.mul_le_mul_of_nonneg_right hpairs hgreatest
    obtain ⟨hlow, hhigh⟩ := hmore
    omega
  · -- one pair fewer than the largest safe number leaves room for a whole pair, hence for its first slot
    have hpairs : codes.length + 1 ≤ maxSafePairs T := by rw [if_neg hmore] at hK; omega
    obtain ⟨hlow, hhigh⟩ := le_maxSafeTerms_iff.1 hpairs
    have hfirst : leastPair n T ≤ leastPair n (firstSlot T) ∧ greatestPair n (firstSlot T) ≤ greatestPair n T :=
      ⟨leastPair_le_firstSlot T, greatestPair_firstSlot_le T⟩
    have h₁ := Int.mul_le_mul_of_nonneg_left (show -leastPair n T ≤ max 1 (-leastPair n T) by omega)
      (Int.natCast_nonneg (codes.length + 1))
    have h₂ := Int.mul_le_mul_of_nonneg_left (show greatestPair n T ≤ max 1 (greatestPair n T) by omega)
      (Int.natCast_nonneg (codes.length + 1))
    simp only [Int.natCast_add, Int.natCast_one, Int.add_mul, Int.one_mul, Int.mul_neg] at *
    omega

example : InInt32 (dot decode [(-128, 127)] [3] + -128 * (decode 64).1) :=
  dot_add_single_inInt32 decode (by decide) (by decide) 64 (by decide +kernel)

/-- Tight: one weight more than the largest safe K overflows, as one more first slot or as its second one. -/
theorem maxSafeK_tight {n : Nat} {T : Fin n → Int × Int} {c₀ : Fin n} (h : T c₀ ≠ (0, 0)) :
    ∃ a c, (InInt8 a.1 ∧ InInt8 a.2) ∧
      ((maxSafeK T = 2 * maxSafePairs T + 1 ∧
        ¬InInt32 (dot T (.replicate (maxSafePairs T + 1) a) (.replicate (maxSafePairs T + 1) c))) ∨
      (maxSafeK T = 2 * maxSafePairs T ∧ ∃ b c', InInt8 b ∧
        ¬InInt32 (dot T (.replicate (maxSafePairs T) a) (.replicate (maxSafePairs T) c) + b * (T c').1))) := by
  by_cases hmore : FitsOneMore T
  · obtain ⟨a, c, ha, hover⟩ := maxSafePairs_tight h
    exact ⟨a, c, ha, .inl ⟨by rw [maxSafeK, if_pos hmore], hover⟩⟩
  · have hK : maxSafeK T = 2 * maxSafePairs T := by rw [maxSafeK, if_neg hmore, Nat.add_zero]
    obtain ⟨hlow, hhigh⟩ := le_maxSafeTerms_iff.1 (Nat.le_refl (maxSafePairs T))
    have hpairs : (0 : Int) ≤ maxSafePairs T := Int.natCast_nonneg _
    have h₁ := Int.mul_le_mul_of_nonneg_left (show -leastPair n T ≤ max 1 (-leastPair n T) by omega) hpairs
    have h₂ := Int.mul_le_mul_of_nonneg_left (show greatestPair n T ≤ max 1 (greatestPair n T) by omega) hpairs
    rw [Int.mul_neg] at h₁
    have hmax : (0 : Int) < max 1 (-leastPair n T) := by omega
    rcases Classical.not_and_iff_not_or_not.1 hmore with hless | hmoreThan
    · -- the least sum leaves int32: repeat the code of the least pair, then the one of the least first slot
      rcases leastPair_attained (firstSlot T) with h0 | ⟨c', hc'⟩
      · omega
      · simp only [firstSlot, leastProduct, Int.mul_zero, Int.min_self, Int.add_zero] at hc'
        have hb := leastFactor_spec (T c').1
        rcases leastPair_attained T with h0 | ⟨c, hc⟩
        · have := leastPair_le_firstSlot T
          have := leastPair_nonpos (firstSlot T)
          rw [h0, Int.mul_zero] at hless
          omega
        · refine ⟨(leastFactor (T c).1, leastFactor (T c).2), c,
            ⟨(leastFactor_spec _).1, (leastFactor_spec _).1⟩, .inr ⟨hK, leastFactor (T c').1, c', hb.1, ?_⟩⟩
          simp only [dot, products_replicate, sum_replicate, dotPair, leastFactor_spec, hc]
          simp only [leastProduct, hc']
          omega
    · rcases greatestPair_attained (firstSlot T) with h0 | ⟨c', hc'⟩
      · omega
      · simp only [firstSlot, greatestProduct, Int.mul_zero, Int.max_self, Int.add_zero] at hc'
        have hb := greatestFactor_spec (T c').1
        rcases greatestPair_attained T with h0 | ⟨c, hc⟩
        · have := greatestPair_firstSlot_le T
          rw [h0, Int.mul_zero] at hmoreThan
          omega
        · refine ⟨(greatestFactor (T c).1, greatestFactor (T c).2), c,
            ⟨(greatestFactor_spec _).1, (greatestFactor_spec _).1⟩,
            .inr ⟨hK, greatestFactor (T c').1, c', hb.1, ?_⟩⟩
          simp only [dot, products_replicate, sum_replicate, dotPair, greatestFactor_spec, hc]
          simp only [greatestProduct, hc']
          omega

example : ∃ a c, (InInt8 a.1 ∧ InInt8 a.2) ∧
    ((maxSafeK decode = 2 * maxSafePairs decode + 1 ∧
      ¬InInt32 (dot decode (.replicate (maxSafePairs decode + 1) a) (.replicate (maxSafePairs decode + 1) c))) ∨
    (maxSafeK decode = 2 * maxSafePairs decode ∧ ∃ b c', InInt8 b ∧
      ¬InInt32 (dot decode (.replicate (maxSafePairs decode) a) (.replicate (maxSafePairs decode) c) +
        b * (decode c').1))) := maxSafeK_tight (c₀ := 1) (by decide)

/-- The published pair (hi, lo): 2,796,202 weights are safe, and no more. -/
theorem maxSafeK_row : maxSafeK (fun c : Code => (hi c, lo c)) = 2796202 := by
  have hfirst : leastPair 128 (firstSlot (fun c : Code => (hi c, lo c))) = -1016 ∧
      greatestPair 128 (firstSlot (fun c : Code => (hi c, lo c))) = 1024 := extremes_hi
  have h : ¬FitsOneMore (fun c : Code => (hi c, lo c)) := by
    simp only [FitsOneMore, maxSafePairs_row, extremes_row, hfirst]; decide
  rw [maxSafeK, if_neg h, maxSafePairs_row]

/-- The pair (hi, 2 lo): 2,097,151 weights are safe, and no more. -/
theorem maxSafeK_block : maxSafeK (fun c : Code => (hi c, 2 * lo c)) = 2097151 := by
  have hfirst : leastPair 128 (firstSlot (fun c : Code => (hi c, 2 * lo c))) = -1016 ∧
      greatestPair 128 (firstSlot (fun c : Code => (hi c, 2 * lo c))) = 1024 := extremes_hi
  have h : FitsOneMore (fun c : Code => (hi c, 2 * lo c)) := by
    simp only [FitsOneMore, maxSafePairs_block, extremes_block, hfirst]; decide
  rw [maxSafeK, if_pos h, maxSafePairs_block]

/-- The learned table: 200,924 weights are safe, and no more. -/
theorem maxSafeK_codebook : maxSafeK codebookTable = 200924 := by decide +kernel

end Q35
