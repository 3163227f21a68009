module

public import Q35.Arith

@[expose] public section

/-! Rounding to the nearest integer, ties to the even one: the only rounding that the formats use. -/

namespace Q35

/-- The integer nearest to `x`; a tie goes to the even one (IEEE 754 `rint`, `numpy.round`). -/
def roundHalfEven (x : Rat) : Int :=
  let below := x.floor
  let excess := x - below
  if excess < 1/2 then below
  else if 1/2 < excess then below + 1
  else if below % 2 = 0 then below else below + 1

/-- What rounding does, in terms of the integer part: stay, or go one up. -/
theorem roundHalfEven_cases (x : Rat) :
    (roundHalfEven x = x.floor ∧ (x - x.floor < 1/2 ∨ x - x.floor = 1/2 ∧ x.floor % 2 = 0)) ∨
    (roundHalfEven x = x.floor + 1 ∧ (1/2 < x - x.floor ∨ x - x.floor = 1/2 ∧ x.floor % 2 = 1)) := by
  grind [roundHalfEven]

/-- Integers closer than 1 to each other are equal. -/
theorem intCast_eq_of_close {m n : Int} (h₁ : (m : Rat) < n + 1) (h₂ : (n : Rat) < m + 1) : m = n := by
  have h₁' : m < n + 1 := by rw [← Rat.intCast_lt_intCast]; grind
  have h₂' : n < m + 1 := by rw [← Rat.intCast_lt_intCast]; grind
  omega

example : (3 : Int) = 3 := intCast_eq_of_close (by decide +kernel) (by decide +kernel)

/-- Rounding half to even is characterised by two facts: it is within one half, and at a tie it is even. -/
theorem roundHalfEven_spec (x : Rat) :
    abs (x - roundHalfEven x) ≤ 1/2 ∧ (abs (x - roundHalfEven x) = 1/2 → roundHalfEven x % 2 = 0) := by
  have hle := Rat.floor_le x
  have hlt := Rat.lt_floor_add_one x
  rw [Rat.intCast_add] at hlt
  rcases roundHalfEven_cases x with ⟨h, hlow | ⟨htie, heven⟩⟩ | ⟨h, hhigh | ⟨htie, hodd⟩⟩ <;> rw [h]
  · have : abs (x - x.floor) < 1/2 := by grind [abs]
    exact ⟨by grind, fun htie => by grind⟩
  · exact ⟨by grind [abs], fun _ => heven⟩
  · rw [Rat.intCast_add]
    have : abs (x - (x.floor + (1 : Int))) < 1/2 := by grind [abs]
    exact ⟨by grind, fun htie => by grind⟩
  · rw [Rat.intCast_add]
    exact ⟨by grind [abs], fun _ => by omega⟩

/-- Rounding moves a number by at most one half. -/
theorem abs_sub_roundHalfEven_le (x : Rat) : abs (x - roundHalfEven x) ≤ 1/2 := (roundHalfEven_spec x).1

/-- At a tie the rounded integer is the even one. -/
theorem roundHalfEven_even_of_tie {x : Rat} (h : abs (x - roundHalfEven x) = 1/2) : roundHalfEven x % 2 = 0 :=
  (roundHalfEven_spec x).2 h

example : roundHalfEven (5/2) % 2 = 0 := roundHalfEven_even_of_tie (by decide +kernel)

/-- Two integers within one half of `x` are the neighbours that it lies midway between. -/
private theorem tie_of_lt {x : Rat} {m n : Int} (hm : abs (x - m) ≤ 1/2) (hn : abs (x - n) ≤ 1/2) (h : m < n) :
    n = m + 1 ∧ abs (x - m) = 1/2 ∧ abs (x - n) = 1/2 := by
  have hm := (abs_le_iff.1 hm).2
  have hn := (abs_le_iff.1 hn).1
  have hgap : ((m + 1 : Int) : Rat) ≤ n := Rat.intCast_le_intCast.2 h
  rw [Rat.intCast_add] at hgap
  have hx : x - m = 1/2 := by grind
  have hx' : x - n = -(1/2) := by grind
  have hnext : n = m + 1 := intCast_eq_of_close (by rw [Rat.intCast_add]; grind) (by rw [Rat.intCast_add]; grind)
  exact ⟨hnext, by rw [hx]; decide +kernel, by rw [hx']; decide +kernel⟩

/-- An integer within one half of `x`, and even if `x` is a tie, is what `x` rounds to; and nothing else is. -/
theorem roundHalfEven_eq_iff {x : Rat} {n : Int} :
    roundHalfEven x = n ↔ abs (x - n) ≤ 1/2 ∧ (abs (x - n) = 1/2 → n % 2 = 0) := by
  have ⟨hr, hreven⟩ := roundHalfEven_spec x
  constructor
  · rintro rfl
    exact ⟨hr, hreven⟩
  · rintro ⟨hn, hneven⟩
    -- else both are one half away, on different sides: two even neighbours, which is impossible
    rcases Int.lt_trichotomy (roundHalfEven x) n with h | h | h
    · obtain ⟨hnext, htie, htie'⟩ := tie_of_lt hr hn h
      have := hreven htie
      have := hneven htie'
      omega
    · exact h
    · obtain ⟨hnext, htie, htie'⟩ := tie_of_lt hn hr h
      have := hneven htie
      have := hreven htie'
      omega

/-- No integer is nearer to `x` than the one it rounds to. -/
theorem roundHalfEven_nearest (x : Rat) (n : Int) : abs (x - roundHalfEven x) ≤ abs (x - n) := by
  have hr := abs_sub_roundHalfEven_le x
  rcases Rat.le_total (a := 1/2) (b := abs (x - n)) with hfar | hn
  · exact Rat.le_trans hr hfar
  · rcases Int.lt_trichotomy (roundHalfEven x) n with h | h | h
    · rw [(tie_of_lt hr hn h).2.2]; exact hr
    · rw [h]; exact Rat.le_refl
    · rw [(tie_of_lt hn hr h).2.1]; exact hr

/-- An integer rounds to itself. -/
theorem roundHalfEven_intCast (n : Int) : roundHalfEven n = n := by
  rw [roundHalfEven_eq_iff]
  grind [abs]

/-- Rounding keeps the order. -/
theorem roundHalfEven_mono {x y : Rat} (h : x ≤ y) : roundHalfEven x ≤ roundHalfEven y := by
  have hx := abs_le_iff.mp (abs_sub_roundHalfEven_le x)
  have hy := abs_le_iff.mp (abs_sub_roundHalfEven_le y)
  by_cases hlt : roundHalfEven y < roundHalfEven x
  · have hgap : ((roundHalfEven y + 1 : Int) : Rat) ≤ roundHalfEven x := Rat.intCast_le_intCast.mpr hlt
    rw [Rat.intCast_add] at hgap
    have hxy : x = y := by grind
    exact Int.le_of_eq (congrArg roundHalfEven hxy)
  · omega

example : roundHalfEven (1/2) ≤ roundHalfEven (3/2) := roundHalfEven_mono (by decide +kernel)

/-- Rounding commutes with the change of sign. -/
theorem roundHalfEven_neg (x : Rat) : roundHalfEven (-x) = -roundHalfEven x := by
  have ⟨hx, hxeven⟩ := roundHalfEven_spec x
  have hflip : abs (-x - ((-roundHalfEven x : Int) : Rat)) = abs (x - roundHalfEven x) := by
    rw [Rat.intCast_neg, ← abs_neg]
    congr 1
    grind
  rw [roundHalfEven_eq_iff, hflip]
  exact ⟨hx, fun h => by have := hxeven h; omega⟩

end Q35
