module

public import Q35.Cover

@[expose] public section

/-! The learned table and the trees that show its covering radii. Generated from `spec/codebook.json` by
`spec/generate_lean.py`: change those, not this file. -/

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
  .cutY (.cutX (.cutY (.cutX (.cutY (.cutX (.outside 0) (.cutY (.outside 1) (.cutX (.outside 0) (.cutY (.outside 1)
  (.near 7))))) (.cutX (.outside 0) (.cutY (.near 7) (.cutX (.cutY (.near 7) (.cutX (.near 2) (.cutY (.near 7) (.near
  2)))) (.cutY (.near 7) (.near 13)))))) (.cutY (.cutX (.cutY (.cutX (.outside 1) (.near 22)) (.cutX (.cutY (.near
  22) (.cutX (.cutY (.cutX (.outside 1) (.near 22)) (.cutX (.near 7) (.near 22))) (.near 22))) (.near 22))) (.cutY
  (.cutX (.cutY (.outside 1) (.cutX (.near 22) (.cutY (.cutX (.near 22) (.near 56)) (.cutX (.near 22) (.near 45)))))
  (.near 56)) (.cutX (.cutY (.near 22) (.near 45)) (.near 45)))) (.cutX (.cutY (.cutX (.cutY (.cutX (.near 7) (.near
  24)) (.cutX (.cutY (.near 7) (.near 13)) (.near 24))) (.near 24)) (.cutX (.near 13) (.near 24))) (.cutY (.cutX
  (.cutY (.near 45) (.near 24)) (.near 45)) (.near 38))))) (.cutX (.cutY (.cutX (.cutY (.cutX (.outside 0) (.near 2))
  (.cutX (.cutY (.outside 0) (.cutX (.outside 0) (.cutY (.outside 0) (.cutX (.outside 0) (.cutY (.cutX (.outside 0)
  (.cutY (.outside 0) (.cutX (.outside 0) (.near 4)))) (.cutX (.outside 0) (.near 4))))))) (.cutY (.near 2) (.cutX
  (.cutY (.near 2) (.near 4)) (.near 4))))) (.cutY (.cutX (.near 2) (.near 13)) (.cutX (.cutY (.near 2) (.near 4))
  (.near 10)))) (.cutX (.cutY (.cutX (.cutY (.cutX (.outside 0) (.cutY (.cutX (.outside 0) (.cutY (.cutX (.cutY
  (.cutX (.outside 0) (.cutY (.outside 0) (.near 4))) (.cutX (.outside 0) (.near 4))) (.near 4)) (.cutX (.cutY (.cutX
  (.cutY (.outside 0) (.cutX (.outside 0) (.near 4))) (.near 4)) (.cutX (.cutY (.cutX (.outside 0) (.near 4)) (.cutX
  (.cutY (.cutX (.outside 0) (.cutY (.outside 0) (.cutX (.outside 0) (.near 4)))) (.cutX (.outside 0) (.cutY (.cutX
  (.cutY (.outside 0) (.near 4)) (.near 4)) (.near 4)))) (.near 4))) (.near 4))) (.near 4)))) (.cutX (.cutY (.cutX
  (.outside 0) (.cutY (.cutX (.outside 0) (.cutY (.outside 0) (.near 0))) (.near 0))) (.near 0)) (.cutY (.cutX (.cutY
  (.cutX (.cutY (.cutX (.cutY (.cutX (.cutY (.cutX (.outside 0) (.cutY (.outside 0) (.cutX (.outside 0) (.cutX
  (.outside 0) (.near 4))))) (.cutX (.outside 0) (.cutY (.cutX (.cutY (.outside 0) (.near 0)) (.cutX (.cutY (.cutX
  (.outside 0) (.near 4)) (.near 0)) (.near 4))) (.near 0)))) (.near 4)) (.cutX (.near 0) (.near 4))) (.near 4))
  (.cutX (.near 0) (.near 4))) (.near 4)) (.cutX (.near 0) (.near 4))) (.near 4)) (.cutX (.near 0) (.near 4))))))
  (.near 0)) (.near 4)) (.cutX (.near 0) (.cutY (.cutX (.cutY (.near 4) (.near 0)) (.near 4)) (.cutX (.near 0) (.near
  5))))) (.cutY (.cutX (.near 4) (.near 11)) (.cutX (.near 5) (.near 11))))) (.cutY (.cutX (.cutY (.cutX (.near 13)
  (.near 27)) (.near 17)) (.near 37)) (.cutX (.cutY (.near 21) (.near 16)) (.cutY (.near 39) (.near 36)))))) (.cutY
  (.cutX (.cutY (.cutX (.cutY (.cutX (.near 56) (.cutY (.cutX (.near 56) (.near 96)) (.cutX (.near 73) (.near 96))))
  (.near 73)) (.cutY (.near 96) (.cutX (.near 96) (.near 103)))) (.cutX (.cutY (.near 73) (.cutX (.near 61) (.near
  80))) (.cutY (.cutX (.near 87) (.near 103)) (.near 100)))) (.cutY (.cutX (.cutY (.outside 3) (.cutX (.cutY (.cutX
  (.cutY (.cutX (.cutY (.outside 3) (.near 103)) (.outside 3)) (.near 103)) (.near 120)) (.cutX (.near 103) (.near
  120))) (.near 120))) (.outside 3)) (.cutX (.cutY (.cutX (.cutY (.cutX (.near 103) (.near 120)) (.near 111)) (.near
  120)) (.cutX (.near 111) (.cutY (.cutX (.near 111) (.cutY (.near 120) (.cutX (.near 111) (.near 125)))) (.near
  111)))) (.cutY (.cutX (.cutY (.outside 4) (.cutX (.near 120) (.outside 4))) (.outside 4)) (.near 125))))) (.cutX
  (.cutY (.cutX (.cutY (.near 65) (.near 66)) (.cutY (.near 100) (.near 97))) (.cutX (.cutY (.near 68) (.near 74))
  (.near 101))) (.cutY (.cutX (.cutY (.cutX (.near 111) (.near 118)) (.cutX (.near 117) (.near 118))) (.cutY (.near
  125) (.cutX (.near 124) (.cutY (.cutX (.near 124) (.outside 5)) (.near 124))))) (.cutX (.cutY (.near 117) (.cutX
  (.near 110) (.near 119))) (.cutY (.near 124) (.near 126))))))) (.cutX (.cutY (.cutX (.cutY (.cutX (.cutY (.cutX
  (.cutY (.near 0) (.near 1)) (.near 1)) (.near 1)) (.cutY (.cutX (.near 5) (.near 8)) (.near 8))) (.cutX (.cutY
  (.cutX (.outside 12) (.near 3)) (.cutX (.outside 12) (.cutY (.near 3) (.outside 12)))) (.cutY (.cutX (.near 3)
  (.near 9)) (.cutX (.cutY (.near 3) (.cutX (.near 3) (.near 6))) (.near 14))))) (.cutY (.cutX (.cutY (.cutX (.near
  12) (.near 23)) (.cutX (.near 15) (.near 25))) (.cutY (.near 44) (.near 35))) (.cutX (.cutY (.near 18) (.cutX
  (.near 14) (.near 28))) (.cutY (.near 40) (.near 41))))) (.cutX (.cutY (.cutX (.outside 12) (.cutY (.near 6) (.cutX
  (.outside 11) (.cutY (.near 6) (.cutX (.outside 11) (.cutY (.near 6) (.outside 11))))))) (.outside 10)) (.cutY
  (.cutX (.cutY (.near 19) (.cutX (.cutY (.near 19) (.near 20)) (.cutY (.near 19) (.near 20)))) (.cutY (.cutX (.near
  34) (.near 50)) (.cutX (.near 34) (.near 42)))) (.cutX (.cutY (.near 20) (.outside 10)) (.cutY (.near 42) (.cutX
  (.cutY (.cutX (.cutY (.near 20) (.outside 10)) (.near 42)) (.outside 10)) (.near 55))))))) (.cutY (.cutX (.cutY
  (.cutX (.cutY (.near 76) (.near 70)) (.cutY (.near 99) (.near 94))) (.cutX (.cutY (.near 71) (.near 75)) (.cutY
  (.near 95) (.cutX (.near 91) (.near 106))))) (.cutY (.cutX (.cutY (.cutX (.near 112) (.near 121)) (.near 114))
  (.cutY (.cutX (.near 121) (.cutY (.near 126) (.near 127))) (.cutX (.near 122) (.near 127)))) (.cutX (.cutY (.near
  115) (.cutX (.near 113) (.cutY (.near 115) (.near 113)))) (.cutY (.cutX (.near 122) (.cutY (.near 127) (.cutX
  (.cutY (.near 122) (.near 123)) (.outside 6)))) (.cutX (.near 123) (.cutY (.cutX (.near 123) (.outside 6))
  (.outside 6))))))) (.cutX (.cutY (.cutX (.cutY (.near 64) (.near 72)) (.cutY (.near 102) (.near 98))) (.cutX (.cutY
  (.near 72) (.cutX (.near 55) (.cutY (.cutX (.cutY (.near 72) (.near 92)) (.near 92)) (.near 92)))) (.cutY (.cutX
  (.near 98) (.cutY (.near 98) (.cutX (.near 98) (.cutY (.near 98) (.cutX (.near 98) (.outside 8)))))) (.cutX (.near
  92) (.cutY (.cutX (.near 92) (.outside 8)) (.outside 8)))))) (.cutY (.cutX (.cutY (.cutX (.near 113) (.cutY (.near
  113) (.cutX (.near 113) (.cutY (.near 123) (.cutX (.near 113) (.near 123)))))) (.near 116)) (.cutY (.cutX (.near
  123) (.outside 6)) (.outside 7))) (.cutX (.cutY (.cutX (.near 116) (.outside 7)) (.outside 7)) (.outside 6))))))

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
  .cutY (.cutX (.cutY (.cutX (.cutY (.cutX (.outside 0) (.cutY (.outside 1) (.cutX (.outside 0) (.near 27)))) (.cutX
  (.outside 0) (.cutY (.cutX (.cutY (.cutX (.outside 0) (.cutY (.outside 0) (.cutX (.outside 0) (.cutY (.outside 0)
  (.cutX (.outside 0) (.cutY (.outside 0) (.near 29))))))) (.cutX (.outside 0) (.cutY (.cutX (.outside 0) (.cutY
  (.cutX (.outside 0) (.near 29)) (.near 29))) (.near 17)))) (.cutY (.cutX (.cutY (.near 27) (.cutX (.cutY (.near 27)
  (.near 29)) (.near 29))) (.cutY (.cutX (.near 27) (.cutY (.near 27) (.near 29))) (.near 29))) (.near 29))) (.cutX
  (.cutY (.cutX (.near 17) (.near 29)) (.cutX (.cutY (.near 17) (.near 21)) (.cutY (.near 29) (.cutX (.near 21)
  (.near 29))))) (.near 29))))) (.cutY (.cutX (.cutY (.outside 1) (.cutX (.cutY (.cutX (.outside 1) (.near 37))
  (.cutX (.cutY (.cutX (.outside 1) (.near 37)) (.near 37)) (.near 37))) (.near 37))) (.cutY (.cutX (.cutY (.outside
  1) (.near 49)) (.cutY (.cutX (.near 49) (.cutY (.cutX (.cutY (.outside 1) (.near 49)) (.cutY (.outside 1) (.cutX
  (.near 49) (.near 65)))) (.near 49))) (.near 49))) (.near 49))) (.cutX (.cutY (.cutX (.cutY (.near 37) (.cutX
  (.near 29) (.near 37))) (.near 37)) (.cutX (.near 29) (.near 39))) (.cutY (.cutX (.cutY (.cutX (.near 37) (.cutY
  (.near 49) (.near 51))) (.cutX (.cutY (.near 37) (.near 51)) (.near 51))) (.near 51)) (.cutX (.cutY (.near 51)
  (.cutX (.near 39) (.near 51))) (.near 51)))))) (.cutX (.cutY (.cutX (.cutY (.cutX (.outside 0) (.near 21)) (.cutX
  (.cutY (.outside 0) (.cutX (.outside 0) (.cutY (.outside 0) (.cutX (.outside 0) (.near 16))))) (.cutY (.near 21)
  (.cutX (.cutY (.near 21) (.near 16)) (.near 21))))) (.cutY (.cutX (.near 21) (.cutY (.near 29) (.cutX (.cutY (.cutX
  (.near 21) (.near 31)) (.near 31)) (.near 31)))) (.cutX (.cutY (.near 21) (.cutX (.near 21) (.cutY (.near 21)
  (.near 26)))) (.cutY (.near 31) (.cutX (.cutY (.near 31) (.near 26)) (.near 31)))))) (.cutX (.cutY (.cutX (.cutY
  (.cutX (.outside 0) (.near 16)) (.cutX (.cutY (.outside 0) (.near 16)) (.near 16))) (.near 16)) (.cutX (.cutY
  (.cutX (.cutY (.cutX (.outside 0) (.near 16)) (.near 12)) (.near 16)) (.cutX (.near 12) (.cutY (.near 16) (.near
  12)))) (.near 16))) (.cutY (.cutX (.cutY (.cutX (.cutY (.cutX (.near 16) (.near 26)) (.near 26)) (.near 26)) (.near
  26)) (.near 26)) (.cutX (.cutY (.near 26) (.near 23)) (.cutY (.near 26) (.cutX (.near 26) (.near 32))))))) (.cutY
  (.cutX (.cutY (.cutX (.cutY (.cutX (.near 29) (.near 39)) (.near 31)) (.near 39)) (.cutX (.near 31) (.near 43)))
  (.cutY (.cutX (.cutY (.near 39) (.cutX (.near 39) (.near 52))) (.near 52)) (.cutX (.near 43) (.near 52)))) (.cutX
  (.cutY (.near 36) (.cutX (.near 32) (.cutY (.near 36) (.cutX (.near 36) (.near 48))))) (.cutY (.cutX (.near 48)
  (.near 57)) (.cutX (.near 48) (.near 53))))))) (.cutY (.cutX (.cutY (.cutX (.cutY (.cutX (.near 65) (.cutY (.cutX
  (.near 65) (.near 80)) (.near 65))) (.cutX (.cutY (.near 65) (.cutX (.cutY (.near 65) (.near 66)) (.near 65)))
  (.cutY (.near 65) (.cutX (.near 65) (.cutY (.near 65) (.near 66)))))) (.cutY (.cutX (.near 80) (.cutY (.outside 2)
  (.cutX (.cutY (.outside 2) (.near 82)) (.outside 3)))) (.near 82))) (.cutX (.cutY (.near 66) (.cutX (.cutY (.near
  66) (.near 67)) (.cutY (.near 66) (.near 67)))) (.cutY (.cutX (.cutY (.near 82) (.near 81)) (.cutY (.near 82)
  (.cutX (.near 82) (.cutY (.near 82) (.cutX (.near 81) (.near 97)))))) (.cutX (.near 81) (.cutY (.cutX (.near 81)
  (.cutY (.cutX (.near 81) (.near 97)) (.near 81))) (.near 81)))))) (.cutY (.cutX (.cutY (.outside 2) (.cutX (.cutY
  (.cutX (.cutY (.outside 3) (.cutX (.cutY (.cutX (.near 82) (.cutY (.outside 3) (.near 82))) (.near 82)) (.cutY
  (.outside 3) (.cutX (.cutY (.cutX (.cutY (.outside 3) (.cutX (.near 82) (.cutY (.outside 3) (.near 97)))) (.outside
  3)) (.near 97)) (.cutY (.outside 3) (.near 97)))))) (.outside 3)) (.cutX (.cutY (.cutX (.near 82) (.near 97))
  (.near 97)) (.near 97))) (.cutY (.outside 3) (.cutX (.near 97) (.cutY (.outside 3) (.cutX (.near 97) (.outside
  3))))))) (.outside 3)) (.cutX (.cutY (.near 97) (.cutX (.cutY (.near 97) (.near 90)) (.cutY (.cutX (.near 97)
  (.cutY (.near 97) (.cutX (.near 97) (.near 104)))) (.cutX (.cutY (.near 97) (.cutX (.near 90) (.near 104))) (.near
  104))))) (.cutY (.cutX (.cutY (.outside 4) (.cutX (.cutY (.near 109) (.cutX (.cutY (.near 97) (.cutX (.near 97)
  (.near 109))) (.near 109))) (.outside 4))) (.outside 4)) (.cutX (.near 104) (.outside 4)))))) (.cutX (.cutY (.cutX
  (.cutY (.near 67) (.near 68)) (.cutY (.cutX (.near 78) (.cutY (.cutX (.near 81) (.near 90)) (.near 90))) (.cutX
  (.near 78) (.cutY (.cutX (.near 78) (.near 90)) (.near 89))))) (.cutX (.cutY (.cutX (.near 62) (.near 77)) (.cutX
  (.near 62) (.near 74))) (.cutY (.cutX (.near 77) (.near 89)) (.near 85)))) (.cutY (.cutX (.cutY (.cutX (.near 90)
  (.cutY (.cutX (.near 90) (.near 104)) (.cutX (.near 90) (.near 104)))) (.cutX (.cutY (.near 90) (.cutX (.near 89)
  (.near 101))) (.near 101))) (.cutY (.cutX (.near 104) (.cutY (.cutX (.near 104) (.outside 4)) (.cutX (.near 104)
  (.outside 5)))) (.cutX (.cutY (.cutX (.cutY (.near 104) (.near 101)) (.near 104)) (.cutX (.near 101) (.cutY (.cutX
  (.near 101) (.near 110)) (.near 110)))) (.cutY (.cutX (.cutY (.cutX (.near 104) (.outside 5)) (.near 110))
  (.outside 5)) (.near 110))))) (.cutX (.cutY (.cutX (.cutY (.near 89) (.near 93)) (.near 101)) (.cutX (.near 93)
  (.cutY (.cutX (.near 93) (.near 105)) (.cutX (.near 93) (.near 105))))) (.cutY (.cutX (.cutY (.cutX (.near 101)
  (.near 110)) (.cutX (.near 101) (.cutY (.near 110) (.near 105)))) (.near 110)) (.cutX (.near 105) (.cutY (.cutX
  (.near 105) (.near 110)) (.cutX (.near 105) (.near 112)))))))))) (.cutX (.cutY (.cutX (.cutY (.cutX (.cutY (.cutX
  (.near 12) (.cutY (.cutX (.cutY (.cutX (.cutY (.near 16) (.cutX (.near 12) (.cutY (.near 16) (.near 12)))) (.cutY
  (.near 16) (.near 23))) (.cutX (.near 12) (.near 23))) (.near 23)) (.cutX (.cutY (.cutX (.cutY (.cutX (.near 12)
  (.near 23)) (.cutX (.near 12) (.near 23))) (.near 23)) (.cutX (.cutY (.cutX (.near 12) (.near 23)) (.cutX (.cutY
  (.cutX (.near 12) (.near 23)) (.cutX (.near 12) (.cutY (.cutX (.near 12) (.near 23)) (.cutX (.cutY (.cutX (.near
  12) (.near 23)) (.cutX (.near 12) (.near 23))) (.near 23))))) (.near 23))) (.near 23))) (.near 23)))) (.cutX (.cutY
  (.cutX (.outside 12) (.near 15)) (.outside 12)) (.cutY (.cutX (.cutY (.cutX (.cutY (.cutX (.cutY (.cutX (.cutY
  (.cutX (.near 12) (.cutY (.near 12) (.near 15))) (.near 15)) (.cutY (.cutX (.cutY (.cutX (.cutY (.cutX (.near 12)
  (.cutX (.near 12) (.cutY (.near 12) (.cutX (.near 12) (.near 23))))) (.cutX (.near 12) (.cutX (.cutY (.near 12)
  (.near 15)) (.cutY (.cutX (.cutY (.cutX (.near 12) (.near 23)) (.near 15)) (.near 23)) (.near 15))))) (.near 23))
  (.near 15)) (.near 23)) (.near 15))) (.near 15)) (.near 23)) (.near 15)) (.near 23)) (.near 15)) (.near 23)) (.cutX
  (.near 15) (.cutY (.cutX (.near 15) (.near 23)) (.cutX (.near 15) (.near 25))))))) (.cutY (.cutX (.near 23) (.cutY
  (.cutX (.near 23) (.near 32)) (.cutX (.near 23) (.near 32)))) (.cutX (.cutY (.near 23) (.near 25)) (.cutY (.cutX
  (.near 23) (.near 33)) (.cutX (.near 25) (.near 33)))))) (.cutX (.cutY (.cutX (.outside 12) (.cutY (.near 15)
  (.cutX (.outside 12) (.cutY (.near 25) (.cutX (.outside 12) (.near 25)))))) (.cutX (.outside 12) (.cutY (.cutX
  (.outside 12) (.cutY (.cutX (.outside 12) (.near 25)) (.outside 12))) (.outside 12)))) (.cutY (.near 25) (.cutX
  (.cutY (.near 25) (.cutX (.near 18) (.cutY (.near 25) (.cutX (.cutY (.near 25) (.near 18)) (.cutY (.near 25) (.near
  30)))))) (.cutY (.cutX (.near 25) (.near 35)) (.cutX (.cutY (.near 25) (.near 30)) (.near 30))))))) (.cutY (.cutX
  (.cutY (.cutX (.near 32) (.near 44)) (.cutX (.near 33) (.cutY (.cutX (.near 33) (.near 44)) (.near 46)))) (.cutY
  (.cutX (.near 44) (.near 53)) (.cutX (.near 46) (.near 54)))) (.cutX (.cutY (.cutX (.near 35) (.cutY (.near 46)
  (.cutX (.near 35) (.near 46)))) (.cutX (.near 35) (.cutY (.near 35) (.near 47)))) (.cutY (.cutX (.near 46) (.near
  59)) (.cutX (.near 47) (.near 59)))))) (.cutX (.cutY (.cutX (.outside 12) (.cutY (.cutX (.cutY (.cutX (.near 18)
  (.cutY (.cutX (.near 18) (.near 30)) (.near 30))) (.cutX (.outside 11) (.near 30))) (.near 30)) (.cutX (.outside
  11) (.cutY (.near 30) (.near 28))))) (.outside 10)) (.cutY (.cutX (.cutY (.cutX (.cutY (.cutX (.near 30) (.cutY
  (.near 35) (.near 30))) (.near 30)) (.cutY (.cutX (.cutY (.near 47) (.near 40)) (.near 47)) (.near 40))) (.cutX
  (.cutY (.cutX (.near 30) (.near 40)) (.cutX (.cutY (.near 30) (.cutX (.outside 11) (.cutY (.cutX (.near 30) (.cutY
  (.near 30) (.cutX (.near 30) (.cutY (.near 30) (.cutX (.near 28) (.near 40)))))) (.near 28)))) (.cutY (.near 40)
  (.cutX (.cutY (.near 40) (.cutX (.cutY (.cutX (.cutY (.near 40) (.cutX (.near 28) (.near 40))) (.near 40)) (.cutX
  (.cutY (.cutX (.outside 11) (.near 40)) (.outside 11)) (.near 40))) (.near 40))) (.near 40))))) (.near 40))) (.cutY
  (.cutX (.cutY (.near 47) (.cutX (.near 40) (.near 58))) (.near 58)) (.cutX (.cutY (.near 40) (.cutX (.near 40)
  (.cutY (.cutX (.near 40) (.cutY (.near 40) (.near 60))) (.cutX (.near 40) (.near 60))))) (.cutY (.near 58) (.near
  60))))) (.cutX (.cutY (.cutX (.cutY (.cutX (.outside 11) (.cutY (.cutX (.cutY (.cutX (.outside 11) (.cutY (.near
  40) (.cutX (.outside 11) (.near 40)))) (.outside 11)) (.cutY (.near 40) (.cutX (.cutY (.near 40) (.outside 11))
  (.near 40)))) (.cutX (.outside 10) (.cutY (.cutX (.outside 10) (.cutY (.near 40) (.outside 10))) (.outside 10)))))
  (.outside 10)) (.cutY (.cutX (.cutY (.near 40) (.near 41)) (.near 40)) (.near 41))) (.outside 10)) (.cutY (.cutX
  (.cutY (.cutX (.cutY (.near 40) (.near 41)) (.near 60)) (.cutX (.near 41) (.near 60))) (.near 60)) (.cutX (.near
  41) (.cutY (.near 60) (.cutX (.cutY (.cutX (.outside 10) (.near 60)) (.outside 10)) (.cutY (.near 60) (.cutX (.cutY
  (.near 60) (.outside 10)) (.cutY (.near 60) (.near 64)))))))))))) (.cutY (.cutX (.cutY (.cutX (.cutY (.cutX (.near
  63) (.near 74)) (.cutX (.near 69) (.cutY (.near 76) (.near 69)))) (.cutY (.cutX (.cutY (.near 85) (.near 76))
  (.near 88)) (.cutX (.cutY (.near 76) (.near 79)) (.near 88)))) (.cutX (.cutY (.cutX (.cutY (.near 69) (.near 59))
  (.cutY (.near 69) (.near 70))) (.near 70)) (.cutY (.cutX (.near 79) (.cutY (.near 88) (.cutX (.near 79) (.near
  94)))) (.near 83)))) (.cutY (.cutX (.cutY (.cutX (.cutY (.near 93) (.near 99)) (.cutY (.cutX (.near 99) (.near
  105)) (.near 99))) (.cutX (.cutY (.near 99) (.near 94)) (.near 99))) (.cutY (.cutX (.near 105) (.cutY (.cutX (.near
  105) (.near 112)) (.cutX (.cutY (.near 105) (.near 107)) (.near 112)))) (.cutX (.near 107) (.cutY (.cutX (.near
  107) (.cutY (.cutX (.near 107) (.near 112)) (.cutX (.near 107) (.cutY (.near 112) (.cutX (.near 107) (.near
  112)))))) (.near 107))))) (.cutX (.cutY (.cutX (.near 94) (.cutY (.cutX (.near 94) (.near 107)) (.cutX (.near 94)
  (.cutY (.cutX (.near 94) (.near 107)) (.cutX (.near 94) (.near 108)))))) (.cutX (.cutY (.near 94) (.cutX (.cutY
  (.near 94) (.near 95)) (.near 95))) (.cutY (.cutX (.near 94) (.near 108)) (.cutX (.cutY (.near 94) (.near 95))
  (.near 108))))) (.cutY (.cutX (.cutY (.near 107) (.cutX (.cutY (.near 107) (.near 108)) (.near 107))) (.cutY (.cutX
  (.near 107) (.cutY (.cutX (.near 107) (.near 114)) (.near 114))) (.cutX (.cutY (.near 107) (.near 108)) (.outside
  6)))) (.cutX (.near 108) (.cutY (.cutX (.near 108) (.outside 6)) (.outside 6))))))) (.cutX (.cutY (.cutX (.cutY
  (.cutX (.cutY (.cutX (.near 58) (.near 70)) (.near 71)) (.near 71)) (.cutX (.cutY (.near 71) (.cutX (.near 60)
  (.near 71))) (.near 71))) (.cutY (.cutX (.cutY (.near 83) (.cutX (.cutY (.near 83) (.near 84)) (.near 84))) (.cutY
  (.near 83) (.cutX (.near 84) (.near 95)))) (.near 84))) (.cutX (.cutY (.cutX (.near 60) (.near 75)) (.cutX (.cutY
  (.cutX (.near 60) (.cutY (.cutX (.near 60) (.near 75)) (.cutX (.cutY (.near 60) (.near 64)) (.near 75)))) (.cutX
  (.cutY (.cutX (.near 60) (.near 64)) (.near 64)) (.near 64))) (.cutY (.near 75) (.cutX (.near 64) (.near 75)))))
  (.cutY (.cutX (.cutY (.cutX (.near 75) (.near 84)) (.near 75)) (.cutY (.cutX (.near 84) (.near 91)) (.cutX (.cutY
  (.near 84) (.near 91)) (.near 91)))) (.cutX (.cutY (.near 75) (.cutX (.near 75) (.cutY (.near 75) (.outside 8))))
  (.cutY (.cutX (.cutY (.near 91) (.outside 8)) (.outside 8)) (.outside 8)))))) (.cutY (.cutX (.cutY (.cutX (.near
  95) (.cutY (.cutX (.near 95) (.near 108)) (.near 95))) (.cutX (.cutY (.near 95) (.cutX (.cutY (.near 95) (.near
  91)) (.near 95))) (.cutY (.cutX (.near 95) (.cutY (.near 95) (.outside 7))) (.cutX (.cutY (.near 95) (.outside 7))
  (.outside 7))))) (.cutY (.cutX (.cutY (.near 108) (.cutX (.cutY (.near 108) (.outside 7)) (.outside 6))) (.outside
  6)) (.outside 7))) (.cutX (.cutY (.cutX (.near 91) (.outside 7)) (.outside 7)) (.outside 6))))))

end Q35
