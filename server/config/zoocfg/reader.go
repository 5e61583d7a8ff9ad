package zoocfg

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/quorate/quorate/server/config"
	"github.com/quorate/quorate/server/config/properties"
	"github.com/quorate/quorate/server/config/source"
)

// maxFile bounds each of the files in bytes.
const maxFile = 1 << 20

// Input is what is to be read.
type Input struct {
	// File is the name of the file.
	File string
	// Given are the settings that override what the file says, by their flags, in the flags' form. They are not
	// applied; but the server's id, say, decides which line of the file is its own.
	Given map[string]string
	// ReadFile returns the content of a file; nil is [os.ReadFile].
	ReadFile func(name string) ([]byte, error)
	// Exists tells whether there is a file or directory of that name; nil asks the operating system.
	Exists func(name string) bool
}

// entry is one key of a file with its value.
type entry struct {
	source.Place
	value string
	row   *Row
	name  string // of the key, as the table has it
}

// reader reads one configuration.
type reader struct {
	source.Reading
	in       Input
	index    *index
	said     map[string]entry // by name; the last counts
	order    []entry          // the same in the order of the files
	problems []*source.Problem
}

// Read reads a configuration. The error has everything that is wrong, each a [*source.Problem], joined by [errors.Join]; notes are
// returned beside it.
func Read(in Input) (source.Reading, error) {
	if in.ReadFile == nil {
		in.ReadFile = os.ReadFile
	}
	if in.Exists == nil {
		in.Exists = func(name string) bool { _, err := os.Stat(name); return err == nil }
	}
	z := &reader{in: in, index: newIndex(), said: map[string]entry{}}
	z.Config, z.Places = defaults(), map[string]source.Place{}
	if !z.load(in.File, source.Place{File: in.File}) {
		return z.result()
	}
	z.dynamic()
	for _, e := range z.order {
		z.apply(e)
	}
	z.ensemble()
	z.directory()
	z.timing()
	z.clients()
	z.words()
	z.packet()
	z.segment()
	z.admin()
	z.metrics()
	z.purge()
	return z.result()
}

// defaults are the settings of a ZooKeeper whose file says nothing, where clients would notice; Quorate's own elsewhere.
func defaults() config.Config {
	c := config.Default()
	c.MaxPerAddress, c.MaxConnections = 60, noBound
	c.ReadOnlyMode, c.TTLNodes = false, false
	return c
}

// noBound is the greatest number of connections, for ZooKeeper's "none".
const noBound = 1_000_000

// result puts notes and problems in the order of the files.
func (z *reader) result() (source.Reading, error) {
	files := map[string]int{z.in.File: -1} // the main file comes first
	for _, e := range z.order {
		if _, known := files[e.File]; !known {
			files[e.File] = len(files)
		}
	}
	before := func(a, b source.Place) int {
		return cmp.Or(cmp.Compare(files[a.File], files[b.File]), cmp.Compare(a.Line, b.Line))
	}
	slices.SortStableFunc(z.Notes, func(a, b source.Note) int { return before(a.Place, b.Place) })
	slices.SortStableFunc(z.problems, func(a, b *source.Problem) int { return before(a.Place, b.Place) })
	var all []error
	for _, p := range z.problems {
		all = append(all, p)
	}
	return z.Reading, errors.Join(all...)
}

// load takes up the entries of a file, and tells whether it could be read. from is where it is named, or the file itself.
func (z *reader) load(file string, from source.Place) bool {
	text, err := z.in.ReadFile(file)
	switch {
	case err != nil && file == from.File:
		z.wrong(from, "it cannot be read: %v", cause(err))
		return false
	case err != nil:
		z.wrong(from, "%s cannot be read: %v", file, cause(err))
		return false
	case len(text) > maxFile:
		z.wrong(from, "%s has more than %d bytes", file, maxFile)
		return false
	}
	entries, errs := properties.Parse(text)
	for _, e := range errs {
		z.wrong(source.Place{File: file, Line: e.Line}, "%s", e.Text)
	}
	for _, p := range entries {
		z.take(source.Place{File: file, Line: p.Line, Key: strings.TrimSpace(p.Key)}, strings.TrimSpace(p.Value), from.Key != "")
	}
	return true
}

// cause is the error without the name of the file.
func cause(err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	return err
}

// take takes up an entry. Of a key that stands twice the last counts, as for Java.
func (z *reader) take(place source.Place, value string, dynamic bool) {
	row, name := z.index.find(place.Key)
	if row == nil {
		z.unknown(place)
		return
	}
	if dynamic && !isDynamic(name) {
		z.wrong(place, "a dynamic configuration has servers, groups, weights and a version only")
		return
	}
	e := entry{place, value, row, name}
	if old, twice := z.said[name]; twice {
		z.warn(old.Place, "it is given again, and the last one counts: %v", e.Place)
		z.order = slices.DeleteFunc(z.order, func(o entry) bool { return o.name == name })
	}
	z.said[name] = e
	z.order = append(z.order, e)
}

// isDynamic tells whether a key may stand in a dynamic configuration.
func isDynamic(name string) bool {
	kind, _, _ := strings.Cut(name, ".")
	return kind == "server" || kind == "group" || kind == "weight" || kind == "version"
}

// unknown says what the key was most likely meant to be.
func (z *reader) unknown(place source.Place) {
	known := slices.Clone(z.index.keys)
	bare := strings.TrimPrefix(place.Key, "zookeeper.")
	if _, number, ok := strings.Cut(bare, "."); ok {
		known = append(known, "server."+number, "group."+number, "weight."+number)
	}
	if nearest := source.Nearest(bare, known); nearest != "" {
		z.warn(place, "ZooKeeper knows no such key, and it is passed over: is %s meant?", nearest)
		return
	}
	z.warn(place, "ZooKeeper knows no such key, and it is passed over")
}

// dynamic takes up the file that dynamicConfigFile names.
func (z *reader) dynamic() {
	e, ok := z.said["dynamicConfigFile"]
	if !ok || e.value == "" {
		return
	}
	for _, o := range z.order {
		if isDynamic(o.name) && o.name != "version" {
			z.wrong(o.Place, "it has to be in the file that dynamicConfigFile names, %s", e.value)
		}
	}
	z.load(e.value, e.Place)
}

// apply does what the row says.
func (z *reader) apply(e entry) {
	switch {
	case slices.Contains(e.row.harmless, strings.ToLower(e.value)):
	case e.row.Refused:
		z.wrong(e.Place, "%s", e.row.Why)
	case e.row.take != nil:
		e.row.take(z, e)
	case len(e.row.Settings) == 0 && e.row.warning:
		z.warn(e.Place, "it is not done: %s", e.row.Why)
	case len(e.row.Settings) == 0:
		z.note(e.Place, "it has no counterpart: %s", e.row.Why)
	}
}

// set notes where a setting stands.
func (z *reader) set(place source.Place, flags ...string) {
	for _, flag := range flags {
		z.Places[flag] = place
	}
}

// given tells whether a setting comes from elsewhere.
func (z *reader) given(flag string) bool {
	_, ok := z.in.Given[flag]
	return ok
}

func (z *reader) wrong(p source.Place, format string, args ...any) {
	z.problems = append(z.problems, &source.Problem{Place: p, Text: fmt.Sprintf(format, args...)})
}

func (z *reader) warn(p source.Place, format string, args ...any) {
	z.Notes = append(z.Notes, source.Note{Place: p, Text: fmt.Sprintf(format, args...), Warning: true})
}

func (z *reader) note(p source.Place, format string, args ...any) {
	z.Notes = append(z.Notes, source.Note{Place: p, Text: fmt.Sprintf(format, args...)})
}
