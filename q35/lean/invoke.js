// Calls of C++ that may throw. lean.wasm makes each of them through an import `invoke_<signature>`, which emscripten writes in
// JavaScript: out of WebAssembly and back for every call takes a fifth of Lean's time. These are WebAssembly themselves.
// A number that is thrown is an exception of C++ (or a longjmp): it stops here, the stack pointer is as before the call, and
// `setThrew` tells the caller. All else passes. `front` stands in the imports before Lean's functions exist; it calls `back`.
var q35Front,q35Slow;
var q35Leb=(value,limit=128)=>value<limit?[value]:[value%128+128,...q35Leb(value>>7,limit)];
var q35List=items=>[...q35Leb(items.length),...items.flat()];
var q35Name=text=>q35List([...Buffer.from(text)]);
var q35Type=([result,...taken])=>{
  var types=letters=>q35List(letters.map(letter=>({i:127,j:126,f:125,d:124,e:111})[letter]));
  return [96,...types(taken),...types(result==="v"?[]:[result])];
};
// Types: of each invoke (the place in the table, then what the called function takes), of what it calls, and three more.
var q35Module=(signatures,imports,table,body)=>{
  var invokes=signatures.map(([result,...taken])=>[result,"i",...taken]);
  var functions=imports.filter(([_,kind])=>kind===0).length;
  var exports=signatures.map((signature,at)=>[...q35Name("invoke_"+signature),0,...q35Leb(functions+at)]);
  var section=(id,items)=>{
    var bytes=q35List(items);
    return items.length?[id,...q35Leb(bytes.length),...bytes]:[];
  };
  return new WebAssembly.Module(new Uint8Array([
    0,97,115,109,1,0,0,0,
    ...section(1,[...invokes,...signatures,"vii","ie","ve"].map(q35Type)),
    ...section(2,imports.map(([name,...what])=>[...q35Name("q35"),...q35Name(name),...what])),
    ...section(3,signatures.map((_,at)=>q35Leb(at))),
    ...section(4,table.map(size=>[112,0,...q35Leb(size)])),
    ...section(7,[...exports,...table.map(()=>[...q35Name("table"),1,0])]),
    ...section(10,signatures.map((signature,at)=>{
      var bytes=[...body(signature,at),11];
      return [...q35Leb(bytes.length),...bytes];
    })),
  ]));
};
var q35Arguments=(first,signature)=>signature.slice(1).split("").flatMap((_,at)=>[32,...q35Leb(first+at)]);
var q35Signatures=imports=>Object.keys(imports).filter(name=>name.startsWith("invoke_")).map(name=>name.slice(7)).sort();
var q35Invokers=imports=>{
  var signatures=q35Signatures(imports);
  var module=q35Module(signatures,[],[signatures.length],(signature,at)=>[
    0,32,0,...q35Arguments(1,signature),65,...q35Leb(at,64),17,...q35Leb(at),0, // call_indirect
  ]);
  q35Front=new WebAssembly.Instance(module).exports;
  q35Slow={...imports};
  for(var signature of signatures)imports["invoke_"+signature]=q35Front["invoke_"+signature];
};
var q35Connect=lean=>{
  var signatures=q35Signatures(q35Front),count=signatures.length;
  var imports=[
    ...signatures.map((signature,at)=>["invoke_"+signature,0,...q35Leb(at)]),
    ["table",1,112,0,0],["stack",3,127,1],["tag",4,0,...q35Leb(2*count+2)],
    ["isNumber",0,...q35Leb(2*count+1)],["setThrew",0,...q35Leb(2*count)],
  ];
  var nothing={v:[],i:[65,0],j:[66,0],f:[67,0,0,0,0],d:[68,0,0,0,0,0,0,0,0]};
  var module=q35Module(signatures,imports,[],(signature,at)=>{
    var stack=q35Leb(signature.length),[result]=signature;
    return [
      1,1,127,32,0,37,0,251,20,...q35Leb(count+at,64),69,4,64, // if what is called has another type
      32,0,...q35Arguments(1,signature),16,...q35Leb(at),15,11, // JavaScript leaves out what it does not take
      35,0,33,...stack, // local stack = global stack
      6,{v:64,i:127,j:126,f:125,d:124}[result],...q35Arguments(1,signature),32,0,17,...q35Leb(count+at),0, // try call_indirect
      7,0,32,...stack,36,0,16,...q35Leb(count),69,4,64,9,1,11, // catch: global stack = local stack; if not isNumber, rethrow
      65,1,65,0,16,...q35Leb(count+1),...nothing[result],11, // setThrew(1, 0)
    ];
  });
  var back=new WebAssembly.Instance(module,{q35:{...q35Slow,
    table:lean.__indirect_function_table,stack:lean.__stack_pointer,tag:WebAssembly.JSTag,
    isNumber:thrown=>thrown===thrown+0?1:0,setThrew:lean.setThrew,
  }}).exports;
  signatures.forEach((signature,at)=>q35Front.table.set(at,back["invoke_"+signature]));
};
