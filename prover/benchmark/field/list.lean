/-! Rows of codes and activations as lists: parts, pairs, and what is done to each element. -/

/-- The first elements of a list that is long enough. -/
theorem field_list_1 {α : Type} (xs : List α) (n : Nat) (h : n ≤ xs.length) : (xs.take n).length = n := by
  sorry

/-- A row cut in two and put together. -/
theorem field_list_2 {α : Type} (xs : List α) (n : Nat) : xs.take n ++ xs.drop n = xs := by
  sorry

/-- What is done to each element may be done to the first ones only. -/
theorem field_list_3 {α β : Type} (f : α → β) (xs : List α) (n : Nat) : (xs.map f).take n = (xs.take n).map f := by
  sorry

/-- A checked list has a checked element at each place. -/
theorem field_list_4 (xs : List Nat) (h : xs.all (· < 128)) (i : Nat) (hi : i < xs.length) : xs[i] < 128 := by
  sorry

/-- Pairs of slots are joined and split again. -/
theorem field_list_5 (ps : List (Nat × Nat)) (h : ∀ p ∈ ps, p.2 < 8) :
    (ps.map fun p => p.1 * 8 + p.2).map (fun n => (n / 8, n % 8)) = ps := by
  sorry

/-- A table of `n` entries. -/
theorem field_list_6 (f : Nat → Int) (n : Nat) : ((List.range n).map f).length = n := by
  sorry

/-- The element `i` of a row is the element `i % b` of its block. -/
theorem field_list_7 {α : Type} (xs : List α) (i b : Nat) : (xs.drop (i / b * b))[i % b]? = xs[i]? := by
  sorry

/-- Every bit is set or not. -/
theorem field_list_8 (bs : List Bool) : bs.count true + bs.count false = bs.length := by
  sorry

/-- Two lists beside each other, taken apart. -/
theorem field_list_9 {α β : Type} (xs : List α) (ys : List β) (h : xs.length = ys.length) :
    (xs.zip ys).map Prod.fst = xs := by
  sorry

/-- A function with an inverse loses nothing. -/
theorem field_list_10 {α β : Type} (f : α → β) (g : β → α) (h : ∀ x, g (f x) = x) (xs : List α) :
    (xs.map f).map g = xs := by
  sorry

/-- A block of a row is at most as long as the row's rest. -/
theorem field_list_11 {α : Type} (xs : List α) (i b : Nat) :
    ((xs.drop (i * b)).take b).length = min b (xs.length - i * b) := by
  sorry

/-- Two lists that agree at every place are the same. -/
theorem field_list_12 (xs ys : List Int) (hi : ∀ i : Nat, xs[i]? = ys[i]?) : xs = ys := by
  sorry

/-- Padding up to a length. -/
theorem field_list_13 (xs : List Nat) (n : Nat) (h : xs.length ≤ n) :
    (xs ++ List.replicate (n - xs.length) 0).length = n := by
  sorry

/-- The last of the padded elements is zero. -/
theorem field_list_14 (xs : List Nat) (n i : Nat) (h : xs.length ≤ i) : (xs ++ List.replicate n 0)[i]?.getD 0 = 0 := by
  sorry

/-- A list of codes read from the end and again from the end. -/
theorem field_list_15 (f : Nat → Nat) (xs : List Nat) : (xs.reverse.map f).reverse = xs.map f := by
  sorry

/-- As many elements pass a test as do not fail it. -/
theorem field_list_16 (p : Nat → Bool) (xs : List Nat) :
    (xs.filter p).length + (xs.filter fun x => !p x).length = xs.length := by
  sorry
