package source_test

import (
	"errors"
	"testing"

	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/server/config/source"
)

func TestNearest(t *testing.T) {
	known := []string{"tickTime", "initLimit", "syncLimit", "dataDir", "dataLogDir", "maxClientCnxns"}
	for word, want := range map[string]string{
		"ticktime": "tickTime", "tcikTime": "tickTime", "tickTim": "tickTime", "datadir": "dataDir", "dataDri": "dataDir",
		"maxClientConnections": "", "maxClientCnxn": "maxClientCnxns", "innitLimit": "initLimit", "": "", "x": "", "frobnicate": "",
	} {
		if got := source.Nearest(word, known); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}

// TestExplainNamesThePlace of what the file decides, and of nothing else.
func TestExplainNamesThePlace(t *testing.T) {
	r := source.Reading{Config: config.Default(), Places: map[string]source.Place{
		"id": {File: "f", Line: 3, Key: "myid"}, "tick": {File: "f", Line: 4, Key: "tickTime"},
	}}
	r.Config.ID, r.Config.Tick, r.Config.DataDir = 0, 0, ""
	err := r.Explain(r.Config.Validate(), func(flag string) bool { return flag == "tick" })
	const want = "--data-dir is empty: it must name a directory\n" +
		"f:3: myid: --id is 0: it must be 1 to 253\n" +
		"--tick is 0s: it must be 2ms to 1m0s"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if err := r.Explain(nil, nil); err != nil {
		t.Error(err)
	}
	other := errors.New("other")
	if err := r.Explain(other, nil); !errors.Is(err, other) {
		t.Error(err)
	}
}
