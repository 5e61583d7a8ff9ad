package yamlfile

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/server/config/source"
	"github.com/quorate/quorate/store/txn"
)

// Options say what is written.
type Options struct {
	// Title is the comment at the top, without #; may have several lines.
	Title string
	// All writes every setting; otherwise those that have a place or are not as [config.Default] has them.
	All bool
	// Otherwise is the comment of what is not as [config.Default] has it and stands nowhere; may be empty.
	Otherwise string
	// Hide writes "(set)" in place of what is secret. The file cannot be read again then.
	Hide bool
}

// Write writes the settings of a reading as a file that [Read] reads, in the order of the flags, with where they came from.
func Write(out io.Writer, r source.Reading, o Options) error {
	usual := config.Default()
	flags, defaults := flagsOf(&r.Config), flagsOf(&usual)
	root := &yaml.Node{Kind: yaml.MappingNode}
	flags.VisitAll(func(f *pflag.Flag) {
		value := f.Value.String()
		usual := value == defaults.Lookup(f.Name).Value.String()
		place, said := r.Places[f.Name]
		if usual && !said && !o.All {
			return
		}
		key := &yaml.Node{Kind: yaml.ScalarNode, Value: f.Name}
		node := valueNode(f.Value)
		if o.Hide && f.Name == config.SecretSetting && value != "" {
			node = text("(set)")
		}
		at := node
		if node.Kind == yaml.MappingNode && node.Style != yaml.FlowStyle {
			at = key
		}
		switch {
		case said && place.Key != f.Name:
			at.LineComment = place.String()
		case !said && !usual:
			at.LineComment = o.Otherwise
		}
		root.Content = append(root.Content, key, node)
	})
	if err := comment(out, o.Title); err != nil || len(root.Content) == 0 {
		return err
	}
	encoder := yaml.NewEncoder(out)
	encoder.SetIndent(2)
	if err := encoder.Encode(root); err != nil {
		return err
	}
	return encoder.Close()
}

// comment writes lines as comments.
func comment(out io.Writer, text string) error {
	for line := range strings.Lines(text) {
		if _, err := fmt.Fprintln(out, strings.TrimRight("# "+strings.TrimRight(line, "\n"), " ")); err != nil {
			return err
		}
	}
	return nil
}

func flagsOf(c *config.Config) *pflag.FlagSet {
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	fs.SortFlags = false
	c.Flags(fs)
	return fs
}

// valueNode is the value of a setting as it is easiest to read.
func valueNode(v pflag.Value) *yaml.Node {
	switch v := v.(type) {
	case *config.Peers:
		return peers(*v)
	case *config.Weights:
		return weights(*v)
	case *config.Groups:
		return groupsNode(*v)
	case *config.Words:
		node := flow(yaml.SequenceNode)
		for _, w := range *v {
			node.Content = append(node.Content, text(w))
		}
		return node
	}
	if v.Type() == "string" {
		return text(v.String())
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: v.String()}
}

func groupsNode(all config.Groups) *yaml.Node {
	node := flow(yaml.SequenceNode)
	for _, ids := range all {
		group := flow(yaml.SequenceNode)
		for _, id := range ids {
			group.Content = append(group.Content, number(int64(id)))
		}
		node.Content = append(node.Content, group)
	}
	return node
}

// peers has a line for each server; none is a mapping without any.
func peers(all config.Peers) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode}
	if len(all) == 0 {
		return flow(yaml.MappingNode)
	}
	for _, m := range all {
		address := m.Address
		if m.Role == txn.Observer {
			address += ":observer"
		}
		node.Content = append(node.Content, number(int64(m.ID)), text(address))
	}
	return node
}

func weights(all config.Weights) *yaml.Node {
	node := flow(yaml.MappingNode)
	for _, id := range slices.Sorted(maps.Keys(all)) {
		node.Content = append(node.Content, number(int64(id)), number(all[id]))
	}
	return node
}

// flow is a collection in one line.
func flow(kind yaml.Kind) *yaml.Node { return &yaml.Node{Kind: kind, Style: yaml.FlowStyle} }

// text is a string, in quotes if it would be read as something else.
func text(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	return n
}

func number(n int64) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.FormatInt(n, 10)}
}
