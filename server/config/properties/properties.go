package properties

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Entry is one key with its value.
type Entry struct {
	Key, Value string
	// Line is where the entry begins, counted from 1.
	Line int
}

// Error is a place that is no property file.
type Error struct {
	// Line counts from 1.
	Line int
	// Text says what is wrong.
	Text string
}

// Error returns line and text.
func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Text) }

// Parse returns the entries in their order, a key that stands twice twice. What is wrong are [*Error]s in the order of the lines; the
// entries beside them are returned too. Malformed are escapes \u without four hexadecimal digits, and text that is not UTF-8.
func Parse(text []byte) ([]Entry, []*Error) {
	p := parser{rest: strings.TrimPrefix(string(text), "\ufeff"), line: 1}
	for p.rest != "" {
		p.entry()
	}
	return p.entries, p.errors
}

type parser struct {
	rest    string
	line    int // of the next character in rest
	entries []Entry
	errors  []*Error
}

func (p *parser) entry() {
	at := p.line
	logical, comment := p.logical()
	if comment || logical == "" {
		return
	}
	if !utf8.ValidString(logical) {
		p.errors = append(p.errors, &Error{at, "this is not UTF-8"})
		return
	}
	raw, rest := cutKey(logical)
	key, err := unescape(raw)
	if err == nil {
		var value string
		if value, err = unescape(rest); err == nil {
			p.entries = append(p.entries, Entry{key, value, at})
			return
		}
	}
	p.errors = append(p.errors, &Error{at, err.Error()})
}

// logical takes a line and those that continue it: one whose last character is a backslash that is not escaped goes on in the next,
// without the blanks that begin that. A comment is not continued.
func (p *parser) logical() (line string, comment bool) {
	var all strings.Builder
	first := strings.TrimLeft(p.natural(), blanks)
	for {
		if all.Len() == 0 && (strings.HasPrefix(first, "#") || strings.HasPrefix(first, "!")) {
			return "", true
		}
		body, goesOn := continued(first)
		all.WriteString(body)
		if !goesOn || p.rest == "" {
			return all.String(), false
		}
		first = strings.TrimLeft(p.natural(), blanks)
	}
}

// blanks are what Java skips around keys and at the beginning of lines.
const blanks = " \t\f"

// natural takes a line, which ends with CR, LF or both.
func (p *parser) natural() string {
	end := strings.IndexAny(p.rest, "\r\n")
	if end < 0 {
		line := p.rest
		p.rest = ""
		return line
	}
	line, width := p.rest[:end], 1
	if strings.HasPrefix(p.rest[end:], "\r\n") {
		width = 2
	}
	p.rest = p.rest[end+width:]
	p.line++
	return line
}

// continued tells whether a line goes on in the next, and what of it counts.
func continued(line string) (string, bool) {
	slashes := len(line) - len(strings.TrimRight(line, `\`))
	if slashes%2 == 1 {
		return line[:len(line)-1], true
	}
	return line, false
}

// cutKey splits a line where the key ends: at the first =, : or blank that is not escaped. Of blanks, one = or :, and blanks again, none
// belongs to either part.
func cutKey(line string) (key, value string) {
	end := 0
	for end < len(line) && !strings.ContainsRune("=:"+blanks, rune(line[end])) {
		if line[end] == '\\' {
			end++
		}
		end++
	}
	end = min(end, len(line))
	value = strings.TrimLeft(line[end:], blanks)
	if value != "" && (value[0] == '=' || value[0] == ':') {
		value = strings.TrimLeft(value[1:], blanks)
	}
	return line[:end], value
}

// unescape resolves \t \n \r \f and \uXXXX, of which two may be a surrogate pair; any other escaped character is itself.
func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var units []uint16
	for s != "" {
		if s[0] != '\\' || len(s) == 1 {
			r, width := utf8.DecodeRuneInString(s)
			if s[0] != '\\' {
				units = utf16.AppendRune(units, r)
			}
			s = s[width:]
			continue
		}
		unit, width, err := escape(s)
		if err != nil {
			return "", err
		}
		units, s = append(units, unit...), s[width:]
	}
	return string(utf16.Decode(units)), nil
}

// escape reads the escape at the beginning of s, which has at least two characters, and returns how long it is.
func escape(s string) ([]uint16, int, error) {
	if at := strings.IndexByte("tnrf", s[1]); at >= 0 {
		return []uint16{uint16("\t\n\r\f"[at])}, 2, nil
	}
	if s[1] != 'u' {
		r, width := utf8.DecodeRuneInString(s[1:])
		return utf16.AppendRune(nil, r), 1 + width, nil
	}
	if len(s) >= 6 {
		if n, err := strconv.ParseUint(s[2:6], 16, 16); err == nil {
			return []uint16{uint16(n)}, 6, nil
		}
	}
	return nil, 0, fmt.Errorf(`%q: \u wants four hexadecimal digits; write a backslash as \\`, s[:min(len(s), 6)])
}
