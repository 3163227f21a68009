module

public import Q35.Tiled

@[expose] public section

/-! Elements of six bits in the tiled layout: four of them in three bytes. Each of the first three has the lower bits of
a byte of its own; bits 6 and 7 of the three bytes are the fourth. -/

namespace Q35

/-- Byte `v` of the three that four elements take: element `v`, and above it bits `2 v` and `2 v + 1` of element 3. -/
def foldFour (elements : Nat → Nat) (v : Nat) : Nat := elements v + 64 * (elements 3 / 4 ^ v % 4)

/-- Element `v` of the four that three bytes hold. -/
def unfoldFour (bytes : Nat → Nat) (v : Nat) : Nat :=
  if v < 3 then bytes v % 64 else bytes 0 / 64 + 4 * (bytes 1 / 64) + 16 * (bytes 2 / 64)

/-- The four elements are read back from their bytes. -/
theorem unfoldFour_foldFour {elements : Nat → Nat} (h : ∀ k < 4, elements k < 64) {v : Nat} (hv : v < 4) :
    unfoldFour (foldFour elements) v = elements v := by
  have := h v hv
  simp only [unfoldFour, foldFour]
  split
  · omega
  · obtain rfl : v = 3 := by omega
    have hupper (k : Nat) (hk : k < 4) (b : Nat) : (elements k + 64 * b) / 64 = b := by have := h k hk; omega
    rw [hupper 0 (by decide), hupper 1 (by decide), hupper 2 (by decide)]
    omega

/-- No bit is wasted: any three bytes are those of the four elements that are read from them. -/
theorem foldFour_unfoldFour {bytes : Nat → Nat} (h : ∀ k < 3, bytes k < 256) {v : Nat} (hv : v < 3) :
    foldFour (unfoldFour bytes) v = bytes v := by
  have h0 := h 0 (by decide); have h1 := h 1 (by decide); have h2 := h 2 (by decide)
  simp only [unfoldFour, foldFour, if_pos hv, Nat.lt_irrefl, if_false]
  obtain rfl | rfl | rfl : v = 0 ∨ v = 1 ∨ v = 2 := by omega
  all_goals omega

/-- Four elements of six bits make bytes. -/
theorem foldFour_lt {elements : Nat → Nat} {v : Nat} (h : elements v < 64) : foldFour elements v < 256 := by
  simp only [foldFour]; omega

/-- Three bytes hold elements of six bits. -/
theorem unfoldFour_lt {bytes : Nat → Nat} (h : ∀ k < 3, bytes k < 256) (v : Nat) : unfoldFour bytes v < 64 := by
  have h0 := h 0 (by decide); have h1 := h 1 (by decide); have h2 := h 2 (by decide)
  simp only [unfoldFour]
  split <;> omega

/-! ### The hypotheses can be met -/

example : unfoldFour (foldFour fun k => 21 * k) 3 = 63 :=
  unfoldFour_foldFour (elements := fun k => 21 * k) (fun k h => show 21 * k < 64 by omega) (v := 3) (by decide)
example : foldFour (unfoldFour fun k => 100 * k) 2 = 200 :=
  foldFour_unfoldFour (bytes := fun k => 100 * k) (fun k h => show 100 * k < 256 by omega) (v := 2) (by decide)
example : foldFour (fun k => 21 * k) 2 < 256 := foldFour_lt (elements := fun k => 21 * k) (v := 2) (by decide)
example : unfoldFour (fun k => 100 * k) 3 < 64 :=
  unfoldFour_lt (bytes := fun k => 100 * k) (fun k h => show 100 * k < 256 by omega) 3

end Q35
