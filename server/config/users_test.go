package config_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quorate/quorate/server/config"
)

// TestSASLUsersFile: what is wrong is told by its line, and no password in it.
func TestSASLUsersFile(t *testing.T) {
	for name, tc := range map[string]struct {
		content string
		mode    os.FileMode
		users   map[string]string
		refused string
	}{
		"two":                {"alice:wonder\nbob:build:er\n", 0o600, map[string]string{"alice": "wonder", "bob": "build:er"}, ""},
		"comments and blank": {"# who\n\n  \r\nalice: wonder \r\n", 0o400, map[string]string{"alice": " wonder "}, ""},
		"no colon":           {"alice:wonder\nwonder\n", 0o600, nil, "users:2: want user:password"},
		"no user":            {":wonder", 0o600, nil, "users:1: want user:password"},
		"no password":        {"alice:\n", 0o600, nil, "users:1: want user:password"},
		"twice":              {"alice:wonder\nalice:other\n", 0o600, nil, `users:2: "alice" has a password already`},
		"nobody":             {"# nobody\n", 0o600, nil, "names no user"},
		"too long":           {"alice:wonder\n" + strings.Repeat("#", 1<<20), 0o600, nil, "has more than"},
		"others may read":    {"alice:wonder\n", 0o644, nil, "chmod 600 it"},
	} {
		t.Run(name, func(t *testing.T) {
			c := config.Config{SASLUsersFile: filepath.Join(t.TempDir(), "users")}
			if err := os.WriteFile(c.SASLUsersFile, []byte(tc.content), tc.mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(c.SASLUsersFile, tc.mode); err != nil {
				t.Fatal(err)
			}
			got, err := c.SASLUsers()
			if !maps.Equal(got, tc.users) || (err != nil) != (tc.refused != "") {
				t.Fatalf("got %q, %v", got, err)
			}
			if err != nil && (!strings.Contains(err.Error(), tc.refused) || strings.Contains(err.Error(), "wonder")) {
				t.Errorf("%v; want %q, and no password", err, tc.refused)
			}
		})
	}
	if got, err := (&config.Config{}).SASLUsers(); got != nil || err != nil {
		t.Errorf("without a file: %q, %v", got, err)
	}
}
