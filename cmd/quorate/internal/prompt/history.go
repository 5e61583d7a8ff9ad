package prompt

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
)

// maxHistory is how many lines are remembered.
const maxHistory = 1000

// History remembers lines, in a file too. It is not safe for concurrent use.
type History struct {
	file  string
	lines []string // the oldest first
}

// HistoryFile returns where the history is kept by the rules of XDG; "" if the environment does not say.
func HistoryFile(getenv func(string) string) string {
	state := getenv("XDG_STATE_HOME")
	if state == "" && getenv("HOME") != "" {
		state = filepath.Join(getenv("HOME"), ".local", "state")
	}
	if state == "" {
		return ""
	}
	return filepath.Join(state, "quorate", "history")
}

// OpenHistory reads the history in a file. Where there is none, or file is "", it begins empty: a history is a help, and its
// absence no error.
func OpenHistory(file string) *History {
	h := &History{file: file}
	f, err := os.Open(file)
	if err != nil {
		return h
	}
	defer func() { _ = f.Close() }()
	total := 0
	for s := bufio.NewScanner(f); s.Scan(); total++ {
		h.keep(s.Text())
	}
	if total > 2*maxHistory {
		h.rewrite()
	}
	return h
}

// Add remembers a line, unless it is blank, the same as the one before, begins with a blank, or holds credentials.
func (h *History) Add(line string) {
	if line == "" || strings.HasPrefix(line, " ") || strings.Contains(line, "--auth") || len(h.lines) > 0 && h.At(0) == line {
		return
	}
	h.keep(line)
	h.write(os.O_APPEND, line+"\n")
}

// Len returns how many lines are remembered.
func (h *History) Len() int { return len(h.lines) }

// At returns a line; 0 is the latest.
func (h *History) At(i int) string { return h.lines[len(h.lines)-1-i] }

func (h *History) keep(line string) {
	h.lines = append(h.lines, line)
	h.lines = h.lines[max(0, len(h.lines)-maxHistory):]
}

func (h *History) rewrite() { h.write(os.O_TRUNC, strings.Join(h.lines, "\n")+"\n") }

// write writes to the file, which only its owner may read. What cannot be written is forgotten with the program.
func (h *History) write(how int, text string) {
	if h.file == "" || os.MkdirAll(filepath.Dir(h.file), 0o700) != nil {
		return
	}
	f, err := os.OpenFile(h.file, how|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	_, _ = f.WriteString(text)
	_ = f.Close()
}
