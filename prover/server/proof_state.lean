module
public import Lean
public meta import Lean

/-!
A Lean process that holds proof states and runs tactics on them. One JSON object a line comes in, each answer is a
line marked by a leading `q35 `; run as `lean proof_state.lean`, it works while it is elaborated, inside a tactic.

* `cmd` (with `env`) elaborates commands and `tactic` (with `proofState`) runs one, as leanprover-community/repl has
  it. There a state keeps all its goals.
* `cmd` with `sorry` elaborates a file up to the command with the `sorry` at that byte and gives the state there.
* `batch` tries tactics, each from the same state, and answers each as soon as it is known. What a tactic leaves is
  given as states that are independent of each other.
* `forget` lets go of states.

How a state is found: `sorry` is elaborated by a function of ours that first keeps everything that a tactic at that
place would see, so no state has to be put together again from info trees.

What shapes this file is said in `q35/lean/serve.lean`: the embedded Lean lacks some library functions at compile time,
hence small recursive helpers of our own.
-/

public meta section
open Lean Elab Meta

namespace Q35.ProofState

/-! ## States -/

/-- What all states that come from one `sorry` share: the contexts in which it was elaborated. -/
structure Place where
  core : Core.Context
  «meta» : Meta.Context
  term : Term.Context
  forbidden : List Name := []

/-- Goals to be closed together, the main one first, and the metavariables that have to be assigned by then. -/
structure Held where
  place : Place
  core : Core.State
  «meta» : Meta.State
  term : Term.State
  goals : List MVarId
  owed : List MVarId

/-- A `sorry` that was elaborated: where it stands, and the state there. -/
structure Hole where
  start : String.Pos.Raw
  stop : String.Pos.Raw
  key : String
  held : Held

/-- All that the process holds. `headers`: the command state after each header, by its text and setup. -/
structure Memory where
  states : IO.Ref (Array (Option Held))
  commands : IO.Ref (Array Command.State)
  headers : IO.Ref (List (String × Command.State))
  holes : IO.Ref (Array Hole)

/-- The number under which a state is held from now on. -/
def keep (memory : Memory) (held : Held) : IO Nat := do
  let states ← memory.states.get
  memory.states.set (states.push (some held))
  return states.size

/-- Without what only the elaboration of a file needs. -/
def tidy (core : Core.State) : Core.State :=
  { core with messages := {}, traceState := {}, infoState := {}, snapshotTasks := #[], cache := {} }

/-! ## Keys of goals -/

def levelNames (count : Nat) : List Level :=
  match count with
  | 0 => []
  | n + 1 => .param (.num `u n) :: levelNames n

/-- The same term with every leaf exchanged, so that its hash is another function of the term. -/
def disguise (e : Expr) : Expr :=
  e.replace fun
    | .bvar i => some (.const (.num `bvar i) [])
    | .const name _ => some (.const (.str name "'") [])
    | .sort _ => some (.const `sort [])
    | .lit (.natVal n) => some (.const (.num `nat n) [])
    | .lit (.strVal s) => some (.const (.str `str s) [])
    | .fvar _ => some (.const `fvar [])
    | _ => none

/-- A hash of 64 bits of a goal's hypotheses and type that does not depend on names of hypotheses, bound variables,
metavariables and universes. An `Expr` carries a hash of 32 bits, without bound names: it and that of its disguise. -/
def goalKey (goal : MVarId) : MetaM String := do
  let declaration ← goal.getDecl
  let hypotheses := declaration.lctx.getFVars
  let e ← instantiateMVars (declaration.lctx.mkForall hypotheses (← instantiateMVars declaration.type) false)
  let e ← if e.hasMVar then do pure (← abstractMVars e).expr else pure e
  let names := (collectLevelParams {} e).params
  let e := e.instantiateLevelParams names.toList (levelNames names.size)
  return toString (e.hash.toNat <<< 32 + (disguise e).hash.toNat)

/-! ## Keeping the state at each `sorry` -/

/-- The theorem that is being proved is a hypothesis while its body is elaborated; no proof may use it. -/
partial def clearRecursion (hypotheses : Array FVarId) (i : Nat) (goal : MVarId) : MetaM MVarId := do
  if h : i < hypotheses.size then
    let declaration ← goal.getDecl
    let mut goal := goal
    if let some hypothesis := declaration.lctx.find? hypotheses[i] then
      if hypothesis.isAuxDecl then
        try goal ← goal.clear hypothesis.fvarId catch _ => pure ()
    clearRecursion hypotheses (i + 1) goal
  else return goal

/-- The state in which `goal` is all there is to prove. What it takes to make it leaves no trace but used-up names. -/
def hold (goal : MVarId) : TermElabM Held := do
  let metaBefore ← getThe Meta.State
  let cleared ← clearRecursion (← goal.getDecl).lctx.getFVarIds 0 goal
  let held := {
    place := { core := ← readThe Core.Context, «meta» := ← readThe Meta.Context, term := ← readThe Term.Context }
    core := tidy (← getThe Core.State)
    «meta» := { (← getThe Meta.State) with cache := {} }
    term := { (← getThe Term.State) with pendingMVars := [] }
    goals := [cleared]
    owed := [cleared] }
  set metaBefore
  return held

/-- Keep the state at a `sorry`; a term may be elaborated more than once, and for each goal the last time counts. -/
def record (holes : IO.Ref (Array Hole)) (stx : Syntax) (goal : MVarId) : TermElabM Unit := do
  if let some start := stx.getPos? then
    if let some stop := stx.getTailPos? then
      let hole := { start, stop, key := ← goalKey goal, held := ← hold goal }
      let rec put (known : Array Hole) (i : Nat) : Array Hole :=
        if h : i < known.size then
          if known[i].start == start && known[i].key == hole.key then known.set i hole else put known (i + 1)
        else known.push hole
      holes.modify (put · 0)

def sorryTerm (holes : IO.Ref (Array Hole)) : Term.TermElab := fun stx expected? => do
  Term.tryPostponeIfNoneOrMVar expected?
  let type ← match expected? with
    | some type => pure type
    | none => mkFreshTypeMVar
  let type ← instantiateMVars type
  let goal ← mkFreshExprSyntheticOpaqueMVar type
  record holes stx goal.mvarId!
  mkLabeledSorry type false true

/-- From now on every environment that is imported elaborates `sorry` by `sorryTerm` (the tactic expands to the term). -/
def watchSorry (holes : IO.Ref (Array Hole)) : IO Unit := do
  let table ← Term.termElabAttribute.tableRef.get
  let key := ``Parser.Term.sorry
  let entry : KeyedDeclsAttribute.AttributeEntry Term.TermElab :=
    { key, declName := ``sorryTerm, isBuiltin := true, value := sorryTerm holes }
  let slot := (hash key).toUSize.toNat % 32
  let root := (Array.replicate 32 PersistentHashMap.Entry.null).set! slot (.entry key [entry])
  Term.termElabAttribute.tableRef.set { table with stage₁ := false, map₂ := ⟨.entries root⟩ }

/-- A tactic `sorry` stands for `exact sorry`, and there implicit arguments of the goal are introduced before the term
is elaborated, which no other tactic does. `exact @sorry` sees the goal as it is. -/
partial def asItIs (stx : Syntax) : Syntax :=
  match stx with
  | .node info kind args =>
    if kind == ``Parser.Tactic.tacticSorry then
      let term := Syntax.node info ``Parser.Term.explicit #[.atom .none "@", .node info ``Parser.Term.sorry args]
      .node info ``Parser.Tactic.exact #[.atom .none "exact", term]
    else .node info kind (each args 0)
  | _ => stx
where
  each (args : Array Syntax) (i : Nat) : Array Syntax :=
    if h : i < args.size then each (args.set i (asItIs args[i])) (i + 1) else args

/-! ## Commands -/

def natField? (request : Json) (key : String) : Option Nat :=
  match request.getObjVal? key with
  | .ok (.num n) => if n.exponent == 0 then some n.mantissa.toNat else none
  | _ => none

def textField? (request : Json) (key : String) : Option String :=
  match request.getObjVal? key with
  | .ok (.str s) => some s
  | _ => none

def fail {α : Type} (what : String) : IO α :=
  throw (IO.userError what)

def inputContext (source : String) : Parser.InputContext :=
  { inputString := source, fileName := "<input>", fileMap := FileMap.ofString source
    endPos := source.rawEndPos, endPos_valid := by simp }

/-- The command state after the file's header, from an earlier file with the same header and setup if there was one. -/
def header (memory : Memory) (input : Parser.InputContext) (request : Json) :
    IO (Command.State × Parser.ModuleParserState) := do
  let (stx, parserState, messages) ← Parser.parseHeader input
  let setup := request.getObjValD "setup"
  let key := setup.compress ++ "\n" ++ String.Pos.Raw.extract input.inputString 0 parserState.pos
  let rec known : List (String × Command.State) → Option Command.State
    | [] => none
    | (k, state) :: rest => if k == key then some state else known rest
  if let some state := known (← memory.headers.get) then
    return (state, parserState)
  let setup : ModuleSetup ← if setup.isNull then pure { name := `Main } else
    match fromJson? (α := ModuleSetup) setup with
    | .ok setup => pure setup
    | .error e => fail s!"bad setup: {e}"
  let options := setup.options.toOptions
  let (env, messages) ← processHeaderCore (HeaderSyntax.startPos stx) (HeaderSyntax.imports stx)
    (HeaderSyntax.isModule stx) options messages input 0 #[] false setup.name none setup.importArts
  let state := Command.mkState env messages options
  unless messages.hasErrors do
    memory.headers.modify ((key, state) :: ·)
  return (state, parserState)

/-- Elaborate commands one at a time, up to the end or to the one that reaches beyond `stop?`. -/
partial def elaborate (input : Parser.InputContext) (stop? : Option String.Pos.Raw) (state : Command.State)
    (parserState : Parser.ModuleParserState) : IO Command.State := do
  let scope := match state.scopes with
    | scope :: _ => scope
    | [] => { header := "" }
  let context : Parser.ParserModuleContext :=
    { env := state.env, options := scope.opts, currNamespace := scope.currNamespace, openDecls := scope.openDecls }
  let (stx, parserState', messages) := Parser.parseCommand input context parserState {}
  let commandContext : Command.Context :=
    { fileName := input.fileName, fileMap := input.fileMap, cmdPos := parserState.pos, snap? := none, cancelTk? := none }
  let earlier := state.messages
  let ref ← IO.mkRef { state with messages }
  match ← EIO.toIO' (Command.elabCommandTopLevel (asItIs stx) commandContext ref) with
  | .error e => fail s!"internal error: {← e.toMessageData.toString}"
  | .ok () =>
    let state ← ref.get
    let state := { state with messages := earlier ++ state.messages, infoState := {}, traceState := {}
                              snapshotTasks := #[] }
    let reached := match stop? with
      | some stop => decide (stop.byteIdx < parserState'.pos.byteIdx)
      | none => false
    if Parser.isTerminalCommand stx || reached then
      return state
    elaborate input stop? state parserState'

/-! ## What is said -/

def place (fileMap : FileMap) (position : String.Pos.Raw) : Json :=
  let p := fileMap.toPosition position
  Json.mkObj [("line", p.line), ("column", p.column)]

def position (p : Position) : Json := Json.mkObj [("line", p.line), ("column", p.column)]

def severity : MessageSeverity → String
  | .information => "info"
  | .warning => "warning"
  | .error => "error"

partial def messagesJson : List Message → Array Json → IO (Array Json)
  | [], out => return out
  | m :: rest, out => do
    let fields := [("severity", Json.str (severity m.severity)), ("pos", position m.pos),
      ("data", .str (← m.data.toString).trimAscii.toString)]
    let fields := match m.endPos with
      | some p => ("endPos", position p) :: fields
      | none => fields
    messagesJson rest (out.push (Json.mkObj fields))

/-- Run something in a state; the states of the monads are left in the references. -/
def runIn {α : Type} (held : Held) (x : MetaM α) : IO α := do
  let core ← IO.mkRef held.core
  let meta_ ← IO.mkRef held.meta
  match ← EIO.toIO' (x held.place.meta meta_ held.place.core core) with
  | .ok a => return a
  | .error e => fail (← e.toMessageData.toString)

def goalText (goal : MVarId) : MetaM String := do
  return (← Meta.ppGoal goal).pretty 120

partial def goalTexts (held : Held) : List MVarId → IO (List String)
  | [] => return []
  | goal :: rest => do
    let text ← runIn held (goalText goal)
    return text :: (← goalTexts held rest)

def lines : List String → String
  | [] => ""
  | [s] => s
  | s :: rest => s ++ "\n" ++ lines rest

def strings : List String → Array Json → Json
  | [], out => .arr out
  | s :: rest, out => strings rest (out.push (.str s))

/-- Every `sorry` that was met, as states of their own. -/
partial def holesJson (memory : Memory) (fileMap : FileMap) (holes : Array Hole) (i : Nat) (out : Array Json) :
    IO (Array Json) := do
  if h : i < holes.size then
    let hole := holes[i]
    let json := Json.mkObj [
      ("pos", place fileMap hole.start), ("endPos", place fileMap hole.stop),
      ("goal", .str (lines (← goalTexts hole.held hole.held.goals))), ("proofState", ← keep memory hole.held)]
    holesJson memory fileMap holes (i + 1) (out.push json)
  else return out

def nonempty (key : String) (items : Array Json) (fields : List (String × Json)) : List (String × Json) :=
  if items.size == 0 then fields else (key, .arr items) :: fields

/-- Answer to `cmd`. -/
def command (memory : Memory) (request : Json) (source : String) : IO Json := do
  let input := inputContext source
  let (state, parserState) ← match natField? request "env" with
    | some n => match (← memory.commands.get)[n]? with
      | some state => pure (state, {})
      | none => return Json.mkObj [("message", "Unknown environment.")]
    | none => header memory input request
  memory.holes.set #[]
  let state ← elaborate input none state parserState
  let commands ← memory.commands.get
  memory.commands.set (commands.push { state with messages := {} })
  let messages ← messagesJson state.messages.toList #[]
  let holes ← holesJson memory input.fileMap (← memory.holes.get) 0 #[]
  return Json.mkObj (("env", commands.size) :: nonempty "messages" messages (nonempty "sorries" holes []))

/-! ## Metavariables that are still open -/

def memberOf (id : MVarId) : List MVarId → Bool
  | [] => false
  | x :: xs => x == id || memberOf id xs

def unite : List MVarId → List MVarId → List MVarId
  | [], all => all
  | x :: xs, all => if memberOf x all then unite xs all else unite xs (x :: all)

mutual

/-- The unassigned metavariables that `e` waits for, in the terms of delayed assignments too, before those in `found`.
With `deep` also those that their types and hypotheses mention. -/
partial def openIn (deep : Bool) (e : Expr) (found : List MVarId) : MetaM (List MVarId) := do
  let e ← instantiateMVars e
  if e.hasExprMVar then openAmong deep (e.collectMVars {}).result 0 found else return found

partial def openAmong (deep : Bool) (ids : Array MVarId) (i : Nat) (found : List MVarId) : MetaM (List MVarId) := do
  if h : i < ids.size then
    openAmong deep ids (i + 1) (← openAt deep ids[i] found)
  else return found

partial def openAt (deep : Bool) (id : MVarId) (found : List MVarId) : MetaM (List MVarId) := do
  if memberOf id found then
    return found
  match ← getDelayedMVarAssignment? id with
  | some delayed => openIn deep (.mvar delayed.mvarIdPending) found
  | none =>
    let found := id :: found
    if !deep then
      return found
    let declaration ← id.getDecl
    openInHypotheses declaration.lctx declaration.lctx.getFVarIds 0 (← openIn deep declaration.type found)

partial def openInHypotheses (lctx : LocalContext) (ids : Array FVarId) (i : Nat) (found : List MVarId) :
    MetaM (List MVarId) := do
  if h : i < ids.size then
    let found ← match lctx.find? ids[i] with
      | some (.cdecl _ _ _ type ..) => openIn true type found
      | some (.ldecl _ _ _ type value ..) => openIn true value (← openIn true type found)
      | none => pure found
    openInHypotheses lctx ids (i + 1) found
  else return found

end

def openInAll (deep : Bool) : List MVarId → List MVarId → MetaM (List MVarId)
  | [], found => return found
  | id :: rest, found => do openInAll deep rest (← openIn deep (.mvar id) found)

/-- A list for each goal: the metavariables, itself included, that closing it has to assign or may assign. -/
def reaches : List MVarId → MetaM (List (List MVarId))
  | [] => return []
  | goal :: rest => do return (← openIn true (.mvar goal) []) :: (← reaches rest)

def disjoint : List MVarId → List MVarId → Bool
  | [], _ => true
  | x :: xs, others => !memberOf x others && disjoint xs others

def disjointFromAll (one : List MVarId) : List (List MVarId) → Bool
  | [] => true
  | other :: rest => disjoint one other && disjointFromAll one rest

def independent : List (List MVarId) → Bool
  | [] => true
  | one :: rest => disjointFromAll one rest && independent rest

def uniteAll : List (List MVarId) → List MVarId
  | [] => []
  | one :: rest => unite one (uniteAll rest)

/-! ## Steps -/

inductive Refusal where
  | parse | error | «sorry» | metavariables | heartbeats

def Refusal.text : Refusal → String
  | .parse => "parse"
  | .error => "error"
  | .sorry => "sorry"
  | .metavariables => "metavariables"
  | .heartbeats => "heartbeats"

inductive Outcome where
  | closed (withSorry : Bool)
  | opened (states : List Held)
  | refused (why : Refusal) (message : String)

def firstError : List Message → Option Message
  | [] => none
  | m :: rest => if m.severity matches .error then some m else firstError rest

def anySorry : List MVarId → MetaM Bool
  | [] => return false
  | id :: rest => do
    if (← instantiateMVars (.mvar id)).hasSorry then return true
    anySorry rest

def run (stx : Syntax) : Tactic.TacticM Unit := do
  Tactic.evalTactic stx
  Term.synthesizeSyntheticMVarsNoPostponing
  Tactic.pruneSolvedGoals

def each (make : List MVarId → List MVarId → Held) : List MVarId → List (List MVarId) → List Held
  | goal :: goals, reach :: more => make [goal] reach :: each make goals more
  | _, _ => []

def outside (all : List MVarId) : List MVarId → Bool
  | [] => false
  | id :: rest => !memberOf id all || outside all rest

def named (name : Name) : List Name → Bool
  | [] => false
  | x :: xs => x == name || named name xs

/-- Whether the name is forbidden, or that of what Lean made of a forbidden theorem (`it._simp_1`). -/
def forbids (forbidden : List Name) : Name → Bool
  | name => named name forbidden || match name with
    | .str before last => last.front == '_' && named before forbidden
    | _ => false

/-- The first of the forbidden constants among `used`, or among what those that no module holds (lemmas that a tactic
made on the way) use in turn. -/
partial def forbiddenAmong (env : Environment) (forbidden : List Name) (used : Array Name) (i : Nat)
    (seen : List Name) : Option Name × List Name :=
  if h : i < used.size then
    let name := used[i]
    if forbids forbidden name then (some name, seen) else
    if (env.getModuleIdxFor? name).isSome || named name seen then forbiddenAmong env forbidden used (i + 1) seen else
    let seen := name :: seen
    let found := match env.find? name with
      | some (.thmInfo info) => forbiddenAmong env forbidden info.value.getUsedConstants 0 seen
      | some (.defnInfo info) => forbiddenAmong env forbidden info.value.getUsedConstants 0 seen
      | _ => (none, seen)
    match found with
    | (some name, seen) => (some name, seen)
    | (none, seen) => forbiddenAmong env forbidden used (i + 1) seen
  else (none, seen)

def forbiddenIn (env : Environment) (forbidden : List Name) : List MVarId → MetaM (Option Name)
  | [] => return none
  | id :: rest => do
    let used := (← instantiateMVars (.mvar id)).getUsedConstants
    match forbiddenAmong env forbidden used 0 [] with
    | (some name, _) => return some name
    | (none, _) => forbiddenIn env forbidden rest

/-- What the tactic made of the state: `goals` are left, `held` is the state before with the monads' states of now.
A `whole` state is not split and may hold a `sorry`. -/
def judge (held : Held) (goals : List MVarId) (whole : Bool) : MetaM Outcome := do
  let withSorry ← anySorry held.owed
  if withSorry && !whole then
    return .refused .sorry "the tactic leaves a sorry in the proof"
  unless held.place.forbidden matches [] do
    if let some name ← forbiddenIn held.core.env held.place.forbidden held.owed then
      return .refused .error ("the proof uses " ++ name.toString ++ ", which it may not")
  let reached ← reaches goals
  let owed := uniteAll reached
  if outside owed (← openInAll false held.owed []) then
    return .refused .metavariables "the tactic leaves metavariables that are no goal and that no goal mentions"
  if goals matches [] then
    return .closed withSorry
  let mctx ← getMCtx
  let make (goals owed : List MVarId) : Held :=
    { held with goals, owed, «meta» := { held.meta with mctx, cache := {} } }
  if whole then
    return .opened [make goals (unite held.owed owed)]
  if independent reached then
    return .opened (each make goals reached)
  return .opened [make goals owed]

/-- A tactic, or several with `;` or newlines between. -/
def parse (env : Environment) (text : String) : Except String Syntax :=
  let input := inputContext text
  let state := (Parser.andthenFn Parser.whitespace Parser.Tactic.tacticSeq.fn).run input { env, options := {} }
    (Parser.getTokenTable env) (Parser.mkParserState text)
  if state.hasError || state.recoveredErrors.size != 0 then .error (state.toErrorMsg input)
  else if input.atEnd state.pos then .ok state.stxStack.back
  else .error ((state.mkError "end of input").toErrorMsg input)

/-- Run one tactic in the state, which itself stays as it is. `limit` is in thousands of heartbeats. -/
def step (held : Held) (tactic : String) (limit : Nat) (whole : Bool) : IO Outcome := do
  match parse held.core.env tactic with
  | .error e => return .refused .parse e
  | .ok stx =>
    match held.goals with
    | [] => return .refused .error "no goals"
    | goal :: _ =>
      let some declaration := held.meta.mctx.findDecl? goal | fail "unknown goal"
      let coreContext :=
        { held.place.core with initHeartbeats := ← IO.getNumHeartbeats, maxHeartbeats := limit * 1000 }
      let metaContext :=
        { held.place.meta with lctx := declaration.lctx, localInstances := declaration.localInstances }
      let core ← IO.mkRef held.core
      let meta_ ← IO.mkRef held.meta
      let term ← IO.mkRef held.term
      let goals ← IO.mkRef { goals := held.goals : Tactic.State }
      let ran ← EIO.toIO' (run stx { elaborator := .anonymous, recover := false } goals held.place.term term
        metaContext meta_ coreContext core)
      let coreNow ← core.get
      match ran with
      | .error e =>
        let why := if e.isMaxHeartbeat then Refusal.heartbeats else .error
        match e, firstError coreNow.messages.toList with
        | .internal .., some logged => return .refused why (← logged.data.toString)
        | _, _ => return .refused why (← e.toMessageData.toString)
      | .ok () =>
        if let some m := firstError coreNow.messages.toList then
          return .refused .error (← m.data.toString)
        let now := { held with
          core := tidy coreNow
          «meta» := ← meta_.get
          term := { (← term.get) with pendingMVars := [] } }
        match ← EIO.toIO' (judge now (← goals.get).goals whole metaContext meta_ coreContext core) with
        | .ok outcome => return outcome
        | .error e => return .refused .error (← e.toMessageData.toString)

/-! ## Requests -/

def goalJson (held : Held) (goal : MVarId) : IO Json := do
  return Json.mkObj [("text", .str (← runIn held (goalText goal))), ("key", .str (← runIn held (goalKey goal)))]

def goalsJson (held : Held) : List MVarId → Array Json → IO Json
  | [], out => return .arr out
  | goal :: rest, out => do goalsJson held rest (out.push (← goalJson held goal))

def stateJson (memory : Memory) (held : Held) : IO Json := do
  return Json.mkObj [("proofState", ← keep memory held), ("goals", ← goalsJson held held.goals #[])]

def statesJson (memory : Memory) : List Held → Array Json → IO Json
  | [], out => return .arr out
  | held :: rest, out => do statesJson memory rest (out.push (← stateJson memory held))

def outcomeJson (memory : Memory) : Outcome → IO (List (String × Json))
  | .closed _ => return [("states", .arr #[])]
  | .opened states => return [("states", ← statesJson memory states #[])]
  | .refused why message => return [("refused", .str why.text), ("message", .str message)]

def held? (memory : Memory) (request : Json) : IO (Option Held) := do
  let states ← memory.states.get
  match natField? request "proofState" with
  | some n => match states[n]? with
    | some held? => return held?
    | none => return none
  | none => return none

/-- Answer to `tactic`, as leanprover-community/repl has it. -/
def tactic (memory : Memory) (request : Json) (text : String) (limit : Nat) : IO Json := do
  let some held ← held? memory request | return Json.mkObj [("message", "Unknown proof state.")]
  memory.holes.set #[]
  let outcome ← step held text limit true
  let answer (now : Held) (status : String) : IO Json := do
    let holes ← holesJson memory (FileMap.ofString text) (← memory.holes.get) 0 #[]
    return Json.mkObj (nonempty "sorries" holes [("proofState", ← keep memory now),
      ("goals", strings (← goalTexts now now.goals) #[]), ("proofStatus", .str status)])
  match outcome with
  | .refused _ message => return Json.mkObj [("message", .str ("Lean error:\n" ++ message))]
  | .closed withSorry =>
    answer { held with goals := [] } (if withSorry then "Incomplete: contains sorry" else "Completed")
  | .opened (now :: _) => answer now "Incomplete: open goals remain"
  | .opened [] => fail "a tactic left no state"

def namesField (request : Json) (key : String) : List Name :=
  let rec go (texts : Array Json) (i : Nat) (out : List Name) : List Name :=
    if h : i < texts.size then
      match texts[i] with
      | .str s => go texts (i + 1) (s.toName :: out)
      | _ => go texts (i + 1) out
    else out
  match request.getObjValD key with
  | .arr texts => go texts 0 []
  | _ => []

/-- Answer to `cmd` with `sorry`: the state at that byte, or what kept the file from getting there. -/
def root (memory : Memory) (request : Json) (source : String) (position : Nat) : IO Json := do
  let input := inputContext source
  let (state, parserState) ← header memory input request
  memory.holes.set #[]
  let state ← if state.messages.hasErrors then pure state else elaborate input (some ⟨position⟩) state parserState
  let rec find : List Hole → List Hole
    | [] => []
    | hole :: rest => if hole.start.byteIdx == position then hole :: find rest else find rest
  let messages := nonempty "messages" (← messagesJson state.messages.toList #[]) []
  match find (← memory.holes.get).toList with
  | [hole] =>
    let held := { hole.held with place := { hole.held.place with forbidden := namesField request "forbidden" } }
    return Json.mkObj (("state", ← stateJson memory held) :: messages)
  | [] => return Json.mkObj messages
  | _ => return Json.mkObj [("message", "this sorry stands for several goals")]

def forget (memory : Memory) (request : Json) : IO Json := do
  let rec go (ids : Array Json) (i : Nat) (states : Array (Option Held)) : Array (Option Held) :=
    if h : i < ids.size then
      match ids[i] with
      | .num n => go ids (i + 1) (states.setIfInBounds n.mantissa.toNat none)
      | _ => go ids (i + 1) states
    else states
  match request.getObjValD "forget" with
  | .arr ids =>
    let states ← memory.states.get
    memory.states.set #[]
    memory.states.set (go ids 0 states)
    return Json.mkObj [("ok", true)]
  | _ => return Json.mkObj [("message", "forget is a list of numbers")]

/-- Bytes of linear memory in use by the embedded Lean; empty for a native one. -/
def memoryUsed : IO String := do
  if ← System.FilePath.pathExists "/q35/memory" then
    (← IO.FS.Handle.mk "/q35/memory" .read).getLine
  else
    return ""

def say (output : IO.FS.Handle) (request : Json) (answer : Json) : IO Unit := do
  output.putStrLn ("q35 " ++ (answer.setObjVal! "id" (request.getObjValD "id")).compress)
  output.flush

/-- Try the tactics, each from the state; an answer each, up to the first that closes it if that is enough. -/
partial def tryEach (memory : Memory) (output : IO.FS.Handle) (request : Json) (held : Held) (tactics : Array Json)
    (untilClosed : Bool) (limit : Nat) (i : Nat) : IO Unit := do
  if h : i < tactics.size then
    let .str text := tactics[i] | fail "a tactic is a string"
    let heartbeats ← IO.getNumHeartbeats
    let began ← IO.monoNanosNow
    let outcome ← step held text limit false
    let fields ← outcomeJson memory outcome
    let used := (← IO.getNumHeartbeats) - heartbeats
    let took := (← IO.monoNanosNow) - began
    say output request
      (Json.mkObj (("more", true) :: ("heartbeats", used) :: ("microseconds", (took / 1000 : Nat)) :: fields))
    if untilClosed && outcome matches .closed _ then return
    tryEach memory output request held tactics untilClosed limit (i + 1)

partial def batch (memory : Memory) (output : IO.FS.Handle) (request : Json) (parts : Array Json) (limit : Nat)
    (i : Nat) : IO Unit := do
  if h : i < parts.size then
    let some held ← held? memory parts[i] | fail "Unknown proof state."
    let .arr tactics := parts[i].getObjValD "tactics" | fail "a part of a batch has a list of tactics"
    tryEach memory output request held tactics (parts[i].getObjValD "untilClosed" == .bool true) limit 0
    batch memory output request parts limit (i + 1)

/-- Thousands of heartbeats for a tactic where the request says nothing; Lean's own limit. -/
def defaultLimit : Nat := 200000

def answer (memory : Memory) (output : IO.FS.Handle) (request : Json) : IO Json := do
  let limit := (natField? request "maxHeartbeats").getD defaultLimit
  if textField? request "method" == some "ping" then
    return Json.mkObj [("ok", true), ("version", Lean.versionString)]
  if let some text := textField? request "tactic" then
    return ← tactic memory request text limit
  if let some source := textField? request "cmd" then
    match natField? request "sorry" with
    | some position => return ← root memory request source position
    | none => return ← command memory request source
  if let .arr parts := request.getObjValD "batch" then
    batch memory output request parts limit 0
    return Json.mkObj [("ok", true)]
  if let .arr _ := request.getObjValD "forget" then
    return ← forget memory request
  return Json.mkObj [("message", "Could not parse as a valid JSON command:\nit has no cmd, tactic, batch or forget")]

/-- One request's answer; a failure inside is an answer too. -/
def respond (memory : Memory) (output : IO.FS.Handle) (line : String) : IO Unit := do
  match Json.parse line with
  | .error e => say output .null (Json.mkObj [("message", .str ("Could not parse JSON:\n" ++ e))])
  | .ok request =>
    let body ← try answer memory output request catch e => pure (Json.mkObj [("message", toString e)])
    say output request (body.setObjVal! "memory" (← memoryUsed))

partial def loop (memory : Memory) (input output : IO.FS.Handle) : IO Unit := do
  let line ← input.getLine
  unless line.isEmpty do
    respond memory output line
    loop memory input output

elab "q35_proof_states" : tactic => do
  let memory : Memory :=
    { states := ← IO.mkRef #[], commands := ← IO.mkRef #[], headers := ← IO.mkRef [], holes := ← IO.mkRef #[] }
  watchSorry memory.holes
  let output ← IO.FS.Handle.mk "/dev/stdout" .write
  loop memory (← IO.FS.Handle.mk "/dev/stdin" .read) output

end Q35.ProofState
end

set_option maxHeartbeats 0 in
example : True := by
  q35_proof_states
  trivial
