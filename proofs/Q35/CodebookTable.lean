module

public import Q35.Cover

@[expose] public section

/-! The learned table, its regions, the trees that show their covering radii, and the candidate steps' numbers.
Generated from `spec/codebook.json` and `spec/formats.json` by `spec/generate_lean.py`: change those, not this file. -/

namespace Q35

/-- The 128 learned pairs, in the order of their codes. -/
def codebookEntries : EntryTree :=
  (.halves
    (.halves
      (.halves
        (.halves
          (.halves
            (.halves (.halves (.entry (-127) (-5)) (.entry (-111) 18)) (.halves (.entry (-97) (-48)) (.entry (-96) 41)))
            (.halves (.halves (.entry (-93) (-22)) (.entry (-88) (-2))) (.halves (.entry (-85) 73) (.entry (-83) (-84)))))
          (.halves
            (.halves (.halves (.entry (-81) 17) (.entry (-71) 34)) (.halves (.entry (-70) (-35)) (.entry (-69) (-16))))
            (.halves (.halves (.entry (-65) 3) (.entry (-64) (-57))) (.halves (.entry (-63) 53) (.entry (-59) 18)))))
        (.halves
          (.halves
            (.halves (.halves (.entry (-54) (-8)) (.entry (-52) (-39))) (.halves (.entry (-52) 35) (.entry (-52) 70)))
            (.halves (.halves (.entry (-51) 98) (.entry (-49) (-23))) (.halves (.entry (-46) (-99)) (.entry (-46) 6))))
          (.halves
            (.halves (.halves (.entry (-45) (-73)) (.entry (-43) 20)) (.halves (.entry (-41) (-8)) (.entry (-40) (-52))))
            (.halves (.halves (.entry (-39) 51) (.entry (-36) (-34))) (.halves (.entry (-36) 36) (.entry (-33) (-20)))))))
      (.halves
        (.halves
          (.halves
            (.halves (.halves (.entry (-32) 1) (.entry (-31) 12)) (.halves (.entry (-31) 71) (.entry (-29) 24)))
            (.halves (.halves (.entry (-27) (-8)) (.entry (-25) (-44))) (.halves (.entry (-24) (-64)) (.entry (-22) (-29)))))
          (.halves
            (.halves (.halves (.entry (-22) 40) (.entry (-21) 56)) (.halves (.entry (-21) 94) (.entry (-19) (-17))))
            (.halves (.halves (.entry (-19) 5) (.entry (-18) (-87))) (.halves (.entry (-18) 16) (.entry (-18) 28)))))
        (.halves
          (.halves
            (.halves (.halves (.entry (-17) (-6)) (.entry (-12) (-51))) (.halves (.entry (-12) 73) (.entry (-10) (-36))))
            (.halves (.halves (.entry (-9) (-24)) (.entry (-9) 0)) (.halves (.entry (-9) 11) (.entry (-9) 121))))
          (.halves
            (.halves (.halves (.entry (-8) (-119)) (.entry (-8) (-12))) (.halves (.entry (-8) 35) (.entry (-7) 22)))
            (.halves (.halves (.entry (-7) 50) (.entry (-4) (-70))) (.halves (.entry (-1) (-6)) (.entry 0 5)))))))
    (.halves
      (.halves
        (.halves
          (.halves
            (.halves (.halves (.entry 1 66) (.entry 2 (-53))) (.halves (.entry 2 (-40)) (.entry 2 (-28))))
            (.halves (.halves (.entry 2 (-17)) (.entry 2 15)) (.halves (.entry 4 27) (.entry 4 39))))
          (.halves
            (.halves (.halves (.entry 5 89) (.entry 6 (-90))) (.halves (.entry 7 (-1)) (.entry 9 53)))
            (.halves (.halves (.entry 10 8) (.entry 11 (-10))) (.halves (.entry 13 (-21)) (.entry 14 19)))))
        (.halves
          (.halves
            (.halves (.halves (.entry 15 (-61)) (.entry 15 (-33))) (.halves (.entry 17 (-46)) (.entry 17 30)))
            (.halves (.halves (.entry 17 42) (.entry 18 (-1))) (.halves (.entry 18 70) (.entry 21 (-76)))))
          (.halves
            (.halves (.halves (.entry 21 10) (.entry 22 (-13))) (.halves (.entry 27 (-25)) (.entry 27 53)))
            (.halves (.halves (.entry 27 116) (.entry 29 (-3))) (.halves (.entry 29 21) (.entry 30 36))))))
      (.halves
        (.halves
          (.halves
            (.halves (.halves (.entry 31 (-109)) (.entry 31 (-40))) (.halves (.entry 32 90) (.entry 33 9)))
            (.halves (.halves (.entry 34 (-58)) (.entry 36 (-14))) (.halves (.entry 38 67) (.entry 41 (-84)))))
          (.halves
            (.halves (.halves (.entry 43 (-28)) (.entry 43 (-1))) (.halves (.entry 43 47) (.entry 44 14)))
            (.halves (.halves (.entry 44 29) (.entry 48 (-44))) (.halves (.entry 52 (-13)) (.entry 56 (-63))))))
        (.halves
          (.halves
            (.halves (.halves (.entry 58 3) (.entry 59 63)) (.halves (.entry 60 21) (.entry 61 40)))
            (.halves (.halves (.entry 61 90) (.entry 62 (-27))) (.halves (.entry 70 (-45)) (.entry 72 (-10)))))
          (.halves
            (.halves (.halves (.entry 73 (-89)) (.entry 77 9)) (.halves (.entry 81 31) (.entry 88 60)))
            (.halves (.halves (.entry 91 (-28)) (.entry 94 (-58))) (.halves (.entry 97 (-5)) (.entry 108 25))))))))

/-- The corners of the trees' boxes are integers in units of one part in this many. -/
def codebookScale : Int := 256

/-- The numerators of the candidate steps of the `block` scheme, in order. -/
def blockNumerators : List Nat := [20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39]

/-- Their denominator: a candidate is `p / blockDenominator` of the block's largest absolute value. -/
def blockDenominator : Nat := 256

/-- The numerators of the candidate steps of the `codebook` scheme, in order. -/
def codebookNumerators : List Nat := [12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]

/-- Their denominator: a candidate is `p / codebookDenominator` of the block's largest absolute value. -/
def codebookDenominator : Nat := 2048

/-! ### The region `hull`: the convex hull of the entries -/

/-- A box around the convex hull of the entries. -/
def codebookHullBox : Box := ⟨-127, 108, -119, 121⟩

/-- The sides of the convex hull of the entries. -/
def codebookHullSides : List HalfPlane := [
  ⟨-79, -44, 10253⟩,
  ⟨-35, -75, 9205⟩,
  ⟨10, -39, 4561⟩,
  ⟨20, -42, 5198⟩,
  ⟨31, -21, 4132⟩,
  ⟨83, -14, 8614⟩,
  ⟨35, 20, 4280⟩,
  ⟨30, 27, 4260⟩,
  ⟨26, 34, 4646⟩,
  ⟨5, 36, 4311⟩,
  ⟨-23, 42, 5289⟩,
  ⟨-25, 34, 4607⟩,
  ⟨-78, 42, 9696⟩]

/-- The covering radius of the convex hull of the entries. -/
def codebookHullRadius : Rat := 1151 / 50

/-- The square of that radius in units of `1 / codebookScale`, rounded down. -/
def codebookHullRadiusSq : Int := 34728863

/-- The cuts that show it. -/
def codebookHullTree : CoverTree :=
  .cutY 256 (.cutX (-2432) (.cutY (-15104) (.cutX (-17472) (.cutY (-22784) (.cutX (-24992) (.outside 0) (.cutY
  (-26624) (.outside 1) (.cutX (-21232) (.outside 0) (.cutY (-24704) (.outside 1) (.near 7))))) (.cutX (-24992)
  (.outside 0) (.cutY (-18944) (.near 7) (.cutX (-21232) (.cutY (-17024) (.near 7) (.cutX (-23112) (.near 2) (.cutY
  (-16064) (.near 7) (.near 2)))) (.cutY (-17024) (.near 7) (.near 13)))))) (.cutY (-22784) (.cutX (-9952) (.cutY
  (-26624) (.cutX (-13712) (.outside 1) (.near 22)) (.cutX (-13712) (.cutY (-24704) (.near 22) (.cutX (-15592) (.cutY
  (-23744) (.cutX (-16532) (.outside 1) (.near 22)) (.cutX (-16532) (.near 7) (.near 22))) (.near 22))) (.near 22)))
  (.cutY (-26624) (.cutX (-6192) (.cutY (-28544) (.outside 1) (.cutX (-8072) (.near 22) (.cutY (-27584) (.cutX
  (-7132) (.near 22) (.near 56)) (.cutX (-7132) (.near 22) (.near 45))))) (.near 56)) (.cutX (-6192) (.cutY (-24704)
  (.near 22) (.near 45)) (.near 45)))) (.cutX (-9952) (.cutY (-18944) (.cutX (-13712) (.cutY (-20864) (.cutX (-15592)
  (.near 7) (.near 24)) (.cutX (-15592) (.cutY (-19904) (.near 7) (.near 13)) (.near 24))) (.near 24)) (.cutX
  (-13712) (.near 13) (.near 24))) (.cutY (-18944) (.cutX (-6192) (.cutY (-20864) (.near 45) (.near 24)) (.near 45))
  (.near 38))))) (.cutX (-17472) (.cutY (-7424) (.cutX (-24992) (.cutY (-11264) (.cutX (-28752) (.outside 0) (.near
  2)) (.cutX (-28752) (.cutY (-9344) (.outside 0) (.cutX (-30632) (.outside 0) (.cutY (-8384) (.outside 0) (.cutX
  (-29692) (.outside 0) (.cutY (-7904) (.cutX (-29222) (.outside 0) (.cutY (-8144) (.outside 0) (.cutX (-28987)
  (.outside 0) (.near 4)))) (.cutX (-29222) (.outside 0) (.near 4))))))) (.cutY (-9344) (.near 2) (.cutX (-26872)
  (.cutY (-8384) (.near 2) (.near 4)) (.near 4))))) (.cutY (-11264) (.cutX (-21232) (.near 2) (.near 13)) (.cutX
  (-21232) (.cutY (-9344) (.near 2) (.near 4)) (.near 10)))) (.cutX (-24992) (.cutY (-3584) (.cutX (-28752) (.cutY
  (-5504) (.cutX (-30632) (.outside 0) (.cutY (-6464) (.cutX (-29692) (.outside 0) (.cutY (-6944) (.cutX (-29222)
  (.cutY (-7184) (.cutX (-29457) (.outside 0) (.cutY (-7304) (.outside 0) (.near 4))) (.cutX (-29457) (.outside 0)
  (.near 4))) (.near 4)) (.cutX (-29222) (.cutY (-6704) (.cutX (-29457) (.cutY (-6824) (.outside 0) (.cutX (-29575)
  (.outside 0) (.near 4))) (.near 4)) (.cutX (-29457) (.cutY (-6584) (.cutX (-29575) (.outside 0) (.near 4)) (.cutX
  (-29575) (.cutY (-6524) (.cutX (-29634) (.outside 0) (.cutY (-6554) (.outside 0) (.cutX (-29605) (.outside 0)
  (.near 4)))) (.cutX (-29634) (.outside 0) (.cutY (-6494) (.cutX (-29605) (.cutY (-6509) (.outside 0) (.near 4))
  (.near 4)) (.near 4)))) (.near 4))) (.near 4))) (.near 4)))) (.cutX (-29692) (.cutY (-5984) (.cutX (-30162)
  (.outside 0) (.cutY (-6224) (.cutX (-29927) (.outside 0) (.cutY (-6344) (.outside 0) (.near 0))) (.near 0))) (.near
  0)) (.cutY (-5984) (.cutX (-29222) (.cutY (-6224) (.cutX (-29457) (.cutY (-6344) (.cutX (-29575) (.cutY (-6404)
  (.cutX (-29634) (.cutY (-6434) (.cutX (-29663) (.outside 0) (.cutY (-6449) (.outside 0) (.cutX (-29649) (.outside
  0) (.cutX (-29642) (.outside 0) (.near 4))))) (.cutX (-29663) (.outside 0) (.cutY (-6419) (.cutX (-29649) (.cutY
  (-6427) (.outside 0) (.near 0)) (.cutX (-29642) (.cutY (-6427) (.cutX (-29646) (.outside 0) (.near 4)) (.near 0))
  (.near 4))) (.near 0)))) (.near 4)) (.cutX (-29634) (.near 0) (.near 4))) (.near 4)) (.cutX (-29575) (.near 0)
  (.near 4))) (.near 4)) (.cutX (-29457) (.near 0) (.near 4))) (.near 4)) (.cutX (-29222) (.near 0) (.near 4))))))
  (.near 0)) (.near 4)) (.cutX (-28752) (.near 0) (.cutY (-1664) (.cutX (-26872) (.cutY (-2624) (.near 4) (.near 0))
  (.near 4)) (.cutX (-26872) (.near 0) (.near 5))))) (.cutY (-3584) (.cutX (-21232) (.near 4) (.near 11)) (.cutX
  (-21232) (.near 5) (.near 11))))) (.cutY (-7424) (.cutX (-9952) (.cutY (-11264) (.cutX (-13712) (.near 13) (.near
  27)) (.near 17)) (.near 37)) (.cutX (-9952) (.cutY (-3584) (.near 21) (.near 16)) (.cutY (-3584) (.near 39) (.near
  36)))))) (.cutY (-15104) (.cutX 12608 (.cutY (-22784) (.cutX 5088 (.cutY (-26624) (.cutX 1328 (.near 56) (.cutY
  (-28544) (.cutX 3208 (.near 56) (.near 96)) (.cutX 3208 (.near 73) (.near 96)))) (.near 73)) (.cutY (-26624) (.near
  96) (.cutX 8848 (.near 96) (.near 103)))) (.cutX 5088 (.cutY (-18944) (.near 73) (.cutX 1328 (.near 61) (.near
  80))) (.cutY (-18944) (.cutX 8848 (.near 87) (.near 103)) (.near 100)))) (.cutY (-22784) (.cutX 20128 (.cutY
  (-26624) (.outside 3) (.cutX 16368 (.cutY (-24704) (.cutX 14488 (.cutY (-25664) (.cutX 13548 (.cutY (-26144)
  (.outside 3) (.near 103)) (.outside 3)) (.near 103)) (.near 120)) (.cutX 14488 (.near 103) (.near 120))) (.near
  120))) (.outside 3)) (.cutX 20128 (.cutY (-18944) (.cutX 16368 (.cutY (-20864) (.cutX 14488 (.near 103) (.near
  120)) (.near 111)) (.near 120)) (.cutX 16368 (.near 111) (.cutY (-17024) (.cutX 18248 (.near 111) (.cutY (-17984)
  (.near 120) (.cutX 19188 (.near 111) (.near 125)))) (.near 111)))) (.cutY (-18944) (.cutX 23888 (.cutY (-20864)
  (.outside 4) (.cutX 22008 (.near 120) (.outside 4))) (.outside 4)) (.near 125))))) (.cutX 12608 (.cutY (-7424)
  (.cutX 5088 (.cutY (-11264) (.near 65) (.near 66)) (.cutY (-11264) (.near 100) (.near 97))) (.cutX 5088 (.cutY
  (-3584) (.near 68) (.near 74)) (.near 101))) (.cutY (-7424) (.cutX 20128 (.cutY (-11264) (.cutX 16368 (.near 111)
  (.near 118)) (.cutX 16368 (.near 117) (.near 118))) (.cutY (-11264) (.near 125) (.cutX 23888 (.near 124) (.cutY
  (-9344) (.cutX 25768 (.near 124) (.outside 5)) (.near 124))))) (.cutX 20128 (.cutY (-3584) (.near 117) (.cutX 16368
  (.near 110) (.near 119))) (.cutY (-3584) (.near 124) (.near 126))))))) (.cutX (-2432) (.cutY 15616 (.cutX (-17472)
  (.cutY 7936 (.cutX (-24992) (.cutY 4096 (.cutX (-28752) (.cutY 2176 (.near 0) (.near 1)) (.near 1)) (.near 1))
  (.cutY 4096 (.cutX (-21232) (.near 5) (.near 8)) (.near 8))) (.cutX (-24992) (.cutY 11776 (.cutX (-28752) (.outside
  12) (.near 3)) (.cutX (-28752) (.outside 12) (.cutY 13696 (.near 3) (.outside 12)))) (.cutY 11776 (.cutX (-21232)
  (.near 3) (.near 9)) (.cutX (-21232) (.cutY 13696 (.near 3) (.cutX (-23112) (.near 3) (.near 6))) (.near 14)))))
  (.cutY 7936 (.cutX (-9952) (.cutY 4096 (.cutX (-13712) (.near 12) (.near 23)) (.cutX (-13712) (.near 15) (.near
  25))) (.cutY 4096 (.near 44) (.near 35))) (.cutX (-9952) (.cutY 11776 (.near 18) (.cutX (-13712) (.near 14) (.near
  28))) (.cutY 11776 (.near 40) (.near 41))))) (.cutX (-17472) (.cutY 23296 (.cutX (-24992) (.outside 12) (.cutY
  19456 (.near 6) (.cutX (-21232) (.outside 11) (.cutY 21376 (.near 6) (.cutX (-19352) (.outside 11) (.cutY 22336
  (.near 6) (.outside 11))))))) (.outside 10)) (.cutY 23296 (.cutX (-9952) (.cutY 19456 (.near 19) (.cutX (-13712)
  (.cutY 21376 (.near 19) (.near 20)) (.cutY 21376 (.near 19) (.near 20)))) (.cutY 19456 (.cutX (-6192) (.near 34)
  (.near 50)) (.cutX (-6192) (.near 34) (.near 42)))) (.cutX (-9952) (.cutY 27136 (.near 20) (.outside 10)) (.cutY
  27136 (.near 42) (.cutX (-6192) (.cutY 29056 (.cutX (-8072) (.cutY 28096 (.near 20) (.outside 10)) (.near 42))
  (.outside 10)) (.near 55))))))) (.cutY 15616 (.cutX 12608 (.cutY 7936 (.cutX 5088 (.cutY 4096 (.near 76) (.near
  70)) (.cutY 4096 (.near 99) (.near 94))) (.cutX 5088 (.cutY 11776 (.near 71) (.near 75)) (.cutY 11776 (.near 95)
  (.cutX 8848 (.near 91) (.near 106))))) (.cutY 7936 (.cutX 20128 (.cutY 4096 (.cutX 16368 (.near 112) (.near 121))
  (.near 114)) (.cutY 4096 (.cutX 23888 (.near 121) (.cutY 2176 (.near 126) (.near 127))) (.cutX 23888 (.near 122)
  (.near 127)))) (.cutX 20128 (.cutY 11776 (.near 115) (.cutX 16368 (.near 113) (.cutY 13696 (.near 115) (.near
  113)))) (.cutY 11776 (.cutX 23888 (.near 122) (.cutY 9856 (.near 127) (.cutX 25768 (.cutY 10816 (.near 122) (.near
  123)) (.outside 6)))) (.cutX 23888 (.near 123) (.cutY 13696 (.cutX 25768 (.near 123) (.outside 6)) (.outside
  6))))))) (.cutX 12608 (.cutY 23296 (.cutX 5088 (.cutY 19456 (.near 64) (.near 72)) (.cutY 19456 (.near 102) (.near
  98))) (.cutX 5088 (.cutY 27136 (.near 72) (.cutX 1328 (.near 55) (.cutY 29056 (.cutX 3208 (.cutY 28096 (.near 72)
  (.near 92)) (.near 92)) (.near 92)))) (.cutY 27136 (.cutX 8848 (.near 98) (.cutY 25216 (.near 98) (.cutX 10728
  (.near 98) (.cutY 26176 (.near 98) (.cutX 11668 (.near 98) (.outside 8)))))) (.cutX 8848 (.near 92) (.cutY 29056
  (.cutX 10728 (.near 92) (.outside 8)) (.outside 8)))))) (.cutY 23296 (.cutX 20128 (.cutY 19456 (.cutX 16368 (.near
  113) (.cutY 17536 (.near 113) (.cutX 18248 (.near 113) (.cutY 18496 (.near 123) (.cutX 19188 (.near 113) (.near
  123)))))) (.near 116)) (.cutY 19456 (.cutX 23888 (.near 123) (.outside 6)) (.outside 7))) (.cutX 20128 (.cutY 27136
  (.cutX 16368 (.near 116) (.outside 7)) (.outside 7)) (.outside 6))))))

/-! ### The region `core`: the convex hull of the entries at half its size -/

/-- A box around the convex hull of the entries at half its size. -/
def codebookCoreBox : Box := ⟨-64, 54, -60, 61⟩

/-- The sides of the convex hull of the entries at half its size. -/
def codebookCoreSides : List HalfPlane := [
  ⟨-158, -88, 10253⟩,
  ⟨-70, -150, 9205⟩,
  ⟨20, -78, 4561⟩,
  ⟨40, -84, 5198⟩,
  ⟨62, -42, 4132⟩,
  ⟨166, -28, 8614⟩,
  ⟨70, 40, 4280⟩,
  ⟨60, 54, 4260⟩,
  ⟨52, 68, 4646⟩,
  ⟨10, 72, 4311⟩,
  ⟨-46, 84, 5289⟩,
  ⟨-50, 68, 4607⟩,
  ⟨-156, 84, 9696⟩]

/-- The covering radius of the convex hull of the entries at half its size. -/
def codebookCoreRadius : Rat := 103 / 10

/-- The square of that radius in units of `1 / codebookScale`, rounded down. -/
def codebookCoreRadiusSq : Int := 6952714

/-- The cuts that show it. -/
def codebookCoreTree : CoverTree :=
  .cutY 128 (.cutX (-1280) (.cutY (-7616) (.cutX (-8832) (.cutY (-11488) (.cutX (-12608) (.outside 0) (.cutY (-13424)
  (.outside 1) (.cutX (-10720) (.outside 0) (.near 27)))) (.cutX (-12608) (.outside 0) (.cutY (-9552) (.cutX (-10720)
  (.cutY (-10520) (.cutX (-11664) (.outside 0) (.cutY (-11004) (.outside 0) (.cutX (-11192) (.outside 0) (.cutY
  (-10762) (.outside 0) (.cutX (-10956) (.outside 0) (.cutY (-10641) (.outside 0) (.near 29))))))) (.cutX (-11664)
  (.outside 0) (.cutY (-10036) (.cutX (-11192) (.outside 0) (.cutY (-10278) (.cutX (-10956) (.outside 0) (.near 29))
  (.near 29))) (.near 17)))) (.cutY (-10520) (.cutX (-9776) (.cutY (-11004) (.near 27) (.cutX (-10248) (.cutY
  (-10762) (.near 27) (.near 29)) (.near 29))) (.cutY (-11004) (.cutX (-9304) (.near 27) (.cutY (-11246) (.near 27)
  (.near 29))) (.near 29))) (.near 29))) (.cutX (-10720) (.cutY (-8584) (.cutX (-11664) (.near 17) (.near 29)) (.cutX
  (-11664) (.cutY (-8100) (.near 17) (.near 21)) (.cutY (-8100) (.near 29) (.cutX (-11192) (.near 21) (.near 29)))))
  (.near 29))))) (.cutY (-11488) (.cutX (-5056) (.cutY (-13424) (.outside 1) (.cutX (-6944) (.cutY (-12456) (.cutX
  (-7888) (.outside 1) (.near 37)) (.cutX (-7888) (.cutY (-11972) (.cutX (-8360) (.outside 1) (.near 37)) (.near 37))
  (.near 37))) (.near 37))) (.cutY (-13424) (.cutX (-3168) (.cutY (-14392) (.outside 1) (.near 49)) (.cutY (-14392)
  (.cutX (-2224) (.near 49) (.cutY (-14876) (.cutX (-1752) (.cutY (-15118) (.outside 1) (.near 49)) (.cutY (-15118)
  (.outside 1) (.cutX (-1516) (.near 49) (.near 65)))) (.near 49))) (.near 49))) (.near 49))) (.cutX (-5056) (.cutY
  (-9552) (.cutX (-6944) (.cutY (-10520) (.near 37) (.cutX (-7888) (.near 29) (.near 37))) (.near 37)) (.cutX (-6944)
  (.near 29) (.near 39))) (.cutY (-9552) (.cutX (-3168) (.cutY (-10520) (.cutX (-4112) (.near 37) (.cutY (-11004)
  (.near 49) (.near 51))) (.cutX (-4112) (.cutY (-10036) (.near 37) (.near 51)) (.near 51))) (.near 51)) (.cutX
  (-3168) (.cutY (-8584) (.near 51) (.cutX (-4112) (.near 39) (.near 51))) (.near 51)))))) (.cutX (-8832) (.cutY
  (-3744) (.cutX (-12608) (.cutY (-5680) (.cutX (-14496) (.outside 0) (.near 21)) (.cutX (-14496) (.cutY (-4712)
  (.outside 0) (.cutX (-15440) (.outside 0) (.cutY (-4228) (.outside 0) (.cutX (-14968) (.outside 0) (.near 16)))))
  (.cutY (-4712) (.near 21) (.cutX (-13552) (.cutY (-4228) (.near 21) (.near 16)) (.near 21))))) (.cutY (-5680)
  (.cutX (-10720) (.near 21) (.cutY (-6648) (.near 29) (.cutX (-9776) (.cutY (-6164) (.cutX (-10248) (.near 21)
  (.near 31)) (.near 31)) (.near 31)))) (.cutX (-10720) (.cutY (-4712) (.near 21) (.cutX (-11664) (.near 21) (.cutY
  (-4228) (.near 21) (.near 26)))) (.cutY (-4712) (.near 31) (.cutX (-9776) (.cutY (-4228) (.near 31) (.near 26))
  (.near 31)))))) (.cutX (-12608) (.cutY (-1808) (.cutX (-14496) (.cutY (-2776) (.cutX (-15440) (.outside 0) (.near
  16)) (.cutX (-15440) (.cutY (-2292) (.outside 0) (.near 16)) (.near 16))) (.near 16)) (.cutX (-14496) (.cutY (-840)
  (.cutX (-15440) (.cutY (-1324) (.cutX (-15912) (.outside 0) (.near 16)) (.near 12)) (.near 16)) (.cutX (-15440)
  (.near 12) (.cutY (-356) (.near 16) (.near 12)))) (.near 16))) (.cutY (-1808) (.cutX (-10720) (.cutY (-2776) (.cutX
  (-11664) (.cutY (-3260) (.cutX (-12136) (.near 16) (.near 26)) (.near 26)) (.near 26)) (.near 26)) (.near 26))
  (.cutX (-10720) (.cutY (-840) (.near 26) (.near 23)) (.cutY (-840) (.near 26) (.cutX (-9776) (.near 26) (.near
  32))))))) (.cutY (-3744) (.cutX (-5056) (.cutY (-5680) (.cutX (-6944) (.cutY (-6648) (.cutX (-7888) (.near 29)
  (.near 39)) (.near 31)) (.near 39)) (.cutX (-6944) (.near 31) (.near 43))) (.cutY (-5680) (.cutX (-3168) (.cutY
  (-6648) (.near 39) (.cutX (-4112) (.near 39) (.near 52))) (.near 52)) (.cutX (-3168) (.near 43) (.near 52))))
  (.cutX (-5056) (.cutY (-1808) (.near 36) (.cutX (-6944) (.near 32) (.cutY (-840) (.near 36) (.cutX (-6000) (.near
  36) (.near 48))))) (.cutY (-1808) (.cutX (-3168) (.near 48) (.near 57)) (.cutX (-3168) (.near 48) (.near 53)))))))
  (.cutY (-7616) (.cutX 6272 (.cutY (-11488) (.cutX 2496 (.cutY (-13424) (.cutX 608 (.near 65) (.cutY (-14392) (.cutX
  1552 (.near 65) (.near 80)) (.near 65))) (.cutX 608 (.cutY (-12456) (.near 65) (.cutX (-336) (.cutY (-11972) (.near
  65) (.near 66)) (.near 65))) (.cutY (-12456) (.near 65) (.cutX 1552 (.near 65) (.cutY (-11972) (.near 65) (.near
  66)))))) (.cutY (-13424) (.cutX 4384 (.near 80) (.cutY (-14392) (.outside 2) (.cutX 5328 (.cutY (-13908) (.outside
  2) (.near 82)) (.outside 3)))) (.near 82))) (.cutX 2496 (.cutY (-9552) (.near 66) (.cutX 608 (.cutY (-8584) (.near
  66) (.near 67)) (.cutY (-8584) (.near 66) (.near 67)))) (.cutY (-9552) (.cutX 4384 (.cutY (-10520) (.near 82)
  (.near 81)) (.cutY (-10520) (.near 82) (.cutX 5328 (.near 82) (.cutY (-10036) (.near 82) (.cutX 5800 (.near 81)
  (.near 97)))))) (.cutX 4384 (.near 81) (.cutY (-8584) (.cutX 5328 (.near 81) (.cutY (-9068) (.cutX 5800 (.near 81)
  (.near 97)) (.near 81))) (.near 81)))))) (.cutY (-11488) (.cutX 10048 (.cutY (-13424) (.outside 2) (.cutX 8160
  (.cutY (-12456) (.cutX 7216 (.cutY (-12940) (.outside 3) (.cutX 6744 (.cutY (-12698) (.cutX 6508 (.near 82) (.cutY
  (-12819) (.outside 3) (.near 82))) (.near 82)) (.cutY (-12698) (.outside 3) (.cutX 6980 (.cutY (-12577) (.cutX 6862
  (.cutY (-12638) (.outside 3) (.cutX 6803 (.near 82) (.cutY (-12608) (.outside 3) (.near 97)))) (.outside 3)) (.near
  97)) (.cutY (-12577) (.outside 3) (.near 97)))))) (.outside 3)) (.cutX 7216 (.cutY (-11972) (.cutX 6744 (.near 82)
  (.near 97)) (.near 97)) (.near 97))) (.cutY (-12456) (.outside 3) (.cutX 9104 (.near 97) (.cutY (-11972) (.outside
  3) (.cutX 9576 (.near 97) (.outside 3))))))) (.outside 3)) (.cutX 10048 (.cutY (-9552) (.near 97) (.cutX 8160
  (.cutY (-8584) (.near 97) (.near 90)) (.cutY (-8584) (.cutX 9104 (.near 97) (.cutY (-9068) (.near 97) (.cutX 9576
  (.near 97) (.near 104)))) (.cutX 9104 (.cutY (-8100) (.near 97) (.cutX 8632 (.near 90) (.near 104))) (.near
  104))))) (.cutY (-9552) (.cutX 11936 (.cutY (-10520) (.outside 4) (.cutX 10992 (.cutY (-10036) (.near 109) (.cutX
  10520 (.cutY (-9794) (.near 97) (.cutX 10284 (.near 97) (.near 109))) (.near 109))) (.outside 4))) (.outside 4))
  (.cutX 11936 (.near 104) (.outside 4)))))) (.cutX 6272 (.cutY (-3744) (.cutX 2496 (.cutY (-5680) (.near 67) (.near
  68)) (.cutY (-5680) (.cutX 4384 (.near 78) (.cutY (-6648) (.cutX 5328 (.near 81) (.near 90)) (.near 90))) (.cutX
  4384 (.near 78) (.cutY (-4712) (.cutX 5328 (.near 78) (.near 90)) (.near 89))))) (.cutX 2496 (.cutY (-1808) (.cutX
  608 (.near 62) (.near 77)) (.cutX 608 (.near 62) (.near 74))) (.cutY (-1808) (.cutX 4384 (.near 77) (.near 89))
  (.near 85)))) (.cutY (-3744) (.cutX 10048 (.cutY (-5680) (.cutX 8160 (.near 90) (.cutY (-6648) (.cutX 9104 (.near
  90) (.near 104)) (.cutX 9104 (.near 90) (.near 104)))) (.cutX 8160 (.cutY (-4712) (.near 90) (.cutX 7216 (.near 89)
  (.near 101))) (.near 101))) (.cutY (-5680) (.cutX 11936 (.near 104) (.cutY (-6648) (.cutX 12880 (.near 104)
  (.outside 4)) (.cutX 12880 (.near 104) (.outside 5)))) (.cutX 11936 (.cutY (-4712) (.cutX 10992 (.cutY (-5196)
  (.near 104) (.near 101)) (.near 104)) (.cutX 10992 (.near 101) (.cutY (-4228) (.cutX 11464 (.near 101) (.near 110))
  (.near 110)))) (.cutY (-4712) (.cutX 12880 (.cutY (-5196) (.cutX 12408 (.near 104) (.outside 5)) (.near 110))
  (.outside 5)) (.near 110))))) (.cutX 10048 (.cutY (-1808) (.cutX 8160 (.cutY (-2776) (.near 89) (.near 93)) (.near
  101)) (.cutX 8160 (.near 93) (.cutY (-840) (.cutX 9104 (.near 93) (.near 105)) (.cutX 9104 (.near 93) (.near
  105))))) (.cutY (-1808) (.cutX 11936 (.cutY (-2776) (.cutX 10992 (.near 101) (.near 110)) (.cutX 10992 (.near 101)
  (.cutY (-2292) (.near 110) (.near 105)))) (.near 110)) (.cutX 11936 (.near 105) (.cutY (-840) (.cutX 12880 (.near
  105) (.near 110)) (.cutX 12880 (.near 105) (.near 112)))))))))) (.cutX (-1280) (.cutY 7872 (.cutX (-8832) (.cutY
  4000 (.cutX (-12608) (.cutY 2064 (.cutX (-14496) (.near 12) (.cutY 1096 (.cutX (-13552) (.cutY 612 (.cutX (-14024)
  (.cutY 370 (.near 16) (.cutX (-14260) (.near 12) (.cutY 491 (.near 16) (.near 12)))) (.cutY 370 (.near 16) (.near
  23))) (.cutX (-14024) (.near 12) (.near 23))) (.near 23)) (.cutX (-13552) (.cutY 1580 (.cutX (-14024) (.cutY 1338
  (.cutX (-14260) (.near 12) (.near 23)) (.cutX (-14260) (.near 12) (.near 23))) (.near 23)) (.cutX (-14024) (.cutY
  1822 (.cutX (-14260) (.near 12) (.near 23)) (.cutX (-14260) (.cutY 1943 (.cutX (-14378) (.near 12) (.near 23))
  (.cutX (-14378) (.near 12) (.cutY 2003 (.cutX (-14319) (.near 12) (.near 23)) (.cutX (-14319) (.cutY 2033 (.cutX
  (-14349) (.near 12) (.near 23)) (.cutX (-14349) (.near 12) (.near 23))) (.near 23))))) (.near 23))) (.near 23)))
  (.near 23)))) (.cutX (-14496) (.cutY 3032 (.cutX (-15440) (.outside 12) (.near 15)) (.outside 12)) (.cutY 3032
  (.cutX (-13552) (.cutY 2548 (.cutX (-14024) (.cutY 2306 (.cutX (-14260) (.cutY 2185 (.cutX (-14378) (.cutY 2124
  (.cutX (-14437) (.near 12) (.cutY 2094 (.near 12) (.near 15))) (.near 15)) (.cutY 2124 (.cutX (-14319) (.cutY 2094
  (.cutX (-14349) (.cutY 2079 (.cutX (-14364) (.near 12) (.cutX (-14357) (.near 12) (.cutY 2071 (.near 12) (.cutX
  (-14353) (.near 12) (.near 23))))) (.cutX (-14364) (.near 12) (.cutX (-14357) (.cutY 2086 (.near 12) (.near 15))
  (.cutY 2086 (.cutX (-14353) (.cutY 2082 (.cutX (-14355) (.near 12) (.near 23)) (.near 15)) (.near 23)) (.near
  15))))) (.near 23)) (.near 15)) (.near 23)) (.near 15))) (.near 15)) (.near 23)) (.near 15)) (.near 23)) (.near
  15)) (.near 23)) (.cutX (-13552) (.near 15) (.cutY 3516 (.cutX (-13080) (.near 15) (.near 23)) (.cutX (-13080)
  (.near 15) (.near 25))))))) (.cutY 2064 (.cutX (-10720) (.near 23) (.cutY 1096 (.cutX (-9776) (.near 23) (.near
  32)) (.cutX (-9776) (.near 23) (.near 32)))) (.cutX (-10720) (.cutY 3032 (.near 23) (.near 25)) (.cutY 3032 (.cutX
  (-9776) (.near 23) (.near 33)) (.cutX (-9776) (.near 25) (.near 33)))))) (.cutX (-12608) (.cutY 5936 (.cutX
  (-14496) (.outside 12) (.cutY 4968 (.near 15) (.cutX (-13552) (.outside 12) (.cutY 5452 (.near 25) (.cutX (-13080)
  (.outside 12) (.near 25)))))) (.cutX (-14496) (.outside 12) (.cutY 6904 (.cutX (-13552) (.outside 12) (.cutY 6420
  (.cutX (-13080) (.outside 12) (.near 25)) (.outside 12))) (.outside 12)))) (.cutY 5936 (.near 25) (.cutX (-10720)
  (.cutY 6904 (.near 25) (.cutX (-11664) (.near 18) (.cutY 7388 (.near 25) (.cutX (-11192) (.cutY 7630 (.near 25)
  (.near 18)) (.cutY 7630 (.near 25) (.near 30)))))) (.cutY 6904 (.cutX (-9776) (.near 25) (.near 35)) (.cutX (-9776)
  (.cutY 7388 (.near 25) (.near 30)) (.near 30))))))) (.cutY 4000 (.cutX (-5056) (.cutY 2064 (.cutX (-6944) (.near
  32) (.near 44)) (.cutX (-6944) (.near 33) (.cutY 3032 (.cutX (-6000) (.near 33) (.near 44)) (.near 46)))) (.cutY
  2064 (.cutX (-3168) (.near 44) (.near 53)) (.cutX (-3168) (.near 46) (.near 54)))) (.cutX (-5056) (.cutY 5936
  (.cutX (-6944) (.near 35) (.cutY 4968 (.near 46) (.cutX (-6000) (.near 35) (.near 46)))) (.cutX (-6944) (.near 35)
  (.cutY 6904 (.near 35) (.near 47)))) (.cutY 5936 (.cutX (-3168) (.near 46) (.near 59)) (.cutX (-3168) (.near 47)
  (.near 59)))))) (.cutX (-8832) (.cutY 11744 (.cutX (-12608) (.outside 12) (.cutY 9808 (.cutX (-10720) (.cutY 8840
  (.cutX (-11664) (.near 18) (.cutY 8356 (.cutX (-11192) (.near 18) (.near 30)) (.near 30))) (.cutX (-11664)
  (.outside 11) (.near 30))) (.near 30)) (.cutX (-10720) (.outside 11) (.cutY 10776 (.near 30) (.near 28)))))
  (.outside 10)) (.cutY 11744 (.cutX (-5056) (.cutY 9808 (.cutX (-6944) (.cutY 8840 (.cutX (-7888) (.near 30) (.cutY
  8356 (.near 35) (.near 30))) (.near 30)) (.cutY 8840 (.cutX (-6000) (.cutY 8356 (.near 47) (.near 40)) (.near 47))
  (.near 40))) (.cutX (-6944) (.cutY 10776 (.cutX (-7888) (.near 30) (.near 40)) (.cutX (-7888) (.cutY 11260 (.near
  30) (.cutX (-8360) (.outside 11) (.cutY 11502 (.cutX (-8124) (.near 30) (.cutY 11381 (.near 30) (.cutX (-8006)
  (.near 30) (.cutY 11441 (.near 30) (.cutX (-7947) (.near 28) (.near 40)))))) (.near 28)))) (.cutY 11260 (.near 40)
  (.cutX (-7416) (.cutY 11502 (.near 40) (.cutX (-7652) (.cutY 11623 (.cutX (-7770) (.cutY 11562 (.near 40) (.cutX
  (-7829) (.near 28) (.near 40))) (.near 40)) (.cutX (-7770) (.cutY 11683 (.cutX (-7829) (.outside 11) (.near 40))
  (.outside 11)) (.near 40))) (.near 40))) (.near 40))))) (.near 40))) (.cutY 9808 (.cutX (-3168) (.cutY 8840 (.near
  47) (.cutX (-4112) (.near 40) (.near 58))) (.near 58)) (.cutX (-3168) (.cutY 10776 (.near 40) (.cutX (-4112) (.near
  40) (.cutY 11260 (.cutX (-3640) (.near 40) (.cutY 11018 (.near 40) (.near 60))) (.cutX (-3640) (.near 40) (.near
  60))))) (.cutY 10776 (.near 58) (.near 60))))) (.cutX (-5056) (.cutY 13680 (.cutX (-6944) (.cutY 12712 (.cutX
  (-7888) (.outside 11) (.cutY 12228 (.cutX (-7416) (.cutY 11986 (.cutX (-7652) (.outside 11) (.cutY 11865 (.near 40)
  (.cutX (-7534) (.outside 11) (.near 40)))) (.outside 11)) (.cutY 11986 (.near 40) (.cutX (-7180) (.cutY 12107
  (.near 40) (.outside 11)) (.near 40)))) (.cutX (-7416) (.outside 10) (.cutY 12470 (.cutX (-7180) (.outside 10)
  (.cutY 12349 (.near 40) (.outside 10))) (.outside 10))))) (.outside 10)) (.cutY 12712 (.cutX (-6000) (.cutY 12228
  (.near 40) (.near 41)) (.near 40)) (.near 41))) (.outside 10)) (.cutY 13680 (.cutX (-3168) (.cutY 12712 (.cutX
  (-4112) (.cutY 12228 (.near 40) (.near 41)) (.near 60)) (.cutX (-4112) (.near 41) (.near 60))) (.near 60)) (.cutX
  (-3168) (.near 41) (.cutY 14648 (.near 60) (.cutX (-2224) (.cutY 15132 (.cutX (-2696) (.outside 10) (.near 60))
  (.outside 10)) (.cutY 15132 (.near 60) (.cutX (-1752) (.cutY 15374 (.near 60) (.outside 10)) (.cutY 15374 (.near
  60) (.near 64)))))))))))) (.cutY 7872 (.cutX 6272 (.cutY 4000 (.cutX 2496 (.cutY 2064 (.cutX 608 (.near 63) (.near
  74)) (.cutX 608 (.near 69) (.cutY 3032 (.near 76) (.near 69)))) (.cutY 2064 (.cutX 4384 (.cutY 1096 (.near 85)
  (.near 76)) (.near 88)) (.cutX 4384 (.cutY 3032 (.near 76) (.near 79)) (.near 88)))) (.cutX 2496 (.cutY 5936 (.cutX
  608 (.cutY 4968 (.near 69) (.near 59)) (.cutY 4968 (.near 69) (.near 70))) (.near 70)) (.cutY 5936 (.cutX 4384
  (.near 79) (.cutY 4968 (.near 88) (.cutX 5328 (.near 79) (.near 94)))) (.near 83)))) (.cutY 4000 (.cutX 10048
  (.cutY 2064 (.cutX 8160 (.cutY 1096 (.near 93) (.near 99)) (.cutY 1096 (.cutX 9104 (.near 99) (.near 105)) (.near
  99))) (.cutX 8160 (.cutY 3032 (.near 99) (.near 94)) (.near 99))) (.cutY 2064 (.cutX 11936 (.near 105) (.cutY 1096
  (.cutX 12880 (.near 105) (.near 112)) (.cutX 12880 (.cutY 1580 (.near 105) (.near 107)) (.near 112)))) (.cutX 11936
  (.near 107) (.cutY 3032 (.cutX 12880 (.near 107) (.cutY 2548 (.cutX 13352 (.near 107) (.near 112)) (.cutX 13352
  (.near 107) (.cutY 2790 (.near 112) (.cutX 13588 (.near 107) (.near 112)))))) (.near 107))))) (.cutX 10048 (.cutY
  5936 (.cutX 8160 (.near 94) (.cutY 4968 (.cutX 9104 (.near 94) (.near 107)) (.cutX 9104 (.near 94) (.cutY 5452
  (.cutX 9576 (.near 94) (.near 107)) (.cutX 9576 (.near 94) (.near 108)))))) (.cutX 8160 (.cutY 6904 (.near 94)
  (.cutX 7216 (.cutY 7388 (.near 94) (.near 95)) (.near 95))) (.cutY 6904 (.cutX 9104 (.near 94) (.near 108)) (.cutX
  9104 (.cutY 7388 (.near 94) (.near 95)) (.near 108))))) (.cutY 5936 (.cutX 11936 (.cutY 4968 (.near 107) (.cutX
  10992 (.cutY 5452 (.near 107) (.near 108)) (.near 107))) (.cutY 4968 (.cutX 12880 (.near 107) (.cutY 4484 (.cutX
  13352 (.near 107) (.near 114)) (.near 114))) (.cutX 12880 (.cutY 5452 (.near 107) (.near 108)) (.outside 6))))
  (.cutX 11936 (.near 108) (.cutY 6904 (.cutX 12880 (.near 108) (.outside 6)) (.outside 6))))))) (.cutX 6272 (.cutY
  11744 (.cutX 2496 (.cutY 9808 (.cutX 608 (.cutY 8840 (.cutX (-336) (.near 58) (.near 70)) (.near 71)) (.near 71))
  (.cutX 608 (.cutY 10776 (.near 71) (.cutX (-336) (.near 60) (.near 71))) (.near 71))) (.cutY 9808 (.cutX 4384
  (.cutY 8840 (.near 83) (.cutX 3440 (.cutY 9324 (.near 83) (.near 84)) (.near 84))) (.cutY 8840 (.near 83) (.cutX
  5328 (.near 84) (.near 95)))) (.near 84))) (.cutX 2496 (.cutY 13680 (.cutX 608 (.near 60) (.near 75)) (.cutX 608
  (.cutY 14648 (.cutX (-336) (.near 60) (.cutY 14164 (.cutX 136 (.near 60) (.near 75)) (.cutX 136 (.cutY 14406 (.near
  60) (.near 64)) (.near 75)))) (.cutX (-336) (.cutY 15132 (.cutX (-808) (.near 60) (.near 64)) (.near 64)) (.near
  64))) (.cutY 14648 (.near 75) (.cutX 1552 (.near 64) (.near 75))))) (.cutY 13680 (.cutX 4384 (.cutY 12712 (.cutX
  3440 (.near 75) (.near 84)) (.near 75)) (.cutY 12712 (.cutX 5328 (.near 84) (.near 91)) (.cutX 5328 (.cutY 13196
  (.near 84) (.near 91)) (.near 91)))) (.cutX 4384 (.cutY 14648 (.near 75) (.cutX 3440 (.near 75) (.cutY 15132 (.near
  75) (.outside 8)))) (.cutY 14648 (.cutX 5328 (.cutY 14164 (.near 91) (.outside 8)) (.outside 8)) (.outside 8))))))
  (.cutY 11744 (.cutX 10048 (.cutY 9808 (.cutX 8160 (.near 95) (.cutY 8840 (.cutX 9104 (.near 95) (.near 108)) (.near
  95))) (.cutX 8160 (.cutY 10776 (.near 95) (.cutX 7216 (.cutY 11260 (.near 95) (.near 91)) (.near 95))) (.cutY 10776
  (.cutX 9104 (.near 95) (.cutY 10292 (.near 95) (.outside 7))) (.cutX 9104 (.cutY 11260 (.near 95) (.outside 7))
  (.outside 7))))) (.cutY 9808 (.cutX 11936 (.cutY 8840 (.near 108) (.cutX 10992 (.cutY 9324 (.near 108) (.outside
  7)) (.outside 6))) (.outside 6)) (.outside 7))) (.cutX 10048 (.cutY 13680 (.cutX 8160 (.near 91) (.outside 7))
  (.outside 7)) (.outside 6))))))

end Q35
