package local

import (
	"bytes"
	"strings"
	"testing"
)

func TestArguments(t *testing.T) {
	e := Ensemble{Program: "quorate", Voters: 2, Observers: 1, Dir: "/tmp/it's here", Port: 2181, Args: []string{"--log-level", "debug"}}
	want := "serve --id 3 --data-dir '/tmp/it'\\''s here/3' --client-addr 127.0.0.1:2183 " +
		"--peers 1=127.0.0.1:3181,2=127.0.0.1:3182,3=127.0.0.1:3183:observer --log-format console --log-level debug"
	if got := quoted(e.args(3)); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if got := e.Servers(); got != "127.0.0.1:2181,127.0.0.1:2182,127.0.0.1:2183" {
		t.Errorf("servers %s", got)
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		e    Ensemble
		want string
	}{
		{Ensemble{Voters: 3, Port: 2181}, ""},
		{Ensemble{Voters: 253, Port: 2181}, ""},
		{Ensemble{Voters: 0, Observers: 1, Port: 2181}, "votes"},
		{Ensemble{Voters: 1, Observers: -1, Port: 2181}, "1 to 253"},
		{Ensemble{Voters: 200, Observers: 54, Port: 2181}, "1 to 253"},
		{Ensemble{Voters: 3, Port: 0}, "between 1 and 65535"},
		{Ensemble{Voters: 3, Port: 64534}, "between 1 and 65535"},
		{Ensemble{Voters: 3, Port: 64533}, ""},
	} {
		err := c.e.Check()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.e, err, c.want)
		}
	}
}

// TestLinesStayWhole: a line longer than the buffer is cut, and the next one is whole.
func TestLinesStayWhole(t *testing.T) {
	var out bytes.Buffer
	w := &lineWriter{out: &out}
	w.copy("[1] ", strings.NewReader("short\n"+strings.Repeat("x", 3*maxLine)+"\nnext\nunfinished"))
	lines := strings.Split(out.String(), "\n")
	if len(lines) != 5 || lines[0] != "[1] short" || lines[2] != "[1] next" || lines[3] != "[1] unfinished" {
		t.Fatalf("%d lines: %.20q", len(lines), lines)
	}
	if n := len(lines[1]); n != maxLine+4 {
		t.Errorf("the long line has %d bytes", n)
	}
}
