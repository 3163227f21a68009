"""Statements with constants to fill in, true for all of them, by family and difficulty (1: easy; 3: hard).

`{w}` is a width, `{k}` and `{m}` parts of it with k + m = w, `{low}` = 2^k - 1, `{high}` = 2^m - 1, `{pk}`, `{pm}`,
`{pw}` powers of two, `{half}` = 2^(w-1); `{c}`, `{d}`, `{cd}` = c·d, `{c_d}` = c + d, `{c1}` = c - 1 are from 2 up.
"""

from __future__ import annotations

import random


def constants(rng: random.Random) -> dict[str, object]:
    """Values for every name that a template may hold."""
    w = rng.choice((4, 6, 7, 8, 8, 10, 12, 16, 16, 24, 32))
    k = rng.randrange(1, w)
    c, d = rng.choice((2, 3, 4, 5, 7, 8, 10, 16, 32, 64, 127, 256)), rng.choice((2, 3, 4, 5, 6, 7, 8, 12, 15, 16, 100))
    return {
        "w": w,
        "w1": w + 1,
        "ww": 2 * w,
        "k": k,
        "m": w - k,
        "low": 2**k - 1,
        "high": 2 ** (w - k) - 1,
        "pk": 2**k,
        "pm": 2 ** (w - k),
        "pw": 2**w,
        "half": 2 ** (w - 1),
        "c": c,
        "d": d,
        "cd": c * d,
        "c_d": c + d,
        "c1": c - 1,
        "cc": c * c,
        "dd": d * d,
        "cd2": 2 * c * d,
    }


_TABLE = """
bits 1 | (x : BitVec {w}) : (x <<< {k}) >>> {k} = x &&& {high}#{w}
bits 1 | (x : BitVec {w}) : (x >>> {k}) <<< {k} = x &&& ~~~{low}#{w}
bits 2 | (x : BitVec {w}) : (x &&& {low}#{w}).toNat = x.toNat % {pk}
bits 1 | (x : BitVec {w}) : (x >>> {k}).toNat = x.toNat / {pk}
bits 2 | (x : BitVec {w}) (h : x.toNat < {pm}) : (x <<< {k}).toNat = x.toNat * {pk}
bits 2 | (x : BitVec {w}) : (x <<< {k}).toNat = x.toNat % {pm} * {pk}
bits 2 | (h : BitVec {m}) (l : BitVec {k}) : (h ++ l).toNat = h.toNat * {pk} + l.toNat
bits 1 | (h : BitVec {m}) (l : BitVec {k}) : (h ++ l).extractLsb' 0 {k} = l
bits 1 | (h : BitVec {m}) (l : BitVec {k}) : (h ++ l).extractLsb' {k} {m} = h
bits 2 | (h : BitVec {m}) (l : BitVec {k}) : (h ++ l).setWidth {k} = l
bits 2 | (h g : BitVec {m}) (l : BitVec {k}) (e : h ++ l = g ++ l) : h = g
bits 2 | (h g : BitVec {m}) (l r : BitVec {k}) : h ++ l = g ++ r ↔ h = g ∧ l = r
bits 1 | (x : BitVec {k}) : (x.setWidth {w}).setWidth {k} = x
bits 1 | (x : BitVec {k}) : (x.setWidth {w}).toNat = x.toNat
bits 2 | (x : BitVec {k}) : (x.signExtend {w}).toInt = x.toInt
bits 2 | (x : BitVec {w}) : (x.setWidth {k}).toNat = x.toNat % {pk}
bits 2 | (x y : BitVec {w}) : (x.setWidth {w1} + y.setWidth {w1}).toNat = x.toNat + y.toNat
bits 3 | (x y : BitVec {w}) : (x.signExtend {w1} + y.signExtend {w1}).toInt = x.toInt + y.toInt
bits 3 | (x y : BitVec {w}) : (x.setWidth {ww} * y.setWidth {ww}).toNat = x.toNat * y.toNat
bits 3 | (x y : BitVec {w}) : (x.signExtend {ww} * y.signExtend {ww}).toInt = x.toInt * y.toInt
bits 2 | (x : BitVec {w}) : (x &&& {low}#{w}).toNat < {pk}
bits 2 | (x : BitVec {w}) : (x >>> {k}).toNat < {pm}
bits 2 | (x : BitVec {w}) : (x >>> {k}).toNat * {pk} + (x &&& {low}#{w}).toNat = x.toNat
bits 2 | (h l : BitVec {w}) (g : l.toNat < {pk}) : ((h <<< {k}) ||| l) &&& {low}#{w} = l
bits 2 | (h : BitVec {m}) (l : BitVec {k}) : ((h.setWidth {w} <<< {k}) ||| l.setWidth {w}) >>> {k} = h.setWidth {w}
bits 2 | (h l : BitVec {w}) (g : l.toNat < {pk}) : (h <<< {k}) + l = (h <<< {k}) ||| l
bits 1 | (x : BitVec {w}) : x.toNat < {pw}
bits 2 | (x : BitVec {w}) : -{half} ≤ x.toInt ∧ x.toInt < {half}
bits 2 | (x : BitVec {w}) (h : x.toNat < {half}) : x.toInt = x.toNat
bits 2 | (x : BitVec {w}) (h : x.msb = false) : x.toInt = x.toNat
bits 2 | (x : BitVec {w}) (h : {half} ≤ x.toNat) : x.toInt = x.toNat - {pw}
bits 2 | (x : BitVec {w}) (h : x.toInt < 0) : x.msb = true
bits 1 | (x : BitVec {w}) (i : Nat) (h : i < {k}) : (x <<< {k}).getLsbD i = false
bits 1 | (x : BitVec {w}) (i : Nat) (h : {m} ≤ i) : (x >>> {k}).getLsbD i = false
bits 2 | (x : BitVec {w}) (h : x ≤ {low}#{w}) : x >>> {k} = 0#{w}
bits 3 | (x y : BitVec {w}) (h : x &&& y = 0#{w}) : x + y = x ||| y
bits 2 | (x y : BitVec {w}) (h : x ≤ y) : (y - x).toNat = y.toNat - x.toNat
bits 2 | (x y : BitVec {w}) (h : x.toNat + y.toNat < {pw}) : (x + y).toNat = x.toNat + y.toNat
bits 2 | (x y : BitVec {w}) (h : x.toNat = y.toNat) : x = y
bits 2 | (x y : BitVec {w}) (h : x ^^^ y = 0#{w}) : x = y
bits 1 | (x y z : BitVec {w}) (h : x + y = z) : z - y = x
bits 3 | (x y : BitVec {w}) (h : x >>> {k} = y >>> {k}) (g : x &&& {low}#{w} = y &&& {low}#{w}) : x = y
bits 3 | (n : Nat) (h : n < {pm}) : (BitVec.ofNat {w} n <<< {k}).toNat = n * {pk}
bits 2 | (n : Nat) (h : n < {pw}) : (BitVec.ofNat {w} n).toNat = n
bits 2 | (n : Nat) : (BitVec.ofNat {w} n).setWidth {k} = BitVec.ofNat {k} n
bits 3 | (i : Int) (h : -{half} ≤ i) (g : i < {half}) : (BitVec.ofInt {w} i).toInt = i
nat 1 | (a b : Nat) : (a * {c} + b) / {c} = a + b / {c}
nat 1 | (a b : Nat) (h : b < {c}) : (a * {c} + b) % {c} = b
nat 1 | (a b : Nat) (h : b < {c}) : (a * {c} + b) / {c} = a
nat 1 | (a : Nat) : a ≤ (a + {c1}) / {c} * {c} ∧ (a + {c1}) / {c} * {c} < a + {c}
nat 1 | (a b : Nat) (h : a ≤ b) : a / {c} ≤ b / {c}
nat 2 | (a b n : Nat) (h : a ≤ b) : a / n ≤ b / n
nat 2 | (i j m n : Nat) (hi : i < m) (hj : j < n) : i * n + j < m * n
nat 3 | (i j k l n : Nat) (hj : j < n) (hl : l < n) (h : i * n + j = k * n + l) : i = k ∧ j = l
nat 2 | (i j n : Nat) (hj : j < n) : (i * n + j) / n = i
nat 2 | (i j n : Nat) (hj : j < n) : (i * n + j) % n = j
nat 2 | (i n : Nat) : i / n * n + i % n = i
nat 1 | (i n : Nat) (h : i < {c} * n) : i / {c} < n
nat 2 | (i m n : Nat) (h : i < m * n) : i / n < m
nat 2 | (a : Nat) : a / {c} / {d} = a / {cd}
nat 2 | (a : Nat) : a % {cd} % {c} = a % {c}
nat 2 | (a : Nat) : a % {cd} / {c} = a / {c} % {d}
nat 1 | (a : Nat) (h : a % {c} = 0) : a / {c} * {c} = a
nat 2 | (a n : Nat) (h : n ∣ a) : a / n * n = a
nat 2 | (a b : Nat) (h : a < 2 ^ {k}) (g : b < 2 ^ {m}) : a + 2 ^ {k} * b < 2 ^ {w}
nat 3 | (k m a b : Nat) (h : a < 2 ^ k) (g : b < 2 ^ m) : a + 2 ^ k * b < 2 ^ (k + m)
nat 2 | (a b : Nat) (h : a ≤ {c}) (g : b ≤ {d}) : a * b ≤ {cd}
nat 2 | (a b c : Nat) (h : a ≤ b) : a * c ≤ b * c
nat 3 | (a b n : Nat) (h : a ≤ b * n) : (a + n - 1) / n ≤ b ∨ n = 0
nat 2 | (n : Nat) : ∃ q, n = {c} * q ∨ (∃ r, r < {c} ∧ n = {c} * q + r)
nat 2 | (n : Nat) (h : 0 < n) : ∃ m, n = m + 1 ∧ m < n
nat 3 | (n : Nat) : n < 2 ^ n
nat 3 | (n : Nat) : n * (n + 1) % 2 = 0
nat 3 | (n : Nat) : (n * n) % 4 = 0 ∨ (n * n) % 4 = 1
int 1 | (a : Int) : 0 ≤ a % {c} ∧ a % {c} < {c}
int 1 | (a b : Int) (h : a.natAbs ≤ {c}) (g : b.natAbs ≤ {d}) : (a + b).natAbs ≤ {c_d}
int 3 | (a b : Int) (h : a.natAbs ≤ {c}) (g : b.natAbs ≤ {d}) : (a * b).natAbs ≤ {cd}
int 3 | (a b : Int) (h : -{c} ≤ a ∧ a ≤ {c}) (g : -{d} ≤ b ∧ b ≤ {d}) : -{cd} ≤ a * b ∧ a * b ≤ {cd}
int 1 | (a : Int) : max (-{c}) (min {c} a) ≤ {c} ∧ -{c} ≤ max (-{c}) (min {c} a)
int 1 | (a : Int) (h : -{c} ≤ a) (g : a ≤ {c}) : max (-{c}) (min {c} a) = a
int 1 | (a b : Int) (h : a ≤ b) : max (-{c}) (min {c} a) ≤ max (-{c}) (min {c} b)
int 2 | (a b : Int) (h : a < b) : a * {c} + {c} ≤ b * {c}
int 2 | (a b c : Int) (h : a ≤ b) (g : 0 ≤ c) : a * c ≤ b * c
int 2 | (a : Int) : 0 ≤ a * a
int 3 | (a b : Int) : {cd2} * (a * b) ≤ {cc} * (a * a) + {dd} * (b * b)
int 3 | (a b : Int) (h : 0 ≤ a) (g : 0 ≤ b) (e : a * a ≤ b * b) : a ≤ b
int 2 | (a b n : Int) (h : 0 < n) (g : a * n ≤ b) : a ≤ b / n
int 2 | (a : Int) (h : a ≠ 0) : 0 < a.natAbs
int 1 | (a b : Int) (h : (a - b) % {c} = 0) : a % {c} = b % {c}
rat 2 | (x y z : Rat) : abs (x - z) ≤ abs (x - y) + abs (y - z)
rat 2 | (x y e : Rat) (h : abs (x - y) ≤ e) : x - e ≤ y ∧ y ≤ x + e
rat 2 | (x y d e : Rat) (h : abs x ≤ d) (g : abs y ≤ e) : abs (x + y) ≤ d + e
rat 2 | (x y d e : Rat) (h : abs x ≤ d) (g : abs y ≤ e) : abs (x - y) ≤ d + e
rat 3 | (x y d e : Rat) (h : abs x ≤ d) (g : abs y ≤ e) : abs (x * y) ≤ d * e
rat 2 | (x e : Rat) (h : abs x ≤ e) : abs ({c} * x) ≤ {c} * e
rat 2 | (x e : Rat) (h : abs x ≤ e) : abs (x / {c}) ≤ e / {c}
rat 3 | (s x q : Rat) (hs : 0 < s) (h : abs (x / s - q) ≤ 1 / {c}) : abs (x - s * q) ≤ s / {c}
rat 3 | (s x e : Rat) (hs : 0 < s) (h : abs x ≤ s * e) : abs (x / s) ≤ e
rat 3 | (x y d e u v : Rat) (h : abs (x - u) ≤ d) (g : abs (y - v) ≤ e) : abs (x + y - (u + v)) ≤ d + e
rat 3 | (x y u e : Rat) (h : abs (x - u) ≤ e) : abs (x * y - u * y) ≤ e * abs y
rat 2 | (x y : Rat) : abs x - abs y ≤ abs (x - y)
rat 2 | (x y : Rat) : {cd2} * (x * y) ≤ {cc} * (x * x) + {dd} * (y * y)
rat 2 | (x : Rat) : 0 ≤ x * x
rat 2 | (x y : Rat) (h : 0 ≤ x) (g : x ≤ y) : x * x ≤ y * y
rat 2 | (x y z : Rat) (h : x ≤ y) (g : 0 ≤ z) : x * z ≤ y * z
rat 2 | (x y : Rat) (h : 0 < x) (g : x ≤ y) : {c} / y ≤ {c} / x
rat 2 | (x y z : Rat) (h : 0 < z) (g : x ≤ y) : x / z ≤ y / z
rat 2 | (x y : Rat) (h : 0 < y) : x / y * y = x
rat 1 | (x y : Rat) (h : x < y) : x < (x + y) / 2 ∧ (x + y) / 2 < y
rat 2 | (x y : Rat) (h : abs x ≤ abs y) : x * x ≤ y * y
rat 2 | (x : Rat) (h : abs x ≤ 1 / {c}) : abs (x * {d}) ≤ {d} / {c}
rat 2 | (x : Rat) : abs x = 0 ↔ x = 0
rat 1 | (m n : Int) (h : m ≤ n) : (m : Rat) / {c} ≤ n / {c}
rat 2 | (m n : Int) (h : (m : Rat) < n) : (m : Rat) + 1 ≤ n
round 2 | (x : Rat) : (roundHalfEven x : Rat) ≤ x + 1 / 2
round 2 | (x : Rat) : x - 1 / 2 ≤ (roundHalfEven x : Rat)
round 2 | (x : Rat) : x.floor ≤ roundHalfEven x ∧ roundHalfEven x ≤ x.floor + 1
round 3 | (x : Rat) (h : abs x ≤ {c}) : abs (roundHalfEven x : Rat) ≤ {c}
round 3 | (x : Rat) (n : Int) (h : abs (x - n) < 1 / 2) : roundHalfEven x = n
round 3 | (x : Rat) (n : Int) : roundHalfEven (x + 2 * n) = roundHalfEven x + 2 * n
round 3 | (x y : Rat) (h : x + 2 ≤ y) : roundHalfEven x < roundHalfEven y
round 2 | (x y : Rat) (h : x + 1 ≤ y) : roundHalfEven x ≤ roundHalfEven y
round 3 | (s x : Rat) (hs : 0 < s) : abs (x - s * roundHalfEven (x / s)) ≤ s / 2
round 3 | (x : Rat) : abs (x - roundHalfEven (x * {c}) / {c}) ≤ 1 / (2 * {c})
round 2 | (x : Rat) : roundHalfEven (roundHalfEven x : Rat) = roundHalfEven x
round 2 | (x : Rat) (h : 0 ≤ x) : 0 ≤ roundHalfEven x
round 2 | (x : Rat) (h : x ≤ {c}) : roundHalfEven x ≤ {c}
round 2 | (x y : Rat) (h : x ≤ y) : max (-{c}) (min {c} (roundHalfEven x)) ≤ max (-{c}) (min {c} (roundHalfEven y))
round 2 | (x : Rat) (n : Int) : (x + n).floor = x.floor + n
round 2 | (x : Rat) (h : {c} ≤ x) : {c} ≤ x.floor
round 2 | (x : Rat) : x < x.floor + 1 ∧ (x.floor : Rat) ≤ x
round 2 | (x y : Rat) (h : x ≤ y) : x.floor ≤ y.floor
round 3 | (x y : Rat) : abs ((roundHalfEven x : Rat) - roundHalfEven y) ≤ abs (x - y) + 1
list 2 | (xs : List Int) : (xs.map (fun x => x * {c} + {d})).sum = xs.sum * {c} + {d} * xs.length
list 2 | (xs : List Nat) (h : ∀ x ∈ xs, x ≤ {c}) : xs.sum ≤ {c} * xs.length
list 2 | (xs : List Nat) (h : ∀ x ∈ xs, {c} ≤ x) : {c} * xs.length ≤ xs.sum
list 3 | (xs : List Int) (h : ∀ x ∈ xs, x.natAbs ≤ {c}) : xs.sum.natAbs ≤ {c} * xs.length
list 2 | (f g : Nat → Int) (xs : List Nat) : (xs.map (fun x => f x + g x)).sum = (xs.map f).sum + (xs.map g).sum
list 2 | (f g : Nat → Int) (xs : List Nat) (h : ∀ x ∈ xs, f x ≤ g x) : (xs.map f).sum ≤ (xs.map g).sum
list 2 | (f : Nat → Nat) (xs : List Nat) (h : ∀ x ∈ xs, f x = x) : xs.map f = xs
list 2 | (n : Nat) (a : Int) : (List.replicate n a).sum = n * a
list 3 | (xs : List Int) (a : Int) : xs.foldl (fun s x => s + x) a = a + xs.sum
list 2 | {{α : Type}} (xs ys : List α) (n : Nat) (h : n ≤ xs.length) : (xs ++ ys).take n = xs.take n
list 2 | {{α : Type}} (xs ys : List α) : (xs ++ ys).drop xs.length = ys
list 2 | {{α : Type}} (xs : List α) (m n : Nat) : (xs.drop m).drop n = xs.drop (m + n)
list 2 | {{α : Type}} (xs : List α) (m n : Nat) : (xs.take m).take n = xs.take (min m n)
list 2 | {{α : Type}} (xs : List α) (n : Nat) : (xs.take n).length ≤ n
list 1 | (xs ys : List Int) : (List.zipWith (fun x y => x + y) xs ys).length = min xs.length ys.length
list 3 | (xs ys : List Int) (h : xs.length = ys.length) : (List.zipWith (fun x y => x + y) xs ys).sum = xs.sum + ys.sum
list 2 | {{α β : Type}} (f : α → β) (xs : List α) (n : Nat) : (xs.drop n).map f = (xs.map f).drop n
list 2 | {{α : Type}} (p : α → Bool) (xs : List α) : (xs.filter p).length ≤ xs.length
list 2 | {{α : Type}} (p : α → Bool) (xs : List α) (h : ∀ x ∈ xs, p x = true) : xs.filter p = xs
list 2 | {{α : Type}} (xs : List α) (x : α) (h : x ∈ xs) : 0 < xs.length
list 2 | {{α : Type}} (xs : List α) (i : Nat) (h : i < xs.length) : xs[i] ∈ xs
list 2 | (xs : List Nat) (x : Nat) (h : x ∈ xs) : x ≤ xs.sum
logic 1 | {{α : Type}} (o : Option α) : o = none ∨ ∃ x, o = some x
logic 1 | {{α : Type}} (o : Option α) (h : o.isSome = true) : o ≠ none
logic 2 | {{α β : Type}} (f : α → β) (o : Option α) (b : β) (h : o.map f = some b) : ∃ a, o = some a ∧ f a = b
logic 2 | {{α : Type}} (p q : α → Prop) (h : ∀ x, p x → q x) (g : ∃ x, p x) : ∃ x, q x
logic 2 | {{α : Type}} (p : α → Prop) : (¬ ∃ x, p x) ↔ ∀ x, ¬ p x
logic 2 | {{α : Type}} (p q : α → Prop) : (∀ x, p x ∧ q x) ↔ (∀ x, p x) ∧ ∀ x, q x
logic 2 | {{α : Type}} (p q : α → Prop) : (∃ x, p x ∨ q x) ↔ (∃ x, p x) ∨ ∃ x, q x
logic 2 | {{α β : Type}} (r : α → β → Prop) (h : ∃ x, ∀ y, r x y) : ∀ y, ∃ x, r x y
logic 1 | (i : Fin {c}) : i.val < {c}
logic 1 | (i j : Fin {c}) (h : i.val = j.val) : i = j
logic 2 | (i : Fin {c}) : ∃ n, n < {c} ∧ n = i.val
logic 2 | (a b : Bool) : (a && b) = true ↔ a = true ∧ b = true
logic 1 | (a b : Bool) (h : a = true → b = true) : (!a || b) = true
"""

TEMPLATES = tuple(
    (family, int(difficulty), text)
    for line in _TABLE.strip().splitlines()
    for (family, difficulty), text in [(line.split(" | ", 1)[0].split(), line.split(" | ", 1)[1])]
)
"""Family, difficulty and statement of each."""
