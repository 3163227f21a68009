module
public import Lean
public meta import Lean

/-!
What `library.py` asks of theorems of Lean's own library: their signatures, which others say the same, whether they hold
by definition, and whether a printed signature is read back as the very same statement.

Small and with its own recursion, because the embedded Lean lacks many library functions at compile time.
-/

public meta section
open Lean Elab Meta

namespace Q35.Benchmark

def statement (name : Name) : MetaM Expr := do
  inferType (← mkConstWithFreshMVarLevels name)

/-- Whether two theorems say the same, up to names, universes and reducible definitions. -/
def sameUpToReducible (a b : Name) : MetaM Bool := do
  let s ← statement a
  let t ← statement b
  withReducible (isDefEq s t)

/-- Whether two theorems have the very same statement, up to names of variables and universes; no if Lean cannot tell. -/
def verySame (a b : Name) : MetaM Bool := do
  try
    let s ← statement a
    let t ← statement b
    if ← withReducible (isDefEq s t) then
      return (← instantiateMVars s) == (← instantiateMVars t)
    else
      return false
  catch _ => return false

partial def twins (name : Name) (others : List String) (found : Array Json) : TermElabM (Array Json) := do
  match others with
  | [] => return found
  | other :: rest =>
    if ← sameUpToReducible name other.toName then twins name rest (found.push (.str other)) else twins name rest found

/-- Whether both sides of the conclusion are equal by definition. -/
partial def byDefinition (e : Expr) : MetaM Bool := do
  match e with
  | .mdata _ e => byDefinition e
  | .forallE name type body info =>
    let x : FVarId ← mkFreshFVarId
    withReader (fun context => { context with lctx := context.lctx.mkLocalDecl x name type info }) do
      byDefinition (body.instantiate1 (.fvar x))
  | .app (.app (.app (.const ``Eq _) _) a) b => isDefEq a b
  | .app (.app (.const ``Iff _) a) b => isDefEq a b
  | _ => return false

def holdsByDefinition (name : Name) : TermElabM Bool := do
  try byDefinition (← statement name) catch _ => return false

/-- A line of a question is a name and those of possible twins, separated by spaces. -/
partial def describe (out : IO.FS.Handle) : List String → TermElabM Unit
  | [] => return
  | line :: rest => do
    let name :: others := line.splitOn " " | throwError "an empty question"
    let signature ← PrettyPrinter.ppSignature name.toName
    out.putStrLn (Json.arr #[.str name, .str (signature.fmt.pretty 100000), .bool (← holdsByDefinition name.toName),
      .arr (← twins name.toName others #[])]).compress
    describe out rest

/-- A line of a question is a theorem of this file and one of the library. -/
partial def compare (out : IO.FS.Handle) : List String → TermElabM Unit
  | [] => return
  | line :: rest => do
    let [own, name] := line.splitOn " " | throwError "not two names: {line}"
    let env ← getEnv
    let same ← if (env.find? own.toName).isSome then verySame own.toName name.toName else pure false
    out.putStrLn (Json.arr #[.str name, .bool same]).compress
    compare out rest

elab "q35_describe " question:str answer:str : tactic => do
  describe (← IO.FS.Handle.mk answer.getString .write) ((← IO.FS.readFile question.getString).splitOn "\n")

elab "q35_compare " question:str answer:str : tactic => do
  compare (← IO.FS.Handle.mk answer.getString .write) ((← IO.FS.readFile question.getString).splitOn "\n")

end Q35.Benchmark
end

