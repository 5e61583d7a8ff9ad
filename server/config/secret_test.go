package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quorate/quorate/server/config"
)

// TestPeerSecretFile: a secret that others may read, or guess, is none.
func TestPeerSecretFile(t *testing.T) {
	const good = "0123456789abcdef"
	for name, tc := range map[string]struct {
		content string
		mode    os.FileMode
		secret  string // of what is taken
		refused string
	}{
		"as it should be":   {good, 0o600, good, ""},
		"read only":         {good, 0o400, good, ""},
		"line break":        {good + "\n", 0o600, good, ""},
		"DOS line break":    {good + "\r\n", 0o600, good, ""},
		"blanks count":      {" " + good + " ", 0o600, " " + good + " ", ""},
		"any bytes":         {"\x00\xff" + good, 0o600, "\x00\xff" + good, ""},
		"as long as may be": {strings.Repeat("x", 4096), 0o600, strings.Repeat("x", 4096), ""},
		"short":             {good[1:], 0o600, "", "must have 16 bytes"},
		"short, line break": {good[1:] + "\n", 0o600, "", "must have 16 bytes"},
		"empty":             {"", 0o600, "", "must have 16 bytes"},
		"long":              {strings.Repeat("x", 4097), 0o600, "", "to 4096"},
		"group may read":    {good, 0o640, "", "its mode is 0640: chmod 600 it"},
		"others may read":   {good, 0o604, "", "its mode is 0604"},
		"others may write":  {good, 0o602, "", "its mode is 0602"},
	} {
		t.Run(name, func(t *testing.T) {
			c := config.Config{PeerSecretFile: filepath.Join(t.TempDir(), "secret")}
			if err := os.WriteFile(c.PeerSecretFile, []byte(tc.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(c.PeerSecretFile, tc.mode); err != nil {
				t.Fatal(err)
			}
			got, err := c.PeerSecret()
			if string(got) != tc.secret || (err != nil) != (tc.refused != "") {
				t.Fatalf("got %q, %v", got, err)
			}
			if err != nil && (!strings.Contains(err.Error(), tc.refused) || !strings.Contains(err.Error(), c.PeerSecretFile)) {
				t.Errorf("%v; want it to name the file and say %q", err, tc.refused)
			}
			if err != nil && strings.Contains(err.Error(), good[1:]) {
				t.Errorf("the secret stands in the error: %v", err)
			}
		})
	}
}

func TestPeerSecretFileThatIsNone(t *testing.T) {
	if got, err := (&config.Config{}).PeerSecret(); got != nil || err != nil {
		t.Errorf("without a file: %q, %v", got, err)
	}
	for _, path := range []string{filepath.Join(t.TempDir(), "missing"), t.TempDir()} {
		c := config.Config{PeerSecretFile: path}
		if got, err := c.PeerSecret(); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
}
