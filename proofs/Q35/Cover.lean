module

public import Q35.Table

@[expose] public section

/-! A checker of covering radii. A tree cuts a box again and again in two; each leaf names an entry of the table,
and the checker verifies that the leaf's whole box lies within the radius of that entry, or else that it lies outside
the region. Its answer `true` is a proof. Boxes have integer corners, in units of `1 / scale`, so that the kernel checks
a large tree in seconds. -/

namespace Q35

/-- Entries in the order of their codes, halved again and again: found in few steps by the kernel and by programs. -/
inductive EntryTree where
  | entry (a b : Int)
  | halves (low high : EntryTree)

/-- The entry number `i` of a tree whose lower half holds `half` entries. -/
def EntryTree.find : EntryTree → (half i : Nat) → Int × Int
  | .entry a b, _, _ => (a, b)
  | .halves low high, half, i => if i < half then low.find (half / 2) i else high.find (half / 2) (i - half)

/-- The half plane of the points with `a * x + b * y ≤ c`. -/
structure HalfPlane where
  a : Int
  b : Int
  c : Int
  deriving DecidableEq

/-- A point of the half plane. -/
def HalfPlane.Holds (h : HalfPlane) (p : Rat × Rat) : Prop := h.a * p.1 + h.b * p.2 ≤ h.c

/-- The points that lie in all of the half planes: a convex polygon. -/
def Polygon (sides : List HalfPlane) (p : Rat × Rat) : Prop := ∀ h ∈ sides, h.Holds p

/-- A box with integer corners, in units of `1 / scale`. -/
structure Box where
  left : Int
  right : Int
  bottom : Int
  top : Int
  deriving DecidableEq

/-- The box, in units of `1 / scale`, holds the point. -/
def Box.Holds (B : Box) (scale : Int) (p : Rat × Rat) : Prop :=
  (B.left ≤ scale * p.1 ∧ scale * p.1 ≤ B.right) ∧ (B.bottom ≤ scale * p.2 ∧ scale * p.2 ≤ B.top)

/-- How a box is cut up: `near c`, all of it is near the entry of the code `c`; `outside i`, all of it is outside side
`i` of the polygon; `cutX m`, `cutY m`, cut at `m` into two parts (left and right, bottom and top) with a tree each. -/
inductive CoverTree where
  | near (c : Nat)
  | outside (i : Nat)
  | cutX (m : Int) (l r : CoverTree)
  | cutY (m : Int) (b t : CoverTree)

/-- The greater distance from `e` to an end of the interval from `low` to `high`. -/
def farEnd (low high e : Int) : Int := if high - e ≤ e - low then e - low else high - e

/-- The farthest corner of the box from the entry `e` is within the radius whose square is `rSq`, in units of
`1 / scale`. -/
def Box.within (B : Box) (scale rSq : Int) (e : Int × Int) : Bool :=
  let x := farEnd B.left B.right (scale * e.1)
  let y := farEnd B.bottom B.top (scale * e.2)
  x * x + y * y ≤ rSq

/-- Every corner of the box is outside the half plane. -/
def Box.isOutside (B : Box) (scale : Int) (h : HalfPlane) : Bool :=
  let x := if 0 ≤ h.a then B.left else B.right
  let y := if 0 ≤ h.b then B.bottom else B.top
  scale * h.c < h.a * x + h.b * y

/-- Side `i` of the polygon. -/
def sideAt : List HalfPlane → Nat → Option HalfPlane
  | [], _ => none
  | h :: _, 0 => some h
  | _ :: rest, i + 1 => sideAt rest i

/-- Each box that the tree cuts out is near the entry that its leaf names, or outside the side that its leaf names. -/
def coverCheck {n : Nat} (T : Table n) (sides : List HalfPlane) (scale rSq : Int) : CoverTree → Box → Bool
  | .near c, B => if h : c < n then B.within scale rSq (T ⟨c, h⟩) else false
  | .outside i, B =>
    match sideAt sides i with
    | some h => B.isOutside scale h
    | none => false
  | .cutX m l r, ⟨left, right, bottom, top⟩ =>
    coverCheck T sides scale rSq l ⟨left, m, bottom, top⟩ && coverCheck T sides scale rSq r ⟨m, right, bottom, top⟩
  | .cutY m b t, ⟨left, right, bottom, top⟩ =>
    coverCheck T sides scale rSq b ⟨left, right, bottom, m⟩ && coverCheck T sides scale rSq t ⟨left, right, m, top⟩

/-- A side found by its number is a side of the polygon. -/
theorem sideAt_mem {sides : List HalfPlane} {i : Nat} {h : HalfPlane} (hi : sideAt sides i = some h) : h ∈ sides := by
  induction sides generalizing i with
  | nil => simp [sideAt] at hi
  | cons side rest ih =>
    cases i with
    | zero => simp [sideAt] at hi; simp [hi]
    | succ i => exact List.mem_cons_of_mem _ (ih hi)

/-- A number of the interval is no farther from `e` than the farther end. -/
theorem abs_sub_le_farEnd {low high e : Int} {x : Rat} (hl : (low : Rat) ≤ x) (hh : x ≤ high) :
    abs (x - e) ≤ farEnd low high e := by
  unfold farEnd
  split
  case isTrue h =>
    have h := Rat.intCast_le_intCast.mpr h
    rw [Rat.intCast_sub, Rat.intCast_sub] at h
    rw [Rat.intCast_sub]
    grind [abs]
  case isFalse h =>
    have h := Rat.intCast_le_intCast.mpr (show e - low ≤ high - e by omega)
    rw [Rat.intCast_sub, Rat.intCast_sub] at h
    rw [Rat.intCast_sub]
    grind [abs]

/-- The checker's test of a box is sound: every point of the box is within the radius of the entry. -/
theorem Box.within_sound {B : Box} {scale rSq : Int} {e : Int × Int} (h : B.within scale rSq e = true) {p : Rat × Rat}
    (hp : B.Holds scale p) : scale * scale * distSq p e ≤ rSq := by
  have hx := abs_sub_le_farEnd (e := scale * e.1) hp.1.1 hp.1.2
  have hy := abs_sub_le_farEnd (e := scale * e.2) hp.2.1 hp.2.2
  have hx := mul_self_le_mul_self hx
  have hy := mul_self_le_mul_self hy
  have h := Rat.intCast_le_intCast.mpr (of_decide_eq_true h)
  simp only [Rat.intCast_add, Rat.intCast_mul] at h hx hy
  simp only [distSq]
  grind

/-- Of an interval's points, the end named by the sign of `a` makes `a` times it least. -/
theorem mul_end_le {low high a : Int} {x : Rat} (hl : (low : Rat) ≤ x) (hh : x ≤ high) :
    (a : Rat) * (if 0 ≤ a then low else high : Int) ≤ a * x := by
  split
  case isTrue h =>
    exact Rat.mul_le_mul_of_nonneg_left hl (Rat.intCast_nonneg.mpr h)
  case isFalse h =>
    have h : (0 : Rat) ≤ ((-a : Int) : Rat) := Rat.intCast_nonneg.mpr (by omega)
    have := Rat.mul_le_mul_of_nonneg_left hh h
    rw [Rat.intCast_neg] at this
    grind

/-- The checker's other test is sound: no point of the box lies in the half plane. -/
theorem Box.isOutside_sound {B : Box} {scale : Int} (hscale : 0 < scale) {h : HalfPlane}
    (hout : B.isOutside scale h = true) {p : Rat × Rat} (hp : B.Holds scale p) : ¬ h.Holds p := by
  have hout := Rat.intCast_lt_intCast.mpr (of_decide_eq_true hout)
  have hscale : (0 : Rat) < scale := Rat.intCast_lt_intCast.mpr hscale
  have hx := mul_end_le (a := h.a) hp.1.1 hp.1.2
  have hy := mul_end_le (a := h.b) hp.2.1 hp.2.2
  simp only [Rat.intCast_add, Rat.intCast_mul] at hout
  intro hin
  have := Rat.mul_le_mul_of_nonneg_left hin (Rat.le_of_lt hscale)
  grind

/-- If the checker answers `true`, every point that lies in the box and in the polygon is within the radius of an
entry. -/
theorem coverCheck_sound {n : Nat} {T : Table n} {sides : List HalfPlane} {scale rSq : Int} (hscale : 0 < scale)
    {tree : CoverTree} {B : Box} (h : coverCheck T sides scale rSq tree B = true) {p : Rat × Rat}
    (hB : B.Holds scale p) (hp : Polygon sides p) : ∃ c, scale * scale * distSq p (T c) ≤ rSq := by
  induction tree generalizing B with
  | near c =>
    rw [coverCheck] at h
    split at h
    case isTrue hc => exact ⟨⟨c, hc⟩, Box.within_sound h hB⟩
    case isFalse => exact absurd h (by decide)
  | outside i =>
    rw [coverCheck] at h
    split at h
    case h_1 side hside => exact absurd (hp side (sideAt_mem hside)) (Box.isOutside_sound hscale h hB)
    case h_2 => exact absurd h (by decide)
  | cutX m l r ihl ihr =>
    rw [coverCheck, Bool.and_eq_true] at h
    rcases Rat.le_total (a := scale * p.1) (b := m) with hm | hm
    · exact ihl h.1 ⟨⟨hB.1.1, hm⟩, hB.2⟩
    · exact ihr h.2 ⟨⟨hm, hB.1.2⟩, hB.2⟩
  | cutY m b t ihb iht =>
    rw [coverCheck, Bool.and_eq_true] at h
    rcases Rat.le_total (a := scale * p.2) (b := m) with hm | hm
    · exact ihb h.1 ⟨hB.1, hB.2.1, hm⟩
    · exact iht h.2 ⟨hB.1, hm, hB.2.2⟩

/-- The box, given in whole units, in units of `1 / scale`. -/
def Box.scaledBy (B : Box) (scale : Int) : Box := ⟨scale * B.left, scale * B.right, scale * B.bottom, scale * B.top⟩

/-- A point of the box lies in the scaled box. -/
theorem Box.holds_scaledBy {B : Box} {p : Rat × Rat} (h : B.Holds 1 p) {scale : Int} (hscale : 0 < scale) :
    (B.scaledBy scale).Holds scale p := by
  have hscale : (0 : Rat) ≤ scale := Rat.intCast_nonneg.mpr (Int.le_of_lt hscale)
  have ⟨⟨hl, hr⟩, ⟨hb, ht⟩⟩ := h
  have := Rat.mul_le_mul_of_nonneg_left hl hscale
  have := Rat.mul_le_mul_of_nonneg_left hr hscale
  have := Rat.mul_le_mul_of_nonneg_left hb hscale
  have := Rat.mul_le_mul_of_nonneg_left ht hscale
  simp only [Box.Holds, Box.scaledBy, Rat.intCast_mul] at *
  exact ⟨⟨by grind, by grind⟩, ⟨by grind, by grind⟩⟩

/-- The points of a box that lie in a polygon. -/
def InRegion (B : Box) (sides : List HalfPlane) (p : Rat × Rat) : Prop := B.Holds 1 p ∧ Polygon sides p

instance (h : HalfPlane) (p : Rat × Rat) : Decidable (h.Holds p) := inferInstanceAs (Decidable (_ ≤ _))
instance decidablePolygon (p : Rat × Rat) : (sides : List HalfPlane) → Decidable (Polygon sides p)
  | [] => .isTrue fun _ h => absurd h List.not_mem_nil
  | h :: rest =>
    have : Decidable (Polygon rest p) := decidablePolygon p rest
    decidable_of_iff (h.Holds p ∧ Polygon rest p) (by simp [Polygon])
instance (B : Box) (scale : Int) (p : Rat × Rat) : Decidable (B.Holds scale p) := inferInstanceAs (Decidable (_ ∧ _))
instance (B : Box) (sides : List HalfPlane) (p : Rat × Rat) : Decidable (InRegion B sides p) :=
  inferInstanceAs (Decidable (_ ∧ _))

/-- A table covers a region with the radius `r` if the checker, in units of `1 / scale`, says so. -/
theorem covers_of_coverCheck {n : Nat} {T : Table n} {sides : List HalfPlane} {scale rSq : Int} {tree : CoverTree}
    {B : Box} {r : Rat} (hscale : 0 < scale) (hr : rSq ≤ scale * scale * (r * r))
    (h : coverCheck T sides scale rSq tree (B.scaledBy scale) = true) : Covers T (InRegion B sides) r := by
  intro p ⟨hB, hp⟩
  obtain ⟨c, hc⟩ := coverCheck_sound hscale h (Box.holds_scaledBy hB hscale) hp
  have hscale : (0 : Rat) < scale := Rat.intCast_lt_intCast.mpr hscale
  exact ⟨c, Rat.le_of_mul_le_mul_left (Rat.le_trans hc hr) (Rat.mul_pos hscale hscale)⟩

/-- Two entries and a box of 4 by 2: each half of the box lies within the radius 3/2 of its entry. -/
example : Covers (fun c : Fin 2 => (2 * c.val - 1, 0)) (InRegion ⟨-2, 2, -1, 1⟩ []) (3/2) :=
  covers_of_coverCheck (scale := 2) (rSq := 9) (tree := .cutX 0 (.near 0) (.near 1)) (by decide) (by decide +kernel)
    (by decide +kernel)

/-! ### The hypotheses can be met -/

example : (⟨1, 1, 2⟩ : HalfPlane) ∈ [⟨1, 1, 2⟩] := sideAt_mem (i := 0) rfl
example : abs ((1/2 : Rat) - (3 : Int)) ≤ farEnd 0 1 3 := abs_sub_le_farEnd (by decide +kernel) (by decide +kernel)
example : (1 : Int) * (1 : Int) * distSq (1/2, 1/2) (0, 0) ≤ (2 : Int) :=
  Box.within_sound (B := ⟨0, 1, 0, 1⟩) (by decide) (by decide +kernel)
example : ((-2 : Int) : Rat) * (if 0 ≤ (-2 : Int) then 0 else 1 : Int) ≤ (-2 : Int) * (1/2 : Rat) :=
  mul_end_le (by decide +kernel) (by decide +kernel)
example : ¬ (⟨1, 0, 1⟩ : HalfPlane).Holds (5/2, 0) :=
  Box.isOutside_sound (B := ⟨2, 3, 0, 1⟩) (scale := 1) (by decide) (by decide) (by decide +kernel)
example : (Box.scaledBy ⟨0, 1, 0, 1⟩ 8).Holds 8 (1/2, 1/2) :=
  Box.holds_scaledBy (B := ⟨0, 1, 0, 1⟩) (by decide +kernel) (by decide)
example : ∃ c, (1 : Int) * (1 : Int) * distSq (1/2, 1/2) ((fun _ : Fin 1 => (0, 0)) c) ≤ (2 : Int) :=
  coverCheck_sound (sides := []) (tree := .near 0) (B := ⟨0, 1, 0, 1⟩) (by decide) (by decide +kernel)
    (by decide +kernel) (by decide +kernel)

end Q35
