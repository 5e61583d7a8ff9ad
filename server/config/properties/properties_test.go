package properties_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/server/config/properties"
)

// TestParse: the examples of java.util.Properties.load's documentation, and what else it says.
func TestParse(t *testing.T) {
	for in, want := range map[string][]properties.Entry{
		"":                                nil,
		"\n \t\n":                         nil,
		"a=1":                             {{"a", "1", 1}},
		"a:1\nb 2\nc\t=\t3\n":             {{"a", "1", 1}, {"b", "2", 2}, {"c", "3", 3}},
		"a = : 1":                         {{"a", ": 1", 1}},
		"a==1":                            {{"a", "=1", 1}},
		"a":                               {{"a", "", 1}},
		"a=":                              {{"a", "", 1}},
		"=1":                              {{"", "1", 1}},
		"  a=1  ":                         {{"a", "1  ", 1}},
		"# c\n! d \\\n  #e\\\na=1#no":     {{"a", "1#no", 4}},
		"a=1\r\nb=2\rc=3":                 {{"a", "1", 1}, {"b", "2", 2}, {"c", "3", 3}},
		"a=1\\\n   2,\\\r\n\t3\nb=4":      {{"a", "12,3", 1}, {"b", "4", 4}},
		"a=1\\\n":                         {{"a", "1", 1}},
		"a=1\\":                           {{"a", "1", 1}},
		"a=1\\\\\nb=2":                    {{"a", `1\`, 1}, {"b", "2", 2}},
		"a=1\\\n# no comment":             {{"a", "1# no comment", 1}},
		"\\\n  # c\na=1":                  {{"a", "1", 3}},
		"a=1\\\n\nb=2":                    {{"a", "1", 1}, {"b", "2", 3}},
		`a\=b\:c\ d=1`:                    {{"a=b:c d", "1", 1}},
		`a=\t\n\r\f\z\"\\`:                {{"a", "\t\n\r\fz\"\\", 1}},
		`a=\u0041\u00e9`:                  {{"a", "Aé", 1}},
		`a=\uD83D\uDE00`:                  {{"a", "😀", 1}},
		"a=é":                             {{"a", "é", 1}},
		`a=\é`:                            {{"a", "é", 1}},
		"\ufeffa=1":                       {{"a", "1", 1}},
		"a=1\na=2":                        {{"a", "1", 1}, {"a", "2", 2}},
		"dataDir=C:\\\\data":              {{"dataDir", `C:\data`, 1}},
		"server.1=[::1]:2888:3888;2181\n": {{"server.1", "[::1]:2888:3888;2181", 1}},
	} {
		got, errs := properties.Parse([]byte(in))
		if diff := cmp.Diff(want, got); diff != "" || len(errs) > 0 {
			t.Errorf("%q: %v\n%s", in, errs, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"a=1\nb=\\u12":      `line 2: "\\u12": \u wants four`,
		"dataDir=C:\\users": `line 1: "\\users": \u wants four`,
		"\\uxyz1=1":         `line 1: "\\uxyz1"`,
		"a=\\u+123":         `line 1: "\\u+123"`,
		"a=1\n\nb=\xff":     "line 3: this is not UTF-8",
	} {
		entries, errs := properties.Parse([]byte(in + "\nz=1"))
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), want) {
			t.Errorf("%q: got %v, want %q", in, errs, want)
		}
		if len(entries) == 0 || entries[len(entries)-1].Key != "z" {
			t.Errorf("%q: what follows is not read: %v", in, entries)
		}
	}
}

// FuzzParse: no panic, an entry or an error stands in a line that there is, and what is written in full is read as it was.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a=1", "# c\na:\\\n b", `k\=\u0041=\t`, "a\r\nb\rc\\", "a=\\ud83d", "\\"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		entries, errs := properties.Parse(text)
		lines := 1 + strings.Count(string(text), "\n") + strings.Count(string(text), "\r")
		var again strings.Builder
		last := 0
		for _, e := range entries {
			if e.Line <= last || e.Line > lines {
				t.Fatalf("entry in line %d after line %d of %d", e.Line, last, lines)
			}
			last = e.Line
			again.WriteString(escaped(e.Key) + "=" + escaped(e.Value) + "\n")
		}
		for _, e := range errs {
			if e.Line < 1 || e.Line > lines {
				t.Fatalf("error in line %d of %d", e.Line, lines)
			}
		}
		reread, errs := properties.Parse([]byte(again.String()))
		if len(errs) > 0 || len(reread) != len(entries) {
			t.Fatalf("%q: %d entries, then %d, %v", again.String(), len(entries), len(reread), errs)
		}
		for i, e := range entries {
			if reread[i].Key != e.Key || reread[i].Value != e.Value {
				t.Fatalf("%q: was %q=%q", again.String(), e.Key, e.Value)
			}
		}
	})
}

// escaped writes every ASCII character that is no letter as an escape.
func escaped(s string) string {
	var out strings.Builder
	for _, r := range s {
		if r < 0x80 && (r < 'a' || r > 'z') {
			fmt.Fprintf(&out, `\u%04x`, r)
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}
