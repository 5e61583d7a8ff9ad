package prompt

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Completer returns what the word that ends at the cursor can become, given the line up to the cursor: the part of it that
// is replaced, and the candidates for that, sorted.
type Completer func(before string) (part string, candidates []string)

// Editor reads lines from a terminal. What is written to it appears above the line that is being typed; writing is safe
// for concurrent use, reading is for one goroutine.
type Editor struct {
	terminal *term.Terminal
	raw      func() (cooked func(), err error)
	size     func() (width, height int, err error)
	complete Completer
}

// New returns an editor on a terminal.
func New(in, out *os.File, history *History, complete Completer) *Editor {
	e := on(keys{in, nil}, out, history, complete)
	fd := int(in.Fd())
	e.size = func() (int, int, error) { return term.GetSize(fd) }
	e.raw = func() (func(), error) {
		state, err := term.MakeRaw(fd)
		return func() { _ = term.Restore(fd, state) }, err
	}
	return e
}

// on returns an editor on anything that behaves like a terminal in raw mode.
func on(in keys, out io.Writer, history *History, complete Completer) *Editor {
	e := &Editor{complete: complete}
	e.terminal = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{&in, out}, "")
	e.terminal.History = history
	e.terminal.AutoCompleteCallback = e.typed
	return e
}

// ReadLine prompts for a line and returns it. Ctrl-C empties the line; Ctrl-D on an empty line is [io.EOF]. The
// terminal is as it was when the line is there.
func (e *Editor) ReadLine(prompt string) (string, error) {
	if e.raw != nil {
		cooked, err := e.raw()
		if err != nil {
			return "", err
		}
		defer cooked()
		if width, height, err := e.size(); err == nil && width > 0 {
			_ = e.terminal.SetSize(width, height) // it redraws nothing: there is no line yet
		}
	}
	e.terminal.SetPrompt(prompt)
	line, err := e.terminal.ReadLine()
	if err == term.ErrPasteIndicator {
		err = nil
	}
	return line, err
}

// Write prints above the line that is being typed.
func (e *Editor) Write(p []byte) (int, error) { return e.terminal.Write(p) }

const (
	ctrlC = 3
	ctrlK = 11
	enter = '\r'
	ctrlU = 21
)

// keys are the keys that are typed. The terminal takes Ctrl-C for the end of input; here it empties the line.
type keys struct {
	from    io.Reader
	pending []byte
}

// Read implements [io.Reader].
func (k *keys) Read(p []byte) (int, error) {
	if len(k.pending) == 0 {
		typed := make([]byte, len(p))
		n, err := k.from.Read(typed)
		for _, key := range typed[:n] {
			if key == ctrlC {
				k.pending = append(k.pending, ctrlU, ctrlK, enter)
			} else {
				k.pending = append(k.pending, key)
			}
		}
		if err != nil {
			return 0, err
		}
	}
	n := copy(p, k.pending)
	k.pending = k.pending[n:]
	return n, nil
}
