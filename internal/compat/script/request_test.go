package script

import (
	"encoding/hex"
	"testing"
)

func TestRequestsAreWritten(t *testing.T) {
	n := &names{zxids: []int64{0x55}, sessions: []session{{id: 0x77}}}
	for line, want := range map[string]string{
		`exists /x true`:                  "000000022f7801",
		`exists "/x y" false`:             "000000042f78207900",
		`exists long(3)`:                  "00000003787878",
		`exists "long(3)"`:                "000000076c6f6e67283329",
		`exists null z:2`:                 "ffffffff02",
		`exists len(-7)`:                  "fffffff9",
		`exists x:00ff`:                   "00ff",
		`setACL /x [rw:world:anyone] -1`:  "000000022f78" + "00000001" + "00000003" + "00000005776f726c64" + "00000006616e796f6e65" + "ffffffff",
		`setACL /x [] -1`:                 "000000022f7800000000ffffffff",
		`setACL /x [-1:null:""] 0`:        "000000022f7800000001ffffffffffffffff0000000000000000",
		`setWatches z1 [/a,/b] [] null`:   "0000000000000055" + "00000002" + "000000022f61" + "000000022f62" + "00000000" + "ffffffff",
		`op 5 l:#1 s:"" b:null S:[a] i:3`: "0000000000000077" + "00000000" + "ffffffff" + "00000001" + "0000000161" + "00000003",
		`multi check /x 1`:                "0000000d00ffffffff" + "000000022f7800000001" + "ffffffff01ffffffff",
		`multi check /x 1 ; i:9 noend`:    "0000000d00ffffffff" + "000000022f7800000001" + "00000009",
		`create /x d open 0 x:ff`:         "000000022f78" + "0000000164" + "00000001" + "0000001f" + "00000005776f726c64" + "00000006616e796f6e65" + "00000000" + "ff",
		`multi`:                           "ffffffff01ffffffff",
	} {
		words, err := tokens(line)
		if err != nil {
			t.Fatal(err)
		}
		w := writer{names: n}
		if _, err := w.request(words); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		if got := hex.EncodeToString(w.out); got != want {
			t.Errorf("%s\n got %s\nwant %s", line, got, want)
		}
	}
}

func TestWhatIsNoRequest(t *testing.T) {
	for _, line := range []string{
		`nonsense`, `exists /x true more`, `exists /x perhaps`, `setACL /x [r:world] 0`, `setACL /x [q:world:x] 0`, `exists "/x`,
		`exists x:0`, `op`, `op x`, `setWatches z9 [] [] []`, `setWatches #9 [] [] []`, `multi nonsense`, `getEphemerals / /`, `setWatches 1 a [] []`,
	} {
		words, err := tokens(line)
		if err == nil {
			w := writer{names: &names{}}
			_, err = w.request(words)
		}
		if err == nil {
			t.Errorf("%s: no error", line)
		}
	}
}

func TestARecordedScriptIsAScript(t *testing.T) {
	const text = "# What it is.\na open\n  a connected\n\na getData /x false\n  a 1 z1 ok\n  b event\n"
	if got := Text(Parse(text)); got != text {
		t.Errorf("got %q", got)
	}
}
