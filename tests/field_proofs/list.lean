/-! Rows of codes and activations as lists: parts, pairs, and what is done to each element. -/

/-- The first elements of a list that is long enough. -/
theorem field_list_1 {α : Type} (xs : List α) (n : Nat) (h : n ≤ xs.length) : (xs.take n).length = n := by
  grind

/-- A row cut in two and put together. -/
theorem field_list_2 {α : Type} (xs : List α) (n : Nat) : xs.take n ++ xs.drop n = xs := by
  simp

/-- What is done to each element may be done to the first ones only. -/
theorem field_list_3 {α β : Type} (f : α → β) (xs : List α) (n : Nat) : (xs.map f).take n = (xs.take n).map f := by
  simp

/-- A checked list has a checked element at each place. -/
theorem field_list_4 (xs : List Nat) (h : xs.all (· < 128)) (i : Nat) (hi : i < xs.length) : xs[i] < 128 := by
  rw [List.all_eq_true] at h
  exact of_decide_eq_true (h _ (List.getElem_mem hi))

/-- Pairs of slots are joined and split again. -/
theorem field_list_5 (ps : List (Nat × Nat)) (h : ∀ p ∈ ps, p.2 < 8) :
    (ps.map fun p => p.1 * 8 + p.2).map (fun n => (n / 8, n % 8)) = ps := by
  induction ps with
  | nil => rfl
  | cons p ps ih =>
    have := h p (by simp)
    have hp : ((p.1 * 8 + p.2) / 8, (p.1 * 8 + p.2) % 8) = p := Prod.ext (by omega) (by omega)
    simp only [List.map_cons, hp, ih fun q hq => h q (by simp [hq])]

/-- A table of `n` entries. -/
theorem field_list_6 (f : Nat → Int) (n : Nat) : ((List.range n).map f).length = n := by
  simp

/-- The element `i` of a row is the element `i % b` of its block. -/
theorem field_list_7 {α : Type} (xs : List α) (i b : Nat) : (xs.drop (i / b * b))[i % b]? = xs[i]? := by
  rw [List.getElem?_drop, Nat.div_add_mod']

/-- Every bit is set or not. -/
theorem field_list_8 (bs : List Bool) : bs.count true + bs.count false = bs.length := by
  induction bs with
  | nil => rfl
  | cons b bs ih => cases b <;> simp <;> omega

/-- Two lists beside each other, taken apart. -/
theorem field_list_9 {α β : Type} (xs : List α) (ys : List β) (h : xs.length = ys.length) :
    (xs.zip ys).map Prod.fst = xs := by
  induction xs generalizing ys with
  | nil => rfl
  | cons x xs ih => cases ys <;> simp_all

/-- A function with an inverse loses nothing. -/
theorem field_list_10 {α β : Type} (f : α → β) (g : β → α) (h : ∀ x, g (f x) = x) (xs : List α) :
    (xs.map f).map g = xs := by
  rw [List.map_map]
  induction xs <;> simp_all

/-- A block of a row is at most as long as the row's rest. -/
theorem field_list_11 {α : Type} (xs : List α) (i b : Nat) :
    ((xs.drop (i * b)).take b).length = min b (xs.length - i * b) := by
  simp

/-- Two lists that agree at every place are the same. -/
theorem field_list_12 (xs ys : List Int) (hi : ∀ i : Nat, xs[i]? = ys[i]?) : xs = ys := by
  exact List.ext_getElem? hi

/-- Padding up to a length. -/
theorem field_list_13 (xs : List Nat) (n : Nat) (h : xs.length ≤ n) :
    (xs ++ List.replicate (n - xs.length) 0).length = n := by
  simp
  omega

/-- The last of the padded elements is zero. -/
theorem field_list_14 (xs : List Nat) (n i : Nat) (h : xs.length ≤ i) : (xs ++ List.replicate n 0)[i]?.getD 0 = 0 := by
  rw [List.getElem?_append_right h, List.getElem?_replicate]
  split <;> rfl

/-- A list of codes read from the end and again from the end. -/
theorem field_list_15 (f : Nat → Nat) (xs : List Nat) : (xs.reverse.map f).reverse = xs.map f := by
  simp

/-- As many elements pass a test as do not fail it. -/
theorem field_list_16 (p : Nat → Bool) (xs : List Nat) :
    (xs.filter p).length + (xs.filter fun x => !p x).length = xs.length := by
  induction xs with
  | nil => rfl
  | cons x xs ih => cases h : p x <;> simp [h] <;> omega
