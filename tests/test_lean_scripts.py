"""What is put into `lean.js`, run by the same Node without Lean: each function against what emscripten's own does."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from q35.errors import ToolchainError
from q35.lean import embedded, exports, launcher

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


def _section(number: int, *items: bytes) -> bytes:
    content = bytes([len(items)]) + b"".join(items)
    return bytes([number, len(content)]) + content


def _export(name: str, kind: int, index: int) -> bytes:
    return bytes([len(name), *name.encode(), kind, index])


RETURNING = [b"\x04\0\x41" + bytes([value]) + b"\x0b" for value in (10, 11, 12, 13)]
"""Functions of no parameter that return these numbers."""
MODULE = b"\0asm\1\0\0\0" + b"".join([
    _section(1, b"\x60\0\1\x7f"),
    _section(3, *[b"\0"] * 4),
    _section(4, b"\x70\0\x03"),
    _section(6, b"\x7f\0\x41\x2a\x0b"),
    _section(7, *(_export(*row) for row in (
        ("l_b", 0, 3), ("l_a", 0, 1), ("l_a_b", 0, 0), ("kept", 0, 0), ("l_data", 3, 0), ("table", 1, 0),
        ("l_ab", 0, 2),
    ))),
    _section(9, b"\0\x41\1\x0b\2\1\0"),
    _section(10, *RETURNING),
])  # fmt: skip
"""As Lean's: one table, in which the functions 1 and 0 stand from 1 on."""


def test_functions_are_found_in_the_table(tmp_path: Path) -> None:
    made, names = exports.slim(MODULE, "wasmExports.kept()")
    assert names == b"kept 2\nl_a 1\nl_a_b 2\nl_ab 3\nl_b 4\n"
    (tmp_path / exports.NAMES).write_bytes(names)
    (tmp_path / "made.wasm").write_bytes(made)
    script = f"""
var fs=require("fs"),__dirname={json.dumps(str(tmp_path))};
var module=new WebAssembly.Module(fs.readFileSync(__dirname+"/made.wasm"));
var lean=new WebAssembly.Instance(module).exports;
var call=name=>{{var number=q35Number(name);return number===undefined?null:[number,lean.table.get(number)()]}};
console.log(JSON.stringify([Object.keys(lean),lean.kept(),lean.l_data.value,
  ["kept","l_a","l_a_b","l_ab","l_b","l_data","a","l_","l_a_","l_c","zz",""].map(call)]));
"""
    assert run(script, "symbols.js") == [
        ["kept", "l_data", "table"],
        10,
        42,
        [[2, 10], [1, 11], [2, 10], [3, 12], [4, 13], *[None] * 7],
    ]


def test_nothing_else_of_the_module_changes() -> None:
    made, _ = exports.slim(MODULE, "")
    was, is_now = dict(exports._sections(MODULE)), dict(exports._sections(made))
    assert list(was) == list(is_now)
    assert {number for number in was if was[number] != is_now[number]} == {4, 7, 9}


@pytest.mark.parametrize(
    "change", [(b"\x70\0\x03", b"\x70\1\x03"), (b"\0asm", b"\0ASM"), (b"\0\x41\1\x0b", b"\0\x41\2\x0b")]
)
def test_a_module_of_another_kind_is_refused(change: tuple[bytes, bytes]) -> None:
    assert MODULE.count(change[0]) == 1
    with pytest.raises(ToolchainError, match="not built as the pinned one"):
        exports.slim(MODULE.replace(*change), "")


def test_numbers_are_written_as_they_are_read() -> None:
    for value in (0, 1, 63, 64, 127, 128, 8191, 8192, 22_943, 147_000, 2**31):
        assert exports._Reader(exports._unsigned(value)).unsigned() == value
        signed = exports._signed(value)
        assert exports._Reader(signed).unsigned() == value
        assert signed[-1] < 64  # the sign is that of a number that is not negative
