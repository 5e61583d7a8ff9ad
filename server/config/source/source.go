package source

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quorate/quorate/server/config"
)

// Place is where something stands.
type Place struct {
	// File is the file as it was named.
	File string
	// Line counts from 1; 0 is the file as a whole.
	Line int
	// Key is what stands there, as it is written; may be empty.
	Key string
}

// String returns file:line, and the key behind it.
func (p Place) String() string {
	s := p.File
	if p.Line > 0 {
		s = fmt.Sprintf("%s:%d", s, p.Line)
	}
	if p.Key != "" {
		s += ": " + p.Key
	}
	return s
}

// Note is something that whoever wrote the file should know. It is no reason not to go on.
type Note struct {
	Place
	// Text is a sentence without its subject, or a whole one if the place has no key.
	Text string
	// Warning says that something will not be as the file has it; otherwise it makes no difference to clients.
	Warning bool
}

// String returns place and text.
func (n Note) String() string { return n.Place.String() + ": " + n.Text }

// Problem is a reason not to go on.
type Problem struct {
	Place
	// Text is a sentence without its subject, or a whole one if the place has no key.
	Text string
}

// Error returns place and text.
func (p *Problem) Error() string { return p.Place.String() + ": " + p.Text }

// Reading is what a file says.
type Reading struct {
	// Config are the settings, [config.Config.Validate] not yet asked.
	Config config.Config
	// Places are where the settings stand that the file decides, by their flags. One that follows from others stands
	// where the first of those does, and one that the file leaves to its format's default is not among them.
	Places map[string]Place
	// Notes are in the order of the file.
	Notes []Note
}

// Explain adds to what Validate found wrong where in the file it stands. overridden tells which flags were given elsewhere.
func (r *Reading) Explain(err error, overridden func(flag string) bool) error {
	if err == nil {
		return nil
	}
	var all []error
	for _, e := range each(err) {
		var p *config.Problem
		if errors.As(e, &p) && !overridden(p.Setting) {
			if place, ok := r.Places[p.Setting]; ok {
				e = &Problem{place, p.Text}
			}
		}
		all = append(all, e)
	}
	return errors.Join(all...)
}

// each returns the errors that were joined.
func each(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return slices.Clone(joined.Unwrap())
	}
	return []error{err}
}
