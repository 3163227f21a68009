module
public import Lean
public meta import Lean

/-! A Lean that is fit to use refuses the marked lines, and no other. -/

meta section
open Lean Elab Meta

/-- Add a false theorem without the elaborator: only the kernel stands in the way. -/
elab "plant_falsehood" : tactic => do
  addDecl (.thmDecl { name := `kernelRefuses.planted, levelParams := [], type := mkConst ``False, value := mkConst ``True.intro })

end

theorem addition (n : Nat) : n + 0 = n := by rfl
theorem decided : (List.range 128).all (fun n => n < 128) = true := by decide

theorem kernelRefuses : True := by
  plant_falsehood -- refused
  trivial

theorem decisionRefuses : (2 : Nat) = 3 := by decide -- refused
theorem tacticRefuses (n : Nat) : n < n + 0 := by omega -- refused
theorem typeRefuses : False := True.intro -- refused
