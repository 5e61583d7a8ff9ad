package identity

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/quorate/quorate/store/fault"
	"github.com/quorate/quorate/store/tree"
)

// TestIdentitiesAreUTF8: a name that is not would make a txn that no server can
// decode, and so a log that cannot be opened.
func TestIdentitiesAreUTF8(t *testing.T) {
	if id, err := NewProver("").Prove("digest", "caf\xe9:secret"); fault.Of(err) != fault.AuthFailed {
		t.Errorf("a claim in Latin-1 gives %q", id)
	}
	long := strings.Repeat("é", maxAuthor) // two bytes each: the bound falls within one if it is odd
	for _, user := range []string{long, "x" + long} {
		author := Author(tree.Caller{{Scheme: "digest", ID: user + ":hash"}})
		if !utf8.ValidString(author) || len(author) > maxAuthor+len("digest:") {
			t.Errorf("author of %d bytes, UTF-8: %v", len(author), utf8.ValidString(author))
		}
	}
}
