// Compiled modules, looked for and read in whatever thread asks. emscripten sends every call about a file to the main thread,
// which looks for calls once a millisecond, and Lean makes nine for each of 2,000 modules: 13 of a start's 18 seconds.
// A descriptor of ours is the host's plus 2^28, which emscripten never reaches. Only the thread that opened a file knows it:
// Lean opens, reads and closes a module in one function. `undefined` sends a call its old way.
var q35Base=2**28,q35Positions=new Map,q35Folders=JSON.parse(process.env.Q35_LEAN_MOUNTS||"[]");
var q35Find=(pointer,found)=>{
  var path=UTF8ToString(pointer);
  if(q35Folders.some(folder=>path.startsWith(folder+"/"))&&!path.includes("/.."))try{
    return found(path);
  }catch(error){
    return error.code==="ENOENT"?-44:undefined;
  }
};
var q35Stat=(pointer,buffer)=>q35Find(pointer,path=>SYSCALLS.writeStat(buffer,fs.statSync(path)));
var q35Open=(pointer,flags)=>flags&3?undefined:q35Find(pointer,path=>{
  if(!/[.](olean([.]\w+)?|ir)$/.test(path))return;
  var file=q35Base+fs.openSync(path);
  q35Positions.set(file,0);
  return file;
});
var q35Read=(file,vectors,count,result)=>{
  growMemViews();
  var total=0,position=q35Positions.get(file);
  for(var end=vectors+8*count;vectors<end;vectors+=8){
    var offset=HEAPU32[vectors>>2],length=HEAPU32[vectors+4>>2];
    try{
      var got=fs.readSync(file-q35Base,HEAP8,offset,length,position+total);
    }catch{
      return 29;
    }
    total+=got;
    if(got<length)break;
  }
  q35Positions.set(file,position+total);
  HEAPU32[result>>2]=total;
  return 0;
};
var q35Seek=(file,offset,whence,result)=>{
  var from=[()=>0,()=>q35Positions.get(file),()=>fs.fstatSync(file-q35Base).size][whence]();
  q35Positions.set(file,from+Number(offset));
  (growMemViews(),HEAP64)[result>>3]=BigInt(from+Number(offset));
  return 0;
};
var q35Close=file=>{
  fs.closeSync(file-q35Base);
  q35Positions.delete(file);
  return 0;
};
