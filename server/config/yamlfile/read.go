package yamlfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/server/config/source"
)

// maxFile bounds the file in bytes.
const maxFile = 1 << 20

// Read reads a file. The error has everything that is wrong, each a [*source.Problem] with its line, joined by [errors.Join].
func Read(file string) (source.Reading, error) {
	text, err := os.ReadFile(file)
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("it has more than %d bytes", maxFile)
	}
	if err != nil {
		return source.Reading{Config: config.Default(), Places: map[string]source.Place{}}, err
	}
	return Parse(file, text)
}

// reader reads one file.
type reader struct {
	source.Reading
	file     string
	flags    *pflag.FlagSet
	problems []error
}

// Parse is [Read] of a text.
func Parse(file string, text []byte) (source.Reading, error) {
	r := &reader{file: file}
	r.Config, r.Places = config.Default(), map[string]source.Place{}
	r.flags = pflag.NewFlagSet("", pflag.ContinueOnError)
	r.Config.Flags(r.flags)
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var doc, next yaml.Node
	switch err := decoder.Decode(&doc); {
	case errors.Is(err, io.EOF): // nothing but comments
	case err != nil:
		r.malformed(err)
	case decoder.Decode(&next) != io.EOF:
		r.wrong(max(next.Line, 1), "", "the file goes on after its first document")
	default:
		r.document(doc.Content[0])
	}
	return r.Reading, errors.Join(r.problems...)
}

// malformed takes the line out of what the decoder says: "yaml: line 3: …".
func (r *reader) malformed(err error) {
	text, line := strings.TrimPrefix(err.Error(), "yaml: "), 1
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		number, what, _ := strings.Cut(rest, ": ")
		if n, err := strconv.Atoi(number); err == nil {
			line, text = max(n, 1), what
		}
	}
	r.wrong(line, "", "this is no YAML: %s", text)
}

func (r *reader) wrong(line int, key, format string, args ...any) {
	r.problems = append(r.problems, &source.Problem{Place: source.Place{File: r.file, Line: line, Key: key}, Text: fmt.Sprintf(format, args...)})
}

// document reads the settings.
func (r *reader) document(n *yaml.Node) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.wrong(n.Line, "", "want settings, as in id: 1")
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		r.setting(n.Content[i], n.Content[i+1])
	}
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// setting reads one.
func (r *reader) setting(key, value *yaml.Node) {
	flag := r.flags.Lookup(key.Value)
	if key.Kind != yaml.ScalarNode || flag == nil {
		r.unknown(key)
		return
	}
	if first, twice := r.Places[flag.Name]; twice {
		r.wrong(key.Line, flag.Name, "it is given in line %d already", first.Line)
		return
	}
	r.Places[flag.Name] = source.Place{File: r.file, Line: key.Line, Key: flag.Name}
	if isNull(value) {
		delete(r.Places, flag.Name)
		return
	}
	text, err := flatten(value, flag.Value)
	if err == nil {
		err = set(flag, text)
	}
	if err != nil {
		r.wrong(max(value.Line, key.Line), flag.Name, "%v", err)
	}
}

func (r *reader) unknown(key *yaml.Node) {
	var known []string
	r.flags.VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	if nearest := source.Nearest(key.Value, known); nearest != "" {
		r.wrong(key.Line, key.Value, "there is no such setting: is %s meant?", nearest)
		return
	}
	r.wrong(key.Line, key.Value, "there is no such setting")
}

// set gives a flag its value.
func set(flag *pflag.Flag, text string) error {
	err := flag.Value.Set(text)
	if err == nil {
		return nil
	}
	switch flag.Value.Type() {
	case "bool":
		return fmt.Errorf("%q is neither true nor false", text)
	case "duration":
		return fmt.Errorf("%q is no duration: want a number with a unit, e.g. 500ms, 10s or 1h30m", text)
	case "int", "int64", "uint":
		return fmt.Errorf("%q is no whole number", text)
	}
	return err
}

// flatten makes a value what the flag takes.
func flatten(n *yaml.Node, to pflag.Value) (string, error) {
	n = resolve(n)
	if n.Kind == yaml.ScalarNode {
		return n.Value, nil
	}
	mapping, sequence := n.Kind == yaml.MappingNode, n.Kind == yaml.SequenceNode
	switch to.(type) {
	case *config.Peers, *config.Weights:
		if mapping {
			return pairs(n)
		}
		return list(n)
	case *config.Words:
		if sequence {
			return list(n)
		}
	case *config.Groups:
		if sequence {
			return groups(n)
		}
	}
	return "", errors.New("want one value")
}

// resolve follows aliases. An alias does not lead to another.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// pairs makes a mapping "key=value,key=value".
func pairs(n *yaml.Node) (string, error) {
	var parts []string
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := resolve(n.Content[i]), resolve(n.Content[i+1])
		if key.Kind != yaml.ScalarNode || value.Kind != yaml.ScalarNode {
			return "", fmt.Errorf("line %d: want one value for each server", n.Content[i].Line)
		}
		parts = append(parts, key.Value+"="+value.Value)
	}
	return strings.Join(parts, ","), nil
}

// list joins the values of a sequence with commas.
func list(n *yaml.Node) (string, error) {
	var parts []string
	for _, c := range n.Content {
		if c = resolve(c); c.Kind != yaml.ScalarNode {
			return "", fmt.Errorf("line %d: want a list of single values", c.Line)
		}
		parts = append(parts, c.Value)
	}
	return strings.Join(parts, ","), nil
}

// groups joins lists of servers; a group may also stand as the flag has it, "1,2,3".
func groups(n *yaml.Node) (string, error) {
	var all []string
	for _, c := range n.Content {
		c = resolve(c)
		if c.Kind == yaml.ScalarNode {
			all = append(all, c.Value)
			continue
		}
		if c.Kind != yaml.SequenceNode {
			return "", fmt.Errorf("line %d: want a list of servers", c.Line)
		}
		group, err := list(c)
		if err != nil {
			return "", err
		}
		all = append(all, group)
	}
	return strings.Join(all, ";"), nil
}
