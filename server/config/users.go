package config

import (
	"fmt"
	"strings"
)

// maxUsers bounds SASLUsersFile in bytes.
const maxUsers = 1 << 20

// SASLUsers reads SASLUsersFile: the passwords by the names of the users; nil if no file is set. A line is user:password, the
// password all that stands behind the first colon; empty lines and lines that begin with # are passed over. The errors are sentences
// that name file and line, and never show a password.
func (c *Config) SASLUsers() (map[string]string, error) {
	if c.SASLUsersFile == "" {
		return nil, nil
	}
	b, err := readPrivate("sasl-users-file", c.SASLUsersFile, maxUsers)
	if err != nil {
		return nil, err
	}
	if len(b) > maxUsers {
		return nil, fmt.Errorf("--sasl-users-file: %s has more than %d bytes", c.SASLUsersFile, maxUsers)
	}
	users, line := map[string]string{}, 0
	for text := range strings.Lines(string(b)) {
		line++
		text = strings.TrimRight(text, "\r\n")
		if strings.TrimSpace(text) == "" || strings.HasPrefix(text, "#") {
			continue
		}
		user, password, ok := strings.Cut(text, ":")
		if !ok || user == "" || password == "" {
			return nil, fmt.Errorf("--sasl-users-file: %s:%d: want user:password", c.SASLUsersFile, line)
		}
		if _, twice := users[user]; twice {
			return nil, fmt.Errorf("--sasl-users-file: %s:%d: %q has a password already", c.SASLUsersFile, line, user)
		}
		users[user] = password
	}
	if len(users) == 0 {
		return nil, fmt.Errorf("--sasl-users-file: %s names no user", c.SASLUsersFile)
	}
	return users, nil
}
