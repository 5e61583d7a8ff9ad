package sasl

import (
	"maps"
	"testing"
)

// TestProof has the examples of RFC 2831, 4.
func TestProof(t *testing.T) {
	for name, c := range map[string]struct {
		r             response
		client, proof string
	}{
		"IMAP": {
			response{nonce: "OA6MG9tEQGm2hh", cnonce: "OA6MHXh6VqTrRk", count: "00000001", uri: "imap/elwood.innosoft.com"},
			"d388dad90d4bbd760a152321f2143af7", "ea40f60335c427b5527b84dbabcdfffd",
		},
		"ACAP": {
			response{nonce: "OA9BSXrbuRhWay", cnonce: "OA9BSuZWMSpW8m", count: "00000001", uri: "acap/elwood.innosoft.com"},
			"6084c6db3fede7352c551284490fd0fc", "2f0b3d7c3c2e486600ef710726aa2eae",
		},
	} {
		secret := hashOf("chris:elwood.innosoft.com:secret")
		if got := c.r.proof(secret, "AUTHENTICATE"); got != c.client {
			t.Errorf("%s: the client says %s, want %s", name, got, c.client)
		}
		if got := c.r.proof(secret, ""); got != c.proof {
			t.Errorf("%s: the server says %s, want %s", name, got, c.proof)
		}
	}
}

func TestParse(t *testing.T) {
	for s, want := range map[string]map[string]string{
		"":                         {},
		"a=b":                      {"a": "b"},
		` , A = "b c" ,, d=e,`:     {"a": "b c", "d": "e"},
		`a="x\"y\\z",b="",c=1`:     {"a": `x"y\z`, "b": "", "c": "1"},
		"a=b=c":                    {"a": "b=c"},
		"a":                        nil,
		"=b":                       nil,
		"a=":                       nil,
		"a=,b=c":                   nil,
		`a="b" c`:                  nil,
		`a=b c=d`:                  nil,
		`a="`:                      nil,
		`a="\`:                     nil,
		"a=b,a=c":                  nil,
		"\x00=\xff, \xfe=\"\xfd\"": {"\x00": "\xff", "\ufffd": "\xfd"},
	} {
		got, ok := parse(s)
		if ok != (want != nil) || ok && !maps.Equal(got, want) {
			t.Errorf("%q: %q, %v", s, got, ok)
		}
	}
}

func TestLatin(t *testing.T) {
	for s, want := range map[string]string{"abc": "abc", "größe": "gr\xf6\xdfe", "ÿ": "\xff", "Ā": "Ā", "日本": "日本", "": ""} {
		got := toLatin(s)
		if got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
		if back := fromLatin(got); want != s && back != s {
			t.Errorf("%q: comes back as %q", s, back)
		}
	}
}
