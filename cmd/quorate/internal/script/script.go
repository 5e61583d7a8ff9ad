package script

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/quorate/quorate/client"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// Help documents the language.
const Help = `One operation a line:

  create [-s] [-e] [-c] [-t DURATION] PATH [DATA]   -s sequential, -c container, -t time to live, such as 1h,
                                                    -e ephemeral (in "quorate shell")
  set PATH DATA [VERSION]
  delete PATH [VERSION]
  check PATH [VERSION]

Words are separated by blanks. "..." is one word, in which \" \\ \n \t \r and \xHH
stand for characters; '...' is one word as it stands. A # at the start of a word begins a
comment. Without DATA the new node has null data; "" is empty data. With VERSION the operation,
and so the whole, fails unless the node has that version.`

// Line is one line of a script and where it stands.
type Line struct {
	// Number counts from 1.
	Number int
	Text   string
}

// Lines numbers the lines of a text.
func Lines(text string) []Line {
	var lines []Line
	for i, l := range strings.Split(text, "\n") {
		lines = append(lines, Line{i + 1, strings.TrimSuffix(l, "\r")})
	}
	return lines
}

// Parsed is a script that was read.
type Parsed struct {
	Ops []*apiv1.MultiOp
	// LineOf is the line number of each operation.
	LineOf []int
}

// Parse reads a script. Its error names the line.
func Parse(lines []Line) (Parsed, error) {
	var p Parsed
	for _, l := range lines {
		words, err := Words(l.Text)
		if err == nil && len(words) == 0 {
			continue
		}
		var op *apiv1.MultiOp
		if err == nil {
			op, err = operation(words)
		}
		if err != nil {
			return Parsed{}, fmt.Errorf("line %d: %w", l.Number, err)
		}
		p.Ops, p.LineOf = append(p.Ops, op), append(p.LineOf, l.Number)
	}
	return p, nil
}

func operation(words []string) (*apiv1.MultiOp, error) {
	verb, args := words[0], words[1:]
	switch verb {
	case "create":
		return create(args)
	case "set":
		return set(args)
	case "delete":
		path, version, err := target("delete PATH [VERSION]", args)
		return &apiv1.MultiOp{Op: &apiv1.MultiOp_Delete{Delete: &apiv1.DeleteRequest{Path: path, Version: version}}}, err
	case "check":
		path, version, err := target("check PATH [VERSION]", args)
		return &apiv1.MultiOp{Op: &apiv1.MultiOp_Check{Check: &apiv1.CheckRequest{Path: path, Version: version}}}, err
	}
	return nil, fmt.Errorf("unknown operation %q: want create, set, delete or check", verb)
}

func create(args []string) (*apiv1.MultiOp, error) {
	r := &apiv1.CreateRequest{}
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		used, err := createOption(r, args)
		if err != nil {
			return nil, err
		}
		args = args[used:]
	}
	switch len(args) {
	case 2:
		r.Data = []byte(args[1])
		fallthrough
	case 1:
		r.Path = args[0]
		return &apiv1.MultiOp{Op: &apiv1.MultiOp_Create{Create: r}}, nil
	}
	return nil, fmt.Errorf("want: create [-s] [-e] [-c] [-t DURATION] PATH [DATA]")
}

// createOption reads the option args begin with and returns how many words it takes.
func createOption(r *apiv1.CreateRequest, args []string) (int, error) {
	switch args[0] {
	case "-s":
		r.Sequential = true
		return 1, nil
	case "-e":
		r.Kind = apiv1.NodeKind_NODE_KIND_EPHEMERAL
		return 1, nil
	case "-c":
		r.Kind = apiv1.NodeKind_NODE_KIND_CONTAINER
		return 1, nil
	case "-t":
		if len(args) < 2 {
			return 0, fmt.Errorf("-t needs a duration, such as 1h")
		}
		ttl, err := time.ParseDuration(args[1])
		if err != nil || ttl < time.Millisecond {
			return 0, fmt.Errorf("-t %s: want a duration of at least 1ms, such as 1h", args[1])
		}
		r.Kind, r.TtlMs = apiv1.NodeKind_NODE_KIND_TTL, ttl.Milliseconds()
		return 2, nil
	}
	return 0, fmt.Errorf("unknown option %s: want -s, -e, -c or -t", args[0])
}

func set(args []string) (*apiv1.MultiOp, error) {
	if len(args) < 2 || len(args) > 3 {
		return nil, fmt.Errorf("want: set PATH DATA [VERSION]")
	}
	r := &apiv1.SetRequest{Path: args[0], Data: []byte(args[1])}
	if len(args) == 3 {
		v, err := version(args[2])
		if err != nil {
			return nil, err
		}
		r.Version = v
	}
	return &apiv1.MultiOp{Op: &apiv1.MultiOp_Set{Set: r}}, nil
}

func target(form string, args []string) (string, *int32, error) {
	switch len(args) {
	case 1:
		return args[0], nil, nil
	case 2:
		v, err := version(args[1])
		return args[0], v, err
	}
	return "", nil, fmt.Errorf("want: %s", form)
}

func version(word string) (*int32, error) {
	n, err := strconv.ParseInt(word, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("version %q: want a number", word)
	}
	v := int32(n)
	return &v, nil
}

// Resolve replaces the paths by what path makes of them, those of sequential nodes by what prefix does.
func (p Parsed) Resolve(path, prefix func(string) string) {
	for _, o := range p.Ops {
		switch op := o.GetOp().(type) {
		case *apiv1.MultiOp_Create:
			if op.Create.GetSequential() {
				op.Create.Path = prefix(op.Create.GetPath())
			} else {
				op.Create.Path = path(op.Create.GetPath())
			}
		case *apiv1.MultiOp_Set:
			op.Set.Path = path(op.Set.GetPath())
		case *apiv1.MultiOp_Delete:
			op.Delete.Path = path(op.Delete.GetPath())
		case *apiv1.MultiOp_Check:
			op.Check.Path = path(op.Check.GetPath())
		}
	}
}

// Locate puts the line before an error of the Multi that names one of its operations.
func (p Parsed) Locate(err error) error {
	var e *client.Error
	if errors.As(err, &e) && 0 < e.Op && e.Op <= len(p.LineOf) {
		return fmt.Errorf("line %d: %w", p.LineOf[e.Op-1], err)
	}
	return err
}
