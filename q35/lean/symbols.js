// Functions of Lean by name: their numbers in the table stand in lean.names, sorted, with a line `name number` for each
// (exports.py). Undefined for what is no function.
var q35Names,q35Number=symbol=>{
  q35Names??=fs.readFileSync(require("path").join(__dirname,"lean.names"));
  var wanted=Buffer.from(symbol+" "),low=0,high=q35Names.length;
  while(low<high){
    var start=Math.max(low,q35Names.lastIndexOf(10,low+high-1>>1)+1),end=q35Names.indexOf(10,start);
    var order=wanted.compare(q35Names,start,Math.min(end,start+wanted.length));
    if(order===0)return Number(q35Names.toString("latin1",start+wanted.length,end));
    if(order<0)high=start;
    else low=end+1;
  }
};
