package config_test

import (
	"strings"
	"testing"

	"github.com/quorate/quorate/server/config"
)

func TestParseSize(t *testing.T) {
	for in, want := range map[string]config.Size{
		"0": 0, "4096": 4096, "1KiB": 1024, "1kb": 1000, "1.5 MiB": 3 << 19, "2g": 2 << 30, "64MB": 64_000_000, "10b": 10,
	} {
		if got, err := config.ParseSize(in); err != nil || got != want {
			t.Errorf("%q: got %d, %v; want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "-1", "-1KiB", "MiB", "1XiB", "NaN", "inf", "1e30GiB", "9223372036854775808"} {
		if got, err := config.ParseSize(in); err == nil {
			t.Errorf("%q: got %d, want an error", in, got)
		}
	}
}

func TestSizeReadsWhatItWrites(t *testing.T) {
	for _, n := range []config.Size{0, 1, 1023, 1024, 1025, 1 << 20, 3 << 29, 1 << 40, 64_000_000} {
		if got, err := config.ParseSize(n.String()); err != nil || got != n {
			t.Errorf("%d is written %q and read %d, %v", n, n, got, err)
		}
	}
}

func TestParsePeers(t *testing.T) {
	p, err := config.ParsePeers(" 2=b.example:2888:observer, 1=[::1]:2888:voter,3=10.0.0.3:2888 ")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := p.String(), "1=[::1]:2888,2=b.example:2888:observer,3=10.0.0.3:2888"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if n := len(p.Voters()); n != 2 {
		t.Errorf("%d voters, want 2", n)
	}
	if empty, err := config.ParsePeers(""); err != nil || empty != nil {
		t.Errorf("empty: got %v, %v", empty, err)
	}
}

func TestParsePeersRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"a:1":             "want id=host:port",
		"1=":              "want id=host:port",
		"1=host":          "want id=host:port",
		"1=:2888":         "want id=host:port",
		"1=h:1:leader":    "want id=host:port",
		"1=h:0":           "port must be 1 to 65535",
		"1=h:99999":       "port must be 1 to 65535",
		"0=h:1":           "id must be 1 to 253",
		"254=h:1":         "id must be 1 to 253",
		"x=h:1":           "id must be 1 to 253",
		"1=h:1,1=i:1":     "server 1 is listed twice",
		"1=h:1,2=h:1":     "servers 1 and 2 have the same address",
		"1=h:1,,2=i:1":    "want id=host:port",
		"1=h:1:observer,": "want id=host:port",
	} {
		_, err := config.ParsePeers(in)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", in, err, want)
		}
	}
}

func TestWords(t *testing.T) {
	for in, want := range map[string]string{"": "", " srvr, mntr,,srvr ": "srvr,mntr", "*": "*", "ruok,*": "ruok,*"} {
		var w config.Words
		if err := w.Set(in); err != nil || w.String() != want {
			t.Errorf("%q: got %q, %v; want %q", in, w.String(), err, want)
		}
	}
	w := config.Words{"srvr"}
	if !w.Has("srvr") || w.Has("stat") || !(config.Words{"*"}).Has("stat") || config.Words(nil).Has("stat") {
		t.Error("a word is had by its name, or by *")
	}
}
