module
public import Lean
public meta import Lean

/-!
A Lean process that answers requests: one JSON object a line in, one JSON object a line out, each answer marked
by a leading `q35 `. Run as `lean serve.lean`; it runs while it is elaborated, inside a tactic.

The embedded Lean shapes this file. A library function may be called in full only, never passed as a closure
(`runFrontend` in a lambda has "no executable code"), and functions that the compiler split into `f._redArg` cannot be
called at all. The elaborator isolates the standard streams, hence `/dev/stdin` and `/dev/stdout` by name.
-/

public meta section
open Lean Elab

namespace Q35.Serve

/-- The string under `key`, empty when there is none. -/
def text (request : Json) (key : String) : String :=
  match request.getObjVal? key with
  | .ok (.str s) => s
  | _ => ""

def path? (request : Json) (key : String) : Option System.FilePath :=
  let path := text request key
  if path == "" then none else some path

/-- Elaborate a file and write its `.olean` files; whether it had no error. Messages go to stdout as JSON lines. -/
def frontend (source shown : String) (setup : ModuleSetup) (olean ilean : Option System.FilePath) : IO Bool := do
  let env? ← runFrontend source {} shown setup.name 0 olean ilean true #[] #[] false (some setup)
  return env?.isSome

/-- Answer to `elaborate`: `ok`, and `output` with Lean's messages, one JSON object a line. -/
def elaborate (request : Json) : IO Json := do
  let setup ← match request.getObjVal? "setup" >>= fromJson? (α := ModuleSetup) with
    | .ok setup => pure setup
    | .error e => throw <| IO.userError s!"bad setup: {e}"
  let source ← IO.FS.readFile (text request "file")
  let olean? := path? request "olean"
  let ilean? := path? request "ilean"
  let (output, ok) ← IO.FS.withIsolatedStreams (isolateStderr := true) <|
    frontend source (text request "shown") setup olean? ilean?
  return Json.mkObj [("ok", ok), ("output", output)]

/-- Bytes of linear memory in use by the embedded Lean; empty for a native one. -/
def memory : IO String := do
  if ← System.FilePath.pathExists "/q35/memory" then
    (← IO.FS.Handle.mk "/q35/memory" .read).getLine
  else
    return ""

def answer (request : Json) : IO Json := do
  match text request "method" with
  | "ping" => return Json.mkObj [("ok", true), ("version", Lean.versionString), ("memory", ← memory)]
  | "elaborate" => return (← elaborate request).setObjVal! "memory" (← memory)
  | other => throw <| IO.userError s!"unknown method {other}"

/-- One request's answer; a failure inside is an answer too. -/
def respond (line : String) : IO Json := do
  match Json.parse line with
  | .error e => return Json.mkObj [("error", e)]
  | .ok request =>
    let body ← try answer request catch e => pure (Json.mkObj [("error", toString e)])
    return body.setObjVal! "id" (request.getObjValD "id")

partial def loop (input output : IO.FS.Handle) : IO Unit := do
  let line ← input.getLine
  unless line.isEmpty do
    output.putStrLn ("q35 " ++ (← respond line).compress)
    output.flush
    loop input output

elab "q35_serve" : tactic => do
  let output ← IO.FS.Handle.mk "/dev/stdout" .write
  loop (← IO.FS.Handle.mk "/dev/stdin" .read) output

end Q35.Serve
end

set_option maxHeartbeats 0 in
example : True := by
  q35_serve
  trivial
