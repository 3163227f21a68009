module

@[expose] public section

/-! List functions that every Lean compiler can see.

The embedded toolchain carries the core library without the bodies of its compiled list functions, so a definition that
calls `List.length` does not compile there. These give the compiler the same functions with bodies of our own;
statements and proofs keep the library's. -/

namespace Q35.Compile

/-- `List.foldr`, by recursion. -/
@[specialize] def foldr {α : Type u} {β : Type v} (f : α → β → β) (last : β) : List α → β
  | [] => last
  | x :: xs => f x (foldr f last xs)

/-- `List.length`, as a fold. -/
@[inline] def length {α : Type u} (xs : List α) : Nat := foldr (fun _ n => n + 1) 0 xs

/-- `List.map`, by recursion. -/
@[specialize] def map {α : Type u} {β : Type v} (f : α → β) : List α → List β
  | [] => []
  | x :: xs => f x :: map f xs

/-- `List.foldr` is compiled as this fold. -/
@[csimp] theorem foldr_eq : @List.foldr = @foldr := by
  funext α β f last xs
  induction xs with
  | nil => rfl
  | cons x xs ih => simp [foldr, ih]

/-- `List.length` is compiled as this count. -/
@[csimp] theorem length_eq : @List.length = @length := by
  funext α xs
  induction xs with
  | nil => rfl
  | cons x xs ih => simp_all [length, foldr]

/-- `List.map` is compiled as this map. -/
@[csimp] theorem map_eq : @List.map = @map := by
  funext α β f xs
  induction xs with
  | nil => rfl
  | cons x xs ih => simp [map, ih]

end Q35.Compile
