module

public import Q35.Compile
public import Q35.SlotTable

@[expose] public section

/-! Dequantisation is linear: a weight is the step times an entry, and a block is one step times its entries. -/

namespace Q35

/-- The value of one slot: step times entry. -/
def scaleSlot (s : Rat) (q : Int) : Rat := s * q

/-- The values of a block: one step times every entry. -/
def scaleBlock (s : Rat) (qs : List Int) : List Rat := qs.map (scaleSlot s)

/-- Dequantisation is additive in the entry. -/
theorem scaleSlot_add (s : Rat) (p q : Int) : scaleSlot s (p + q) = scaleSlot s p + scaleSlot s q := by
  simp only [scaleSlot, Rat.intCast_add]; grind

/-- An integer multiple of the entry is the same multiple of the value. -/
theorem scaleSlot_mul (s : Rat) (k q : Int) : scaleSlot s (k * q) = k * scaleSlot s q := by
  simp only [scaleSlot, Rat.intCast_mul]; grind

/-- The negative of the entry gives the negative of the value. -/
theorem scaleSlot_neg (s : Rat) (q : Int) : scaleSlot s (-q) = -scaleSlot s q := by
  simp only [scaleSlot, Rat.intCast_neg]; grind

/-- The entry 0 gives 0. -/
theorem scaleSlot_zero (s : Rat) : scaleSlot s 0 = 0 := by simp only [scaleSlot, Rat.intCast_zero]; grind

/-- Dequantisation is additive in the step. -/
theorem scaleSlot_add_step (s t : Rat) (q : Int) : scaleSlot (s + t) q = scaleSlot s q + scaleSlot t q := by
  simp only [scaleSlot]; grind

/-- Dequantisation commutes with scaling: a multiple of the step is the same multiple of the value. -/
theorem scaleSlot_mul_step (k s : Rat) (q : Int) : scaleSlot (k * s) q = k * scaleSlot s q := by
  simp only [scaleSlot]; grind

/-- With a zero point: the value of `q` against the zero point `z` is the difference of their values. -/
theorem scaleSlot_sub (s : Rat) (q z : Int) : scaleSlot s (q - z) = scaleSlot s q - scaleSlot s z := by
  simp only [scaleSlot, Rat.intCast_sub]; grind

/-- A table's pair of weights is its two slots. -/
theorem dequantize_eq {n : Nat} (T : Table n) (d : Rat) (c : Fin n) :
    dequantize T d c = (scaleSlot d (T c).1, scaleSlot d (T c).2) := rfl

/-- For every table and code, a multiple of the step is the same multiple of both weights. -/
theorem dequantize_mul_step {n : Nat} (T : Table n) (k d : Rat) (c : Fin n) :
    dequantize T (k * d) c = (k * (dequantize T d c).1, k * (dequantize T d c).2) := by
  simp only [dequantize_eq, scaleSlot_mul_step]

/-- For every table and code, a sum of steps gives the sums of the weights. -/
theorem dequantize_add_step {n : Nat} (T : Table n) (d e : Rat) (c : Fin n) :
    dequantize T (d + e) c =
      ((dequantize T d c).1 + (dequantize T e c).1, (dequantize T d c).2 + (dequantize T e c).2) := by
  simp only [dequantize_eq, scaleSlot_add_step]

/-- An entry that is the sum of two entries has the sum of their weights. -/
theorem dequantize_add_entry {n : Nat} {T : Table n} {a b c : Fin n}
    (h : T c = ((T a).1 + (T b).1, (T a).2 + (T b).2)) (d : Rat) :
    dequantize T d c = ((dequantize T d a).1 + (dequantize T d b).1, (dequantize T d a).2 + (dequantize T d b).2) := by
  simp only [dequantize_eq, h, scaleSlot_add]

example (d : Rat) : dequantize rowTable d 27 =
    ((dequantize rowTable d 8).1 + (dequantize rowTable d 19).1,
      (dequantize rowTable d 8).2 + (dequantize rowTable d 19).2) :=
  dequantize_add_entry (by decide) d

/-- Scaling a block's step scales the whole block. -/
theorem scaleBlock_mul_step (k s : Rat) (qs : List Int) : scaleBlock (k * s) qs = (scaleBlock s qs).map (k * ·) := by
  simp only [scaleBlock, List.map_map]
  exact List.map_congr_left fun q _ => scaleSlot_mul_step k s q

/-- A block of sums is the sum of the two blocks, weight by weight. -/
theorem scaleBlock_add (s : Rat) (ps qs : List Int) :
    scaleBlock s (List.zipWith (· + ·) ps qs) = List.zipWith (· + ·) (scaleBlock s ps) (scaleBlock s qs) := by
  induction ps generalizing qs with
  | nil => rfl
  | cons p ps ih =>
    cases qs with
    | nil => rfl
    | cons q qs =>
      simp only [scaleBlock, List.zipWith_cons_cons, List.map_cons, scaleSlot_add, List.cons.injEq, true_and]
      exact ih qs

/-- The sum of rational numbers. -/
def sumRat : List Rat → Rat
  | [] => 0
  | x :: xs => x + sumRat xs

/-- A common factor comes out of a sum: steps may be applied last. -/
theorem sumRat_map_mul (k : Rat) (xs : List Rat) : sumRat (xs.map (k * ·)) = k * sumRat xs := by
  induction xs <;> simp_all [sumRat, List.map]
  grind

/-- Multiply first or add first: the sum of a block's values is the step times the integer sum of its entries. -/
theorem sumRat_scaleBlock (s : Rat) (qs : List Int) : sumRat (scaleBlock s qs) = scaleSlot s qs.sum := by
  induction qs with
  | nil => simp only [scaleBlock, List.map_nil, List.sum_nil, scaleSlot_zero, sumRat]
  | cons q qs ih =>
    simp only [scaleBlock] at ih
    simp only [scaleBlock, List.map_cons, sumRat, List.sum_cons, scaleSlot_add, ih]

/-- The exact dot product of activations and entries, in integers. -/
def dotInt : List Int → List Int → Int
  | a :: as, q :: qs => a * q + dotInt as qs
  | _, _ => 0

/-- An integer dot product does not mind which factor is the weight. -/
theorem dotInt_comm (as qs : List Int) : dotInt as qs = dotInt qs as := by
  fun_induction dotInt as qs <;> simp_all
  · grind [dotInt]
  · unfold dotInt
    grind [dotInt]

/-- The exact dot product of activations and weights. -/
def dotRat : List Rat → List Rat → Rat
  | x :: xs, w :: ws => x * w + dotRat xs ws
  | _, _ => 0

/-- The integer path is exact: one dot product in integers, then one product with both scales. -/
theorem dotRat_scaleBlock (r s : Rat) (as qs : List Int) :
    dotRat (scaleBlock r as) (scaleBlock s qs) = r * s * dotInt as qs := by
  induction as generalizing qs with
  | nil => simp only [scaleBlock, List.map_nil, dotRat, dotInt, Rat.intCast_zero]; grind
  | cons a as ih =>
    cases qs with
    | nil => simp only [scaleBlock, List.map_cons, List.map_nil, dotRat, dotInt, Rat.intCast_zero]; grind
    | cons q qs =>
      have := ih qs
      simp only [scaleBlock] at this
      simp only [scaleBlock, List.map_cons, dotRat, dotInt, this, scaleSlot, Rat.intCast_add, Rat.intCast_mul]
      grind

/-- An integer dot product is at most the number of terms times the largest product. -/
theorem natAbs_dotInt_le {L L' : Nat} {as qs : List Int} (ha : ∀ a ∈ as, a.natAbs ≤ L) (hq : ∀ q ∈ qs, q.natAbs ≤ L') :
    (dotInt as qs).natAbs ≤ as.length * (L * L') := by
  induction as generalizing qs with
  | nil => simp [dotInt]
  | cons a as ih =>
    cases qs with
    | nil => simp [dotInt]
    | cons q qs =>
      have h := ih (fun x hx => ha x (List.mem_cons_of_mem _ hx)) (qs := qs)
        fun x hx => hq x (List.mem_cons_of_mem _ hx)
      have hprod : (a * q).natAbs ≤ L * L' := by
        rw [Int.natAbs_mul]
        exact Nat.mul_le_mul (ha a List.mem_cons_self) (hq q List.mem_cons_self)
      rw [dotInt, List.length_cons, Nat.add_mul, Nat.one_mul]
      omega

example : (dotInt [-12, 12] [12, 12]).natAbs ≤ 2 * (12 * 12) :=
  natAbs_dotInt_le (as := [-12, 12]) (by decide) (by decide)

end Q35
