module

public import Q35.Accumulate
public import Q35.AccumulateCodebook
public import Q35.AdderTree
public import Q35.AlignedAdder
public import Q35.Arith
public import Q35.Bits
public import Q35.Block
public import Q35.Code
public import Q35.Codebook
public import Q35.CodebookTable
public import Q35.Columns
public import Q35.Compile
public import Q35.Cover
public import Q35.Float
public import Q35.FloatExact
public import Q35.FloatRound
public import Q35.FloatSum
public import Q35.Half
public import Q35.Linear
public import Q35.LinearFloat
public import Q35.MatMul
public import Q35.MxBlock
public import Q35.MxElement
public import Q35.MxLayout
public import Q35.MxLog
public import Q35.MxProduct
public import Q35.MxRound
public import Q35.MxScale
public import Q35.MxSize
public import Q35.Planar
public import Q35.Round
public import Q35.Rows
public import Q35.SafeLength
public import Q35.Schemes
public import Q35.Siblings
public import Q35.Size
public import Q35.Slot
public import Q35.SlotTable
public import Q35.Stream
public import Q35.Table
public import Q35.Tiled
public import Q35.TiledMx
public import Q35.TiledProduct
public import Q35.TiledWhole

/-! Q35, the 3.5-bit code: definitions that run, and what is proved of them. -/
