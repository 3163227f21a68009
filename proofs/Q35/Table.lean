module

public import Q35.Code
public import Q35.Slot

@[expose] public section

/-! The table form that every scheme shares: a code stands for a pair of integers, a step scales it to a pair of weights,
and encoding is the search for the nearest entry. The error is at most the table's covering radius inside the region it
covers, plus the distance to that region outside it. -/

namespace Q35

/-- What each of the `n` codes stands for, in units of the step. -/
abbrev Table (n : Nat) := Fin n → Int × Int

/-- The point of the plane that is the pair of integers `e`. -/
def entryPoint (e : Int × Int) : Rat × Rat := (e.1, e.2)

/-- The squared distance from the point `p` to the entry `e`. -/
def distSq (p : Rat × Rat) (e : Int × Int) : Rat := (p.1 - e.1) * (p.1 - e.1) + (p.2 - e.2) * (p.2 - e.2)

/-- The squared distance between two points. -/
def pointDistSq (p q : Rat × Rat) : Rat := (p.1 - q.1) * (p.1 - q.1) + (p.2 - q.2) * (p.2 - q.2)

/-- Of the numbers up to `k`, the lowest one whose entry is nearest to `p`. -/
def nearestUpTo (entry : Nat → Int × Int) (p : Rat × Rat) : Nat → Nat
  | 0 => 0
  | k + 1 =>
    let best := nearestUpTo entry p k
    if distSq p (entry (k + 1)) < distSq p (entry best) then k + 1 else best

/-! ### How the search is compiled

In integers: exact rational arithmetic takes many times as long. Statements and proofs keep the definition above. -/

namespace Compile

/-- The squared distance from the point `(x / q, y / q)` to the entry `e`, times `q * q`. -/
def scaledDistSq (q x y : Int) (e : Int × Int) : Int :=
  (x - q * e.1) * (x - q * e.1) + (y - q * e.2) * (y - q * e.2)

/-- The number of the nearest entry up to `k` and its scaled distance. -/
def nearestScaled (entry : Nat → Int × Int) (q x y : Int) : Nat → Nat × Int
  | 0 => (0, scaledDistSq q x y (entry 0))
  | k + 1 =>
    let best := nearestScaled entry q x y k
    let d := scaledDistSq q x y (entry (k + 1))
    if d < best.2 then (k + 1, d) else best

/-- `nearestUpTo`, with both coordinates of the point over one denominator. -/
def nearestUpTo (entry : Nat → Int × Int) (p : Rat × Rat) (k : Nat) : Nat :=
  (nearestScaled entry (p.1.den * p.2.den) (p.1.num * p.2.den) (p.2.num * p.1.den) k).1

private theorem num_eq (r : Rat) : (r.num : Rat) = (r.den : Nat) * r := by
  have hd : ((r.den : Nat) : Rat) ≠ 0 := by
    have : (0 : Rat) < (r.den : Nat) := Rat.natCast_pos.2 r.den_pos
    grind
  have h := Rat.num_divInt_den r
  rw [Rat.divInt_eq_div, Rat.intCast_natCast] at h
  grind

/-- Scaled distances are the distances times the square of the denominator. -/
theorem scaledDistSq_eq (p : Rat × Rat) (e : Int × Int) :
    (scaledDistSq (p.1.den * p.2.den) (p.1.num * p.2.den) (p.2.num * p.1.den) e : Rat) =
      ((p.1.den * p.2.den) * (p.1.den * p.2.den) : Rat) * distSq p e := by
  have h₁ := num_eq p.1
  have h₂ := num_eq p.2
  simp only [scaledDistSq, distSq, Rat.intCast_add, Rat.intCast_mul, Rat.intCast_sub, Rat.intCast_natCast, h₁, h₂]
  grind

/-- `nearestUpTo` is compiled as the search in integers. -/
@[csimp] theorem nearestUpTo_eq : @Q35.nearestUpTo = @nearestUpTo := by
  funext entry p k
  have hq : (0 : Rat) < (p.1.den * p.2.den) * (p.1.den * p.2.den) := by
    have := Rat.natCast_pos.2 p.1.den_pos
    have := Rat.natCast_pos.2 p.2.den_pos
    exact Rat.mul_pos (Rat.mul_pos ‹_› ‹_›) (Rat.mul_pos ‹_› ‹_›)
  have hlt (a b : Int × Int) : distSq p a < distSq p b ↔
      scaledDistSq (p.1.den * p.2.den) (p.1.num * p.2.den) (p.2.num * p.1.den) a <
        scaledDistSq (p.1.den * p.2.den) (p.1.num * p.2.den) (p.2.num * p.1.den) b := by
    rw [← Rat.intCast_lt_intCast, scaledDistSq_eq, scaledDistSq_eq, Rat.mul_lt_mul_left hq]
  have : nearestScaled entry (p.1.den * p.2.den) (p.1.num * p.2.den) (p.2.num * p.1.den) k =
      (Q35.nearestUpTo entry p k, scaledDistSq (p.1.den * p.2.den) (p.1.num * p.2.den) (p.2.num * p.1.den)
        (entry (Q35.nearestUpTo entry p k))) := by
    induction k with
    | zero => rfl
    | succ k ih =>
      simp only [nearestScaled, Q35.nearestUpTo, ih, hlt]
      split <;> rfl
  rw [nearestUpTo, this]

end Compile

/-! ### Codes and what they stand for -/

/-- The lowest code whose entry is nearest to `p`. -/
@[inline] def nearest {n : Nat} [NeZero n] (T : Table n) (p : Rat × Rat) : Fin n :=
  Fin.ofNat n (nearestUpTo (fun k => T (Fin.ofNat n k)) p (n - 1))

/-- The two weights that the code `c` stands for with the step `d`. -/
@[inline] def dequantize {n : Nat} (T : Table n) (d : Rat) (c : Fin n) : Rat × Rat := (d * (T c).1, d * (T c).2)

/-- Every point of the region has an entry of the table within the radius `r`. -/
def Covers {n : Nat} (T : Table n) (region : Rat × Rat → Prop) (r : Rat) : Prop :=
  ∀ p, region p → ∃ c, distSq p (T c) ≤ r * r

/-! ### The nearest entry -/

/-- The search up to `k` answers with a number up to `k`. -/
theorem nearestUpTo_le (entry : Nat → Int × Int) (p : Rat × Rat) (k : Nat) : nearestUpTo entry p k ≤ k := by
  induction k with
  | zero => exact Nat.le_refl 0
  | succ k ih =>
    rw [nearestUpTo]
    split
    · exact Nat.le_refl _
    · omega

/-- Up to `k`, the entry found is at least as near as every other, and strictly nearer than those of lower numbers. -/
theorem nearestUpTo_spec (entry : Nat → Int × Int) (p : Rat × Rat) {k i : Nat} (hi : i ≤ k) :
    distSq p (entry (nearestUpTo entry p k)) ≤ distSq p (entry i) ∧
    (i < nearestUpTo entry p k → distSq p (entry (nearestUpTo entry p k)) < distSq p (entry i)) := by
  induction k with
  | zero =>
    have : i = 0 := by omega
    subst this
    exact ⟨Rat.le_refl, fun h => absurd h (Nat.lt_irrefl 0)⟩
  | succ k ih =>
    rw [nearestUpTo]
    split
    case isTrue hnearer =>
      by_cases hk : i ≤ k
      · have := (ih hk).1
        constructor <;> grind
      · have : i = k + 1 := by omega
        subst this
        exact ⟨Rat.le_refl, fun h => absurd h (Nat.lt_irrefl _)⟩
    case isFalse hfarther =>
      by_cases hk : i ≤ k
      · exact ih hk
      · have : i = k + 1 := by omega
        subst this
        have := nearestUpTo_le entry p k
        exact ⟨by grind, fun hlt => absurd hlt (by omega)⟩

/-- The number that the search answers with is the code's. -/
theorem val_nearest {n : Nat} [NeZero n] (T : Table n) (p : Rat × Rat) :
    (nearest T p).val = nearestUpTo (fun k => T (Fin.ofNat n k)) p (n - 1) := by
  have := nearestUpTo_le (fun k => T (Fin.ofNat n k)) p (n - 1)
  have := Nat.pos_of_ne_zero (NeZero.ne n)
  exact Nat.mod_eq_of_lt (by omega)

/-- The entry found is at least as near as every other, and strictly nearer than those of lower codes. -/
theorem nearest_spec {n : Nat} [NeZero n] (T : Table n) (p : Rat × Rat) (c : Fin n) :
    distSq p (T (nearest T p)) ≤ distSq p (T c) ∧
    (c < nearest T p → distSq p (T (nearest T p)) < distSq p (T c)) := by
  have h := nearestUpTo_spec (fun k => T (Fin.ofNat n k)) p (Nat.le_sub_one_of_lt c.isLt)
  rw [← val_nearest] at h
  simpa only [Fin.ofNat_val_eq_self] using h

/-- No entry is nearer to `p` than the one that encoding finds. -/
theorem distSq_nearest_le {n : Nat} [NeZero n] (T : Table n) (p : Rat × Rat) (c : Fin n) :
    distSq p (T (nearest T p)) ≤ distSq p (T c) :=
  (nearest_spec T p c).1

/-- Entries of lower codes than the one found are strictly farther: ties go to the lower code. -/
theorem distSq_nearest_lt_of_lt {n : Nat} [NeZero n] (T : Table n) (p : Rat × Rat) {c : Fin n} (hc : c < nearest T p) :
    distSq p (T (nearest T p)) < distSq p (T c) :=
  (nearest_spec T p c).2 hc

/-- The code found is the only one that is nearest and lowest: encoding has one right answer. -/
theorem nearest_eq {n : Nat} [NeZero n] (T : Table n) (p : Rat × Rat) {c : Fin n}
    (hle : ∀ c', distSq p (T c) ≤ distSq p (T c')) (hlow : ∀ c', c' < c → distSq p (T c) < distSq p (T c')) :
    nearest T p = c := by
  rcases Nat.lt_trichotomy (nearest T p).val c.val with h | h | h
  · have := hlow _ h
    have := distSq_nearest_le T p c
    grind
  · exact Fin.ext h
  · have := distSq_nearest_lt_of_lt T p (c := c) h
    have := hle (nearest T p)
    grind

example : nearest (fun c : Fin 2 => if c = 0 then (0, 0) else (2, 0)) (1, 0) = 0 :=
  nearest_eq _ _ (by decide +kernel) (by decide +kernel)

/-- A squared distance is not negative. -/
theorem distSq_nonneg (p : Rat × Rat) (e : Int × Int) : 0 ≤ distSq p e := by
  have := mul_self_nonneg (p.1 - e.1)
  have := mul_self_nonneg (p.2 - e.2)
  grind [distSq]

/-- Only the entry itself is at distance zero from it. -/
theorem distSq_entryPoint_eq_zero_iff {e e' : Int × Int} : distSq (entryPoint e) e' = 0 ↔ e = e' := by
  have h1 := mul_self_nonneg ((e.1 : Rat) - e'.1)
  have h2 := mul_self_nonneg ((e.2 : Rat) - e'.2)
  constructor
  · intro h
    simp only [distSq, entryPoint] at h
    have h1' : ((e.1 : Rat) - e'.1) * (e.1 - e'.1) = 0 := by grind
    have h2' : ((e.2 : Rat) - e'.2) * (e.2 - e'.2) = 0 := by grind
    have e1 : (e.1 : Rat) = e'.1 := by grind
    have e2 : (e.2 : Rat) = e'.2 := by grind
    exact Prod.ext (Rat.intCast_inj.mp e1) (Rat.intCast_inj.mp e2)
  · rintro rfl
    grind [distSq, entryPoint]

/-- Encoding an entry of a table whose entries are distinct gives its code back. -/
theorem nearest_entryPoint {n : Nat} [NeZero n] {T : Table n} (hT : ∀ c c', T c = T c' → c = c') (c : Fin n) :
    nearest T (entryPoint (T c)) = c := by
  have hzero : distSq (entryPoint (T c)) (T c) = 0 := distSq_entryPoint_eq_zero_iff.mpr rfl
  have hle := distSq_nearest_le T (entryPoint (T c)) c
  have hge := distSq_nonneg (entryPoint (T c)) (T (nearest T (entryPoint (T c))))
  exact (hT _ _ (distSq_entryPoint_eq_zero_iff.mp (by grind))).symm

example : nearest (fun c : Fin 2 => ((c.val : Int), 0)) (entryPoint (1, 0)) = 1 :=
  nearest_entryPoint (T := fun c : Fin 2 => ((c.val : Int), 0)) (by decide) 1

/-- Encoding what was dequantized gives the code back, if the entries are distinct and the step is not zero. -/
theorem nearest_dequantize {n : Nat} [NeZero n] {T : Table n} (hT : ∀ c c', T c = T c' → c = c') {d : Rat} (hd : d ≠ 0)
    (c : Fin n) : nearest T ((dequantize T d c).1 / d, (dequantize T d c).2 / d) = c := by
  have h1 : (dequantize T d c).1 / d = (T c).1 := by grind [dequantize]
  have h2 : (dequantize T d c).2 / d = (T c).2 := by grind [dequantize]
  rw [h1, h2]
  exact nearest_entryPoint hT c

/-! ### The bound from the covering radius -/

/-- Inside the region that the table covers with radius `r` the nearest entry is within `r`. -/
theorem nearest_le_radius {n : Nat} [NeZero n] {T : Table n} {region : Rat × Rat → Prop} {r : Rat}
    (hT : Covers T region r) {p : Rat × Rat} (hp : region p) : distSq p (T (nearest T p)) ≤ r * r := by
  obtain ⟨c, hc⟩ := hT p hp
  exact Rat.le_trans (distSq_nearest_le T p c) hc

/-- A bound that always holds: a point at a distance of at most `a` from the region is within `r + a` of an entry. -/
theorem nearest_le_radius_add {n : Nat} [NeZero n] {T : Table n} {region : Rat × Rat → Prop} {r a : Rat}
    (hT : Covers T region r) (hr : 0 ≤ r) (ha : 0 ≤ a) {p q : Rat × Rat} (hq : region q)
    (hpq : pointDistSq p q ≤ a * a) : distSq p (T (nearest T p)) ≤ (r + a) * (r + a) := by
  obtain ⟨c, hc⟩ := hT q hq
  have := triangle_sq hr ha hc hpq
  have := distSq_nearest_le T p c
  grind [distSq, pointDistSq]

/-- A distance bounds the difference in each coordinate. -/
theorem abs_le_of_distSq_le {p : Rat × Rat} {e : Int × Int} {r : Rat} (hr : 0 ≤ r) (h : distSq p e ≤ r * r) :
    abs (p.1 - e.1) ≤ r ∧ abs (p.2 - e.2) ≤ r := by
  have := mul_self_nonneg (p.1 - e.1)
  have := mul_self_nonneg (p.2 - e.2)
  constructor <;> refine abs_le_of_mul_self_le hr ?_ <;> grind [distSq]

/-- In weight units the error of a pair is the step times its error in units of the step. -/
theorem dequantize_error_eq {n : Nat} (T : Table n) {d : Rat} (hd : d ≠ 0) (w : Rat × Rat) (c : Fin n) :
    pointDistSq w (dequantize T d c) = d * d * distSq (w.1 / d, w.2 / d) (T c) := by
  have h1 : w.1 = d * (w.1 / d) := by grind
  have h2 : w.2 = d * (w.2 / d) := by grind
  simp only [pointDistSq, dequantize, distSq]
  generalize w.1 / d = x at h1 ⊢
  generalize w.2 / d = y at h2 ⊢
  rw [h1, h2]
  grind

/-- In weight units, always: a pair at a distance of at most `a` steps from the region is off by at most
`|d| (r + a)` in each weight. -/
theorem nearest_weight_error_le {n : Nat} [NeZero n] {T : Table n} {region : Rat × Rat → Prop} {r a d : Rat}
    (hT : Covers T region r) (hr : 0 ≤ r) (ha : 0 ≤ a) (hd : d ≠ 0) {w q : Rat × Rat} (hq : region q)
    (hpq : pointDistSq (w.1 / d, w.2 / d) q ≤ a * a) :
    let w' := dequantize T d (nearest T (w.1 / d, w.2 / d))
    abs (w.1 - w'.1) ≤ abs d * (r + a) ∧ abs (w.2 - w'.2) ≤ abs d * (r + a) := by
  have ⟨h1, h2⟩ := abs_le_of_distSq_le (by grind) (nearest_le_radius_add hT hr ha hq hpq)
  simp only [dequantize]
  rw [abs_sub_mul hd, abs_sub_mul hd]
  exact ⟨Rat.mul_le_mul_of_nonneg_left h1 (abs_nonneg d), Rat.mul_le_mul_of_nonneg_left h2 (abs_nonneg d)⟩

/-! ### The hypotheses can be met -/

/-- The two entries (0, 0) and (1, 0), which cover the segment between them with the radius 1/2. -/
def twoEntries : Table 2 := fun c => ((c.val : Int), 0)

/-- The two entries cover the segment between them with the radius 1/2. -/
private theorem twoEntries_covers : Covers twoEntries (fun p => (0 ≤ p.1 ∧ p.1 ≤ 1) ∧ p.2 = 0) (1/2) := by
  intro p ⟨⟨hl, hh⟩, hy⟩
  have e0 : distSq p (twoEntries 0) = p.1 * p.1 := by simp [distSq, twoEntries, hy]; grind
  have e1 : distSq p (twoEntries 1) = (1 - p.1) * (1 - p.1) := by simp [distSq, twoEntries, hy]; grind
  rcases Rat.le_total (a := p.1) (b := 1/2) with h | h
  · exact ⟨0, e0 ▸ mul_self_le_mul_self (abs_le_iff.mpr ⟨by grind, h⟩)⟩
  · exact ⟨1, e1 ▸ mul_self_le_mul_self (abs_le_iff.mpr ⟨by grind, by grind⟩)⟩

example : distSq (1, 0) (twoEntries (nearest twoEntries (1, 0))) < distSq (1, 0) (twoEntries 0) :=
  distSq_nearest_lt_of_lt twoEntries (1, 0) (by decide +kernel)
example : distSq (1/3, 0) (twoEntries (nearest twoEntries (1/3, 0))) ≤ 1/2 * (1/2) :=
  nearest_le_radius twoEntries_covers (by decide +kernel)
example : distSq (2, 0) (twoEntries (nearest twoEntries (2, 0))) ≤ (1/2 + 1) * (1/2 + 1) :=
  nearest_le_radius_add twoEntries_covers (q := (1, 0)) (by decide +kernel) (by decide) (by decide +kernel)
    (by decide +kernel)
example : abs (2 - (dequantize twoEntries 1 (nearest twoEntries (2 / 1, 0 / 1))).1) ≤ abs 1 * (1/2 + 1) :=
  (nearest_weight_error_le twoEntries_covers (w := (2, 0)) (q := (1, 0)) (by decide +kernel) (by decide) (by decide)
    (by decide +kernel) (by decide +kernel)).1
example : abs ((2 : Rat) - (1 : Int)) ≤ 1 :=
  (abs_le_of_distSq_le (p := (2, 0)) (e := (1, 0)) (by decide) (by decide +kernel)).1
example : pointDistSq (3, 1) (dequantize twoEntries (-2) 1) = -2 * -2 * distSq (3 / -2, 1 / -2) (twoEntries 1) :=
  dequantize_error_eq twoEntries (by decide) (3, 1) 1
example : nearest twoEntries ((dequantize twoEntries (-2) 1).1 / -2, (dequantize twoEntries (-2) 1).2 / -2) = 1 :=
  nearest_dequantize (T := twoEntries) (by decide) (by decide) 1

end Q35
