package sasl

import (
	"crypto/md5" //nolint:gosec // the mechanism is defined on it
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

const hashSize = md5.Size

func hashOf(s string) [hashSize]byte { return md5.Sum([]byte(s)) } //nolint:gosec // see above

func hexOf(s string) string {
	h := hashOf(s)
	return hex.EncodeToString(h[:])
}

// response is what a client says.
type response struct {
	name, user string // as it stands in the token, and in UTF-8
	realm      string
	nonce      string
	cnonce     string
	count      string
	uri        string
	response   string
	authzid    string
}

// proof is what proves that somebody knows the secret (RFC 2831, 2.1.2.1): the client with the method AUTHENTICATE, the server with none.
func (r response) proof(secret [hashSize]byte, method string) string {
	a1 := string(secret[:]) + ":" + r.nonce + ":" + r.cnonce
	if r.authzid != "" {
		a1 += ":" + r.authzid
	}
	a2 := method + ":" + r.uri
	return hexOf(hexOf(a1) + ":" + r.nonce + ":" + r.count + ":" + r.cnonce + ":auth:" + hexOf(a2))
}

// toLatin returns a string in ISO 8859-1 if that has all its characters, else as it is: so names and passwords are hashed.
func toLatin(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r > 0xff || r == utf8.RuneError {
			return s
		}
		b.WriteByte(byte(r))
	}
	return b.String()
}

// fromLatin returns in UTF-8 what is in ISO 8859-1.
func fromLatin(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

// parse reads directives, name=value between commas, with values that are tokens or quoted strings (RFC 2831, 7.1). Each stands there once.
func parse(s string) (map[string]string, bool) {
	all := map[string]string{}
	for s = strings.Trim(s, separators); s != ""; s = strings.TrimLeft(s, separators) {
		name, rest, ok := strings.Cut(s, "=")
		if !ok {
			return nil, false
		}
		name = strings.ToLower(strings.TrimRight(name, spaces))
		value, rest, ok := readValue(strings.TrimLeft(rest, spaces))
		if _, twice := all[name]; !ok || twice || name == "" {
			return nil, false
		}
		if rest = strings.TrimLeft(rest, spaces); rest != "" && rest[0] != ',' {
			return nil, false
		}
		all[name], s = value, rest
	}
	return all, true
}

const (
	spaces     = " \t\r\n"
	separators = spaces + ","
)

// readValue reads a value, and returns what stands behind it.
func readValue(s string) (value, rest string, ok bool) {
	if s == "" || s[0] != '"' {
		end := strings.IndexAny(s, separators)
		if end < 0 {
			end = len(s)
		}
		return s[:end], s[end:], end > 0
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}
