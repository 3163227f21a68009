module
public import Lean
public meta import Lean
-- The modules to report on are imported here, each with `import all`, so that their proofs are visible:
--IMPORTS

/-!
What the compiled modules of a package really hold: one JSON line a declaration, as information messages. It only
reports; the judgement (which axioms are reached, what is forbidden) is `audit.py`'s.

Small and with its own recursion, because the embedded Lean lacks many library functions at compile time.
-/

public meta section
open Lean Elab Meta

namespace Q35.Audit

partial def levelText : Level → String
  | .zero => "0"
  | .succ l => "s" ++ levelText l
  | .max a b => "(max " ++ levelText a ++ " " ++ levelText b ++ ")"
  | .imax a b => "(imax " ++ levelText a ++ " " ++ levelText b ++ ")"
  | .param n => n.toString
  | .mvar _ => "?"

partial def levelsText : List Level → String
  | [] => ""
  | l :: ls => levelText l ++ "," ++ levelsText ls

def binderText : BinderInfo → String
  | .default => "("
  | .implicit => "{"
  | .strictImplicit => "{{"
  | .instImplicit => "["

/-- A statement as text that depends on nothing but its structure: no names of bound variables, no notation. -/
partial def shape : Expr → String
  | .bvar i => "#" ++ toString i
  | .fvar i => i.name.toString
  | .mvar _ => "?"
  | .sort l => "(Sort " ++ levelText l ++ ")"
  | .const n ls => n.toString ++ ".{" ++ levelsText ls ++ "}"
  | .app f a => "(" ++ shape f ++ " " ++ shape a ++ ")"
  | .lam _ t b i => "(fun " ++ binderText i ++ shape t ++ " " ++ shape b ++ ")"
  | .forallE _ t b i => "(all " ++ binderText i ++ shape t ++ " " ++ shape b ++ ")"
  | .letE _ t v b _ => "(let " ++ shape t ++ " " ++ shape v ++ " " ++ shape b ++ ")"
  | .lit (.natVal n) => toString n
  | .lit (.strVal s) => Json.compress (.str s)
  | .mdata _ e => shape e
  | .proj s i e => "(" ++ s.toString ++ "." ++ toString i ++ " " ++ shape e ++ ")"

def kind : ConstantInfo → String
  | .axiomInfo _ => "axiom"
  | .defnInfo _ => "def"
  | .thmInfo _ => "theorem"
  | .opaqueInfo _ => "opaque"
  | .quotInfo _ => "quot"
  | .inductInfo _ => "inductive"
  | .ctorInfo _ => "constructor"
  | .recInfo _ => "recursor"

partial def names (list : Array Name) (i : Nat := 0) (out : Array Json := #[]) : Json :=
  if h : i < list.size then names list (i + 1) (out.push (.str list[i].toString)) else .arr out

/-- Those of the constants that were declared as axioms. (A theorem without a body looks like one, but was none.) -/
partial def axioms (env : Environment) (list : Array Name) (i : Nat := 0) (out : Array Json := #[]) : Json :=
  if h : i < list.size then
    let out := match getOriginalConstKind? env list[i] with
      | some .axiom => out.push (.str list[i].toString)
      | _ => out
    axioms env list (i + 1) out
  else .arr out

/-- The kernel's own word on a value: empty if its type is the declared one. -/
def recheck (env : Environment) (type value : Expr) : String :=
  match Kernel.check env {} value with
  | .error _ => "the kernel refuses the value"
  | .ok found =>
    match Kernel.isDefEq env {} found type with
    | .ok true => ""
    | _ => "the value is not of the declared type"

def valueOf : ConstantInfo → Option Expr
  | .defnInfo i => some i.value
  | .thmInfo i => some i.value
  | .opaqueInfo i => some i.value
  | _ => none

/-- What a statement supposes: its binders of a type in `Prop` that are not instances, wherever they stand: before the
colon, as an implication in the conclusion, or in a part of a conjunction. -/
partial def hypotheses (statement : Expr) (out : Array Json := #[]) : MetaM (Array Json) := do
  match statement with
  | .mdata _ e => hypotheses e out
  | .letE _ _ value body _ => hypotheses (body.instantiate1 value) out
  | .app (.app (.const ``And _) a) b =>
    let left ← hypotheses a out
    hypotheses b left
  | .forallE name type body info =>
    let mut out := out
    if !info.isInstImplicit then
      if ← isProp type then
        out := out.push (.str ((← ppExpr type).pretty 120))
    let x : FVarId ← mkFreshFVarId
    withReader (fun context => { context with lctx := context.lctx.mkLocalDecl x name type info }) do
      hypotheses (body.instantiate1 (.fvar x)) out
  | _ => return out

/-- How a definition was written, where its kind does not say it. -/
def form (env : Environment) (info : ConstantInfo) : String :=
  if env.isProjectionFn info.name then "field"
  else if isStructure env info.name then "structure"
  else if isInstanceCore env info.name && !(info matches .thmInfo _) then "instance"
  else ""

/-- What only a declaration that stands in a source file needs: its statement, to read and to hash. -/
def statement (info : ConstantInfo) : TermElabM (List (String × Json)) := do
  if (privateToUserName info.name).isInternalDetail then
    return []
  let mut supposed := #[]
  if info matches .thmInfo _ then
    supposed ← hypotheses info.type
  return [("statement", .str ((← ppExpr info.type).pretty 120)), ("shape", .str (shape info.type)),
    ("form", .str (form (← getEnv) info)), ("hypotheses", .arr supposed)]

def prepend : List (String × Json) → List (String × Json) → List (String × Json)
  | [], after => after
  | x :: xs, after => x :: prepend xs after

def describe (info : ConstantInfo) : TermElabM Json := do
  let env ← getEnv
  let own := match valueOf info with
    | some value => value.getUsedConstants
    | none => #[]
  let mut fields := [
    ("name", Json.str info.name.toString), ("kind", .str (kind info)),
    ("inType", names info.type.getUsedConstants), ("inValue", names own),
    ("axioms", axioms env info.type.getUsedConstants), ("axiomsOfValue", axioms env own)]
  -- An unsafe or partial definition may rest on itself; nothing that is proved can use it.
  if let some value := if info.isUnsafe || info.isPartial then none else valueOf info then
    fields := ("recheck", .str (recheck env info.type value)) :: fields
  return Json.mkObj (prepend (← statement info) fields)

partial def describeAll (data : ModuleData) (i : Nat) (out : Array Json) : TermElabM (Array Json) := do
  if h : i < data.constants.size then
    describeAll data (i + 1) (out.push (← describe data.constants[i]))
  else
    return out

/-- Report on the modules whose names are among the space-separated `wanted`. -/
partial def walk (env : Environment) (wanted : String) (i : Nat) (out : Array Json) : TermElabM (Array Json) := do
  if h : i < env.header.moduleNames.size then
    let module := env.header.moduleNames[i].toString
    if (wanted.splitOn (" " ++ module ++ " ")) matches [_] then
      walk env wanted (i + 1) out
    else
      let found ← describeAll env.header.moduleData[i]! 0 #[]
      walk env wanted (i + 1) (out.push (Json.mkObj [("module", .str module), ("declarations", .arr found)]))
  else
    return out

elab "q35_audit " wanted:str out:str : tactic => do
  IO.FS.writeFile out.getString (Json.compress (.arr (← walk (← getEnv) wanted.getString 0 #[])))

end Q35.Audit
end

set_option maxHeartbeats 0 in
set_option maxRecDepth 100000 in
example : True := by
  q35_audit "WANTED" "OUT"
  trivial
