module

public import Q35Vectors.Json
public import Q35.MatMul

@[expose] public section

/-! The vectors of sums and of matrix products in floating point: what an order of operations gives, and its bound. -/

namespace Q35.Vectors

/-- `count` pseudo-random multiples of `unit`, from `-bound` to `bound` of them. -/
def someMultiples (unit : Rat) (bound : Nat) : (count seed : Nat) → List Rat
  | 0, _ => []
  | count + 1, seed =>
    ((below (2 * bound + 1) seed : Int) - bound : Int) * unit :: someMultiples unit bound count (next seed)

/-! ### Sums -/

/-- A tree of operations: its kind, then its operands. -/
def tree : SumTree → String
  | .leaf x => array [quoted "leaf", rat x]
  | .product a b => array [quoted "product", rat a, rat b]
  | .add l r => array [quoted "add", tree l, tree r]
  | .fma a b t => array [quoted "fma", rat a, rat b, tree t]

def sumRow (name : String) (F : FloatFormat) (t : SumTree) : String :=
  object [("format", quoted name), ("tree", tree t), ("sum", rat t.exactValue), ("computed", rat (t.eval F.round)),
    ("depth", nat t.depth), ("roundings", nat t.roundings), ("magnitude", rat t.magnitude),
    ("bound", rat (t.errorBound F.unitRoundoff F.underflowError))]

/-- Terms added from left to right. -/
def inOrder : List Rat → SumTree
  | [] => .leaf 0
  | x :: rest => .chain (.leaf x) (rest.map .leaf)

/-- Neighbouring terms added in pairs, the pairs from left to right. -/
def inPairs : List Rat → SumTree
  | [] => .leaf 0
  | [x] => .leaf x
  | x :: y :: rest => .add (.add (.leaf x) (.leaf y)) (inPairs rest)

/-- Every term times a factor, each product rounded before it is added to what follows, or fused with that. -/
def products (fused : Bool) (factor : Rat) : List Rat → SumTree
  | [] => .leaf 0
  | x :: rest =>
    if fused then .fma factor x (products fused factor rest)
    else .add (.product factor x) (products fused factor rest)

def sumRows (name : String) (F : FloatFormat) : Array String := Id.run do
  let mut rows := #[]
  for n in [1, 2, 3, 7, 16, 33] do
    -- terms with as many bits as the format and more, large and small in turn
    let terms := someMultiples (1 / 4096) 8388608 n (next (500 + n))
    for t in [inOrder terms, inPairs terms, products false (1 / 3) terms, products true (1 / 3) terms] do
      rows := rows.push (sumRow name F t)
  return rows

/-- Products so small that they round to subnormal numbers or to zero. -/
def tinyRows (name : String) (F : FloatFormat) : Array String := Id.run do
  let unit : Rat := 1 / F.unitsOfOne
  let mut rows := #[]
  for fused in [false, true] do
    for n in [1, 2, 5] do
      rows := rows.push (sumRow name F (products fused unit (someMultiples (1 / 8) 20 n (next (700 + n)))))
  return rows

/-! ### Matrix products -/

/-- How far each weight is from the one that comes back. -/
def ownErrors : List Rat → List Rat → List Rat
  | w :: ws, v :: vs => abs (w - v) :: ownErrors ws vs
  | _, _ => []

/-- A block of pseudo-random weights and activations with its best step. -/
def someBlock (S : Scheme) (s : Rat) (size seed : Nat) : ProductBlock :=
  let weights := someMultiples (1 / 8192) 2048 size seed
  let d := stepValue (bestStep S weights)
  quantizedBlock S d (ownErrors weights (restoreBlock S d weights)) weights s
    (someMultiples (1 / 64) 300 size (next (seed + 1)))

def blockObject (b : ProductBlock) : String :=
  object [("weights", array (b.weights.map rat)), ("errors", array (b.errors.map rat)), ("step", rat b.step),
    ("entries", array (b.entries.map int)), ("activations", array (b.activations.map rat)),
    ("ints", array (b.ints.map int))]

def productRow (name : String) (s : Rat) (row : List ProductBlock) : String :=
  object [("scheme", quoted name), ("activation_scale", rat s), ("blocks", array (row.map blockObject)),
    ("product", rat (exactRow row)), ("computed", rat (matmulRow float32.round s (operands row))),
    ("quantization_bound", rat (quantizationBound s row)),
    ("bound", rat (matmulBound float32.unitRoundoff float32.underflowError s row))]

def productRows (name : String) (S : Scheme) : Array String := Id.run do
  let mut rows := #[]
  for sizes in [[1], [2], [5], [32], [32, 32, 7], [16, 16, 16, 16]] do
    let s : Rat := 1 / 32
    let mut seed := 900
    let mut blocks := #[]
    for size in sizes do
      seed := next (seed + size)
      blocks := blocks.push (someBlock S s size seed)
    rows := rows.push (productRow name s blocks.toList)
  return rows

/-- The row whose error is the bound's quantization part. -/
def tightRows : Array String := #[productRow "block" 1 tightRow]

def productsFile : String :=
  file [``SumTree.eval, ``SumTree.exactValue, ``SumTree.errorBound, ``exactRow, ``matmulRow, ``quantizationBound,
      ``matmulBound, ``quantizedBlock] [
    group ["float-order", "fused", "float16-accumulation"] (sumRows "float32" float32),
    group ["float-order", "fused"] (sumRows "float16" float16),
    group ["subnormal-flushed", "fused"] (tinyRows "float32" float32),
    group ["subnormal-flushed", "fused"] (tinyRows "float16" float16),
    group ["float-order", "nearest-wrong", "tail-lost"] (productRows "block" .block),
    group ["float-order", "nearest-wrong", "tail-lost"] (productRows "codebook" .codebook),
    group ["bound-too-small"] tightRows]

end Q35.Vectors
