module

public import Q35.Codebook
public import Q35.Half
public import Q35.SlotTable

@[expose] public section

/-! A block: consecutive weights of a row that share one step. The schemes `block` and `codebook` try a fixed list of
steps of both signs and keep the one of least squared error. -/

namespace Q35

/-- The schemes with one step a block. -/
inductive Scheme where
  /-- Both slots rounded, the lo slot at twice the step. -/
  | block
  /-- The nearest of 128 learned pairs. -/
  | codebook
  deriving DecidableEq

/-- What the codes of a scheme stand for. -/
def Scheme.table : Scheme → Table 128
  | .block, c => blockTable c
  | .codebook, c => codebookTable c

/-- How a scheme encodes a pair in units of the step. -/
def Scheme.encode : Scheme → Rat × Rat → Code
  | .block, p => encodeArithmetic 2 p
  | .codebook, p => nearest codebookTable p

/-- The fractions of a block's largest absolute value that a scheme tries as steps: their numerators. -/
def Scheme.numerators : Scheme → List Nat
  | .block => blockNumerators
  | .codebook => codebookNumerators

/-- Their common denominator. -/
def Scheme.denominator : Scheme → Nat
  | .block => blockDenominator
  | .codebook => codebookDenominator

/-! ### Definitions -/

/-- The code of a pair of weights with the step `d`; with the step 0 it is the code 0. -/
def encodePair (S : Scheme) (d : Rat) (w : Rat × Rat) : Code := if d = 0 then 0 else S.encode (w.1 / d, w.2 / d)

/-- What a pair of weights comes back as. -/
def restorePair (S : Scheme) (d : Rat) (w : Rat × Rat) : Rat × Rat := dequantize S.table d (encodePair S d w)

/-- The weights two by two; an odd one is followed by a zero. -/
def pairUp : List Rat → List (Rat × Rat)
  | [] => []
  | [w] => [(w, 0)]
  | w :: v :: rest => (w, v) :: pairUp rest

/-- The codes of a block. -/
def encodeBlock (S : Scheme) (d : Rat) : List (Rat × Rat) → List Code
  | [] => []
  | w :: rest => encodePair S d w :: encodeBlock S d rest

/-- The first `size` weights that the codes stand for with the step `d`. -/
def dequantizeBlock (T : Table 128) (d : Rat) : (size : Nat) → List Code → List Rat
  | 0, _ => []
  | _, [] => []
  | 1, c :: _ => [(dequantize T d c).1]
  | size + 2, c :: rest => (dequantize T d c).1 :: (dequantize T d c).2 :: dequantizeBlock T d size rest

/-- What a block comes back as: each pair encoded and dequantized, without the zero that pads an odd block. -/
def restoreBlock (S : Scheme) (d : Rat) : List Rat → List Rat
  | [] => []
  | [w] => [(restorePair S d (w, 0)).1]
  | w :: v :: rest => (restorePair S d (w, v)).1 :: (restorePair S d (w, v)).2 :: restoreBlock S d rest

/-- The exact squared error of a block with the step `d`, a padding zero included. -/
def squaredError (S : Scheme) (d : Rat) : List (Rat × Rat) → Rat
  | [] => 0
  | w :: rest => pointDistSq w (restorePair S d w) + squaredError S d rest

/-- The largest absolute value of a block. -/
def maxAbs : List Rat → Rat
  | [] => 0
  | w :: rest => let m := maxAbs rest; if m < abs w then abs w else m

/-- The fp16 bits of the candidate steps: for each numerator `p` the halves nearest to `m * p / q` and to
`-(m * p / q)`. -/
def stepCandidates (numerators : List Nat) (denominator : Nat) (m : Rat) : List Nat :=
  match numerators with
  | [] => []
  | p :: rest =>
    ratToHalf (m * p / denominator) :: ratToHalf (-(m * p / denominator)) :: stepCandidates rest denominator m

/-- The step that fp16 bits stand for. Candidates are finite (`halfToRat_stepCandidates`); other bits count as 0. -/
def stepValue (bits : Nat) : Rat := (halfToRat bits).getD 0

/-- Of `best`, whose error is `least`, and the candidates after it, the first one of least error. -/
def firstLeast (error : Nat → Rat) (best : Nat) (least : Rat) : List Nat → Nat
  | [] => best
  | b :: rest =>
    let e := error b
    if e < least then firstLeast error b e rest else firstLeast error best least rest

/-- The step, as fp16 bits, of a block of weights: the candidate of least exact squared error, the first among equals;
0 for a block of zeros. -/
def bestStep (S : Scheme) (weights : List Rat) : Nat :=
  if maxAbs weights = 0 then 0
  else
    match stepCandidates S.numerators S.denominator (maxAbs weights) with
    | [] => 0
    | b :: rest =>
      let error := fun bits => squaredError S (stepValue bits) (pairUp weights)
      firstLeast error b (error b) rest

/-! ### The choice of the step -/

/-- The search answers with a candidate that is better than all before it and at least as good as all after it. -/
theorem firstLeast_spec (error : Nat → Rat) (best : Nat) (rest : List Nat) :
    ∃ before after, best :: rest = before ++ firstLeast error best (error best) rest :: after ∧
      (∀ b ∈ before, error (firstLeast error best (error best) rest) < error b) ∧
      (∀ b ∈ after, error (firstLeast error best (error best) rest) ≤ error b) := by
  induction rest generalizing best with
  | nil => exact ⟨[], [], rfl, by simp, by simp⟩
  | cons b rest ih =>
    rw [firstLeast]
    by_cases hb : error b < error best
    · simp only [hb, if_true]
      obtain ⟨before, after, hsplit, hbefore, hafter⟩ := ih b
      refine ⟨best :: before, after, by simp [hsplit], fun c hc => ?_, hafter⟩
      rcases List.mem_cons.mp hc with rfl | hc
      · have hmem : b ∈ before ++ firstLeast error b (error b) rest :: after := hsplit ▸ List.mem_cons_self
        have : error (firstLeast error b (error b) rest) ≤ error b := by
          rcases List.mem_append.mp hmem with h | h
          · exact Rat.le_of_lt (hbefore b h)
          · rcases List.mem_cons.mp h with h | h
            · rw [← h]
              exact Rat.le_refl
            · exact hafter b h
        grind
      · exact hbefore c hc
    · simp only [hb, if_false]
      obtain ⟨before, after, hsplit, hbefore, hafter⟩ := ih best
      cases before with
      | nil =>
        have ⟨hhead, htail⟩ := List.cons.inj hsplit
        refine ⟨[], b :: after, by simp [← hhead, ← htail], by simp, fun c hc => ?_⟩
        rcases List.mem_cons.mp hc with rfl | hc
        · rw [← hhead]
          grind
        · exact hafter c hc
      | cons first before =>
        have ⟨hhead, htail⟩ := List.cons.inj hsplit
        refine ⟨best :: b :: before, after, congrArg (best :: b :: ·) htail, fun c hc => ?_, hafter⟩
        have hbest := hbefore best (hhead ▸ List.mem_cons_self)
        rcases List.mem_cons.mp hc with rfl | hc
        · exact hbest
        · rcases List.mem_cons.mp hc with rfl | hc
          · grind
          · exact hbefore c (List.mem_cons_of_mem _ hc)

/-- Every candidate is a finite fp16 number, and `stepValue` is its value. -/
theorem halfToRat_stepCandidates {numerators : List Nat} {denominator : Nat} {m : Rat} {b : Nat}
    (h : b ∈ stepCandidates numerators denominator m) : halfToRat b = some (stepValue b) := by
  have finite (x : Rat) : halfToRat (ratToHalf x) = some (stepValue (ratToHalf x)) := by
    obtain ⟨v, hv, _⟩ := ratToHalf_nearest x
    rw [stepValue, hv, Option.getD_some]
  induction numerators with
  | nil => simp [stepCandidates] at h
  | cons p rest ih =>
    rw [stepCandidates, List.mem_cons, List.mem_cons] at h
    rcases h with rfl | rfl | h
    · exact finite _
    · exact finite _
    · exact ih h

/-- The chosen step is a candidate, strictly better than every candidate before it and at least as good as every one
after it: least squared error, ties to the first. -/
theorem bestStep_spec {S : Scheme} {weights : List Rat} (hm : maxAbs weights ≠ 0) (hn : S.numerators ≠ []) :
    ∃ before after,
      stepCandidates S.numerators S.denominator (maxAbs weights) = before ++ bestStep S weights :: after ∧
      (∀ b ∈ before, squaredError S (stepValue (bestStep S weights)) (pairUp weights) <
        squaredError S (stepValue b) (pairUp weights)) ∧
      (∀ b ∈ after, squaredError S (stepValue (bestStep S weights)) (pairUp weights) ≤
        squaredError S (stepValue b) (pairUp weights)) := by
  rw [bestStep, if_neg hm]
  cases hc : stepCandidates S.numerators S.denominator (maxAbs weights) with
  | nil =>
    cases hs : S.numerators with
    | nil => exact absurd hs hn
    | cons p rest => rw [hs, stepCandidates] at hc; exact absurd hc (by simp)
  | cons b rest => exact firstLeast_spec (fun bits => squaredError S (stepValue bits) (pairUp weights)) b rest

/-- The chosen step is one of the candidates. -/
theorem bestStep_mem {S : Scheme} {weights : List Rat} (hm : maxAbs weights ≠ 0) (hn : S.numerators ≠ []) :
    bestStep S weights ∈ stepCandidates S.numerators S.denominator (maxAbs weights) := by
  obtain ⟨before, after, hsplit, _⟩ := bestStep_spec hm hn
  rw [hsplit]
  exact List.mem_append_right _ List.mem_cons_self

/-- No candidate step has a smaller squared error than the chosen one. -/
theorem squaredError_bestStep_le {S : Scheme} {weights : List Rat} (hm : maxAbs weights ≠ 0) (hn : S.numerators ≠ [])
    {b : Nat} (hb : b ∈ stepCandidates S.numerators S.denominator (maxAbs weights)) :
    squaredError S (stepValue (bestStep S weights)) (pairUp weights) ≤
      squaredError S (stepValue b) (pairUp weights) := by
  obtain ⟨before, after, hsplit, hbefore, hafter⟩ := bestStep_spec hm hn
  rw [hsplit] at hb
  rcases List.mem_append.mp hb with h | h
  · exact Rat.le_of_lt (hbefore b h)
  · rcases List.mem_cons.mp h with rfl | h
    · exact Rat.le_refl
    · exact hafter b h

/-! ### Blocks of zeros and the step 0 -/

/-- With the step 0 every code is 0. -/
theorem encodePair_zero (S : Scheme) (w : Rat × Rat) : encodePair S 0 w = 0 := if_pos rfl

/-- With the step 0 every weight comes back as 0. -/
theorem restorePair_zero (S : Scheme) (w : Rat × Rat) : restorePair S 0 w = (0, 0) := by
  simp [restorePair, dequantize, Rat.zero_mul]

/-- No weight is larger than the block's largest absolute value. -/
theorem abs_le_maxAbs {weights : List Rat} {w : Rat} (h : w ∈ weights) : abs w ≤ maxAbs weights := by
  induction weights with
  | nil => simp at h
  | cons v rest ih =>
    rw [maxAbs]
    rcases List.mem_cons.mp h with rfl | h
    · grind
    · have := ih h
      grind

/-- The largest size is the least bound of all sizes. -/
theorem maxAbs_le_iff {b : Rat} (hb : 0 ≤ b) {ws : List Rat} : maxAbs ws ≤ b ↔ ∀ w ∈ ws, abs w ≤ b := by
  induction ws <;> grind [maxAbs, abs]

example : maxAbs [1, -3, 2] ≤ 3 := (maxAbs_le_iff (by decide)).mpr (by decide +kernel)

/-- A block of zeros has the step 0. -/
theorem bestStep_zero (S : Scheme) {weights : List Rat} (h : ∀ w ∈ weights, w = 0) : bestStep S weights = 0 := by
  have hm : maxAbs weights = 0 := by
    induction weights with
    | nil => rfl
    | cons v rest ih =>
      have hv := h v List.mem_cons_self
      have := ih fun w hw => h w (List.mem_cons_of_mem _ hw)
      grind [maxAbs, abs]
  rw [bestStep, if_pos hm]

/-- A block of zeros comes back without an error. -/
theorem squaredError_zero (S : Scheme) {weights : List Rat} (h : ∀ w ∈ weights, w = 0) :
    squaredError S (stepValue (bestStep S weights)) (pairUp weights) = 0 := by
  have hvalue : stepValue 0 = 0 := by decide +kernel
  rw [bestStep_zero S h, hvalue]
  fun_induction pairUp weights with
  | case1 => rfl
  | case2 w =>
    have := h w (by simp)
    simp only [squaredError, restorePair_zero, pointDistSq]
    grind
  | case3 w v rest ih =>
    have := h w (by simp)
    have := h v (by simp)
    have := ih fun u hu => h u (by simp [hu])
    simp only [squaredError, restorePair_zero, pointDistSq]
    grind

/-! ### What a block comes back as -/

/-- A block's codes, dequantized to the block's true size, are what the block comes back as. -/
theorem dequantizeBlock_encodeBlock (S : Scheme) (d : Rat) (weights : List Rat) :
    dequantizeBlock S.table d weights.length (encodeBlock S d (pairUp weights)) = restoreBlock S d weights := by
  fun_induction pairUp weights with
  | case1 => rfl
  | case2 w => rfl
  | case3 w v rest ih =>
    simp only [List.length_cons, encodeBlock, dequantizeBlock, restoreBlock, restorePair, ih]

/-- Padding keeps the true weights: as many come back as went in. -/
theorem length_restoreBlock (S : Scheme) (d : Rat) (weights : List Rat) :
    (restoreBlock S d weights).length = weights.length := by
  fun_induction pairUp weights with
  | case1 => rfl
  | case2 w => rfl
  | case3 w v rest ih => simp [restoreBlock, ih]

/-- If every pair of a block is off by at most `bound` in each weight, so is every weight that comes back. -/
theorem restoreBlock_error_le {S : Scheme} {d bound : Rat} {weights : List Rat}
    (h : ∀ w ∈ pairUp weights, abs (w.1 - (restorePair S d w).1) ≤ bound ∧ abs (w.2 - (restorePair S d w).2) ≤ bound) :
    ∀ p ∈ weights.zip (restoreBlock S d weights), abs (p.1 - p.2) ≤ bound := by
  fun_induction pairUp weights with
  | case1 => simp
  | case2 w =>
    intro p hp
    simp [restoreBlock] at hp
    subst hp
    exact (h (w, 0) (by simp)).1
  | case3 w v rest ih =>
    intro p hp
    simp only [restoreBlock, List.zip_cons_cons, List.mem_cons] at hp
    rcases hp with rfl | rfl | hp
    · exact (h (w, v) (by simp)).1
    · exact (h (w, v) (by simp)).2
    · exact ih (fun u hu => h u (by simp [hu])) p hp

/-! ### The error bounds of the two schemes -/

/-- The `block` scheme, always: the hi slot is off by at most half a step, the lo slot by at most a step, each plus the
step times the distance to what the slot covers. -/
theorem block_error_le {d : Rat} (hd : d ≠ 0) (w : Rat × Rat) :
    abs (w.1 - (restorePair .block d w).1) ≤ abs d * (1/2 + excess (-17/2) (15/2) (w.1 / d)) ∧
    abs (w.2 - (restorePair .block d w).2) ≤ abs d * (1 + excess (-9) 7 (w.2 / d)) := by
  have h1 := encodeArithmetic_hi_error_le 2 (w.1 / d, w.2 / d)
  have h2 := encodeArithmetic_lo_error_le (loScale := 2) (by decide) (w.1 / d, w.2 / d)
  have e1 : ((2 : Int) : Rat) / 2 = 1 := by decide +kernel
  have e2 : (-9/2 : Rat) * (2 : Int) = -9 := by decide +kernel
  have e3 : (7/2 : Rat) * (2 : Int) = 7 := by decide +kernel
  rw [e1, e2, e3] at h2
  simp only [restorePair, encodePair, if_neg hd, dequantize, Scheme.table, Scheme.encode, blockTable]
  rw [abs_sub_mul hd, abs_sub_mul hd]
  exact ⟨Rat.mul_le_mul_of_nonneg_left h1 (abs_nonneg d), Rat.mul_le_mul_of_nonneg_left h2 (abs_nonneg d)⟩

/-- The `codebook` scheme, always: a pair whose quotient by the step is at most `a` away from a point of the hull is off
by at most `|d| (23.02 + a)` in each weight. -/
theorem codebook_pair_error_le {d a : Rat} (hd : d ≠ 0) (ha : 0 ≤ a) {w q : Rat × Rat} (hq : codebookHull q)
    (hpq : pointDistSq (w.1 / d, w.2 / d) q ≤ a * a) :
    abs (w.1 - (restorePair .codebook d w).1) ≤ abs d * (codebookHullRadius + a) ∧
    abs (w.2 - (restorePair .codebook d w).2) ≤ abs d * (codebookHullRadius + a) := by
  have h := codebook_error_le hd ha hq hpq
  simpa only [restorePair, encodePair, if_neg hd, Scheme.table, Scheme.encode] using h

/-- A block of the `codebook` scheme all of whose pairs lie in the hull at the step `d`: every weight is off by at most
`23.02 |d|`. -/
theorem codebook_block_error_le {d : Rat} (hd : d ≠ 0) {weights : List Rat}
    (h : ∀ w ∈ pairUp weights, codebookHull (w.1 / d, w.2 / d)) :
    ∀ p ∈ weights.zip (restoreBlock .codebook d weights), abs (p.1 - p.2) ≤ abs d * codebookHullRadius := by
  refine restoreBlock_error_le fun w hw => ?_
  have hself : pointDistSq (w.1 / d, w.2 / d) (w.1 / d, w.2 / d) ≤ 0 * 0 := by simp only [pointDistSq]; grind
  have := codebook_pair_error_le hd (a := 0) (by decide) (h w hw) hself
  rwa [Rat.add_zero] at this

/-- The pairs of a block whose weights are all at most `b`, are. -/
theorem abs_le_of_mem_pairUp {b : Rat} (hb : 0 ≤ b) {weights : List Rat} (h : ∀ w ∈ weights, abs w ≤ b) :
    ∀ w ∈ pairUp weights, abs w.1 ≤ b ∧ abs w.2 ≤ b := by
  fun_induction pairUp weights with
  | case1 => simp
  | case2 w =>
    intro p hp
    simp at hp
    subst hp
    exact ⟨h w (by simp), by grind [abs]⟩
  | case3 w v rest ih =>
    intro p hp
    rcases List.mem_cons.mp hp with rfl | hp
    · exact ⟨h w (by simp), h v (by simp)⟩
    · exact ih (fun u hu => h u (by simp [hu])) p hp

/-- A number is at most `b` steps in size exactly when its quotient by the step lies between `-b` and `b`. -/
theorem abs_div_le {d b w : Rat} (hd : d ≠ 0) (h : abs w ≤ b * abs d) : abs (w / d) ≤ b := by
  have hpos : 0 < abs d := by grind [abs]
  have hw : w = d * (w / d) := by grind
  rw [hw, abs_mul] at h
  exact Rat.le_of_mul_le_mul_left (by grind) hpos

/-- A block of the `block` scheme whose weights are at most 7 steps in size: every weight is off by at most one step. -/
theorem block_block_error_le {d : Rat} (hd : d ≠ 0) {weights : List Rat} (h : ∀ w ∈ weights, abs w ≤ 7 * abs d) :
    ∀ p ∈ weights.zip (restoreBlock .block d weights), abs (p.1 - p.2) ≤ abs d := by
  have hd' := abs_nonneg d
  refine restoreBlock_error_le fun w hw => ?_
  have ⟨h1, h2⟩ := abs_le_of_mem_pairUp (by grind) h w hw
  have h1 := abs_le_iff.mp (abs_div_le hd h1)
  have h2 := abs_le_iff.mp (abs_div_le hd h2)
  have ⟨e1, e2⟩ := block_error_le hd w
  rw [excess_eq_zero (by grind) (by grind)] at e1 e2
  constructor <;> grind

/-- Both schemes have candidate steps. -/
theorem numerators_ne_nil (S : Scheme) : S.numerators ≠ [] := by cases S <;> decide

/-! ### The hypotheses can be met -/

example : bestStep .block [1, -3, 2] ∈
    stepCandidates Scheme.block.numerators Scheme.block.denominator (maxAbs [1, -3, 2]) :=
  bestStep_mem (S := .block) (weights := [1, -3, 2]) (by decide +kernel) (by decide)

example : ∀ p ∈ [1, -3, 2].zip (restoreBlock .block (-1/2) [1, -3, 2]), abs (p.1 - p.2) ≤ abs (-1/2) :=
  block_block_error_le (by decide +kernel) (by decide +kernel)

example : ∀ p ∈ [1, -3, 2].zip (restoreBlock .codebook (1/20) [1, -3, 2]), abs (p.1 - p.2) ≤
    abs (1/20) * codebookHullRadius :=
  codebook_block_error_le (by decide +kernel) fun w hw => by
    simp only [pairUp, List.mem_cons, List.not_mem_nil, or_false] at hw
    rcases hw with rfl | rfl <;> (unfold codebookHull; decide +kernel)

example : halfToRat 13312 = some (stepValue 13312) :=
  halfToRat_stepCandidates (numerators := [1]) (denominator := 4) (m := 1) (by decide +kernel)

example : squaredError .block (stepValue (bestStep .block [1, -3, 2])) (pairUp [1, -3, 2]) ≤
    squaredError .block (stepValue (ratToHalf (3 * (20 : Nat) / (256 : Nat)))) (pairUp [1, -3, 2]) :=
  squaredError_bestStep_le (S := .block) (by decide +kernel) (by decide) (by decide +kernel)

example : bestStep .codebook [0, 0, 0] = 0 := bestStep_zero _ (by simp)

example : abs (-3) ≤ maxAbs [1, -3, 2] := abs_le_maxAbs (by simp)
example : squaredError .codebook (stepValue (bestStep .codebook [0, 0, 0])) (pairUp [0, 0, 0]) = 0 :=
  squaredError_zero _ (by simp)
example : abs (20 - (restorePair .block (-2) (20, 1)).1) ≤ abs (-2) * (1/2 + excess (-17/2) (15/2) (20 / (-2))) :=
  (block_error_le (by decide) (20, 1)).1
example : ∀ w ∈ pairUp [1, -3, 2], abs w.1 ≤ 3 ∧ abs w.2 ≤ 3 := abs_le_of_mem_pairUp (by decide) (by decide +kernel)
example : abs (5 / (-2)) ≤ 3 := abs_div_le (d := -2) (by decide) (by decide +kernel)
example : ∀ p ∈ [1, -3].zip (restoreBlock .block 1 [1, -3]), abs (p.1 - p.2) ≤ 1 :=
  restoreBlock_error_le (S := .block) (d := 1) (by decide +kernel)
example : abs (60 - (restorePair .codebook (-1/2) (60, 2)).1) ≤ abs (-1/2) * (codebookHullRadius + 7) :=
  (codebook_pair_error_le (d := -1/2) (a := 7) (w := (60, 2)) (q := (-126, -5)) (by decide +kernel) (by decide)
    (by unfold codebookHull; decide +kernel) (by decide +kernel)).1
example : ∃ before after, stepCandidates Scheme.block.numerators Scheme.block.denominator (maxAbs [1, -3, 2]) =
    before ++ bestStep .block [1, -3, 2] :: after :=
  let ⟨before, after, h, _⟩ := bestStep_spec (S := .block) (weights := [1, -3, 2]) (by decide +kernel) (by decide)
  ⟨before, after, h⟩

end Q35
