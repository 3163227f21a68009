module

public import Q35.Table

@[expose] public section

/-! A checker of covering radii. A tree cuts a box again and again into halves; each leaf names an entry of the table,
and the checker verifies that the leaf's whole box lies within the radius of that entry, or else that it lies outside
the region. Its answer `true` is a proof. Boxes have integer corners, in units of `1 / scale`, so that the kernel checks
a large tree in seconds. -/

namespace Q35

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
`i` of the polygon; `cutX`, `cutY`, two halves (left and right, bottom and top) with a tree each. -/
inductive CoverTree where
  | near (c : Nat)
  | outside (i : Nat)
  | cutX (l r : CoverTree)
  | cutY (b t : CoverTree)

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
  | .cutX l r, B =>
    let middle := (B.left + B.right) / 2
    coverCheck T sides scale rSq l { B with right := middle } && coverCheck T sides scale rSq r { B with left := middle }
  | .cutY b t, B =>
    let middle := (B.bottom + B.top) / 2
    coverCheck T sides scale rSq b { B with top := middle } && coverCheck T sides scale rSq t { B with bottom := middle }

/-- A number of the interval is no farther from `e` than the farther end. -/
theorem abs_sub_le_farEnd {low high e : Int} {x : Rat} (hl : (low : Rat) ≤ x) (hh : x ≤ high) :
    abs (x - e) ≤ farEnd low high e := by
  unfold farEnd
  split
  · sorry
  · sorry

end Q35
