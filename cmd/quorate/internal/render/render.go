package render

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/quorate/quorate/client"
	apiv1 "github.com/quorate/quorate/gen/quorate/api/v1"
)

// Format is how results are printed.
type Format int

// The formats.
const (
	// Table is text for people.
	Table Format = iota
	// JSON is JSON, on one line for each value.
	JSON
)

// ParseFormat reads the name of a format.
func ParseFormat(name string) (Format, error) {
	switch name {
	case "table":
		return Table, nil
	case "json":
		return JSON, nil
	}
	return 0, fmt.Errorf("--output %q: want table or json", name)
}

// Printer prints results. It is not safe for concurrent use.
type Printer struct {
	Out    io.Writer
	Format Format
}

// Fields prints key: value lines, keys and values in turn; in JSON the object instead.
func (p Printer) Fields(object any, keysAndValues ...string) error {
	if p.Format == JSON {
		return p.Object(object)
	}
	width := 0
	for i := 0; i < len(keysAndValues); i += 2 {
		width = max(width, len(keysAndValues[i]))
	}
	for i := 0; i+1 < len(keysAndValues); i += 2 {
		if _, err := fmt.Fprintf(p.Out, "%-*s  %s\n", width, keysAndValues[i], keysAndValues[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// Line prints a line; in JSON the object instead.
func (p Printer) Line(object any, format string, args ...any) error {
	if p.Format == JSON {
		return p.Object(object)
	}
	_, err := fmt.Fprintf(p.Out, format+"\n", args...)
	return err
}

// Rows prints a table; in JSON the objects in an array instead.
func (p Printer) Rows(objects any, header []string, rows [][]string) error {
	if p.Format == JSON {
		return p.Object(objects)
	}
	t := table.NewWriter()
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Format.Header = text.FormatUpper
	style.Box.PaddingLeft = ""
	style.Box.PaddingRight = "  "
	t.SetStyle(style)
	t.AppendHeader(row(header))
	for _, r := range rows {
		t.AppendRow(row(r))
	}
	t.SuppressTrailingSpaces()
	_, err := fmt.Fprintln(p.Out, t.Render())
	return err
}

func row(cells []string) table.Row {
	r := make(table.Row, len(cells))
	for i, c := range cells {
		r[i] = c
	}
	return r
}

// Object prints one JSON value on a line.
func (p Printer) Object(object any) error {
	e := json.NewEncoder(p.Out)
	e.SetEscapeHTML(false)
	return e.Encode(object)
}

// Zxid formats a zxid as epoch.counter.
func Zxid(z uint64) string { return client.Zxid(z).String() }

// Millis formats a time given in milliseconds since 1970, in UTC.
func Millis(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

// Kind formats how long a node lives.
func Kind(k apiv1.NodeKind) string {
	return strings.ToLower(strings.TrimPrefix(k.String(), "NODE_KIND_"))
}

// Bytes formats a number of bytes with a binary unit.
func Bytes(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n)/1024, 0
	for value >= 1024 && unit < len(units)-1 {
		value, unit = value/1024, unit+1
	}
	return fmt.Sprintf("%.1f %ciB", value, units[unit])
}
