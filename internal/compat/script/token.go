package script

import (
	"fmt"
	"strings"
)

// token is one word of a line.
type token struct {
	text   string
	quoted bool // it was written in quotes, and stands for itself
}

// tokens splits a line at blanks, except within quotes.
func tokens(line string) ([]token, error) {
	var all []token
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		if line[0] != '"' {
			end := wordEnd(line)
			all, line = append(all, token{text: line[:end]}), line[end:]
			continue
		}
		text, rest, err := quoted(line)
		if err != nil {
			return nil, err
		}
		all, line = append(all, token{text, true}), rest
	}
	return all, nil
}

// wordEnd is where a word ends: at a blank that is not within quotes or brackets.
func wordEnd(line string) int {
	depth, quote := 0, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote && c == '\\':
			i++
		case c == '"':
			quote = !quote
		case quote:
		case c == '[':
			depth++
		case c == ']':
			depth--
		case c == ' ' && depth <= 0:
			return i
		}
	}
	return len(line)
}

// quoted takes a quoted string off the front.
func quoted(line string) (text, rest string, err error) {
	for i := 1; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '"':
			text, err := unquote(line[:i+1])
			return text, line[i+1:], err
		}
	}
	return "", "", fmt.Errorf("%s: the quotes do not end", line)
}
