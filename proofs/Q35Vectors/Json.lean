module

public import Q35.Code
public import Q35.Compile

@[expose] public section

/-! What every vector file is made with: JSON as text, and the inputs that several files choose. -/

namespace Q35.Vectors

/-! ### JSON -/

/-- Texts with a separator between them. -/
def joined (separator : String) : List String → String
  | [] => ""
  | [text] => text
  | text :: texts => text ++ separator ++ joined separator texts

/-- A JSON string. None of ours needs an escape. -/
def quoted (text : String) : String := "\"" ++ text ++ "\""

/-- A JSON array. -/
def array (items : List String) : String := "[" ++ joined "," items ++ "]"

/-- A JSON object, from keys and JSON values. -/
def object (fields : List (String × String)) : String :=
  "{" ++ joined "," (fields.map fun f => quoted f.1 ++ ":" ++ f.2) ++ "}"

/-- An exact rational, "numerator/denominator". -/
def rat (x : Rat) : String := quoted s!"{x.num}/{x.den}"

/-- An integer. -/
def int (v : Int) : String := toString v

/-- A natural number. -/
def nat (v : Nat) : String := toString v

/-- A value, or `null` for what is rejected. -/
def nullable (text : Option String) : String := text.getD "null"

/-- A pair of integers. -/
def pair (p : Int × Int) : String := array [int p.1, int p.2]

/-- One hexadecimal digit. -/
def hexDigit (n : Nat) : Char := Char.ofNat (if n < 10 then 48 + n else 87 + n)

/-- Bytes in hexadecimal, two digits each. -/
def hex (bytes : List Nat) : String :=
  quoted (bytes.foldl (fun text b => (text.push (hexDigit (b / 16))).push (hexDigit (b % 16))) "")

/-- A group of rows, with the bugs that they reveal. -/
def group (flags : List String) (rows : Array String) : String :=
  object [("flags", array (flags.map quoted)), ("rows", array rows.toList)]

/-- A group whose rows share some fields, so that these stand there once. -/
def sharing (shared : List (String × String)) (flags : List String) (rows : Array String) : String :=
  object [("flags", array (flags.map quoted)), ("rows", array rows.toList), ("shared", object shared)]

/-- A vector file: the definitions that gave the answers, and the groups. -/
def file (definitions : List Lean.Name) (groups : List String) : String :=
  object [("schema", quoted "q35.vectors/1"), ("definition", array (definitions.map fun d => quoted d.toString)),
    ("groups", array groups)]

/-! ### Inputs -/

/-- The next number of a linear congruential sequence modulo 2^48. -/
def next (seed : Nat) : Nat := (seed * 25214903917 + 11) % 281474976710656

/-- A pseudo-random number below `bound` (at most 2^24), from a number of the sequence. -/
def below (bound seed : Nat) : Nat := seed / 16777216 % bound

/-- A tie and its neighbours at 2^-30, or any other point and its neighbours. -/
def around (x : Rat) : List Rat := [x - 1 / 1073741824, x, x + 1 / 1073741824]

/-- The integers from `-bound` to `bound`. -/
def upTo (bound : Nat) : List Int := (List.range (2 * bound + 1)).map fun (k : Nat) => (k : Int) - bound

/-- Every row of every point. -/
def rowsOf (points : List Rat) (row : Rat → String) : Array String :=
  points.foldl (fun rows x => rows.push (row x)) #[]

/-- For every element of a list, its list of points, in one list. -/
def pointsOf (ks : List Int) (points : Int → List Rat) : List Rat :=
  ks.foldr (fun k rest => (points k).foldr List.cons rest) []

/-- A list of codes. -/
def codes (cs : List Code) : String := array (cs.map fun c => nat c.val)

/-- `count` pseudo-random codes. -/
def someCodes : (count seed : Nat) → List Code
  | 0, _ => []
  | count + 1, seed => Fin.ofNat 128 (below 128 seed) :: someCodes count (next seed)

/-- `count` pseudo-random weights, each the sum of four numbers from -512 to 511, times `unit`: bell-shaped. -/
def someWeights (unit : Rat) : (count seed : Nat) → List Rat
  | 0, _ => []
  | count + 1, seed =>
    let b := next seed
    let c := next b
    let d := next c
    let sum := below 1024 seed + below 1024 b + below 1024 c + below 1024 d
    ((sum : Int) - 2048 : Int) * unit :: someWeights unit count (next d)

end Q35.Vectors
