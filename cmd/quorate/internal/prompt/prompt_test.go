package prompt

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// typing returns the lines that an editor makes of keys, and what stood on the screen.
func typing(t *testing.T, history *History, complete Completer, typed string) (lines []string, screen string) {
	t.Helper()
	var out bytes.Buffer
	e := on(keys{strings.NewReader(typed), nil}, &out, history, complete)
	for {
		line, err := e.ReadLine("> ")
		if err != nil {
			if err != io.EOF {
				t.Error(err)
			}
			return lines, out.String()
		}
		lines = append(lines, line)
	}
}

func nothing(string) (string, []string) { return "", nil }

// words completes the last word by a list.
func words(list ...string) Completer {
	return func(before string) (part string, found []string) {
		part = before[strings.LastIndex(before, " ")+1:]
		for _, w := range list {
			if strings.HasPrefix(w, part) {
				found = append(found, w)
			}
		}
		return part, found
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ what, typed, want string }{
		{"lines", "one\rtwo\r", "one|two"},
		{"lines typed while a command was running", "one\ntwo\n", "one|two"},
		{"editing", "oxne\x02\x02\x7f\x05!\r", "one!"},
		{"Ctrl-C empties the line, also behind the cursor", "one two\x02\x02\x03three\r", "|three"},
		{"Ctrl-D ends", "\x04one\r", ""},
		{"Ctrl-D within a line does not", "one\x04\x01\x04\r", "ne"},
		{"what is typed without an end is nothing", "one", ""},
		{"a paste", "\x1b[200~one\x1b[201~\r", "one"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			lines, _ := typing(t, OpenHistory(""), nothing, c.typed)
			if got := strings.Join(lines, "|"); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	complete := words("/app/", "/apple", "create", "--timeout=", "/ä1", "/ö1")
	for _, c := range []struct{ what, typed, want string }{
		{"a single one, with a blank", "cr\t/x\r", "create /x"},
		{"within a line", "cr /x\x02\x02\x02\t\r", "create  /x"},
		{"what they have in common", "get /a\t\r", "get /app"},
		{"no blank after a slash", "get /app/\tx\r", "get /app/x"},
		{"no blank after =", "get --ti\t1s\r", "get --timeout=1s"},
		{"no candidate", "frob\t\r", "frob"},
		{"runes stay whole", "get /\t\r", "get /"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			lines, _ := typing(t, OpenHistory(""), complete, c.typed)
			if got := strings.Join(lines, "|"); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if _, screen := typing(t, OpenHistory(""), complete, "get /app\t\r"); !strings.Contains(screen, "app/  apple\r\n> get /app") {
		t.Errorf("the candidates are not shown: %q", screen)
	}
	var many []string
	for i := range 150 {
		many = append(many, fmt.Sprintf("/n/%03d", i))
	}
	if _, screen := typing(t, OpenHistory(""), words(many...), "get /n/\t\r"); !strings.Contains(screen, "099  and 50 more") || strings.Contains(screen, "100") {
		t.Errorf("too many candidates: %q", screen)
	}
}

// TestWhatHappensMeanwhile appears above the line that is typed.
func TestWhatHappensMeanwhile(t *testing.T) {
	t.Parallel()
	in, typed := io.Pipe()
	var out bytes.Buffer
	e := on(keys{in, nil}, &out, OpenHistory(""), nothing)
	line := make(chan string)
	go func() {
		text, _ := e.ReadLine("> ")
		line <- text
	}()
	for _, text := range []string{"ha", "lf"} {
		if _, err := typed.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := typed.Write(nil); err != nil { // returns when the keys before have been taken
		t.Fatal(err)
	}
	if _, err := e.Write([]byte("an event\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := typed.Write([]byte(" typed\r")); err != nil {
		t.Fatal(err)
	}
	if got := <-line; got != "half typed" || !strings.Contains(out.String(), "an event\r\n> half") {
		t.Errorf("line %q, screen %q", got, out.String())
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	file := HistoryFile(func(k string) string {
		return map[string]string{"XDG_STATE_HOME": filepath.Join(t.TempDir(), "state")}[k]
	})
	up, down := "\x1b[A", "\x1b[B"
	lines, _ := typing(t, OpenHistory(file), nothing, "one\rtwo\r two blanks\rtwo\rget / --auth digest:a:b\r\r"+up+up+down+"!\r")
	if got := lines[len(lines)-1]; got != "two!" {
		t.Errorf("typed %q", got)
	}
	h := OpenHistory(file)
	var kept []string
	for i := range h.Len() {
		kept = append(kept, h.At(i))
	}
	if got := strings.Join(kept, "|"); got != "two!|two|one" {
		t.Errorf("kept %q", got)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "history")
	h := OpenHistory(file)
	for i := range 2*maxHistory + 1 {
		h.Add(fmt.Sprint(i))
	}
	for range 2 { // the first opening makes the file shorter
		h = OpenHistory(file)
		if h.Len() != maxHistory || h.At(0) != fmt.Sprint(2*maxHistory) || h.At(maxHistory-1) != fmt.Sprint(maxHistory+1) {
			t.Errorf("%d lines, from %s to %s", h.Len(), h.At(h.Len()-1), h.At(0))
		}
	}
	if text, err := os.ReadFile(file); err != nil || strings.Count(string(text), "\n") != maxHistory {
		t.Errorf("%d lines in the file, %v", strings.Count(string(text), "\n"), err)
	}
}

func TestHistoryFile(t *testing.T) {
	t.Parallel()
	for want, env := range map[string]map[string]string{
		"":                                {},
		"/h/.local/state/quorate/history": {"HOME": "/h"},
		"/state/quorate/history":          {"HOME": "/h", "XDG_STATE_HOME": "/state"},
	} {
		if got := HistoryFile(func(k string) string { return env[k] }); got != want {
			t.Errorf("%v: %q, want %q", env, got, want)
		}
	}
	h := OpenHistory("/proc/no/such/place") // it cannot be written: lines are remembered all the same
	h.Add("one")
	if h.Len() != 1 {
		t.Error("forgotten")
	}
}
