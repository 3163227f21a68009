module
public import Lean
public meta import Lean

/-!
A Lean process that reads whole files and reports what they declare; the judgement is `judge.py`'s. One JSON object a
line in, one a line out, marked by a leading `q35 `. It runs while it is elaborated, inside a tactic.

Each file starts from what it imports, with trust level 0. A command that begins inside a hole, where a proof was put,
is not elaborated: that ends the reading. As in the other programs of this kind, library functions are called in full
only, and lists are walked by hand: the embedded Lean lacks the code of many generic functions.
-/

public meta section
open Lean Elab

namespace Q35.Judge

/-! ### Requests -/

/-- The string under `key`, empty when there is none. -/
def text (request : Json) (key : String) : String :=
  match request.getObjVal? key with
  | .ok (.str s) => s
  | _ => ""

def array (request : Json) (key : String) : Array Json :=
  match request.getObjVal? key with
  | .ok (.arr a) => a
  | _ => #[]

def number (request : Json) (key : String) : Nat :=
  match request.getObjValAs? Nat key with
  | .ok n => n
  | .error _ => 0

partial def texts (list : Array Name) (i : Nat := 0) (out : Array Json := #[]) : Json :=
  if h : i < list.size then texts list (i + 1) (out.push (.str list[i].toString)) else .arr out

/-! ### Reading a file -/

def context (source : String) : Parser.InputContext :=
  { inputString := source, fileName := "", fileMap := .ofString source, endPos := source.rawEndPos
    endPos_valid := by simp }

/-- The imported environment of the last file, and what it was made from; files with the same imports share it. -/
structure Imported where
  key : String := ""
  state : Command.State

/-- Where the header ends, and the state there. -/
def readHeader (source : String) (setupJson : Json) (last? : Option Imported) :
    IO (Parser.ModuleParserState × Imported) := do
  let input := context source
  let (header, parser, messages) ← Parser.parseHeader input
  let key := String.Pos.Raw.extract source 0 parser.pos ++ setupJson.compress
  if let some last := last? then
    if last.key == key then return (parser, last)
  let setup ← match fromJson? (α := ModuleSetup) setupJson with
    | .ok setup => pure setup
    | .error e => throw <| IO.userError s!"bad setup: {e}"
  let options := Elab.async.set setup.options.toOptions false
  let (env, messages) ← processHeaderCore 0 (HeaderSyntax.imports header) (HeaderSyntax.isModule header) options
    messages input 0 #[] false setup.name none setup.importArts
  return (parser, { key, state := Command.mkState env messages options })

/-- Whether a position (in bytes) lies in a hole: these are pairs of first position and end. -/
partial def inHole (holes : Array Json) (position : Nat) (i : Nat := 0) : Bool :=
  if h : i < holes.size then
    (number holes[i] "start" ≤ position && position < number holes[i] "stop") || inHole holes position (i + 1)
  else false

/-- What became of a file: the state at its end, and the commands it was read as. -/
structure Outcome where
  state : Command.State
  commands : Array Json := #[]
  errors : Array Json := #[]
  intruder : Bool := false

/-- An error as a row, cut to a length that can be read. -/
def errorRow (line : Nat) (said : String) : Json :=
  Json.mkObj [("line", line), ("text", .str (String.Pos.Raw.extract said 0 ⟨600⟩))]

partial def readCommands (input : Parser.InputContext) (holes : Array Json) (parser : Parser.ModuleParserState)
    (outcome : Outcome) : IO Outcome := do
  let state := outcome.state
  let scope := match state.scopes with
    | scope :: _ => scope
    | [] => { header := "" }
  let (command, parser, messages) := Parser.parseCommand input
    { env := state.env, options := scope.opts, currNamespace := scope.currNamespace, openDecls := scope.openDecls }
    parser state.messages
  let start := match command.getPos? with
    | some position => position
    | none => parser.pos
  let read := Json.mkObj [("kind", .str command.getKind.toString), ("start", start.byteIdx)]
  let outcome := { outcome with state := { state with messages }, commands := outcome.commands.push read }
  if inHole holes start.byteIdx then
    return { outcome with intruder := true }
  let ref ← IO.mkRef outcome.state
  let context : Command.Context :=
    { fileName := input.fileName, fileMap := input.fileMap, cmdPos := start, snap? := none, cancelTk? := none }
  let outcome ← match ← (Command.elabCommand command context ref).toIO' with
    | .ok _ => pure outcome
    | .error e =>
      let row := errorRow (input.fileMap.toPosition start).line (← e.toMessageData.toString)
      pure { outcome with errors := outcome.errors.push row }
  let outcome := { outcome with state := ← ref.get }
  if Parser.isTerminalCommand command then return outcome else readCommands input holes parser outcome

/-- The errors among the messages, at most `left` of them. -/
partial def errors (messages : List Message) (out : Array Json) (left : Nat := 20) : IO (Array Json) := do
  match messages with
  | [] => return out
  | message :: rest =>
    if left == 0 then return out
    if message.severity matches .error then
      errors rest (out.push (errorRow message.pos.line (← message.data.toString))) (left - 1)
    else errors rest out left

/-! ### What it declares -/

/-- Without the names of bound variables. -/
partial def unnamed : Expr → Expr
  | .lam _ t b i => .lam .anonymous (unnamed t) (unnamed b) i
  | .forallE _ t b i => .forallE .anonymous (unnamed t) (unnamed b) i
  | .letE _ t v b d => .letE .anonymous (unnamed t) (unnamed v) (unnamed b) d
  | .app f a => .app (unnamed f) (unnamed a)
  | .mdata _ e => unnamed e
  | .proj s i e => .proj s i (unnamed e)
  | e => e

def kind : ConstantInfo → String
  | .axiomInfo _ => "axiom"
  | .defnInfo _ => "def"
  | .thmInfo _ => "theorem"
  | .opaqueInfo _ => "opaque"
  | .quotInfo _ => "quot"
  | .inductInfo _ => "inductive"
  | .ctorInfo _ => "constructor"
  | .recInfo _ => "recursor"

partial def levelNames (list : List Name) (out : Array Name := #[]) : Array Name :=
  match list with
  | [] => out
  | name :: rest => levelNames rest (out.push name)

def declared (info : ConstantInfo) : Json :=
  let name := privateToUserName info.name
  Json.mkObj [
    ("name", .str info.name.toString), ("user", .str name.toString), ("detail", name.isInternalDetail),
    ("kind", .str (kind info)), ("safe", !(info.isUnsafe || info.isPartial)),
    ("levels", texts (levelNames info.levelParams)), ("type", .str (unnamed info.type).dbgToString)]

partial def allDeclared (data : ModuleData) (i : Nat := 0) (out : Array Json := #[]) : Json :=
  if h : i < data.constants.size then allDeclared data (i + 1) (out.push (declared data.constants[i])) else .arr out

/-! ### What a theorem reaches -/

def valueOf : ConstantInfo → Option Expr
  | .defnInfo i => some i.value
  | .thmInfo i => some i.value
  | .opaqueInfo i => some i.value
  | _ => none

/-- The first's universe parameters for the second's, in order; none if there are not as many. -/
partial def levelsFor (own other : List Name) : Option (List Level) :=
  match own, other with
  | [], [] => some []
  | a :: as, _ :: bs => match levelsFor as bs with
    | some rest => some (.param a :: rest)
    | none => none
  | _, _ => none

/-- Whether the two are one statement, whatever its universe parameters and bound variables are called. -/
def sameStatement (a b : ConstantInfo) : Bool :=
  match levelsFor a.levelParams b.levelParams with
  | some levels => unnamed a.type == unnamed (b.type.instantiateLevelParams b.levelParams levels)
  | none => false

/-- The kernel's own word on a value: empty if its type is the declared one. -/
def recheck (env : Environment) (info : ConstantInfo) : String :=
  match valueOf info with
  | none => ""
  | some value =>
    match Kernel.check env {} value with
    | .error _ => "the kernel refuses the value"
    | .ok found =>
      match Kernel.isDefEq env {} found info.type with
      | .ok true => ""
      | _ => "the value is not of the declared type"

/-- Those of the constants that are axioms: a library theorem without a body looks like one, but is none. -/
partial def axioms (env : Environment) (used : Array Name) (i : Nat := 0) (out : Array Name := #[]) : Array Name :=
  if h : i < used.size then
    axioms env used (i + 1) (if getOriginalConstKind? env used[i] matches some .axiom then out.push used[i] else out)
  else out

/-- Those of the constants that state what the theorem does, or were made (by `simp`) from one of another module that
does. What was made for a proof in this file is followed itself. -/
partial def likes (env : Environment) (goal : ConstantInfo) (used : Array Name) (i : Nat := 0)
    (out : Array Name := #[]) : Array Name :=
  if h : i < used.size then
    let name := used[i]
    let stated? := if !name.isInternalDetail then some name
      else if (env.getModuleIdxFor? name).isSome then some name.getPrefix
      else none
    let out := match stated? >>= env.find? with
      | some info => if name != goal.name && sameStatement goal info then out.push name else out
      | none => out
    likes env goal used (i + 1) out
  else out

/-- A constant's module; empty if this file declares it. -/
def moduleOf (env : Environment) (name : Name) : String :=
  match env.getModuleIdxFor? name with
  | some index => (env.header.moduleNames[index.toNat]!).toString
  | none => ""

/-- Constants, each with its module. -/
partial def located (env : Environment) (used : Array Name) (i : Nat := 0) (out : Array Json := #[]) : Json :=
  if h : i < used.size then
    let row := Json.arr #[.str used[i].toString, .str (moduleOf env used[i])]
    located env used (i + 1) (out.push row)
  else .arr out

/-- Those of the used constants that this file declares, in front of the waiting ones. -/
partial def push (env : Environment) (used : Array Name) (waiting : List Name) (i : Nat := 0) : List Name :=
  if h : i < used.size then
    push env used (if (env.getModuleIdxFor? used[i]).isNone then used[i] :: waiting else waiting) (i + 1)
  else waiting

/-- One row for each declaration of the file that the waiting ones reach, themselves included. -/
partial def reached (env : Environment) (goal : ConstantInfo) (waiting : List Name) (seen : NameSet := {})
    (out : Array Json := #[]) : Array Json :=
  match waiting with
  | [] => out
  | name :: waiting =>
    if seen.contains name then reached env goal waiting seen out else
    match env.find? name with
    | none => reached env goal waiting (seen.insert name) out
    | some info =>
      let used := match valueOf info with
        | some value => (Expr.app info.type value).getUsedConstants
        | none => info.type.getUsedConstants
      let row := Json.mkObj [("name", .str name.toString), ("kind", .str (kind info)), ("uses", located env used),
        ("axioms", texts (axioms env used)), ("same", texts (likes env goal used)), ("recheck", .str (recheck env info))]
      reached env goal (push env used waiting) (seen.insert name) (out.push row)

/-- The declaration of the file that the user calls `wanted`. -/
partial def named (data : ModuleData) (wanted : String) (i : Nat := 0) : Option ConstantInfo :=
  if h : i < data.constants.size then
    if (privateToUserName data.constants[i].name).toString == wanted then some data.constants[i]
    else named data wanted (i + 1)
  else none

/-! ### Answers -/

/-- Bytes of linear memory in use by the embedded Lean; empty for a native one. -/
def memory : IO String := do
  if ← System.FilePath.pathExists "/q35/memory" then
    (← IO.FS.Handle.mk "/q35/memory" .read).getLine
  else
    return ""

/-- Answer to `read`: how the file `source` was read, what it declares, and what its theorem rests on. -/
def read (request : Json) (last? : Option Imported) : IO (Json × Option Imported) := do
  let source := text request "source"
  let (parser, imported) ← readHeader source (request.getObjValD "setup") last?
  let (_, outcome) ← IO.FS.withIsolatedStreams (isolateStderr := true) <|
    readCommands (context source) (array request "holes") parser { state := imported.state }
  let errors ← errors outcome.state.messages.toList outcome.errors
  let env := outcome.state.env
  let data ← mkModuleData env
  let reached := match named data (text request "theorem") with
    | some goal => reached env goal [goal.name]
    | none => #[]
  return (Json.mkObj [("commands", .arr outcome.commands), ("intruder", outcome.intruder), ("errors", .arr errors),
    ("declared", allDeclared data), ("reached", .arr reached)], some imported)

def answer (request : Json) (last? : Option Imported) : IO (Json × Option Imported) := do
  match text request "method" with
  | "ping" => return (Json.mkObj [("version", Lean.versionString)], last?)
  | "read" => read request last?
  | other => throw <| IO.userError s!"unknown method {other}"

/-- Answer requests to the end. A failure inside is an answer too. The answer is on a line of its own and holds the
secret of its request, so that nothing that a proof prints can spoil it or pass for it. -/
partial def loop (input output : IO.FS.Handle) (last? : Option Imported) : IO Unit := do
  let line ← input.getLine
  unless line.isEmpty do
    let (body, last?) ← match Json.parse line with
      | .error e => pure (Json.mkObj [("error", e)], last?)
      | .ok request =>
        let (body, last?) ← try answer request last? catch e => pure (Json.mkObj [("error", toString e)], last?)
        let body := body.setObjVal! "id" (request.getObjValD "id")
        pure (body.setObjVal! "secret" (request.getObjValD "secret"), last?)
    output.putStrLn ("\nq35 " ++ (body.setObjVal! "memory" (← memory)).compress)
    output.flush
    loop input output last?

elab "q35_judge" : tactic => do
  let output ← IO.FS.Handle.mk "/dev/stdout" .write
  loop (← IO.FS.Handle.mk "/dev/stdin" .read) output none

end Q35.Judge
end

set_option maxHeartbeats 0 in
example : True := by
  q35_judge
  trivial
