package script

import (
	"fmt"
	"strconv"
	"strings"
)

// Words cuts a line into words by the rules of Help.
func Words(line string) ([]string, error) {
	var words []string
	for {
		line = strings.TrimLeft(line, " \t")
		if line == "" || line[0] == '#' {
			return words, nil
		}
		word, rest, err := next(line)
		if err != nil {
			return nil, err
		}
		words, line = append(words, word), rest
	}
}

// next reads the word a line begins with. Quoted and plain parts that touch form one word.
func next(line string) (word, rest string, err error) {
	var w strings.Builder
	for line != "" && line[0] != ' ' && line[0] != '\t' {
		switch line[0] {
		case '\'':
			text, after, closed := strings.Cut(line[1:], "'")
			if !closed {
				return "", "", fmt.Errorf("a ' is not closed")
			}
			w.WriteString(text)
			line = after
		case '"':
			if line, err = quoted(&w, line[1:]); err != nil {
				return "", "", err
			}
		default:
			w.WriteByte(line[0])
			line = line[1:]
		}
	}
	return w.String(), line, nil
}

// quoted reads up to the closing " and returns what follows it.
func quoted(w *strings.Builder, line string) (rest string, err error) {
	for line != "" {
		switch line[0] {
		case '"':
			return line[1:], nil
		case '\\':
			used, err := escape(w, line)
			if err != nil {
				return "", err
			}
			line = line[used:]
		default:
			w.WriteByte(line[0])
			line = line[1:]
		}
	}
	return "", fmt.Errorf(`a " is not closed`)
}

// escape reads the escape line begins with and returns how many bytes it takes.
func escape(w *strings.Builder, line string) (int, error) {
	if len(line) < 2 {
		return 0, fmt.Errorf(`a \ stands at the end of the line`)
	}
	switch c := line[1]; c {
	case '"', '\\':
		w.WriteByte(c)
	case 'n':
		w.WriteByte('\n')
	case 't':
		w.WriteByte('\t')
	case 'r':
		w.WriteByte('\r')
	case 'x':
		if len(line) < 4 {
			return 0, fmt.Errorf(`\x needs two hexadecimal digits`)
		}
		b, err := strconv.ParseUint(line[2:4], 16, 8)
		if err != nil {
			return 0, fmt.Errorf(`\x%s: want two hexadecimal digits`, line[2:4])
		}
		w.WriteByte(byte(b))
		return 4, nil
	default:
		return 0, fmt.Errorf(`\%c is no escape: want \" \\ \n \t \r or \xHH`, c)
	}
	return 2, nil
}
