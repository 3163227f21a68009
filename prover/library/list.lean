module
public import Lean
public meta import Lean
public import Std
-- The modules of a package are imported here, when its theorems are asked for:
--IMPORTS

/-!
What the library offers: every theorem and definition of the modules whose root name is wanted, one JSON line each, an
array whose places are named in `index.py`; and the statements of chosen theorems.

Small and with its own recursion, because the embedded Lean lacks many library functions at compile time.
-/

public meta section
open Lean Elab Meta

namespace Q35.Library

/-- The constants of a term that say something of it: an instance says no more than its type and its class do. -/
partial def telling (env : Environment) (list : Array Name) (i : Nat) (out : Array Json) : Array Json :=
  if h : i < list.size then
    let out := if isInstanceCore env list[i] then out else out.push (.str list[i].toString)
    telling env list (i + 1) out
  else out

def head (e : Expr) : Json :=
  match e.getAppFn with
  | .const n _ => .str n.toString
  | _ => .str ""

/-- The head of what the conclusion rewrites: of the left side of an equation or equivalence. -/
def rewritten : Expr → Json
  | .app (.app (.app (.const ``Eq _) _) a) _ => head a
  | .app (.app (.const ``Iff _) a) _ => head a
  | _ => .str ""

structure Shape where
  hypotheses : Array Json := #[]
  /-- How many binders are explicit propositions, and how many are propositions at all. -/
  explicit : Nat := 0
  supposed : Nat := 0

/-- Walk through the binders; what is left is the conclusion. -/
partial def walk (env : Environment) (statement : Expr) (shape : Shape) : MetaM (List Json) := do
  match statement with
  | .mdata _ e => walk env e shape
  | .forallE name type body info =>
    let mut shape := shape
    if !info.isInstImplicit then
      shape := { shape with hypotheses := telling env type.getUsedConstants 0 shape.hypotheses }
      if ← isProp type then
        let explicit := if info.isExplicit then shape.explicit + 1 else shape.explicit
        shape := { shape with explicit := explicit, supposed := shape.supposed + 1 }
    let x : FVarId ← mkFreshFVarId
    withReader (fun context => { context with lctx := context.lctx.mkLocalDecl x name type info }) do
      walk env (body.instantiate1 (.fvar x)) shape
  | e => return [.arr shape.hypotheses, .arr (telling env e.getUsedConstants 0 #[]), head e, rewritten e,
      toJson shape.explicit, toJson shape.supposed]

def kind (env : Environment) (info : ConstantInfo) : String :=
  match getOriginalConstKind? env info.name with
  | some .thm => "theorem"
  | some .defn => "def"
  | _ => ""

def describe (module : Name) (kind : String) (info : ConstantInfo) : TermElabM Json := do
  let env ← getEnv
  let shape ← walk env info.type {}
  return .arr #[.str info.name.toString, .str module.toString, .str kind, .bool (Linter.isDeprecated env info.name),
    .arr shape.toArray]

partial def constants (out : IO.FS.Handle) (module : Name) (data : ModuleData) (i : Nat) : TermElabM Unit := do
  if h : i < data.constants.size then
    let info := data.constants[i]
    let kind := kind (← getEnv) info
    unless kind == "" || isPrivateName info.name || info.name.isInternalDetail do
      out.putStrLn (← describe module kind info).compress
    constants out module data (i + 1)

unsafe def simpLemmaUnsafe (entry : EnvExtensionEntry) : Name :=
  match (unsafeCast entry : ScopedEnvExtension.Entry SimpEntry) with
  | .global (.thm { origin := .decl name .., .. }) => name
  | _ => .anonymous

/-- The lemma that an entry of `simpExtension` adds to the simp set wherever its module is imported. -/
@[implemented_by simpLemmaUnsafe]
opaque simpLemma (entry : EnvExtensionEntry) : Name

partial def simpLemmas (out : IO.FS.Handle) (entries : Array EnvExtensionEntry) (i : Nat) : IO Unit := do
  if h : i < entries.size then
    let name := simpLemma entries[i]
    unless name.isAnonymous do
      out.putStrLn (Json.arr #[.str name.toString]).compress
    simpLemmas out entries (i + 1)

partial def extensions (out : IO.FS.Handle) (data : ModuleData) (i : Nat) : IO Unit := do
  if h : i < data.entries.size then
    if data.entries[i].1 == `Lean.Meta.simpExtension then
      simpLemmas out data.entries[i].2 0
    extensions out data (i + 1)

/-- Go through the modules whose root is among the space-separated `roots`. -/
partial def modules (out : IO.FS.Handle) (roots : String) (i : Nat) : TermElabM Unit := do
  let header := (← getEnv).header
  if h : i < header.moduleNames.size then
    let module := header.moduleNames[i]
    unless (roots.splitOn (" " ++ module.getRoot.toString ++ " ")) matches [_] do
      constants out module header.moduleData[i]! 0
      extensions out header.moduleData[i]! 0
    modules out roots (i + 1)

elab "q35_list " roots:str out:str : tactic => do
  modules (← IO.FS.Handle.mk out.getString .write) (← IO.FS.readFile roots.getString) 0

partial def print (out : IO.FS.Handle) : List String → TermElabM Unit
  | [] => return
  | name :: rest => do
    let some info := (← getEnv).find? name.toName | throwError "there is no {name}"
    out.putStrLn (Json.arr #[.str name, .str ((← ppExpr info.type).pretty 100000)]).compress
    print out rest

elab "q35_print " names:str out:str : tactic => do
  print (← IO.FS.Handle.mk out.getString .write) ((← IO.FS.readFile names.getString).splitOn "\n")

end Q35.Library
end

set_option maxHeartbeats 0 in
set_option maxRecDepth 100000 in
example : True := by
  TACTIC "QUESTION" "ANSWER"
  trivial
