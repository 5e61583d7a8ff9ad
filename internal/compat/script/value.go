package script

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/quorate/quorate/internal/compat/wire"
)

// permissions are the bits of an ACL's permissions by their letters.
var permissions = map[byte]int32{'r': 1, 'w': 2, 'c': 4, 'd': 8, 'a': 16}

// writer writes fields; it knows the names of zxids and sessions.
type writer struct {
	names *names
	out   wire.Packet
}

// field writes one field of a kind: i int, l long, z boolean, s string, b buffer, a ACLs, S strings, x hex.
func (w *writer) field(kind byte, t token) error {
	if length, ok := lengthOnly(t); ok && strings.IndexByte("sbaS", kind) >= 0 {
		w.out = w.out.Int(length)
		return nil
	}
	switch kind {
	case 'i', 'l', 'z':
		return w.number(kind, t)
	case 's', 'b':
		w.out = w.out.String(expand(t))
	case 'S':
		return w.vector(t, w.element)
	case 'a':
		if t.text == "open" {
			t.text = "[cdrwa:world:anyone]"
		}
		return w.vector(t, w.acl)
	case 'x':
		raw, err := hex.DecodeString(t.text)
		if err != nil {
			return err
		}
		w.out = append(w.out, raw...)
	default:
		return fmt.Errorf("%q is no kind of field", kind)
	}
	return nil
}

// expand returns what long(1000) stands for: so many letters x.
func expand(t token) string {
	var n int
	if _, err := fmt.Sscanf(t.text, "long(%d)", &n); err != nil || t.quoted {
		return t.text
	}
	return strings.Repeat("x", n)
}

// lengthOnly tells whether a length stands in a field's place, with nothing behind it: null or len(-7).
func lengthOnly(t token) (int32, bool) {
	if t.quoted {
		return 0, false
	}
	if t.text == "null" {
		return -1, true
	}
	inner, ok := strings.CutPrefix(t.text, "len(")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(inner, ")"), 10, 32)
	return int32(n), err == nil
}

func (w *writer) number(kind byte, t token) error {
	n, err := w.names.number(t.text)
	if err != nil {
		return err
	}
	switch kind {
	case 'i':
		w.out = w.out.Int(int32(n))
	case 'l':
		w.out = w.out.Long(n)
	default:
		w.out = w.out.Byte(byte(n))
	}
	return nil
}

// vector writes [a,b,…].
func (w *writer) vector(t token, element func(string) error) error {
	inner, ok := strings.CutPrefix(t.text, "[")
	if !ok || !strings.HasSuffix(inner, "]") {
		return fmt.Errorf("%s: a list is written [a,b]", t.text)
	}
	inner = strings.TrimSuffix(inner, "]")
	if inner == "" {
		w.out = w.out.Int(0)
		return nil
	}
	parts := strings.Split(inner, ",")
	w.out = w.out.Int(int32(len(parts)))
	for _, p := range parts {
		if err := element(p); err != nil {
			return err
		}
	}
	return nil
}

// element writes a string of a vector; null is one that is not there.
func (w *writer) element(text string) error {
	switch {
	case text == "null":
		w.out = w.out.Null()
	case strings.HasPrefix(text, `"`):
		plain, err := unquote(text)
		if err != nil {
			return err
		}
		w.out = w.out.String(plain)
	default:
		w.out = w.out.String(text)
	}
	return nil
}

// acl writes permissions:scheme:id, the permissions by their letters or as a number.
func (w *writer) acl(text string) error {
	parts := strings.SplitN(text, ":", 3)
	if len(parts) != 3 {
		return fmt.Errorf("%s: an ACL is written permissions:scheme:id", text)
	}
	perms, err := strconv.ParseInt(parts[0], 0, 32)
	if err != nil {
		for _, c := range []byte(parts[0]) {
			if permissions[c] == 0 {
				return fmt.Errorf("%s: %q is no permission", text, c)
			}
			perms |= int64(permissions[c])
		}
	}
	w.out = w.out.Int(int32(perms))
	if err := w.element(parts[1]); err != nil {
		return err
	}
	return w.element(parts[2])
}

// unquote reads a string in quotes.
func unquote(s string) (string, error) {
	text, err := strconv.Unquote(s)
	if err != nil {
		return "", fmt.Errorf("%s: %w", s, err)
	}
	return text, nil
}
