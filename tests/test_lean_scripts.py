"""What is put into `lean.js`, run by the same Node without Lean: each function against what emscripten's own does."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from q35.lean import embedded, launcher

SCRIPTS = Path(launcher.__file__).parent

# A table of functions that are WebAssembly's, as Lean's are, but do what JavaScript says.
STAGE = """
const fs=require("fs");
const functions={
  ii:x=>x+1, vi:()=>{}, jj:x=>x*2n, dd:x=>x/4, fi:x=>x+0.5, iiiiiii:(...xs)=>xs.reduce((a,b)=>10*a+b),
};
const signatures=Object.keys(functions);
const module=new WebAssembly.Module(new Uint8Array([0,97,115,109,1,0,0,0,
  ...[[1,signatures.map(q35Type)],
      [2,signatures.map((s,at)=>[...q35Name("js"),...q35Name(s),0,...q35Leb(at)])],
      [7,signatures.map((s,at)=>[...q35Name(s),0,...q35Leb(at)])]]
    .flatMap(([id,items])=>[id,...q35Leb(q35List(items).length),...q35List(items)])]));
let act=null;
const js=Object.fromEntries(signatures.map(s=>[s,(...xs)=>act?act():functions[s](...xs)]));
const table=new WebAssembly.Table({element:"anyfunc",initial:signatures.length});
const made=new WebAssembly.Instance(module,{js}).exports;
signatures.forEach((s,at)=>table.set(at,made[s]));
const stack=new WebAssembly.Global({value:"i32",mutable:true},1000);
let threw=[];
const imports={},slow=[];
for(const s of signatures)imports["invoke_"+s]=(index,...xs)=>{slow.push([s,index,...xs]);return 77};
q35Invokers(imports);
q35Connect({__indirect_function_table:table,__stack_pointer:stack,setThrew:(...said)=>{threw.push(said)}});
const invoke=(s,at,...xs)=>{
  threw=[];stack.value=1000;
  let outcome;
  try{outcome=imports["invoke_"+s](signatures.indexOf(at),...xs)}catch(error){outcome=String(error)}
  return [typeof outcome==="bigint"?Number(outcome):outcome??null,stack.value,threw];
};
const throwing=what=>()=>{stack.value=7;throw what};
"""


def run(script: str, *names: str) -> Any:
    """What `script` prints as JSON, after the scripts `names` of the package."""
    text = "\n".join((SCRIPTS / name).read_text(encoding="utf-8") for name in names) + script
    done = subprocess.run(
        [str(embedded.find_node()), *launcher.NODE_OPTIONS, "-e", text], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("call", "result"),
    [
        ('"ii","ii",41', 42),
        ('"vi","vi",1', None),
        ('"jj","jj",2n**40n', 2**41),
        ('"dd","dd",1', 0.25),
        ('"fi","fi",1', 1.5),
        ('"iiiiiii","iiiiiii",1,2,3,4,5,6', 123456),
    ],
)
def test_a_call_that_may_throw_returns_what_was_returned(call: str, result: float | None) -> None:
    assert run(f"{STAGE}console.log(JSON.stringify(invoke({call})))", "invoke.js") == [result, 1000, []]


@pytest.mark.parametrize("signature", ["ii", "vi", "jj", "dd", "fi"])
@pytest.mark.parametrize("thrown", ["14742512", "Infinity"])
def test_a_number_that_is_thrown_stops_at_the_call(signature: str, thrown: str) -> None:
    """A pointer to an exception of C++, or what longjmp throws: 0, the stack as before, and `setThrew(1, 0)`."""
    argument = "1n" if "j" in signature else "1"
    call = f'act=throwing({thrown});console.log(JSON.stringify(invoke("{signature}","{signature}",{argument})))'
    assert run(STAGE + call, "invoke.js") == [None if signature == "vi" else 0, 1000, [[1, 0]]]


@pytest.mark.parametrize("thrown", ['new Error("no number")', '"unwind"', "NaN", "({})", "null"])
def test_anything_else_that_is_thrown_passes(thrown: str) -> None:
    call = f'act=throwing({thrown});console.log(JSON.stringify([invoke("ii","ii",1),String({thrown})]))'
    (outcome, stack, threw), said = run(STAGE + call, "invoke.js")
    assert (outcome, stack, threw) == (said, 1000, [])


def test_a_function_of_another_type_is_called_as_before() -> None:
    """JavaScript drops arguments that a function does not take; WebAssembly would end the process."""
    calls = 'const found=[invoke("vi","ii",1),invoke("ii","jj",2),invoke("ii","ii",3)];'
    found, slow = run(f"{STAGE}{calls}console.log(JSON.stringify([found,slow]))", "invoke.js")
    assert [outcome for outcome, _, _ in found] == [None, 77, 4]
    assert slow == [["vi", 0, 1], ["ii", 2, 2]]


FILES = """
const fs=require("fs");
const memory=new ArrayBuffer(4096),HEAP8=new Int8Array(memory),HEAPU32=new Uint32Array(memory);
const HEAP64=new BigInt64Array(memory),growMemViews=()=>{};
const UTF8ToString=pointer=>pointer,SYSCALLS={writeStat:(buffer,status)=>{HEAPU32[buffer>>2]=status.size;return 0}};
"""


def test_compiled_modules_are_read_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the folders that are mounted; all else goes to the main thread, and what is not there is said not to be."""
    folder = tmp_path / "lib"
    folder.mkdir()
    (folder / "A.olean").write_bytes(bytes(range(1, 21)))
    (folder / "A.lean").write_bytes(b"text")
    (tmp_path / "B.olean").write_bytes(b"elsewhere")
    monkeypatch.setenv("Q35_LEAN_MOUNTS", json.dumps([str(folder)]))
    script = f"""
const at=name=>{json.dumps(str(folder))}+"/"+name,other={json.dumps(str(tmp_path))}+"/B.olean";
const file=q35Open(at("A.olean"),0);
HEAPU32.set([1024,4,1028,6],0);
const first=[q35Read(file,0,2,64),HEAPU32[16],[...HEAP8.subarray(1024,1034)]];
const sought=[q35Seek(file,-3n,2,72),Number(HEAP64[9]),q35Seek(file,1n,1,72),Number(HEAP64[9])];
const last=[q35Read(file,0,2,64),HEAPU32[16],[...HEAP8.subarray(1024,1027)]];
const closed=[q35Close(file),q35Positions.size,q35Read(file,0,1,64)];
console.log(JSON.stringify({{
  first,sought,last,closed,
  stat:[q35Stat(at("A.olean"),128),HEAPU32[32],q35Stat(at("C.olean"),128),q35Stat(other,128)??null],
  open:[at("C.olean"),at("A.lean"),at("../B.olean"),other].map(path=>q35Open(path,0)??null),
  write:q35Open(at("A.olean"),1)??null,
}}));
"""
    text = FILES + (SCRIPTS / "module_files.js").read_text(encoding="utf-8") + script
    assert run(text) == {
        "first": [0, 10, list(range(1, 11))],
        "sought": [0, 17, 0, 18],
        "last": [0, 2, [19, 20, 3]],
        "closed": [0, 0, 29],
        "stat": [0, 20, -44, None],
        "open": [-44, None, None, None],
        "write": None,
    }
