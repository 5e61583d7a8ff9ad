package golden

import (
	"os"
	"testing"
)

// Check fails t if got is not what file holds. With rewrite (the test's own -rewrite
// flag) it writes the file instead: read the diff before you commit it.
func Check(t testing.TB, rewrite bool, file, got string) {
	t.Helper()
	if rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: not as it was; run the test with -rewrite and read the diff. Got:\n%s", file, got)
	}
}
