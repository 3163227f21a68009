"""The theories of `rewriting.py`: bit vectors, naturals, integers, rationals, Booleans, lists, options."""

from __future__ import annotations

from q35prover.train.rewriting import theory

_RING = """
add a b = add b a
add add a b c = add a add b c
mul a b = mul b a
mul mul a b c = mul a mul b c
mul a add b c = add mul a b mul a c
mul add a b add a b = add add mul a a mul b b mul two mul a b
add a a = mul two a
"""

_NEGATIVE = """
sub a b = add a neg b
neg neg a = a
neg sub a b = sub b a
neg add a b = sub neg a b
mul neg a b = neg mul a b
mul sub a b c = sub mul a c mul b c
mul sub a b add a b = sub mul a a mul b b
sub add a b b = a
add sub a b sub b c = sub a c
"""

_ORDER = """
max a b = max b a
min a b = min b a
max max a b c = max a max b c
min min a b c = min a min b c
max a min a b = a
min a max a b = a
min a max b c = max min a b min a c
add a max b c = max add a b add a c
add a min b c = min add a b add a c
add max a b min a b = add a b
max a a = a
"""

BITS = theory(
    "bits",
    {"b": ("BitVec {w}", "x y z")},
    "b",
    """
and : b b -> b : {} &&& {}
or : b b -> b : {} ||| {}
xor : b b -> b : {} ^^^ {}
not : b -> b : ~~~{}
add : b b -> b : {} + {}
sub : b b -> b : {} - {}
mul : b b -> b : {} * {}
neg : b -> b : -{}
dbl : b -> b : {} <<< 1
shl : b -> b : {} <<< {k}
shr : b -> b : {} >>> {k}
low : b -> b : {} &&& {low}#{w}
zero : -> b : 0#{w}
one : -> b : 1#{w}
two : -> b : 2#{w}
""",
    """
and a b = and b a
or a b = or b a
xor a b = xor b a
and and a b c = and a and b c
or or a b c = or a or b c
xor xor a b c = xor a xor b c
and a a = a
or a a = a
xor a a = zero
and a or a b = a
or a and a b = a
and a or b c = or and a b and a c
or a and b c = and or a b or a c
and a xor b c = xor and a b and a c
not not a = a
not and a b = or not a not b
not or a b = and not a not b
not xor a b = xor not a b
xor a b = or and a not b and not a b
xor a b = and or a b not and a b
xor a b = sub or a b and a b
or a b = add xor a b and a b
add a b = add or a b and a b
add a b = add xor a b dbl and a b
add a b = add b a
add add a b c = add a add b c
sub a b = add a neg b
sub a b = add add a not b one
neg a = add not a one
neg neg a = a
dbl a = add a a
dbl a = mul two a
mul a b = mul b a
mul a add b c = add mul a b mul a c
shl and a b = and shl a shl b
shl or a b = or shl a shl b
shl xor a b = xor shl a shl b
shl add a b = add shl a shl b
shr and a b = and shr a shr b
shr or a b = or shr a shr b
shr xor a b = xor shr a shr b
low low a = low a
low and a b = and low a b
low or a b = or low a low b
low add a b = low add low a low b
low mul a b = low mul low a low b
or low a shl shr a = a
add low a shl shr a = a
xor low a shl shr a = a
and low a shl b = zero
low shl a = zero
and a zero = zero
or a zero = a
add a zero = a
sub a a = zero
""",
)

NAT = theory(
    "nat",
    {"n": ("Nat", "m n i j")},
    "n",
    """
add : n n -> n : {} + {}
sub : n n -> n : {} - {}
mul : n n -> n : {} * {}
max : n n -> n : max {} {}
min : n n -> n : min {} {}
div : n -> n : {} / {c}
mod : n -> n : {} % {c}
mulc : n -> n : {} * {c}
two : -> n : 2
""",
    f"""
{_RING.strip()}
{_ORDER.strip()}
mulc add a b = add mulc a mulc b
mul mulc a b = mulc mul a b
add mulc div a mod a = a
sub a mod a = mulc div a
mod mod a = mod a
mod add a mulc b = mod a
mod add a b = mod add mod a b
mod mul a b = mod mul mod a mod b
div add mulc a b = add a div b
div mulc a = a
div sub a mod a = div a
sub add a b b = a
sub sub a b c = sub a add b c
add sub a b min a b = a
add a sub b a = max a b
sub a sub a b = min a b
sub max a b b = sub a b
mulc max a b = max mulc a mulc b
mulc sub a b = sub mulc a mulc b
div max a b = max div a div b
""",
)

INT = theory(
    "int",
    {"i": ("Int", "x y z")},
    "i",
    """
add : i i -> i : {} + {}
sub : i i -> i : {} - {}
mul : i i -> i : {} * {}
neg : i -> i : -{}
max : i i -> i : max {} {}
min : i i -> i : min {} {}
div : i -> i : {} / {c}
mod : i -> i : {} % {c}
mulc : i -> i : {} * {c}
size : i -> i : ({}.natAbs : Int)
two : -> i : 2
""",
    f"""
{_RING.strip()}
{_NEGATIVE.strip()}
{_ORDER.strip()}
max a b = neg min neg a neg b
sub max a b min a b = size sub a b
size neg a = size a
size size a = size a
size mul a b = mul size a size b
size a = max a neg a
mul size a size a = mul a a
add mulc div a mod a = a
mod mod a = mod a
mod add a mulc b = mod a
mod sub a b = mod sub mod a mod b
mod mul a b = mod mul mod a b
div add mulc a b = add a div b
mulc max a b = max mulc a mulc b
mulc neg a = neg mulc a
""",
)

RAT = theory(
    "rat",
    {"r": ("Rat", "x y z")},
    "r",
    """
add : r r -> r : {} + {}
sub : r r -> r : {} - {}
mul : r r -> r : {} * {}
neg : r -> r : -{}
size : r -> r : abs {}
half : r -> r : {} / 2
mulc : r -> r : {} * {c}
divc : r -> r : {} / {c}
two : -> r : 2
""",
    f"""
{_RING.strip()}
{_NEGATIVE.strip()}
size neg a = size a
size size a = size a
size mul a b = mul size a size b
size sub a b = size sub b a
mul size a size a = mul a a
size mul a a = mul a a
size half a = half size a
size mulc a = mulc size a
size divc a = divc size a
add half a half a = a
half add a b = add half a half b
sub a half a = half a
mulc divc a = a
divc mulc a = a
divc add a b = add divc a divc b
half mulc a = mulc half a
""",
)

BOOL = theory(
    "logic",
    {"b": ("Bool", "a b c")},
    "b",
    """
and : b b -> b : {} && {}
or : b b -> b : {} || {}
xor : b b -> b : {} ^^ {}
not : b -> b : !{}
true : -> b : true
false : -> b : false
""",
    """
and a b = and b a
or a b = or b a
and and a b c = and a and b c
or or a b c = or a or b c
and a a = a
and a or a b = a
or a and a b = a
and a or b c = or and a b and a c
or a and b c = and or a b or a c
not not a = a
not and a b = or not a not b
not or a b = and not a not b
xor a b = or and a not b and not a b
xor a b = and or a b not and a b
xor xor a b c = xor a xor b c
xor a b = xor b a
xor a true = not a
and a false = false
or a not a = true
or a false = a
""",
)

LIST = theory(
    "list",
    {"l": ("List Int", "xs ys zs")},
    "l n i",
    """
app : l l -> l : {} ++ {}
rev : l -> l : {}.reverse
scale : l -> l : {}.map (fun x => {c} * x)
neg : l -> l : {}.map (fun x => -x)
shift : l -> l : {}.map (fun x => x + {d})
take : l -> l : {}.take {k}
drop : l -> l : {}.drop {k}
filter : l -> l : {}.filter p
nil : -> l : ([] : List Int)
length : l -> n : {}.length
add : n n -> n : {} + {}
min : n -> n : min {k} {}
sub : n -> n : {} - {k}
sum : l -> i : {}.sum
plus : i i -> i : {} + {}
mulc : i -> i : {c} * {}
minus : i -> i : -{}
""",
    """
app app a b c = app a app b c
app a nil = a
rev rev a = a
rev app a b = app rev b rev a
scale app a b = app scale a scale b
neg app a b = app neg a neg b
shift app a b = app shift a shift b
rev scale a = scale rev a
rev shift a = shift rev a
neg neg a = a
neg scale a = scale neg a
app take a drop a = a
take scale a = scale take a
take neg a = neg take a
drop shift a = shift drop a
drop scale a = scale drop a
take take a = take a
filter app a b = app filter a filter b
filter rev a = rev filter a
filter filter a = filter a
length app a b = add length a length b
length rev a = length a
length scale a = length a
length shift a = length a
length neg a = length a
length take a = min length a
length drop a = sub length a
add length take a length drop a = length a
add a b = add b a
add add a b c = add a add b c
sum app a b = plus sum a sum b
sum rev a = sum a
sum scale a = mulc sum a
sum neg a = minus sum a
plus sum take a sum drop a = sum a
plus a b = plus b a
plus plus a b c = plus a plus b c
mulc plus a b = plus mulc a mulc b
minus plus a b = plus minus a minus b
minus minus a = a
""",
)

OPTION = theory(
    "logic",
    {"o": ("Option Nat", "a b"), "n": ("Nat", "m n")},
    "o n",
    """
or : o o -> o : {} <|> {}
succ : o -> o : {}.map (fun x => x + {c})
twice : o -> o : {}.map (fun x => x * {d})
none : -> o : none
some : n -> o : some {}
get : o n -> n : {}.getD {}
plus : n -> n : {} + {c}
times : n -> n : {} * {d}
""",
    """
or or a b c = or a or b c
or none a = a
or a none = a
or a a = a
or some a b = some a
succ or a b = or succ a succ b
twice or a b = or twice a twice b
succ none = none
succ some a = some plus a
twice some a = some times a
get some a b = a
get none a = a
get or a b c = get a get b c
get succ a plus b = plus get a b
get twice a times b = times get a b
""",
)
